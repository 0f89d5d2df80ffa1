//! The drivers in git's config, and git running them.

use super::sandbox::{sandboxed, write_script};
use envsync::git::{Edit, attributes, drivers};

#[test]
fn install_and_uninstall_leave_the_config_as_it_was() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let before = tree.read(".git/config");
        let binary = sandbox.path("my bin/git-envsync");
        let repository = tree.open();
        assert_eq!(drivers::install(&repository, &binary).unwrap(), Edit::Made);
        assert_eq!(drivers::install(&repository, &binary).unwrap(), Edit::NotNeeded);
        assert!(drivers::is_installed(&repository, &binary).unwrap());
        assert!(!drivers::is_installed(&tree.open(), &sandbox.path("other")).unwrap());
        assert_eq!(tree.git(&["config", "--local", "diff.envsync.cachetextconv"]), "false");
        let names = tree.git(&["config", "--local", "--name-only", "--get-regexp", "envsync"]);
        let wanted =
            ["diff.envsync.textconv", "diff.envsync.cachetextconv", "merge.envsync.driver", "merge.envsync.name"];
        assert_eq!(names.lines().collect::<Vec<_>>(), wanted);
        assert_eq!(drivers::uninstall(&tree.open()).unwrap(), Edit::Made);
        assert_eq!(drivers::uninstall(&tree.open()).unwrap(), Edit::NotNeeded);
        assert_eq!(tree.read(".git/config"), before);
    });
}

#[test]
fn another_binary_replaces_the_former() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        drivers::install(&tree.open(), &sandbox.path("old")).unwrap();
        assert_eq!(drivers::install(&tree.open(), &sandbox.path("new")).unwrap(), Edit::Made);
        let commands = tree.git(&["config", "--local", "--get-all", "diff.envsync.textconv"]);
        assert_eq!(commands.lines().count(), 1);
        assert!(commands.contains("/new'"));
    });
}

#[test]
fn git_runs_the_drivers_and_gets_along_without_the_program() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        let binary = sandbox.path("it's 100%/git-envsync");
        write_script(
            &binary,
            "#!/bin/sh\ncase $1 in textconv) echo \"shown: $(cat \"$2\")\" ;; merge-driver) echo \"merged $6\" >\"$3\" ;; esac\n",
        );
        attributes::ensure(&tree.open(), ".envsync").unwrap();
        drivers::install(&tree.open(), &binary).unwrap();
        let file = ".envsync/x y.env.age";
        tree.commit_file(file, "1\n");
        tree.git(&["switch", "-q", "-c", "other"]);
        tree.commit_file(file, "2\n");
        assert!(tree.git(&["log", "-p", "-1"]).contains("+shown: 2"));
        tree.git(&["switch", "-q", "main"]);
        tree.commit_file(file, "3\n");
        tree.git(&["merge", "-q", "-m", "merge", "other"]);
        assert_eq!(tree.read(file), format!("merged {file}\n"));

        std::fs::remove_file(&binary).unwrap();
        assert!(tree.git(&["log", "-p", "-1", "other"]).contains("not installed"));
        tree.git(&["reset", "-q", "--hard", "HEAD~1"]);
        let output = tree.try_git(&["merge", "-q", "-m", "merge", "other"]);
        assert_eq!(output.status.code(), Some(1), "a conflict, no failure");
        assert_eq!(tree.read(file), "3\n", "ours is kept");
    });
}

#[test]
fn kept_textconv_output_is_noticed() {
    sandboxed(|sandbox| {
        let tree = sandbox.repository("r");
        assert!(!drivers::keeps_textconv_output(&tree.open()));
        tree.git(&["config", "--global", "diff.envsync.cachetextconv", "true"]);
        assert!(drivers::keeps_textconv_output(&tree.open()));
        drivers::install(&tree.open(), &sandbox.path("b")).unwrap();
        assert!(!drivers::keeps_textconv_output(&tree.open()));
        tree.git(&["update-ref", "refs/notes/textconv/envsync", "HEAD"]);
        assert!(drivers::keeps_textconv_output(&tree.open()));
    });
}
