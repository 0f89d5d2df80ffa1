//! Env files as people have them.

use super::{key, read, text};
use envsync::domain::dotenv::{Document, all_three_agree};
use envsync::domain::secret::SecretValue;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\ncanary+/AAAA\ncanary==\n-----END PRIVATE KEY-----";

const SHELL: &str = "\
# Loaded by ./dev and by the shell.

export NODE_ENV=development   # or test
export  DATABASE_URL = \"postgres://app:canary-p#ss@localhost:5432/app?sslmode=disable\"
HASH='$2b$12$canaryCANARYcanaryCANARYca'
PASSWORD=canary-#pa$$
PUBLIC_KEY=\"-----BEGIN PUBLIC KEY-----
canary
-----END PUBLIC KEY-----\" # rotated in May
GREETING=it's canary
EMPTY=
this line is a note
JSON={\"a\": [1, 2], \"b\": \"canary\"}
";

fn set(source: &str, name: &str, value: &str) -> String {
    let mut document = Document::parse(source.as_bytes());
    assert!(document.set(&key(name), &SecretValue::from(value)), "{name}");
    assert_eq!(read(document.as_bytes())[name], value);
    text(&document).to_owned()
}

#[test]
fn a_file_for_a_shell_is_read() {
    let values = read(SHELL.as_bytes());
    let expected = [
        ("DATABASE_URL", "postgres://app:canary-p#ss@localhost:5432/app?sslmode=disable"),
        ("EMPTY", ""),
        ("GREETING", "it's canary"),
        ("HASH", "$2b$12$canaryCANARYcanaryCANARYca"),
        ("JSON", "{\"a\": [1, 2], \"b\": \"canary\"}"),
        ("NODE_ENV", "development"),
        ("PASSWORD", "canary-#pa$$"),
        ("PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\ncanary\n-----END PUBLIC KEY-----"),
    ];
    assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let unreadable = Document::parse(SHELL.as_bytes()).unreadable();
    assert_eq!(unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(), ["line 12: no '=' behind a name"]);
}

#[test]
fn an_edit_of_it_touches_one_spelling() {
    let edited = set(SHELL, "NODE_ENV", "test");
    assert_eq!(edited, SHELL.replace("=development   #", "=test   #"));
    let edited = set(SHELL, "PUBLIC_KEY", "canary");
    assert!(edited.contains("\nPUBLIC_KEY=canary # rotated in May\n"), "{edited}");
    let edited = set(SHELL, "EMPTY", PEM);
    assert!(edited.contains(&format!("\nEMPTY='{PEM}'\nthis line is a note\n")), "{edited}");
}

#[test]
fn the_same_file_with_crlf_and_a_byte_order_mark_has_the_same_values_and_keeps_both() {
    let windows = format!("\u{feff}{}", SHELL.replace('\n', "\r\n"));
    assert_eq!(read(windows.as_bytes()), read(SHELL.as_bytes()));
    let edited = set(&windows, "NODE_ENV", "test");
    assert_eq!(edited, windows.replace("=development   #", "=test   #"));
    let edited = set(&windows, "KEY", PEM);
    assert_eq!(edited, format!("{windows}KEY=\"{}\"\r\n", PEM.replace('\n', "\\n")));
}

#[test]
fn ordinary_secrets_have_a_spelling_that_all_three_main_loaders_read() {
    let google =
        format!("{{\n  \"type\": \"service_account\",\n  \"private_key\": \"{}\\n\"\n}}", PEM.replace('\n', "\\n"));
    for value in [
        "canary",
        "",
        "$2b$12$canaryCANARYcanaryCANARYca",
        "canary #pass'word",
        "canary p@ss w0rd!",
        "canary;rm -rf &",
        "canary\\windows\\new",
        "redis://:canary-#$@host:6379/0",
        "Server=tcp:host,1433;Password={canary};Encrypt=yes;",
        PEM,
        &format!("{PEM}\n"),
        &google,
    ] {
        assert!(all_three_agree(&SecretValue::from(value)), "{value}");
    }
}
