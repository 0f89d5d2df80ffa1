//! The contract of stores, in every layout. What a store may be asked to do wrong, the forwarder does.

use super::scene::{ACCOUNT, Moto, Scene, client, environment_of};
use crate::stores::contract::{Declared, Harness, Staged, Support, Unit, suite};
use crate::stores::support::{TestClock, key};
use envsync::domain::config::Layout;
use envsync::domain::dotenv::Document;
use envsync::domain::environment::Location;
use envsync::domain::secret::SecretValue;
use envsync::ports::EnvironmentStore;
use envsync::stores::aws_parameters::AwsParametersNames;
use envsync::stores::layout::{self, Place};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

const WRITES: [&str; 2] = ["PutParameter", "DeleteParameter"];
const READS: [&str; 3] = ["GetParameters", "GetParameter", "GetParameterHistory"];

const FOREIGN_MEMBER: &str = r#"{"not a key":{"canary": 1.50},"#;
const FOREIGN_LINE: &str = "# a comment\ncanary is no assignment\n";
/// Every name that Parameter Store takes is an env key; not every value is one of a variable.
const FOREIGN_VALUE: &str = "canary\0foreign";

struct Parameters {
    scene: Scene,
    layout: Layout,
    store: Box<dyn EnvironmentStore>,
}

impl Parameters {
    fn new(scene: Scene, layout: Layout) -> Self {
        let place = Place {
            payloads: Rc::clone(&scene.payloads) as Rc<_>,
            names: Rc::new(AwsParametersNames),
            location: scene.location.clone(),
            clock: Rc::new(TestClock::default()),
        };
        Self { scene, layout, store: layout::environment(layout, place) }
    }

    fn raw(&self, name: &str) -> String {
        self.scene.moto.value(name).unwrap_or_default()
    }

    fn whole(&self) -> String {
        self.scene.name("").0
    }
}

/// Changes one variable as a program would that knows the layout and nothing of envsync.
fn raw_change(moto: Moto, location: &Location, layout: Layout, name: &str, changed: Option<&str>) {
    let whole = format!("/{}", location.as_str());
    let body = moto.value(&whole);
    match layout {
        Layout::Json => {
            let mut object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(body.as_deref().unwrap_or("{}")).unwrap();
            match changed {
                Some(text) => drop(object.insert(name.to_owned(), text.into())),
                None => drop(object.remove(name)),
            }
            moto.put(&whole, &serde_json::to_string(&object).unwrap());
        }
        Layout::Dotenv => {
            let mut document = Document::parse(body.unwrap_or_default().as_bytes());
            match changed {
                Some(text) => document.set(&key(name), &SecretValue::new(text)),
                None => document.remove(&key(name)),
            };
            moto.put(&whole, str::from_utf8(document.to_secret_bytes().expose()).unwrap());
        }
        Layout::Keys => {
            let one = format!("{whole}/{name}");
            match changed {
                Some(text) => moto.put(&one, text),
                None => moto.delete(&one),
            }
        }
    }
}

impl Harness for Parameters {
    fn store(&self) -> &dyn EnvironmentStore {
        &*self.store
    }

    fn declared(&self) -> Declared {
        let keys = self.layout == Layout::Keys;
        Declared {
            unit: if keys { Unit::Key } else { Unit::Environment },
            empty_environment: if keys { Support::No } else { Support::Yes },
            empty_payload: Support::No,
            max_bytes: Some(8_192),
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
        let whole = self.whole();
        let body = self.raw(&whole);
        match self.layout {
            Layout::Json => {
                self.scene.moto.put(&whole, &body.replacen('{', FOREIGN_MEMBER, 1));
                "not a key".to_owned()
            }
            Layout::Dotenv => {
                self.scene.moto.put(&whole, &format!("{FOREIGN_LINE}{body}"));
                "line 2".to_owned()
            }
            Layout::Keys => {
                self.scene.moto.put(&self.scene.name("FOREIGN").0, FOREIGN_VALUE);
                self.scene.moto.put(&self.scene.name("web/DEEPER").0, "canary-deeper");
                "FOREIGN".to_owned()
            }
        }
    }

    fn foreign_is_intact(&self) -> bool {
        match self.layout {
            Layout::Json => self.raw(&self.whole()).contains(r#""not a key":{"canary": 1.50}"#),
            Layout::Dotenv => self.raw(&self.whole()).starts_with(FOREIGN_LINE),
            Layout::Keys => {
                self.raw(&self.scene.name("FOREIGN").0) == FOREIGN_VALUE
                    && self.raw(&self.scene.name("web/DEEPER").0) == "canary-deeper"
            }
        }
    }

    fn interfere(&self, key: &'static str, value: &'static str) {
        let (moto, location, layout) = (self.scene.moto, self.scene.location.clone(), self.layout);
        let change = move || raw_change(moto, &location, layout, key, Some(value));
        self.scene.forwarder.on(&WRITES).before(change);
    }

    fn lose_next_answer(&self) {
        self.scene.forwarder.on(&WRITES).times(1).lose_answer();
    }

    fn lose_next_request(&self) {
        self.scene.forwarder.on(&WRITES).times(1).lose_request();
    }

    /// As a KMS key that may not be used: every request that would decrypt the value fails as a whole.
    fn deny(&self, key: &str) {
        let name = match self.layout {
            Layout::Keys => self.scene.name(key).0,
            Layout::Json | Layout::Dotenv => self.whole(),
        };
        let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
        let answer = |targets: &[&str], containing: String| {
            let rule = self.scene.forwarder.on(targets).containing(r#""WithDecryption":true"#);
            rule.containing(containing).answer(400, denied, &[]);
        };
        answer(&READS, format!(r#""{name}""#));
        answer(&READS, format!(r#""{name}:"#));
        answer(&["GetParametersByPath"], format!(r#""Path":"{}""#, self.whole()));
        self.scene.forwarder.on(&["PutParameter"]).containing(format!(r#""Name":"{name}""#)).answer(400, denied, &[]);
    }

    fn writes(&self) -> usize {
        WRITES.iter().map(|target| self.scene.forwarder.count(target)).sum()
    }

    fn deny_list(&self) -> Staged {
        if self.layout != Layout::Keys {
            return Staged::Cannot;
        }
        let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
        self.scene.forwarder.answer("GetParametersByPath", 400, denied, &[]);
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
    let left_out = "the contract of stores on Parameter Store";
    if Scene::new(left_out).is_some() {
        suite(&|| Box::new(Parameters::new(Scene::new(left_out).unwrap(), layout)));
    }
}

#[test]
fn keys_keeps_the_contract_on_parameter_store() {
    keeps_the_contract(Layout::Keys);
}

#[test]
fn json_keeps_the_contract_on_parameter_store() {
    keeps_the_contract(Layout::Json);
}

#[test]
fn dotenv_keeps_the_contract_on_parameter_store() {
    keeps_the_contract(Layout::Dotenv);
}
