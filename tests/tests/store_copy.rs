//! Moving to another store with the real binary: people, their tokens and their sessions come along, a copy that was cut
//! off goes on, and nobody serves half of one. And backups.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::instance::binary;
use doorward_tests::people::Person;
use doorward_tests::store::{Database, with};
use doorward_tests::{Doorward, PASSWORD, Setup, Store};
use serde_json::json;

/// What seals keys on both sides of a move.
const KEY: &str = "the same key before and after the move";

fn setup(store: Store) -> Setup {
    Setup::on(store).set("tokens.encryption_key", KEY)
}

/// Makes the store what a first start leaves.
fn start_and_stop(setup: &Setup) {
    setup.clone().start().stop();
}

fn doorward(setup: &Setup, arguments: &[&str]) -> Output {
    setup.run(arguments, "")
}

#[track_caller]
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Copies the store of one instance into a fresh database of another kind, and starts Doorward there.
fn moved(from: &Setup, to: Store) -> Doorward {
    let target = setup(to);
    let url = target.database().url.clone();
    let copied = doorward(from, &["store", "copy", "--to", &url]);
    assert!(copied.status.success(), "{}", said(&copied));
    let compared = doorward(from, &["store", "copy", "--verify-only", "--to", &url]);
    assert!(compared.status.success() && said(&compared).contains("both have the same"), "{}", said(&compared));
    target.start()
}

fn refreshed(doorward: &Doorward, person: &Person) -> (u16, String) {
    let answer = doorward.post("/api/auth/refresh").json(&json!({"refresh_token": person.refresh_token})).send();
    let token = answer.json()["refresh_token"].as_str().unwrap_or_default().to_owned();
    (answer.status, token)
}

/// Whoever signed up and in before a move goes on after it as if nothing had been.
fn people_go_on(from: Store, to: Store) {
    with(to, |to| {
        let before = setup(from).start();
        let (mut ada, bob) = (before.person("ada"), before.person("bob"));
        // Keeps a retired token, so that its use again is still found out.
        let used = ada.refresh_token.clone();
        let (status, next) = refreshed(&before, &ada);
        assert_eq!(status, 200);
        ada.refresh_token = next;
        let source = before.setup().clone();
        before.stop();

        let after = moved(&source, to);
        assert!(after.accepts(&ada.access_token) && after.accepts(&bob.access_token), "tokens of before count");
        assert_eq!(after.signed_in("bob@example.com").id, bob.id);
        after.sign_in("bob@example.com", "wrong").send().expect(401);
        let (status, next) = refreshed(&after, &ada);
        assert_eq!(status, 200, "a session goes on");
        assert!(!next.is_empty() && next != used);
        after.sign_up("ada@example.com").send().expect(409);
        after.sign_up("carol@example.com").send().expect(201);
        let keys = after.get("/.well-known/jwks.json").send().expect(200).json();
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "the key came along: {keys}");
    });
}

#[test]
fn people_go_on_from_a_file_on_postgresql() {
    people_go_on(Store::Sqlite, Store::Postgres);
}

#[test]
fn people_go_on_from_postgresql_in_a_file() {
    with(Store::Postgres, |from| people_go_on(from, Store::Sqlite));
}

#[test]
fn people_go_on_from_a_file_in_documents() {
    people_go_on(Store::Sqlite, Store::Mongo);
}

#[test]
fn people_go_on_from_documents_on_postgresql() {
    with(Store::Mongo, |from| people_go_on(from, Store::Postgres));
}

/// Fills a store that is there with more people than fit one page, without hashing a password for each.
fn crowd(database: &Database, people: u32) {
    database.execute(&format!(
        "with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < {people})
         insert into users (id, email, email_key, roles, status, search_text, created_at, updated_at, version)
         select randomblob(16), email, email, '[]', 'active', email, number, number, 1
         from (select number, 'person' || number || '@example.com' as email from numbers)"
    ));
}

fn copying(from: &Setup, url: &str) -> Child {
    Command::new(binary())
        .args(["store", "copy", "--to", url])
        .current_dir(from.folder())
        .env("DOORWARD__STORE__URL", &from.database().url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started")
}

#[test]
fn a_copy_killed_in_the_middle_is_served_by_nobody_and_goes_on() {
    let from = setup(Store::Sqlite);
    start_and_stop(&from);
    crowd(from.database(), 30_000);
    let target = setup(Store::Sqlite);
    let url = target.database().url.clone();
    let mut killed = 0;
    for pages in 1..4 {
        let mut copy = copying(&from, &url);
        until("some pages are copied", PATIENCE, || {
            // Before it has its log nobody else may look.
            let log = format!("{}-wal", url.strip_prefix("sqlite:").expect("a file"));
            let enough = Path::new(&log).exists() && position(target.database()) >= pages * 5000;
            (enough || copy.try_wait().expect("its state").is_some()).then_some(())
        });
        killed += u32::from(copy.try_wait().expect("its state").is_none());
        let _ = copy.kill();
        copy.wait().expect("its end");
    }
    if position(target.database()) > 0 {
        let (_, log) = target.clone().refused();
        assert!(log.contains("unfinished copy"), "{log}");
        let other = setup(Store::Sqlite);
        start_and_stop(&other);
        let refused = doorward(&other, &["store", "copy", "--to", &url]);
        assert!(!refused.status.success() && said(&refused).contains("--restart"), "{}", said(&refused));
    }
    assert!(killed > 0, "no copy was still at work when it was killed");
    let whole = doorward(&from, &["store", "copy", "--to", &url]);
    assert!(whole.status.success(), "{}", said(&whole));
    target.start().sign_up("person7@example.com").send().expect(409);
}

/// How many records the copy into a database has written.
fn position(database: &Database) -> u64 {
    let script = "select coalesce(max(json_extract(position, '$.done')), 0) from incoming_copy";
    let made = database.query("select count(*) from sqlite_schema where name = 'incoming_copy'") == "1";
    if made { database.query(script).parse().expect("a number") } else { 0 }
}

#[test]
fn what_is_in_use_is_neither_source_nor_target() {
    let serving = setup(Store::Sqlite).start();
    let (there, fresh) = (serving.setup().clone(), setup(Store::Sqlite));
    let refused = doorward(&there, &["store", "copy", "--to", &fresh.database().url]);
    assert!(!refused.status.success() && said(&refused).contains("is in use"), "{}", said(&refused));
    let other = setup(Store::Sqlite);
    start_and_stop(&other);
    let refused = doorward(&other, &["store", "copy", "--to", &there.database().url]);
    assert!(!refused.status.success() && said(&refused).contains("not empty"), "{}", said(&refused));
    assert!(serving.accepts(&serving.person("ada").access_token), "nothing happened to it");
}

#[test]
fn no_command_shows_a_password_in_an_address() {
    let from = setup(Store::Sqlite);
    start_and_stop(&from);
    let hidden = "hunter2-in-the-address";
    let url = format!("postgres://ann:{hidden}@127.0.0.1:1/nothing");
    let file = from.folder().join("target-url");
    std::fs::write(&file, &url).expect("a file");
    for named in [url.clone(), format!("file://{}", file.display())] {
        let refused = doorward(&from, &["--set", "store.timeout=1s", "store", "copy", "--to", &named]);
        assert!(!refused.status.success() && said(&refused).contains("127.0.0.1:1"), "{}", said(&refused));
        assert!(!said(&refused).contains(hidden), "{}", said(&refused));
    }
}

#[test]
fn a_backup_is_taken_while_serving_and_put_back_while_not() {
    let serving = setup(Store::Sqlite).start();
    let before = serving.person("before");
    let there = serving.setup().clone();
    there.run_ok(&["backup", "backup.db"], "");
    serving.sign_up("after@example.com").send().expect(201);
    let again = doorward(&there, &["backup", "backup.db"]);
    assert!(!again.status.success() && said(&again).contains("is there already"), "{}", said(&again));
    let refused = doorward(&there, &["restore", "backup.db"]);
    assert!(!refused.status.success() && said(&refused).contains("is in use"), "{}", said(&refused));
    serving.stop();

    let restored = there.run_ok(&["restore", "backup.db"], "");
    assert!(restored.contains("tokens.encryption_key") && restored.contains(".before-"), "{restored}");
    let after = there.start();
    assert!(after.accepts(&before.access_token));
    after.sign_in("after@example.com", PASSWORD).send().expect(401);
}

#[test]
fn a_server_is_backed_up_by_its_own_tools() {
    with(Store::Postgres, |store| {
        let there = setup(store);
        let refused = doorward(&there, &["backup", "backup.db"]);
        assert!(!refused.status.success() && said(&refused).contains("pg_dump"), "{}", said(&refused));
    });
}
