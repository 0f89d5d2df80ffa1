//! The contract of stores, in every layout.

use super::scene::{PARENT, Scene, client, location};
use super::server::Deed;
use super::service::{Service, error};
use crate::stores::contract::{Declared, Harness, Staged, Support, Unit, suite};
use crate::stores::support::{TestClock, key};
use envsync::domain::config::Layout;
use envsync::domain::dotenv::Document;
use envsync::domain::secret::SecretValue;
use envsync::ports::EnvironmentStore;
use envsync::stores::gcp::{GcpNames, GcpSecrets};
use envsync::stores::layout::{self, Place};
use std::collections::BTreeMap;
use std::rc::Rc;

const WRITES: [&str; 2] = ["AddSecretVersion", "DeleteSecret"];
const ALL_BUT_LISTS: [&str; 6] =
    ["GetSecret", "GetSecretVersion", "AccessSecretVersion", "AddSecretVersion", "DeleteSecret", "ListSecretVersions"];

const WHOLE: &str = "acme--production";
const FOREIGN_MEMBER: &str = r#"{"not a key":{"canary": 1.50},"#;
const FOREIGN_LINE: &str = "# a comment\ncanary is no assignment\n";

struct Google {
    scene: Scene,
    layout: Layout,
    store: Box<dyn EnvironmentStore>,
}

pub(super) fn environment(payloads: &Rc<GcpSecrets>, layout: Layout) -> Box<dyn EnvironmentStore> {
    let place = Place {
        payloads: Rc::clone(payloads) as Rc<_>,
        names: Rc::new(GcpNames),
        location: location(),
        clock: Rc::new(TestClock::default()),
    };
    layout::environment(layout, place)
}

/// Changes one variable as a program would that knows the layout and nothing of envsync.
fn raw_change(service: &mut Service, layout: Layout, name: &str, changed: Option<&str>) {
    let body = service.raw(PARENT, WHOLE).map(|body| String::from_utf8(body).unwrap());
    match layout {
        Layout::Json => {
            let mut object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(body.as_deref().unwrap_or("{}")).unwrap();
            match changed {
                Some(text) => drop(object.insert(name.to_owned(), text.into())),
                None => drop(object.remove(name)),
            }
            service.raw_put(PARENT, WHOLE, &serde_json::to_vec(&object).unwrap());
        }
        Layout::Dotenv => {
            let mut document = Document::parse(body.unwrap_or_default().as_bytes());
            match changed {
                Some(text) => document.set(&key(name), &SecretValue::new(text)),
                None => document.remove(&key(name)),
            };
            service.raw_put(PARENT, WHOLE, document.to_secret_bytes().expose());
        }
        Layout::Keys => match changed {
            Some(text) => service.raw_put(PARENT, &format!("{WHOLE}--{name}"), text.as_bytes()),
            None => service.raw_delete(PARENT, &format!("{WHOLE}--{name}")),
        },
    }
}

/// The values of an env file's text.
pub(super) fn values(text: &str) -> BTreeMap<String, String> {
    let values = Document::parse(text.as_bytes()).values();
    values.iter().map(|(key, value)| (key.to_string(), value.expose().to_owned())).collect()
}

impl Google {
    fn new(layout: Layout) -> Self {
        let scene = Scene::new();
        // Small pages: every list of the suite is a list of pages.
        scene.server.service().page = 25;
        let store = environment(&scene.payloads, layout);
        Self { scene, layout, store }
    }

    fn raw(&self, name: &str) -> String {
        String::from_utf8(self.scene.server.service().raw(PARENT, name).unwrap_or_default()).unwrap()
    }
}

impl Harness for Google {
    fn store(&self) -> &dyn EnvironmentStore {
        &*self.store
    }

    fn declared(&self) -> Declared {
        let keys = self.layout == Layout::Keys;
        Declared {
            unit: if keys { Unit::Key } else { Unit::Environment },
            empty_environment: if keys { Support::No } else { Support::Yes },
            empty_payload: Support::No,
            max_bytes: Some(65_536),
            history: Support::Yes,
        }
    }

    fn raw_set(&self, key: &str, value: &str) {
        raw_change(&mut self.scene.server.service(), self.layout, key, Some(value));
    }

    fn raw_remove(&self, key: &str) {
        raw_change(&mut self.scene.server.service(), self.layout, key, None);
    }

    fn plant_foreign(&self) -> String {
        let body = self.raw(WHOLE);
        let mut service = self.scene.server.service();
        match self.layout {
            Layout::Json => {
                service.raw_put(PARENT, WHOLE, body.replacen('{', FOREIGN_MEMBER, 1).as_bytes());
                "not a key".to_owned()
            }
            Layout::Dotenv => {
                service.raw_put(PARENT, WHOLE, format!("{FOREIGN_LINE}{body}").as_bytes());
                "line 2".to_owned()
            }
            Layout::Keys => {
                service.raw_put(PARENT, "acme--production---FOREIGN", b"canary-foreign");
                service.raw_put(PARENT, "acme--production--web--DEEPER", b"canary-deeper");
                "-FOREIGN".to_owned()
            }
        }
    }

    fn foreign_is_intact(&self) -> bool {
        match self.layout {
            Layout::Json => self.raw(WHOLE).contains(r#""not a key":{"canary": 1.50}"#),
            Layout::Dotenv => self.raw(WHOLE).starts_with(FOREIGN_LINE),
            Layout::Keys => {
                self.raw("acme--production---FOREIGN") == "canary-foreign"
                    && self.raw("acme--production--web--DEEPER") == "canary-deeper"
            }
        }
    }

    fn interfere(&self, key: &'static str, value: &'static str) {
        let layout = self.layout;
        let change = move |service: &mut Service| raw_change(service, layout, key, Some(value));
        self.scene.server.times(1, &WRITES, None, Deed::Before(Box::new(change)));
    }

    fn lose_next_answer(&self) {
        self.scene.server.times(1, &WRITES, None, Deed::LoseAnswer);
    }

    fn lose_next_request(&self) {
        self.scene.server.times(1, &WRITES, None, Deed::LoseRequest);
    }

    fn deny(&self, key: &str) {
        let name = match self.layout {
            Layout::Keys => format!("{WHOLE}--{key}"),
            Layout::Json | Layout::Dotenv => WHOLE.to_owned(),
        };
        let denied = error(403, "PERMISSION_DENIED", "Permission denied on resource (or it may not exist).");
        self.scene.server.whenever(&ALL_BUT_LISTS, Some(&name), Deed::Answer(403, "", denied));
    }

    fn writes(&self) -> usize {
        WRITES.iter().map(|operation| self.scene.server.count(operation)).sum()
    }

    fn can_name(&self, key: &str) -> bool {
        self.layout != Layout::Keys || !(key.contains(['.']) || key.starts_with('-'))
    }

    fn deny_list(&self) -> Staged {
        if self.layout != Layout::Keys {
            return Staged::Cannot;
        }
        let denied = error(403, "PERMISSION_DENIED", "Permission denied.");
        self.scene.server.whenever(&["ListSecrets"], None, Deed::Answer(403, "", denied));
        Staged::Yes
    }

    fn pass_time(&self) {
        self.scene.server.service().pass_time();
    }

    fn another(&self) -> Option<Box<dyn EnvironmentStore>> {
        Some(environment(&client(&self.scene.server.url(), |_| {}), self.layout))
    }
}

#[test]
fn json_keeps_the_contract_on_secret_manager() {
    suite(&|| Box::new(Google::new(Layout::Json)));
}

#[test]
fn keys_keeps_the_contract_on_secret_manager() {
    suite(&|| Box::new(Google::new(Layout::Keys)));
}

#[test]
fn dotenv_keeps_the_contract_on_secret_manager() {
    suite(&|| Box::new(Google::new(Layout::Dotenv)));
}
