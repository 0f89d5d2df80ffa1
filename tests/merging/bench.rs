//! A workspace over the store in memory: for what no file in a work tree can show.

use super::elsewhere::{Elsewhere, Script};
use async_trait::async_trait;
use envsync::app::decide::Request;
use envsync::app::reconcile::reconcile;
use envsync::app::report::{Outcome, Report};
use envsync::app::workspace::{Head, Options, Wanted, Workspace};
use envsync::config::file;
use envsync::config::identity::Identity;
use envsync::domain::branch::BranchName;
use envsync::domain::config::{Layout, Which};
use envsync::domain::dotenv::Document;
use envsync::domain::environment::{EnvFilePath, EnvironmentName, Location, Timestamp};
use envsync::domain::key::Key;
use envsync::domain::plan::{Choice, Direction};
use envsync::domain::record::FileState;
use envsync::domain::secret::SecretBytes;
use envsync::domain::snapshot::PayloadName;
use envsync::ports::{
    Asker, Cipher, Clock, EnvFiles, EnvironmentStore, Failure, FailureKind, GitRepository, InTreeFile, OutgoingText,
    Reporter, Stages, StoreFile, Stores, TimeBudget, WriteGuarantee, block_on,
};
use envsync::state::CommonDirState;
use envsync::stores::layout::{self, Place};
use envsync::stores::memory::{MemoryNames, MemoryPayloads};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use tempfile::TempDir;

const CONFIG: &str = "
version = 1
[[environment]]
name = \"top\"
branches = [\"top\"]
store = \"cloud\"
path = \"top\"
[[environment]]
name = \"main\"
branches = [\"main\"]
store = \"cloud\"
path = \"main\"
[stores.cloud]
kind = \"age\"
";

/// One work tree with `.env`, on `main`, and its store.
pub(super) struct Bench {
    pub(super) workspace: Workspace,
    pub(super) payloads: MemoryPayloads,
    pub(super) files: Rc<Files>,
    pub(super) clock: Rc<StillClock>,
    pub(super) told: Rc<Told>,
    stores: Rc<MemoryStores>,
    layout: Layout,
    directory: TempDir,
}

impl Bench {
    pub(super) fn new(layout: Layout) -> Self {
        Self::over(layout, MemoryPayloads::new(WriteGuarantee::Conditional))
    }

    pub(super) fn over(layout: Layout, payloads: MemoryPayloads) -> Self {
        let directory = TempDir::new().unwrap();
        let identity = Rc::new(Identity::create(&directory.path().join("identity")).unwrap());
        let cipher: Rc<dyn Cipher> = identity;
        let state = CommonDirState::new(
            directory.path().join("state"),
            "main".to_owned(),
            || Ok(vec!["main".to_owned()]),
            Rc::clone(&cipher),
            || Timestamp(1_000),
        );
        let clock = Rc::new(StillClock::default());
        let stores = Rc::new(MemoryStores {
            layout,
            payloads: payloads.clone(),
            other: MemoryPayloads::new(WriteGuarantee::Conditional),
            clock: Rc::clone(&clock),
            scope: RefCell::default(),
            script: Rc::default(),
        });
        let (files, told) = (Rc::new(Files::default()), Rc::new(Told::default()));
        let workspace = Workspace {
            config: file::parse(CONFIG).unwrap(),
            head: Head::Branch(BranchName::new("main")),
            wanted: Wanted::default(),
            only_file: None,
            options: Options { offline: false, max_age: None, yes: false },
            files: Rc::<Files>::clone(&files),
            state: Rc::new(state),
            git: Rc::new(Ignoring),
            stores: Rc::<MemoryStores>::clone(&stores),
            cipher,
            budget: Rc::new(TimeBudget::new(Rc::<StillClock>::clone(&clock), Duration::from_secs(30))),
            clock: Rc::<StillClock>::clone(&clock),
            said: RefCell::default(),
            asker: Rc::<Told>::clone(&told),
            reporter: Rc::<Told>::clone(&told),
        };
        Self { workspace, payloads, files, clock, told, stores, layout, directory }
    }

    /// The store and the file hold this, and have agreed on it.
    pub(super) fn agreed(layout: Layout, env: &str) -> Self {
        let bench = Self::new(layout);
        bench.agree(env);
        bench
    }

    pub(super) fn agree(&self, env: &str) {
        self.files.write(env);
        let answers = self.told.answer.replace(true);
        assert!(self.push().unwrap().failure.is_none());
        self.told.answer.set(answers);
    }

    pub(super) fn pull(&self) -> Result<Report, Failure> {
        self.run(&Request::new("pull", Direction::ToLocal))
    }

    pub(super) fn push(&self) -> Result<Report, Failure> {
        self.run(&Request::new("push", Direction::ToRemote))
    }

    pub(super) fn sync(&self) -> Result<Report, Failure> {
        self.run(&Request::new("sync", Direction::Both))
    }

    pub(super) fn run(&self, request: &Request) -> Result<Report, Failure> {
        self.clock.tick();
        block_on(reconcile(&self.workspace, request))
    }

    pub(super) fn name(&self, key: &str) -> PayloadName {
        match self.layout {
            Layout::Keys => PayloadName(format!("main/{key}")),
            Layout::Json | Layout::Dotenv => PayloadName("main".to_owned()),
        }
    }

    /// Somebody else writes a key, around envsync. For the layouts `keys` and `dotenv`.
    pub(super) fn remotely(&self, key: &str, value: Option<&str>) {
        change(&self.payloads, self.layout, key, value);
    }

    /// What somebody else does, to be staged before a write.
    pub(super) fn interference(
        &self,
        key: &'static str,
        value: Option<&'static str>,
    ) -> Box<dyn FnOnce(&MemoryPayloads)> {
        let layout = self.layout;
        Box::new(move |payloads| change(payloads, layout, key, value))
    }

    /// What the store has for a key. For the layouts `keys` and `dotenv`.
    pub(super) fn stored(&self, key: &str) -> Option<String> {
        let body = self.payloads.raw(&self.name(key))?;
        match self.layout {
            Layout::Keys => Some(String::from_utf8(body.expose().to_vec()).unwrap()),
            Layout::Json | Layout::Dotenv => {
                let values = Document::parse(body.expose()).values();
                values.get(&Key::new(key).unwrap()).map(|value| value.expose().to_owned())
            }
        }
    }

    /// From now on the config's entry answers from elsewhere.
    pub(super) fn answer_from(&self, scope: &str) {
        *self.stores.scope.borrow_mut() = Some(scope.to_owned());
    }

    /// The store that the config calls `other`.
    pub(super) fn other(&self) -> &MemoryPayloads {
        &self.stores.other
    }

    pub(super) fn script(&self) -> &Script {
        &self.stores.script
    }

    /// What a work tree remembers that is gone by now.
    pub(super) fn gone(&self) -> CommonDirState {
        let cipher = Rc::clone(&self.workspace.cipher);
        let live = || Ok(vec!["gone-1".to_owned()]);
        CommonDirState::new(self.directory.path().join("state"), "gone-1".to_owned(), live, cipher, || Timestamp(1_000))
    }

    /// What is remembered of the file.
    pub(super) fn state(&self) -> FileState {
        block_on(self.workspace.state.load(&EnvFilePath::new(".env"))).unwrap()
    }

    pub(super) fn on_branch(&mut self, branch: &str) {
        self.workspace.head = Head::Branch(BranchName::new(branch));
    }
}

fn change(payloads: &MemoryPayloads, layout: Layout, key: &str, value: Option<&str>) {
    if layout == Layout::Keys {
        let name = PayloadName(format!("main/{key}"));
        return match value {
            Some(value) => payloads.raw_put(&name, value.as_bytes()),
            None => payloads.raw_delete(&name),
        };
    }
    let name = PayloadName("main".to_owned());
    let mut document = payloads.raw(&name).map(|body| Document::parse(body.expose())).unwrap_or_default();
    match value {
        Some(value) => document.set(&Key::new(key).unwrap(), &value.into()),
        None => document.remove(&Key::new(key).unwrap()),
    };
    payloads.raw_put(&name, document.as_bytes());
}

/// The outcome of every step, as `KEY outcome`.
pub(super) fn outcomes(report: &Report) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Nothing => "nothing",
        Outcome::Planned => "planned",
        Outcome::Applied => "applied",
        Outcome::Failed(_) => "failed",
    };
    report.targets[0].changes.iter().map(|change| format!("{} {}", change.step.key, word(&change.outcome))).collect()
}

/// The kind of the failure, wherever it is.
#[track_caller]
pub(super) fn kind(result: Result<Report, Failure>) -> Option<FailureKind> {
    match result {
        Ok(report) => report.failure.map(|failure| failure.kind),
        Err(failure) => Some(failure.kind),
    }
}

/// `.env`, in memory.
#[derive(Debug, Default)]
pub(super) struct Files {
    bytes: RefCell<Option<Vec<u8>>>,
}

impl Files {
    pub(super) fn write(&self, text: &str) {
        *self.bytes.borrow_mut() = Some(text.as_bytes().to_vec());
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.bytes.borrow().clone().unwrap_or_default()).unwrap()
    }
}

#[async_trait(?Send)]
impl EnvFiles for Files {
    async fn read(&self, _: &EnvFilePath) -> Result<Option<SecretBytes>, Failure> {
        Ok(self.bytes.borrow().clone().map(SecretBytes::new))
    }

    async fn has_a_place(&self, _: &EnvFilePath) -> Result<(), Failure> {
        Ok(())
    }

    async fn replace(
        &self,
        _: &EnvFilePath,
        expected: Option<&SecretBytes>,
        bytes: &SecretBytes,
    ) -> Result<(), Failure> {
        let now = self.bytes.borrow().clone();
        if now.as_deref() != expected.map(SecretBytes::expose) {
            return Err(Failure::new(FailureKind::LostRace, ".env was edited meanwhile"));
        }
        *self.bytes.borrow_mut() = Some(bytes.expose().to_vec());
        Ok(())
    }

    async fn sweep(&self, _: &EnvFilePath) {}
}

/// Time that passes only when somebody waits, or says so.
#[derive(Debug)]
pub(super) struct StillClock {
    milliseconds: Cell<u64>,
}

impl Default for StillClock {
    fn default() -> Self {
        Self { milliseconds: Cell::new(1_000_000) }
    }
}

impl StillClock {
    fn tick(&self) {
        self.pass(Duration::from_secs(1));
    }

    pub(super) fn pass(&self, time: Duration) {
        self.milliseconds.set(self.milliseconds.get() + u64::try_from(time.as_millis()).unwrap());
    }

    pub(super) fn turn_back(&self, time: Duration) {
        self.milliseconds.set(self.milliseconds.get() - u64::try_from(time.as_millis()).unwrap());
    }
}

#[async_trait(?Send)]
impl Clock for StillClock {
    async fn now(&self) -> Timestamp {
        Timestamp(self.milliseconds.get() / 1_000)
    }

    async fn elapsed(&self) -> Duration {
        Duration::from_millis(self.milliseconds.get())
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }

    async fn random(&self) -> u64 {
        self.milliseconds.set(self.milliseconds.get() + 1);
        self.milliseconds.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A person who gives one answer, and what they were told and asked.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) answer: Cell<bool>,
    pub(super) choice: Cell<Option<Choice>>,
    pub(super) lines: RefCell<Vec<String>>,
}

impl Asker for Told {
    fn interactive(&self) -> bool {
        self.choice.get().is_some()
    }

    fn confirm(&self, question: &str) -> bool {
        self.lines.borrow_mut().push(question.to_owned());
        self.answer.get()
    }

    fn choose(&self, _: &str, _: &EnvironmentName, key: &Key, _: &str) -> Option<Choice> {
        self.lines.borrow_mut().push(format!("which {key}?"));
        self.choice.get()
    }
}

impl Reporter for Told {
    fn note(&self, text: &str) {
        self.lines.borrow_mut().push(text.to_owned());
    }

    fn step(&self, _: &str) {}
}

/// Every env file is ignored, nothing is tracked.
#[derive(Debug)]
struct Ignoring;

impl GitRepository for Ignoring {
    fn is_tracked(&self, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    fn is_ignored(&self, _: &str) -> Result<bool, Failure> {
        Ok(true)
    }

    fn read(&self, _: &str) -> Result<Option<SecretBytes>, Failure> {
        Ok(None)
    }

    fn read_at(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }

    fn head_commit(&self) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn branch_commit(&self, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn unmerged(&self, _: &str) -> Result<Option<Stages>, Failure> {
        Ok(None)
    }

    fn stage(&self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn unmerged_under(&self, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    fn outgoing_text(
        &self,
        _: &[String],
        _: Option<&str>,
        _: &[String],
        _: &mut dyn FnMut(OutgoingText<'_>),
    ) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

/// Opens every environment in one service in memory.
struct MemoryStores {
    layout: Layout,
    payloads: MemoryPayloads,
    clock: Rc<StillClock>,
    other: MemoryPayloads,
    scope: RefCell<Option<String>>,
    script: Rc<Script>,
}

impl fmt::Debug for MemoryStores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MemoryStores")
    }
}

impl Stores for MemoryStores {
    fn open(&self, which: &Which, location: &Location) -> Result<Rc<dyn EnvironmentStore>, Failure> {
        let place = Place {
            payloads: Rc::new(if which.store.as_str() == "other" { &self.other } else { &self.payloads }.clone()),
            names: Rc::new(MemoryNames),
            location: location.clone(),
            clock: Rc::<StillClock>::clone(&self.clock),
        };
        let inner = layout::environment(self.layout, place);
        Ok(Rc::new(Elsewhere { inner, scope: self.scope.borrow().clone(), script: Rc::clone(&self.script) }))
    }

    fn open_at(&self, _: &str, _: &Which, _: &Location) -> Result<Option<Rc<dyn EnvironmentStore>>, Failure> {
        Ok(None)
    }

    fn in_tree_file(&self, _: &Which, _: &Location) -> Result<Option<InTreeFile>, Failure> {
        Ok(None)
    }

    fn stale_recipients(&self, _: &Which, _: &Location) -> Result<bool, Failure> {
        Ok(false)
    }

    fn in_tree_directories(&self) -> Vec<String> {
        Vec::new()
    }

    fn store_file(&self, _: &str) -> Result<Option<Rc<dyn StoreFile>>, Failure> {
        Ok(None)
    }
}
