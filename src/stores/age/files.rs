//! Where the files of an age store come from: a directory of the work tree, or a commit.
//!
//! Knows bytes and names, not what is in them.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{self, Debug};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The files below a store's directory, by their path relative to it, with `/` between segments.
pub trait StoreFiles: Debug {
    /// The bytes of a file; none where there is none.
    ///
    /// # Errors
    /// A link that leaves the work tree, something that is no file, a file that cannot be read.
    fn read(&self, relative: &str) -> io::Result<Option<Vec<u8>>>;

    /// Puts `bytes` in the place of a file, where that still has the `expected` bytes (none: where there is none).
    /// Durable and atomic: a reader sees the old bytes or the new ones.
    ///
    /// # Errors
    /// A place that cannot be written. The file is as it was then.
    fn write(&self, relative: &str, expected: Option<&[u8]>, bytes: &[u8]) -> io::Result<WriteOutcome>;

    /// All files, sorted.
    ///
    /// # Errors
    /// A directory that cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It happened.
    Written,
    /// The file was not what was expected; it has not been touched.
    Moved,
}

/// How long another envsync is waited for: it writes one small file.
const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(20);

/// A directory of the work tree.
#[derive(Debug, Clone)]
pub struct DirectoryFiles {
    root: PathBuf,
    directory: String,
    lock_dir: PathBuf,
}

impl DirectoryFiles {
    /// The files in `directory` (relative, with `/` between segments) of the work tree at `root`. Locks and temporary
    /// files lie in `lock_dir`, outside the work tree.
    #[must_use]
    pub fn new(root: PathBuf, directory: impl Into<String>, lock_dir: PathBuf) -> Self {
        Self { root, directory: directory.into(), lock_dir }
    }

    /// The real path of a file. Links are followed as long as they stay inside the work tree and out of `.git`: a
    /// commit can bring a link along.
    fn resolve(&self, relative: &str) -> io::Result<PathBuf> {
        let root = self.root.canonicalize()?;
        let mut path = root.clone();
        for component in Path::new(&self.directory).join(relative).components() {
            match component {
                Component::CurDir => continue,
                Component::Normal(segment) => path.push(segment),
                _ => return Err(refused("the path leaves the work tree")),
            }
            match path.symlink_metadata() {
                Ok(metadata) if metadata.is_symlink() => path = path.canonicalize()?,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            let inside = path.strip_prefix(&root).map_err(|_| refused("a link leads out of the work tree"))?;
            if inside.components().any(is_git) {
                return Err(refused("the path leads into .git"));
            }
        }
        Ok(path)
    }

    /// Keeps other envsync processes out of this directory until it is dropped, and removes what killed ones left.
    fn lock(&self) -> io::Result<File> {
        make_private(&self.lock_dir)?;
        let path = self.lock_dir.join(format!("age-{}.lock", self.id()?));
        let mut options = File::options();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.create(true).write(true).truncate(false).open(path)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if started.elapsed() >= PATIENCE => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "another envsync is at work in it"));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            }
        }
        sweep(&self.lock_dir, &self.temporary()?);
        Ok(lock)
    }

    /// Tells the directories of one lock directory apart: linked work trees share it.
    fn id(&self) -> io::Result<String> {
        let directory = self.root.canonicalize()?.join(&self.directory);
        let digest = Sha256::digest(directory.as_os_str().as_encoded_bytes());
        Ok(super::hex(&digest[..8]))
    }

    /// Begins the names of temporary files: those of this directory alone, whose lock is held.
    fn temporary(&self) -> io::Result<String> {
        Ok(format!(".envsync-{}-", self.id()?))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let parent = path.parent().expect("a file below the work tree has a parent");
        fs::create_dir_all(parent)?;
        let prefix = self.temporary()?;
        match write_temporary(&self.lock_dir, &prefix, path, bytes) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                sweep(parent, &prefix);
                write_temporary(parent, &prefix, path, bytes)?;
            }
            other => other?,
        }
        sync_directory(parent)
    }
}

impl StoreFiles for DirectoryFiles {
    fn read(&self, relative: &str) -> io::Result<Option<Vec<u8>>> {
        read_file(&self.resolve(relative)?)
    }

    fn write(&self, relative: &str, expected: Option<&[u8]>, bytes: &[u8]) -> io::Result<WriteOutcome> {
        let _lock = self.lock()?;
        let path = self.resolve(relative)?;
        if read_file(&path)?.as_deref() != expected {
            return Ok(WriteOutcome::Moved);
        }
        self.replace(&path, bytes)?;
        Ok(WriteOutcome::Written)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        list_below(&self.resolve("")?, "", &mut files)?;
        files.sort();
        Ok(files)
    }
}

/// The files of a commit: read-only.
#[derive(Clone, Default)]
pub struct FixedFiles(pub BTreeMap<String, Vec<u8>>);

impl Debug for FixedFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl StoreFiles for FixedFiles {
    fn read(&self, relative: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(relative).cloned())
    }

    fn write(&self, _relative: &str, _expected: Option<&[u8]>, _bytes: &[u8]) -> io::Result<WriteOutcome> {
        Err(io::Error::new(ErrorKind::ReadOnlyFilesystem, "a commit cannot be written"))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, why)
}

fn is_git(component: Component<'_>) -> bool {
    component.as_os_str().eq_ignore_ascii_case(OsStr::new(".git"))
}

fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match path.metadata() {
        // Opening a pipe would wait for a writer.
        Ok(metadata) if !metadata.is_file() => Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file")),
        Ok(_) => match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sweep(directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            // It is encrypted, and the next write tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write_temporary(directory: &Path, prefix: &str, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(".tmp");
    let existing = path.metadata().ok().map(|metadata| metadata.permissions());
    // A store file is committed and encrypted: it gets the mode any new file gets.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(directory)?;
    temporary.write_all(bytes)?;
    if let Some(permissions) = existing {
        temporary.as_file().set_permissions(permissions)?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes a directory that only its owner can enter: another user who may read a lock's file may hold it.
fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)
}

/// Makes a rename durable. Only unix can open a directory to sync it.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Adds the files below `directory`. Links are left out: what they lead to is listed where it lies, or is not ours.
fn list_below(directory: &Path, prefix: &str, files: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        // A name that is not text cannot be a location.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let relative = format!("{prefix}{name}");
        if kind.is_dir() {
            list_below(&entry.path(), &format!("{relative}/"), files)?;
        } else if kind.is_file() {
            files.push(relative);
        }
    }
    Ok(())
}
