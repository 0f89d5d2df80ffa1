//! State of work trees that are gone.

use super::*;
use crate::domain::record::{BegunWrite, BegunWrites};
use std::cell::Cell;

#[test]
fn what_was_parked_or_can_be_undone_in_a_removed_work_tree_stays_listed_until_it_is_dropped() {
    let common = Common::new();
    let open = |worktree, live| common.open_as(worktree, live, Rc::new(ToyCipher::new(1)));
    block_on(async {
        let gone = open("my-topic-1a2b", &["main", "my-topic-1a2b"]);
        gone.save(&file(), &state("canary-1")).await.unwrap();
        let id = gone.push_undo(&file(), &undo(5)).await.unwrap();
        gone.save(&EnvFilePath::new(".env"), &FileState { parked: [].into(), ..state("canary-2") }).await.unwrap();
        gone.set_used(Some(&EnvironmentName::new("top"))).await.unwrap();

        assert!(open("main", &["main", "my-topic-1a2b"]).orphans().await.unwrap().is_empty(), "it is live");
        let main = open("main", &["main"]);
        let orphans = main.orphans().await.unwrap();
        assert_eq!(orphans.len(), 1);
        let orphan = &orphans[0];
        assert_eq!((orphan.worktree.as_str(), &orphan.file), ("my-topic", &file()));
        assert_eq!(orphan.parked.values().cloned().collect::<Vec<_>>(), [parked("canary-1")]);
        assert_eq!(orphan.undo, [(id, undo(5))]);
        let worktree = common.directory().join("worktrees/my-topic-1a2b");
        assert_eq!(fs::read_dir(&worktree).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(), 1);

        let failure = open("main", &["main", "my-topic-1a2b"]).drop_orphan(orphan).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        let strange = Orphan { place: "worktrees/../../x".to_owned(), ..orphan.clone() };
        assert!(main.drop_orphan(&strange).await.is_err());
        main.drop_orphan(orphan).await.unwrap();
        assert!(main.orphans().await.unwrap().is_empty());
        assert!(!worktree.exists());
    });
}

#[test]
fn what_a_killed_switch_was_about_to_park_is_not_lost_with_the_work_tree() {
    let common = Common::new();
    block_on(async {
        let gone = common.open_as("topic-1", &["topic-1"], Rc::new(ToyCipher::new(1)));
        gone.begin(&file(), &journal(state("canary-later"))).await.unwrap();
        let orphans = common.open().orphans().await.unwrap();
        assert_eq!(orphans.len(), 1);
        assert_eq!(orphans[0].parked.values().cloned().collect::<Vec<_>>(), [parked("canary-later")]);
    });
}

#[test]
fn what_was_begun_in_a_store_outlives_what_else_a_removed_work_tree_has_left() {
    let common = Common::new();
    let gone = common.open_as("topic-1", &["topic-1"], Rc::new(ToyCipher::new(1)));
    let main = common.open();
    let configured = address("production");
    let write = BegunWrite {
        key: None,
        payload: PayloadName("production".to_owned()),
        replaces: None,
        write: "0".repeat(32),
        value: None,
    };
    let begun = BegunWrites { configured: configured.clone(), writes: vec![write] };
    block_on(async {
        gone.save(&file(), &state("canary-1")).await.unwrap();
        gone.save_begun_writes(&file(), &begun).await.unwrap();
        assert!(gone.left_writes(&configured).await.unwrap().is_empty(), "its own are not left");
        let orphans = main.orphans().await.unwrap();
        main.drop_orphan(&orphans[0]).await.unwrap();
        assert!(main.orphans().await.unwrap().is_empty());
        assert!(main.left_writes(&address("elsewhere")).await.unwrap().is_empty());
        let left = main.left_writes(&configured).await.unwrap().remove(0);
        assert_eq!(left.begun, begun);
        assert!(main.left_writes(&configured).await.unwrap().is_empty(), "somebody looks into them");
        main.drop_left_writes(left).await.unwrap();
        assert!(main.left_writes(&configured).await.unwrap().is_empty());
        assert!(main.orphans().await.unwrap().is_empty());
        assert!(!common.directory().join("worktrees/topic-1").exists());
    });
}

#[test]
fn an_empty_orphan_that_is_in_use_stays_until_it_is_free() {
    let common = Common::new();
    let gone = common.open_as("topic-1", &["topic-1"], Rc::new(ToyCipher::new(1)));
    let worktree = common.directory().join("worktrees/topic-1");
    block_on(async {
        let held = gone.lock(&file(), Wait::No).await.unwrap();
        assert!(held.is_some() && common.open().orphans().await.unwrap().is_empty());
        assert!(worktree.exists());
        drop(held);
        assert!(common.open().orphans().await.unwrap().is_empty());
        assert!(!worktree.exists());
    });
}

#[test]
fn an_orphan_that_cannot_be_read_is_an_error_and_stays() {
    let common = Common::new();
    block_on(async {
        let gone = common.open_as("topic-1", &["topic-1"], Rc::new(ToyCipher::new(2)));
        gone.save(&file(), &state("canary-1")).await.unwrap();
        assert_eq!(common.open().orphans().await.unwrap_err().kind, FailureKind::Undecryptable);
        assert_eq!(gone.load(&file()).await.unwrap(), state("canary-1"));
    });
}

#[test]
fn live_work_trees_are_asked_for_only_where_there_is_another_one() {
    let common = Common::new();
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let live = move || {
        count.set(count.get() + 1);
        Ok(Vec::new())
    };
    let cipher = Rc::new(ToyCipher::new(1));
    let store = CommonDirState::new(common.directory(), "main".to_owned(), live, cipher, || Timestamp(NOW));
    block_on(async {
        store.save(&file(), &state("canary-1")).await.unwrap();
        assert!(store.orphans().await.unwrap().is_empty());
        assert_eq!(asked.get(), 0);
        assert_eq!(store.load(&file()).await.unwrap(), state("canary-1"), "the own work tree is never an orphan");
    });
}
