//! Directories that only their owner can look into.

use std::io;
use std::path::Path;

/// Makes `directory` and what is missing above it, mode 0700 on Unix. One that exists stays as it is.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(directory)
}
