//! Who has an account is told by nothing: not by an answer's text, its status or its headers, and not by its time.

use std::time::{Duration, Instant};

use doorward_tests::accounts::{Accounts, RESET, VERIFICATION, registration};
use doorward_tests::cognito::PoolClient;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::mailbox::six_digits;
use doorward_tests::{Client, PASSWORD, Response, Store, on_every_store, part};
use serde_json::{Value, json};

on_every_store!(known_and_unknown_addresses_are_answered_alike);

/// What of an answer a client can tell apart; a request's id and a date differ anyway.
fn visible(answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let own = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    (answer.status, headers.cloned().collect(), answer.text())
}

#[track_caller]
fn assert_alike(what: &str, known: &Response, unknown: &Response) {
    assert_eq!(visible(known), visible(unknown), "{what}");
}

fn known_and_unknown_addresses_are_answered_alike(store: Store) {
    let accounts = Accounts::local_with(store, |setup| setup.set("surfaces.accounts.tell_taken", "false"));
    answered_alike(&accounts);
    let [known, unknown] = [accounts.register("verified@example.com"), accounts.register("fresh@example.com")];
    assert_alike("registering where a taken address is not told", &known, &unknown);
    known.expect(201);
    until("its owner hears of it, without a code", PATIENCE, || {
        let mails = accounts.mailbox.all_to("verified@example.com");
        mails.last().is_some_and(|mail| six_digits(mail.text()).is_none()).then_some(())
    });
}

#[test]
fn known_and_unknown_addresses_are_answered_alike_where_a_pool_keeps_the_passwords() {
    part::with(&["python"], || answered_alike(&Accounts::in_a_pool(PoolClient::Confidential)));
}

fn answered_alike(accounts: &Accounts) {
    let verified = accounts.person("verified");
    accounts.register("pending@example.com").expect(201);
    accounts.confirmation_code("pending@example.com");
    let disabled = accounts.person("disabled");
    accounts.doorward.setup().run_ok(&["user", "disable", &disabled], "");
    for (number, known) in [&*verified, "pending@example.com", &disabled].into_iter().enumerate() {
        let unknown = format!("nobody{number}@example.com");
        // What signing up is for the other: a mail that was asked for.
        accounts.request_code(&unknown, VERIFICATION).expect(200);
        accounts.let_time_pass(120);
        let pair = |call: &str, body: &dyn Fn(&str) -> Value| {
            let [one, other] = [known, &unknown].map(|email| accounts.post(call, &body(email)));
            assert_alike(&format!("{call} for {known}"), &one, &other);
            one.status
        };
        // A pool says of a sign-up that was never confirmed that it was not, before it looks at the password.
        if !(accounts.is_in_a_pool() && number == 1) {
            assert_eq!(pair("login", &|email| json!({"email": email, "password": "Wrong-Harbour-41"})), 401);
        }
        for purpose in [VERIFICATION, RESET] {
            accounts.let_time_pass(120);
            assert_eq!(pair("request-otp", &|email| json!({"email": email, "purpose": purpose})), 200);
            assert_eq!(pair("request-otp", &|email| json!({"email": email, "purpose": purpose})), 429);
            let guess = |email: &str| json!({"email": email, "code": "000000", "purpose": purpose});
            assert_eq!(pair("verify-otp", &guess), 400);
        }
        // One counter for all codes of an account: after five guesses both wait equally long.
        let guess = |email: &str| json!({"email": email, "code": "000000", "purpose": RESET});
        let statuses: Vec<u16> = (0..4).map(|_| pair("verify-otp", &guess)).collect();
        assert_eq!(statuses, [400, 400, 400, 429], "{known}");
    }
}

/// Pairs of answers that are compared in one round.
const PAIRS: usize = 200;
/// A difference counts as one when it shows this often by itself: less than once in a thousand rounds.
const SURE: f64 = 3.29;

/// How long answers take, in microseconds.
type Times = Vec<f64>;

/// Whether one kind of answer is told from the other by its time: its median lies elsewhere by more than a twentieth, or
/// half a millisecond, and by its ranks that is no accident.
fn differ(one: &Times, other: &Times) -> bool {
    let (a, b) = (median(one), median(other));
    (a - b).abs() > (0.05 * a.min(b)).min(500.0) && rank_deviation(one, other).abs() > SURE
}

fn median(times: &Times) -> f64 {
    let mut sorted = times.clone();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The test of Mann and Whitney: by how many standard deviations the pairs won by `one` miss the half.
#[expect(clippy::cast_precision_loss, reason = "counts of some thousand")]
fn rank_deviation(one: &Times, other: &Times) -> f64 {
    let wins: f64 = one.iter().flat_map(|a| other.iter().map(move |b| f64::from(u8::from(a > b)))).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// Times pairs of calls, now one of a pair first, now the other; asserts that in one round of three they do not differ.
/// Noise that comes and goes can so hide a difference only if it does three times, and never make one.
#[track_caller]
fn assert_told_by_nothing(what: &str, mut pair: impl FnMut(usize) -> [Box<dyn Fn() -> Response>; 2]) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (known, unknown) = timed(&mut pair);
        if !differ(&known, &unknown) {
            return;
        }
        seen.push((median(&known), median(&unknown), rank_deviation(&known, &unknown)));
    }
    panic!("{what}: medians in µs and deviation of ranks, thrice: {seen:?}");
}

fn timed(pair: &mut impl FnMut(usize) -> [Box<dyn Fn() -> Response>; 2]) -> (Times, Times) {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..PAIRS {
        let calls = pair(number);
        for which in if number % 2 == 0 { [0, 1] } else { [1, 0] } {
            let began = Instant::now();
            let answer = calls[which]();
            times[which].push(began.elapsed().as_secs_f64() * 1e6);
            assert_ne!(answer.status, 429, "a counter answers instead");
        }
    }
    let [known, unknown] = times;
    (known, unknown)
}

/// A call of the surface for an address, to be timed.
fn call(client: Client, call: &str, body: Value) -> Box<dyn Fn() -> Response> {
    let target = format!("/api/v1/auth/{call}");
    Box::new(move || client.post(&target).json(&body).send())
}

#[test]
fn the_time_of_an_answer_tells_nothing() {
    part::with(&["python"], || {
        // One thread hashes at a real cost; accounts in numbers, so that no counter of failures answers instead.
        let accounts = Accounts::local_with(Store::Sqlite, |setup| {
            setup.set("surfaces.accounts.tell_taken", "false").set("password.bcrypt_cost", "6")
        });
        let client = accounts.doorward.client();
        let name = |kind: &str, number: usize| format!("{kind}{number}@example.com");
        for number in 0..PAIRS {
            client
                .post("/api/auth/signup")
                .json(&json!({"email": name("known", number), "password": PASSWORD}))
                .send()
                .expect(201);
        }
        let pairs = |call_name: &'static str, body: fn(&str) -> Value| {
            move |number: usize| ["known", "nobody"].map(|kind| call(client, call_name, body(&name(kind, number))))
        };
        assert_told_by_nothing(
            "login",
            pairs("login", |email| json!({"email": email, "password": "Wrong-Harbour-41"})),
        );
        let reset = |email: &str| json!({"email": email, "purpose": RESET});
        assert_told_by_nothing("request-otp", |number| {
            if number == 0 {
                accounts.let_time_pass(24 * 60);
            }
            pairs("request-otp", reset)(number)
        });
        let guess = |email: &str| json!({"email": email, "code": "000000", "purpose": RESET});
        assert_told_by_nothing("verify-otp", pairs("verify-otp", guess));
        // A sign-up that waits for its code is sent another; what is nobody's, or confirmed, is not.
        for number in 0..PAIRS {
            call(client, "register", registration(&name("pending", number)))().expect(201);
        }
        until("the mail has left", PATIENCE, || (accounts.mailbox.all().len() >= PAIRS).then_some(()));
        let resend = |email: &str| json!({"email": email, "purpose": VERIFICATION});
        assert_told_by_nothing("request-otp for a sign-up", |number| {
            if number == 0 {
                accounts.let_time_pass(24 * 60);
            }
            ["pending", "nobody"].map(|kind| call(client, "request-otp", resend(&name(kind, number))))
        });
        assert_told_by_nothing("register", |number| {
            if number == 0 {
                accounts.let_time_pass(24 * 60);
            }
            pairs("register", registration)(number)
        });
    });
}

#[test]
fn an_answer_that_takes_longer_for_a_known_address_would_be_noticed() {
    let taking = |micros: u64| -> Box<dyn Fn() -> Response> {
        Box::new(move || {
            let began = Instant::now();
            while began.elapsed() < Duration::from_micros(micros) {
                std::hint::spin_loop();
            }
            Response { status: 200, headers: Vec::new(), body: Vec::new() }
        })
    };
    // A tenth more of a millisecond, as one more question to the store would take; and the same for both.
    let leaking = std::panic::catch_unwind(|| {
        assert_told_by_nothing("a leak", |number| [taking(1100 + number as u64 % 7), taking(1000 + number as u64 % 7)]);
    });
    assert!(leaking.is_err(), "a tenth of a millisecond");
    assert_told_by_nothing("no leak", |number| [taking(1000 + number as u64 % 7), taking(1000 + number as u64 % 5)]);
}
