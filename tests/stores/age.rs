//! The age store: the contract, and what encrypted files in a work tree need beside it.

use super::contract::{Declared, Harness, Support, Unit, suite};
use super::support::{TestClock, assert_done, block_on, commit, fetch, key, moved, outcome, put, set, unset, value};
use age::x25519::Identity;
use envsync::domain::dotenv::Document;
use envsync::domain::environment::{Address, Location, StoreKind, StoreName};
use envsync::domain::secret::{SecretBytes, SecretValue};
use envsync::domain::snapshot::{PayloadName, Presence};
use envsync::ports::{Cipher, EnvironmentStore, Failure, FailureKind, OpenError, Reading, StoreErrorKind};
use envsync::stores::age::{
    AgeStore, DirectoryFiles, FixedFiles, RecipientPolicy, Reencrypted, StoreFiles, WriteOutcome, envelope, recipients,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use tempfile::TempDir;

const DIRECTORY: &str = ".envsync";
const LOCATION: &str = "acme/test";
const FILE: &str = "acme/test.env.age";

/// A person with an x25519 identity.
struct Person {
    identity: Identity,
    public: String,
}

impl Person {
    fn new() -> Rc<Self> {
        let identity = Identity::generate();
        Rc::new(Self { public: identity.to_public().to_string(), identity })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.public)
    }
}

impl Cipher for Person {
    fn public_key(&self) -> &str {
        &self.public
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        self.seal_to(plain, std::slice::from_ref(&self.public))
    }

    fn seal_to(&self, plain: &[u8], recipients: &[String]) -> Result<Vec<u8>, Failure> {
        let parse = |key: &String| {
            let refuse = |_| Failure::new(FailureKind::Config, format!("{key} is no public key"));
            key.parse::<age::x25519::Recipient>().map_err(refuse)
        };
        let keys = recipients.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let encryptor = age::Encryptor::with_recipients(keys.iter().map(|key| key as &dyn age::Recipient))
            .expect("there are recipients");
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).expect("memory");
        io::Write::write_all(&mut writer, plain).expect("memory");
        writer.finish().expect("memory");
        Ok(sealed)
    }

    fn open(&self, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        age::decrypt(&self.identity, sealed).map(SecretBytes::new).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => OpenError::NotForUs,
            other => OpenError::Damaged(other.to_string()),
        })
    }

    fn mac(&self, _purpose: &str, _data: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

/// Accepted lists, in memory.
#[derive(Debug, Default)]
struct Accepted(RefCell<Vec<BTreeSet<String>>>);

impl RecipientPolicy for Accepted {
    fn accepted(&self, _directory: &str, keys: &BTreeSet<String>) -> bool {
        self.0.borrow().contains(keys)
    }

    fn accept(&self, _directory: &str, keys: &BTreeSet<String>) -> Result<(), Failure> {
        self.0.borrow_mut().push(keys.clone());
        Ok(())
    }

    fn accepted_lists(&self, _directory: &str) -> Vec<BTreeSet<String>> {
        self.0.borrow().clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Request,
    Answer,
}

type Interference = Box<dyn FnOnce(&dyn StoreFiles)>;

/// Files that count writes of store files, lose some, and let others interfere.
struct Meddled {
    files: DirectoryFiles,
    writes: Cell<usize>,
    loss: Cell<Option<Loss>>,
    interference: RefCell<Option<Interference>>,
}

impl fmt::Debug for Meddled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(formatter)
    }
}

impl StoreFiles for Meddled {
    fn read(&self, relative: &str) -> io::Result<Option<Vec<u8>>> {
        self.files.read(relative)
    }

    fn write(&self, relative: &str, expected: Option<&[u8]>, bytes: &[u8]) -> io::Result<WriteOutcome> {
        if relative == "recipients" {
            return self.files.write(relative, expected, bytes);
        }
        self.writes.set(self.writes.get() + 1);
        if let Some(interference) = self.interference.take() {
            interference(&self.files);
        }
        match self.loss.take() {
            None => self.files.write(relative, expected, bytes),
            Some(Loss::Request) => Err(io::Error::other("lost")),
            Some(Loss::Answer) => {
                self.files.write(relative, expected, bytes)?;
                Err(io::Error::other("lost"))
            }
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.files.list()
    }
}

/// One work tree with an age store, as one person sees it.
struct Tree {
    top: TempDir,
    _locks: TempDir,
    person: Rc<Person>,
    policy: Rc<Accepted>,
    files: Rc<Meddled>,
    age: Rc<AgeStore>,
    store: Box<dyn EnvironmentStore>,
}

impl Tree {
    fn new() -> Self {
        let (top, locks) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
        let files = Rc::new(Meddled {
            files: DirectoryFiles::new(top.path().to_owned(), DIRECTORY, locks.path().to_owned()),
            writes: Cell::new(0),
            loss: Cell::new(None),
            interference: RefCell::new(None),
        });
        let (person, policy) = (Person::new(), Rc::new(Accepted::default()));
        let age = age_store(files.clone(), person.clone(), policy.clone());
        let store = Box::new(age.environment(Location::new(LOCATION)));
        Self { top, _locks: locks, person, policy, files, age, store }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.top.path().join(DIRECTORY).join(relative)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path(FILE)).expect("a store file")
    }

    fn write_recipients(&self, people: &[&Rc<Person>]) -> BTreeSet<String> {
        let mut file = self.age.recipients().expect("text").unwrap_or_default();
        for person in people {
            recipients::add(&mut file, &person.public, None);
        }
        fs::create_dir_all(self.path("")).expect("a directory");
        fs::write(self.path("recipients"), recipients::render(&file)).expect("a file");
        file.keys()
    }

    /// The store as another person sees it, in the same work tree.
    fn seen_by(&self, person: &Rc<Person>) -> Rc<AgeStore> {
        age_store(self.files.clone(), person.clone(), self.policy.clone())
    }
}

fn age_store(files: Rc<dyn StoreFiles>, person: Rc<Person>, policy: Rc<Accepted>) -> Rc<AgeStore> {
    Rc::new(AgeStore::new(StoreName::new("local"), DIRECTORY, files, person, policy, Rc::new(TestClock::default())))
}

/// Changes the text inside a store file, as another program with the key would.
fn raw_edit(files: &dyn StoreFiles, person: &Person, edit: impl FnOnce(&[u8]) -> SecretBytes) {
    let before = files.read(FILE).expect("readable").expect("a store file");
    let opened = envelope::open(person, &before).expect("ours");
    let text = edit(opened.text.expose());
    let keys = BTreeSet::from([person.public.clone()]);
    let sealed = envelope::seal(person, &opened.location, &keys, &text).expect("sealed");
    assert_eq!(files.write(FILE, Some(&before), &sealed).expect("written"), WriteOutcome::Written);
}

fn raw_change(files: &dyn StoreFiles, person: &Person, name: &str, changed: Option<&str>) {
    raw_edit(files, person, |text| {
        let mut document = Document::parse(text);
        match changed {
            Some(value) => document.set(&key(name), &SecretValue::new(value)),
            None => document.remove(&key(name)),
        };
        document.to_secret_bytes()
    });
}

const FOREIGN: &str = "# a comment\ncanary is no assignment\n";

impl Harness for Tree {
    fn store(&self) -> &dyn EnvironmentStore {
        &*self.store
    }

    fn declared(&self) -> Declared {
        Declared {
            unit: Unit::Environment,
            empty_environment: Support::Yes,
            empty_payload: Support::Yes,
            max_bytes: None,
            history: Support::No,
        }
    }

    fn raw_set(&self, key: &str, value: &str) {
        raw_change(&self.files.files, &self.person, key, Some(value));
    }

    fn raw_remove(&self, key: &str) {
        raw_change(&self.files.files, &self.person, key, None);
    }

    fn plant_foreign(&self) -> String {
        let planted = |text: &[u8]| SecretBytes::new([FOREIGN.as_bytes(), text].concat());
        raw_edit(&self.files.files, &self.person, planted);
        "line 2".to_owned()
    }

    fn foreign_is_intact(&self) -> bool {
        let opened = envelope::open(&*self.person, &self.bytes()).expect("ours");
        opened.text.expose().starts_with(FOREIGN.as_bytes())
    }

    fn interfere(&self, key: &'static str, value: &'static str) {
        let person = Rc::clone(&self.person);
        let change = move |files: &dyn StoreFiles| raw_change(files, &person, key, Some(value));
        *self.files.interference.borrow_mut() = Some(Box::new(change));
    }

    fn lose_next_answer(&self) {
        self.files.loss.set(Some(Loss::Answer));
    }

    fn lose_next_request(&self) {
        self.files.loss.set(Some(Loss::Request));
    }

    fn deny(&self, _key: &str) {
        let stranger = Person::new();
        let keys = BTreeSet::from([stranger.public.clone()]);
        let sealed = envelope::seal(&*stranger, &Location::new(LOCATION), &keys, &"A=canary-x\n".into());
        fs::write(self.path(FILE), sealed.expect("sealed")).expect("written");
    }

    fn writes(&self) -> usize {
        self.files.writes.get()
    }
}

#[test]
fn age_keeps_the_contract() {
    suite(&|| Box::new(Tree::new()));
}

#[test]
fn an_address_is_the_directory_and_the_location() {
    let expected = Address { kind: StoreKind::Age, scope: DIRECTORY.to_owned(), location: Location::new(LOCATION) };
    assert_eq!(Tree::new().store().address(), expected);
}

#[test]
fn the_first_write_makes_the_users_own_key_the_recipient_and_accepts_it() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    let keys = BTreeSet::from([tree.person.public.clone()]);
    assert_eq!(tree.age.recipients().expect("text").expect("a file").keys(), keys);
    assert_eq!(*tree.policy.0.borrow(), [keys]);
}

#[test]
fn a_file_begins_with_its_location_and_the_digest_of_its_recipients() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    let plain = tree.person.open(&tree.bytes()).expect("ours");
    let digest = recipients::digest(&BTreeSet::from([tree.person.public.clone()]));
    let head = format!("# envsync-location: {LOCATION}\n# envsync-recipients: {digest}\n");
    let text = str::from_utf8(plain.expose()).expect("text");
    assert!(
        text.strip_prefix(&head).is_some_and(|text| text.contains("A=")),
        "the head is {:?}",
        text.split_once("A=")
    );
}

#[test]
fn recipients_nobody_accepted_stop_a_write_and_are_shown() {
    let (tree, stranger) = (Tree::new(), Person::new());
    put(tree.store(), &[set("A", "canary-1")]);
    let before = tree.bytes();
    tree.write_recipients(&[&stranger]);
    for changes in [vec![set("A", "canary-2")], vec![]] {
        let report = commit(tree.store(), &changes, &fetch(tree.store()));
        let error = report.failure.expect("a refusal");
        assert_eq!(error.kind, StoreErrorKind::UntrustedRecipients);
        assert!(error.detail.ends_with(&format!("not accepted: + {}", stranger.public)), "{}", error.detail);
    }
    assert_eq!(tree.bytes(), before);
}

#[test]
fn a_missing_recipients_file_beside_store_files_stops_a_write() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    fs::remove_file(tree.path("recipients")).expect("removed");
    let report = commit(tree.store(), &[set("A", "canary-2")], &fetch(tree.store()));
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::UntrustedRecipients));
    assert_eq!(value(&fetch(tree.store()), "A").as_deref(), Some("canary-1"));
}

#[test]
fn an_empty_commit_encrypts_anew_only_where_the_recipients_changed() {
    let (tree, colleague) = (Tree::new(), Person::new());
    put(tree.store(), &[set("A", "canary-1")]);
    let before = tree.bytes();
    put(tree.store(), &[]);
    assert_eq!(tree.bytes(), before);
    let keys = tree.write_recipients(&[&colleague]);
    tree.policy.accept(DIRECTORY, &keys).expect("accepted");
    assert_eq!(tree.age.stale_recipients().expect("readable").files, [Location::new(LOCATION)]);
    assert_done(&commit(tree.store(), &[], &fetch(tree.store())));
    assert!(tree.age.stale_recipients().expect("readable").files.is_empty());
    let theirs = tree.seen_by(&colleague).environment(Location::new(LOCATION));
    assert_eq!(value(&fetch(&theirs), "A").as_deref(), Some("canary-1"));
}

#[test]
fn writing_the_value_that_is_there_leaves_the_file_alone() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    let before = tree.bytes();
    put(tree.store(), &[set("A", "canary-1"), unset("B")]);
    assert_eq!(tree.bytes(), before);
}

#[test]
fn rekeying_reaches_every_file_and_touches_none_twice() {
    let (tree, colleague) = (Tree::new(), Person::new());
    put(tree.store(), &[set("A", "canary-1")]);
    put(&tree.age.environment(Location::new("other")), &[set("B", "canary-2")]);
    let keys = tree.write_recipients(&[&colleague]);
    assert_eq!(tree.age.reencrypt_all(&keys).expect_err("not accepted").kind, StoreErrorKind::UntrustedRecipients);
    tree.policy.accept(DIRECTORY, &keys).expect("accepted");
    for expected in [Reencrypted::Written, Reencrypted::Unchanged] {
        let outcomes = tree.age.reencrypt_all(&keys).expect("accepted");
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.into_values().all(|outcome| outcome.expect("ours") == expected));
    }
    let theirs = tree.seen_by(&colleague).environment(Location::new("other"));
    assert_eq!(value(&fetch(&theirs), "B").as_deref(), Some("canary-2"));
}

#[test]
fn a_copy_under_another_name_is_refused() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    fs::copy(tree.path(FILE), tree.path("production.env.age")).expect("copied");
    let copy = tree.age.environment(Location::new("production"));
    let error = block_on(copy.fetch(Reading::default())).expect_err("a copy");
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.detail.contains("a copy of \"acme/test\""), "{}", error.detail);
}

#[test]
fn what_is_not_for_us_and_what_is_damaged_are_told_apart() {
    let (tree, stranger) = (Tree::new(), Person::new());
    put(tree.store(), &[set("A", "canary-1")]);
    let theirs = tree.seen_by(&stranger).environment(Location::new(LOCATION));
    let error = block_on(theirs.fetch(Reading::default())).expect_err("not for us");
    assert_eq!(error.kind, StoreErrorKind::Undecryptable);
    assert!(error.hint.expect("a hint").contains("git envsync key show"));

    let mut bytes = tree.bytes();
    bytes.truncate(bytes.len() - 3);
    fs::write(tree.path(FILE), bytes).expect("written");
    let error = block_on(tree.store().fetch(Reading::default())).expect_err("damaged");
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.hint.expect("a hint").contains("git restore .envsync/acme/test.env.age"));
    let stale = tree.age.stale_recipients().expect("a directory");
    assert_eq!(stale.unreadable.keys().collect::<Vec<_>>(), [&Location::new(LOCATION)]);
}

#[test]
fn an_encrypted_file_without_its_two_lines_is_corrupt() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    fs::write(tree.path(FILE), tree.person.seal(b"A=canary-2\n").expect("sealed")).expect("written");
    assert_eq!(block_on(tree.store().fetch(Reading::default())).expect_err("unbound").kind, StoreErrorKind::Corrupt);
}

#[test]
fn the_version_of_a_file_is_known_without_a_key() {
    let (tree, stranger) = (Tree::new(), Person::new());
    let location = Location::new(LOCATION);
    let blind = tree.seen_by(&stranger);
    assert_eq!(blind.version_now(&location).expect("readable"), None);
    put(tree.store(), &[set("A", "canary-1")]);
    let state = fetch(tree.store());
    let mark = &state.payloads[&PayloadName(LOCATION.to_owned())];
    assert_eq!(blind.version_now(&location).expect("readable").as_ref(), Some(&mark.version));
    assert!(!moved(&blind.environment(location), &state), "no key needed");
}

#[test]
fn the_files_of_a_commit_can_be_read_and_not_written() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    let fixed = FixedFiles(BTreeMap::from([
        (FILE.to_owned(), tree.bytes()),
        ("recipients".to_owned(), fs::read(tree.path("recipients")).expect("a file")),
    ]));
    let store = age_store(Rc::new(fixed), Rc::clone(&tree.person), Rc::clone(&tree.policy));
    let environment = store.environment(Location::new(LOCATION));
    let state = fetch(&environment);
    assert_eq!(state.presence, Presence::Held);
    assert_eq!(value(&state, "A").as_deref(), Some("canary-1"));
    let report = commit(&environment, &[set("A", "canary-2")], &state);
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Io));
}

#[test]
fn nothing_but_the_files_is_left_in_the_work_tree() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    put(tree.store(), &[set("A", "canary-2")]);
    assert_eq!(tree.files.list().expect("readable"), [FILE, "recipients"]);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_work_tree_or_into_git_is_not_followed() {
    use std::os::unix::fs::symlink;
    let (tree, outside) = (Tree::new(), TempDir::new().expect("a directory"));
    put(tree.store(), &[set("A", "canary-1")]);
    let state = fetch(tree.store());
    fs::remove_file(tree.path(FILE)).expect("removed");
    let git = tree.top.path().join(".git");
    fs::create_dir(&git).expect("a directory");
    for target in [outside.path().join("x.env.age"), git.join("config")] {
        fs::write(&target, "canary-theirs").expect("written");
        symlink(&target, tree.path(FILE)).expect("a link");
        assert_eq!(
            block_on(tree.store().fetch(Reading::default())).expect_err("a link").kind,
            StoreErrorKind::Unstorable
        );
        let report = commit(tree.store(), &[set("A", "canary-2")], &state);
        assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Unstorable));
        assert_eq!(fs::read(&target).expect("still there"), b"canary-theirs");
        fs::remove_file(tree.path(FILE)).expect("removed");
    }
}

#[cfg(unix)]
#[test]
fn a_link_inside_the_work_tree_is_followed_and_stays() {
    let tree = Tree::new();
    put(tree.store(), &[set("A", "canary-1")]);
    let real = tree.top.path().join("real.age");
    fs::rename(tree.path(FILE), &real).expect("moved");
    std::os::unix::fs::symlink(&real, tree.path(FILE)).expect("a link");
    put(tree.store(), &[set("A", "canary-2")]);
    assert!(tree.path(FILE).is_symlink());
    assert_eq!(fs::read(real).expect("readable"), tree.bytes());
}

#[cfg(target_os = "linux")]
#[test]
fn a_lock_directory_on_another_file_system_serves_too() {
    let (top, locks) = (TempDir::new().expect("a directory"), TempDir::new_in("/dev/shm").expect("a directory"));
    let files = DirectoryFiles::new(top.path().to_owned(), DIRECTORY, locks.path().to_owned());
    assert_eq!(files.write("a/x", None, b"1").expect("written"), WriteOutcome::Written);
    assert_eq!(files.write("a/x", None, b"2").expect("refused"), WriteOutcome::Moved);
    assert_eq!(files.write("a/x", Some(b"1"), b"3").expect("written"), WriteOutcome::Written);
    assert_eq!(files.read("a/x").expect("readable").as_deref(), Some(&b"3"[..]));
    assert_eq!(files.list().expect("readable"), ["a/x"]);
}
