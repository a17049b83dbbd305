//! The life of the process: start, readiness, stop, and what it does when its store or its port is not as it should be.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use doorward_tests::deadline::{PATIENCE, until};

use doorward_tests::store::with;
use doorward_tests::upstream::{Upstream, respond};
use doorward_tests::{Client, Doorward, Setup, Store, on_every_store};
use serde_json::json;

on_every_store!(
    nodes_that_migrate_at_once_migrate_once,
    migrate_check_tells_whether_anything_is_pending,
    a_newer_database_is_refused_and_untouched,
    a_foreign_database_is_refused_and_untouched,
);

#[test]
fn tables_of_an_older_system_stay_as_they_are_beside_doorwards() {
    with(Store::Postgres, |store| {
        let setup = Setup::on(store);
        let database = setup.database();
        database.execute("create table public.users (id integer, email text)");
        database.execute("insert into public.users values (1, 'old@example.com')");
        let person = setup.clone().start().person("user");
        assert_eq!(database.query("select * from public.users"), "1|old@example.com");
        assert_eq!(database.query("select count(*) from pg_tables where schemaname = 'public'"), "1");
        assert_eq!(database.query("select email from doorward.users"), person.email);
    });
}

#[test]
fn it_starts_with_nothing_but_the_binary() {
    let doorward = Setup::bare().start();
    doorward.person("user");
    assert!(doorward.setup().folder().join("doorward-data/doorward.db").exists());
    doorward.get("/livez").send().expect(200);
    doorward.admin_client().get("/livez").send().expect(200);
    doorward.admin_client().get("/readyz").send().expect(200);
}

#[test]
fn a_stop_finishes_what_is_in_flight_and_exits_0() {
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = released.lock().expect("one request").recv_timeout(PATIENCE);
        respond(stream, "200 OK", "text/plain", "done");
    });
    let mut doorward = Setup::on(Store::Sqlite)
        .file(&format!(
            "[[routes]]\nname = \"slow\"\npath = \"/slow\"\nmethods = [\"GET\"]\nupstream = \"{}/\"\n",
            upstream.url()
        ))
        .start();
    let person = doorward.person("user");
    let mut in_flight = doorward.get("/slow").bearer(&person.access_token).open();
    upstream.next();
    doorward.signal("TERM");
    let client = Client::new(doorward.address());
    until("new connections are refused", PATIENCE, || client.get("/livez").try_send().is_err().then_some(()));
    assert!(doorward.ended().is_none(), "it waits for what is in flight");
    release.send(()).expect("the upstream waits");
    assert_eq!(in_flight.response().expect(200).text(), "done");
    let status = until("doorward ends", PATIENCE, || doorward.ended());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_idle_connection_does_not_hold_up_a_stop() {
    let doorward = Doorward::start(Store::Sqlite);
    let mut idle = doorward.client().connect();
    idle.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    idle.response().expect(200);
    assert_eq!(doorward.stop().code(), Some(0));
    assert!(idle.rest().is_empty());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let (_, said) = Setup::on(Store::Sqlite).refused_at(address);
    assert!(said.contains(&address.to_string()) && said.contains("in use"), "{said}");
}

#[test]
fn a_corrupt_database_is_refused_and_untouched() {
    for content in [&b"this is no database"[..], &b"SQLite format 3\0 and then something else entirely"[..]] {
        let setup = Setup::on(Store::Sqlite);
        let file = setup.folder().join("doorward.db");
        std::fs::write(&file, content.repeat(200)).expect("a file");
        let (_, said) = setup.clone().refused();
        assert!(said.contains("doorward.db"), "{said}");
        assert_eq!(std::fs::read(&file).expect("the file"), content.repeat(200));
        let left = std::fs::read_dir(setup.folder()).expect("the folder").flatten();
        let names: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| *name != "doorward.db").collect();
        assert!(names.iter().all(|name| name == "log" || name.to_string_lossy().ends_with("lock")), "{names:?}");
    }
}

fn nodes_that_migrate_at_once_migrate_once(store: Store) {
    let setup = Setup::on(store);
    std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..4).map(|_| scope.spawn(|| setup.run(&["migrate"], ""))).collect();
        for node in nodes {
            let output = node.join().expect("a node");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    setup.start().person("user");
}

fn migrate_check_tells_whether_anything_is_pending(store: Store) {
    let setup = Setup::on(store);
    assert!(!setup.run(&["migrate", "--check"], "").status.success());
    assert!(!setup.run(&["migrate", "--check"], "").status.success(), "a check changes nothing");
    setup.run_ok(&["migrate"], "");
    setup.run_ok(&["migrate", "--check"], "");
}

/// What makes a database a newer Doorward's, and what makes it ours again.
const FUTURE_MIGRATION: (&str, &str) = (
    "insert into doorward_migrations \
        select 99990101000000, 'from the future', installed_on, success, checksum, execution_time \
        from doorward_migrations order by version limit 1",
    "delete from doorward_migrations where version = 99990101000000",
);
const FUTURE_STEP: (&str, &str) = (
    "db.doorward_migrations.update_one({}, {'$push': {'taken': {'number': 9999, 'title': 'from the future'}}}).modified_count",
    "db.doorward_migrations.update_one({}, {'$pull': {'taken': {'number': 9999}}}).modified_count",
);

fn a_newer_database_is_refused_and_untouched(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let setup = doorward.setup().clone();
    assert!(doorward.stop().success());
    let database = setup.database();
    let (future, no_future) = if store == Store::Mongo { FUTURE_STEP } else { FUTURE_MIGRATION };
    let change =
        |how| if store == Store::Mongo { drop(database.documents("python", how)) } else { database.execute(how) };
    change(future);
    let before = database.query("select * from users");
    let (_, said) = setup.clone().refused();
    assert!(said.to_lowercase().contains("newer"), "{said}");
    assert_eq!(database.query("select * from users"), before);
    change(no_future);
    setup.start().signed_in(&person.email);
}

/// In PostgreSQL only the schema of Doorward's name counts.
fn a_foreign_database_is_refused_and_untouched(store: Store) {
    let setup = Setup::on(store);
    let database = setup.database();
    match store {
        Store::Mongo => drop(database.documents("python", "db.users.insert_one({'motto': 'keep me'}).acknowledged")),
        Store::Sqlite | Store::Postgres => {
            if store == Store::Postgres {
                database.execute("create schema doorward");
            }
            database.execute("create table users (id integer, motto text)");
            database.execute("insert into users (motto) select 'keep me'");
        }
    }
    let (_, said) = setup.clone().refused();
    assert!(!said.contains("panicked"), "{said}");
    assert!(database.query("select motto from users").contains("keep me"));
    let tables = match store {
        Store::Sqlite => database.query("select count(*) from sqlite_master where type = 'table'"),
        Store::Postgres => database.query("select count(*) from pg_tables where schemaname in ('public', 'doorward')"),
        Store::Mongo => database.documents("python", "len(db.list_collection_names())"),
    };
    assert_eq!(tables, "1", "nothing was made in it");
}

#[test]
fn every_connection_has_its_answer_while_signups_run() {
    // Signing up with an address that is taken counts as a failure of the client's, of which this makes eighty.
    let setup = Setup::on(Store::Sqlite).set("throttle.failures_per_address", "1000/1h");
    let doorward = setup.set("store.timeout", "8s").start();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let doorward = &doorward;
            scope.spawn(move || {
                for count in 0..10 {
                    let email = format!("p{worker}-{count}@example.com");
                    doorward.sign_up(&email).send().expect(201);
                    doorward.register(&email).send().problem(400);
                    let session = doorward.signed_in(&email);
                    let body = json!({"token": session.access_token});
                    doorward.post("/auth/validate").json(&body).send().expect(200);
                }
            });
        }
    });
}
