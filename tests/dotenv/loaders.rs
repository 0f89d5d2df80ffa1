//! The real Node dotenv and python-dotenv read what we write.
//!
//! `ENVSYNC_LOADERS` names a folder with `python/` (a `pip install --target` of python-dotenv) and
//! `node_modules/dotenv`. Without it these tests are left out; in CI that is a failure.

use super::{awkward_values, key, text};
use envsync::domain::dotenv::{Document, Loader, spelling_report};
use envsync::domain::secret::SecretValue;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

type Values = BTreeMap<String, Option<String>>;

/// Each script reads a list of files as JSON and answers with the list of what the loader made of them.
const NODE: &str = "
const { parse } = require('dotenv');
const files = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(files.map(file => parse(Buffer.from(file)))));
";
const PYTHON: &str = "
import io, json, logging, sys
from dotenv import dotenv_values
logging.disable()
files = json.loads(sys.stdin.buffer.read())
read = lambda file: dotenv_values(stream=io.StringIO(file, newline=None), interpolate=INTERPOLATE)
sys.stdout.buffer.write(json.dumps([read(file) for file in files]).encode())
";

/// The loaders that can be run here, or why none can.
fn folder() -> Option<PathBuf> {
    match std::env::var_os("ENVSYNC_LOADERS") {
        Some(folder) => Some(PathBuf::from(folder).canonicalize().expect("ENVSYNC_LOADERS names a folder")),
        None => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI, ENVSYNC_LOADERS must be set");
            let line = "left out: reading back with Node's dotenv and python-dotenv (ENVSYNC_LOADERS is not set)\n";
            std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
            None
        }
    }
}

fn command(loader: Loader, folder: &Path) -> Command {
    if loader == Loader::NodeDotenv {
        let mut command = Command::new("node");
        command.arg("-e").arg(NODE).env("NODE_PATH", folder.join("node_modules"));
        return command;
    }
    let interpolate = if loader == Loader::PythonDotenv { "False" } else { "True" };
    let mut command = Command::new("python3");
    command.arg("-c").arg(PYTHON.replace("INTERPOLATE", interpolate)).env("PYTHONPATH", folder.join("python"));
    command
}

fn run(loader: Loader, folder: &Path, files: &[String]) -> Vec<Values> {
    let mut child = command(loader, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 and node are installed");
    let mut input = child.stdin.take().expect("piped");
    let request = serde_json::to_vec(files).expect("strings are JSON");
    let writer = std::thread::spawn(move || input.write_all(&request));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    assert!(output.status.success(), "{loader}");
    let read: Vec<Values> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read.len(), files.len());
    read
}

const RUN: [Loader; 3] = [Loader::NodeDotenv, Loader::PythonDotenv, Loader::PythonDotenvInterpolating];

fn file(start: &str, variables: &[(String, &SecretValue)]) -> String {
    let mut document = Document::parse(start.as_bytes());
    for (name, value) in variables {
        document.set(&key(name), value);
    }
    text(&document).to_owned()
}

#[test]
fn real_loaders_read_every_spelling_that_claims_them() {
    let Some(folder) = folder() else { return };
    let values = awkward_values();
    let files: Vec<String> = values.iter().map(|value| file("", &[("A".to_owned(), value)])).collect();
    for loader in RUN {
        for (value, read) in values.iter().zip(run(loader, &folder, &files)) {
            let spelling = spelling_report(value);
            let right = read.get("A").is_some_and(|read| read.as_deref() == Some(value.expose()));
            let claimed = spelling.satisfied().contains(&loader);
            assert!(right || !claimed, "{loader} reads {:?} otherwise", spelling.text());
        }
    }
}

#[test]
fn real_loaders_read_whole_files_of_what_they_can_read() {
    let Some(folder) = folder() else { return };
    let values: Vec<SecretValue> =
        awkward_values().into_iter().filter(|value| spelling_report(value).satisfies_main()).collect();
    for start in ["", "# comment\r\n", "\u{feff}export FIRST='1' # it's \"one\"\n"] {
        let groups: Vec<Vec<(String, &SecretValue)>> = values
            .chunks(40)
            .map(|group| group.iter().enumerate().map(|(at, value)| (format!("K{at}"), value)).collect())
            .collect();
        let files: Vec<String> = groups.iter().map(|group| file(start, group)).collect();
        for loader in [Loader::NodeDotenv, Loader::PythonDotenv] {
            for (group, read) in groups.iter().zip(run(loader, &folder, &files)) {
                for (name, value) in group {
                    let right = read.get(name).is_some_and(|read| read.as_deref() == Some(value.expose()));
                    assert!(right, "{loader} reads {:?} otherwise in a file", spelling_report(value).text());
                }
            }
        }
    }
}
