//! A secret manager in memory, for tests: versions, deletion windows, and a switch for everything that can go wrong.
//!
//! Clones share one service, so that several clients, and writers that go around envsync, meet in it.

use super::layout::{Decoded, NameCodec, NameRefusal};
use super::payload::{
    ByName, Capabilities, Currency, Deleted, Deletion, EmptyPayloads, History, Labels, Listed, Lookup, Payload,
    PayloadStore, Precondition, Probe, Put, ResourceId, VersionInfo, WriteId, Written,
};
use super::store_error;
use crate::domain::environment::{Location, StoreKind};
use crate::domain::key::Key;
use crate::domain::secret::SecretBytes;
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{Retry, StoreError, StoreErrorKind, WriteGuarantee};
use async_trait::async_trait;
use std::cell::RefCell;
use std::collections::BTreeMap;
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

    fn payload(&self, name: &PayloadName) -> Payload {
        Payload {
            value: self.value.clone(),
            version: self.id.clone(),
            stamp: self.stamp(),
            labels: self.labels.clone(),
            write: self.write.clone(),
            resource: ResourceId { scope: SCOPE.to_owned(), name: name.0.clone() },
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
            pace: None,
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
        let version = Version { id: VersionId(service.clock.to_string()), value, write, labels };
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

    fn look_up<T>(&self, names: &[PayloadName], found: impl Fn(&PayloadName, &Version) -> T) -> ByName<T> {
        let service = self.service.borrow();
        let lookup = |name: &PayloadName| match (service.refusals.get(name), service.payloads.get(name)) {
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

#[async_trait(?Send)]
impl PayloadStore for MemoryPayloads {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        self.answer("list", &[])?;
        let service = self.service.borrow();
        if let Some(kind) = service.list_refusal {
            return Err(self.error(kind, "list", None));
        }
        let stamps = self.capabilities.probe == Probe::InList;
        let entry = |(name, record): (&PayloadName, &Record)| {
            let last = record.versions.last()?;
            MemoryNames::child(under, name)?;
            Some(Listed { name: name.clone(), stamp: stamps.then(|| last.stamp()), labels: last.labels.clone() })
        };
        Ok(service.payloads.iter().filter_map(entry).collect())
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        self.answer("stamps", names)?;
        Ok(self.look_up(names, |_, version| version.stamp()))
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        self.answer("get", names)?;
        Ok(self.look_up(names, |name, version| version.payload(name)))
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        self.answer("get-version", std::slice::from_ref(name))?;
        self.permit("read", name)?;
        let service = self.service.borrow();
        let kept = self.capabilities.history == History::Kept;
        let record = service.payloads.get(name).filter(|_| kept);
        record
            .and_then(|record| record.versions.iter().find(|kept| kept.id == *version))
            .map(|kept| kept.payload(name))
            .ok_or_else(|| self.error(StoreErrorKind::Unsupported, "read", Some(name)))
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        let name = put.name;
        self.answer("put", std::slice::from_ref(name))?;
        let lost = self.begin_write();
        if lost == Some(Loss::Request) {
            return Err(self.unreachable("write"));
        }
        self.permit("write", name)?;
        let size = put.value.expose().len();
        if self.capabilities.max_bytes.is_some_and(|limit| size > limit) {
            return Err(self.error(StoreErrorKind::TooLarge, "write", Some(name)));
        }
        if size == 0 && self.capabilities.empty == EmptyPayloads::Refused {
            return Err(self.error(StoreErrorKind::Unstorable, "write", Some(name)));
        }
        let current = self.current("write", name)?;
        if self.capabilities.writes == WriteGuarantee::Conditional && current.as_ref() != put.when.version() {
            return Err(self.error(StoreErrorKind::Moved, "write", Some(name)));
        }
        let version = self.store(name, put.value.clone(), Some(put.write.clone()), put.labels.clone());
        if lost == Some(Loss::Answer) {
            return Err(self.unreachable("write"));
        }
        let tells = self.capabilities.writes == WriteGuarantee::Detected;
        Ok(Written { stamp: version.stamp(), version: version.id, overwrote: current.filter(|_| tells) })
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        self.answer("delete", std::slice::from_ref(name))?;
        let lost = self.begin_write();
        if lost == Some(Loss::Request) {
            return Err(self.unreachable("delete"));
        }
        self.permit("delete", name)?;
        let current = self.current("delete", name)?;
        let when = Precondition::Unchanged(expected.clone());
        if self.capabilities.deletes == WriteGuarantee::Conditional && current.as_ref() != when.version() {
            return Err(self.error(StoreErrorKind::Moved, "delete", Some(name)));
        }
        match self.capabilities.deletion {
            Deletion::Immediate => self.raw_delete(name),
            Deletion::Window => self.schedule_deletion(name, true),
        }
        if lost == Some(Loss::Answer) {
            return Err(self.unreachable("delete"));
        }
        let tells = self.capabilities.deletes == WriteGuarantee::Detected;
        Ok(Deleted { overwrote: current.filter(|_| tells) })
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        self.answer("restore", std::slice::from_ref(name))?;
        self.permit("restore", name)?;
        let mut service = self.service.borrow_mut();
        match service.payloads.get_mut(name) {
            Some(record) if record.deletion != Some(Recovery::Impossible) => {
                record.deletion = None;
                Ok(())
            }
            _ => Err(self.error(StoreErrorKind::PendingDeletion, "restore", Some(name))),
        }
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        self.answer("history", std::slice::from_ref(name))?;
        self.permit("history", name)?;
        if self.capabilities.history == History::Forgotten {
            return Err(self.error(StoreErrorKind::Unsupported, "history", Some(name)));
        }
        let service = self.service.borrow();
        let versions = service.payloads.get(name).map_or(&[][..], |record| &record.versions);
        let info = |(age, version): (usize, &Version)| VersionInfo {
            version: version.id.clone(),
            created: None,
            currency: if age == 0 { Currency::Current } else { Currency::Former },
        };
        Ok(versions.iter().rev().take(limit).enumerate().map(info).collect())
    }
}

/// The names of the service: `location` and `location/KEY`.
#[derive(Debug)]
pub struct MemoryNames;

impl MemoryNames {
    /// The part of a name below a location, where it is directly below it.
    fn child<'a>(location: &Location, name: &'a PayloadName) -> Option<&'a str> {
        let below = match location.as_str() {
            "" => name.0.as_str(),
            location => name.0.strip_prefix(location)?.strip_prefix('/')?,
        };
        (!below.is_empty() && !below.contains('/')).then_some(below)
    }
}

impl NameCodec for MemoryNames {
    fn location_name(&self, location: &Location) -> Result<PayloadName, NameRefusal> {
        match location.as_str() {
            "" => Err(NameRefusal("this layout needs a path".to_owned())),
            location => Ok(PayloadName(location.to_owned())),
        }
    }

    fn key_name(&self, location: &Location, key: &Key) -> Result<PayloadName, NameRefusal> {
        Ok(PayloadName(location.join(key.as_str()).as_str().to_owned()))
    }

    fn decode(&self, location: &Location, listed: &Listed) -> Decoded {
        match Self::child(location, &listed.name) {
            None => Decoded::Elsewhere,
            Some(name) => Key::new(name).map_or_else(|refused| Decoded::Foreign(refused.0), Decoded::Key),
        }
    }
}
