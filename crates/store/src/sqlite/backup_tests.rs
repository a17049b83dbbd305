//! Backups, and what they are put back over.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use doorward_identity::audit::AuditAction;
use doorward_identity::user::{UserQuery, UserStore};
use jiff::Timestamp;

use super::{BackupError, SqliteStore};
use crate::OpenError;
use crate::conformance::{Backend, Folder, SqliteBackend, Stand, options};

async fn store(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(path, options()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn sign_up(store: &SqliteStore, stand: &Stand, email: &str) {
    let _ = store.insert_user(&stand.new_user(email), &stand.event(AuditAction::UserSignedUp)).await.unwrap();
}

async fn emails(path: &Path) -> Vec<String> {
    let store = store(path).await;
    let users = store.list_users(&UserQuery { limit: 1000, ..UserQuery::default() }).await.unwrap();
    store.close().await;
    users.into_iter().map(|user| user.email.as_str().to_owned()).collect()
}

async fn stand() -> Stand {
    Stand::of(&SqliteBackend::prepare().await.unwrap()).await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn restored(backup: &Path, database: &Path) -> Result<Option<PathBuf>, BackupError> {
    SqliteStore::restore(backup, database, Timestamp::from_second(1_770_000_000).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_what_the_database_was_while_others_write() {
    let (folder, stand) = (Folder::new(), stand().await);
    let (path, backup) = (folder.0.join("doorward.db"), folder.0.join("backup.db"));
    let store = store(&path).await;
    for number in 0..50 {
        sign_up(&store, &stand, &format!("user{number}@example.com")).await;
    }
    let go_on = async {
        for number in 50..100 {
            sign_up(&store, &stand, &format!("user{number}@example.com")).await;
        }
    };
    let (bytes, ()) = tokio::join!(store.back_up(&backup), go_on);
    let metadata = std::fs::metadata(&backup).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (bytes.unwrap(), 0o600));
    assert_eq!(names(&folder.0).iter().filter(|name| name.contains("partial")).count(), 0);
    let kept = emails(&backup).await;
    assert!((50..=100).contains(&kept.len()));
    assert!((0..kept.len()).all(|number| kept.contains(&format!("user{number}@example.com"))), "one moment: {kept:?}");
}

#[tokio::test]
async fn nothing_is_written_over() {
    let folder = Folder::new();
    let (path, backup) = (folder.0.join("doorward.db"), folder.0.join("backup.db"));
    let store = store(&path).await;
    std::fs::write(&backup, b"mine").unwrap();
    assert!(matches!(store.back_up(&backup).await, Err(BackupError::Taken(_))));
    assert_eq!(std::fs::read(&backup).unwrap(), b"mine");
    let nowhere = store.back_up(&folder.0.join("no/such/folder.db")).await;
    assert!(matches!(nowhere, Err(BackupError::File { .. })), "{nowhere:?}");
}

#[tokio::test]
async fn a_backup_takes_the_place_of_a_database_that_stays_beside_it() {
    let (folder, stand) = (Folder::new(), stand().await);
    let (path, backup) = (folder.0.join("doorward.db"), folder.0.join("backup.db"));
    let serving = store(&path).await;
    sign_up(&serving, &stand, "before@example.com").await;
    serving.back_up(&backup).await.unwrap();
    sign_up(&serving, &stand, "after@example.com").await;

    let refused = restored(&backup, &path).await;
    assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
    assert!(SqliteStore::is_in_use(&path).await.unwrap());
    serving.close().await;
    assert!(!SqliteStore::is_in_use(&path).await.unwrap());
    assert_eq!(emails(&path).await.len(), 2, "what was refused changed nothing");

    let former = restored(&backup, &path).await.unwrap().unwrap();
    assert_eq!(emails(&path).await, ["before@example.com"]);
    assert_eq!(emails(&former).await.len(), 2);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&folder.0).iter().filter(|name| name.contains("partial")).count(), 0);
    assert_eq!(emails(&backup).await, ["before@example.com"], "the backup stays");
}

#[tokio::test]
async fn a_database_that_was_killed_keeps_what_was_only_in_its_log() {
    let (folder, stand) = (Folder::new(), stand().await);
    let (path, backup) = (folder.0.join("doorward.db"), folder.0.join("backup.db"));
    let (killed, other) = (folder.0.join("killed.db"), store(&path).await);
    other.back_up(&backup).await.unwrap();
    sign_up(&other, &stand, "logged@example.com").await;
    // As a killed process leaves it: the log beside the file.
    std::fs::copy(&path, &killed).unwrap();
    std::fs::copy(folder.0.join("doorward.db-wal"), folder.0.join("killed.db-wal")).unwrap();
    let former = restored(&backup, &killed).await.unwrap().unwrap();
    assert_eq!(emails(&former).await, ["logged@example.com"]);
    assert_eq!(emails(&killed).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_backup_is_put_where_nothing_was() {
    let (folder, stand) = (Folder::new(), stand().await);
    let (path, backup) = (folder.0.join("doorward.db"), folder.0.join("backup.db"));
    let serving = store(&path).await;
    sign_up(&serving, &stand, "a@example.com").await;
    serving.back_up(&backup).await.unwrap();
    let elsewhere = folder.0.join("new/folder/doorward.db");
    assert_eq!(restored(&backup, &elsewhere).await.unwrap(), None);
    assert_eq!(emails(&elsewhere).await, ["a@example.com"]);
}

#[tokio::test]
async fn what_is_no_sound_backup_is_not_put_anywhere() {
    let folder = Folder::new();
    let (path, backup) = (folder.0.join("doorward.db"), folder.0.join("backup.db"));
    let serving = store(&path).await;
    serving.back_up(&backup).await.unwrap();
    serving.close().await;
    let (sound, before) = (std::fs::read(&backup).unwrap(), std::fs::read(&path).unwrap());
    let mut scribbled = sound.clone();
    let middle = sound.len() / 4096 / 2 * 4096;
    scribbled[middle..middle + 4096].fill(0xa5);
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("text", b"notes".to_vec()),
        ("torn", sound[..sound.len() / 2].to_vec()),
        ("scribbled", scribbled),
    ] {
        std::fs::write(&backup, bytes).unwrap();
        let refused = restored(&backup, &path).await;
        assert!(matches!(refused, Err(BackupError::Refused(OpenError::Damaged { .. }))), "{what}: {refused:?}");
        assert!(std::fs::read(&path).unwrap() == before, "{what}");
    }
    let missing = restored(&folder.0.join("nothing.db"), &path).await;
    assert!(matches!(missing, Err(BackupError::Missing(_))), "{missing:?}");

    std::fs::write(&backup, sound).unwrap();
    std::fs::write(&path, b"SQLite format 3\0 and then nonsense").unwrap();
    let undecided = restored(&backup, &path).await;
    assert!(matches!(undecided, Err(BackupError::Undecided(_))), "{undecided:?}");
}
