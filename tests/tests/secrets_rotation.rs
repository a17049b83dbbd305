//! The database's password is rotated while Doorward serves: by AWS Secrets Manager step by step, and by a file.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use doorward_tests::cable::Cable;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::rotation::Role;
use doorward_tests::secrets_manager::SecretsManager;
use doorward_tests::{Doorward, Setup, Store, part, store};
use serde_json::json;

/// Passwords that show wherever they are shown.
const PASSWORDS: [&str; 3] = ["hunter2-the-first", "hunter2-the-second", "hunter2-the-third"];
const SECRET: &str = "prod/doorward/db";
/// Clients that write at the same time; more than the store has connections.
const CLIENTS: usize = 6;
/// Requests that are answered between two steps of a rotation.
const BETWEEN_STEPS: usize = 60;

/// What Amazon keeps for a database.
fn document(role: &Role, password: &str) -> String {
    json!({"engine": "any", "host": "db", "port": 1234, "username": role.name, "password": password}).to_string()
}

/// A database without a name or password in its address, and a role that signs in with the first password.
fn setup(store: Store) -> (Setup, Role) {
    let (setup, role) = if store == Store::Mongo {
        (Setup::bare(), Role::in_mongodb(PASSWORDS[0]))
    } else {
        let setup = Setup::on(store);
        let role = Role::in_postgres(setup.database(), PASSWORDS[0]);
        (setup, role)
    };
    // Few connections, so that many requests share what happens to one; and time enough on a machine that is busy.
    let setup = setup.set("store.url", &role.url()).set("store.max_connections", "3").set("store.timeout", "8s");
    (setup, role)
}

fn by_reference(setup: Setup) -> Setup {
    setup
        .set("store.username", &format!("aws-sm://{SECRET}#username"))
        .set("store.password", &format!("aws-sm://{SECRET}#password"))
}

/// Signs people up as fast as it goes while `steps` run; each request must succeed. `steps` is given what waits until so
/// many more are answered.
fn under_load(doorward: &Doorward, steps: impl FnOnce(&dyn Fn())) {
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failed = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (stop, answered) = (&stop, &answered);
                scope.spawn(move || {
                    let mut failed = Vec::new();
                    for count in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let before = answered.fetch_add(1, Ordering::Relaxed);
                        let answer = doorward.sign_up(&format!("p{before}-{client}-{count}@example.com")).send();
                        if answer.status != 201 {
                            failed.push(format!("{} {}", answer.status, answer.text()));
                        }
                    }
                    failed
                })
            })
            .collect();
        steps(&|| {
            let enough = answered.load(Ordering::Relaxed) + BETWEEN_STEPS;
            until("requests are answered", PATIENCE, || (answered.load(Ordering::Relaxed) >= enough).then_some(()));
        });
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "{} requests failed: {failed:#?}\n{}", failed.len(), doorward.log());
}

/// Nothing that Doorward says holds a password.
fn shows_no_password(doorward: &Doorward) {
    let metrics = doorward.admin_client().get("/metrics").send().expect(200).text();
    let shown = doorward.setup().run_ok(&["config", "show"], "");
    let doctor = doorward.setup().run(&["doctor"], "");
    let said = [doorward.log(), metrics, shown, String::from_utf8_lossy(&doctor.stdout).into_owned()].concat();
    assert!(!said.contains("hunter2"), "{said}");
}

fn a_rotation_under_load_fails_no_request(store: Store) {
    let (setup, role) = setup(store);
    let secrets = SecretsManager::start();
    secrets.create(SECRET, &document(&role, PASSWORDS[0]));
    let doorward = secrets.serves_directly(by_reference(setup)).start();
    under_load(&doorward, |some_requests| {
        for password in &PASSWORDS[1..] {
            secrets.put_pending(SECRET, &document(&role, password));
            some_requests();
            role.accept_only(password);
            role.end_connections();
            some_requests();
            secrets.promote(SECRET);
            role.end_connections();
            some_requests();
        }
    });
    assert!(doorward.log().contains("AWSPENDING"), "{}", doorward.log());
    shows_no_password(&doorward);
    let shown = doorward.setup().run_ok(&["config", "show"], "");
    assert!(shown.contains(&format!("store.password = \"aws-sm://{SECRET}#password\"")), "{shown}");
}

fn a_start_in_the_middle_of_a_rotation_works(store: Store) {
    let (setup, role) = setup(store);
    let secrets = SecretsManager::start();
    secrets.create(SECRET, &document(&role, PASSWORDS[0]));
    secrets.put_pending(SECRET, &document(&role, PASSWORDS[1]));
    role.accept_only(PASSWORDS[1]);
    let doorward = secrets.serves_directly(by_reference(setup)).start();
    doorward.sign_up("ann@example.com").send().expect(201);
    let doctor = doorward.setup().run(&["doctor"], "");
    let doctor = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.contains("it takes only the pending password (AWSPENDING)"), "{doctor}");
    secrets.promote(SECRET);
    role.end_connections();
    doorward.sign_up("bob@example.com").send().expect(201);
    shows_no_password(&doorward);
}

fn a_password_in_a_file_is_read_again_when_it_is_refused(store: Store) {
    let (setup, role) = setup(store);
    let file = setup.folder().join("password");
    std::fs::write(&file, PASSWORDS[0]).expect("a file");
    let reference = format!("file://{}", file.display());
    let doorward = setup.set("store.username", &role.name).set("store.password", &reference).start();
    under_load(&doorward, |some_requests| {
        std::fs::write(&file, PASSWORDS[1]).expect("a file");
        some_requests();
        role.accept_only(PASSWORDS[1]);
        role.end_connections();
        some_requests();
    });
    shows_no_password(&doorward);
}

fn an_address_in_a_file_is_a_secret_that_rotates_too(store: Store) {
    let (setup, role) = setup(store);
    let file = setup.folder().join("url");
    let write = |password: &str| std::fs::write(&file, role.url_with(password) + "\n").expect("a file");
    write(PASSWORDS[0]);
    let doorward = setup.set("store.url", &format!("file://{}", file.display())).start();
    doorward.sign_up("ann@example.com").send().expect(201);
    write(PASSWORDS[1]);
    role.accept_only(PASSWORDS[1]);
    role.end_connections();
    doorward.sign_up("bob@example.com").send().expect(201);
    shows_no_password(&doorward);
}

fn what_is_known_serves_while_secrets_manager_is_away(store: Store) {
    let (setup, role) = setup(store);
    let secrets = SecretsManager::start();
    secrets.create(SECRET, &document(&role, PASSWORDS[0]));
    let cable = Cable::to(&secrets.address().to_string());
    let setup = SecretsManager::serves(by_reference(setup), &format!("http://{}", cable.address()));
    let doorward = setup.set("store.timeout", "2s").start();
    cable.cut();
    role.end_connections();
    doorward.sign_up("ann@example.com").send().expect(201);
    // Refused, and the other one cannot be had: not now. It can, and it is.
    secrets.put(SECRET, &document(&role, PASSWORDS[1]));
    role.accept_only(PASSWORDS[1]);
    role.end_connections();
    doorward.sign_up("bob@example.com").send().problem(503);
    cable.mend();
    until("the new password is taken up", Duration::from_mins(1), || {
        (doorward.sign_up("cleo@example.com").send().status == 201).then_some(())
    });
    shows_no_password(&doorward);
}

fn a_wrong_password_is_told_by_setting_and_server(store: Store) {
    let (setup, role) = setup(store);
    let secrets = SecretsManager::start();
    secrets.create(SECRET, &document(&role, "hunter2-wrong"));
    let (_, said) = secrets.serves_directly(by_reference(setup)).refused();
    let told = format!("does not let {} in", role.name);
    assert!(said.contains(&told) && said.contains(&role.server()), "{said}");
    assert!(said.contains(&format!("store.password (aws-sm://{SECRET}#password)")), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

/// Each on PostgreSQL, and on a server of MongoDB's protocol that wants a name and a password.
macro_rules! claims {
    ($($claim:ident),+ $(,)?) => {
        mod postgres {
            $(#[test] fn $claim() { super::store::with(super::Store::Postgres, super::$claim); })+
        }
        mod mongodb {
            $(#[test] fn $claim() { super::part::with(&["python"], || super::$claim(super::Store::Mongo)); })+
        }
    };
}

claims! {
    a_rotation_under_load_fails_no_request,
    a_start_in_the_middle_of_a_rotation_works,
    a_password_in_a_file_is_read_again_when_it_is_refused,
    an_address_in_a_file_is_a_secret_that_rotates_too,
    what_is_known_serves_while_secrets_manager_is_away,
    a_wrong_password_is_told_by_setting_and_server,
}
