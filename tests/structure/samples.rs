//! The checker on sources made up for it: each rule says no to what it forbids, and to nothing else.

use super::rules::{findings, idle_exceptions};
use super::tree::Tree;

/// Paths and texts; each text gets the module doc that another rule asks for.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    found_as_written(&files.iter().map(|(path, text)| (*path, format!("//! Doc.\n{text}"))).collect::<Vec<_>>())
}

fn found_as_written(files: &[(&str, String)]) -> Vec<String> {
    findings(&Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect()))
}

const LIB: (&str, &str) =
    ("src/lib.rs", "pub mod app; pub mod cli; pub mod domain; pub mod git; pub mod ports; pub mod stores;");
const STORES: (&str, &str) = ("src/stores/mod.rs", "pub mod age; pub mod vault; pub mod payload; pub mod layout;");

#[track_caller]
fn refuses(path: &str, text: &str, what: &str) {
    let found = found(&[LIB, STORES, (path, text)]);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    assert!(found[0].starts_with(path) && found[0].ends_with(what), "{}", found[0]);
}

#[track_caller]
fn accepts(path: &str, text: &str) {
    assert_eq!(found(&[LIB, STORES, (path, text)]), Vec::<String>::new(), "{text}");
}

#[test]
fn a_layer_may_name_what_is_below_it() {
    accepts("src/app/pull.rs", "use crate::ports::Clock; use crate::{app::plan, domain::key::Key};");
    accepts("src/git/hooks/mod.rs", "use super::super::ports::Failure; use super::Repository; use crate::git::open;");
    accepts("src/domain/key.rs", "pub(in crate::domain) struct Key; use std::fmt; fn git() { let cli = 1; }");
    accepts("src/cli/commands/pull.rs", "use crate::{app, git, stores::payload};");
    accepts("src/main.rs", "fn main() { envsync::cli::main() }");
}

#[test]
fn a_layer_must_not_name_what_is_above_or_beside_it() {
    refuses("src/domain/key.rs", "use crate::ports::Clock;", "2: domain must not know of ports");
    refuses("src/ports/mod.rs", "fn f(_: crate::app::Done) {}", "ports must not know of app");
    refuses("src/app/pull.rs", "\nuse crate::{domain::key, git::{self, Head}};", "3: app must not know of git");
    refuses("src/git/mod.rs", "use crate::stores::payload::Listed;", "git must not know of stores");
    refuses("src/state/mod.rs", "use crate::cli;", "state must not know of cli");
    refuses("src/main.rs", "fn main() { envsync::app::run() }", "main.rs must not know of app");
}

#[test]
fn no_spelling_hides_an_import() {
    refuses("src/domain/a.rs", "use super::super::git::open;", "domain must not know of git");
    refuses("src/domain/a.rs", "mod inner { use super::super::super::git::open; }", "domain must not know of git");
    refuses("src/domain/a.rs", "use crate::{self as all, git as other};", "domain must not know of git");
    refuses("src/domain/a.rs", "use crate::*;", "domain must not know of *");
    refuses("src/domain/a.rs", "use crate::{*};", "domain must not know of *");
    refuses(
        "src/domain/a.rs",
        "fn f() { assert!(Vec::<crate::git::Head>::new().is_empty()); }",
        "domain must not know of git",
    );
    refuses("src/domain/a.rs", "#[cfg(test)] mod tests { use crate::git; }", "domain must not know of git");
}

#[test]
fn words_in_comments_and_strings_are_no_code() {
    accepts(
        "src/domain/a.rs",
        "/// As crate::git does.\n/* println!() */ const A: &str = \"crate::git\"; const B: &str = r#\"println!()\"#;",
    );
}

#[test]
fn only_the_wiring_and_its_own_folder_name_a_store() {
    accepts("src/cli/wiring.rs", "use crate::stores::{age::AgeStore, vault};");
    accepts("src/cli/wiring/stores.rs", "use crate::stores::vault;");
    accepts("src/stores/age/files.rs", "use crate::stores::age::names; use super::super::payload::Listed;");
    refuses("src/cli/commands/pull.rs", "use crate::stores::age::AgeStore;", "names age");
    refuses("src/stores/layout/json.rs", "use super::super::vault::Client;", "names vault");
    refuses("src/stores/vault/mod.rs", "use crate::stores::{age, payload};", "names age");
    refuses("src/stores/tests.rs", "use super::vault::Client;", "names vault");
}

#[test]
fn an_exception_is_idle_until_its_file_uses_it() {
    let tree = |text: &str| Tree::of(vec![("src/cli/commands/trust.rs".to_owned(), text.to_owned())]);
    let is_idle = |text| idle_exceptions(&tree(text)).iter().any(|line| line.contains("commands/trust.rs"));
    assert!(is_idle("use crate::stores::payload::Listed; // crate::stores::age"));
    assert!(!is_idle("use crate::stores::{age::RECIPIENTS, payload};"));
}

#[test]
fn only_the_user_interface_prints() {
    accepts("src/cli/ui.rs", "fn f() { println!(); }");
    accepts("src/cli/ui/colour.rs", "use std::io::stdout;");
    accepts("src/app/pull.rs", "fn print() { print(); command.stdout(Stdio::null()); } use std::io::Write;");
    for text in ["println!()", "eprintln!(\"x\")", "print!(\"x\")", "std::eprint!(\"x\")", "dbg!(x)"] {
        let found = found(&[("src/cli/render.rs", &format!("fn f() {{ {text}; }}"))]);
        assert!(matches!(&found[..], [one] if one.contains("only src/cli/ui prints")), "{text}: {found:?}");
    }
    refuses("src/git/open.rs", "fn f() { writeln!(std::io::stdout(), \"x\"); }", "uses stdout");
    refuses("src/git/open.rs", "use std::io::{self, Write}; fn f() { io::stderr(); }", "uses stderr");
    refuses("src/git/open.rs", "use std::{fmt, io::{Write, stdout}};", "uses stdout");
}

#[test]
fn domain_and_app_read_no_clock_no_chance_and_no_environment() {
    accepts("src/git/open.rs", "use std::env; use std::time::SystemTime;");
    accepts("src/domain/a.rs", "use std::time::Duration; use crate::domain::env;");
    refuses("src/domain/a.rs", "fn f() { std::env::var(\"HOME\"); }", "uses env");
    refuses("src/app/a.rs", "use std::{env, fmt};", "uses env");
    refuses("src/app/a.rs", "use std::time::{Duration, SystemTime};", "uses SystemTime");
    refuses("src/domain/a.rs", "fn f() { time::Instant::now(); }", "uses Instant");
    refuses("src/domain/a.rs", "fn f() { getrandom::fill(&mut []); }", "uses getrandom");
    refuses("src/domain/a.rs", "use std::fs::File;", "uses fs");
}

#[test]
fn tests_may_print_and_look_at_the_clock() {
    const USE: &str = "fn f() { println!(); let _ = std::time::Instant::now(); }";
    accepts("src/domain/a.rs", &format!("#[cfg(test)]\n#[allow(unused)]\nmod tests {{ {USE} }}"));
    accepts("src/domain/a.rs", &format!("#[cfg(all(test, unix))] {USE}"));
    accepts("src/domain/a.rs", &format!("#![cfg(test)] {USE}"));
    let declared = ("src/domain/mod.rs", "mod a; #[cfg(test)] mod properties;");
    assert_eq!(found(&[declared, ("src/domain/properties.rs", USE)]), Vec::<String>::new());
    assert_eq!(found(&[declared, ("src/domain/properties/more.rs", USE)]), Vec::<String>::new());
    assert_eq!(found(&[declared, ("src/domain/a.rs", USE)]).len(), 2);
}

#[test]
fn what_is_not_only_for_tests_is_the_program() {
    refuses("src/domain/a.rs", "#[cfg(any(test, unix))] fn f() { println!(); }", "uses println");
    refuses("src/domain/a.rs", "#[cfg(not(test))] fn f() { println!(); }", "uses println");
    refuses("src/domain/a.rs", "#[cfg(test)] use a::b; fn f() { println!(); }", "uses println");
    refuses("src/domain/a.rs", "#[cfg(test)] fn f() {} fn g() { println!(); }", "uses println");
}

#[test]
fn a_file_has_a_doc_a_layer_and_an_end() {
    let long = |lines: usize| format!("//! Doc.\n{}", "\n".repeat(lines - 1));
    assert_eq!(found_as_written(&[("src/domain/a.rs", long(500))]), Vec::<String>::new());
    assert_eq!(
        found_as_written(&[("src/domain/a.rs", long(501))]),
        ["src/domain/a.rs: 501 lines, 500 is the most: split it by topic"]
    );
    assert_eq!(
        found_as_written(&[("src/domain/a.rs", "use std::fmt;\n".to_owned())]),
        ["src/domain/a.rs: begins without a module doc (//!)"]
    );
    assert!(found(&[("src/helpers/a.rs", "")])[0].contains("helpers is no layer"));
}
