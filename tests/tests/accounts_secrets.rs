//! What nobody may read who sees the log, the settings or the database: passwords, codes, tokens, and what letters say.

use std::fs;
use std::path::Path;

use doorward_tests::accounts::{Accounts, RESET, Tokens, registration};
use doorward_tests::certificate::Certificate;
use doorward_tests::cognito::PoolClient;
use doorward_tests::mailbox::{MAIL_PASSWORD, Mailbox, Manner, Protection};
use doorward_tests::shape::text;
use doorward_tests::{PASSWORD, Setup, Store, part};
use serde_json::json;

const NEW_PASSWORD: &str = "Still-Harbour-42";

/// Whether a text has that word; a code may be part of any longer number.
fn has(text: &str, word: &str) -> bool {
    if word.len() > 6 {
        return text.contains(word);
    }
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

/// Signs up, in, resets and changes; gives every secret that passed, the code of a reset first.
fn busy_day(accounts: &Accounts) -> Vec<String> {
    let email = accounts.person("busy");
    let tokens = accounts.tokens(&email);
    let refreshed = Tokens::of(&accounts.refresh(&tokens.refresh).expect(200).json());
    accounts.login(&email, "Wrong-Harbour-41").problem(401);
    accounts.let_time_pass(60);
    accounts.request_code(&email, RESET).expect(200);
    let code = accounts.mailbox.next_to(&email).code();
    accounts.present(&email, "000001", RESET);
    let granted = accounts.present(&email, &code, RESET).expect(200).json();
    let reset_token = text(&granted["reset_token"]);
    accounts.reset(&reset_token, "short-1").problem(400);
    accounts.reset(&reset_token, NEW_PASSWORD).expect(200);
    let again = Tokens::of(&accounts.login(&email, NEW_PASSWORD).expect(200).json());
    let body = json!({"current_password": NEW_PASSWORD, "new_password": "Third-Harbour-43"});
    accounts.doorward.post("/api/v1/users/me/password").bearer(&again.access).json(&body).send().expect(200);
    accounts.login(&email, "Third-Harbour-43").expect(200);
    let passwords = [PASSWORD, NEW_PASSWORD, "Third-Harbour-43", "Wrong-Harbour-41"].map(str::to_owned);
    let all = [tokens, refreshed, again].into_iter().flat_map(|tokens| [tokens.access, tokens.refresh, tokens.id]);
    [code, reset_token].into_iter().chain(passwords).chain(all).collect()
}

#[track_caller]
fn assert_untold(accounts: Accounts, secrets: &[String]) {
    let setup = accounts.doorward.setup().clone();
    let shown = setup.run_ok(&["config", "show"], "");
    assert!(accounts.doorward.stop().success());
    let log = setup.log();
    assert!(log.contains("signed in") && log.contains("code redeemed"), "it tells what happens: {log}");
    for secret in secrets {
        assert!(!has(&log, secret), "{secret} is in the log");
        assert!(!has(&shown, secret), "{secret} is shown");
    }
}

#[test]
fn the_log_holds_no_secret_of_accounts_at_any_level() {
    part::with(&["python"], || {
        for format in ["text", "json"] {
            let settings = |setup: Setup| setup.set("log.level", "trace").set("log.format", format);
            let accounts = Accounts::local_with(Store::Sqlite, settings);
            let secrets = busy_day(&accounts);
            assert_untold(accounts, &secrets);
        }
    });
}

#[test]
fn the_log_holds_no_secret_of_a_pool_at_any_level() {
    part::with(&["python"], || {
        let settings = |setup: Setup| setup.set("log.level", "trace");
        let accounts = Accounts::in_a_pool_with(PoolClient::Confidential, |_, setup| settings(setup));
        let mut secrets = busy_day(&accounts);
        secrets.push(accounts.pool().fact("client_secret"));
        assert_untold(accounts, &secrets);
    });
}

#[test]
fn the_log_holds_no_password_of_a_mail_server() {
    part::with(&["python"], || {
        let certificate = Certificate::make();
        let mailbox = Mailbox::protected(Protection::StartTls(&certificate));
        let authority = certificate.authority().to_string_lossy().into_owned();
        let setup = Setup::on(Store::Sqlite).mails_through(&mailbox).set("log.level", "trace");
        let doorward = setup.set("outbound.extra_ca", &authority).start();
        doorward.post("/api/v1/auth/register").json(&registration("trace@example.com")).send().expect(201);
        let mail = mailbox.next_to("trace@example.com");
        let setup = doorward.setup().clone();
        let shown = [&["config", "show"][..], &["doctor"], &["mail", "list"]]
            .map(|command| String::from_utf8_lossy(&setup.run(command, "").stdout).into_owned());
        assert!(doorward.stop().success());
        let told = format!("{}{}", setup.log(), shown.concat());
        for secret in [MAIL_PASSWORD, "p%40ss", "w\u{f6}rd", "w%C3%B6rd", &mail.code()] {
            assert!(!has(&told, secret), "{secret} is told");
        }
    });
}

/// All bytes that the database has on disk, its journal included.
fn on_disk(folder: &Path) -> Vec<u8> {
    let files = fs::read_dir(folder).expect("the folder").filter_map(Result::ok).map(|entry| entry.path());
    let of_it = files.filter(|file| file.to_string_lossy().contains(".db"));
    of_it.flat_map(|file| fs::read(file).expect("a file of the database")).collect()
}

#[test]
fn a_stolen_database_has_neither_codes_nor_letters_nor_tokens() {
    part::with(&["python"], || {
        let accounts = Accounts::local(Store::Sqlite);
        let email = accounts.person("stolen");
        let tokens = accounts.tokens(&email);
        let reset_token = accounts.reset_token(&email);
        // A letter that waits, with a code that still counts.
        accounts.mailbox.treats(Manner::Refuse("450 4.2.1 later"));
        accounts.register("waiting@example.com").expect(201);
        let database = accounts.doorward.setup().database();
        assert_eq!(database.query("select count(*) from mail where state = 'waiting'"), "1");
        let bytes = on_disk(accounts.doorward.setup().folder());
        let seen = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(seen("waiting@example.com"), "the database was read");
        for secret in [PASSWORD, &reset_token, &tokens.refresh, &tokens.access, "confirmation code", "confirm your"] {
            assert!(!seen(secret), "{secret} is in the database");
        }
        // A digest of a million possible codes is no secret unless something outside the store is part of it.
        let digest = database.query("select lower(hex(digest)) from one_time_codes where attempts_left = 5 limit 1");
        assert_eq!(digest.len() % 2, 0, "{digest}");
        assert!(digest.len() >= 32, "{digest}");
    });
}
