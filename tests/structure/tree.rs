//! The source files, each with its place among the modules. Knows no rule.

use super::mentions::{Mention, Scope, read};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names from the root of the crate down: `["git", "hooks"]`.
pub(super) type ModulePath = Vec<String>;

/// Every source file of the program.
pub(super) struct Tree {
    files: Vec<File>,
    modules: BTreeSet<ModulePath>,
}

/// One source file and what it names.
pub(super) struct File {
    /// From the top of the repository, with `/`: `src/git/hooks/mod.rs`.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) module: ModulePath,
    /// Whether it is compiled into tests only.
    pub(super) scope: Scope,
    pub(super) mentions: Vec<Mention>,
}

impl Tree {
    /// Reads `src/` below `top`.
    pub(super) fn read(top: &Path) -> Self {
        let mut texts = Vec::new();
        collect(top, "src", &mut texts);
        Self::of(texts)
    }

    /// The tree of these files: paths and texts.
    pub(super) fn of(texts: Vec<(String, String)>) -> Self {
        let read: Vec<_> = texts
            .into_iter()
            .map(|(path, text)| {
                let module = module_of(&path);
                let (mentions, declarations) = read(&text, &module).unwrap_or_else(|| panic!("{path} is not Rust"));
                (File { path, text, module, scope: Scope::Program, mentions }, declarations)
            })
            .collect();
        let (modules, tests): (BTreeSet<_>, Vec<_>) = {
            let all = || read.iter().flat_map(|(_, declarations)| declarations);
            let of_tests = all().filter(|declared| declared.scope == Scope::Tests);
            (all().map(|declared| declared.module.clone()).collect(), of_tests.map(|it| it.module.clone()).collect())
        };
        let mut files: Vec<File> = read.into_iter().map(|(file, _)| file).collect();
        for file in &mut files {
            if tests.iter().any(|module| file.module.starts_with(module)) {
                file.scope = Scope::Tests;
                file.mentions.iter_mut().for_each(|mention| mention.scope = Scope::Tests);
            }
        }
        Self { files, modules }
    }

    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// What a mention stands for, from the root of the crate: `None` for a word alone
    /// and for what another crate or a `use` provides.
    pub(super) fn resolve(&self, mention: &Mention) -> Option<ModulePath> {
        let (first, rest) = mention.segments.split_first()?;
        if rest.is_empty() {
            return None;
        }
        let mut absolute = match first.as_str() {
            "crate" | "envsync" => Vec::new(),
            "self" => mention.module.clone(),
            "super" => parent(&mention.module),
            child => {
                let path = [mention.module.as_slice(), &[child.to_owned()]].concat();
                self.modules.contains(&path).then_some(path)?
            }
        };
        for segment in rest {
            match segment.as_str() {
                "super" => absolute = parent(&absolute),
                "self" => {}
                name => absolute.push(name.to_owned()),
            }
        }
        Some(absolute)
    }

    /// The modules directly below this one.
    pub(super) fn children(&self, module: &str) -> BTreeSet<&str> {
        let below = self.modules.iter().filter(|path| path.len() == 2 && path[0] == module);
        below.map(|path| path[1].as_str()).collect()
    }
}

impl File {
    /// The folder directly below `src`, or the name of a file that is there.
    pub(super) fn layer(&self) -> &str {
        let inside = self.path.strip_prefix("src/").expect("all are below src");
        inside.split_once('/').map_or(inside, |(folder, _)| folder)
    }
}

fn collect(top: &Path, folder: &str, texts: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(top.join(folder)).expect("a readable folder");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("a readable folder")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("a source file has a plain name"));
        if entry.path().is_dir() {
            collect(top, &path, texts);
        } else if path.ends_with(".rs") {
            texts.push((path, fs::read_to_string(entry.path()).expect("a source file is text")));
        }
    }
}

fn module_of(path: &str) -> ModulePath {
    let inside = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")).expect("a source file");
    let mut module: ModulePath = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") || inside == "lib" || inside == "main" {
        module.pop();
    }
    module
}

fn parent(module: &[String]) -> ModulePath {
    module.split_last().map_or_else(Vec::new, |(_, above)| above.to_vec())
}
