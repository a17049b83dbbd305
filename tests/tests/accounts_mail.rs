//! Mail: nothing of it is lost, doubled or late whatever the mail server does, and nothing typed gets into it.

use std::time::Instant;

use doorward_tests::accounts::{Accounts, SENDER, VERIFICATION, registration};
use doorward_tests::certificate::Certificate;
use doorward_tests::cognito::Cognito;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::mailbox::{Mailbox, Manner, Protection, USER};
use doorward_tests::shape::{each, text};
use doorward_tests::{Client, Doorward, Setup, Store, on_every_store, part};
use serde_json::{Value, json};

on_every_store!(
    mail_waits_for_a_server_that_is_down_refuses_or_hangs,
    a_mail_is_sent_at_most_twice_when_the_worker_is_killed_while_sending,
    a_code_that_is_too_late_is_not_sent,
    mail_refused_for_good_is_seen_and_tried_again_by_an_operator,
);

/// How long a mail server has in these tests; no answer to a client may wait for it.
const MAIL_TIMEOUT_S: u64 = 2;

fn impatient(setup: Setup) -> Setup {
    setup.set("mail.timeout", &format!("{MAIL_TIMEOUT_S}s"))
}

fn mails_where(accounts: &Accounts, condition: &str) -> u32 {
    let query = format!("select count(*) from mail where {condition}");
    accounts.doorward.setup().database().query(&query).parse().expect("a number")
}

/// Waits until every mail that waits was tried and put back.
fn wait_until_put_back(accounts: &Accounts) {
    until("every attempt has failed", PATIENCE, || (mails_where(accounts, "reason is null") == 0).then_some(()));
}

fn wait_until_sent(accounts: &Accounts) {
    until("nothing waits to be sent", PATIENCE, || (mails_where(accounts, "state = 'waiting'") == 0).then_some(()));
}

/// What `doorward mail list` says.
fn listed(accounts: &Accounts, state: &str) -> Value {
    let printed = accounts.doorward.setup().run_ok(&["mail", "list", "--state", state, "--json"], "");
    serde_json::from_str(&printed).expect("a list as JSON")
}

fn mail_waits_for_a_server_that_is_down_refuses_or_hangs(store: Store) {
    let accounts = Accounts::local_with(store, impatient);
    let healthy = accounts.register("healthy@example.com").expect(201);
    accounts.confirmation_code("healthy@example.com");
    for (name, manner) in [
        ("down", None),
        ("refusing", Some(Manner::Refuse("450 4.2.1 later"))),
        ("undecided", Some(Manner::RefuseMessage("451 4.3.0 later"))),
        ("hanging", Some(Manner::Hang)),
    ] {
        manner.map_or_else(|| accounts.mailbox.go_down(), |manner| accounts.mailbox.treats(manner));
        let emails = ["one", "two"].map(|number| format!("{name}-{number}@example.com"));
        for email in &emails {
            let began = Instant::now();
            let answer = accounts.register(email).expect(201);
            assert!(began.elapsed().as_secs() < MAIL_TIMEOUT_S, "{name}: {:?}", began.elapsed());
            assert_eq!(answer.json(), healthy.json(), "{name}");
        }
        wait_until_put_back(&accounts);
        assert_eq!(listed(&accounts, "waiting").as_array().map(Vec::len), Some(2), "an operator sees it");
        if manner.is_none() {
            accounts.mailbox.come_back();
        }
        accounts.mailbox.treats(Manner::Accept);
        accounts.let_time_pass(1);
        wait_until_sent(&accounts);
        for email in &emails {
            assert_eq!(accounts.mailbox.all_to(email).len(), 1, "{name}: once");
            accounts.verify(email, &accounts.confirmation_code(email)).expect(200);
        }
    }
}

fn a_mail_is_sent_at_most_twice_when_the_worker_is_killed_while_sending(store: Store) {
    const QUEUED: usize = 12;
    let mut accounts = Accounts::local_with(store, impatient);
    accounts.mailbox.treats(Manner::Swallow);
    accounts.register("swallowed@example.com").expect(201);
    accounts.mailbox.next_to("swallowed@example.com");
    accounts = accounts.restarted();
    accounts.mailbox.go_down();
    let emails: Vec<_> = (0..QUEUED).map(|number| format!("queued{number}@example.com")).collect();
    for email in &emails {
        accounts.register(email).expect(201);
    }
    accounts.mailbox.treats(Manner::Accept);
    accounts.mailbox.come_back();
    for enough in [2, 4, 8] {
        accounts.let_time_pass(2);
        until("mail leaves", PATIENCE, || (accounts.mailbox.all().len() > enough).then_some(()));
        accounts = accounts.restarted();
    }
    accounts.let_time_pass(2);
    wait_until_sent(&accounts);
    let copies: Vec<_> = emails.iter().map(|email| accounts.mailbox.all_to(email).len()).collect();
    assert!(copies.iter().all(|count| *count >= 1), "lost: {copies:?}");
    let swallowed = accounts.mailbox.all_to("swallowed@example.com").len();
    assert!(swallowed >= 2, "taken, but not said so: sent once more");
    // A kill may meet the letter that was swallowed once again.
    let doubled = copies.iter().sum::<usize>() - QUEUED + swallowed - 1;
    assert!(doubled <= 4, "more than one for each of four kills: {copies:?}, {swallowed}");
    println!("4 kills: {} mails, 0 lost, {} twice", QUEUED + 1, doubled);
}

fn a_code_that_is_too_late_is_not_sent(store: Store) {
    let accounts = Accounts::local_with(store, impatient);
    accounts.mailbox.go_down();
    accounts.register("late@example.com").expect(201);
    wait_until_put_back(&accounts);
    accounts.let_time_pass(11);
    accounts.mailbox.come_back();
    until("it is over", PATIENCE, || (mails_where(&accounts, "state = 'expired'") == 1).then_some(()));
    let expired = listed(&accounts, "expired");
    assert_eq!(each(&expired, "to"), ["late@example.com"]);
    accounts.let_time_pass(60);
    accounts.request_code("late@example.com", VERIFICATION).expect(200);
    accounts.verify("late@example.com", &accounts.confirmation_code("late@example.com")).expect(200);
    assert_eq!(accounts.mailbox.all_to("late@example.com").len(), 1, "the code that still counts, alone");
}

fn mail_refused_for_good_is_seen_and_tried_again_by_an_operator(store: Store) {
    let accounts = Accounts::local_with(store, impatient);
    accounts.mailbox.treats(Manner::Refuse("550 5.1.1 no such mailbox"));
    accounts.register("refused@example.com").expect(201);
    until("it is given up", PATIENCE, || (mails_where(&accounts, "state = 'abandoned'") == 1).then_some(()));
    let given_up = listed(&accounts, "abandoned");
    assert_eq!(each(&given_up, "to"), ["refused@example.com"]);
    assert!(text(&given_up[0]["reason"]).contains("550"), "{given_up}");
    let table = accounts.doorward.setup().run_ok(&["mail", "list"], "");
    assert!(table.contains("refused@example.com") && table.contains("no such mailbox"), "{table}");
    until("a metric says so", PATIENCE, || {
        let metrics = accounts.doorward.admin_client().get("/metrics").send().text();
        metrics.lines().any(|line| line.contains("mail_outbox{") && line.ends_with("\"abandoned\"} 1")).then_some(())
    });
    accounts.mailbox.treats(Manner::Accept);
    let unknown = accounts.doorward.setup().run(&["mail", "retry", "01900000-0000-7000-8000-000000000000"], "");
    assert!(!unknown.status.success());
    accounts.doorward.setup().run_ok(&["mail", "retry", &text(&given_up[0]["id"])], "");
    accounts.verify("refused@example.com", &accounts.confirmation_code("refused@example.com")).expect(200);
}

#[test]
fn mail_travels_over_tls_with_a_password_and_not_without() {
    part::with(&["python"], || {
        let certificate = Certificate::make();
        let authority = certificate.authority().to_string_lossy().into_owned();
        for protection in [Protection::StartTls(&certificate), Protection::Implicit(&certificate)] {
            let mailbox = Mailbox::protected(protection);
            let trusting = |setup: Setup| setup.mails_through(&mailbox).set("outbound.extra_ca", &authority);
            let _doorward = register_on(trusting(Setup::on(Store::Sqlite)), "safe@example.com");
            assert_eq!(mailbox.next_to("safe@example.com").channel(), (true, Some(USER)), "{protection:?}");
            assert_not_sent(Setup::on(Store::Sqlite).mails_through(&mailbox), &mailbox);
            let wrong_password = mailbox.url().replacen("%3A9@", "%3A8@", 1);
            assert_not_sent(trusting(Setup::on(Store::Sqlite)).set("mail.url", &wrong_password), &mailbox);
        }
        // A server that offers no encryption is told nothing, unless the settings do without it in so many words.
        let plain = Mailbox::start();
        let url = plain.url().split('?').next().unwrap_or_default();
        assert_not_sent(Setup::on(Store::Sqlite).mails_through(&plain).set("mail.url", url), &plain);
    });
}

#[track_caller]
fn register_on(setup: Setup, email: &str) -> Doorward {
    let doorward = setup.start();
    doorward.post("/api/v1/auth/register").json(&registration(email)).send().expect(201);
    doorward
}

/// Asserts that a mail waits for a better day, and that what is noted of it is no secret.
#[track_caller]
fn assert_not_sent(setup: Setup, mailbox: &Mailbox) {
    let doorward = register_on(setup, "waiting@example.com");
    let database = doorward.setup().database();
    let reason = until("the attempt has failed", PATIENCE, || {
        Some(database.query("select reason from mail where reason is not null")).filter(|reason| !reason.is_empty())
    });
    assert!(!reason.contains("p@ss") && !reason.contains("p%40ss"), "{reason}");
    assert!(mailbox.all_to("waiting@example.com").is_empty(), "{reason}");
}

#[test]
fn mail_leaves_through_amazons_service() {
    part::with(&["python"], || {
        let pool = Cognito::start("http://127.0.0.1:9", "http://127.0.0.1:9");
        let identity = json!({"EmailIdentity": "door@harbour.example"});
        let credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ses/aws4_request";
        let verify = Client::new(pool.address()).post("/v2/email/identities").header("Authorization", credential);
        verify.json(&identity).send().expect(200);
        let setup = Setup::on(Store::Sqlite)
            .set("mail.url", "ses://us-east-1")
            .set("mail.from", SENDER)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", &pool.base());
        let doorward = setup.start();
        doorward.post("/api/v1/auth/register").json(&registration("ses@example.com")).send().expect(201);
        let code = pool.mailed_code("ses@example.com", 1);
        let body = json!({"email": "ses@example.com", "code": code, "purpose": VERIFICATION});
        doorward.post("/api/v1/auth/verify-otp").json(&body).send().expect(200);
    });
}
