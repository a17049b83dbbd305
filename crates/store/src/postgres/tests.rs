//! What only PostgreSQL can do wrong.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use doorward_identity::audit::AuditAction;
use doorward_identity::keyring::KeyStore;
use doorward_identity::store::Saved;
use doorward_identity::user::UserStore;
use doorward_identity::{Store, StoreError};
use secrecy::{ExposeSecret, SecretString};
use sqlx::AssertSqlSafe;

use super::PostgresStore;
use crate::conformance::{
    Backend, PostgresBackend, PostgresDatabase, Stand, code, domain, grant, hold_on, mail, options, password, provider,
    provider_account, refresh, throttle, user, with,
};
use crate::{MigrateError, OpenError, Options};

async fn refusal(url: &SecretString) -> OpenError {
    PostgresStore::connect(url, options()).await.err().unwrap()
}

#[tokio::test]
async fn parameters_of_other_drivers_are_harmless() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let url =
        with(backend.url().expose_secret(), "channel_binding=require&pool_timeout=3&sslpassword=secret&sslmode=prefer");
    let store = PostgresStore::connect(&url.into(), options()).await.unwrap();
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
    assert!(matches!(&error, OpenError::Foreign { tables, .. } if tables == "users"), "{error}");
    assert!(error.to_string().contains(backend.schema()), "{error}");
    backend.clear().await;
}

#[tokio::test]
async fn an_older_system_keeps_its_tables_beside_doorwards() {
    const OLD: &str = "create table users (id serial primary key, motto text); create table teams (id integer);
        create table domains (id integer); insert into users (motto) values ('keep me'), ('me too')";
    const LOOK: &str = "select string_agg(n.nspname || '.' || c.relname, ' ' order by c.relname),
            (select string_agg(id || motto, ' ' order by id) from public.users)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'";
    const OURS: &str =
        "select (select count(*) from doorward.users), (select count(*) from doorward.doorward_migrations)";
    let Some(database) = PostgresDatabase::prepare().await else { return };
    let mut connection = database.connection().await;
    sqlx::raw_sql(OLD).execute(&mut connection).await.unwrap();
    let before: (String, String) = sqlx::query_as(LOOK).fetch_one(&mut connection).await.unwrap();

    let store = PostgresStore::connect(&database.url(), options()).await.unwrap();
    let pending = store.migration_state().await.unwrap().pending.len();
    let schemas = "select count(*) from pg_namespace where nspname = 'doorward'";
    let schemas: i64 = sqlx::query_scalar(schemas).fetch_one(&mut connection).await.unwrap();
    assert_eq!(schemas, 0, "looking makes nothing");
    let stand = Stand::of(&database).await;
    stand.user("a@example.com").await;

    let ours: (i64, i64) = sqlx::query_as(OURS).fetch_one(&mut connection).await.unwrap();
    assert_eq!(ours, (1, i64::try_from(pending).unwrap()));
    let after: (String, String) = sqlx::query_as(LOOK).fetch_one(&mut connection).await.unwrap();
    assert_eq!(after, before);
    assert!(store.migration_state().await.unwrap().pending.is_empty());
    database.clear().await;
}

#[tokio::test]
async fn a_schema_doorward_of_another_program_is_refused() {
    let Some(database) = PostgresDatabase::prepare().await else { return };
    let mut connection = database.connection().await;
    sqlx::raw_sql("create schema doorward; create table doorward.doors (id integer)")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = refusal(&database.url()).await;
    assert!(matches!(&error, OpenError::Foreign { tables, .. } if tables == "doors"), "{error}");
    database.clear().await;
}

#[tokio::test]
async fn a_role_that_may_make_no_schema_needs_one_made_for_it() {
    let Some(database) = PostgresDatabase::prepare().await else { return };
    let role = database.name();
    let mut connection = database.connection().await;
    sqlx::raw_sql(AssertSqlSafe(format!("create role {role}"))).execute(&mut connection).await.unwrap();
    let url = with(database.url().expose_secret(), &format!("options=-crole%3D{role}")).into();
    let store = PostgresStore::connect(&url, options()).await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(matches!(&error, MigrateError::Refused(OpenError::NoSchema { .. })), "{error}");
    let schema = format!("create schema doorward authorization {role}");
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(&mut connection).await.unwrap();
    assert!(store.migrate().await.unwrap().count > 0);
    store.ping().await.unwrap();
    store.close().await;
    sqlx::raw_sql(AssertSqlSafe(format!("drop owned by {role} cascade; drop role {role}")))
        .execute(&mut connection)
        .await
        .unwrap();
    database.clear().await;
}

/// A pooler that keeps no `search_path` says so before anything else.
#[tokio::test]
async fn a_pooler_that_refuses_the_schema_is_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pooler = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut start = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - length.len()];
        stream.read_exact(&mut start).unwrap();
        let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter in options: search_path\0\0";
        stream.write_all(b"E").unwrap();
        stream.write_all(&u32::try_from(fields.len() + length.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(fields).unwrap();
        start
    });
    let error = refusal(&format!("postgres://u:hunter2@{address}/d?sslmode=disable").into()).await;
    assert!(matches!(&error, OpenError::Astray { schema, .. } if schema == "doorward"), "{error}");
    let start = pooler.join().unwrap();
    assert!(String::from_utf8_lossy(&start).contains("-c search_path=doorward"), "it was asked for");
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_unavailable() {
    let Some(database) = PostgresDatabase::prepare().await else { return };
    let hasty = Options { timeout: Duration::from_secs(5), ..options() };
    let store = PostgresStore::connect(&database.url(), hasty).await.unwrap();
    store.migrate().await.unwrap();
    let (name, kick) = (database.name(), "select pg_terminate_backend(pid) from pg_stat_activity where datname = ");
    // Each answers with a code of its own: 55000, 3D000.
    for (away, back) in [
        (
            format!("alter database {name} allow_connections false"),
            format!("alter database {name} allow_connections true"),
        ),
        (
            format!("alter database {name} rename to {name}_away"),
            format!("alter database {name}_away rename to {name}"),
        ),
    ] {
        database.run_outside(format!("{kick}'{name}'")).await;
        database.run_outside(away.clone()).await;
        let read = store.list_keys().await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{away}: {read:?}");
        let begun = store.begin().await.err().unwrap().into_store_error(super::code_verdict);
        assert!(matches!(begun, StoreError::Unavailable(_)), "{away}: {begun:?}");
        database.run_outside(back).await;
        store.list_keys().await.unwrap();
    }
    database.clear().await;
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
    for number in 0..19 {
        let Some(mut backend) = PostgresBackend::prepare().await else { return };
        backend.settings = "-cdefault_transaction_isolation=serializable";
        match number {
            0 => hold_on(backend, user::of_fifty_sign_ups_with_one_address_one_wins).await,
            1 => hold_on(backend, user::disabling_and_signing_in_at_once_leave_no_open_session).await,
            2 => hold_on(backend, throttle::of_attempts_at_once_exactly_five_are_admitted).await,
            3 => hold_on(backend, provider::of_fifty_uses_of_one_value_one_is_the_first).await,
            4 => hold_on(backend, provider::a_session_used_and_ended_at_once_is_over).await,
            5 => hold_on(backend, provider::no_renewal_is_handed_to_two).await,
            6 => hold_on(backend, provider_account::of_two_unlinked_at_once_one_way_in_is_left).await,
            7 => hold_on(backend, provider_account::groups_and_an_administrator_at_once_keep_both).await,
            8 => hold_on(backend, code::of_fifty_right_guesses_one_is_redeemed).await,
            9 => hold_on(backend, code::a_code_under_fire_is_compared_no_more_often_than_it_may_be).await,
            10 => hold_on(backend, code::of_codes_issued_at_once_one_counts_and_one_letter_leaves).await,
            11 => hold_on(backend, code::of_ten_moves_to_one_address_one_is_made).await,
            12 => hold_on(backend, grant::of_fifty_claims_of_a_grant_one_has_it).await,
            13 => hold_on(backend, password::of_fifty_uses_of_a_grant_one_sets_the_password).await,
            14 => hold_on(backend, mail::no_mail_is_handed_to_two).await,
            15 => hold_on(backend, mail::a_mail_expires_once).await,
            16 => hold_on(backend, throttle::of_attempts_at_once_that_are_returned_no_more_than_five_are_kept).await,
            17 => hold_on(backend, domain::of_two_moves_that_close_a_circle_one_is_refused).await,
            _ => hold_on(backend, refresh::of_fifty_turns_of_one_token_one_rotates_and_the_rest_repeat_it).await,
        }
    }
}

#[tokio::test]
async fn connections_that_died_are_replaced_without_an_error() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let url = with(backend.url().expose_secret(), &format!("application_name={}", backend.schema()));
    let store = PostgresStore::connect(&url.into(), options()).await.unwrap();
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
