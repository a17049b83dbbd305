//! What only a file can do wrong: be somebody else's, be damaged, be full, be cut off.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doorward_identity::audit::{AuditAction, AuditQuery, AuditStore};
use doorward_identity::user::{UserQuery, UserStore};
use doorward_identity::{AuditId, StoreError, UserId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::SqliteStore;
use crate::conformance::{Backend, Folder, SqliteBackend, Stand, options};
use crate::{MigrateError, OpenError, Options};

async fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, options()).await
}

/// A file of its own, opened, migrated and closed.
async fn finished(folder: &Folder) -> PathBuf {
    let path = folder.0.join("doorward.db");
    let store = open(&path).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    path
}

/// Runs statements on a file, outside any store.
async fn run(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Opens a file that must be refused, and holds Doorward to leaving it as it was.
async fn refusal(path: &Path) -> OpenError {
    let before = std::fs::read(path).unwrap();
    let error = open(path).await.err().unwrap();
    assert!(std::fs::read(path).unwrap() == before, "the file was changed");
    error
}

#[tokio::test]
async fn the_file_is_made_for_its_owner_alone() {
    let folder = Folder::new();
    let path = folder.0.join("deep/er/doorward.db");
    let store = open(&path).await.unwrap();
    store.migrate().await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "database, log, index of the log, lock: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.durability().await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_untouched() {
    let folder = Folder::new();
    let path = finished(&folder).await;
    let sound = std::fs::read(&path).unwrap();
    let mut torn = sound.clone();
    torn.truncate(sound.len() / 2);
    let mut scribbled = sound.clone();
    scribbled[100..4096].fill(0xa5);
    let mut scribbled_within = sound.clone();
    let middle = sound.len() / 4096 / 2 * 4096;
    scribbled_within[middle..middle + 4096].fill(0xa5);
    for (what, bytes) in [
        ("text", b"these are my notes, not a database\n".to_vec()),
        ("short", b"SQLite".to_vec()),
        ("torn", torn),
        ("scribbled", scribbled),
        ("scribbled within", scribbled_within),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = refusal(&path).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
    }
    std::fs::write(&path, sound).unwrap();
    open(&path).await.unwrap();
}

#[tokio::test]
async fn a_newer_or_altered_database_is_refused_and_untouched() {
    let folder = Folder::new();
    let path = finished(&folder).await;
    run(&path, "insert into doorward_migrations values (9001, 'future', '', true, x'', 0)").await;
    assert!(matches!(refusal(&path).await, OpenError::Newer { version: 9001 }));
    run(&path, "delete from doorward_migrations where version = 9001").await;
    run(&path, "update doorward_migrations set checksum = x'00' where version = 2").await;
    assert!(matches!(refusal(&path).await, OpenError::Altered { version: 2 }));
}

#[tokio::test]
async fn a_database_that_grew_newer_in_the_meantime_is_not_migrated() {
    let folder = Folder::new();
    let path = finished(&folder).await;
    let store = open(&path).await.unwrap();
    run(&path, "insert into doorward_migrations values (9001, 'future', '', true, x'', 0)").await;
    assert!(store.migration_state().await.unwrap().newer);
    let refused = store.migrate().await.unwrap_err();
    assert!(matches!(refused, MigrateError::Refused(OpenError::Newer { version: 9001 })), "{refused}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_untouched() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("other.db");
    run(&path, "create table users (id integer primary key); insert into users values (1)").await;
    let error = refusal(&path).await;
    assert!(matches!(&error, OpenError::Foreign { tables, .. } if tables == "users"), "{error}");
    assert!(!folder.0.join("other.db-wal").exists());
}

#[tokio::test]
async fn an_empty_file_is_a_fresh_database() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("doorward.db");
    std::fs::write(&path, b"").unwrap();
    let store = open(&path).await.unwrap();
    let state = store.migration_state().await.unwrap();
    assert_eq!(state.pending.first().map(String::as_str), Some("0001 create accounts"));
    assert_eq!(store.migrate().await.unwrap().count, state.pending.len());
    assert_eq!(store.migrate().await.unwrap().count, 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(folder.0.join("file"), b"").unwrap();
    let error = open(&folder.0.join("file/doorward.db")).await.err().unwrap();
    assert!(error.to_string().contains("/file"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_writes_only_and_only_while_it_is_full() {
    let folder = Folder::new();
    let path = finished(&folder).await;
    let store = open(&path).await.unwrap();
    let stand = Stand::of(&SqliteBackend::prepare().await.unwrap()).await;
    let known = stand.new_user("known@example.com");
    let _ = store.insert_user(&known, &stand.event(AuditAction::UserSignedUp)).await.unwrap();
    let limit = async |pages: &str| {
        let sql = AssertSqlSafe(format!("pragma max_page_count = {pages}"));
        sqlx::raw_sql(sql).execute(&store.writer).await.unwrap();
    };

    limit("1").await;
    let mut refused = None;
    for number in 0..500 {
        let new = stand.new_user(&format!("user{number}@example.com"));
        if let Err(error) = store.insert_user(&new, &stand.event(AuditAction::UserSignedUp)).await {
            refused = Some((new, error));
            break;
        }
    }
    let (half_made, error) = refused.unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(store.find_user(half_made.user.id).await.unwrap().is_none());
    assert!(store.find_context(known.user.id).await.unwrap().is_some(), "reads go on");

    limit("1000000").await;
    let _ = store.insert_user(&half_made, &stand.event(AuditAction::UserSignedUp)).await.unwrap();
    assert!(store.find_user(half_made.user.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waits_too_long_is_unavailable_and_reads_go_on() {
    let folder = Folder::new();
    let path = finished(&folder).await;
    let stand = Stand::of(&SqliteBackend::prepare().await.unwrap()).await;
    let (holder, hasty) = (open(&path).await.unwrap(), Duration::from_millis(200));
    let store = SqliteStore::open(&path, Options { timeout: hasty, ..options() }).await.unwrap();
    let held = holder.begin().await.unwrap();

    let (new, begun) = (stand.new_user("a@example.com"), Instant::now());
    let result = store.insert_user(&new, &stand.event(AuditAction::UserSignedUp)).await;
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "the deadline holds");
    assert!(store.find_user(new.user.id).await.unwrap().is_none());

    held.rollback().await.unwrap();
    let store = open(&path).await.unwrap();
    let _ = store.insert_user(&new, &stand.event(AuditAction::UserSignedUp)).await.unwrap();
}

/// Names the file that [`the_process_to_be_killed`] writes into.
const VICTIM_FILE: &str = "DOORWARD_TEST_VICTIM_FILE";

/// No test of its own: signs people up until it is killed, and says so each time the store has said so.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
async fn the_process_to_be_killed() {
    let Ok(path) = std::env::var(VICTIM_FILE) else { return };
    let store = open(Path::new(&path)).await.unwrap();
    store.migrate().await.unwrap();
    let stand = Stand::of(&SqliteBackend::prepare().await.unwrap()).await;
    let round = std::process::id();
    for number in 0.. {
        let mut new = stand.new_user(&format!("user{number}.{round}@example.com"));
        let mut event = stand.event(AuditAction::UserSignedUp);
        // The stand draws the same ids in every process.
        let fresh = uuid::Uuid::from_u128((u128::from(round) << 64) | number);
        (new.user.id, event.id) = (UserId::from_uuid(fresh), AuditId::from_uuid(fresh));
        let _ = store.insert_user(&new, &event).await.unwrap();
        println!("\nacknowledged {fresh}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged_and_leaves_nothing_half_done() {
    let folder = Folder::new();
    let path = folder.0.join("doorward.db");
    let mut acknowledged: Vec<UserId> = Vec::new();
    for round in 0..4 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::tests::the_process_to_be_killed", "--nocapture"])
            .env(VICTIM_FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<UserId>().ok());
        acknowledged.extend(said.by_ref().take(10 + 7 * round));
        victim.kill().unwrap();
        acknowledged.extend(said);
        victim.wait().unwrap();

        let store = open(&path).await.unwrap();
        assert!(store.migration_state().await.unwrap().pending.is_empty());
        for id in &acknowledged {
            assert!(store.find_user(*id).await.unwrap().is_some(), "{id} was acknowledged and is lost");
        }
        let users = store.list_users(&UserQuery { limit: 100_000, ..UserQuery::default() }).await.unwrap();
        let query = AuditQuery { limit: 100_000, ..AuditQuery::default() };
        assert_eq!(users.len(), store.list_audit(&query).await.unwrap().len(), "an account without its audit line");
        let verdict: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&store.readers).await.unwrap();
        assert_eq!(verdict, "ok");
        store.close().await;
    }
    assert!(acknowledged.len() >= 10 + 17 + 24 + 31);
}
