//! Mail: nothing of it is lost, doubled or late whatever the mail server does, and nothing typed gets into it.

use std::fs;
use std::time::Instant;

use doorward_tests::accounts::{Accounts, RESET, SENDER, VERIFICATION, registration};
use doorward_tests::certificate::Certificate;
use doorward_tests::cognito::Cognito;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::mailbox::{Mail, Mailbox, Manner, Protection, USER};
use doorward_tests::scratch::Scratch;
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
    let doubled = copies.iter().sum::<usize>() - QUEUED;
    assert!(doubled <= 3, "more than one for each of three kills: {copies:?}");
    assert_eq!(accounts.mailbox.all_to("swallowed@example.com").len(), 2, "taken, but not said so: sent once more");
    println!("4 kills: {} mails, 0 lost, {} twice", QUEUED + 1, doubled + 1);
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

#[test]
fn nothing_typed_becomes_a_header_a_recipient_or_html() {
    part::with(&["python"], || {
        let accounts = Accounts::local_with(Store::Sqlite, |setup| setup.set("mail.product", "Harbour & <b>Sons</b>"));
        let addresses = [
            "a@example.com\r\nBcc: evil@example.com",
            "a@example.com\nBcc: evil@example.com",
            "a@example.com%0d%0aBcc:evil@example.com",
            "a@example.com, evil@example.com",
            "a@example.com;evil@example.com",
            "a@example.com evil@example.com",
            "a <evil@example.com>",
            "<evil@example.com>",
            "evil@example.com(a@example.com)",
            "\"a\\\" evil@example.com\"@example.com",
            "\"<script>\"@example.com",
            "o'neil&<b>@example.com",
            "o'neil&co@example.com",
            "=?utf-8?q?evil=40example.com?=@example.com",
            "{{7*7}}@example.com",
            "$(id)|`id`@example.com",
            "a@example.com\u{0}",
            "a@exam\u{2028}ple.com",
            "a@[127.0.0.1]",
            "\u{ff41}@example.com",
            "a@\u{ff45}xample.com",
            "m\u{131}ke@example.com",
            "-oQ/tmp@example.com",
        ];
        let mut taken = 0;
        for address in addresses {
            let answer = accounts.register(address);
            if answer.status == 201 {
                // Wide letters are the plain ones, in the envelope and the header as in what accounts are told apart by.
                let plain = address.replace('\u{ff41}', "a").replace('\u{ff45}', "e");
                assert_harmless(&accounts.mailbox.next_to(&plain), &plain);
                taken += 1;
            } else {
                answer.problem(400);
            }
        }
        let names = [
            "<script>alert(1)</script>",
            "\"Ada\" <evil@example.com>",
            "{{ 7*7 }}",
            "=?utf-8?q?Bcc:_evil?=",
            "\u{202e}ada",
        ];
        for (number, name) in names.iter().enumerate() {
            let email = format!("name{number}@example.com");
            let mut body = registration(&email);
            body["first_name"] = (*name).into();
            if accounts.post("register", &body).status == 201 {
                assert_harmless(&accounts.mailbox.next_to(&email), &email);
                taken += 1;
            }
        }
        assert!(taken > 2, "some of these are names and addresses");
        assert!(accounts.mailbox.all().iter().all(|mail| mail.recipients().len() == 1));
        assert!(accounts.mailbox.all_to("evil@example.com").is_empty());
        told_of_an_odd_address(&accounts);
    });
}

/// The letters to and about an address that somebody chose.
fn told_of_an_odd_address(accounts: &Accounts) {
    let email = accounts.person("former");
    let tokens = accounts.tokens(&email);
    let post = |path: &str, body: &Value| {
        accounts.doorward.post(&format!("/api/v1/users/me/{path}")).bearer(&tokens.access).json(body).send()
    };
    let odd = "o'neil&friends@example.com";
    post("email", &json!({"new_email": odd, "password": doorward_tests::PASSWORD})).expect(200);
    let code = accounts.mailbox.next_to(odd).code();
    post("email/verify", &json!({"code": code})).expect(200);
    let notice = accounts.mailbox.next_to(&email);
    assert!(!notice.text().contains(&code) && !notice.html().contains("neil&friends"), "{}", notice.html());
    assert_harmless(&notice, &email);
}

#[track_caller]
fn assert_harmless(mail: &Mail, address: &str) {
    assert_eq!(mail.recipients(), [address]);
    for name in ["from", "to", "subject", "date", "message-id", "mime-version"] {
        assert_eq!(mail.headers(name).len(), 1, "{name} for {address:?}: {}", mail.raw());
    }
    for name in ["bcc", "cc", "sender", "reply-to", "resent-to"] {
        assert!(mail.headers(name).is_empty(), "{name} for {address:?}: {}", mail.raw());
    }
    assert_eq!(mail.headers("from"), [SENDER]);
    // The reader knows no headers in UTF-8 (RFC 6532).
    assert!(mail.defects() == &json!([]) || !address.is_ascii(), "{} in {}", mail.defects(), mail.raw());
    let html = mail.html().to_lowercase();
    for tag in ["<script", "<b>", "<evil", "<img"] {
        assert!(!html.contains(tag), "{tag} for {address:?}: {html}");
    }
    assert!(html.contains("harbour &amp; &lt;b&gt;sons"), "{html}");
    assert!(mail.text().contains("Harbour & <b>Sons</b>"), "{}", mail.text());
}

#[test]
fn links_come_from_the_configuration_whatever_a_request_says() {
    part::with(&["python"], || {
        let accounts = Accounts::local_with(Store::Sqlite, |setup| {
            setup
                .set("server.public_url", "http://door.harbour.example:8000")
                .set("server.frontend_url", "http://app.harbour.example:3000")
                .set("server.trusted_proxies", "127.0.0.1/32")
        });
        let email = "linked@example.com";
        let poisoned = |call: &str, body: &Value| {
            let request = accounts.doorward.post(&format!("/api/v1/auth/{call}")).header("Host", "evil.example");
            let request = request.header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "https");
            let request =
                request.header("Forwarded", "host=evil.example;proto=https").header("X-Original-Host", "evil.example");
            let request = request.header("Origin", "http://evil.example").header("Referer", "http://evil.example/");
            request.json(body).send()
        };
        poisoned("register", &registration(email)).expect(201);
        let mut mails = vec![accounts.mailbox.next_to(email)];
        for purpose in [VERIFICATION, RESET] {
            accounts.let_time_pass(30);
            poisoned("request-otp", &json!({"email": email, "purpose": purpose})).expect(200);
            mails.push(accounts.mailbox.next_to(email));
        }
        for mail in mails {
            assert!(!format!("{}{}{}", mail.raw(), mail.text(), mail.html()).contains("evil"), "{}", mail.raw());
            assert!(mail.text().contains("http://app.harbour.example:3000"), "{}", mail.text());
        }
    });
}

#[test]
fn an_operators_templates_take_the_place_of_the_built_in() {
    part::with(&["python"], || {
        let folder = Scratch::new();
        let templates = folder.path().join("letters").to_string_lossy().into_owned();
        Setup::on(Store::Sqlite).run_ok(&["mail", "templates", &templates], "");
        let write = |name: &str, content: &str| {
            fs::write(folder.path().join("letters").join(name), content).expect("a template can be written");
        };
        write("confirm_email.subject.txt", "Willkommen bei {{ product }}\n");
        write("confirm_email.txt", "Ihr Code: {{ code }}\n");
        write("confirm_email.html", "<p lang=\"de\">Ihr Code: <b>{{ code }}</b></p>");
        let accounts = Accounts::local_with(Store::Sqlite, |setup| setup.set("mail.templates", &templates));
        accounts.register("deutsch@example.com").expect(201);
        let mail = accounts.mailbox.next_to("deutsch@example.com");
        assert_eq!(mail.subject(), "Willkommen bei Harbour");
        assert!(mail.text().starts_with("Ihr Code: ") && mail.html().contains("lang=\"de\""), "{}", mail.raw());
        accounts.verify("deutsch@example.com", &mail.code()).expect(200);
        let reset = accounts.reset_code("deutsch@example.com");
        assert_eq!(reset.len(), 6, "the other letters are there as before");
        write("confirm_email.txt", "Ihr Code: {{ cod");
        let (_, said) = accounts.doorward.kill().refused();
        assert!(said.contains("confirm_email.txt"), "{said}");
    });
}

#[test]
fn the_mailbox_of_development_shows_the_mail_and_is_nowhere_else() {
    let sealed = Setup::on(Store::Sqlite).set("tokens.encryption_key", "Vq3Xn8Lk5Rz1Tb7Yd0Mw4Hc9Gs2Pf6Ja");
    let doorward = sealed.set("mail.product", "<i>Harbour</i>").start();
    let register = |email: &str| doorward.post("/api/v1/auth/register").json(&registration(email)).send().expect(201);
    register("one@example.com");
    register("two@example.com");
    let shown = until("the mail is shown", PATIENCE, || {
        let shown = doorward.get("/dev/mailbox.json").send().expect(200).json();
        (shown.as_array().map(Vec::len) == Some(2)).then_some(shown)
    });
    assert!(text(&shown[0]["sent_at"]) >= text(&shown[1]["sent_at"]), "newest first");
    let one = doorward.get("/dev/mailbox.json?to=one@example.com").send().expect(200).json();
    assert_eq!(each(&one, "to"), ["one@example.com"]);
    let code = doorward_tests::mailbox::six_digits(&text(&one[0]["text"])).expect("a code");
    until("development shows codes in the log", PATIENCE, || doorward.log().contains(&code).then_some(()));
    let page = doorward.get("/dev/mailbox").header("Accept", "text/html").send().expect(200);
    let html = page.text();
    assert!(html.contains("one@example.com") && html.contains(&code), "{html}");
    assert!(!html.contains("<script") && !html.contains("<i>Harbour"), "{html}");
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("default-src 'none'") || policy.contains("script-src 'none'"), "{policy}");
    let staging = doorward.kill().set("environment", "staging").set("password.bcrypt_cost", "10");
    let staging = staging.set("server.public_url", "https://door.harbour.example").start();
    for path in ["/dev/mailbox", "/dev/mailbox.json"] {
        staging.get(path).send().expect(404);
    }
    staging.post("/api/v1/auth/register").json(&registration("three@example.com")).send().expect(201);
    let database = staging.setup().database();
    let given_up = "select count(*) from mail where state = 'abandoned'";
    until("it is given up, as nothing carries it", PATIENCE, || (database.query(given_up) == "1").then_some(()));
    let log = staging.log();
    assert!(!log.lines().any(|line| line.contains("confirmation code") && line.contains("three@")), "{log}");
}
