//! The service behind the client: what it does with each request, and how long a request is on its way.

use super::{Loss, MemoryNames, MemoryPayloads, ReadAll, Record, Recovery, SCOPE, Version};
use crate::domain::environment::{Location, StoreKind};
use crate::domain::snapshot::{PayloadName, Stamp, VersionId};
use crate::ports::{StoreError, StoreErrorKind, WriteGuarantee};
use crate::stores::payload::{
    ByName, Capabilities, Currency, Deleted, Deletion, EmptyPayloads, History, Listed, Lookup, Payload, PayloadStore,
    Precondition, Probe, Put, ResourceId, Schedule, VersionInfo, Written,
};
use async_trait::async_trait;
use std::future::poll_fn;
use std::task::Poll;

/// What lies below a location, with its contents.
type Everything = Vec<(Listed, Lookup<Payload>)>;

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
        self.travel(|| self.do_list(under)).await
    }

    async fn read_all(&self, under: &Location) -> Result<Option<Vec<(Listed, Lookup<Payload>)>>, StoreError> {
        self.travel(|| self.do_read_all(under)).await
    }

    async fn stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        self.travel(|| self.do_stamps(names)).await
    }

    async fn get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        self.travel(|| self.do_get_many(names)).await
    }

    async fn get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        self.travel(|| self.do_get_version(name, version)).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Written, StoreError> {
        self.travel(|| self.do_put(&put)).await
    }

    async fn delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
        self.travel(|| self.do_delete(name, expected)).await
    }

    async fn restore(&self, name: &PayloadName) -> Result<(), StoreError> {
        self.travel(|| self.do_restore(name)).await
    }

    async fn history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        self.travel(|| self.do_history(name, limit)).await
    }
}

impl MemoryPayloads {
    /// Takes a request there and its answer back: who stops waiting on the way back has done it all the same.
    async fn travel<T>(&self, request: impl FnOnce() -> T) -> T {
        let delay = {
            let mut service = self.service.borrow_mut();
            service.under_way += 1;
            service.most_under_way = service.most_under_way.max(service.under_way);
            service.delay
        };
        let arrival = Arrival(self);
        wait(delay).await;
        let answer = request();
        wait(delay).await;
        drop(arrival);
        answer
    }
}

/// Ends a request's way, also that of one nobody waits for any more.
struct Arrival<'a>(&'a MemoryPayloads);

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.0.service.borrow_mut().under_way -= 1;
    }
}

async fn wait(polls: usize) {
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl MemoryPayloads {
    fn answered_scope(&self) -> String {
        self.service.borrow().scope.clone()
    }

    fn listed(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        let service = self.service.borrow();
        if let Some(kind) = service.list_refusal {
            return Err(self.error(kind, "list", None));
        }
        let stamps = self.capabilities.probe == Probe::InList;
        let entry = |(name, record): (&PayloadName, &Record)| {
            let last = record.versions.last()?;
            MemoryNames::child(under, name)?;
            Some(Listed {
                name: name.clone(),
                stamp: stamps.then(|| last.stamp()),
                labels: last.labels.clone(),
                scope: Some(service.scope.clone()),
                schedule: if record.deletion.is_some() { Schedule::Deletion } else { Schedule::Kept },
            })
        };
        Ok(service.payloads.iter().filter_map(entry).collect())
    }

    fn do_list(&self, under: &Location) -> Result<Vec<Listed>, StoreError> {
        self.answer("list", &[])?;
        self.listed(under)
    }

    fn do_read_all(&self, under: &Location) -> Result<Option<Everything>, StoreError> {
        if self.service.borrow().read_all == ReadAll::Unsupported {
            return Ok(None);
        }
        self.answer("read-all", &[])?;
        let listed = self.listed(under)?;
        let names: Vec<PayloadName> = listed.iter().map(|listed| listed.name.clone()).collect();
        let scope = self.answered_scope();
        let mut payloads = self.look_up(&names, |name, version| version.payload(name, &scope));
        let both = |listed: Listed| {
            let payload = payloads.remove(&listed.name)?;
            Some((listed, payload))
        };
        Ok(Some(listed.into_iter().filter_map(both).collect()))
    }

    fn do_stamps(&self, names: &[PayloadName]) -> Result<ByName<Stamp>, StoreError> {
        self.answer("stamps", names)?;
        Ok(self.look_up(names, |_, version| version.stamp()))
    }

    fn do_get_many(&self, names: &[PayloadName]) -> Result<ByName<Payload>, StoreError> {
        self.answer("get", names)?;
        let scope = self.answered_scope();
        Ok(self.look_up(names, |name, version| version.payload(name, &scope)))
    }

    fn do_get_version(&self, name: &PayloadName, version: &VersionId) -> Result<Payload, StoreError> {
        self.answer("get-version", std::slice::from_ref(name))?;
        self.permit("read", name)?;
        let scope = self.answered_scope();
        let service = self.service.borrow();
        let kept = self.capabilities.history == History::Kept;
        let record = service.payloads.get(name).filter(|_| kept);
        record
            .and_then(|record| record.versions.iter().find(|kept| kept.id == *version))
            .map(|kept| kept.payload(name, &scope))
            .ok_or_else(|| self.error(StoreErrorKind::Unsupported, "read", Some(name)))
    }

    fn do_put(&self, put: &Put<'_>) -> Result<Written, StoreError> {
        let name = put.name;
        let guarantee = self.guarantee();
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
        if guarantee == WriteGuarantee::Conditional && current.as_ref() != put.when.version() {
            return Err(self.error(StoreErrorKind::Moved, "write", Some(name)));
        }
        let version = self.store(name, put.value.clone(), Some(put.write.clone()), put.labels.clone());
        if lost == Some(Loss::Answer) {
            return Err(self.unreachable("write"));
        }
        let tells = guarantee == WriteGuarantee::Detected;
        Ok(Written {
            stamp: version.stamp(),
            version: version.id,
            guarantee,
            overwrote: current.filter(|_| tells),
            resource: ResourceId { scope: self.answered_scope(), name: name.0.clone() },
        })
    }

    fn do_delete(&self, name: &PayloadName, expected: &VersionId) -> Result<Deleted, StoreError> {
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

    fn do_restore(&self, name: &PayloadName) -> Result<(), StoreError> {
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

    fn do_history(&self, name: &PayloadName, limit: usize) -> Result<Vec<VersionInfo>, StoreError> {
        self.answer("history", std::slice::from_ref(name))?;
        self.permit("history", name)?;
        if self.capabilities.history == History::Forgotten {
            return Err(self.error(StoreErrorKind::Unsupported, "history", Some(name)));
        }
        let service = self.service.borrow();
        let versions = service.payloads.get(name).map_or(&[][..], |record| &record.versions);
        let info = |(age, version): (usize, &Version)| VersionInfo {
            version: version.id.clone(),
            created: Some(version.at),
            currency: if age == 0 { Currency::Current } else { Currency::Former },
        };
        Ok(versions.iter().rev().take(limit).enumerate().map(info).collect())
    }
}
