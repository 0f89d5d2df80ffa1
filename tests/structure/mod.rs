//! The shape of the program, read from its sources: who may name whom, who may print, what stays pure, how long a file is.
//!
//! `tree` reads `src/`, `mentions` says what each file names, `rules` judges, `samples` proves that the judge can say no.
//! Names are read as the compiler's tokens, so neither a comment nor a string is taken for code; what a macro makes of
//! its tokens is not seen.

mod mentions;
mod rules;
mod samples;
mod tree;

use rules::{LAYERS, findings, idle_exceptions};
use std::path::Path;
use tree::Tree;

fn sources() -> Tree {
    Tree::read(Path::new(env!("CARGO_MANIFEST_DIR")))
}

#[test]
fn the_sources_keep_the_shape_of_the_program() {
    let findings = findings(&sources());
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn every_exception_is_needed() {
    assert_eq!(idle_exceptions(&sources()), Vec::<String>::new());
}

/// Else a renamed folder would leave its rules with nothing to judge.
#[test]
fn every_layer_has_sources() {
    let tree = sources();
    for (layer, _) in LAYERS {
        assert!(tree.files().iter().any(|file| file.layer() == *layer), "src/{layer}");
    }
}
