//! Codes under attack: used at once by many, guessed at from all sides, too late, and while the process is killed.

use std::sync::Mutex;

use doorward_tests::accounts::{Accounts, RESET, VERIFICATION};
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::shape::text;
use doorward_tests::{Client, PASSWORD, Response, Store, on_every_store};
use serde_json::{Value, json};

on_every_store!(
    of_fifty_parallel_redemptions_one_wins,
    of_fifty_parallel_resets_one_wins,
    a_code_bears_five_guesses_and_no_more,
    parallel_guesses_are_counted_exactly,
    an_hour_has_ten_guesses_over_all_codes_and_spellings,
    guesses_at_an_unknown_address_are_slowed_down_alike,
    a_late_code_is_late_only_for_whoever_knows_it,
    a_reset_token_lasts_ten_minutes,
    a_newer_code_takes_the_place_of_the_older,
    a_code_is_used_whole_or_not_at_all_when_the_process_is_killed,
);

const AT_ONCE: usize = 50;
const NEW_PASSWORD: &str = "Still-Harbour-42";

/// The answers to the same call made by many at the same time.
fn at_once(accounts: &Accounts, count: usize, call: &str, body: impl Fn(usize) -> Value + Sync) -> Vec<Response> {
    std::thread::scope(|scope| {
        let body = &body;
        let asking: Vec<_> = (0..count).map(|number| scope.spawn(move || accounts.post(call, &body(number)))).collect();
        asking.into_iter().map(|asking| asking.join().expect("an answer")).collect()
    })
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn presented(email: &str, code: &str, purpose: &str) -> Value {
    json!({"email": email, "code": code, "purpose": purpose})
}

/// The `number`th code that is not that one.
fn wrong(code: &str, number: usize) -> String {
    let right: usize = code.parse().expect("digits");
    format!("{:06}", (right + 1 + number) % 1_000_000)
}

fn of_fifty_parallel_redemptions_one_wins(store: Store) {
    let accounts = Accounts::local(store);
    let email = "many@example.com";
    accounts.register(email).expect(201);
    let code = accounts.confirmation_code(email);
    let answers = at_once(&accounts, AT_ONCE, "verify-otp", |_| presented(email, &code, VERIFICATION));
    assert_eq!(count(&answers, 200), 1);
    assert_eq!(count(&answers, 200) + count(&answers, 400) + count(&answers, 429), AT_ONCE);
    accounts.tokens(email);
    let code = accounts.reset_code(email);
    let answers = at_once(&accounts, AT_ONCE, "verify-otp", |_| presented(email, &code, RESET));
    let tokens: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(tokens.len(), 1, "one reset token");
    accounts.reset(&text(&tokens[0].json()["reset_token"]), NEW_PASSWORD).expect(200);
}

fn of_fifty_parallel_resets_one_wins(store: Store) {
    let accounts = Accounts::local(store);
    let email = accounts.person("many");
    let token = accounts.reset_token(&email);
    let password = |number: usize| format!("Still-Harbour-{number:02}");
    // No more at a time than the hashing threads take, or some are told to come back later.
    let body = |number| json!({"reset_token": token, "new_password": password(number)});
    let answers = at_once(&accounts, AT_ONCE, "reset-password", body);
    assert_eq!(count(&answers, 200), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let winner = answers.iter().position(|answer| answer.status == 200).expect("a winner");
    accounts.login(&email, &password(winner)).expect(200);
    assert_eq!(accounts.mailbox.next_to(&email).subject(), accounts.mailbox.all_to(&email)[2].subject());
}

fn a_code_bears_five_guesses_and_no_more(store: Store) {
    let accounts = Accounts::local(store);
    for (name, guesses, good) in [("four", 4, true), ("five", 5, false)] {
        let email = format!("{name}@example.com");
        accounts.register(&email).expect(201);
        let code = accounts.confirmation_code(&email);
        for number in 0..guesses {
            let refused = accounts.verify(&email, &wrong(&code, number)).problem(400);
            assert_eq!(refused["detail"], "Invalid confirmation code");
        }
        accounts.let_time_pass(1);
        let answer = accounts.verify(&email, &code);
        assert_eq!(answer.status == 200, good, "{name}: {}", answer.text());
    }
}

fn parallel_guesses_are_counted_exactly(store: Store) {
    let accounts = Accounts::local(store);
    let email = "target@example.com";
    accounts.register(email).expect(201);
    let code = accounts.confirmation_code(email);
    let answers =
        at_once(&accounts, AT_ONCE, "verify-otp", |number| presented(email, &wrong(&code, number), VERIFICATION));
    assert_eq!((count(&answers, 400), count(&answers, 429)), (5, AT_ONCE - 5));
    for late in answers.iter().filter(|answer| answer.status == 429) {
        assert!(late.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok()), "Retry-After");
    }
    assert_eq!(accounts.verify(email, &code).status, 429);
    accounts.let_time_pass(2);
    accounts.verify(email, &code).problem(400);
}

fn an_hour_has_ten_guesses_over_all_codes_and_spellings(store: Store) {
    let accounts = Accounts::local(store);
    let spellings = ["target@example.com", "TARGET@example.com", "Target@Example.COM"];
    accounts.register(spellings[0]).expect(201);
    let code = accounts.confirmation_code(spellings[0]);
    let mut guesses = 0;
    for step in 0..12 {
        let answers = at_once(&accounts, 12, "verify-otp", |number| {
            let purpose = if number % 2 == 0 { VERIFICATION } else { RESET };
            presented(spellings[number % 3], &wrong(&code, step * 12 + number), purpose)
        });
        guesses += count(&answers, 400);
        accounts.let_time_pass(5);
        for purpose in [VERIFICATION, RESET] {
            accounts.request_code(spellings[step % 3], purpose);
        }
    }
    assert!((6..=10).contains(&guesses), "{guesses} guesses in an hour");
}

fn guesses_at_an_unknown_address_are_slowed_down_alike(store: Store) {
    let accounts = Accounts::local(store);
    for purpose in [VERIFICATION, RESET] {
        let email = format!("nobody-{}@example.com", purpose.len());
        let answers = at_once(&accounts, 20, "verify-otp", |number| presented(&email, &wrong("0", number), purpose));
        assert_eq!((count(&answers, 400), count(&answers, 429)), (5, 15));
    }
}

fn a_late_code_is_late_only_for_whoever_knows_it(store: Store) {
    let accounts = Accounts::local(store);
    let email = "late@example.com";
    accounts.register(email).expect(201);
    let code = accounts.confirmation_code(email);
    accounts.let_time_pass(9);
    assert_eq!(accounts.verify(email, &wrong(&code, 0)).problem(400)["detail"], "Invalid confirmation code");
    accounts.let_time_pass(2);
    assert_eq!(accounts.verify(email, &wrong(&code, 1)).problem(400)["detail"], "Invalid confirmation code");
    assert_eq!(accounts.verify(email, &code).problem(400)["detail"], "Confirmation code has expired");
    assert_eq!(accounts.login(email, PASSWORD).problem(401)["detail"], "Email not verified");
}

fn a_reset_token_lasts_ten_minutes(store: Store) {
    let accounts = Accounts::local(store);
    let email = accounts.person("slow");
    let token = accounts.reset_token(&email);
    accounts.let_time_pass(11);
    assert_eq!(accounts.reset(&token, NEW_PASSWORD).problem(400)["detail"], "Invalid or expired reset token");
    accounts.let_time_pass(10);
    let token = accounts.reset_token(&email);
    accounts.let_time_pass(9);
    accounts.reset(&token, NEW_PASSWORD).expect(200);
}

fn a_newer_code_takes_the_place_of_the_older(store: Store) {
    let accounts = Accounts::local(store);
    let email = accounts.person("twice");
    let older = accounts.reset_code(&email);
    let newer = accounts.reset_code(&email);
    accounts.present(&email, &older, RESET).problem(400);
    let token = text(&accounts.present(&email, &newer, RESET).expect(200).json()["reset_token"]);
    // Or whoever knows the address could keep its owner from ever choosing a password.
    accounts.let_time_pass(7);
    accounts.request_code(&email, RESET).expect(200);
    accounts.reset(&token, NEW_PASSWORD).expect(200);
}

fn a_code_is_used_whole_or_not_at_all_when_the_process_is_killed(store: Store) {
    const KILLS: usize = 4;
    const PEOPLE: usize = 5;
    let mut accounts = Accounts::local(store);
    let (mut told, mut untold) = (0, 0);
    for round in 0..KILLS {
        let emails: Vec<_> = (0..PEOPLE).map(|number| format!("r{round}p{number}@example.com")).collect();
        for email in &emails {
            accounts.register(email).expect(201);
        }
        let codes: Vec<_> = emails.iter().map(|email| accounts.confirmation_code(email)).collect();
        let answered = Mutex::new(Vec::new());
        let client = accounts.doorward.client();
        accounts = std::thread::scope(|scope| {
            for number in 0..PEOPLE {
                let (answered, email, code) = (&answered, &emails[number], &codes[number]);
                scope.spawn(move || {
                    if let Some(status) = verify_once(client, email, code) {
                        answered.lock().expect("the answers").push((number, status));
                    }
                });
            }
            // Another number of answers each round, so that the kill falls on another moment.
            let enough = 1 + round % 4;
            until("codes are used", PATIENCE, || (answered.lock().expect("the answers").len() >= enough).then_some(()));
            accounts.restarted()
        });
        let answered = answered.into_inner().expect("the answers");
        for number in 0..PEOPLE {
            let said = answered.iter().find(|(who, _)| *who == number).map(|(_, status)| *status);
            let in_already = accounts.login(&emails[number], PASSWORD).status == 200;
            if let Some(status) = said {
                assert_eq!((status, in_already), (200, true), "what was answered is so");
                told += 1;
            } else {
                untold += 1;
            }
            let expected = if in_already { 400 } else { 200 };
            assert_eq!(accounts.verify(&emails[number], &codes[number]).status, expected, "used up, or good");
            accounts.tokens(&emails[number]);
        }
    }
    println!("{KILLS} kills: {told} answered, {untold} not; none half done, none used twice");
}

fn verify_once(client: Client, email: &str, code: &str) -> Option<u16> {
    let request = client.post("/api/v1/auth/verify-otp").json(&presented(email, code, VERIFICATION));
    request.try_send().ok().map(|answer| answer.status)
}
