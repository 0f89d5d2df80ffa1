//! `export` and `import`: between formats, other programs and environments.

use super::scenes::{changes, configured, environment, get, set, three_environments};
use crate::support::{Lab, Repo, is_missing};
use std::io::Write;
use std::process::Command;

/// Values that quoting goes wrong with.
const AWKWARD: [(&str, &str); 9] = [
    ("BLANKS", "  canary both ends  "),
    ("COMMENT", "canary # no comment"),
    ("DOLLAR", "canary $HOME ${HOME} $(id) `id`"),
    ("EMPTY", ""),
    ("ENGLISH", "it's \"canary\""),
    ("LINES", "canary\n\n  two\n"),
    ("NUMBER", "007"),
    ("SLASHES", "canary\\n\\\\"),
    ("UNICODE", "canary é 😀 \u{85}\u{2028}"),
];

/// Staging has the awkward values, and nothing else.
fn awkward(lab: &Lab) -> Repo {
    let repo = three_environments(lab);
    let document = serde_json::to_string(&AWKWARD.into_iter().collect::<std::collections::BTreeMap<_, _>>()).unwrap();
    repo.spawn(["import", "-e", "staging", "--prune", "-"]).input(document).run().ok().never_says("canary");
    repo
}

#[test]
fn an_environment_travels_to_another_one_in_every_format_and_nothing_changes_on_the_way() {
    let lab = Lab::new();
    let repo = awkward(&lab);
    let env = repo.env();
    for format in ["dotenv", "json", "yaml", "toml", "shell", "github"] {
        let text = repo.envsync(["export", "-e", "staging", "--format", format]).ok().stdout;
        let import =
            ["import", "-e", "production", "--allow-protected", "production", "--prune", "--format", format, "-"];
        repo.spawn(import).input(&text).run().ok().never_says("canary");
        for (key, value) in AWKWARD {
            let there = repo.envsync(["get", "-e", "production", key]).ok().stdout;
            assert_eq!(there, format!("{value}\n"), "{format}: {key}");
        }
        assert_eq!(get(&repo, "production", "NAME"), None, "--prune");
        repo.spawn(import).input(&text).run().ok().says("in step");
        set(&repo, "production", "NAME", "canary-again");
        set(&repo, "production", "EMPTY", "canary-other");
    }
    assert_eq!(repo.env(), env, "the file holds another environment");
    repo.envsync(["export", "-e", "staging", "--format", "docker"]).ends(4).says("LINES").never_says("canary");
}

/// What a program reads: the values of the awkward keys, each ended by a NUL.
fn values_read_by(program: &str, arguments: &[&str], text: &str) -> Option<Vec<String>> {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("exported");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(program).args(arguments).arg(&file).output().unwrap();
    if output.status.code() == Some(77) {
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split_terminator('\0').map(str::to_owned).collect())
}

#[test]
fn other_programs_read_what_is_exported_as_it_is() {
    let lab = Lab::new();
    let repo = awkward(&lab);
    let expected: Vec<String> = AWKWARD.iter().map(|(_, value)| (*value).to_owned()).collect();
    let export = |format: &str| repo.envsync(["export", "-e", "staging", "--format", format]).ok().stdout;
    let keys: String = AWKWARD.iter().map(|(key, _)| format!("\"${key}\" ")).collect();
    let script = format!(". \"$0\"; printf '%s\\0' {keys}");
    assert_eq!(values_read_by("sh", &["-c", &script], &export("shell")).as_ref(), Some(&expected), "sh");
    if is_missing("python3", "reading json, toml and yaml by Python") {
        return;
    }
    let shows = |load: &str| {
        format!(
            "import sys\ntry:\n  {load}\nexcept ModuleNotFoundError:\n  sys.exit(77)\n\
             for key in sorted(read): assert isinstance(read[key], str); sys.stdout.buffer.write(read[key].encode() + b'\\0')"
        )
    };
    for (format, load) in [
        ("json", "import json; read = json.load(open(sys.argv[1], encoding='utf-8'))"),
        ("toml", "import tomllib; read = tomllib.load(open(sys.argv[1], 'rb'))"),
        ("yaml", "import yaml; read = yaml.safe_load(open(sys.argv[1], encoding='utf-8'))"),
    ] {
        match values_read_by("python3", &["-c", &shows(load)], &export(format)) {
            Some(read) => assert_eq!(read, expected, "{format}"),
            // Not by a macro: the harness would keep the line of a test that passes to itself.
            None => {
                let line = format!("left out: reading {format} by Python (its module is not installed)\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
            }
        }
    }
}

#[test]
fn the_lines_for_docker_are_raw_and_those_for_github_have_marks_of_their_own() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    set(&repo, "staging", "RAW", " 'x' $HOME #");
    let docker = repo.envsync(["export", "-e", "staging", "--format", "docker"]).ok().stdout;
    assert_eq!(docker, "NAME=canary-staging\nRAW= 'x' $HOME #\n");
    let mark = |text: &str| text.split_once("<<").unwrap().1.split_once('\n').unwrap().0.to_owned();
    let github = || repo.envsync(["export", "-e", "staging", "--format", "github"]).ok().stdout;
    let (one, other) = (github(), github());
    assert_ne!(mark(&one), mark(&other), "nobody can know the mark beforehand");
    assert_eq!(one, format!("NAME<<{0}\ncanary-staging\n{0}\nRAW<<{0}\n 'x' $HOME #\n{0}\n", mark(&one)));
}

#[test]
fn on_a_held_environment_import_writes_the_file_and_undo_has_it() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.write(".env", "# mine\nNAME=canary-development\nSHARED=canary-same\nHERE=canary-here # envsync: local\n");
    let before = repo.env();
    repo.write("more.yaml", "NAME: canary-new\nADDED: 5432\nSHARED: canary-same\nHERE: canary-no\n");
    let planned = repo.envsync(["import", "-n", "--json", "more.yaml"]).ok();
    assert_eq!(
        changes(&planned),
        ["ADDED remote_added update_local planned", "NAME remote_modified update_local planned"]
    );
    assert_eq!(repo.env(), before);
    repo.envsync(["import", "-n", "more.yaml"]).ok().says("(env file | imported)");
    let run = repo.envsync(["import", "more.yaml"]).ok().says("git envsync push").never_says("canary");
    assert!(run.stdout.contains("local keys: HERE"), "{}", run.stdout);
    let after = "# mine\nNAME=canary-new\nSHARED=canary-same\nHERE=canary-here # envsync: local\nADDED=5432\n";
    assert_eq!(repo.env(), after);
    repo.envsync(["undo"]).ok();
    assert_eq!(repo.env(), before);
    repo.write("less.env", "NAME=canary-development\n");
    repo.envsync(["import", "less.env"]).ok().says("in step");
    assert_eq!(repo.env(), before, "what the text lacks stays");
    repo.envsync(["import", "--prune", "less.env"]).ok();
    assert_eq!(repo.env(), "# mine\nNAME=canary-development\nHERE=canary-here # envsync: local\n");
}

#[test]
fn what_import_writes_over_in_the_store_is_in_the_undo_record() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    set(&repo, "staging", "OTHER", "canary-other");
    repo.spawn(["import", "-e", "staging", "--prune", "-"]).input("NAME=canary-new\n").run().ok();
    assert_eq!(get(&repo, "staging", "OTHER"), None);
    repo.envsync(["undo", "--list", "--show-values"]).ok().says("canary-staging").says("canary-other");
}

#[test]
fn a_protected_environment_has_to_be_named() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let import = |more: &[&str]| {
        let arguments = [&["import", "-e", "production"], more, &["-"]].concat();
        repo.spawn(arguments).input("NAME=canary-new\n").run()
    };
    import(&[]).ends(4).says("protected");
    import(&["--allow-protected", "production", "-n"]).ok().says("(imported | store)");
    assert_eq!(get(&repo, "production", "NAME").as_deref(), Some("canary-production"));
    import(&["--allow-protected", "production"]).ok();
    assert_eq!(get(&repo, "production", "NAME").as_deref(), Some("canary-new"));
}

#[test]
fn a_text_that_cannot_be_read_as_a_whole_is_refused_before_anything_is_written() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let env = repo.env();
    for (text, said) in [
        ("{\"NEW\": \"canary\", \"NESTED\": {\"a\": \"canary\"}}", "NESTED"),
        ("{\"NEW\": \"canary\", \"a/b\": \"canary\"}", "a/b"),
        ("NEW=canary\nthis is canary\n", "line 2"),
        ("", "no variables"),
        ("{\"schema_version\": 1, \"command\": \"export\", \"error\": {}}", "error"),
    ] {
        for arguments in [&["import", "--prune", "-"][..], &["import", "--prune", "-e", "staging", "-"]] {
            repo.spawn(arguments).input(text).run().ends(4).says(said).never_says("canary");
        }
    }
    assert_eq!(repo.env(), env);
    assert_eq!(get(&repo, "staging", "NEW"), None);
    assert_eq!(get(&repo, "staging", "NAME").as_deref(), Some("canary-staging"));
    repo.envsync(["import", "nowhere.env"]).ends(2).says("nowhere.env");
}

#[test]
fn keys_that_load_code_come_in_on_a_yes_only() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    let text = "NODE_OPTIONS=canary-code\nPLAIN=canary-plain\n";
    repo.spawn(["import", "-"]).input(text).run().ok().says("NODE_OPTIONS");
    assert_eq!((repo.value("NODE_OPTIONS"), repo.value("PLAIN").as_deref()), (None, Some("canary-plain")));
    repo.spawn(["import", "-e", "staging", "-"]).input(text).run().ok().says("NODE_OPTIONS");
    assert_eq!(get(&repo, "staging", "NODE_OPTIONS"), None);
    repo.spawn(["import", "--yes", "-"]).input(text).run().ok();
    repo.spawn(["import", "--yes", "-e", "staging", "-"]).input(text).run().ok();
    assert_eq!(repo.value("NODE_OPTIONS").as_deref(), Some("canary-code"));
    assert_eq!(get(&repo, "staging", "NODE_OPTIONS").as_deref(), Some("canary-code"));
}

#[test]
fn a_person_at_the_terminal_sees_the_plan_masked_and_is_asked() {
    if is_missing("python3", "import at a terminal") {
        return;
    }
    let lab = Lab::new();
    let repo = three_environments(&lab);
    repo.write("new.env", "NAME=canary-new\nADDED=canary-added\n");
    for place in [&["import", "new.env"][..], &["import", "-e", "staging", "new.env"]] {
        let told = repo.at_a_terminal(place, "n\n").ends(4).never_says("canary").stdout;
        assert!(told.contains("+ ADDED  12 characters") && told.contains("~ NAME  10 characters"), "{told}");
        assert!(told.contains("Write 2 keys of new.env to"), "{told}");
    }
    assert_eq!(repo.value("ADDED"), None);
    assert_eq!(get(&repo, "staging", "ADDED"), None);
    repo.at_a_terminal(&["import", "-e", "staging", "new.env"], "y\n").ok();
    assert_eq!(get(&repo, "staging", "ADDED").as_deref(), Some("canary-added"));
    repo.at_a_terminal(&["import", "--yes", "new.env"], "").ok();
    assert_eq!(repo.value("ADDED").as_deref(), Some("canary-added"));
}

#[test]
fn inherited_values_are_exported_and_need_no_override_when_they_come_back() {
    let lab = Lab::new();
    let config = environment("base", "base", "")
        + &environment("top", "top", "extends = \"base\"")
        + &environment("main", "main", "");
    let repo = configured(&lab, &config);
    repo.spawn(["import", "-e", "base", "-"]).input("LOW=canary-low\nBOTH=canary-base\n").run().ok();
    repo.spawn(["import", "-e", "top", "-"]).input("BOTH=canary-top\n").run().ok();
    let text = repo.envsync(["export", "-e", "top"]).ok().stdout;
    assert_eq!(text, "BOTH=canary-top\nLOW=canary-low\n");
    repo.spawn(["import", "-e", "top", "-"]).input(&text).run().ok().says("in step");
    set(&repo, "base", "LOW", "canary-lower");
    assert_eq!(get(&repo, "top", "LOW").as_deref(), Some("canary-lower"), "no copy of it lies above");
    repo.spawn(["import", "-e", "top", "--prune", "-"]).input("BOTH=canary-top\n").run().ok().says("base");
    assert_eq!(get(&repo, "top", "LOW").as_deref(), Some("canary-lower"));
}

#[test]
fn an_env_file_that_lost_its_variables_is_not_filled_with_a_part_of_them() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    std::fs::remove_file(repo.path.join(".env")).unwrap();
    repo.spawn(["import", "-"]).input("NEW=canary\n").run().ends(4).says("git envsync pull");
    assert!(!repo.path.join(".env").exists());
    repo.envsync(["pull"]).ok();
    repo.spawn(["import", "-"]).input("NEW=canary\n").run().ok();
    assert_eq!(repo.value("NAME").as_deref(), Some("canary-development"));
}

#[test]
fn the_format_is_that_of_the_text_and_json_is_for_the_result_of_import() {
    let lab = Lab::new();
    let repo = three_environments(&lab);
    assert_eq!(repo.envsync(["export", "--json"]).ok().json()["NAME"], "canary-development");
    assert_eq!(repo.envsync(["export"]).ok().stdout, "NAME=canary-development\nSHARED=canary-same\n");
    let run = repo.spawn(["import", "--format", "toml", "--json", "-"]).input("NEW = 'canary'").run().ok();
    assert_eq!(changes(&run), ["NEW remote_added update_local applied"]);
    assert_eq!(run.json()["command"], "import");
    let failed = repo.spawn(["import", "--json", "-"]).input("no text").run().ends(4).json();
    assert_eq!(failed["error"]["status"], 4);
    let failed = repo.spawn(["import", "--format", "json", "-"]).input("no text").run().ends(4);
    assert_eq!(failed.stdout, "", "that was the text's format");
    repo.envsync(["export", "--format", "table"]).ends(2).says("dotenv");
    repo.envsync(["status", "--format", "yaml"]).ends(2).says("table or json");
    repo.envsync(["export", "--format", "canary"]).ends(2);
}

#[test]
fn where_there_are_several_env_files_one_has_to_be_named() {
    let lab = Lab::new();
    let files = "[[file]]\npath = \".env\"\n[[file]]\npath = \"web/.env\"\nsuffix = \"web\"\n";
    let repo = configured(&lab, &(environment("main", "main", "") + files));
    repo.envsync(["export"]).ends(2).says("--file .env");
    repo.spawn(["import", "-"]).input("A=canary").run().ends(2).says("import --file .env -`");
}
