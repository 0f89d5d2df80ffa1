//! The rules. Each looks at one file and says what is wrong with it, in one line a finding.

use super::mentions::{Kind, Mention, Scope};
use super::tree::{File, Tree};

/// What the files of a layer may name besides their own layer. `cli` and `lib.rs` may name everything.
pub(super) const LAYERS: &[(&str, &[&str])] = &[
    ("main.rs", &["cli"]),
    ("app", &["ports", "domain"]),
    ("stores", &["ports", "domain"]),
    ("git", &["ports", "domain"]),
    ("files", &["ports", "domain"]),
    ("state", &["ports", "domain"]),
    ("config", &["ports", "domain"]),
    ("ports", &["domain"]),
    ("domain", &[]),
];
const ABOVE_ALL: [&str; 2] = ["cli", "lib.rs"];

/// What all stores are made of. Any other module in `stores` is one store, which only the wiring may choose.
const SHARED_BY_STORES: [&str; 5] = ["payload", "layout", "layers", "net", "aws"];
const WIRING: [&str; 2] = ["cli", "wiring"];

/// Files outside the wiring that may name a store, because what they do exists in that store only: recipients and the
/// drivers of age files.
const ABOUT_ONE_STORE: [(&str, &str); 4] = [
    ("src/cli/commands/drivers.rs", "age"),
    ("src/cli/commands/recipients.rs", "age"),
    ("src/cli/commands/setup.rs", "age"),
    ("src/cli/commands/trust.rs", "age"),
];

/// Layers that are the same in every run: what they cannot compute comes in through a port.
const REPEATABLE: [&str; 2] = ["domain", "app"];
const OUTSIDE_WORLD: [&str; 5] = ["env", "fs", "net", "process", "thread"];
const CHANCE_AND_TIME: [&str; 4] = ["SystemTime", "Instant", "getrandom", "rand"];

const PRINTING: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];
const STREAMS: [&str; 4] = ["stdout", "stderr", "Stdout", "Stderr"];
const PRINTS: [&str; 2] = ["cli", "ui"];

const MOST_LINES: usize = 500;

type Rule = fn(&Tree, &File, &Mention) -> Option<String>;
const RULES: [Rule; 4] = [imports, stores, printing, repeatable];

/// Everything that is wrong with the sources, as `path:line: what`.
pub(super) fn findings(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.files() {
        findings.extend(form(file));
        for mention in &file.mentions {
            let wrong = RULES.iter().filter_map(|rule| rule(tree, file, mention));
            findings.extend(wrong.map(|what| format!("{}:{}: {what}", file.path, mention.line)));
        }
    }
    // Several names in one `use` are wrong once.
    findings.dedup();
    findings
}

/// Exceptions that no file makes use of any more.
pub(super) fn idle_exceptions(tree: &Tree) -> Vec<String> {
    let needs = |path: &str, store: &str| {
        let mut files = tree.files().iter().filter(|file| file.path == path);
        let names = |target: Vec<String>| target.iter().map(String::as_str).take(2).eq(["stores", store]);
        files.any(|file| file.mentions.iter().filter_map(|mention| tree.resolve(mention)).any(names))
    };
    let idle = ABOUT_ONE_STORE.iter().filter(|(path, store)| !needs(path, store));
    idle.map(|(path, store)| format!("{path} does not name {store} any more: take its exception out")).collect()
}

/// Tests too: what needs two layers is tested in `tests/`.
fn imports(tree: &Tree, file: &File, mention: &Mention) -> Option<String> {
    let (own, allowed) = LAYERS.iter().find(|(layer, _)| *layer == file.layer())?;
    let target = tree.resolve(mention)?;
    let target = target.first()?.as_str();
    let is_layer = target == "*" || ABOVE_ALL.contains(&target) || LAYERS.iter().any(|(layer, _)| *layer == target);
    let is_wrong = is_layer && target != *own && !allowed.contains(&target);
    is_wrong.then(|| format!("{own} must not know of {target}"))
}

fn stores(tree: &Tree, file: &File, mention: &Mention) -> Option<String> {
    let target = tree.resolve(mention)?;
    let ["stores", store, ..] = target.iter().map(String::as_str).collect::<Vec<_>>()[..] else { return None };
    let is_concrete = tree.children("stores").contains(store) && !SHARED_BY_STORES.contains(&store);
    let may = is_in(file, &["stores", store]) || is_in(file, &WIRING) || ABOUT_ONE_STORE.contains(&(&file.path, store));
    (is_concrete && !may).then(|| format!("only the wiring chooses a store, and this names {store}"))
}

fn printing(_: &Tree, file: &File, mention: &Mention) -> Option<String> {
    if mention.scope == Scope::Tests || is_in(file, &PRINTS) {
        return None;
    }
    let name = mention.segments.last()?.as_str();
    let prints = mention.kind == Kind::Macro && PRINTING.contains(&name);
    let opens = mention.segments.windows(2).any(|pair| pair[0] == "io" && STREAMS.contains(&pair[1].as_str()));
    (prints || opens).then(|| format!("only src/cli/ui prints, and this uses {name}"))
}

fn repeatable(_: &Tree, file: &File, mention: &Mention) -> Option<String> {
    if mention.scope == Scope::Tests || !REPEATABLE.contains(&file.layer()) {
        return None;
    }
    let outside =
        mention.segments.windows(2).find(|pair| pair[0] == "std" && OUTSIDE_WORLD.contains(&pair[1].as_str()));
    let chance = mention.segments.iter().find(|segment| CHANCE_AND_TIME.contains(&segment.as_str()));
    let name = outside.map(|pair| &pair[1]).or(chance)?;
    Some(format!("{} must be repeatable, and this uses {name}", file.layer()))
}

/// What can be said of a file as a whole.
fn form(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let layer = file.layer();
    if !ABOVE_ALL.contains(&layer) && !LAYERS.iter().any(|(known, _)| *known == layer) {
        findings.push(format!("{}: {layer} is no layer: give it its rules in tests/structure/rules.rs", file.path));
    }
    // The tests of a module, in a file of their own, are described by the module.
    if file.scope == Scope::Program && !file.text.starts_with("//!") {
        findings.push(format!("{}: begins without a module doc (//!)", file.path));
    }
    let lines = file.text.lines().count();
    if lines > MOST_LINES {
        findings.push(format!("{}: {lines} lines, {MOST_LINES} is the most: split it by topic", file.path));
    }
    findings
}

fn is_in(file: &File, module: &[&str]) -> bool {
    file.module.iter().map(String::as_str).take(module.len()).eq(module.iter().copied())
}
