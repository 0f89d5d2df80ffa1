//! The recipients file of an age directory: one public key per line, a comment names the person.
//!
//! Pure. The name is the comment line directly above the key (`# name`) or, in files written by hand, what follows the
//! key on its line. Editing keeps every other line as it is.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Stands for a private key that somebody put into the list: it is never repeated, and no encryption takes it.
const PRIVATE: &str = "(a private key: take it out, it is no longer private)";

/// A recipients file, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipientsFile {
    lines: Vec<String>,
}

/// One recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// The public key: `age1…`, `ssh-ed25519 …`, without a comment.
    pub key: String,
    /// Whose it is, where the file says so.
    pub name: Option<String>,
}

/// Reads a recipients file. Never fails: what looks like no key is one that encryption will refuse by its text, so
/// that a damaged list never means fewer recipients.
#[must_use]
pub fn parse(text: &str) -> RecipientsFile {
    RecipientsFile { lines: text.split_inclusive('\n').map(str::to_owned).collect() }
}

/// The text of a recipients file.
#[must_use]
pub fn render(file: &RecipientsFile) -> String {
    file.lines.concat()
}

/// Adds a recipient at the end, the name on the line above the key. Answers whether it was not there before.
pub fn add(file: &mut RecipientsFile, key: &str, name: Option<&str>) -> bool {
    let key = key_of(key);
    if file.keys().contains(&key) {
        return false;
    }
    if let Some(last) = file.lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    if let Some(name) = name {
        // One line, whatever the name: a line break in it would make the rest a recipient.
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        file.lines.push(format!("# {name}\n"));
    }
    file.lines.push(format!("{key}\n"));
    true
}

/// Removes a recipient with the comment line that names it. Answers whether it was there.
pub fn remove(file: &mut RecipientsFile, key: &str) -> bool {
    let key = key_of(key);
    let before = file.lines.len();
    while let Some(at) = file.lines.iter().position(|line| key_on(line).as_deref() == Some(key.as_str())) {
        file.lines.remove(at);
        if at > 0 && comment_on(&file.lines[at - 1]).is_some() {
            file.lines.remove(at - 1);
        }
    }
    file.lines.len() < before
}

/// Stands for a list of recipients: the first 32 hex digits of SHA-256 over the sorted keys, a line each.
#[must_use]
pub fn digest(keys: &BTreeSet<String>) -> String {
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(key.as_bytes());
        hash.update(b"\n");
    }
    super::hex(&hash.finalize()[..16])
}

/// A public key without the comment or spaces around it.
#[must_use]
pub fn key_of(text: &str) -> String {
    split(text).0
}

impl RecipientsFile {
    /// The recipients, in the order of the file.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient> {
        let above = |at: usize| at.checked_sub(1).and_then(|above| comment_on(&self.lines[above]));
        let recipient = |(at, line): (usize, &String)| {
            let key = key_on(line)?;
            Some(Recipient { key, name: above(at).or_else(|| split(line).1) })
        };
        self.lines.iter().enumerate().filter_map(recipient).collect()
    }

    /// The public keys.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<String> {
        self.lines.iter().filter_map(|line| key_on(line)).collect()
    }
}

fn key_on(line: &str) -> Option<String> {
    let line = line.trim();
    (!line.is_empty() && !line.starts_with('#')).then(|| key_of(line))
}

fn comment_on(line: &str) -> Option<String> {
    let text = line.trim().strip_prefix('#')?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A line's key and what follows it. The key of an ssh line is its first two words (sshd(8), AUTHORIZED_KEYS FILE
/// FORMAT), of others the first.
fn split(line: &str) -> (String, Option<String>) {
    let line = line.trim();
    if line.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || line.starts_with("-----BEGIN") {
        return (PRIVATE.to_owned(), None);
    }
    let words = if line.starts_with("ssh-") { 2 } else { 1 };
    let all: Vec<&str> = line.split_whitespace().collect();
    let (key, rest) = all.split_at(words.min(all.len()));
    let name = rest.join(" ");
    let name = name.trim_start_matches('#').trim();
    (key.join(" "), (!name.is_empty()).then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# the team\n\n# Ada\nage1ada\nssh-ed25519 AAAAb bob@host\r\nage1cid # Cid\n# the end";

    fn shown(file: &RecipientsFile) -> Vec<(String, Option<String>)> {
        file.recipients().into_iter().map(|recipient| (recipient.key, recipient.name)).collect()
    }

    #[test]
    fn a_private_key_in_the_list_is_never_repeated_and_can_be_removed() {
        let mut file = parse("age1ada\nAGE-SECRET-KEY-1CANARY\n");
        assert!(shown(&file).iter().all(|(key, _)| !key.contains("CANARY")));
        assert_eq!(file.keys().len(), 2, "the list is not the shorter one");
        assert!(remove(&mut file, "AGE-SECRET-KEY-1CANARY"));
        assert_eq!(render(&file), "age1ada\n");
    }

    #[test]
    fn a_name_stands_above_the_key_or_behind_it() {
        let expected = [("age1ada", "Ada"), ("ssh-ed25519 AAAAb", "bob@host"), ("age1cid", "Cid")]
            .map(|(key, name)| (key.to_owned(), Some(name.to_owned())));
        assert_eq!(shown(&parse(FILE)), expected);
    }

    #[test]
    fn what_was_read_is_written_back_to_the_byte() {
        assert_eq!(render(&parse(FILE)), FILE);
    }

    #[test]
    fn adding_and_removing_leave_the_other_lines_alone() {
        let mut file = parse(FILE);
        assert!(add(&mut file, " age1dee ", Some("Dee\nage1evil")));
        assert!(!add(&mut file, "ssh-ed25519 AAAAb somebody", None));
        assert_eq!(render(&file), format!("{FILE}\n# Dee age1evil\nage1dee\n"));
        assert!(remove(&mut file, "age1dee"));
        assert!(remove(&mut file, "age1ada"));
        assert!(!remove(&mut file, "age1ada"));
        assert_eq!(render(&file), "# the team\n\nssh-ed25519 AAAAb bob@host\r\nage1cid # Cid\n# the end\n");
    }

    #[test]
    fn the_digest_is_of_the_keys_and_not_of_their_order_or_names() {
        let one = parse("# A\nage1a\nage1b\n").keys();
        let other = parse("age1b\nage1a # A\n").keys();
        assert_eq!(digest(&one), digest(&other));
        assert_eq!(digest(&one).len(), 32);
        assert_ne!(digest(&one), digest(&parse("age1a\n").keys()));
    }
}
