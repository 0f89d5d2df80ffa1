//! The layers under every vendor: pace and retries, on a clock that only sleeping moves.

use super::support::{MemoryJournal, assert_done, block_on, fetch, key, outcome, set};
use async_trait::async_trait;
use envsync::domain::config::Layout;
use envsync::domain::environment::{Location, Timestamp};
use envsync::domain::secret::SecretBytes;
use envsync::domain::snapshot::{PayloadName, VersionId};
use envsync::ports::{Clock, EnvironmentStore, Retry, StoreErrorKind, TimeBudget, WriteGuarantee};
use envsync::stores::layers::layered;
use envsync::stores::layout::{self, Place};
use envsync::stores::memory::{MemoryNames, MemoryPayloads, ReadAll};
use envsync::stores::payload::{Capabilities, Labels, Lookup, PayloadStore, Precondition, Put, Rate, WriteId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

const LOCATION: &str = "acme/test";
const LIMIT: Duration = Duration::from_secs(30);

/// Moves by sleeping. Its random numbers are as large as they get, so that a random pause is the longest it can be.
#[derive(Debug, Default)]
struct Sleeper {
    elapsed: Cell<Duration>,
    slept: RefCell<Vec<Duration>>,
    counted: Cell<u64>,
    counts: Cell<bool>,
}

#[async_trait(?Send)]
impl Clock for Sleeper {
    async fn now(&self) -> Timestamp {
        Timestamp(self.elapsed.get().as_secs())
    }

    async fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    async fn sleep(&self, duration: Duration) {
        self.slept.borrow_mut().push(duration);
        self.elapsed.set(self.elapsed.get() + duration);
    }

    async fn random(&self) -> u64 {
        self.counted.set(self.counted.get() + 1);
        if self.counts.get() { self.counted.get() } else { u64::MAX }
    }
}

struct Bench {
    clock: Rc<Sleeper>,
    service: MemoryPayloads,
    store: Rc<dyn PayloadStore>,
}

fn bench(guarantee: WriteGuarantee, change: impl FnOnce(&mut Capabilities)) -> Bench {
    let clock = Rc::new(Sleeper::default());
    let service = MemoryPayloads::new(guarantee).with(change);
    let budget = Rc::new(TimeBudget::new(clock.clone(), LIMIT));
    let store = layered(Rc::new(service.clone()), clock.clone(), budget);
    Bench { clock, service, store }
}

impl Bench {
    fn environment(&self, layout: Layout) -> Box<dyn EnvironmentStore> {
        self.clock.counts.set(true);
        let place = Place {
            payloads: Rc::clone(&self.store),
            names: Rc::new(MemoryNames),
            location: Location::new(LOCATION),
            clock: self.clock.clone(),
        };
        layout::environment(layout, place)
    }

    fn slept(&self) -> Duration {
        self.clock.slept.borrow().iter().sum()
    }

    fn asked(&self, operation: &str) -> usize {
        self.service.log().iter().filter(|request| request.operation == operation).count()
    }
}

fn name(text: &str) -> PayloadName {
    PayloadName(format!("{LOCATION}/{text}"))
}

fn names(count: usize) -> Vec<PayloadName> {
    (0..count).map(|number| name(&format!("K{number}"))).collect()
}

fn put_one(store: &dyn PayloadStore, name: &PayloadName, when: Precondition) -> Result<(), StoreErrorKind> {
    let (value, write) = (SecretBytes::from("canary-1"), WriteId::from_random(1, 2));
    let put = Put { name, value: &value, when, write: &write, labels: &Labels::new() };
    block_on(store.put(put)).map(drop).map_err(|error| error.kind)
}

#[test]
fn a_read_that_is_throttled_is_asked_again_after_pauses_that_double() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.throttle(8, Retry::Soon);
    block_on(bench.store.list(&Location::new(LOCATION))).expect("it was asked again");
    assert_eq!(bench.asked("list"), 9);
    let slept = bench.clock.slept.borrow();
    let ceilings = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(Duration::from_millis);
    assert_eq!(slept.len(), ceilings.len());
    for (slept, ceiling) in slept.iter().zip(ceilings) {
        assert!(*slept <= ceiling, "{slept:?} of {ceiling:?}");
    }
    assert!(slept.iter().sum::<Duration>() > Duration::from_secs(1), "{slept:?}");
}

#[test]
fn a_store_that_says_how_long_is_not_asked_before() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.throttle(1, Retry::After(Duration::from_secs(7)));
    block_on(bench.store.list(&Location::new(LOCATION))).expect("it was asked again");
    assert!(bench.slept() >= Duration::from_secs(7));
    assert!(bench.slept() <= Duration::from_millis(7100));
}

#[test]
fn at_the_end_of_the_budget_the_last_error_stays_what_it_is_and_says_what_was_tried() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.throttle(1_000_000, Retry::Soon);
    let error = block_on(bench.store.list(&Location::new(LOCATION))).expect_err("throttled out");
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    assert!(error.detail.contains("30 s"), "{}", error.detail);
    assert!(error.detail.contains(&format!("asked {} times", bench.asked("list"))), "{}", error.detail);
    assert!(bench.slept() <= LIMIT);
}

#[test]
fn a_wait_that_is_longer_than_the_budget_is_not_begun() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.throttle(1, Retry::After(Duration::from_secs(60)));
    let error = block_on(bench.store.list(&Location::new(LOCATION))).expect_err("too long");
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    assert_eq!((bench.slept(), bench.asked("list")), (Duration::ZERO, 1));
}

#[test]
fn who_does_not_answer_at_all_is_asked_three_times() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.fail_after(0);
    let error = block_on(bench.store.list(&Location::new(LOCATION))).expect_err("gone");
    assert_eq!((error.kind, bench.asked("list")), (StoreErrorKind::Unreachable, 3));
    assert!(bench.slept() < Duration::from_secs(1));
}

#[test]
fn an_error_that_time_does_not_mend_is_not_asked_again() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.refuse_lists(StoreErrorKind::Denied);
    block_on(bench.store.list(&Location::new(LOCATION))).expect_err("denied");
    assert_eq!((bench.asked("list"), bench.slept()), (1, Duration::ZERO));
}

#[test]
fn only_the_names_that_were_not_answered_are_asked_again() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    for name in names(3) {
        bench.service.raw_put(&name, b"canary-1");
    }
    bench.service.throttle_name(&name("K1"), 2);
    bench.service.refuse(&name("K2"), StoreErrorKind::Denied);
    let answers = block_on(bench.store.get_many(&names(3))).expect("answers");
    assert!(matches!(answers[&name("K0")], Lookup::Found(_)));
    assert!(matches!(answers[&name("K1")], Lookup::Found(_)));
    assert!(matches!(&answers[&name("K2")], Lookup::Unreadable(error) if error.kind == StoreErrorKind::Denied));
    let asked: Vec<usize> = bench.service.log().iter().map(|request| request.names.len()).collect();
    assert_eq!(asked, [3, 1, 1]);
}

#[test]
fn a_name_that_never_answers_does_not_take_the_others_with_it() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    for name in names(2) {
        bench.service.raw_put(&name, b"canary-1");
    }
    bench.service.throttle_name(&name("K1"), 10_000);
    let answers = block_on(bench.store.get_many(&names(2))).expect("answers");
    assert!(matches!(answers[&name("K0")], Lookup::Found(_)));
    assert!(matches!(&answers[&name("K1")], Lookup::Unreadable(error) if error.kind == StoreErrorKind::Throttled));
}

#[test]
fn a_conditional_write_is_repeated_as_the_same_write() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    bench.service.lose_request(0);
    assert_eq!(put_one(&*bench.store, &name("A"), Precondition::Absent), Ok(()));
    assert_eq!(bench.service.writes(), 2);
}

#[test]
fn a_write_without_a_condition_is_not_repeated_blindly() {
    for guarantee in [WriteGuarantee::Detected, WriteGuarantee::Blind] {
        let bench = bench(guarantee, |_| {});
        bench.service.lose_answer(0);
        let answer = put_one(&*bench.store, &name("A"), Precondition::Absent);
        assert_eq!((answer, bench.service.writes()), (Err(StoreErrorKind::Unreachable), 1));
    }
}

#[test]
fn a_write_that_was_refused_before_it_was_done_is_repeated_everywhere() {
    for guarantee in [WriteGuarantee::Conditional, WriteGuarantee::Detected, WriteGuarantee::Blind] {
        let bench = bench(guarantee, |_| {});
        bench.service.throttle(2, Retry::Soon);
        assert_eq!(put_one(&*bench.store, &name("A"), Precondition::Absent), Ok(()));
        assert_eq!(bench.service.writes(), 1);
    }
}

#[test]
fn a_lost_write_is_looked_for_before_it_is_made_again() {
    for (layout, guarantee) in [(Layout::Keys, WriteGuarantee::Detected), (Layout::Json, WriteGuarantee::Detected)] {
        for lose in [MemoryPayloads::lose_answer, MemoryPayloads::lose_request] {
            let bench = bench(guarantee, |_| {});
            let store = bench.environment(layout);
            lose(&bench.service, 0);
            let report =
                block_on(store.commit(&[set("A", "canary-1")], &fetch(&*store), &mut MemoryJournal::default()));
            assert_done(&report);
            assert_eq!(fetch(&*store).entries.len(), 1);
            let history = block_on(store.history(None, 10)).expect("versions");
            assert_eq!(history.len(), 1, "it was made twice");
        }
    }
}

#[test]
fn writes_keep_to_the_pace_and_the_report_says_so() {
    let slow = |all: &mut Capabilities| all.pace.writes = Some(Rate { per_second: 3, burst: 3 });
    let bench = bench(WriteGuarantee::Conditional, slow);
    let store = bench.environment(Layout::Keys);
    let changes: Vec<_> = (0..33).map(|number| set(&format!("K{number}"), "canary-1")).collect();
    let report = block_on(store.commit(&changes, &fetch(&*store), &mut MemoryJournal::default()));
    assert_done(&report);
    let elapsed = bench.clock.elapsed.get();
    assert!(elapsed >= Duration::from_millis(9_900) && elapsed <= Duration::from_millis(10_100), "{elapsed:?}");
    assert_eq!(report.notes, ["the store takes 3 writes a second: 33 keys take about 10 s"]);
}

#[test]
fn what_the_pace_leaves_no_time_for_is_not_done_and_says_so() {
    let slow = |all: &mut Capabilities| all.pace.writes = Some(Rate { per_second: 3, burst: 3 });
    let bench = bench(WriteGuarantee::Conditional, slow);
    let store = bench.environment(Layout::Keys);
    let changes: Vec<_> = (0..200).map(|number| set(&format!("K{number:03}"), "canary-1")).collect();
    let report = block_on(store.commit(&changes, &fetch(&*store), &mut MemoryJournal::default()));
    let done = report.outcomes.values().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(done, bench.service.writes());
    assert!((85..=95).contains(&done), "{done}");
    assert_eq!(outcome(&report, "K199"), Some(StoreErrorKind::Throttled));
    assert!(bench.clock.elapsed.get() <= LIMIT);
}

#[test]
fn bulk_reads_go_in_windows_that_the_pace_takes() {
    let slow = |all: &mut Capabilities| all.pace.reads = Some(Rate { per_second: 40, burst: 40 });
    let bench = bench(WriteGuarantee::Conditional, slow);
    block_on(bench.store.get_many(&names(1000))).expect("answers");
    // A hundred requests of ten: forty at once, the others at forty a second.
    let windows: Vec<usize> = bench.service.log().iter().map(|request| request.names.len()).collect();
    assert_eq!(windows, [400, 400, 200]);
    assert_eq!(bench.slept(), Duration::from_millis(1500));
}

#[test]
fn a_store_without_a_pace_is_asked_at_once() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    block_on(bench.store.get_many(&names(1000))).expect("answers");
    assert_eq!((bench.asked("get"), bench.slept()), (1, Duration::ZERO));
}

#[test]
fn keys_are_written_side_by_side_up_to_eight() {
    for (burst, expected) in [(None, 8), (Some(3), 3), (Some(50), 8)] {
        let bench = bench(WriteGuarantee::Conditional, |all| {
            all.pace.writes = burst.map(|burst| Rate { per_second: 1000, burst });
        });
        let store = bench.environment(Layout::Keys);
        bench.service.delay(3);
        let changes: Vec<_> = (0..20).map(|number| set(&format!("K{number}"), "canary-1")).collect();
        let on = block_on(store.fetch(envsync::ports::Reading::default())).expect("readable");
        assert_done(&block_on(store.commit(&changes, &on, &mut MemoryJournal::default())));
        assert_eq!(bench.service.most_under_way(), expected);
    }
}

#[test]
fn a_first_read_goes_in_one_go_where_the_store_can() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    for name in names(30) {
        bench.service.raw_put(&name, b"canary-1");
    }
    bench.service.raw_put(&name("not a key"), b"canary-1");
    bench.service.refuse(&name("K3"), StoreErrorKind::Denied);
    bench.service.throttle_name(&name("K4"), 1);
    let store = bench.environment(Layout::Keys);
    let by_name = fetch(&*store);
    assert_eq!((bench.asked("list"), bench.asked("read-all")), (1, 0));
    bench.service.throttle_name(&name("K4"), 1);
    bench.service.set_read_all(ReadAll::Supported);
    let at_once = fetch(&*store);
    assert_eq!((bench.asked("list"), bench.asked("read-all")), (1, 1));
    assert_eq!(at_once.entries, by_name.entries);
    assert_eq!((at_once.unknown, at_once.payloads), (by_name.unknown, by_name.payloads));
    assert_eq!(at_once.entries.len(), 29);
    assert!(at_once.entries.contains_key(&key("K4")), "what was throttled is asked for by name");
}

#[test]
fn a_weaker_write_than_promised_is_checked_and_told_once() {
    for layout in [Layout::Json, Layout::Keys] {
        let bench = bench(WriteGuarantee::Conditional, |_| {});
        let store = bench.environment(layout);
        bench.service.downgrade(WriteGuarantee::Detected);
        let on = fetch(&*store);
        bench.service.interfere(0, Box::new(|_| {}));
        let report =
            block_on(store.commit(&[set("A", "canary-1"), set("B", "canary-2")], &on, &mut MemoryJournal::default()));
        assert_done(&report);
        assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
        assert!(report.notes[0].contains("written, then checked"), "{:?}", report.notes);
        // Somebody is faster: theirs stays.
        let whole = PayloadName(LOCATION.to_owned());
        let (target, theirs) = match layout {
            Layout::Keys => (name("A"), "canary-foreign".to_owned()),
            _ => (whole, r#"{"A":"canary-foreign","B":"canary-2"}"#.to_owned()),
        };
        let on = fetch(&*store);
        bench.service.interfere(0, Box::new(move |service| service.raw_put(&target, theirs.as_bytes())));
        let report = block_on(store.commit(&[set("A", "canary-3")], &on, &mut MemoryJournal::default()));
        assert_eq!(outcome(&report, "A"), Some(StoreErrorKind::Moved));
        let now = fetch(&*store);
        assert_eq!(now.entries[&key("A")].expose(), "canary-foreign");
        assert_eq!(now.entries[&key("B")].expose(), "canary-2");
    }
}

#[test]
fn a_layer_passes_everything_else_on() {
    let bench = bench(WriteGuarantee::Conditional, |_| {});
    assert_eq!(bench.store.to_string(), "memory");
    assert_eq!(bench.store.scope(), bench.service.scope());
    assert_eq!(bench.store.capabilities(), bench.service.capabilities());
    bench.service.raw_put(&name("A"), b"canary-1");
    let payload = block_on(bench.store.get_version(&name("A"), &VersionId("1".to_owned()))).expect("a version");
    block_on(bench.store.delete(&name("A"), &payload.version)).expect("deleted");
    assert!(bench.service.raw(&name("A")).is_none());
}
