//! What letters say and show: nothing that somebody typed as if it were theirs, links of the configuration alone, an
//! operator's own words; and in development all of it on a page.

use std::fs;

use doorward_tests::accounts::{Accounts, RESET, SENDER, VERIFICATION, registration};
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::mailbox::Mail;
use doorward_tests::scratch::Scratch;
use doorward_tests::shape::{each, text};
use doorward_tests::{Setup, Store, part};
use serde_json::{Value, json};

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
