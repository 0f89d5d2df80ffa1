//! The diff and merge drivers for store files, in the clone's config. Git takes no commands from the work tree, so
//! each clone needs them set.

use super::lines::Edit;
use super::quote::for_shell;
use super::repository::Repository;
use crate::ports::Failure;
use std::path::Path;

const SECTIONS: [&str; 2] = ["diff.envsync", "merge.envsync"];

/// Where git would keep textconv's output in plain text, were `cachetextconv` on (`notes-cache.c` of git).
const TEXTCONV_CACHE: &str = "refs/notes/textconv/envsync";

/// Sets the drivers to run `binary`, in the local config.
///
/// # Errors
/// A path that no shell text can name, a config that cannot be written.
pub fn install(repository: &Repository, binary: &Path) -> Result<Edit, Failure> {
    let wanted = settings(binary)?;
    if has_all(repository, &wanted) {
        return Ok(Edit::NotNeeded);
    }
    for (name, value) in &wanted {
        repository
            .git(&["config", "--local", "--replace-all", name, value], &format!("cannot set {name} in git's config"))?;
    }
    Ok(Edit::Made)
}

/// Takes both sections out of the local config, their headers too.
///
/// # Errors
/// A config that cannot be written.
pub fn uninstall(repository: &Repository) -> Result<Edit, Failure> {
    let mut edit = Edit::NotNeeded;
    for section in SECTIONS {
        if has_section(repository, section) {
            let what = format!("cannot remove {section} from git's config");
            repository.git(&["config", "--local", "--remove-section", section], &what)?;
            edit = Edit::Made;
        }
    }
    Ok(edit)
}

/// Whether the drivers are set to run `binary`.
///
/// # Errors
/// A path that no shell text can name.
pub fn is_installed(repository: &Repository, binary: &Path) -> Result<bool, Failure> {
    Ok(has_all(repository, &settings(binary)?))
}

/// Whether git keeps, or has kept, what textconv prints in its object database, where `git push --mirror` would
/// publish it: some scope has `cachetextconv` on, or its notes are there.
#[must_use]
pub fn keeps_textconv_output(repository: &Repository) -> bool {
    let caches = repository.inner.config().and_then(|config| config.get_bool("diff.envsync.cachetextconv"));
    caches.unwrap_or(false) || repository.inner.find_reference(TEXTCONV_CACHE).is_ok()
}

/// In the order in which they must be set: a merge driver that has a name but no command makes every merge of its
/// files fail (`ll-merge.c` of git).
///
/// A textconv that fails ends `git log -p` altogether, so the commands look for the program also on PATH, and
/// without it show a placeholder (with a checksum of the ciphertext: what differs must show), or leave a conflict.
fn settings(binary: &Path) -> Result<[(&'static str, String); 4], Failure> {
    let binary = for_shell(binary)?;
    let run = |command: &str, otherwise: &str| {
        format!(
            "f() {{ for b in {binary} git-envsync; do case $b in */*) test -x \"$b\" ;; *) command -v \"$b\" >/dev/null 2>&1 ;; \
             esac && exec \"$b\" {command} \"$@\"; done; {otherwise}; }}; f"
        )
    };
    let textconv = run("textconv", "echo \"(encrypted; git-envsync is not installed) $(cksum <\"$1\")\"");
    // Git replaces %O and its like in the whole command, so a percent sign of the path is doubled.
    let merge = format!("{} %O %A %B %L %P", run("merge-driver", "exit 1").replace('%', "%%"));
    Ok([
        ("diff.envsync.textconv", textconv),
        ("diff.envsync.cachetextconv", "false".to_owned()),
        ("merge.envsync.driver", merge),
        ("merge.envsync.name", "envsync store files, merged key by key".to_owned()),
    ])
}

fn has_all(repository: &Repository, wanted: &[(&str, String)]) -> bool {
    let Some(config) = local_config(repository) else { return false };
    wanted.iter().all(|(name, value)| config.get_string(name).is_ok_and(|present| present == *value))
}

fn has_section(repository: &Repository, section: &str) -> bool {
    let Some(config) = local_config(repository) else { return false };
    let pattern = format!("^{}\\.", section.replace('.', "\\."));
    config.entries(Some(&pattern)).is_ok_and(|mut entries| entries.next().is_some_and(|entry| entry.is_ok()))
}

fn local_config(repository: &Repository) -> Option<git2::Config> {
    repository.inner.config().ok()?.open_level(git2::ConfigLevel::Local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merge_command_comes_before_its_name() {
        let names = settings(Path::new("/bin/git-envsync")).unwrap().map(|(name, _)| name);
        let place = |name| names.iter().position(|present| *present == name).unwrap();
        assert!(place("merge.envsync.driver") < place("merge.envsync.name"));
    }

    #[test]
    fn a_percent_sign_in_the_path_survives_gits_placeholders() {
        let [textconv, _, driver, _] = settings(Path::new("/a%O/git-envsync")).unwrap();
        assert!(textconv.1.contains("'/a%O/git-envsync'"));
        assert!(driver.1.contains("'/a%%O/git-envsync'") && driver.1.ends_with("; f %O %A %B %L %P"));
    }
}
