//! Secrets that are kept elsewhere: told at the start with every mistake, never shown, taken up when they are replaced.

use std::time::{Duration, Instant};

use doorward_tests::accounts::registration;
use doorward_tests::cable::Cable;
use doorward_tests::certificate::Certificate;
use doorward_tests::deadline::until;
use doorward_tests::mailbox::{Mailbox, Protection};
use doorward_tests::ports;
use doorward_tests::secrets_manager::SecretsManager;
use doorward_tests::{Setup, Store};
use serde_json::json;

const KEYS: [&str; 3] =
    ["hunter2-Zb6Wq1Xn8Rt5Ly0Pc7Km4VdEa", "hunter2-Jh3Fs9Gk2Bx7Nq4Wz8Mt1YcUi", "hunter2-Qp5Lv0Rd6Tj3Xh9Ck2Sn8BwOo"];

#[test]
fn every_mistake_is_told_at_once_with_key_place_and_remedy() {
    let secrets = SecretsManager::start();
    secrets.create("plain", "hunter2-and-no-json");
    secrets.create("members", &json!({"user": "hunter2", "pass": "hunter2", "empty": ""}).to_string());
    secrets.create("gone", "hunter2");
    secrets.delete("gone");
    let setup = secrets.serves_directly(Setup::on(Store::Sqlite));
    let setup = setup
        .set("tokens.secret", "aws-sm://plain#key")
        .set("tokens.encryption_key", "aws-sm://members#password")
        .set("user_pool.client_secret", "aws-sm://gone")
        .set("mail.url", "aws-sm://not-there")
        .set("store.password", "aws-sm://members#empty")
        .set("aws.session_token", "aws-sm://plain");
    let (_, said) = setup.refused();
    for told in [
        "tokens.secret: \"aws-sm://plain#key\" does not hold a JSON object (from DOORWARD__TOKENS__SECRET)",
        "tokens.encryption_key: \"aws-sm://members#password\" has no member \"password\"",
        "its members are: \"empty\", \"pass\", \"user\"",
        "user_pool.client_secret: \"aws-sm://gone\" cannot be had from AWS Secrets Manager",
        "mail.url: \"aws-sm://not-there\" is not in AWS Secrets Manager",
        "store.password: \"aws-sm://members#empty\" is empty",
        "aws.session_token: \"aws-sm://plain\" is where this is needed to get in",
    ] {
        assert!(said.contains(told), "{told}\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_secret_is_found_by_its_arn_too() {
    let secrets = SecretsManager::start();
    let arn = secrets.create("prod/signing", &json!({"key": KEYS[0]}).to_string());
    let setup = secrets.serves_directly(Setup::on(Store::Sqlite));
    let setup = setup.set("tokens.encryption_key", &format!("aws-sm://{arn}#key"));
    let doctor = setup.run(&["doctor"], "");
    let doctor = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.contains("✔ secret tokens.encryption_key: read from aws-sm://arn:"), "{doctor}");
    assert!(doctor.contains("(AWSCURRENT)") && !doctor.contains("hunter2"), "{doctor}");
    setup.start();
}

#[test]
fn a_start_without_secrets_manager_says_so_soon() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("its address");
    for endpoint in [ports::free(), silent] {
        let setup = Setup::on(Store::Sqlite).set("tokens.encryption_key", "aws-sm://x");
        let begun = Instant::now();
        let (_, said) = SecretsManager::serves(setup, &format!("http://{endpoint}")).refused();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(said.contains(&format!("AWS Secrets Manager at http://{endpoint}")), "{said}");
        assert!(said.contains("tokens.encryption_key: \"aws-sm://x\" cannot be read"), "{said}");
    }
}

#[test]
fn a_shared_secret_is_replaced_without_a_restart_and_no_token_is_lost() {
    let secrets = SecretsManager::start();
    secrets.create("jwt", KEYS[0]);
    let setup = secrets.serves_directly(Setup::on(Store::Sqlite)).set("secrets.refresh", "1s");
    let setup = setup.set("tokens.secret", "aws-sm://jwt").set("tokens.encryption_key", KEYS[2]);
    let doorward = setup.start();
    let before = doorward.person("ann");
    secrets.put("jwt", KEYS[1]);
    until("the new secret is taken up", Duration::from_secs(20), || {
        doorward.log().contains("the new one is taken up").then_some(())
    });
    // It signs when every node has read it.
    let signed_by = |token: &str, key: &str| doorward_tests::token::is_signed_hs256(token, key);
    let after = until("the new secret signs", Duration::from_secs(20), || {
        let person = doorward.signed_in("ann@example.com");
        signed_by(&person.access_token, KEYS[1]).then_some(person)
    });
    assert!(signed_by(&before.access_token, KEYS[0]));
    assert!(doorward.accepts(&before.access_token) && doorward.accepts(&after.access_token));
    // A start after it knows the former from Secrets Manager.
    let next = doorward.second_node();
    assert!(next.accepts(&before.access_token) && next.accepts(&after.access_token));
    assert!(!doorward.log().contains("hunter2") && !next.log().contains("hunter2"));
}

#[test]
fn a_secret_that_cannot_be_read_any_more_goes_on_serving() {
    let secrets = SecretsManager::start();
    secrets.create("jwt", KEYS[0]);
    let cable = Cable::to(&secrets.address().to_string());
    let setup = SecretsManager::serves(Setup::on(Store::Sqlite), &format!("http://{}", cable.address()));
    let setup = setup.set("secrets.refresh", "1s");
    let doorward = setup.set("tokens.secret", "aws-sm://jwt").set("tokens.encryption_key", KEYS[2]).start();
    let person = doorward.person("ann");
    cable.cut();
    until("the loss is told", Duration::from_secs(30), || {
        doorward.log().contains("a secret cannot be read again; the one that is known goes on").then_some(())
    });
    assert!(doorward.accepts(&person.access_token));
    doorward.signed_in(&person.email);
    cable.mend();
    until("it is read again", Duration::from_secs(30), || {
        doorward.log().contains("the secret can be read again").then_some(())
    });
}

#[test]
fn a_mail_server_that_knows_another_password_by_now_gets_it_at_once() {
    let certificate = Certificate::make();
    for protection in [Protection::StartTls(&certificate), Protection::Implicit(&certificate)] {
        let mailbox = Mailbox::protected(protection);
        let setup = Setup::on(Store::Sqlite).mails_through(&mailbox);
        let setup = setup.set("outbound.extra_ca", &certificate.authority().to_string_lossy());
        let file = setup.folder().join("mail-url");
        let write = |url: &str| std::fs::write(&file, url).expect("a file");
        write(&mailbox.url().replacen("%3A9@", "%3A8@", 1));
        let doorward = setup.set("mail.url", &format!("file://{}", file.display())).start();
        write(mailbox.url());
        doorward.post("/api/v1/auth/register").json(&registration("ann@example.com")).send().expect(201);
        mailbox.next_to("ann@example.com");
        assert!(!doorward.log().contains("mail cannot be sent"), "{}", doorward.log());
    }
}
