//! Writes that a command has begun in a store and not ended: the next command looks into them.

use super::bench::{Bench, kind};
use envsync::app::decide::Request;
use envsync::app::target::Access;
use envsync::domain::config::Layout;
use envsync::domain::environment::EnvFilePath;
use envsync::domain::key::Key;
use envsync::domain::plan::Direction;
use envsync::domain::record::{BegunWrite, BegunWrites};
use envsync::ports::{FailureKind, KeyPace, Settled, StateStore, WriteGuarantee, block_on};
use envsync::stores::memory::MemoryPayloads;

fn interrupted() -> Bench {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.files.write("A=canary-a2\n");
    bench.script().interrupted.set(true);
    assert_eq!(kind(bench.push()), Some(FailureKind::Unreachable));
    bench
}

#[test]
fn a_begun_write_is_looked_into_by_the_next_command_once_and_what_came_of_it_is_told() {
    let bench = interrupted();
    bench.script().settled.borrow_mut().push(Settled::PutBack("A of another writer is there again".to_owned()));
    assert_eq!(kind(bench.push()), None);
    assert_eq!(bench.script().asked_about.get(), 1);
    assert!(bench.told.lines.borrow().iter().any(|line| line.contains("is there again")), "{:?}", bench.told.lines);
    assert_eq!(bench.stored("A").as_deref(), Some("canary-a2"));
    bench.pull().expect("a pull");
    assert_eq!(bench.script().asked_about.get(), 1, "it was forgotten");
}

#[test]
fn a_dry_run_looks_into_nothing() {
    let bench = interrupted();
    let request = Request { dry_run: true, ..Request::new("push", Direction::ToRemote) };
    assert_eq!(kind(bench.run(&request)), None);
    assert_eq!(bench.script().asked_about.get(), 0);
}

#[test]
fn a_begun_write_outlives_a_second_interruption() {
    let bench = interrupted();
    bench.script().interrupted.set(true);
    bench.script().settled.borrow_mut().push(Settled::Well);
    assert_eq!(kind(bench.push()), Some(FailureKind::Unreachable));
    bench.script().settled.borrow_mut().push(Settled::Lost("A of another writer is lost".to_owned()));
    assert_eq!(kind(bench.push()), None);
    assert_eq!(bench.script().asked_about.get(), 2);
    assert!(bench.told.lines.borrow().iter().any(|line| line.contains("is lost")), "{:?}", bench.told.lines);
}

#[test]
fn a_plan_says_once_what_the_store_cannot_promise_and_how_it_was_written() {
    for (guarantee, word) in
        [(WriteGuarantee::Detected, "noticed and merged again"), (WriteGuarantee::Blind, "unnoticed")]
    {
        let bench = Bench::over(Layout::Dotenv, MemoryPayloads::new(guarantee));
        bench.agree("A=canary-a\n");
        bench.files.write("A=canary-a2\n");
        bench.script().notes.borrow_mut().push("written in another way".to_owned());
        let request = Request { dry_run: true, ..Request::new("push", Direction::ToRemote) };
        let planned = bench.run(&request).expect("a plan").targets.remove(0).notes;
        assert!(planned.len() == 1 && planned[0].contains(word), "{planned:?}");
        let done = bench.push().expect("a push").targets.remove(0).notes;
        assert!(done.len() == 2 && done[1] == "written in another way", "{done:?}");
    }
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    bench.files.write("A=canary-a2\n");
    assert!(bench.push().expect("a push").targets[0].notes.is_empty(), "a conditional write needs no word");
}

#[test]
fn what_was_begun_in_a_work_tree_that_is_gone_is_looked_into_by_the_next_command_of_another_once() {
    let bench = Bench::agreed(Layout::Dotenv, "A=canary-a\n");
    let selected = block_on(bench.workspace.selected()).unwrap();
    let target = block_on(bench.workspace.targets(&selected, Access::Read)).unwrap().remove(0);
    let write = BegunWrite {
        key: Some(Key::new("A").unwrap()),
        payload: bench.name("A"),
        replaces: None,
        write: "0".repeat(32),
        value: Some("canary-cut".into()),
    };
    let begun = BegunWrites { configured: target.store.address(), writes: vec![write] };
    block_on(bench.gone().save_begun_writes(&EnvFilePath::new("web/.env"), &begun)).unwrap();
    // Looking for what can be adopted leaves it there.
    assert!(block_on(bench.workspace.state.orphans()).unwrap().is_empty());
    bench.script().settled.borrow_mut().push(Settled::PutBack("A of another writer is there again".to_owned()));
    bench.pull().expect("a pull");
    assert_eq!(bench.script().asked_about.get(), 1);
    assert!(bench.told.lines.borrow().iter().any(|line| line.contains("is there again")), "{:?}", bench.told.lines);
    bench.pull().expect("a pull");
    assert_eq!(bench.script().asked_about.get(), 1, "it was forgotten");
}

#[test]
fn a_plan_that_the_pace_of_the_store_makes_too_long_says_so_before_it_is_carried_out() {
    let bench = Bench::agreed(Layout::Keys, "A=canary-a\n");
    bench.told.lines.borrow_mut().clear();
    bench.script().pace.set(Some(KeyPace { per_second: 3, burst: 3 }));
    let keys = |number: usize| (0..number).map(|at| format!("K{at}=canary-{at}\n")).collect::<String>();
    let plan = Request { dry_run: true, ..Request::new("push", Direction::ToRemote) };
    bench.files.write(&keys(60));
    assert!(bench.run(&plan).expect("a plan").targets[0].notes.is_empty(), "there is time for it");
    bench.files.write(&keys(120));
    let notes = bench.run(&plan).expect("a plan").targets.remove(0).notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("120 keys need 39 s") && notes[0].contains("`--timeout 1m`"), "{notes:?}");
    assert!(bench.told.lines.borrow().is_empty(), "{:?}", bench.told.lines);
    assert!(bench.push().expect("a push").targets[0].notes.is_empty());
    assert_eq!(*bench.told.lines.borrow(), notes, "a line beforehand");
}
