//! What the tests of Secrets Manager share: a client over a forwarder over moto, and a way around it.

use crate::support::forwarder::Forwarder;
use crate::support::moto;
use envsync::domain::config::Layout;
use envsync::domain::environment::Location;
use envsync::domain::secret::SecretBytes;
use envsync::domain::snapshot::{PayloadName, VersionId};
use envsync::files::SystemClock;
use envsync::ports::{EnvironmentStore, Level, RequestLog, RequestSeen, StoreError, TimeBudget, block_on};
use envsync::stores::aws::{Aws, AwsSettings};
use envsync::stores::aws_secrets::{AwsSecrets, AwsSecretsNames};
use envsync::stores::layout::{self, Place};
use envsync::stores::net::Net;
use envsync::stores::payload::{Labels, Lookup, Payload, PayloadStore, Precondition, Put, WriteId, Written};
use serde_json::{Value, json};
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
    pub(super) payloads: Rc<AwsSecrets>,
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
        let location = Location::new(format!("acme/secrets-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let payloads = client(&forwarder.url(), change);
        Some(Self { forwarder, moto, location, payloads })
    }

    /// The environment at the scene's location.
    pub(super) fn environment(&self, layout: Layout) -> Box<dyn EnvironmentStore> {
        self.environment_at(layout, self.location.clone())
    }

    pub(super) fn environment_at(&self, layout: Layout, location: Location) -> Box<dyn EnvironmentStore> {
        environment_of(Rc::clone(&self.payloads), layout, location)
    }

    /// The secret of a key; the location's own for an empty one.
    pub(super) fn name(&self, key: &str) -> PayloadName {
        PayloadName(self.location.join(key).as_str().to_owned())
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

    /// What a read of a key answers now.
    #[track_caller]
    pub(super) fn text(&self, key: &str) -> String {
        String::from_utf8(self.found(key).value.expose().to_vec()).unwrap()
    }

    pub(super) fn put(&self, key: &str, value: &str, when: Precondition) -> Result<Written, StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        self.put_as(&WriteId::from_random(1, COUNT.fetch_add(1, Ordering::Relaxed)), key, value, when)
    }

    pub(super) fn put_as(
        &self,
        write: &WriteId,
        key: &str,
        value: &str,
        when: Precondition,
    ) -> Result<Written, StoreError> {
        let (name, value) = (self.name(key), SecretBytes::from(value));
        let result =
            block_on(self.payloads.put(Put { name: &name, value: &value, when, write, labels: &Labels::new() }));
        let spoken = format!("{result:?}");
        assert!(!spoken.contains("canary"), "a value was printed");
        result
    }

    /// Creates secrets around the program.
    pub(super) fn plant(&self, count: usize) -> Vec<PayloadName> {
        let names: Vec<PayloadName> = (0..count).map(|at| self.name(&format!("KEY_{at}"))).collect();
        for (at, name) in names.iter().enumerate() {
            self.moto.put(&name.0, &format!("canary-{at}"));
        }
        names
    }

    /// Answers an action with an error code.
    pub(super) fn refuse(&self, action: &str, code: &str) {
        self.forwarder.answer(action, 400, &refusal(code), &[]);
    }

    /// The stages of ours that a secret has.
    pub(super) fn private_stages(&self, key: &str) -> Vec<String> {
        let described = self.moto.call("DescribeSecret", &json!({ "SecretId": self.name(key).0 }));
        let stages =
            described["VersionIdsToStages"].as_object().unwrap().values().flat_map(|all| all.as_array().unwrap());
        stages.filter_map(Value::as_str).filter(|stage| stage.starts_with("envsync-")).map(str::to_owned).collect()
    }
}

/// The body of an error, as the service spells it.
pub(super) fn refusal(code: &str) -> String {
    json!({ "__type": code, "message": "answered by the tests" }).to_string()
}

/// Another client of the service at `url`.
pub(super) fn client(url: &str, change: impl FnOnce(&mut AwsSettings)) -> Rc<AwsSecrets> {
    let mut settings = AwsSettings {
        name: "aws".to_owned(),
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(url.to_owned()),
        ..AwsSettings::default()
    };
    change(&mut settings);
    let budget = Rc::new(TimeBudget::new(Rc::new(SystemClock::new()), Duration::from_secs(600)));
    Rc::new(AwsSecrets::new(Rc::new(Aws::new(settings, Net::new(budget, Arc::new(Deaf))))))
}

/// The environment at a location, by its client.
pub(super) fn environment_of(
    payloads: Rc<AwsSecrets>,
    layout: Layout,
    location: Location,
) -> Box<dyn EnvironmentStore> {
    let clock = Rc::new(SystemClock::new());
    layout::environment(layout, Place { payloads, names: Rc::new(AwsSecretsNames), location, clock })
}

pub(super) fn unchanged(version: &VersionId) -> Precondition {
    Precondition::Unchanged(version.clone())
}

impl Moto {
    pub(super) fn call(self, operation: &str, body: &Value) -> Value {
        let (status, answer) = moto::call(self.0, "secretsmanager", operation, &body.to_string());
        assert_eq!(status, 200, "{operation}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Writes as another program would, and answers the version.
    pub(super) fn put(self, name: &str, value: &str) -> VersionId {
        let token = token();
        let (status, answer) = moto::call(
            self.0,
            "secretsmanager",
            "CreateSecret",
            &json!({ "Name": name, "SecretString": value, "ClientRequestToken": token }).to_string(),
        );
        if status != 200 {
            assert!(answer.contains("ResourceExistsException"), "{answer}");
            self.put_staged(name, value, &["AWSCURRENT"], &token);
        }
        VersionId(token)
    }

    pub(super) fn put_staged(self, name: &str, value: &str, stages: &[&str], token: &str) {
        self.call(
            "PutSecretValue",
            &json!({
                "SecretId": name,
                "SecretString": value,
                "VersionStages": stages,
                "ClientRequestToken": token,
            }),
        );
    }

    /// Deletes as another program would that leaves no window.
    pub(super) fn delete(self, name: &str) {
        self.call("DeleteSecret", &json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true }));
    }

    pub(super) fn schedule_deletion(self, name: &str) {
        self.call("DeleteSecret", &json!({ "SecretId": name }));
    }

    /// What is there now; none where nothing is.
    pub(super) fn value(self, name: &str) -> Option<String> {
        let ask = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" }).to_string();
        let (status, answer) = moto::call(self.0, "secretsmanager", "GetSecretValue", &ask);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        (status == 200).then(|| answer["SecretString"].as_str().unwrap().to_owned())
    }
}

/// A request token as other programs make them.
pub(super) fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("somebody-else-{:08}-{:012}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
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
