//! `envsync.*` of all scopes, as git itself would order them.

use super::sandbox::{WorkTree, sandboxed, sandboxed_with};
use envsync::git::Repository;

/// What `git config` says, in the same form.
fn by_git(tree: &WorkTree) -> Vec<(String, String)> {
    let list = std::process::Command::new("git")
        .current_dir(&tree.top)
        .args(["config", "-z", "--get-regexp", "^envsync\\."])
        .output()
        .unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    let entry = |record: &str| match record.split_once('\n') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (record.to_owned(), "true".to_owned()),
    };
    text.split_terminator('\0').map(entry).collect()
}

#[test]
fn files_come_in_gits_order_and_form() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        tree.git(&["config", "--global", "Envsync.onConflict", "stop"]);
        tree.git(&["config", "--global", "envsync.store.My.Store.region", "eu"]);
        tree.git(&["config", "envsync.onConflict", "ask"]);
        tree.git(&["config", "--add", "envsync.onConflict", "last"]);
        tree.git(&["config", "extensions.worktreeConfig", "true"]);
        tree.git(&["config", "--worktree", "envsync.timeout", "5s"]);
        tree.write("more", "[envsync]\n\tquiet\n");
        tree.git(&["config", "include.path", "../more"]);
        let settings = tree.open().settings().unwrap();
        assert_eq!(settings, by_git(&tree));
        assert_eq!(settings.iter().rfind(|(name, _)| name == "envsync.onconflict").unwrap().1, "last");
        assert!(settings.contains(&("envsync.store.My.Store.region".to_owned(), "eu".to_owned())));
        assert!(settings.contains(&("envsync.quiet".to_owned(), "true".to_owned())));
    });
}

#[test]
fn the_environments_settings_come_last_and_git_c_after_counted_ones() {
    sandboxed_with(
        &[
            ("GIT_CONFIG_COUNT", "2"),
            ("GIT_CONFIG_KEY_0", "envsync.A.b"),
            ("GIT_CONFIG_VALUE_0", "counted"),
            ("GIT_CONFIG_KEY_1", "core.editor"),
            ("GIT_CONFIG_VALUE_1", "x"),
            ("GIT_CONFIG_PARAMETERS", r"'envsync.A.b'='it'\''s'"),
        ],
        |sandbox| {
            let tree = sandbox.repository("r");
            tree.git(&["config", "envsync.A.b", "local"]);
            let settings = tree.open().settings().unwrap();
            assert_eq!(settings, by_git(&tree));
            let values: Vec<&str> = settings.iter().map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, ["local", "counted", "it's"]);
        },
    );
}

#[test]
fn what_git_c_passes_on_is_read() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let answer = sandbox.path("answer");
        let probe =
            format!("alias.probe=!{} --exact git_layer::settings::probe", std::env::current_exe().unwrap().display());
        let output = tree
            .git_command()
            .env("ENVSYNC_TEST_ANSWER", &answer)
            .args(["-c", "envsync.Sub.a=it's! x", "-c", "envsync.b", "-c", &probe, "probe"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let settings = std::fs::read_to_string(answer).unwrap();
        assert_eq!(settings, "envsync.Sub.a=it's! x\nenvsync.b=true\n");
    });
}

/// The other side of [`what_git_c_passes_on_is_read`]; does nothing by itself.
#[test]
fn probe() {
    let Some(answer) = std::env::var_os("ENVSYNC_TEST_ANSWER") else { return };
    let settings = Repository::discover(&std::env::current_dir().unwrap()).unwrap().settings().unwrap();
    let lines: String = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(answer, lines).unwrap();
}
