//! Help: every page fits a terminal, and says the common options once.

use crate::support::{Lab, PROGRAM};

const COMMANDS: [&str; 28] = [
    "init",
    "install",
    "uninstall",
    "trust",
    "which",
    "status",
    "diff",
    "fetch",
    "pull",
    "push",
    "sync",
    "use",
    "restore",
    "resolve",
    "undo",
    "run",
    "list",
    "get",
    "set",
    "unset",
    "export",
    "import",
    "verify",
    "key",
    "recipient",
    "rekey",
    "demo",
    "help",
];

fn help(arguments: &[&str]) -> String {
    let lab = Lab::new();
    lab.person("reader").command(PROGRAM, lab.path(), arguments).run().ok().stdout
}

#[test]
fn every_page_of_help_fits_eighty_columns_and_lists_common_options_once() {
    let listed = help(&["-h"]);
    for command in COMMANDS {
        assert!(listed.contains(&format!("\n  {command} ")), "{command} is not listed");
    }
    let pages = COMMANDS.iter().filter(|command| **command != "help").map(|command| help(&[command, "-h"]));
    for page in pages.chain([listed]) {
        for line in page.lines() {
            assert!(line.chars().count() <= 80, "too long: {line}");
        }
        assert_eq!(page.matches("Common options:").count(), 1, "{page}");
        assert_eq!(page.matches("--non-interactive").count(), 1, "{page}");
    }
}

#[test]
fn the_three_ways_to_ask_for_help_give_the_same_page() {
    for command in ["pull", "sync", "diff", "recipient"] {
        let page = help(&[command, "-h"]);
        assert_eq!(help(&[command, "--help"]), page);
        assert_eq!(help(&["help", command]), page);
    }
    assert_eq!(help(&["--help"]), help(&["-h"]));
}

#[test]
fn values_of_flags_are_named_where_the_flag_is_explained() {
    let page = help(&["sync", "-h"]);
    for named in ["local, remote, ask, stop", "both, to-remote, to-local", "auto, always, never", "table, json"] {
        assert!(page.contains(named), "{named} is missing in\n{page}");
    }
}

#[test]
fn a_wrong_flag_value_names_the_right_ones() {
    let lab = Lab::new();
    let run = lab.person("reader").command(PROGRAM, lab.path(), ["pull", "--prefer", "mine"]).run().ends(2);
    run.says("local, remote, ask, stop");
}
