//! Backups of the file: taken while it is in use, put back while it is not. Nobody ever finds half of either: what is
//! made is made beside its place, checked, and then given its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection};

use super::open::{look, migrator};
use super::{SqliteStore, file};
use crate::schema::OpenError;

/// A backup cannot be taken or put back. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name.
    #[error("{} is there already; nothing was changed: name another file", .0.display())]
    Taken(PathBuf),
    /// There is no such file.
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
    /// Somebody has the database open.
    #[error("{} is in use; nothing was changed: stop Doorward and whatever else has it open, then repeat", .0.display())]
    InUse(PathBuf),
    /// The database to be replaced is damaged.
    #[error(
        "{} is damaged, so it cannot be told whether it is in use; nothing was changed: stop Doorward, move this file \
         away (with those that begin like it and end in -wal and -shm), then repeat",
        .0.display()
    )]
    Undecided(PathBuf),
    /// The file is not sound, or none of ours.
    #[error(transparent)]
    Refused(#[from] OpenError),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite says no.
    #[error("the backup failed; nothing was left behind: {0}")]
    Failed(#[source] sqlx::Error),
}

/// Waits for whoever looks at the file for a moment.
const PATIENCE: Duration = Duration::from_secs(2);

impl SqliteStore {
    /// Writes the database as it is at one moment into a file that is not there yet, and checks it. Whoever serves
    /// meanwhile is not stopped by it. Answers how many bytes it has.
    pub async fn back_up(&self, to: &Path) -> Result<u64, BackupError> {
        if to.exists() {
            return Err(BackupError::Taken(to.to_owned()));
        }
        let draft = Draft::beside(to)?;
        let copied = async {
            let options = SqliteConnectOptions::new().filename(&self.path).read_only(true).disable_statement_logging();
            let mut connection = options.connect().await?;
            sqlx::query("vacuum into $1").bind(draft.0.to_string_lossy()).execute(&mut connection).await?;
            connection.close().await
        };
        copied.await.map_err(BackupError::Failed)?;
        check(&draft.0).await?;
        let length = draft.sync()?;
        draft.name(to)?;
        Ok(length)
    }

    /// Puts a backup in the place of a database that nobody has open. The former database stays beside it, under the
    /// name that is answered.
    pub async fn restore(backup: &Path, database: &Path, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
        if !backup.is_file() {
            return Err(BackupError::Missing(backup.to_owned()));
        }
        check(backup).await?;
        file::create_folder(database)?;
        let draft = Draft::beside(database)?;
        copy_into(backup, &draft.0)?;
        check(&draft.0).await?;
        draft.sync()?;
        // Nobody opens the database from here on.
        let _lock = file::lock(database).await?;
        if !database.exists() {
            draft.name(database)?;
            return Ok(None);
        }
        settle(database).await?;
        let former = beside(database, &format!("before-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        // The name of the database is never nobody's: a start in between would make an empty one.
        fs::hard_link(database, &former).map_err(failed(&former))?;
        fs::rename(&draft.0, database).map_err(failed(database))?;
        sync_folder(database)?;
        Ok(Some(former))
    }

    /// Whether another process has the database open at this moment.
    pub async fn is_in_use(path: &Path) -> Result<bool, BackupError> {
        // Whoever has it open holds a shared lock all the time.
        let alone = SqliteConnectOptions::new().locking_mode(SqliteLockingMode::Exclusive);
        match ask(alone, path, "begin immediate").await {
            Ok(()) => Ok(false),
            Err(error) if has_code(&error, BUSY) => Ok(true),
            Err(error) => Err(OpenError::from(error).into()),
        }
    }
}

/// Writes what is in the log into the file and removes the log, which SQLite does only for whoever is alone with it.
async fn settle(database: &Path) -> Result<(), BackupError> {
    match ask(SqliteConnectOptions::new(), database, "pragma journal_mode = delete").await {
        Ok(()) => Ok(()),
        Err(error) if has_code(&error, BUSY) => Err(BackupError::InUse(database.to_owned())),
        Err(_) => Err(BackupError::Undecided(database.to_owned())),
    }
}

/// Runs a statement on a connection of its own.
async fn ask(options: SqliteConnectOptions, path: &Path, sql: &'static str) -> Result<(), sqlx::Error> {
    let options = options.filename(path).busy_timeout(PATIENCE).disable_statement_logging();
    let mut connection = options.connect().await?;
    sqlx::query(sql).execute(&mut connection).await?;
    connection.close().await
}

/// The kind of SQLite's result codes that says that somebody else holds a lock.
const BUSY: u32 = 5;

fn has_code(error: &sqlx::Error, kind: u32) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == kind)
}

/// Refuses a file that is not a sound database of Doorward's, of this version or an earlier one. Every page is read.
async fn check(path: &Path) -> Result<(), BackupError> {
    let damaged =
        |reason: String| BackupError::Refused(OpenError::Damaged { path: path.display().to_string(), reason });
    let length = file::check_magic(path)?;
    if length == 0 {
        return Err(damaged("it is empty".to_owned()));
    }
    let found = look(path, length).await?;
    if found.applied.is_empty() {
        return Err(damaged("it holds nothing of Doorward's".to_owned()));
    }
    found.refuse_foreign(&migrator())?;
    let verdict = async {
        let mut connection: SqliteConnection =
            SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging().connect().await?;
        let verdict: String = sqlx::query_scalar("pragma integrity_check(1)").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(verdict)
    };
    match verdict.await {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(damaged(verdict)),
        Err(error) => Err(damaged(error.to_string())),
    }
}

/// A file on its way to its name, which only its owner may read; removed unless it gets there.
struct Draft(PathBuf);

impl Draft {
    fn beside(place: &Path) -> Result<Self, BackupError> {
        let path = beside(place, &format!("{}.partial", std::process::id()));
        file::private_file().create_new(true).open(&path).map_err(failed(&path))?;
        Ok(Self(path))
    }

    /// Waits until it is on disk. Answers its length.
    fn sync(&self) -> Result<u64, BackupError> {
        let length = File::open(&self.0).and_then(|file| file.sync_all().and_then(|()| file.metadata()));
        Ok(length.map_err(failed(&self.0))?.len())
    }

    /// Gives it its name, if that is nobody's.
    fn name(&self, path: &Path) -> Result<(), BackupError> {
        match fs::hard_link(&self.0, path) {
            Ok(()) => sync_folder(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Taken(path.to_owned())),
            Err(error) => Err(failed(path)(error)),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Where it took another's place it is not there any more.
        let _ = fs::remove_file(&self.0);
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn copy_into(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = File::open(from).map_err(failed(from))?;
    let mut target = file::private_file().truncate(true).open(to).map_err(failed(to))?;
    io::copy(&mut source, &mut target).map_err(failed(to))?;
    Ok(())
}

fn sync_folder(of: &Path) -> Result<(), BackupError> {
    let folder = file::folder(of);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    move |source| BackupError::File { path: path.to_owned(), source }
}
