//! The contract of stores, in every layout. What a store may be asked to do wrong, the forwarder does.

use super::scene::{ACCOUNT, Moto, Scene, client, environment_of, refusal};
use crate::stores::contract::{Declared, Harness, Staged, Support, Unit, suite};
use crate::stores::support::{TestClock, key};
use envsync::domain::config::Layout;
use envsync::domain::dotenv::Document;
use envsync::domain::environment::Location;
use envsync::domain::secret::SecretValue;
use envsync::ports::EnvironmentStore;
use envsync::stores::aws_secrets::AwsSecretsNames;
use envsync::stores::layout::{self, Place};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// A compare-and-swap is one write of several requests: the put is its first, with the move it is done.
const WRITES: [&str; 3] = ["CreateSecret", "PutSecretValue", "DeleteSecret"];
const DONE_WITH: [&str; 3] = ["CreateSecret", "UpdateSecretVersionStage", "DeleteSecret"];

const FOREIGN_MEMBER: &str = r#"{"not+a+key":{"canary": 1.50},"#;
const FOREIGN_LINE: &str = "# a comment\ncanary is no assignment\n";
const FOREIGN_NAME: &str = "not+a+key";

struct Secrets {
    scene: Scene,
    layout: Layout,
    store: Box<dyn EnvironmentStore>,
}

impl Secrets {
    fn new(scene: Scene, layout: Layout) -> Self {
        let place = Place {
            payloads: Rc::clone(&scene.payloads) as Rc<_>,
            names: Rc::new(AwsSecretsNames),
            location: scene.location.clone(),
            clock: Rc::new(TestClock::default()),
        };
        Self { scene, layout, store: layout::environment(layout, place) }
    }

    fn raw(&self, key: &str) -> String {
        self.scene.moto.value(&self.scene.name(key).0).unwrap_or_default()
    }
}

/// Changes one variable as a program would that knows the layout and nothing of envsync.
fn raw_change(moto: Moto, location: &Location, layout: Layout, name: &str, changed: Option<&str>) {
    let whole = location.as_str();
    match layout {
        Layout::Json => {
            let body = moto.value(whole);
            let mut object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(body.as_deref().unwrap_or("{}")).unwrap();
            match changed {
                Some(text) => drop(object.insert(name.to_owned(), text.into())),
                None => drop(object.remove(name)),
            }
            moto.put(whole, &serde_json::to_string(&object).unwrap());
        }
        Layout::Dotenv => {
            let body = moto.value(whole).unwrap_or_default();
            let mut document = Document::parse(body.as_bytes());
            match changed {
                Some(text) => document.set(&key(name), &SecretValue::new(text)),
                None => document.remove(&key(name)),
            };
            moto.put(whole, str::from_utf8(document.to_secret_bytes().expose()).unwrap());
        }
        Layout::Keys => {
            let one = format!("{whole}/{name}");
            match changed {
                Some(text) => drop(moto.put(&one, text)),
                None => moto.delete(&one),
            }
        }
    }
}

impl Harness for Secrets {
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
        raw_change(self.scene.moto, &self.scene.location, self.layout, key, Some(value));
    }

    fn raw_remove(&self, key: &str) {
        raw_change(self.scene.moto, &self.scene.location, self.layout, key, None);
    }

    fn plant_foreign(&self) -> String {
        let (moto, whole, body) = (self.scene.moto, self.scene.name("").0, self.raw(""));
        match self.layout {
            Layout::Json => {
                moto.put(&whole, &body.replacen('{', FOREIGN_MEMBER, 1));
                FOREIGN_NAME.to_owned()
            }
            Layout::Dotenv => {
                moto.put(&whole, &format!("{FOREIGN_LINE}{body}"));
                "line 2".to_owned()
            }
            Layout::Keys => {
                moto.put(&self.scene.name(FOREIGN_NAME).0, "canary-foreign");
                moto.put(&self.scene.name("web/DEEPER").0, "canary-deeper");
                FOREIGN_NAME.to_owned()
            }
        }
    }

    fn foreign_is_intact(&self) -> bool {
        match self.layout {
            Layout::Json => self.raw("").contains(r#""not+a+key":{"canary": 1.50}"#),
            Layout::Dotenv => self.raw("").starts_with(FOREIGN_LINE),
            Layout::Keys => self.raw(FOREIGN_NAME) == "canary-foreign" && self.raw("web/DEEPER") == "canary-deeper",
        }
    }

    fn interfere(&self, key: &'static str, value: &'static str) {
        let (moto, location, layout) = (self.scene.moto, self.scene.location.clone(), self.layout);
        self.scene.forwarder.on(&WRITES).before(move || raw_change(moto, &location, layout, key, Some(value)));
    }

    fn lose_next_answer(&self) {
        self.scene.forwarder.on(&DONE_WITH).times(1).lose_answer();
    }

    fn lose_next_request(&self) {
        self.scene.forwarder.on(&WRITES).times(1).lose_request();
    }

    /// The secret may not be read or written, and a batch that has it is refused as a whole.
    fn deny(&self, key: &str) {
        let name = match self.layout {
            Layout::Keys => self.scene.name(key).0,
            Layout::Json | Layout::Dotenv => self.scene.name("").0,
        };
        let rule = self.scene.forwarder.on(&["GetSecretValue", "BatchGetSecretValue", "PutSecretValue"]);
        rule.containing(format!(r#""{name}""#)).answer(400, &refusal("AccessDeniedException"), &[]);
    }

    fn writes(&self) -> usize {
        WRITES.iter().map(|target| self.scene.forwarder.count(target)).sum()
    }

    fn deny_list(&self) -> Staged {
        if self.layout != Layout::Keys {
            return Staged::Cannot;
        }
        self.scene.refuse("ListSecrets", "AccessDeniedException");
        Staged::Yes
    }

    fn another(&self) -> Option<Box<dyn EnvironmentStore>> {
        let payloads = client(&self.scene.forwarder.url(), |_| {});
        Some(environment_of(payloads, self.layout, self.scene.location.clone()))
    }

    fn answer_from_elsewhere(&self) -> Option<String> {
        Some(ACCOUNT.to_owned())
    }

    fn pass_time(&self) {
        thread::sleep(Duration::from_millis(1_100));
    }
}

fn keeps_the_contract(layout: Layout) {
    let left_out = "the contract of stores on Secrets Manager";
    if Scene::new(left_out).is_some() {
        suite(&|| Box::new(Secrets::new(Scene::new(left_out).unwrap(), layout)));
    }
}

#[test]
fn json_keeps_the_contract_on_secrets_manager() {
    keeps_the_contract(Layout::Json);
}

#[test]
fn keys_keeps_the_contract_on_secrets_manager() {
    keeps_the_contract(Layout::Keys);
}

#[test]
fn dotenv_keeps_the_contract_on_secrets_manager() {
    keeps_the_contract(Layout::Dotenv);
}
