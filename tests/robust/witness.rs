//! Where a value can be found again: the env file, what is parked, the undo record, every version of the store that git
//! still reaches.

use crate::support::Repo;
use envsync::config::identity::Identity;
use envsync::domain::dotenv::Document;
use envsync::domain::environment::{EnvFilePath, Timestamp};
use envsync::ports::{Cipher, StateStore, block_on};
use envsync::state::CommonDirState;
use envsync::stores::age::envelope;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::rc::Rc;

/// Looks into one work tree with its owner's identity.
pub struct Witness {
    repo: Repo,
    git: git2::Repository,
    cipher: Rc<dyn Cipher>,
    state: CommonDirState,
    opened: RefCell<BTreeMap<git2::Oid, BTreeSet<String>>>,
}

impl Witness {
    pub fn new(repo: &Repo) -> Self {
        let identity = repo.person.home().join(".config/git-envsync/identity");
        let cipher: Rc<dyn Cipher> = Rc::new(Identity::find(None, &identity).unwrap().unwrap());
        let git = git2::Repository::open(&repo.path).unwrap();
        let state = CommonDirState::new(
            git.commondir().join("envsync"),
            "main".to_owned(),
            || Ok(vec!["main".to_owned()]),
            Rc::clone(&cipher),
            || Timestamp(0),
        );
        Self { repo: repo.clone(), git, cipher, state, opened: RefCell::default() }
    }

    /// Every value that is still somewhere.
    pub fn values(&self) -> BTreeSet<String> {
        let mut all = self.at_hand();
        all.extend(self.undoable());
        all
    }

    /// Every value that needs no undo: in the file, parked or in the store.
    pub fn at_hand(&self) -> BTreeSet<String> {
        let mut all = self.in_file();
        all.extend(self.parked());
        all.extend(self.stored());
        all
    }

    pub fn in_file(&self) -> BTreeSet<String> {
        texts(&fs::read(self.repo.path.join(".env")).unwrap_or_default())
    }

    fn parked(&self) -> BTreeSet<String> {
        let state = block_on(self.state.load(&EnvFilePath::new(".env"))).unwrap();
        let changes = state.parked.values().flat_map(|parked| parked.changes.values());
        changes.filter_map(|change| change.local.as_ref()).map(|value| value.expose().to_owned()).collect()
    }

    /// What undo gives back.
    fn undoable(&self) -> BTreeSet<String> {
        let entries = block_on(self.state.undo_entries(&EnvFilePath::new(".env"))).unwrap();
        let parts = entries.iter().flat_map(|(_, entry)| &entry.environments);
        let changes = parts.flat_map(|part| part.changes.values());
        changes.filter_map(|change| change.before.as_ref()).map(|value| value.expose().to_owned()).collect()
    }

    /// What the store holds: in the work tree, at every branch, and in the index while a merge is open.
    fn stored(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut directories = vec![self.repo.path.join(".envsync")];
        while let Some(directory) = directories.pop() {
            for path in fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "age") {
                    all.extend(self.opened(&fs::read(path).unwrap()));
                }
            }
        }
        let mut index = self.git.index().unwrap();
        index.read(true).unwrap();
        let staged = index.iter().filter(|entry| entry.path.ends_with(b".env.age")).map(|entry| entry.id);
        let mut blobs: BTreeSet<git2::Oid> = staged.collect();
        for branch in self.git.branches(None).unwrap().flatten() {
            let Ok(tree) = branch.0.get().peel_to_tree() else { continue };
            tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
                if entry.name().is_ok_and(|name| name.ends_with(".env.age")) {
                    blobs.insert(entry.id());
                }
                git2::TreeWalkResult::Ok
            })
            .unwrap();
        }
        for id in blobs {
            let mut opened = self.opened.borrow_mut();
            let values = opened.entry(id).or_insert_with(|| self.opened(self.git.find_blob(id).unwrap().content()));
            all.extend(values.iter().cloned());
        }
        all
    }

    fn opened(&self, bytes: &[u8]) -> BTreeSet<String> {
        texts(envelope::open(self.cipher.as_ref(), bytes).unwrap().text.expose())
    }
}

fn texts(source: &[u8]) -> BTreeSet<String> {
    Document::parse(source).values().values().map(|value| value.expose().to_owned()).collect()
}
