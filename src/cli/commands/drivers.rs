//! `textconv` and `merge-driver`: git calls them for store files. Textconv always ends with 0, else `git log -p` stops.

use crate::app::store_file;
use crate::cli::Ended;
use crate::cli::args::Globals;
use crate::cli::ui::Ui;
use crate::cli::wiring::{ConfiguredStores, Session};
use crate::domain::dotenv::Document;
use crate::ports::{Cipher, Failure, FailureKind, Stores};
use crate::stores::age::envelope;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Larger files are not shown: no store file is that large.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Begins every age file (<https://age-encryption.org/v1>).
const AGE: &[u8] = b"age-encryption.org/v1\n";

pub(super) fn textconv(globals: Globals, ui: &Rc<Ui>, file: &Path) -> Ended {
    let shown = match std::fs::metadata(file) {
        Ok(metadata) if metadata.len() > LIMIT => {
            format!("# envsync: {} bytes, too large to be shown\n", metadata.len())
        }
        _ => match std::fs::read(file) {
            Ok(bytes) => show(globals, ui, &bytes),
            Err(_) => "# envsync: cannot be read\n".to_owned(),
        },
    };
    ui.out(shown);
    Ok(0)
}

fn show(globals: Globals, ui: &Rc<Ui>, bytes: &[u8]) -> String {
    if !bytes.starts_with(AGE) {
        return format!("# envsync: no age file, sha256 {}\n", short_hash(bytes));
    }
    let quiet = Rc::new(Ui { quiet: true, interactive: false, ..**ui });
    let opened = Session::open(globals, quiet).and_then(|session| session.identity()).and_then(|identity| {
        let opened = envelope::open(identity.as_ref(), bytes)
            .map_err(|error| Failure::new(FailureKind::Undecryptable, error.to_string()))?;
        let cipher: &dyn Cipher = identity.as_ref();
        let masked = store_file::masked(cipher, &Document::parse(opened.text.expose()));
        Ok(format!("# {}, recipients {}\n{masked}", opened.location, opened.recipients_digest))
    });
    opened.unwrap_or_else(|failure| format!("# envsync: {}, sha256 {}\n", failure.what, short_hash(bytes)))
}

fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// 0 where the file is merged, 1 where it is not: then the work tree's file stays as it was.
pub(super) fn merge(globals: Globals, ui: &Rc<Ui>, files: &[PathBuf]) -> u8 {
    match try_merge(globals, Rc::clone(ui), files) {
        Ok(()) => 0,
        Err(failure) => {
            let ui = Ui { in_hook: true, ..**ui };
            ui.error_line(&crate::app::hooks::line(&failure));
            1
        }
    }
}

fn try_merge(globals: Globals, ui: Rc<Ui>, files: &[PathBuf]) -> Result<(), Failure> {
    let [base, ours, theirs, ..] = files else {
        return Err(Failure::new(FailureKind::Usage, "merge-driver takes %O %A %B %L %P"));
    };
    let session = Session::open(globals, ui)?;
    let path =
        files.get(4).map_or_else(|| ours.to_string_lossy().into_owned(), |path| path.to_string_lossy().into_owned());
    let config = session.trusted_config()?;
    let stores: ConfiguredStores = session.stores(&config, &session.identity()?);
    let file = stores.store_file(&path)?.ok_or_else(|| {
        Failure::new(FailureKind::Config, format!("{path} is no store file of .envsync.toml"))
            .hint("take one side with `git checkout --ours` or `--theirs`")
    })?;
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| Failure::new(FailureKind::Internal, "a side of the merge cannot be read").because(error))
    };
    let base = Some(read(base)?).filter(|bytes| !bytes.is_empty());
    match store_file::drive(file.as_ref(), base.as_deref(), &read(ours)?, &read(theirs)?)? {
        Ok(merged) => std::fs::write(ours, merged)
            .map_err(|error| Failure::new(FailureKind::Internal, "the merged file cannot be written").because(error)),
        Err(keys) => {
            let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
            let what = if keys.is_empty() { "lines that are no assignment".to_owned() } else { keys.join(", ") };
            Err(Failure::new(FailureKind::Conflict, format!("{path}: changed on both sides: {what}"))
                .hint("`git envsync resolve` settles it"))
        }
    }
}
