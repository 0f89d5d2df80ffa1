//! A random walk: two clones, four branches, every everyday command in any order. After every step nothing that a person
//! typed and did not take away themselves is gone.

use super::random::{Random, setting};
use super::witness::Witness;
use crate::support::{Lab, Repo, Run};
use std::collections::BTreeSet;

const BRANCHES: [&str; 4] = ["main", "equal", "staging", "topic/one"];
const KEYS: [&str; 5] = ["ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON"];
const COMMENTS: [&str; 3] = ["# the first comment", "# a comment between", "# the last comment"];

const CONFIG: &str = r#"version = 1
[[environment]]
name = "staging"
branches = ["staging"]
store = "local"
path = "staging"
[[environment]]
name = "preview"
branches = ["topic/{topic}"]
store = "local"
path = "preview/{topic}"
extends = "development"
[[environment]]
name = "development"
branches = ["**"]
store = "local"
path = "development"
[stores.local]
kind = "age"
directory = ".envsync"
"#;

/// One clone with what its user sees.
struct Desk {
    repo: Repo,
    witness: Witness,
}

struct Walk {
    random: Random,
    seed: u64,
    step: usize,
    typed: usize,
    desks: Vec<Desk>,
    /// Typed, and not taken away by who typed it or by somebody who saw it.
    alive: BTreeSet<String>,
    history: Vec<String>,
}

#[test]
fn no_value_that_a_person_typed_is_ever_gone() {
    let (first, walks) = (setting("ENVSYNC_WALK_SEED", 1), setting("ENVSYNC_WALKS", 20));
    let steps = usize::try_from(setting("ENVSYNC_WALK_STEPS", 100)).unwrap();
    for seed in first..first + walks {
        let lab = Lab::new();
        let mut walk = Walk::new(&lab, seed);
        for _ in 0..steps {
            walk.step();
        }
        walk.converges();
    }
}

impl Walk {
    fn new(lab: &Lab, seed: u64) -> Self {
        let origin = lab.bare("origin.git");
        let ada = lab.person("ada");
        let first = ada.init("first");
        first.write(".envsync.toml", CONFIG);
        first.write(
            ".env",
            format!("{}\nALPHA=start # stays\n{}\nBETA='b'\n{}\n", COMMENTS[0], COMMENTS[1], COMMENTS[2]),
        );
        first.envsync(["trust", "--yes"]).ok();
        first.envsync(["init"]).ok();
        first.envsync(["push", "--yes"]).ok();
        first.commit("set up");
        for branch in &BRANCHES[1..] {
            first.git(["branch", branch]).ok();
        }
        first.git(["remote", "add", "origin", origin.to_str().unwrap()]).ok();
        first.git(["push", "-q", "--all", "origin"]).ok();
        let second = ada.clone_of(&origin, "second");
        for branch in &BRANCHES[1..] {
            second.git(["branch", "-q", branch, &format!("origin/{branch}")]).ok();
        }
        second.envsync(["trust", "--yes"]).ok();
        second.envsync(["init"]).ok();
        second.write(".env", format!("{}\n", COMMENTS.join("\n")) + &second.env());
        let desks = [first, second].map(|repo| Desk { witness: Witness::new(&repo), repo });
        let alive = BTreeSet::new();
        Self { random: Random::new(seed), seed, step: 0, typed: 0, desks: desks.into(), alive, history: Vec::new() }
    }

    fn step(&mut self) {
        self.step += 1;
        let desk = self.random.below(self.desks.len());
        match self.random.below(20) {
            0..=4 => self.edit(desk),
            5 => self.remove(desk),
            6..=8 => self.switch(desk),
            9 => self.run(desk, &["pull"]),
            10 => self.run(desk, &["push", "--yes"]),
            11 => self.run(desk, &["push", "--prune", "--yes"]),
            12 => self.run(desk, &["sync"]),
            13 => self.settle(desk),
            14 => self.run(desk, &["undo"]),
            15 => self.restore(desk),
            16 => self.use_environment(desk),
            17 => self.merge(desk),
            18 => self.exchange(desk),
            _ => self.commit(desk),
        }
        self.check();
    }

    fn value_now(&self, desk: usize, key: &str) -> Option<String> {
        self.desks[desk].repo.value(key)
    }

    /// A person writes over the value they see: that one they gave up.
    fn edit(&mut self, desk: usize) {
        let key = *self.random.one_of(&KEYS);
        self.give_up(desk, key);
        self.typed += 1;
        let value = format!("canary-{}-{}", self.seed, self.typed);
        self.note(desk, &format!("edit {key}={value}"));
        let repo = &self.desks[desk].repo;
        let text = repo.env();
        match text.lines().find(|line| line.starts_with(&format!("{key}="))) {
            Some(line) => repo.write(".env", text.replace(line, &format!("{key}={value}"))),
            None => repo.edit(key, &value),
        }
        self.alive.insert(value);
    }

    fn remove(&mut self, desk: usize) {
        let key = *self.random.one_of(&KEYS);
        if self.desks[desk].repo.values().len() < 2 || self.value_now(desk, key).is_none() {
            return;
        }
        self.give_up(desk, key);
        self.note(desk, &format!("remove {key}"));
        self.desks[desk].repo.drop_key(key);
    }

    fn give_up(&mut self, desk: usize, key: &str) {
        if let Some(value) = self.value_now(desk, key) {
            self.alive.remove(&value);
        }
    }

    fn switch(&mut self, desk: usize) {
        let branch = *self.random.one_of(&BRANCHES);
        let before = self.desks[desk].witness.in_file();
        // Git refuses while the store file differs and is not committed: commit, as a person does.
        if self.git(desk, &["switch", "-q", branch]).status != 0 {
            self.commit(desk);
            self.git(desk, &["switch", "-q", branch]);
        }
        let at_hand = self.desks[desk].witness.at_hand();
        let gone: Vec<&String> =
            before.iter().filter(|value| self.alive.contains(*value) && !at_hand.contains(*value)).collect();
        assert!(gone.is_empty(), "{}only undo has them after a switch: {gone:?}", self.told());
    }

    fn restore(&mut self, desk: usize) {
        let key = *self.random.one_of(&KEYS);
        self.run(desk, &["restore", key]);
    }

    fn use_environment(&mut self, desk: usize) {
        let name = *self.random.one_of(&["staging", "development", "-", "-"]);
        self.run(desk, &["use", name]);
    }

    /// Settles by a side: both of its values are still to be found.
    fn settle(&mut self, desk: usize) {
        let side = *self.random.one_of(&["--local", "--remote"]);
        let command: &[&str] = match self.random.below(4) {
            0 => &["pull", "--force"],
            1 => &["push", "--force", "--yes"],
            _ => &["resolve", side],
        };
        self.run(desk, command);
    }

    fn merge(&mut self, desk: usize) {
        self.commit(desk);
        let branch = *self.random.one_of(&BRANCHES);
        self.merge_and_settle(desk, branch);
    }

    fn merge_and_settle(&mut self, desk: usize, what: &str) {
        if self.git(desk, &["merge", "-q", "--no-edit", what]).status == 0 {
            return;
        }
        let side = *self.random.one_of(&["--local", "--remote"]);
        self.check();
        self.run(desk, &["resolve", side]);
        self.check();
        let merged = self.git(desk, &["commit", "-q", "--no-edit"]);
        assert_eq!(merged.status, 0, "{}{}\n{}", self.told(), merged.stdout, merged.stderr);
        self.run(desk, &["pull"]);
    }

    /// Pulls what the other clone has pushed and pushes, as `git pull && git push` do.
    fn exchange(&mut self, desk: usize) {
        self.commit(desk);
        self.git(desk, &["fetch", "-q", "origin"]);
        let repo = &self.desks[desk].repo;
        let branch = repo.git(["branch", "--show-current"]).ok().stdout.trim().to_owned();
        self.merge_and_settle(desk, &format!("origin/{branch}"));
        self.git(desk, &["push", "-q", "--no-verify", "origin", "HEAD"]);
    }

    fn commit(&mut self, desk: usize) {
        self.git(desk, &["add", "-A"]);
        self.git(desk, &["commit", "-qm", "work"]);
    }

    fn git(&mut self, desk: usize, arguments: &[&str]) -> Run {
        let run = self.desks[desk].repo.git(arguments);
        self.note(desk, &format!("git {} -> {}", arguments.join(" "), run.status));
        run
    }

    fn run(&mut self, desk: usize, arguments: &[&str]) {
        let run = self.desks[desk].repo.envsync(arguments);
        self.note(desk, &format!("{} -> {}  {}", arguments.join(" "), run.status, run.stderr.trim()));
        assert!(
            [0, 3, 4].contains(&run.status)
                || run.status == 1 && ["undo", "restore", "resolve"].contains(&arguments[0]),
            "{}status {}\n{}\n{}",
            self.told(),
            run.status,
            run.stdout,
            run.stderr
        );
    }

    fn note(&mut self, desk: usize, what: &str) {
        self.history.push(format!("{:3} desk {desk}: {what}", self.step));
    }

    fn told(&self) -> String {
        format!("ENVSYNC_WALK_SEED={}\n{}\n", self.seed, self.history.join("\n"))
    }

    fn check(&self) {
        let mut found = BTreeSet::new();
        for desk in &self.desks {
            found.extend(desk.witness.values());
            let text = desk.repo.env();
            for comment in COMMENTS {
                assert!(text.contains(comment), "{}the comment {comment:?} is gone:\n{text}", self.told());
            }
        }
        let gone: Vec<&String> = self.alive.difference(&found).collect();
        assert!(gone.is_empty(), "{}gone: {gone:?}", self.told());
    }

    /// Once conflicts are settled, pull and push leave nothing to do.
    fn converges(&mut self) {
        for desk in 0..self.desks.len() {
            self.run(desk, &["use", "-"]);
            self.run(desk, &["pull"]);
            self.run(desk, &["resolve", "--local"]);
            self.run(desk, &["pull"]);
            self.run(desk, &["push", "--yes"]);
            self.check();
            self.run(desk, &["pull"]);
            let status = self.desks[desk].repo.envsync(["status", "--exit-code"]);
            assert_eq!(status.status, 0, "{}{}{}", self.told(), status.stdout, status.stderr);
        }
    }
}
