//! A secret manager in memory, for tests: versions, deletion windows, and a switch for everything that can go wrong.
//!
//! Clones share one service, so that several clients, and writers that go around envsync, meet in it.

mod names;
mod service;

pub use names::MemoryNames;

use super::payload::{
    ByName, Capabilities, Deletion, EmptyPayloads, History, Labels, Lookup, Pace, Payload, Probe, ResourceId, WriteId,
};
use super::store_error;
use crate::domain::environment::Timestamp;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{Retry, StoreError, StoreErrorKind, WriteGuarantee};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

/// A client of a service in memory.
#[derive(Debug, Clone)]
pub struct MemoryPayloads {
    capabilities: Capabilities,
    service: Rc<RefCell<Service>>,
}

/// One request, as the service saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `list`, `stamps`, `get`, `get-version`, `put`, `delete`, `restore`, `history`.
    pub operation: &'static str,
    /// The names it was about.
    pub names: Vec<PayloadName>,
}

/// Whether versions remember the write that made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteIds {
    /// They do.
    Kept,
    /// They do not: only the content recognises a write.
    Forgotten,
}

/// Whether a location can be read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAll {
    /// It can.
    Supported,
    /// It cannot: by list and by name only.
    Unsupported,
}

/// Something that happens in the service before a write.
pub type Interference = Box<dyn FnOnce(&MemoryPayloads)>;

struct Service {
    payloads: BTreeMap<PayloadName, Record>,
    refusals: BTreeMap<PayloadName, StoreErrorKind>,
    list_refusal: Option<StoreErrorKind>,
    write_ids: WriteIds,
    clock: u64,
    writes: usize,
    lost: BTreeMap<usize, Loss>,
    requests_left: Option<usize>,
    interference: BTreeMap<usize, Interference>,
    log: Vec<Request>,
    scope: String,
    throttled: usize,
    throttle: Retry,
    shy: BTreeMap<PayloadName, usize>,
    downgrade: Option<WriteGuarantee>,
    read_all: ReadAll,
    delay: usize,
    under_way: usize,
    most_under_way: usize,
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Service").field("payloads", &self.payloads).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct Record {
    versions: Vec<Version>,
    deletion: Option<Recovery>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    Possible,
    Impossible,
}

/// What gets lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Request,
    Answer,
}

#[derive(Debug, Clone)]
struct Version {
    id: VersionId,
    at: Timestamp,
    value: SecretBytes,
    write: Option<WriteId>,
    labels: Labels,
}

impl Record {
    fn current(&self) -> Option<&Version> {
        if self.deletion.is_some() { None } else { self.versions.last() }
    }
}

impl Version {
    fn stamp(&self) -> Stamp {
        Stamp(format!("stamp of {}", self.id.0))
    }

    fn payload(&self, name: &PayloadName, scope: &str) -> Payload {
        Payload {
            value: self.value.clone(),
            version: self.id.clone(),
            stamp: self.stamp(),
            labels: self.labels.clone(),
            write: self.write.clone(),
            resource: ResourceId { scope: scope.to_owned(), name: name.0.clone() },
        }
    }
}

const SCOPE: &str = "memory";

impl MemoryPayloads {
    /// An empty service whose writes and deletions meet others as told. It lists, keeps history, forgets at once what
    /// is deleted, and takes everything.
    #[must_use]
    pub fn new(guarantee: WriteGuarantee) -> Self {
        let capabilities = Capabilities {
            in_tree: false,
            writes: guarantee,
            deletes: guarantee,
            probe: Probe::InList,
            empty: EmptyPayloads::Kept,
            max_bytes: None,
            batch: 10,
            pace: Pace::default(),
            deletion: Deletion::Immediate,
            history: History::Kept,
        };
        let service = Service {
            payloads: BTreeMap::new(),
            refusals: BTreeMap::new(),
            list_refusal: None,
            write_ids: WriteIds::Kept,
            clock: 0,
            writes: 0,
            lost: BTreeMap::new(),
            requests_left: None,
            interference: BTreeMap::new(),
            log: Vec::new(),
            scope: SCOPE.to_owned(),
            throttled: 0,
            throttle: Retry::Soon,
            shy: BTreeMap::new(),
            downgrade: None,
            read_all: ReadAll::Unsupported,
            delay: 0,
            under_way: 0,
            most_under_way: 0,
        };
        Self { capabilities, service: Rc::new(RefCell::new(service)) }
    }

    /// A client of the same service with other capabilities.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    /// Whether versions remember the write that made them.
    pub fn set_write_ids(&self, write_ids: WriteIds) {
        self.service.borrow_mut().write_ids = write_ids;
    }

    /// Refuses everything that is done to a name, with an error of this kind.
    pub fn refuse(&self, name: &PayloadName, kind: StoreErrorKind) {
        self.service.borrow_mut().refusals.insert(name.clone(), kind);
    }

    /// Takes a refusal back.
    pub fn allow(&self, name: &PayloadName) {
        self.service.borrow_mut().refusals.remove(name);
    }

    /// Refuses to list.
    pub fn refuse_lists(&self, kind: StoreErrorKind) {
        self.service.borrow_mut().list_refusal = Some(kind);
    }

    /// Schedules a name for deletion, for good or so that it can be restored.
    pub fn schedule_deletion(&self, name: &PayloadName, recoverable: bool) {
        let recovery = if recoverable { Recovery::Possible } else { Recovery::Impossible };
        if let Some(record) = self.service.borrow_mut().payloads.get_mut(name) {
            record.deletion = Some(recovery);
        }
    }

    /// Does the write after the next `skip` ones and loses its answer.
    pub fn lose_answer(&self, skip: usize) {
        self.lose(skip, Loss::Answer);
    }

    /// Does not do the write after the next `skip` ones, and answers as for a lost answer.
    pub fn lose_request(&self, skip: usize) {
        self.lose(skip, Loss::Request);
    }

    fn lose(&self, skip: usize, loss: Loss) {
        let mut service = self.service.borrow_mut();
        let number = service.writes + skip;
        service.lost.insert(number, loss);
    }

    /// Answers this many requests more, and no other.
    pub fn fail_after(&self, requests: usize) {
        self.service.borrow_mut().requests_left = Some(requests);
    }

    /// Answers again.
    pub fn recover(&self) {
        self.service.borrow_mut().requests_left = None;
    }

    /// Lets something happen right before the write after the next `skip` ones.
    pub fn interfere(&self, skip: usize, interference: Interference) {
        let mut service = self.service.borrow_mut();
        let number = service.writes + skip;
        service.interference.insert(number, interference);
    }

    /// Answers from another scope than the one that is configured: other credentials, say.
    pub fn answer_from(&self, scope: &str) {
        scope.clone_into(&mut self.service.borrow_mut().scope);
    }

    /// Asks to slow down, this many times.
    pub fn throttle(&self, times: usize, retry: Retry) {
        let mut service = self.service.borrow_mut();
        service.throttled = times;
        service.throttle = retry;
    }

    /// Leaves a name out of what is read, this many times: the store asks to slow down for it.
    pub fn throttle_name(&self, name: &PayloadName, times: usize) {
        self.service.borrow_mut().shy.insert(name.clone(), times);
    }

    /// Writes in a weaker way than the capabilities say: the stronger one is not permitted.
    pub fn downgrade(&self, guarantee: WriteGuarantee) {
        self.service.borrow_mut().downgrade = Some(guarantee);
    }

    /// Whether a location can be read in one go.
    pub fn set_read_all(&self, read_all: ReadAll) {
        self.service.borrow_mut().read_all = read_all;
    }

    /// Lets every request wait for so many polls on its way there, and as many on its way back.
    pub fn delay(&self, polls: usize) {
        self.service.borrow_mut().delay = polls;
    }

    /// How many requests were under way at the same time, at most.
    #[must_use]
    pub fn most_under_way(&self) -> usize {
        self.service.borrow().most_under_way
    }

    /// Lets time pass: what is written later is younger by that much.
    pub fn pass(&self, seconds: u64) {
        self.service.borrow_mut().clock += seconds;
    }

    /// The requests so far.
    #[must_use]
    pub fn log(&self) -> Vec<Request> {
        self.service.borrow().log.clone()
    }

    /// How many writes and deletions were asked for.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.service.borrow().writes
    }

    /// The content of a payload, read around envsync.
    #[must_use]
    pub fn raw(&self, name: &PayloadName) -> Option<SecretBytes> {
        self.service.borrow().payloads.get(name)?.current().map(|version| version.value.clone())
    }

    /// Writes a payload around envsync.
    pub fn raw_put(&self, name: &PayloadName, value: &[u8]) {
        self.store(name, SecretBytes::new(value.to_vec()), None, Labels::new());
    }

    /// Deletes a payload around envsync.
    pub fn raw_delete(&self, name: &PayloadName) {
        self.service.borrow_mut().payloads.remove(name);
    }

    fn store(&self, name: &PayloadName, value: SecretBytes, write: Option<WriteId>, labels: Labels) -> Version {
        let mut service = self.service.borrow_mut();
        service.clock += 1;
        let write = write.filter(|_| service.write_ids == WriteIds::Kept);
        let at = Timestamp(service.clock);
        let version = Version { id: VersionId(service.clock.to_string()), at, value, write, labels };
        let record =
            service.payloads.entry(name.clone()).or_insert_with(|| Record { versions: Vec::new(), deletion: None });
        record.deletion = None;
        record.versions.push(version.clone());
        version
    }

    fn error(&self, kind: StoreErrorKind, operation: &'static str, name: Option<&PayloadName>) -> StoreError {
        let detail = format!("{}: {kind:?}", name.map_or("the service", |name| name.0.as_str()));
        StoreError { payload: name.cloned(), ..store_error(self, kind, operation, detail) }
    }

    fn unreachable(&self, operation: &'static str) -> StoreError {
        StoreError { retry: Retry::Soon, ..self.error(StoreErrorKind::Unreachable, operation, None) }
    }

    fn answer(&self, operation: &'static str, names: &[PayloadName]) -> Result<(), StoreError> {
        let mut service = self.service.borrow_mut();
        service.log.push(Request { operation, names: names.to_vec() });
        if service.throttled > 0 {
            service.throttled -= 1;
            let retry = service.throttle;
            drop(service);
            return Err(StoreError { retry, ..self.error(StoreErrorKind::Throttled, operation, None) });
        }
        match &mut service.requests_left {
            None => Ok(()),
            Some(0) => Err(self.unreachable(operation)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn permit(&self, operation: &'static str, name: &PayloadName) -> Result<(), StoreError> {
        match self.service.borrow().refusals.get(name) {
            Some(kind) => Err(self.error(*kind, operation, Some(name))),
            None => Ok(()),
        }
    }

    /// Counts a write, lets others interfere, and says what will be lost of it.
    fn begin_write(&self) -> Option<Loss> {
        let (number, interference) = {
            let mut service = self.service.borrow_mut();
            let number = service.writes;
            service.writes += 1;
            (number, service.interference.remove(&number))
        };
        if let Some(interference) = interference {
            interference(self);
        }
        self.service.borrow_mut().lost.remove(&number)
    }

    fn guarantee(&self) -> WriteGuarantee {
        self.service.borrow().downgrade.unwrap_or(self.capabilities.writes)
    }

    /// Whether a name is left out this time.
    fn is_shy(&self, name: &PayloadName) -> bool {
        match self.service.borrow_mut().shy.get_mut(name) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }

    fn look_up<T>(&self, names: &[PayloadName], found: impl Fn(&PayloadName, &Version) -> T) -> ByName<T> {
        let shy: BTreeSet<&PayloadName> = names.iter().filter(|name| self.is_shy(name)).collect();
        let service = self.service.borrow();
        let throttled = |name: &PayloadName| StoreError {
            retry: service.throttle,
            ..self.error(StoreErrorKind::Throttled, "read", Some(name))
        };
        let lookup = |name: &PayloadName| match (service.refusals.get(name), service.payloads.get(name)) {
            _ if shy.contains(name) => Lookup::Unreadable(throttled(name)),
            (_, None) => Lookup::Absent,
            (Some(kind), _) => Lookup::Unreadable(self.error(*kind, "read", Some(name))),
            (_, Some(Record { deletion: Some(recovery), .. })) => {
                Lookup::Deleted { recoverable: *recovery == Recovery::Possible }
            }
            (_, Some(record)) => record.versions.last().map_or(Lookup::Absent, |last| Lookup::Found(found(name, last))),
        };
        names.iter().map(|name| (name.clone(), lookup(name))).collect()
    }

    fn current(&self, operation: &'static str, name: &PayloadName) -> Result<Option<VersionId>, StoreError> {
        match self.service.borrow().payloads.get(name) {
            Some(Record { deletion: Some(_), .. }) => {
                Err(self.error(StoreErrorKind::PendingDeletion, operation, Some(name)))
            }
            Some(record) => Ok(record.current().map(|version| version.id.clone())),
            None => Ok(None),
        }
    }
}

impl fmt::Display for MemoryPayloads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("memory")
    }
}
