//! The store in memory: every layout with every write guarantee, and the races that need a service to stage.

use super::contract::{Declared, Harness, Staged, Support, Unit, suite};
use super::support::{
    MemoryJournal, TestClock, assert_done, block_on, commit, fetch, fetch_knowing, key, outcome, put, set, unset, value,
};
use envsync::domain::config::Layout;
use envsync::domain::dotenv::Document;
use envsync::domain::environment::Location;
use envsync::domain::secret::SecretValue;
use envsync::domain::snapshot::{PayloadName, UnknownReason};
use envsync::ports::{Clock, EnvironmentStore, Reading, Settled, StoreErrorKind, WriteGuarantee};
use envsync::stores::layout::{self, Place};
use envsync::stores::memory::{MemoryNames, MemoryPayloads, WriteIds};
use envsync::stores::payload::{Capabilities, Deletion, EmptyPayloads, History, Probe};
use std::rc::Rc;

const LOCATION: &str = "acme/test";
const GUARANTEES: [WriteGuarantee; 3] = [WriteGuarantee::Conditional, WriteGuarantee::Detected, WriteGuarantee::Blind];

struct Memory {
    layout: Layout,
    payloads: MemoryPayloads,
    capabilities: Capabilities,
    clock: Rc<dyn Clock>,
    store: Box<dyn EnvironmentStore>,
}

fn client(layout: Layout, payloads: &MemoryPayloads, clock: &Rc<dyn Clock>) -> Box<dyn EnvironmentStore> {
    let place = Place {
        payloads: Rc::new(payloads.clone()),
        names: Rc::new(MemoryNames),
        location: Location::new(LOCATION),
        clock: Rc::clone(clock),
    };
    layout::environment(layout, place)
}

impl Memory {
    fn new(layout: Layout, guarantee: WriteGuarantee) -> Self {
        Self::with(layout, guarantee, |_| {})
    }

    fn with(layout: Layout, guarantee: WriteGuarantee, change: impl FnOnce(&mut Capabilities)) -> Self {
        let mut capabilities = None;
        let payloads = MemoryPayloads::new(guarantee).with(|all| {
            change(all);
            capabilities = Some(all.clone());
        });
        let capabilities = capabilities.expect("just told");
        let clock: Rc<dyn Clock> = Rc::new(TestClock::default());
        let store = client(layout, &payloads, &clock);
        Self { layout, payloads, capabilities, clock, store }
    }

    fn name_of(&self, key: &str) -> PayloadName {
        match self.layout {
            Layout::Keys => PayloadName(format!("{LOCATION}/{key}")),
            Layout::Json | Layout::Dotenv => PayloadName(LOCATION.to_owned()),
        }
    }
}

/// Changes one variable as a program would that knows the layout and nothing of envsync.
fn raw_change(payloads: &MemoryPayloads, layout: Layout, name: &str, changed: Option<&str>) {
    let whole = PayloadName(LOCATION.to_owned());
    let body = payloads.raw(&whole).map_or_else(Vec::new, |body| body.expose().to_vec());
    match layout {
        Layout::Json => {
            let mut object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(if body.is_empty() { b"{}" } else { &body }).expect("an object");
            match changed {
                Some(text) => drop(object.insert(name.to_owned(), text.into())),
                None => drop(object.remove(name)),
            }
            payloads.raw_put(&whole, &serde_json::to_vec(&object).expect("an object"));
        }
        Layout::Dotenv => {
            let mut document = Document::parse(&body);
            match changed {
                Some(text) => document.set(&key(name), &SecretValue::new(text)),
                None => document.remove(&key(name)),
            };
            payloads.raw_put(&whole, document.to_secret_bytes().expose());
        }
        Layout::Keys => {
            let one = PayloadName(format!("{LOCATION}/{name}"));
            match changed {
                Some(text) => payloads.raw_put(&one, text.as_bytes()),
                None => payloads.raw_delete(&one),
            }
        }
    }
}

impl Harness for Memory {
    fn store(&self) -> &dyn EnvironmentStore {
        &*self.store
    }

    fn declared(&self) -> Declared {
        let support = |yes: bool| if yes { Support::Yes } else { Support::No };
        let keys = self.layout == Layout::Keys;
        Declared {
            unit: if keys { Unit::Key } else { Unit::Environment },
            empty_environment: support(!keys),
            empty_payload: support(self.capabilities.empty == EmptyPayloads::Kept),
            max_bytes: self.capabilities.max_bytes,
            history: support(self.capabilities.history == History::Kept),
        }
    }

    fn raw_set(&self, key: &str, value: &str) {
        raw_change(&self.payloads, self.layout, key, Some(value));
    }

    fn raw_remove(&self, key: &str) {
        raw_change(&self.payloads, self.layout, key, None);
    }

    fn plant_foreign(&self) -> String {
        let whole = PayloadName(LOCATION.to_owned());
        let body = self.payloads.raw(&whole).map_or_else(Vec::new, |body| body.expose().to_vec());
        match self.layout {
            Layout::Json => {
                let text = String::from_utf8(body).expect("JSON");
                let planted = text.replacen('{', FOREIGN_MEMBER, 1);
                self.payloads.raw_put(&whole, planted.as_bytes());
                "not a key".to_owned()
            }
            Layout::Dotenv => {
                self.payloads.raw_put(&whole, &[FOREIGN_LINE.as_bytes(), &body].concat());
                "line 2".to_owned()
            }
            Layout::Keys => {
                self.payloads.raw_put(&PayloadName(format!("{LOCATION}/not a key")), b"canary-foreign");
                self.payloads.raw_put(&PayloadName(format!("{LOCATION}/web/DEEPER")), b"canary-deeper");
                "not a key".to_owned()
            }
        }
    }

    fn foreign_is_intact(&self) -> bool {
        let raw = |name: &str| {
            let bytes = self.payloads.raw(&PayloadName(name.to_owned()));
            bytes.map(|bytes| String::from_utf8(bytes.expose().to_vec()).expect("text")).unwrap_or_default()
        };
        match self.layout {
            Layout::Json => raw(LOCATION).contains(r#""not a key":{"canary": 1.50}"#),
            Layout::Dotenv => raw(LOCATION).starts_with(FOREIGN_LINE),
            Layout::Keys => {
                raw(&format!("{LOCATION}/not a key")) == "canary-foreign"
                    && raw(&format!("{LOCATION}/web/DEEPER")) == "canary-deeper"
            }
        }
    }

    fn interfere(&self, key: &'static str, value: &'static str) {
        let layout = self.layout;
        self.payloads.interfere(0, Box::new(move |service| raw_change(service, layout, key, Some(value))));
    }

    fn lose_next_answer(&self) {
        self.payloads.lose_answer(0);
    }

    fn lose_next_request(&self) {
        self.payloads.lose_request(0);
    }

    fn deny(&self, key: &str) {
        self.payloads.refuse(&self.name_of(key), StoreErrorKind::Denied);
    }

    fn writes(&self) -> usize {
        self.payloads.writes()
    }

    fn deny_list(&self) -> Staged {
        if self.layout != Layout::Keys {
            return Staged::Cannot;
        }
        self.payloads.refuse_lists(StoreErrorKind::Denied);
        Staged::Yes
    }

    fn answer_from_elsewhere(&self) -> Option<String> {
        self.payloads.answer_from("elsewhere");
        Some("elsewhere".to_owned())
    }

    fn another(&self) -> Option<Box<dyn EnvironmentStore>> {
        Some(client(self.layout, &self.payloads, &self.clock))
    }

    fn slow_down(&self) -> Staged {
        self.payloads.delay(1);
        Staged::Yes
    }

    fn pass_time(&self) {
        self.payloads.pass(10);
    }
}

const FOREIGN_MEMBER: &str = r#"{"not a key":{"canary": 1.50},"#;
const FOREIGN_LINE: &str = "# a comment\ncanary is no assignment\n";

#[test]
fn json_keeps_the_contract_with_every_write_guarantee() {
    GUARANTEES.iter().for_each(|guarantee| suite(&|| Box::new(Memory::new(Layout::Json, *guarantee))));
}

#[test]
fn keys_keeps_the_contract_with_every_write_guarantee() {
    GUARANTEES.iter().for_each(|guarantee| suite(&|| Box::new(Memory::new(Layout::Keys, *guarantee))));
}

#[test]
fn dotenv_keeps_the_contract_with_every_write_guarantee() {
    GUARANTEES.iter().for_each(|guarantee| suite(&|| Box::new(Memory::new(Layout::Dotenv, *guarantee))));
}

#[test]
fn stingy_stores_keep_the_contract_too() {
    for layout in [Layout::Json, Layout::Keys, Layout::Dotenv] {
        for guarantee in [WriteGuarantee::Conditional, WriteGuarantee::Detected] {
            suite(&|| {
                let memory = Memory::with(layout, guarantee, |capabilities| {
                    capabilities.empty = EmptyPayloads::Refused;
                    capabilities.max_bytes = Some(65_536);
                    capabilities.probe = Probe::PerName;
                    capabilities.history = match guarantee {
                        WriteGuarantee::Conditional => History::Forgotten,
                        WriteGuarantee::Detected | WriteGuarantee::Blind => History::Kept,
                    };
                });
                memory.payloads.set_write_ids(WriteIds::Forgotten);
                Box::new(memory)
            });
        }
    }
}

#[test]
fn two_foreign_writers_in_a_row_both_survive_a_detected_write() {
    for layout in [Layout::Json, Layout::Dotenv] {
        let memory = Memory::new(layout, WriteGuarantee::Detected);
        put(memory.store(), &[set("A", "canary-1"), set("B", "canary-2"), set("C", "canary-3")]);
        let state = fetch(memory.store());
        for (skip, name) in ["B", "C", "D"].into_iter().enumerate() {
            let change = move |service: &MemoryPayloads| raw_change(service, layout, name, Some("canary-foreign"));
            memory.payloads.interfere(skip, Box::new(change));
        }
        assert_done(&commit(memory.store(), &[set("A", "canary-4")], &state));
        let now = fetch(memory.store());
        assert_eq!(value(&now, "A").as_deref(), Some("canary-4"));
        for name in ["B", "C", "D"] {
            assert_eq!(value(&now, name).as_deref(), Some("canary-foreign"), "{name}");
        }
    }
}

#[test]
fn a_detected_write_that_never_wins_says_so_and_is_settled_later() {
    let memory = Memory::new(Layout::Json, WriteGuarantee::Detected);
    put(memory.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(memory.store());
    for skip in 0..60 {
        let change = move |service: &MemoryPayloads| {
            raw_change(service, Layout::Json, "B", Some(&format!("canary-foreign-{skip}")));
        };
        memory.payloads.interfere(skip, Box::new(change));
    }
    let mut journal = MemoryJournal::default();
    let report = block_on(memory.store().commit(&[set("A", "canary-3")], &state, &mut journal));
    let error = report.outcomes[&key("A")].as_ref().expect_err("it never won");
    assert_eq!(error.kind, StoreErrorKind::Moved);
    assert!(error.detail.contains("version "), "{error}");
    assert!(!journal.open.is_empty());
    let settled = block_on(memory.store().settle(&journal.open)).expect("it can be looked into");
    assert!(matches!(&settled[..], [Settled::PutBack(told)] if told.contains('B')), "{settled:?}");
    assert_eq!(value(&fetch(memory.store()), "B").as_deref(), Some("canary-foreign-59"));
    let settled = block_on(memory.store().settle(&journal.open)).expect("it can be looked into");
    assert!(matches!(&settled[..], [Settled::Well]), "{settled:?}");
}

#[test]
fn what_others_have_beside_variables_survives_several_of_them_in_a_row() {
    for (layout, theirs, more) in [
        (Layout::Json, r#"{"A":"canary-1","THEIRS":{"deep":[1.50]}}"#, r#"{"A":"canary-1","MORE":[true]}"#),
        (Layout::Dotenv, "A=canary-1\n# a note of theirs\n", "A=canary-1\n# another note\n"),
    ] {
        let memory = Memory::new(layout, WriteGuarantee::Detected);
        put(memory.store(), &[set("A", "canary-1")]);
        let state = fetch(memory.store());
        let whole = memory.name_of("A");
        // The second one has not heard of the first.
        for (skip, body) in [theirs, more].into_iter().enumerate() {
            let name = whole.clone();
            memory.payloads.interfere(skip, Box::new(move |service| service.raw_put(&name, body.as_bytes())));
        }
        assert_done(&commit(memory.store(), &[set("NEW", "canary-2")], &state));
        let raw = memory.payloads.raw(&whole).expect("it is there");
        let text = String::from_utf8(raw.expose().to_vec()).expect("text");
        for part in [r#"{"deep":[1.50]}"#, "[true]", "# a note of theirs", "# another note"] {
            assert_eq!(text.contains(part), part.starts_with('#') == (layout == Layout::Dotenv), "{layout:?}: {part}");
        }
        assert_eq!(value(&fetch(memory.store()), "NEW").as_deref(), Some("canary-2"));
    }
}

#[test]
fn a_lost_answer_does_not_hide_that_a_detected_write_ran_over_somebody() {
    for layout in [Layout::Json, Layout::Keys] {
        let memory = Memory::new(layout, WriteGuarantee::Detected);
        put(memory.store(), &[set("A", "canary-1")]);
        let state = fetch(memory.store());
        memory.interfere("A", "canary-foreign");
        memory.lose_next_answer();
        let report = commit(memory.store(), &[set("A", "canary-2")], &state);
        assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
        assert_eq!(value(&fetch(memory.store()), "A").as_deref(), Some("canary-foreign"));
    }
}

#[test]
fn a_key_scheduled_for_deletion_is_unknown_and_an_addition_restores_it() {
    for guarantee in GUARANTEES {
        let memory = Memory::with(Layout::Keys, guarantee, |capabilities| capabilities.deletion = Deletion::Window);
        put(memory.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
        put(memory.store(), &[unset("A")]);
        let state = fetch(memory.store());
        assert_eq!(state.unknown.get("A"), Some(&UnknownReason::PendingDeletion));
        assert_done(&commit(memory.store(), &[set("A", "canary-3")], &state));
        assert_eq!(value(&fetch(memory.store()), "A").as_deref(), Some("canary-3"));
    }
}

#[test]
fn a_key_that_cannot_be_restored_is_not_called_done() {
    let memory = Memory::new(Layout::Keys, WriteGuarantee::Conditional);
    put(memory.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    memory.payloads.schedule_deletion(&memory.name_of("A"), false);
    let state = fetch(memory.store());
    let report = commit(memory.store(), &[set("A", "canary-3")], &state);
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::PendingDeletion));
}

#[test]
fn a_payload_scheduled_for_deletion_is_an_error_and_no_empty_environment() {
    let memory = Memory::new(Layout::Json, WriteGuarantee::Conditional);
    let absent = fetch(memory.store());
    put(memory.store(), &[set("A", "canary-1")]);
    memory.payloads.schedule_deletion(&memory.name_of("A"), true);
    let error = block_on(memory.store().fetch(Reading::default())).expect_err("it is scheduled for deletion");
    assert_eq!(error.kind, StoreErrorKind::PendingDeletion);
    assert_done(&commit(memory.store(), &[set("B", "canary-2")], &absent));
    assert_eq!(value(&fetch(memory.store()), "B").as_deref(), Some("canary-2"));
}

#[test]
fn an_environment_of_which_nothing_may_be_read_is_an_error() {
    let memory = Memory::new(Layout::Keys, WriteGuarantee::Conditional);
    put(memory.store(), &[set("A", "canary-1")]);
    memory.deny("A");
    assert_eq!(block_on(memory.store().fetch(Reading::default())).expect_err("denied").kind, StoreErrorKind::Denied);
    memory.payloads.refuse_lists(StoreErrorKind::Denied);
    assert_eq!(block_on(memory.store().fetch(Reading::default())).expect_err("denied").kind, StoreErrorKind::Denied);
}

#[test]
fn a_write_denied_for_one_key_leaves_the_others_done() {
    let memory = Memory::new(Layout::Keys, WriteGuarantee::Conditional);
    put(memory.store(), &[set("A", "canary-1"), set("B", "canary-2")]);
    let state = fetch(memory.store());
    memory.deny("A");
    let report = commit(memory.store(), &[set("A", "canary-3"), set("B", "canary-4")], &state);
    assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Denied));
    assert_eq!(outcome(&report, "B"), None);
    assert!(report.after.is_none());
}

#[test]
fn a_service_that_goes_away_in_the_middle_stops_the_rest() {
    let memory = Memory::new(Layout::Keys, WriteGuarantee::Conditional);
    let state = fetch(memory.store());
    memory.payloads.fail_after(1);
    let report = commit(memory.store(), &[set("A", "canary-1"), set("B", "canary-2"), set("C", "canary-3")], &state);
    memory.payloads.recover();
    assert_eq!(outcome(&report, "A"), None);
    assert_eq!(outcome(&report, "B"), Some(StoreErrorKind::Unreachable));
    assert_eq!(outcome(&report, "C"), Some(StoreErrorKind::Unreachable));
    assert_eq!(fetch(memory.store()).entries.len(), 1);
}

#[test]
fn only_what_moved_travels() {
    let memory = Memory::new(Layout::Keys, WriteGuarantee::Conditional);
    put(memory.store(), &[set("A", "canary-1"), set("B", "canary-2"), set("C", "canary-3")]);
    let known = fetch(memory.store());
    memory.raw_set("B", "canary-foreign");
    let before = memory.payloads.log().len();
    fetch_knowing(memory.store(), &known);
    let requests = &memory.payloads.log()[before..];
    let got: Vec<_> = requests.iter().filter(|request| request.operation == "get").collect();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].names, [memory.name_of("B")]);
}

#[test]
fn a_store_that_tells_nothing_without_reading_is_read() {
    for layout in [Layout::Json, Layout::Keys] {
        let blind = |capabilities: &mut Capabilities| capabilities.probe = Probe::ByReading;
        let memory = Memory::with(layout, WriteGuarantee::Conditional, blind);
        put(memory.store(), &[set("A", "canary-1")]);
        let state = fetch(memory.store());
        let before = memory.payloads.log().len();
        fetch_knowing(memory.store(), &state);
        let log = memory.payloads.log();
        assert!(log[before..].iter().any(|request| request.operation == "get"), "{log:?}");
    }
}

#[test]
fn a_nested_member_is_refused_as_a_key_and_nothing_is_written() {
    let memory = Memory::new(Layout::Json, WriteGuarantee::Conditional);
    memory.payloads.raw_put(&memory.name_of("A"), br#"{"A":"canary-1","NESTED":{"x":"canary-2"}}"#);
    let state = fetch(memory.store());
    for change in [set("NESTED", "canary-3"), unset("NESTED")] {
        let report = commit(memory.store(), &[set("A", "canary-4"), change], &state);
        assert_eq!(outcome(&report, "NESTED"), Some(StoreErrorKind::Unstorable));
        assert!(outcome(&report, "A").is_some());
    }
    assert_eq!(memory.payloads.writes(), 0);
}

#[test]
fn a_payload_that_is_no_object_is_corrupt_and_not_written_over() {
    let memory = Memory::new(Layout::Json, WriteGuarantee::Conditional);
    memory.payloads.raw_put(&memory.name_of("A"), br#"["canary-1"]"#);
    let error = block_on(memory.store().fetch(Reading::default())).expect_err("no object");
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(!format!("{error} {error:?}").contains("canary"));
}
