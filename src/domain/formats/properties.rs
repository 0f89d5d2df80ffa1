//! What holds for all values in every format.

use super::{Format, NotWritten, read, write};
use crate::domain::key::Key;
use crate::domain::record::Values;
use crate::domain::secret::SecretValue;
use proptest::prelude::*;

fn key() -> impl Strategy<Value = Key> {
    const NAMES: &[&str] = &["A", "B_2", "_c", "a.b", "c-d", "1", "1e3", "true", "no", "null", "-", ".", "07"];
    let listed = proptest::sample::select(NAMES).prop_map(str::to_owned);
    prop_oneof![listed, "[A-Za-z0-9_.-]{1,8}"].prop_map(|name| Key::new(name).expect("a key"))
}

fn value() -> impl Strategy<Value = SecretValue> {
    const PIECES: &[&str] = &[
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "'",
        "\"",
        "`",
        "\\",
        "\\n",
        "$",
        "${A}",
        "$(id)",
        "#",
        " # c",
        "=",
        "<<",
        "EOF",
        "ENVSYNC_t",
        "ENVSYNC_t_",
        "---",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "%",
        "!",
        "&a",
        "*a",
        "~",
        "null",
        "é",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{7f}",
        "\u{1b}",
        "😀",
        "canary",
        "export A=1",
        "\n\n",
        "007",
        "1.10",
        "|",
    ];
    let made = proptest::collection::vec(proptest::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat());
    let any = "\\PC{0,12}".prop_map(|text| text.replace('\0', ""));
    prop_oneof![3 => made, 1 => any].prop_map(SecretValue::new)
}

fn values() -> impl Strategy<Value = Values> {
    proptest::collection::btree_map(key(), value(), 0..6)
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same_or_is_refused_by_name(values in values()) {
        for format in Format::ALL {
            match write(format, &values, "t") {
                Ok(text) => prop_assert_eq!(read(format, text.expose()), Ok(values.clone()), "{}", format),
                Err(NotWritten::Names { keys, .. }) => {
                    prop_assert_eq!(format, Format::Shell);
                    prop_assert!(keys.iter().all(|key| key.as_str().contains(['.', '-'])
                        || key.as_str().starts_with(|first: char| first.is_ascii_digit())));
                }
                Err(NotWritten::Values { keys, .. }) => {
                    prop_assert_eq!(format, Format::Docker);
                    prop_assert!(keys.iter().all(|key| values[key].expose().contains(['\n', '\r'])));
                }
            }
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        for format in Format::ALL {
            let _ = read(format, &text);
        }
    }

    #[test]
    fn no_error_repeats_what_stands_in_a_text(
        before in "[ -~\n]{0,20}", after in "[ -~\n]{0,20}", place in proptest::sample::select(vec!["A=", "A: ", "A = \"", "{\"A\": \"", "A<<E\n", "[", ""])
    ) {
        for format in Format::ALL {
            // A name may be told: what stands where a name does is not looked at here.
            let text = format!("{place}{before}\u{1}canarycanarycanarycanarycanarycanarycanary{after}");
            if let Err(error) = read(format, text.as_bytes()) {
                prop_assert!(!error.to_string().contains("canarycanary"), "{format}: {error}");
            }
        }
    }
}
