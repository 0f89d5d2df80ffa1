//! What the tests of Secret Manager share: a server, a client of it, a way around it.

use super::server::Server;
use super::service::{NUMBER, PROJECT};
use envsync::domain::environment::Location;
use envsync::domain::secret::SecretBytes;
use envsync::domain::snapshot::{PayloadName, VersionId};
use envsync::files::SystemClock;
use envsync::ports::{Level, RequestLog, RequestSeen, StoreError, TimeBudget, block_on};
use envsync::stores::gcp::{GcpSecrets, GcpSettings};
use envsync::stores::net::Net;
use envsync::stores::payload::{Labels, Lookup, Payload, PayloadStore, Precondition, Put, WriteId, Written};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The project as answers name it.
pub(super) const PARENT: &str = "projects/123456789012";

/// A server, and a client of it.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) payloads: Rc<GcpSecrets>,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut GcpSettings)) -> Self {
        let server = Server::start();
        let payloads = client(&server.url(), change);
        Self { server, payloads }
    }

    pub(super) fn get(&self, name: &str) -> Lookup<Payload> {
        let name = PayloadName(name.to_owned());
        block_on(self.payloads.get_many(std::slice::from_ref(&name))).unwrap().remove(&name).unwrap()
    }

    #[track_caller]
    pub(super) fn found(&self, name: &str) -> Payload {
        match self.get(name) {
            Lookup::Found(payload) => payload,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(super) fn put(&self, name: &str, value: &str, when: Precondition) -> Result<Written, StoreError> {
        put(&self.payloads, name, value, when)
    }

    /// Creates secrets around the program, `prefix--KEY_N`.
    pub(super) fn plant(&self, prefix: &str, count: usize) -> Vec<PayloadName> {
        let names: Vec<PayloadName> = (0..count).map(|at| PayloadName(format!("{prefix}--KEY_{at}"))).collect();
        for (at, name) in names.iter().enumerate() {
            self.server.service().raw_put(PARENT, &name.0, format!("canary-{at}").as_bytes());
        }
        names
    }
}

pub(super) fn put(payloads: &GcpSecrets, name: &str, value: &str, when: Precondition) -> Result<Written, StoreError> {
    let (name, value) = (PayloadName(name.to_owned()), SecretBytes::from(value));
    let write = WriteId::from_random(1, 2);
    block_on(payloads.put(Put { name: &name, value: &value, when, write: &write, labels: &Labels::new() }))
}

/// Another client of the service at `url`, named by its number, as answers name it.
pub(super) fn client(url: &str, change: impl FnOnce(&mut GcpSettings)) -> Rc<GcpSecrets> {
    client_within(Duration::from_secs(600), url, change)
}

pub(super) fn client_within(limit: Duration, url: &str, change: impl FnOnce(&mut GcpSettings)) -> Rc<GcpSecrets> {
    client_heard(Arc::new(Ears::default()), limit, url, change)
}

pub(super) fn client_heard(
    ears: Arc<Ears>,
    limit: Duration,
    url: &str,
    change: impl FnOnce(&mut GcpSettings),
) -> Rc<GcpSecrets> {
    let mut settings = GcpSettings {
        name: "gcp".to_owned(),
        project: Some(NUMBER.to_owned()),
        endpoint: Some(url.to_owned()),
        ..GcpSettings::default()
    };
    change(&mut settings);
    let budget = Rc::new(TimeBudget::new(Rc::new(SystemClock::new()), limit));
    Rc::new(GcpSecrets::new(settings, Net::new(budget, ears)))
}

/// The project by its ID, as people write it.
pub(super) fn by_id(settings: &mut GcpSettings) {
    settings.project = Some(PROJECT.to_owned());
}

pub(super) fn version(text: &str) -> VersionId {
    VersionId(text.to_owned())
}

pub(super) fn name(text: &str) -> PayloadName {
    PayloadName(text.to_owned())
}

pub(super) fn location() -> Location {
    Location::new("acme/production")
}

/// Hears requests.
#[derive(Debug, Default)]
pub(super) struct Ears(pub(super) Mutex<Vec<(String, Option<u16>)>>);

impl RequestLog for Ears {
    fn wants(&self, level: Level) -> bool {
        level == Level::Requests
    }

    fn request(&self, seen: &RequestSeen<'_>) {
        self.0.lock().unwrap().push((seen.operation.to_owned(), seen.status));
    }

    fn event(&self, _: &str, _: &str) {}
}
