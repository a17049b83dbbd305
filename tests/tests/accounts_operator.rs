//! What an operator does at night: looks at the outbox, has mail tried again, tries the mail server and the pool.

use std::process::Output;

use doorward_tests::accounts::Accounts;
use doorward_tests::certificate::Certificate;
use doorward_tests::cognito::{Cognito, PoolClient};
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::mailbox::{Mailbox, Manner, Protection};
use doorward_tests::shape::{each, sorted};
use doorward_tests::{Setup, Store, on_every_store, part, ports};
use serde_json::Value;

on_every_store!(all_that_was_given_up_is_listed_page_by_page_and_tried_again);

/// What a command said, on either stream.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn all_that_was_given_up_is_listed_page_by_page_and_tried_again(store: Store) {
    part::with(&["python"], || {
        let accounts = Accounts::local(store);
        accounts.mailbox.treats(Manner::Refuse("550 5.1.1 no such mailbox"));
        let emails = ["one", "two", "three"].map(|name| format!("{name}@example.com"));
        for email in &emails {
            accounts.register(email).expect(201);
        }
        let setup = accounts.doorward.setup();
        let given_up = "select count(*) from mail where state = 'abandoned'";
        until("all is given up", PATIENCE, || (setup.database().query(given_up) == "3").then_some(()));
        let page = |after: &[&str]| -> Value {
            let arguments = [&["mail", "list", "--state", "abandoned", "--limit", "2", "--json"], after].concat();
            serde_json::from_str(&setup.run_ok(&arguments, "")).expect("a list as JSON")
        };
        let first = page(&[]);
        let last = each(&first, "id").pop().expect("an id");
        let second = page(&["--after", &last]);
        assert_eq!((each(&first, "to").len(), each(&second, "to").len()), (2, 1));
        assert_eq!(sorted([each(&first, "to"), each(&second, "to")].concat()), sorted(emails.to_vec()));
        accounts.mailbox.treats(Manner::Accept);
        setup.run_ok(&["mail", "retry", "--all"], "");
        for email in &emails {
            accounts.verify(email, &accounts.confirmation_code(email)).expect(200);
        }
        assert_eq!(page(&[]), serde_json::json!([]));
    });
}

#[test]
fn a_mail_server_is_tried_and_what_keeps_mail_from_leaving_is_named() {
    part::with(&["python"], || {
        let certificate = Certificate::make();
        let mailbox = Mailbox::protected(Protection::StartTls(&certificate));
        let authority = certificate.authority().to_string_lossy().into_owned();
        let sound = Setup::on(Store::Sqlite).mails_through(&mailbox).set("outbound.extra_ca", &authority);
        let tried = sound.run(&["mail", "test", "ann@example.com"], "");
        assert!(tried.status.success(), "{}", said(&tried));
        assert_eq!(mailbox.next_to("ann@example.com").code(), "123456");
        let away = ports::free();
        let cases = [
            (sound.clone().set("mail.url", &mailbox.url().replacen("%3A9@", "%3A8@", 1)), "user or password"),
            (sound.clone().set("mail.url", &format!("smtp://{away}?tls=none")), "does not accept connections"),
            (sound.clone().set("mail.url", "smtp://nowhere.invalid:25?tls=none"), "cannot be resolved"),
            (sound.clone().unset("outbound.extra_ca"), "certificate"),
        ];
        for (setup, named) in cases {
            for command in [&["mail", "test", "ann@example.com"][..], &["doctor"]] {
                let output = setup.run(command, "");
                let said = said(&output);
                assert!(!output.status.success(), "{command:?} {named}: {said}");
                assert!(said.contains(named), "{command:?} {named}: {said}");
                assert!(!said.contains("p@ss") && !said.contains("p%40ss"), "{command:?} tells the password: {said}");
            }
        }
        assert_eq!(mailbox.all_to("ann@example.com").len(), 1, "the doctor sends nothing");
    });
}

#[test]
fn what_keeps_doorward_from_its_pool_is_named() {
    part::with(&["python"], || {
        let pool = Cognito::start("http://127.0.0.1:9", "http://127.0.0.1:9");
        let setup = |client| pool.keeps_passwords(Setup::on(Store::Sqlite), client, &pool.base());
        let finding = |setup: &Setup| {
            let said = said(&setup.run(&["doctor"], ""));
            let lines: Vec<_> = said.lines().filter(|line| line.contains("user pool")).map(str::to_owned).collect();
            lines.join("\n")
        };
        let sound = finding(&setup(PoolClient::Confidential));
        assert!(sound.contains("can sign in") && !sound.contains('\u{2716}'), "{sound}");
        let away = format!("http://{}", ports::free());
        let cases = [
            (setup(PoolClient::Confidential).env("COGNITO_CLIENT_SECRET", "another"), "secret"),
            (setup(PoolClient::Public).env("COGNITO_CLIENT_ID", &pool.fact("client_id")), "secret"),
            (setup(PoolClient::Public).env("AWS_ENDPOINT_URL", &away), "not available"),
            (setup(PoolClient::Public).env("COGNITO_CLIENT_ID", "unknown"), "no such app client"),
        ];
        for (setup, named) in cases {
            let said = finding(&setup);
            assert!(said.contains('\u{2716}') && said.contains(named), "{named}: {said}");
            assert!(!said.contains("another"), "{said}");
        }
    });
}
