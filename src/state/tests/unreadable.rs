//! What cannot be read is an error with a way out, and never taken for absent.

use super::*;
use crate::domain::secret::SecretBytes;

#[test]
fn another_identity_is_an_error_that_names_file_and_identity_and_changes_nothing() {
    let common = Common::new();
    block_on(async {
        let mine = common.open();
        mine.save(&file(), &state("canary-1")).await.unwrap();
        mine.begin(&file(), &journal(state("canary-1"))).await.unwrap();
        mine.push_undo(&file(), &undo(5)).await.unwrap();
        mine.save_snapshot(&address("dev"), &snapshot(3, "canary-1")).await.unwrap();
        let theirs = common.open_as("main", &["main"], Rc::new(ToyCipher::new(2)));
        let failures = [
            theirs.load(&file()).await.unwrap_err(),
            theirs.journal(&file()).await.unwrap_err(),
            theirs.undo_entries(&file()).await.unwrap_err(),
            theirs.snapshot(&address("dev")).await.unwrap_err(),
            theirs.save_snapshot(&address("dev"), &snapshot(9, "canary-2")).await.unwrap_err(),
        ];
        for failure in failures {
            assert_eq!(failure.kind, FailureKind::Undecryptable);
            assert!(failure.what.contains(".age` is encrypted to another identity"), "{}", failure.what);
            let hint = failure.hint.unwrap();
            assert!(hint.contains("GIT_ENVSYNC_IDENTITY") && hint.contains("envsync.identity"), "{hint}");
        }
        assert_eq!(mine.snapshot(&address("dev")).await.unwrap(), Some(snapshot(3, "canary-1")));
    });
}

#[test]
fn damage_and_truncation_are_errors_with_a_way_out_and_never_absent() {
    let common = Common::new();
    let (place, store) = (common.place(), common.open());
    let snapshot_file = Layout::new(common.directory()).snapshot(&address("dev"));
    block_on(async {
        store.save(&file(), &state("canary-1")).await.unwrap();
        store.begin(&file(), &journal(state("canary-1"))).await.unwrap();
        store.save_snapshot(&address("dev"), &snapshot(3, "canary-1")).await.unwrap();
    });
    let read = |path: &Path| match path {
        _ if path == snapshot_file => block_on(store.snapshot(&address("dev"))).map(drop),
        _ if path == place.journal() => block_on(store.journal(&file())).map(drop),
        _ => block_on(store.load(&file())).map(drop),
    };
    for (path, way_out) in [
        (snapshot_file.clone(), "`git envsync fetch` makes a new one"),
        (place.journal(), "move `journal.age` and `state.age`"),
        (place.state(), "`git envsync pull` merges the env file with the store without a base"),
    ] {
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let failure = read(&path).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Undecryptable);
            assert!(failure.what.contains(&format!("`{}` is damaged", path.display())), "{}", failure.what);
            assert!(failure.hint.as_ref().unwrap().contains(way_out), "{failure:?}");
            assert!(!format!("{failure:?}").contains("canary"));
        }
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(read(&path).is_err());
        fs::write(&path, whole).unwrap();
        assert!(read(&path).is_ok());
    }
}

#[test]
fn a_record_of_a_newer_version_is_neither_read_nor_replaced_unseen() {
    let common = Common::new();
    let cipher = ToyCipher::new(1);
    let sealed = cipher.seal(br#"{"format":3,"kind":"snapshot","later":true}"#).unwrap();
    let path = Layout::new(common.directory()).snapshot(&address("dev"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &sealed).unwrap();
    let failure = block_on(common.open().save_snapshot(&address("dev"), &snapshot(9, "canary-1"))).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Undecryptable);
    assert_eq!(failure.what, format!("a newer envsync wrote the snapshot in `{}`", path.display()));
    assert_eq!(fs::read(path).unwrap(), sealed);
}

#[test]
fn a_snapshot_of_another_address_is_not_served() {
    let common = Common::new();
    block_on(async {
        let store = common.open();
        store.save_snapshot(&address("dev"), &snapshot(3, "canary-1")).await.unwrap();
        let layout = Layout::new(common.directory());
        fs::copy(layout.snapshot(&address("dev")), layout.snapshot(&address("top"))).unwrap();
        assert_eq!(store.snapshot(&address("top")).await.unwrap_err().kind, FailureKind::Undecryptable);
    });
}

#[test]
fn a_state_directory_that_cannot_be_made_is_an_error_that_names_it() {
    let common = Common::new();
    fs::write(common.directory(), "a file where the directory belongs").unwrap();
    let store = common.open();
    let failures = [
        block_on(store.save(&file(), &state("canary-1"))).unwrap_err(),
        block_on(store.load(&file())).unwrap_err(),
        block_on(store.lock(&file(), Wait::No)).unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.kind, FailureKind::Internal);
        assert!(failure.what.contains("envsync"), "{}", failure.what);
        assert!(!format!("{failure:?}").contains("canary"));
    }
}

/// The real encryption, as the program has it.
struct AgeCipher {
    public_key: String,
    identity: age::x25519::Identity,
}

impl AgeCipher {
    fn generate() -> Self {
        let identity = age::x25519::Identity::generate();
        Self { public_key: identity.to_public().to_string(), identity }
    }
}

impl fmt::Debug for AgeCipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.public_key)
    }
}

impl Cipher for AgeCipher {
    fn public_key(&self) -> &str {
        &self.public_key
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let recipient: age::x25519::Recipient = self.public_key.parse().unwrap();
        Ok(age::encrypt(&recipient, plain).unwrap())
    }

    fn seal_to(&self, plain: &[u8], _: &[String]) -> Result<Vec<u8>, Failure> {
        self.seal(plain)
    }

    fn open(&self, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let opened = age::decrypt(&self.identity, sealed);
        opened.map(SecretBytes::new).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => OpenError::NotForUs,
            other => OpenError::Damaged(other.to_string()),
        })
    }

    fn mac(&self, _: &str, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

#[test]
fn with_real_age_encryption_records_come_back_and_damage_is_told_from_another_identity() {
    let common = Common::new();
    let mine: Rc<dyn Cipher> = Rc::new(AgeCipher::generate());
    block_on(async {
        let store = common.open_as("main", &["main"], Rc::clone(&mine));
        store.save(&file(), &state("canary-1")).await.unwrap();
        assert_eq!(store.load(&file()).await.unwrap(), state("canary-1"));

        let theirs = common.open_as("main", &["main"], Rc::new(AgeCipher::generate()));
        assert!(theirs.load(&file()).await.unwrap_err().what.contains("another identity"));

        let path = common.place().state();
        let whole = fs::read(&path).unwrap();
        assert!(whole.starts_with(b"age-encryption.org/v1"));
        for length in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..length]).unwrap();
            let failure = store.load(&file()).await.unwrap_err();
            assert!(failure.what.ends_with("is damaged"), "{length}: {}", failure.what);
        }
    });
}
