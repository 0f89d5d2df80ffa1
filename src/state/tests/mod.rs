//! The state as a command meets it: what survives, what is refused, what is forgotten.

mod orphans;
mod unreadable;

use super::*;
use crate::domain::environment::{Location, StoreKind};
use crate::domain::key::Key;
use crate::domain::record::{Parked, ParkedChange, Record, UndoChange, UndoEnvironment};
use crate::domain::secret::SecretValue;
use crate::domain::snapshot::PayloadName;
use crate::ports::block_on;
use crate::ports::toy_cipher::ToyCipher;
use tempfile::TempDir;

const DAY: u64 = 24 * 60 * 60;
const NOW: u64 = 1_000 * DAY;

struct Common {
    root: TempDir,
}

impl Common {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("envsync")
    }

    fn open_as(&self, worktree: &str, live: &'static [&'static str], cipher: Rc<dyn Cipher>) -> CommonDirState {
        let live = move || Ok(live.iter().map(|&name| name.to_owned()).collect());
        CommonDirState::new(self.directory(), worktree.to_owned(), live, cipher, || Timestamp(NOW))
    }

    fn open(&self) -> CommonDirState {
        self.open_as("main", &["main"], Rc::new(ToyCipher::new(1)))
    }

    fn place(&self) -> Place {
        Layout::new(self.directory()).place("main", &file())
    }
}

fn file() -> EnvFilePath {
    EnvFilePath::new("apps/web/.env")
}

fn address(location: &str) -> Address {
    Address { kind: StoreKind::Memory, scope: "test".to_owned(), location: Location::new(location) }
}

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

fn parked(value: &str) -> Parked {
    let change = ParkedChange { base: None, local: Some(SecretValue::new(value)) };
    let changes = [(key("A"), change)].into();
    Parked { environment: EnvironmentName::new("dev"), changes, since: Timestamp(1) }
}

fn state(value: &str) -> FileState {
    let record = Record {
        environment: EnvironmentName::new("dev"),
        address: address("dev"),
        configured: address("dev"),
        entry_digest: "digest".to_owned(),
        base: [(key("A"), SecretValue::new(value))].into(),
        agreed_at: Timestamp(7),
        in_tree_version: None,
    };
    let mut state = FileState::default();
    state.parked.insert(address("top"), parked(value));
    state.record = Some(record);
    state
}

fn undo(at: u64) -> UndoEntry {
    let change = UndoChange { before: Some(SecretValue::new("canary-before")), after: None };
    let part = UndoEnvironment {
        environment: EnvironmentName::new("dev"),
        address: None,
        changes: [(key("A"), change)].into(),
        marked_local: [].into(),
    };
    UndoEntry { at: Timestamp(at), command: "pull".to_owned(), environments: vec![part] }
}

fn journal(next: FileState) -> JournalEntry {
    JournalEntry {
        before: None,
        after: "digest".to_owned(),
        values_before: [].into(),
        values_after: [].into(),
        next,
        undo: None,
    }
}

fn snapshot(read_at: u64, value: &str) -> RemoteState {
    let mut snapshot = RemoteState::absent(address("dev"), Timestamp(read_at));
    snapshot.entries.insert(key("A"), SecretValue::new(value));
    snapshot
}

/// All files below a directory.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files_below(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn everything_comes_back_to_the_next_process() {
    let common = Common::new();
    block_on(async {
        let (file, first) = (file(), common.open());
        first.save(&file, &state("canary-1")).await.unwrap();
        first.begin(&file, &journal(state("canary-2"))).await.unwrap();
        let id = first.push_undo(&file, &undo(5)).await.unwrap();
        first.save_snapshot(&address("dev"), &snapshot(3, "canary-3")).await.unwrap();
        first.set_used(Some(&EnvironmentName::new("top \"x\"\n"))).await.unwrap();

        let second = common.open();
        assert_eq!(second.load(&file).await.unwrap(), state("canary-1"));
        assert_eq!(second.journal(&file).await.unwrap(), Some(journal(state("canary-2"))));
        assert_eq!(second.undo_entries(&file).await.unwrap(), [(id, undo(5))]);
        assert_eq!(second.snapshot(&address("dev")).await.unwrap(), Some(snapshot(3, "canary-3")));
        assert_eq!(second.used().await.unwrap(), Some(EnvironmentName::new("top \"x\"\n")));

        second.end(&file).await.unwrap();
        second.end(&file).await.unwrap();
        second.drop_undo(&file, id).await.unwrap();
        second.drop_undo(&file, id).await.unwrap();
        second.set_used(None).await.unwrap();
        assert_eq!(first.journal(&file).await.unwrap(), None);
        assert!(first.undo_entries(&file).await.unwrap().is_empty());
        assert_eq!(first.used().await.unwrap(), None);
    });
    for path in files_below(&common.directory()) {
        let bytes = fs::read(&path).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        assert!(!holds(b"canary-") && !holds(b"63616e6172792d"), "{}", path.display());
    }
}

#[test]
fn reading_finds_nothing_where_nothing_is_and_makes_nothing() {
    let common = Common::new();
    block_on(async {
        let state = common.open();
        assert_eq!(state.load(&file()).await.unwrap(), FileState::default());
        assert_eq!(state.journal(&file()).await.unwrap(), None);
        assert!(state.undo_entries(&file()).await.unwrap().is_empty());
        assert_eq!(state.snapshot(&address("dev")).await.unwrap(), None);
        assert_eq!(state.used().await.unwrap(), None);
        assert!(state.orphans().await.unwrap().is_empty());
        state.end(&file()).await.unwrap();
    });
    assert!(!common.directory().exists());
}

#[test]
fn env_files_and_work_trees_do_not_share_records() {
    let common = Common::new();
    block_on(async {
        let main = common.open();
        main.save(&file(), &state("canary-1")).await.unwrap();
        assert_eq!(main.load(&EnvFilePath::new(".env")).await.unwrap(), FileState::default());
        let other = common.open_as("topic-1", &["main", "topic-1"], Rc::new(ToyCipher::new(1)));
        assert_eq!(other.load(&file()).await.unwrap(), FileState::default());
    });
}

#[test]
fn the_younger_snapshot_wins_in_any_order() {
    let common = Common::new();
    block_on(async {
        let store = common.open();
        for (read_at, value) in [(5, "canary-5"), (3, "canary-3"), (7, "canary-7"), (6, "canary-6")] {
            store.save_snapshot(&address("dev"), &snapshot(read_at, value)).await.unwrap();
        }
        assert_eq!(store.snapshot(&address("dev")).await.unwrap(), Some(snapshot(7, "canary-7")));
    });
}

#[test]
fn a_lock_excludes_other_handles_of_this_env_file_only() {
    let common = Common::new();
    block_on(async {
        let (one, other) = (common.open(), common.open());
        let held = one.lock(&file(), Wait::No).await.unwrap().expect("free");
        assert!(other.lock(&file(), Wait::No).await.unwrap().is_none());
        assert!(other.lock(&EnvFilePath::new(".env"), Wait::No).await.unwrap().is_some());
        assert_eq!(other.purge().unwrap_err().kind, FailureKind::Refused);
        drop(held);
        assert!(other.lock(&file(), Wait::Yes).await.unwrap().is_some());
    });
}

/// A kill before the rename leaves a temporary file and the old record; one after it the new record.
#[test]
fn a_killed_write_leaves_the_old_record_and_its_leftovers_go_with_the_next_lock() {
    let common = Common::new();
    let place = common.place();
    block_on(async {
        let store = common.open();
        store.save(&file(), &state("canary-1")).await.unwrap();
        let id = store.push_undo(&file(), &undo(5)).await.unwrap();
        let leftovers = [place.directory().join(".tmp-a"), place.undo().join(".tmp-b")];
        for leftover in &leftovers {
            fs::write(leftover, "half a rec").unwrap();
        }
        assert_eq!(store.load(&file()).await.unwrap(), state("canary-1"));
        assert_eq!(store.journal(&file()).await.unwrap(), None);
        assert_eq!(store.undo_entries(&file()).await.unwrap(), [(id, undo(5))]);
        drop(store.lock(&file(), Wait::No).await.unwrap().expect("free"));
        assert!(leftovers.iter().all(|leftover| !leftover.exists()));
        assert_eq!(store.load(&file()).await.unwrap(), state("canary-1"));
        store.save(&file(), &state("canary-2")).await.unwrap();
        assert_eq!(store.load(&file()).await.unwrap(), state("canary-2"));
    });
}

#[test]
fn undo_numbers_count_up_and_only_old_entries_beyond_the_newest_hundred_go() {
    let common = Common::new();
    block_on(async {
        let store = common.open();
        // Ninety old ones, then twenty-five of today: fifteen old ones are beyond the newest hundred.
        for number in 1..=115 {
            let at = if number <= 90 { NOW - 91 * DAY } else { NOW };
            assert_eq!(store.push_undo(&file(), &undo(at)).await.unwrap(), UndoId(number));
        }
        let left = store.undo_entries(&file()).await.unwrap();
        assert_eq!(left.len(), 100);
        assert_eq!((left[0].0, left[99].0), (UndoId(115), UndoId(16)));
        // Young ones stay, however many there are.
        let other = EnvFilePath::new(".env");
        for _ in 0..105 {
            store.push_undo(&other, &undo(NOW - 89 * DAY)).await.unwrap();
        }
        assert_eq!(store.undo_entries(&other).await.unwrap().len(), 105);
    });
}

#[test]
fn an_unreadable_undo_entry_stops_no_new_one() {
    let common = Common::new();
    block_on(async {
        let store = common.open();
        let id = store.push_undo(&file(), &undo(5)).await.unwrap();
        fs::write(common.place().undo().join(format!("{}.age", id.0)), "damaged").unwrap();
        assert_eq!(store.push_undo(&file(), &undo(6)).await.unwrap(), UndoId(2));
        assert_eq!(store.undo_entries(&file()).await.unwrap_err().kind, FailureKind::Undecryptable);
    });
}

#[test]
fn purge_leaves_nothing_and_can_be_repeated() {
    let common = Common::new();
    let store = common.open();
    block_on(store.save(&file(), &state("canary-1"))).unwrap();
    block_on(store.save_snapshot(&address("dev"), &snapshot(1, "canary-1"))).unwrap();
    store.append_log("pull apps/web/.env dev 1 incoming").unwrap();
    store.purge().unwrap();
    store.purge().unwrap();
    assert!(!common.directory().exists());
}

#[test]
fn debug_shows_no_closure_and_no_cipher() {
    let text = format!("{:?}", Common::new().open());
    assert!(text.contains("worktree: \"main\"") && !text.contains("ToyCipher"), "{text}");
}
