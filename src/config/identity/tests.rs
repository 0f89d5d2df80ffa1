use super::*;
use crate::domain::secret::SecretValue;
use std::fs;

/// Made for these tests; nothing was ever encrypted to them elsewhere.
const SSH: &str = include_str!("testdata/ed25519");
const SSH_LOCKED: &str = include_str!("testdata/ed25519-locked");
const SSH_RSA: &str = include_str!("testdata/rsa");

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn fresh() -> (tempfile::TempDir, PathBuf, Identity) {
    let directory = directory();
    let path = directory.path().join("config/git-envsync/identity");
    let identity = Identity::create(&path).expect("a new identity");
    (directory, path, identity)
}

fn of(text: &str) -> Identity {
    Identity::find(Some(text), Path::new("/nowhere")).expect("a key").expect("a setting")
}

#[test]
fn what_is_sealed_can_be_opened_by_the_same_identity_only() {
    let (_guard, _, ours) = fresh();
    let (_other_guard, _, theirs) = fresh();
    for identity in [&ours, &of(SSH)] {
        let sealed = identity.seal(b"canary-sealed").expect("sealed");
        assert!(sealed.starts_with(b"age-encryption.org/v1\n"), "the binary format");
        assert_eq!(identity.open(&sealed).expect("ours").expose(), b"canary-sealed");
        assert_eq!(theirs.open(&sealed), Err(OpenError::NotForUs));
    }
    let sealed = ours.seal_to(b"", &[theirs.public_key().to_owned(), of(SSH).public_key().to_owned()]).expect("sealed");
    assert_eq!(theirs.open(&sealed).expect("theirs").expose(), b"");
    assert_eq!(ours.open(&sealed), Err(OpenError::NotForUs));
    assert!(ours.seal_to(b"", &[]).is_err());
}

#[test]
fn every_damage_is_noticed() {
    let (_guard, _, identity) = fresh();
    let sealed = identity.seal(b"canary-sealed").expect("sealed");
    for length in 0..sealed.len() {
        assert!(identity.open(&sealed[..length]).is_err(), "cut to {length}");
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(identity.open(&changed).is_err(), "changed at {at}");
    }
    assert!(matches!(identity.open(b"plain text"), Err(OpenError::Damaged(_))));
}

#[test]
fn a_new_identity_is_private_and_never_replaces_another() {
    let (_guard, path, identity) = fresh();
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.starts_with(&format!("# public key: {}\nAGE-SECRET-KEY-1", identity.public_key())));
    let failure = Identity::create(&path).expect_err("it is there");
    assert_eq!(failure.kind, FailureKind::Refused);
    assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    let again = Identity::find(None, &path).expect("readable").expect("there");
    assert_eq!(again.public_key(), identity.public_key());
    assert!(!again.too_open());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a parent"))), (0o600, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("chmod");
        assert!(Identity::find(None, &path).expect("readable").expect("there").too_open());
    }
}

#[test]
fn a_setting_is_a_path_or_the_key_itself() {
    let (_guard, path, identity) = fresh();
    let nowhere = Path::new("/nowhere/identity");
    assert!(Identity::find(None, nowhere).expect("no error").is_none());
    assert!(Identity::find(Some(" "), nowhere).expect("no error").is_none());
    let text = fs::read_to_string(&path).expect("a file");
    for setting in [path.to_str().expect("UTF-8"), &text, text.lines().nth(1).expect("the key")] {
        let found = Identity::find(Some(setting), nowhere).expect("found").expect("there");
        assert_eq!(found.public_key(), identity.public_key());
    }
    let failure = Identity::find(Some("/nowhere/mine"), &path).expect_err("not there");
    assert_eq!(failure.kind, FailureKind::SignedOut);
    assert!(failure.what.contains("/nowhere/mine") && failure.hint.expect("a hint").contains("GIT_ENVSYNC_IDENTITY"));
}

#[test]
fn of_several_identities_the_first_is_the_own_and_any_decrypts() {
    let (_guard, path, first) = fresh();
    let (_other_guard, other, second) = fresh();
    let both =
        format!("# two keys\n\n{}{}", fs::read_to_string(path).expect("a"), fs::read_to_string(other).expect("b"));
    let both = of(&both);
    assert_eq!(both.public_key(), first.public_key());
    assert_eq!(both.open(&second.seal(b"x").expect("sealed")).expect("opened").expose(), b"x");
}

#[test]
fn keys_that_cannot_be_used_are_refused_with_a_way_out() {
    for (text, says) in [
        (SSH_LOCKED, "passphrase"),
        (SSH_RSA, "ssh-rsa"),
        ("AGE-SECRET-KEY-1CANARY", "line 1"),
        ("# only a comment\n-----BEGIN X-----", "not a private key"),
    ] {
        let failure = Identity::find(Some(text), Path::new("/nowhere")).expect_err(says);
        assert!(failure.what.contains(says), "{}", failure.what);
        assert!(failure.hint.is_some() && failure.kind == FailureKind::SignedOut);
        assert!(!format!("{failure:?}").contains("CANARY"), "no text of the file");
    }
    let directory = directory();
    let path = directory.path().join("identity");
    fs::write(&path, "").expect("written");
    assert!(Identity::find(None, &path).expect_err("empty").what.contains("holds no identity"));
}

#[test]
fn digests_are_stable_for_one_identity_and_unrelated_between_two() {
    let (_guard, path, ours) = fresh();
    let (_other_guard, _, theirs) = fresh();
    let again = Identity::find(None, &path).expect("readable").expect("there");
    assert_eq!(ours.mac("a", b"x"), again.mac("a", b"x"));
    assert_ne!(ours.mac("a", b"x"), ours.mac("b", b"x"));
    assert_ne!(ours.mac("a", b"x"), theirs.mac("a", b"x"));
    let value = SecretValue::from("canary-value");
    assert_eq!(ours.fingerprint(&value).len(), 8);
    assert_ne!(ours.fingerprint(&value), of(SSH).fingerprint(&value));
}

#[test]
fn a_debug_print_shows_the_public_key_only() {
    let (_guard, path, identity) = fresh();
    let text = fs::read_to_string(path).expect("a file");
    let secret = text.lines().nth(1).expect("the key");
    assert_eq!(format!("{identity:?}"), format!("Identity({})", identity.public_key()));
    assert!(!format!("{identity:#?}").contains(secret));
}

#[test]
fn a_recipient_is_an_x25519_or_ed25519_public_key() {
    let (_guard, path, identity) = fresh();
    let ssh = of(SSH);
    assert_eq!(parse_recipient(identity.public_key()).expect("x25519").as_str(), identity.public_key());
    let commented = format!(" {} ann@laptop\n", ssh.public_key());
    assert_eq!(parse_recipient(&commented).expect("ed25519").as_str(), ssh.public_key());
    let garbled = format!("{}!", ssh.public_key());
    for text in ["", "age1", "age1xyz", "ssh-ed25519 AAAA", "ssh-rsa AAAA", "ssh-ed25519", "x\nage1", &garbled] {
        assert!(parse_recipient(text).expect_err(text).hint.is_some(), "{text}");
    }
    let secret = fs::read_to_string(path).expect("a file").lines().nth(1).expect("the key").to_owned();
    let failure = parse_recipient(&secret).expect_err("a private key");
    assert!(!format!("{failure:?}").contains(&secret));
}
