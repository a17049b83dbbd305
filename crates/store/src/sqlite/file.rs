//! The database file on disk: made for its owner alone, and held by one process while it is looked at or migrated.
//! Knows no SQL.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::schema::OpenError;

/// How every SQLite database begins (sqlite.org/fileformat.html, 1.3.1).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Where a database is, as text for messages and with the error of the file system.
pub(super) fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    move |source| OpenError::File { path: path.display().to_string(), source }
}

/// The folder a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the folder of a file where there is none, readable by its owner only.
pub(super) fn create_folder(path: &Path) -> Result<(), OpenError> {
    let folder = folder(path);
    private_folder().create(folder).map_err(file_error(folder))
}

/// Makes the folder and an empty file where there are none, readable by their owner only.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    create_folder(path)?;
    let folder = folder(path);
    match private_file().create_new(true).open(path) {
        Ok(file) => {
            // The file's name must survive a power cut as well as what will be written into it.
            file.sync_all().map_err(file_error(path))?;
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error(folder))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(file_error(path)(error)),
    }
}

/// Refuses a file that begins like no SQLite database. Answers its length.
pub(super) fn check_magic(path: &Path) -> Result<u64, OpenError> {
    let mut file = File::open(path).map_err(file_error(path))?;
    let length = file.metadata().map_err(file_error(path))?.len();
    let mut head = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head).map_err(file_error(path))?;
    if length > 0 && head != MAGIC {
        let reason = "it does not begin like one".to_owned();
        return Err(OpenError::Damaged { path: path.display().to_string(), reason });
    }
    Ok(length)
}

/// Waits for the lock beside the database. The operating system lets go of it when its holder dies; the lock file
/// stays, because removing it would let two processes hold it at once.
pub(super) async fn lock(database: &Path) -> Result<File, OpenError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let shown = path.clone();
    #[expect(clippy::disallowed_methods, reason = "once at the start; nothing else waits behind it yet")]
    let locked = tokio::task::spawn_blocking(move || {
        let file = private_file().create(true).truncate(false).open(path)?;
        file.lock()?;
        Ok(file)
    });
    locked.await.unwrap_or_else(|died| Err(std::io::Error::other(died))).map_err(file_error(&shown))
}

#[cfg(unix)]
fn private_folder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
}

#[cfg(unix)]
/// A file that only its owner may read.
pub(super) fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    builder
}

#[cfg(not(unix))]
/// A file that only its owner may read.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}
