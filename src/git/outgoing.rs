//! What a push would publish: the text that outgoing commits add.

use super::objects::{CommitId, is_regular};
use super::repository::{Repository, internal};
use crate::ports::Failure;
use git2::{Commit, DiffDelta, DiffFindOptions, DiffOptions, ErrorCode, FileMode, Oid, Patch, Sort};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Binary content over this size is not searched.
const BINARY_LIMIT: usize = 5 * 1024 * 1024;

/// Content over this size is not searched at all: git too takes it for binary (`core.bigFileThreshold`).
const LIMIT: usize = 512 * 1024 * 1024;

/// Consecutive lines that a commit adds to a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OutgoingText<'a> {
    /// The commit, in hexadecimal digits.
    pub commit: &'a str,
    /// The file, with `/` between segments.
    pub path: &'a str,
    /// The number of the first line; they count from 1.
    pub first_line: usize,
    /// The lines, with their line ends. Several, so that a value that spans lines can be found.
    pub text: &'a [u8],
}

impl OutgoingText<'_> {
    /// The number of the line that a position in the text is on.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> usize {
        let before = &self.text[..offset.min(self.text.len())];
        self.first_line + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// Where the text is, not what it says.
impl std::fmt::Debug for OutgoingText<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{} ({} bytes)", self.commit, self.path, self.first_line, self.text.len())
    }
}

/// A file in an outgoing commit that was not searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The commit.
    pub commit: CommitId,
    /// The file.
    pub path: String,
    /// Why.
    pub reason: SkippedReason,
}

/// Why a file was not searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkippedReason {
    /// Binary, and over 5 MiB.
    LargeBinary,
    /// Over 512 MiB.
    TooLarge,
}

impl Repository {
    /// Shows `visit` all text that a push of `tips` would add: of the commits that are reachable from them, and
    /// neither from a remote-tracking reference of `remote` (of any, where none is named) nor from one of `remote_oids` (those that are not here
    /// are passed over). Oldest commits first; a merge adds only what none of its parents has; a file that was
    /// moved unchanged adds nothing; the same content of the same file is shown once.
    ///
    /// It holds one file and its former version in memory at a time, and says which files it did not search.
    ///
    /// # Errors
    /// Objects that cannot be read.
    pub fn outgoing_text(
        &self,
        tips: &[String],
        remote: Option<&str>,
        remote_oids: &[String],
        visit: &mut dyn FnMut(&OutgoingText<'_>),
    ) -> Result<Vec<Skipped>, Failure> {
        let mut search = Search { repository: self, seen: HashSet::new(), skipped: Vec::new(), visit };
        for id in self.outgoing_commits(tips, remote, remote_oids)? {
            let commit = self.inner.find_commit(id).map_err(unreadable(id))?;
            search.commit(&commit)?;
        }
        Ok(search.skipped)
    }

    /// The commits that a push of `tips` would add, oldest first.
    fn outgoing_commits(
        &self,
        tips: &[String],
        remote: Option<&str>,
        remote_oids: &[String],
    ) -> Result<Vec<Oid>, Failure> {
        let failed = || internal("cannot list the outgoing commits");
        let mut walk = self.inner.revwalk().map_err(failed())?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).map_err(failed())?;
        for tip in tips {
            if let Some(commit) = self.commit_named(tip) {
                walk.push(commit).map_err(failed())?;
            }
        }
        for known in remote_oids.iter().filter_map(|id| self.commit_named(id)).chain(self.tracked_commits(remote)?) {
            walk.hide(known).map_err(failed())?;
        }
        walk.collect::<Result<_, _>>().map_err(failed())
    }

    /// The commit that an object name leads to; none for what is not here or is no commit.
    fn commit_named(&self, id: &str) -> Option<Oid> {
        let object = self.inner.find_object(Oid::from_str(id).ok()?, None).ok()?;
        Some(object.peel_to_commit().ok()?.id())
    }

    /// By prefix, not by pattern: a remote may be given by a path or an address with any characters.
    fn tracked_commits(&self, remote: Option<&str>) -> Result<Vec<Oid>, Failure> {
        let prefix = remote.map_or("refs/remotes/".to_owned(), |remote| format!("refs/remotes/{remote}/"));
        let references = self.inner.references().map_err(internal("cannot list the references"))?;
        Ok(references
            .filter_map(Result::ok)
            .filter(|reference| reference.name_bytes().starts_with(prefix.as_bytes()))
            .filter_map(|reference| Some(reference.peel_to_commit().ok()?.id()))
            .collect())
    }
}

fn unreadable(id: Oid) -> impl FnOnce(git2::Error) -> Failure {
    internal(format!("commit {id} cannot be read"))
}

struct Search<'a> {
    repository: &'a Repository,
    seen: HashSet<(Vec<u8>, Oid)>,
    skipped: Vec<Skipped>,
    visit: &'a mut dyn FnMut(&OutgoingText<'_>),
}

/// A file whose content a commit changes against its first parent.
struct Changed {
    path: Vec<u8>,
    old: Option<Oid>,
    new: Oid,
}

impl Changed {
    /// None where no file gets new content: it was removed or moved unchanged, only its mode changed, it is a link.
    fn by(delta: &DiffDelta<'_>) -> Option<Self> {
        let (old, new) = (delta.old_file(), delta.new_file());
        let is_file =
            |mode: FileMode| matches!(mode, FileMode::Blob | FileMode::BlobGroupWritable | FileMode::BlobExecutable);
        if !is_file(new.mode()) || old.id() == new.id() {
            return None;
        }
        let old_content = is_file(old.mode()).then(|| old.id());
        Some(Self { path: new.path_bytes()?.to_vec(), old: old_content, new: new.id() })
    }
}

impl Search<'_> {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        for changed in self.changed_files(commit).map_err(unreadable(commit.id()))? {
            let key = (changed.path.clone(), changed.new);
            if !self.seen.contains(&key) {
                self.file(commit, &changed)?;
                self.seen.insert(key);
            }
        }
        Ok(())
    }

    fn changed_files(&self, commit: &Commit<'_>) -> Result<Vec<Changed>, git2::Error> {
        let parent_tree = match commit.parent(0) {
            Ok(parent) => Some(parent.tree()?),
            // The first commit of all, or the edge of a shallow clone.
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        let repository = &self.repository.inner;
        let mut diff = repository.diff_tree_to_tree(parent_tree.as_ref(), Some(&commit.tree()?), None)?;
        diff.find_similar(Some(DiffFindOptions::new().renames(true).exact_match_only(true)))?;
        Ok(diff.deltas().filter_map(|delta| Changed::by(&delta)).collect())
    }

    fn file(&mut self, commit: &Commit<'_>, changed: &Changed) -> Result<(), Failure> {
        let path = String::from_utf8_lossy(&changed.path).into_owned();
        let mut former = Vec::from_iter(changed.old);
        for parent in commit.parents().skip(1) {
            let tree = parent.tree().map_err(unreadable(parent.id()))?;
            match tree.get_path(Path::new(&path)) {
                Ok(entry) if entry.id() == changed.new => return Ok(()),
                Ok(entry) if is_regular(entry.filemode()) => former.push(entry.id()),
                _ => {}
            }
        }
        let skip = |reason| Skipped { commit: CommitId::from(commit.id()), path: path.clone(), reason };
        if self.size_of(changed.new).is_some_and(|size| size > LIMIT) {
            self.skipped.push(skip(SkippedReason::TooLarge));
            return Ok(());
        }
        let content = self.repository.blob(changed.new)?;
        if content.len() > BINARY_LIMIT && is_binary(&content) {
            self.skipped.push(skip(SkippedReason::LargeBinary));
            return Ok(());
        }
        let commit_id = commit.id().to_string();
        for (first_line, text) in runs(&self.added_lines(&former, &content)?) {
            (self.visit)(&OutgoingText { commit: &commit_id, path: &path, first_line, text: &text });
        }
        Ok(())
    }

    fn size_of(&self, id: Oid) -> Option<usize> {
        Some(self.repository.inner.odb().ok()?.read_header(id).ok()?.0)
    }

    /// The lines of `content` that no former version has, by number.
    fn added_lines(&self, former: &[Oid], content: &[u8]) -> Result<BTreeMap<usize, Vec<u8>>, Failure> {
        let Some((first, others)) = former.split_first() else {
            return added(&[], content).map_err(internal("cannot compare two versions of a file"));
        };
        let mut lines = self.added_to(*first, content)?;
        for other in others {
            let against_other = self.added_to(*other, content)?;
            lines.retain(|number, _| against_other.contains_key(number));
        }
        Ok(lines)
    }

    fn added_to(&self, former: Oid, content: &[u8]) -> Result<BTreeMap<usize, Vec<u8>>, Failure> {
        // What is too large to compare counts as not there: then all lines are new.
        let former = match self.size_of(former) {
            Some(size) if size > LIMIT => Vec::new(),
            _ => self.repository.blob(former)?,
        };
        added(&former, content).map_err(internal("cannot compare two versions of a file"))
    }
}

fn added(former: &[u8], content: &[u8]) -> Result<BTreeMap<usize, Vec<u8>>, git2::Error> {
    let mut options = DiffOptions::new();
    options.context_lines(0).force_text(true);
    let patch = Patch::from_buffers(former, None, content, None, Some(&mut options))?;
    let mut lines = BTreeMap::new();
    for hunk in 0..patch.num_hunks() {
        for line in 0..patch.num_lines_in_hunk(hunk)? {
            let line = patch.line_in_hunk(hunk, line)?;
            if line.origin() == '+'
                && let Some(number) = line.new_lineno()
            {
                lines.insert(number as usize, line.content().to_vec());
            }
        }
    }
    Ok(lines)
}

/// Joins lines with consecutive numbers.
fn runs(lines: &BTreeMap<usize, Vec<u8>>) -> Vec<(usize, Vec<u8>)> {
    let mut runs: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut expected = 0;
    for (number, line) in lines {
        match runs.last_mut() {
            Some((_, text)) if *number == expected => text.extend_from_slice(line),
            _ => runs.push((*number, line.clone())),
        }
        expected = number + 1;
    }
    runs
}

/// Git's own rule: a NUL among the first 8000 bytes (`buffer_is_binary` in `xdiff-interface.c`).
fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(8000)].contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_are_joined_into_runs_by_their_numbers() {
        let lines = added(b"a\nb\nc\n", b"a\nx\ny\nb\nz\nc\n").unwrap();
        assert_eq!(runs(&lines), [(2, b"x\ny\n".to_vec()), (5, b"z\n".to_vec())]);
    }

    #[test]
    fn the_line_of_a_position_counts_from_the_first_line() {
        let text = OutgoingText { commit: "", path: "", first_line: 7, text: b"ab\ncd\n" };
        assert_eq!((text.line_of(0), text.line_of(3), text.line_of(99)), (7, 8, 9));
    }

    #[test]
    fn debug_text_says_where_and_not_what() {
        let text = OutgoingText { commit: "c", path: "p", first_line: 1, text: b"canary-9b1f" };
        assert_eq!(format!("{text:?}"), "c:p:1 (11 bytes)");
    }
}
