//! What only PostgreSQL can do wrong.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use doorward_identity::audit::AuditAction;
use doorward_identity::keyring::KeyStore;
use doorward_identity::store::Saved;
use doorward_identity::user::UserStore;
use doorward_identity::{Store, StoreError};
use secrecy::{ExposeSecret, SecretString};

use super::PostgresStore;
use crate::conformance::{Backend, PostgresBackend, Stand, domain, hold_on, options, refresh, throttle, user};
use crate::{OpenError, Options};

/// An address with more after it.
fn with(url: &SecretString, more: &str) -> SecretString {
    format!("{}&{more}", url.expose_secret()).into()
}

async fn refusal(url: &SecretString) -> OpenError {
    PostgresStore::connect(url, options()).await.err().unwrap()
}

#[tokio::test]
async fn parameters_of_other_drivers_are_harmless() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let url = with(&backend.url(), "channel_binding=require&pool_timeout=3&sslpassword=secret&sslmode=prefer");
    let store = PostgresStore::connect(&url, options()).await.unwrap();
    store.ping().await.unwrap();
    store.durability().await.unwrap();
    backend.clear().await;
}

#[tokio::test]
async fn a_bad_address_is_refused_without_showing_its_password() {
    for url in [
        "mysql://u:hunter2@h/db",
        "postgres://u:hunter2@h:notaport/db",
        "postgres://u:hunter2@h/db?sslmode=hunter3",
        "postgres://u:hunter2@127.0.0.1:9/db",
    ] {
        let error = refusal(&url.into()).await;
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn a_newer_or_altered_database_is_refused() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    backend.node().await;
    let table = format!("{}.doorward_migrations", backend.schema());
    backend
        .run(format!(
            "insert into {table} (version, description, success, checksum, execution_time)
             values (9001, 'future', true, '', 0)"
        ))
        .await;
    assert!(matches!(refusal(&backend.url()).await, OpenError::Newer { version: 9001 }));
    backend.run(format!("delete from {table} where version = 9001")).await;
    backend.run(format!("update {table} set checksum = '' where version = 2")).await;
    assert!(matches!(refusal(&backend.url()).await, OpenError::Altered { version: 2 }));
    backend.clear().await;
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    backend.run(format!("create table {}.users (id integer)", backend.schema())).await;
    let error = refusal(&backend.url()).await;
    assert!(matches!(&error, OpenError::Foreign { tables } if tables == "users"), "{error}");
    backend.clear().await;
}

#[tokio::test]
async fn the_state_of_migrations_is_told_before_and_after() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let store = PostgresStore::connect(&backend.url(), options()).await.unwrap();
    let state = store.migration_state().await.unwrap();
    assert_eq!(state.pending.first().map(String::as_str), Some("0001 create accounts"));
    let applied = store.migrate().await.unwrap();
    assert_eq!(applied.count, state.pending.len());
    assert!(store.migration_state().await.unwrap().pending.is_empty());
    assert_eq!(store.migrate().await.unwrap().count, 0);
    backend.clear().await;
}

#[tokio::test]
async fn a_server_that_forgets_is_noticed() {
    let Some(mut backend) = PostgresBackend::prepare().await else { return };
    backend.settings = "-csynchronous_commit=off";
    let store = PostgresStore::connect(&backend.url(), options()).await.unwrap();
    let reason = store.durability().await.unwrap_err();
    assert!(reason.contains("synchronous_commit=off"), "{reason}");
    backend.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_end_alike_on_a_serializable_server() {
    for number in 0..5 {
        let Some(mut backend) = PostgresBackend::prepare().await else { return };
        backend.settings = "-cdefault_transaction_isolation=serializable";
        match number {
            0 => hold_on(backend, user::of_fifty_sign_ups_with_one_address_one_wins).await,
            1 => hold_on(backend, user::disabling_and_signing_in_at_once_leave_no_open_session).await,
            2 => hold_on(backend, throttle::of_attempts_at_once_exactly_five_are_admitted).await,
            3 => hold_on(backend, domain::of_two_moves_that_close_a_circle_one_is_refused).await,
            _ => hold_on(backend, refresh::of_fifty_turns_of_one_token_one_rotates_and_the_rest_repeat_it).await,
        }
    }
}

#[tokio::test]
async fn connections_that_died_are_replaced_without_an_error() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let url = with(&backend.url(), &format!("application_name={}", backend.schema()));
    let store = PostgresStore::connect(&url, options()).await.unwrap();
    store.migrate().await.unwrap();
    for _ in 0..3 {
        store.list_keys().await.unwrap();
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = ";
        backend.run(format!("{sql}'{}'", backend.schema())).await;
    }
    store.list_keys().await.unwrap();
    backend.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_too_long_is_unavailable_and_does_no_harm() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let stand = Stand::of(&backend).await;
    let user = stand.user("a@example.com").await;
    let hasty = Options { timeout: Duration::from_millis(300), max_connections: 2, ..options() };
    let store = PostgresStore::connect(&backend.url(), hasty).await.unwrap();
    let mut holder = store.begin().await.unwrap();
    sqlx::query("select id from users for update").execute(&mut *holder).await.unwrap();

    let begun = Instant::now();
    let event = stand.event(AuditAction::UserUpdated);
    let result = store.save_user(&user, &event).await;
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "the deadline holds");
    // Its time in a transaction is up too, so the rows are free again.
    let saved = stand.store.save_user(&user, &stand.event(AuditAction::UserUpdated)).await.unwrap();
    assert_eq!(saved, Saved::Saved);
    drop(holder);
    assert_eq!(stand.audited(AuditAction::UserUpdated).await, 1);
    store.ping().await.unwrap();
    backend.clear().await;
}
