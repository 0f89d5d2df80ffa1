//! The shims as git runs them, with a stand-in for the program.

use super::sandbox::{Sandbox, WorkTree, sandboxed, write_script};
use envsync::git::hooks::{self, run_chained};
use std::fs;
use std::path::PathBuf;

/// A repository with the hooks in place, whose program writes each call and its input into a log.
struct Hooked {
    tree: WorkTree,
    log: PathBuf,
    binary: PathBuf,
}

impl Hooked {
    fn new(sandbox: &Sandbox) -> Self {
        let tree = sandbox.repository("r");
        let (log, binary) = (sandbox.path("log"), sandbox.path("o'ne bin/git-envsync"));
        write_script(
            &binary,
            &format!(
                "#!/bin/sh\necho \"envsync $*\" >>'{0}'\ncase $* in *--chain*) cat >>'{0}' ;; esac\nexit 7\n",
                log.display()
            ),
        );
        Self { tree, log, binary }
    }

    fn install(self) -> Self {
        hooks::install(&self.tree.open(), &self.binary).unwrap();
        self
    }

    /// Puts a foreign hook there, that writes into the same log.
    fn with_foreign(self, hook: &str, status: i32) -> Self {
        let text =
            format!("#!/bin/sh\necho \"foreign {hook} $*\" >>'{0}'\ncat >>'{0}'\nexit {status}\n", self.log.display());
        write_script(&self.tree.top.join(".git/hooks").join(hook), &text);
        self
    }

    /// What was called since the last time.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let _ = fs::remove_file(&self.log);
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_switch_runs_the_program_whose_failure_is_not_gits() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).install();
        let commit = hooked.tree.git(&["rev-parse", "HEAD"]);
        hooked.tree.git(&["switch", "-q", "-c", "new"]);
        assert_eq!(hooked.calls(), [format!("envsync hook post-checkout {commit} {commit} 1")]);
    });
}

#[test]
fn what_can_need_nothing_ends_before_the_program_starts() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).install();
        let tree = &hooked.tree;
        for number in 0..4 {
            tree.commit_file("n", number.to_string());
        }
        tree.git(&["checkout", "-q", "--", "README"]);
        tree.git(&["switch", "-q", "--detach"]);
        assert_eq!(hooked.calls(), [""; 0], "files, detached");
        tree.git(&["switch", "-q", "main"]);
        assert_eq!(hooked.calls().len(), 1);
        tree.git(&["bisect", "start", "HEAD", "HEAD~3"]);
        tree.git(&["bisect", "reset"]);
        assert_eq!(hooked.calls(), [""; 0], "bisect");
        tree.git(&["switch", "-q", "-c", "work", "HEAD~1"]);
        tree.commit_file("w", "w");
        hooked.calls();
        for backend in ["--merge", "--apply"] {
            tree.git(&["rebase", "-q", "--force-rebase", backend, "main"]);
            let calls = hooked.calls();
            assert!(calls.iter().all(|call| !call.contains("post-checkout")), "{backend}: {calls:?}");
            assert!(calls.iter().any(|call| call.ends_with("post-rewrite rebase")), "{backend}: {calls:?}");
        }
    });
}

#[test]
fn switched_off_only_the_foreign_hooks_run() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).with_foreign("post-checkout", 0).with_foreign("pre-push", 0).install();
        let tree = &hooked.tree;
        let run = |arguments: &[&str]| {
            assert!(tree.git_command().env("GIT_ENVSYNC", "0").args(arguments).output().unwrap().status.success());
        };
        run(&["switch", "-q", "-c", "new"]);
        tree.git(&["init", "-q", "--bare", "../o.git"]);
        run(&["push", "-q", "../o.git", "main"]);
        let calls = hooked.calls();
        assert!(calls[0].starts_with("foreign post-checkout"), "{calls:?}");
        assert_eq!(calls[1], "foreign pre-push ../o.git ../o.git");
        assert!(calls.len() == 3 && calls[2].starts_with("refs/heads/main "), "{calls:?}");
    });
}

#[test]
fn a_foreign_post_checkout_runs_first_and_its_status_is_passed_on() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).with_foreign("post-checkout", 3).install();
        let output = hooked.tree.try_git(&["switch", "-q", "-c", "new"]);
        assert_eq!(output.status.code(), Some(1));
        let calls = hooked.calls();
        assert!(calls[0].starts_with("foreign") && calls[1].starts_with("envsync hook post-checkout"), "{calls:?}");
    });
}

#[test]
fn a_merge_runs_post_merge() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).install();
        let tree = &hooked.tree;
        tree.git(&["switch", "-q", "-c", "other"]);
        tree.commit_file("o", "o");
        tree.git(&["switch", "-q", "main"]);
        hooked.calls();
        tree.git(&["merge", "-q", "other"]);
        assert_eq!(hooked.calls(), ["envsync hook post-merge 0"]);
    });
}

#[test]
fn clones_and_new_worktrees_run_the_program() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).install();
        hooked.tree.git(&["worktree", "add", "-q", "../w", "-b", "w"]);
        assert_eq!(hooked.calls().len(), 1);
        let linked = WorkTree { top: sandbox.path("w") };
        linked.git(&["switch", "-q", "--detach"]);
        assert_eq!(hooked.calls(), [""; 0]);
        linked.git(&["switch", "-q", "w"]);
        assert_eq!(hooked.calls().len(), 1);
    });
}

#[test]
fn pre_push_hands_the_chain_and_the_untouched_input_to_the_program() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).with_foreign("pre-push", 0).install();
        hooked.tree.git(&["init", "-q", "--bare", "../o.git"]);
        let output = hooked.tree.try_git(&["push", "-q", "../o.git", "main"]);
        assert_eq!(output.status.code(), Some(1), "the program's status stops the push");
        let calls = hooked.calls();
        assert_eq!(calls[0], "envsync hook --chain .git/hooks/pre-push.before-envsync pre-push ../o.git ../o.git");
        assert!(calls[1].starts_with("refs/heads/main "), "{calls:?}");
    });
}

#[test]
fn without_the_program_post_hooks_are_silent_and_a_push_warns_in_one_line() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).with_foreign("pre-push", 0).install();
        fs::remove_file(&hooked.binary).unwrap();
        let output = hooked.tree.try_git(&["switch", "-q", "-c", "new"]);
        assert!(output.status.success() && output.stderr.is_empty());
        hooked.tree.git(&["init", "-q", "--bare", "../o.git"]);
        let output = hooked.tree.try_git(&["push", "-q", "../o.git", "new"]);
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
        let calls = hooked.calls();
        assert!(calls[0].starts_with("foreign pre-push") && calls[1].starts_with("refs/heads/new "), "{calls:?}");
    });
}

#[test]
fn a_program_that_moved_is_found_in_the_usual_place() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).install();
        let moved = sandbox.path("home/.cargo/bin/git-envsync");
        fs::create_dir_all(moved.parent().unwrap()).unwrap();
        fs::rename(&hooked.binary, moved).unwrap();
        hooked.tree.git(&["switch", "-q", "-c", "new"]);
        assert_eq!(hooked.calls().len(), 1);
    });
}

#[test]
fn a_chained_hook_gets_its_input_byte_by_byte_and_its_status_counts() {
    sandboxed(|sandbox| {
        let (hook, copy) = (sandbox.path("hook"), sandbox.path("copy"));
        sandbox.script(&hook, &format!("#!/bin/sh\ncat >'{}'\nexit $1\n", copy.display()));
        let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        assert_eq!(run_chained(&hook, &["5"], Some(&input)).unwrap(), 5);
        assert_eq!(fs::read(&copy).unwrap(), input);
    });
}

#[test]
fn a_chained_hook_may_ignore_its_input_or_die_or_not_be_there() {
    sandboxed(|sandbox| {
        let hook = sandbox.path("hook");
        let none: [&str; 0] = [];
        sandbox.script(&hook, "#!/bin/sh\nexit 0\n");
        assert_eq!(run_chained(&hook, &none, Some(&vec![b'x'; 1_000_000])).unwrap(), 0);
        sandbox.script(&hook, "#!/bin/sh\nkill -9 $$\n");
        assert_eq!(run_chained(&hook, &none, Some(b"")).unwrap(), 128 + 9);
        sandbox.script(&hook, "exit 4 # no first line\n");
        assert_eq!(run_chained(&hook, &none, None).unwrap(), 4);
        super::sandbox::set_mode(&hook, 0o644);
        assert_eq!(run_chained(&hook, &none, None).unwrap(), 0);
        assert_eq!(run_chained(&sandbox.path("missing"), &none, None).unwrap(), 0);
    });
}

#[test]
fn a_program_that_cannot_be_executed_does_not_stop_a_push() {
    sandboxed(|sandbox| {
        let hooked = Hooked::new(sandbox).install();
        super::sandbox::set_mode(&hooked.binary, 0o644);
        hooked.tree.git(&["init", "-q", "--bare", "../o.git"]);
        hooked.tree.git(&["push", "-q", "../o.git", "main"]);
        hooked.tree.git(&["switch", "-q", "-c", "new"]);
        assert_eq!(hooked.calls(), [""; 0]);
    });
}
