//! Ways around a code and around an address: other spellings that look like somebody's, codes that everybody knows,
//! an older token beside the one that was used, and passwords that are none.

use doorward_tests::accounts::{Accounts, RESET, Tokens, VERIFICATION, registration};
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::shape::text;
use doorward_tests::{PASSWORD, Store, on_every_keeper, on_every_store, part};
use serde_json::json;

const NEW_PASSWORD: &str = "Still-Harbour-42";

on_every_keeper!(
    mail_goes_to_the_address_on_record_alone,
    no_code_that_everybody_knows_opens_anything,
    of_two_reset_tokens_the_use_of_one_ends_the_other,
    the_words_for_no_password_are_none,
);

on_every_store!(a_refresh_token_used_again_later_ends_the_session);

/// What the address of `mike@example.com` may be written like; none of it is that address.
const LIKE_MIKE: [&str; 8] = [
    "m\u{131}ke@example.com",
    "M\u{130}KE@example.com",
    "m\u{456}ke@example.com",
    "mi\u{301}ke@example.com",
    "mike@ex\u{430}mple.com",
    "mike+x@example.com",
    "\"mike\"@example.com",
    "mike@example.com,eve@evil.example",
];

fn mail_goes_to_the_address_on_record_alone(accounts: &Accounts) {
    let email = accounts.person("mike");
    let before = accounts.mailbox.all().len();
    for other in LIKE_MIKE {
        let status = accounts.request_code(other, RESET).status;
        assert!(matches!(status, 200 | 400 | 429), "{other:?}: {status}");
    }
    for spelling in ["MIKE@EXAMPLE.COM", "\u{ff4d}ike@example.com", "mi\u{212a}e@example.com"] {
        accounts.let_time_pass(120);
        let before = accounts.mailbox.all_to(&email).len();
        if accounts.request_code(spelling, RESET).status == 200 {
            let code = accounts.mailbox.next_to(&email).code();
            assert_eq!(accounts.mailbox.all_to(&email).len(), before + 1, "{spelling:?}");
            accounts.present(&email, &code, RESET).expect(200);
        }
    }
    // Whatever came since then came to its owner.
    let strays: Vec<_> = accounts
        .mailbox
        .all()
        .into_iter()
        .skip(before)
        .filter(|mail| {
            let [to] = mail.recipients()[..] else { return true };
            to != email && to.contains("ke@")
        })
        .collect();
    assert!(strays.is_empty(), "{strays:?}");
}

fn no_code_that_everybody_knows_opens_anything(accounts: &Accounts) {
    let email = accounts.person("bypass");
    let code = accounts.reset_code(&email);
    let known = ["123456", "000000", "111111", "654321", "999999", "123123", "0", "true", "null", "*", "%", "______"];
    for guess in known.into_iter().filter(|guess| *guess != code) {
        let status = accounts.present(&email, guess, RESET).status;
        assert!(matches!(status, 400 | 429), "{guess}: {status}");
        accounts.doorward.setup().database().execute("delete from signin_throttles");
    }
}

fn of_two_reset_tokens_the_use_of_one_ends_the_other(accounts: &Accounts) {
    let email = accounts.person("twofold");
    let (older, newer) = (accounts.reset_token(&email), accounts.reset_token(&email));
    assert_ne!(older, newer);
    accounts.reset(&newer, NEW_PASSWORD).expect(200);
    accounts.reset(&older, "Third-Harbour-43").problem(400);
    accounts.login(&email, NEW_PASSWORD).expect(200);
    accounts.login(&email, "Third-Harbour-43").problem(401);
}

/// An account without a password here, because a pool keeps it or nobody chose one, opens to none of these.
fn the_words_for_no_password_are_none(accounts: &Accounts) {
    let email = accounts.person("wordless");
    for nothing in ["", " ", "null", "undefined", "None", "nil", "\u{0}", "false", "[object Object]"] {
        accounts.doorward.setup().database().execute("delete from signin_throttles");
        for answer in [accounts.login(&email, nothing), accounts.doorward.sign_in(&email, nothing).send()] {
            assert!(matches!(answer.status, 400 | 401), "{nothing:?}: {}", answer.text());
        }
    }
    for odd in [json!(null), json!(true), json!(0), json!([]), json!({"$ne": null})] {
        let body = json!({"email": email, "password": odd});
        accounts.post("login", &body).problem(400);
    }
    accounts.doorward.setup().database().execute("delete from signin_throttles");
    accounts.tokens(&email);
}

fn a_refresh_token_used_again_later_ends_the_session(store: Store) {
    part::with(&["python"], || {
        let accounts = Accounts::local_with(store, |setup| setup.set("tokens.refresh_grace", "100ms"));
        let email = accounts.person("replayed");
        let (stolen, other) = (accounts.tokens(&email), accounts.tokens(&email));
        let successor = Tokens::of(&accounts.refresh(&stolen.refresh).expect(200).json());
        until("the copy is noticed", PATIENCE, || (accounts.refresh(&stolen.refresh).status == 401).then_some(()));
        accounts.refresh(&successor.refresh).problem(401);
        for ended in [&stolen.access, &successor.access] {
            accounts.assert_bearer(ended, false);
        }
        accounts.assert_bearer(&other.access, true);
        accounts.refresh(&other.refresh).expect(200);
    });
}

#[test]
fn somebody_who_came_without_a_password_is_opened_by_none() {
    part::with(&["python"], || {
        let accounts = Accounts::local(Store::Sqlite);
        let email = accounts.person("bare");
        accounts.doorward.setup().database().execute("update users set password_hash = null");
        for word in ["", "null", "undefined", "\u{0}", PASSWORD] {
            assert!(matches!(accounts.login(&email, word).status, 400 | 401), "{word:?}");
        }
        accounts.post("verify-otp", &json!({"email": email, "code": "", "purpose": VERIFICATION})).problem(400);
        let again = accounts.post("register", &registration(&email)).problem(400);
        assert_eq!(text(&again["detail"]), "Email already registered");
        accounts.reset(&accounts.reset_token(&email), NEW_PASSWORD).expect(200);
        accounts.login(&email, NEW_PASSWORD).expect(200);
    });
}
