//! dotenvy in this process: it reads what we write, except for what it is known to read otherwise.

use super::{awkward_values, key, read};
use envsync::domain::dotenv::{Document, Loader, spelling_report};
use envsync::domain::secret::SecretValue;
use std::collections::BTreeMap;

fn dotenvy_reads(source: &[u8]) -> Result<BTreeMap<String, String>, dotenvy::Error> {
    dotenvy::from_read_iter(source).collect()
}

#[test]
fn dotenvy_reads_every_spelling_that_claims_it() {
    let mut claimed = 0;
    for value in awkward_values() {
        if spelling_report(&value).satisfied().contains(&Loader::Dotenvy) {
            let mut document = Document::default();
            document.set(&key("A"), &value);
            let values = dotenvy_reads(document.as_bytes()).expect("it claims that dotenvy reads it");
            assert_eq!(values["A"], value.expose(), "{:?}", spelling_report(&value));
            claimed += 1;
        }
    }
    assert!(claimed > 3000, "{claimed}");
}

#[test]
fn dotenvy_reads_a_file_of_ordinary_secrets_as_we_do() {
    let mut document = Document::parse(b"# a file\n\nexport FIRST=1\n");
    let values = [
        ("URL", "postgres://canary:p%40ss@localhost:5432/db?sslmode=require&x=1"),
        ("HASH", "$2b$12$canaryCANARYcanaryCANARY"),
        ("JSON", "{\"type\": \"service_account\", \"private_key\": \"-----BEGIN\\nEND\"}"),
        ("PEM", "-----BEGIN KEY-----\ncanary+/=\n-----END KEY-----\n"),
        ("HASHES", "canary #1 # 2"),
        ("EMPTY", ""),
        ("QUOTE", "it's canary"),
    ];
    for (name, value) in values {
        document.set(&key(name), &SecretValue::from(value));
    }
    assert_eq!(dotenvy_reads(document.as_bytes()).expect("readable"), read(document.as_bytes()));
}

/// Files that dotenvy reads otherwise: it takes values for words of a shell.
#[test]
fn the_known_differences_of_dotenvy_are_still_there() {
    let fails =
        ["A=hello world\n", "A=it's\nB=2\n", "A=C:\\dir\n", "A=\"\\q\"\n", "A-B=1\n", "1A=1\n", "A='C:\\dir\\'\n"];
    for source in fails {
        assert!(dotenvy_reads(source.as_bytes()).is_err(), "{source:?}");
        assert!(!read(source.as_bytes()).is_empty(), "{source:?}");
    }
    let differs =
        [("A=a\"b\"c\n", "abc"), ("A=a\\ b\n", "a b"), ("A=x$ENVSYNCNOTSET\n", "x"), ("A='1\r\n2'\n", "1\r\n2")];
    for (source, value) in differs {
        assert_eq!(dotenvy_reads(source.as_bytes()).expect("readable")["A"], value);
        assert_ne!(read(source.as_bytes())["A"], value);
    }
}
