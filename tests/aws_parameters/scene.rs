//! What the tests of Parameter Store share: a client over a forwarder over moto, and a way around it.

#![allow(clippy::result_large_err, reason = "errors of the tests are in no hurry")]

use crate::support::forwarder::Forwarder;
use crate::support::moto;
use envsync::domain::config::Layout;
use envsync::domain::environment::Location;
use envsync::domain::secret::SecretBytes;
use envsync::domain::snapshot::{PayloadName, VersionId};
use envsync::files::SystemClock;
use envsync::ports::{EnvironmentStore, Level, RequestLog, RequestSeen, StoreError, TimeBudget, block_on};
use envsync::stores::aws::{Aws, AwsSettings};
use envsync::stores::aws_parameters::{AwsParameters, AwsParametersNames};
use envsync::stores::layout::{self, Place};
use envsync::stores::net::Net;
use envsync::stores::payload::{Labels, Lookup, Payload, PayloadStore, Precondition, Put, WriteId, Written};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) const ACCOUNT: &str = "123456789012/eu-central-1";

/// A place of its own in moto, and a client that reaches it through a forwarder.
pub(super) struct Scene {
    pub(super) forwarder: Forwarder,
    pub(super) moto: Moto,
    pub(super) location: Location,
    pub(super) payloads: Rc<AwsParameters>,
}

/// The service, asked around the program.
#[derive(Clone, Copy)]
pub(super) struct Moto(&'static str);

impl Scene {
    /// None where moto is not installed; that is said then.
    pub(super) fn new(left_out: &str) -> Option<Self> {
        Self::with(left_out, |_| {})
    }

    pub(super) fn with(left_out: &str, change: impl FnOnce(&mut AwsSettings)) -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let moto = Moto(moto::url(left_out)?);
        let forwarder = Forwarder::to(moto.0);
        let location = Location::new(format!("acme/test-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let payloads = client(&forwarder.url(), change);
        Some(Self { forwarder, moto, location, payloads })
    }

    /// The parameter of a key; the location's own for an empty one.
    pub(super) fn name(&self, key: &str) -> PayloadName {
        PayloadName(format!("/{}", self.location.join(key).as_str()))
    }

    pub(super) fn get(&self, key: &str) -> Lookup<Payload> {
        let name = self.name(key);
        block_on(self.payloads.get_many(std::slice::from_ref(&name))).unwrap().remove(&name).unwrap()
    }

    #[track_caller]
    pub(super) fn found(&self, key: &str) -> Payload {
        match self.get(key) {
            Lookup::Found(payload) => payload,
            other => panic!("{key}: {other:?}"),
        }
    }

    pub(super) fn put(&self, key: &str, value: &str, when: Precondition) -> Result<Written, StoreError> {
        let (name, value) = (self.name(key), SecretBytes::from(value));
        let write = WriteId::from_random(1, 2);
        block_on(self.payloads.put(Put { name: &name, value: &value, when, write: &write, labels: &Labels::new() }))
    }

    /// Creates parameters around the program.
    pub(super) fn plant(&self, count: usize) -> Vec<PayloadName> {
        let names: Vec<PayloadName> = (0..count).map(|at| self.name(&format!("KEY_{at}"))).collect();
        for (at, name) in names.iter().enumerate() {
            self.moto.put(&name.0, &format!("canary-{at}"));
        }
        names
    }
}

/// Another client of the service at `url`.
pub(super) fn client(url: &str, change: impl FnOnce(&mut AwsSettings)) -> Rc<AwsParameters> {
    let mut settings = AwsSettings {
        name: "aws".to_owned(),
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(url.to_owned()),
        ..AwsSettings::default()
    };
    change(&mut settings);
    let budget = Rc::new(TimeBudget::new(Rc::new(SystemClock::new()), Duration::from_secs(600)));
    Rc::new(AwsParameters::new(Rc::new(Aws::new(settings, Net::new(budget, Arc::new(Deaf))))))
}

/// The environment at a location, by its client.
pub(super) fn environment_of(
    payloads: Rc<AwsParameters>,
    layout: Layout,
    location: Location,
) -> Box<dyn EnvironmentStore> {
    let clock = Rc::new(SystemClock::new());
    layout::environment(layout, Place { payloads, names: Rc::new(AwsParametersNames), location, clock })
}

impl Moto {
    pub(super) fn call(self, operation: &str, body: &serde_json::Value) -> serde_json::Value {
        let (status, answer) = moto::call(self.0, "AmazonSSM", operation, &body.to_string());
        assert_eq!(status, 200, "{operation}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Writes as another program would.
    pub(super) fn put(self, name: &str, value: &str) {
        self.call(
            "PutParameter",
            &serde_json::json!({ "Name": name, "Value": value, "Type": "SecureString", "Overwrite": true }),
        );
    }

    /// Deletes as another program would.
    pub(super) fn delete(self, name: &str) {
        self.call("DeleteParameter", &serde_json::json!({ "Name": name }));
    }

    /// What is there now; none where nothing is.
    pub(super) fn value(self, name: &str) -> Option<String> {
        let answer = self.call("GetParameters", &serde_json::json!({ "Names": [name], "WithDecryption": true }));
        Some(answer["Parameters"].get(0)?["Value"].as_str().unwrap().to_owned())
    }

    /// What a description says of a parameter.
    pub(super) fn described(self, name: &str) -> serde_json::Value {
        let filters = serde_json::json!([{ "Key": "Name", "Option": "Equals", "Values": [name] }]);
        self.call("DescribeParameters", &serde_json::json!({ "ParameterFilters": filters }))["Parameters"][0].take()
    }
}

pub(super) fn version(text: &str) -> VersionId {
    VersionId(text.to_owned())
}

/// Hears nothing.
#[derive(Debug)]
struct Deaf;

impl RequestLog for Deaf {
    fn wants(&self, _: Level) -> bool {
        false
    }

    fn request(&self, _: &RequestSeen<'_>) {}

    fn event(&self, _: &str, _: &str) {}
}
