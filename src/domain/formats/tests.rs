//! What is accepted, and what is refused, format by format.

use super::{Format, NotRead, read, write};
use crate::domain::key::Key;
use crate::domain::record::Values;

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, value)| (Key::new(*key).expect("a key"), (*value).into())).collect()
}

fn reads(format: Format, text: &str, expected: &[(&str, &str)]) {
    assert_eq!(read(format, text.as_bytes()), Ok(values(expected)), "{format}: {text}");
}

fn refused(format: Format, text: &str) -> String {
    read(format, text.as_bytes()).expect_err(text).to_string()
}

fn written(format: Format, pairs: &[(&str, &str)]) -> Result<String, String> {
    let text = write(format, &values(pairs), "f00").map_err(|error| error.to_string())?;
    Ok(String::from_utf8(text.expose().to_vec()).expect("text"))
}

#[test]
fn each_format_is_written_as_its_programs_expect_it() {
    let pairs = [("A", "it's \"x\" $HOME"), ("B", "")];
    let expected = [
        (Format::Json, "{\n  \"A\": \"it's \\\"x\\\" $HOME\",\n  \"B\": \"\"\n}\n"),
        (Format::Yaml, "A: \"it's \\\"x\\\" $HOME\"\nB: \"\"\n"),
        (Format::Toml, "A = \"it's \\\"x\\\" $HOME\"\nB = \"\"\n"),
        (Format::Shell, "export A='it'\\''s \"x\" $HOME'\nexport B=''\n"),
        (Format::Docker, "A=it's \"x\" $HOME\nB=\n"),
        (Format::Github, "A<<ENVSYNC_f00\nit's \"x\" $HOME\nENVSYNC_f00\nB<<ENVSYNC_f00\n\nENVSYNC_f00\n"),
    ];
    for (format, text) in expected {
        assert_eq!(written(format, &pairs).as_deref(), Ok(text), "{format}");
    }
    assert_eq!(written(Format::Dotenv, &[("A", "plain"), ("B", "a b")]).as_deref(), Ok("A=plain\nB='a b'\n"));
    assert_eq!(written(Format::Json, &[]).as_deref(), Ok("{}\n"));
    assert_eq!(written(Format::Yaml, &[("no", "1")]).as_deref(), Ok("\"no\": \"1\"\n"));
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_name_and_without_the_value() {
    let refused = |format, pairs: &[(&str, &str)]| written(format, pairs).expect_err("refused");
    assert_eq!(refused(Format::Shell, &[("a.b", "x"), ("C", "y"), ("1", "z")]), "shell cannot name 1, a.b");
    let docker = refused(Format::Docker, &[("A", "canary\nx"), ("B", "x"), ("C", "canary\r")]);
    assert_eq!(docker, "docker cannot hold the values of A, C: line breaks");
    assert!(refused(Format::Docker, &[("A", &"x".repeat(65_536))]).contains("too long"));
    assert_eq!(
        refused(Format::Github, &[("GITHUB_SHA", "x"), ("node_options", "y")]),
        "github cannot name GITHUB_SHA, node_options"
    );
    for format in Format::ALL {
        assert!(refused(format, &[("A", "canary\0")]).ends_with("of A: a NUL character"), "{format}");
    }
}

#[test]
fn no_value_can_end_its_own_block() {
    let text = written(Format::Github, &[("A", "x\nENVSYNC_f00\nEVIL=1")]).expect("text");
    assert!(text.starts_with("A<<ENVSYNC_f00_\n"), "{text}");
    reads(Format::Github, &text, &[("A", "x\nENVSYNC_f00\nEVIL=1")]);
}

#[test]
fn numbers_truth_values_and_nulls_are_taken_as_they_are_written() {
    reads(
        Format::Json,
        "{\"A\": 1.10, \"B\": true, \"C\": null, \"D\": \"x\"}",
        &[("A", "1.10"), ("B", "true"), ("C", "null"), ("D", "x")],
    );
    reads(
        Format::Yaml,
        "A: 1.10\nB: yes\nC: ~\nD: 007\nE: 'null'\n",
        &[("A", "1.10"), ("B", "yes"), ("C", "null"), ("D", "007"), ("E", "null")],
    );
    reads(Format::Toml, "A = 1.10\nB = false\nC = 1979-05-27\n", &[("A", "1.10"), ("B", "false"), ("C", "1979-05-27")]);
}

#[test]
fn what_is_nested_foreign_or_there_twice_is_refused_by_name() {
    for (format, text, name) in [
        (Format::Json, "{\"A\": {\"b\": \"canary\"}}", "A"),
        (Format::Json, "{\"A\": [1]}", "A"),
        (Format::Json, "{\"A\": \"canary\", \"A\": \"x\"}", "A"),
        (Format::Json, "{\"a/b\": \"canary\"}", "a/b"),
        (Format::Json, "{\"A\": \"canary\\u0000\"}", "A"),
        (Format::Yaml, "A:\n  b: canary\n", "A"),
        (Format::Yaml, "A: [canary]\n", "A"),
        (Format::Yaml, "A: x\nA: canary\n", "A"),
        (Format::Yaml, "B: &a canary\nA: *a\n", "A"),
        (Format::Yaml, "A: !!binary Y2FuYXJ5\n", "A"),
        (Format::Toml, "[A]\nb = \"canary\"\n", "A"),
        (Format::Docker, "A=x\nA=canary\n", "A"),
        (Format::Shell, "A=x\nexport A=canary\n", "A"),
    ] {
        let error = refused(format, text);
        assert!(error.contains(name) && !error.contains("canary"), "{format}: {error}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_by_its_line() {
    for (format, text, place) in [
        (Format::Dotenv, "A=1\ncanary canary\n", "line 2"),
        (Format::Json, "{\"A\": 1,\n\"B\": canary}", "line 2"),
        (Format::Json, "\"canary\"", "line 1"),
        (Format::Yaml, "A: 1\nB: 'canary\n", "as yaml"),
        (Format::Yaml, "A: x\nB:\n", "line 2"),
        (Format::Toml, "A = 1\nB = canary\n", "line 2"),
        (Format::Toml, "A = 'x'\nA = 'canary'\n", "line 2"),
        (Format::Docker, "A=1\nCANARY\n", "line 2"),
        (Format::Github, "A=1\nB<<E\ncanary\n", "line 2"),
        (Format::Shell, "A=1\nB=$(canary)\n", "line 2"),
        (Format::Shell, "A=\"$canary\"", "line 1"),
        (Format::Shell, "A=x; canary", "line 1"),
        (Format::Shell, "A=x canary", "line 1"),
    ] {
        let error = refused(format, text);
        assert!(error.contains(place) && !error.to_lowercase().contains("canary"), "{format}: {error}");
    }
    assert_eq!(read(Format::Json, b"{\"A\": \"\xff\"}"), Err(NotRead::Encoding));
    for (format, text) in [(Format::Json, "[1]"), (Format::Yaml, "- a\n"), (Format::Yaml, "A: 1\n---\nB: 2\n")] {
        assert!(matches!(read(format, text.as_bytes()), Err(NotRead::NoList(_))), "{text}");
    }
}

#[test]
fn a_shell_script_of_assignments_is_read_as_a_shell_would() {
    let script = "# c\nexport A='x y'\\''z'\nB=plain#x # c\n\texport C=\"a\\\"b\\n\"\nD=\nE=a\\ b\n";
    reads(Format::Shell, script, &[("A", "x y'z"), ("B", "plain#x"), ("C", "a\"b\\n"), ("D", ""), ("E", "a b")]);
}

#[test]
fn the_answers_of_amazons_command_line_are_understood() {
    let secret =
        |text: &str| format!("{{\"ARN\": \"arn:x\", \"Name\": \"n\", {text}, \"VersionStages\": [\"AWSCURRENT\"]}}");
    reads(Format::Json, &secret("\"SecretString\": \"{\\\"A\\\": \\\"x\\\"}\""), &[("A", "x")]);
    reads(Format::Json, &secret("\"SecretString\": \"A=x\\nB=y\""), &[("A", "x"), ("B", "y")]);
    assert!(refused(Format::Json, &secret("\"SecretBinary\": \"Y2FuYXJ5\"")).contains("binary"));
    let list = |kind: &str, value: &str, more: &str| {
        format!("{{\"Parameters\": [{{\"Name\": \"/a/b/KEY\", \"Type\": \"{kind}\", \"Value\": \"{value}\"}}]{more}}}")
    };
    reads(Format::Json, &list("SecureString", "x", ""), &[("KEY", "x")]);
    assert!(refused(Format::Json, &list("String", "x", ", \"NextToken\": \"t\"")).contains("NextToken"));
    assert!(refused(Format::Json, &list("SecureString", "AQICAHcanary", "")).contains("--with-decryption"));
    reads(Format::Json, "{\"Parameters\": \"x\"}", &[("Parameters", "x")]);
}

#[test]
fn the_format_is_that_of_the_name_then_of_the_beginning() {
    for (name, text, format) in [
        (Some("dir.json/x.YML"), "{", Format::Yaml),
        (Some("x.toml"), "", Format::Toml),
        (Some(".env"), "{", Format::Dotenv),
        (Some(".env.local"), "A=1", Format::Dotenv),
        (Some("x.txt"), "\u{feff}\n {", Format::Json),
        (None, "---\nA: 1", Format::Yaml),
        (None, "A=1", Format::Dotenv),
        (None, "", Format::Dotenv),
    ] {
        assert_eq!(Format::of(name, text.as_bytes()), format, "{name:?} {text:?}");
    }
}
