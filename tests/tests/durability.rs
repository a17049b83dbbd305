//! kill -9 during sign-ups: what was acknowledged is there, what was not is whole or absent.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::{Client, PASSWORD, Setup, Store, on_every_store};
use serde_json::json;

on_every_store!(an_acknowledged_account_survives_kill_9);

const KILLS: usize = 20;
const CLIENTS: usize = 4;
/// How soon it must be ready again after a kill.
const READY: Duration = Duration::from_secs(3);

/// What the clients were told, and what they asked without an answer.
#[derive(Default)]
struct Journal {
    acknowledged: Vec<String>,
    unanswered: Vec<String>,
}

fn an_acknowledged_account_survives_kill_9(store: Store) {
    let mut setup = Setup::on(store);
    let journal = Mutex::new(Journal::default());
    let mut slowest = Duration::ZERO;
    for round in 0..KILLS {
        let started = Instant::now();
        let doorward = setup.start();
        if round > 0 {
            slowest = slowest.max(started.elapsed());
        }
        let client = doorward.client();
        let over = AtomicBool::new(false);
        setup = std::thread::scope(|scope| {
            let (over, journal) = (&over, &journal);
            for worker in 0..CLIENTS {
                scope.spawn(move || sign_up_until(over, client, &format!("r{round}w{worker}"), journal));
            }
            // Another number of sign-ups each round, so that the kill falls on another moment of them.
            let enough = acknowledged(journal) + 3 + round % 7;
            until("people sign up", PATIENCE, || (acknowledged(journal) >= enough).then_some(()));
            let setup = doorward.kill();
            over.store(true, Ordering::SeqCst);
            setup
        });
    }
    let doorward = setup.start();
    let journal = journal.into_inner().expect("the journal");
    let lost: Vec<_> = journal.acknowledged.iter().filter(|email| !signs_in(doorward.client(), email)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged accounts lost", lost.len(), journal.acknowledged.len());
    for email in &journal.unanswered {
        let whole = match doorward.sign_up(email).send().status {
            201 | 409 => signs_in(doorward.client(), email),
            _ => false,
        };
        assert!(whole, "{email} is half made");
    }
    if store == Store::Sqlite {
        assert_eq!(doorward.setup().database().query("pragma integrity_check"), "ok");
    }
    println!(
        "{KILLS} kills: {} acknowledged, 0 lost, {} unanswered, ready again within {slowest:?}",
        journal.acknowledged.len(),
        journal.unanswered.len()
    );
    assert!(slowest <= READY, "ready again only after {slowest:?}");
}

fn sign_up_until(over: &AtomicBool, client: Client, name: &str, journal: &Mutex<Journal>) {
    for count in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let email = format!("{name}n{count}@example.com");
        let body = json!({"email": email, "password": PASSWORD});
        let answer = client.post("/api/auth/signup").json(&body).try_send();
        let mut journal = journal.lock().expect("the journal");
        match answer {
            Ok(answer) if answer.status == 201 => journal.acknowledged.push(email),
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => {
                journal.unanswered.push(email);
                return;
            }
        }
    }
}

fn acknowledged(journal: &Mutex<Journal>) -> usize {
    journal.lock().expect("the journal").acknowledged.len()
}

fn signs_in(client: Client, email: &str) -> bool {
    let body = json!({"email": email, "password": PASSWORD});
    client.post("/api/auth/signin").json(&body).send().status == 200
}
