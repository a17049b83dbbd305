//! Another password or another address, for whoever is signed in and proves that the account is theirs.

use std::sync::Arc;

use doorward_identity::code::CodePurpose;
use doorward_identity::mail::LetterKind;
use doorward_identity::session::{Caller, SignInError, ValidateError};
use doorward_identity::user::{AccountError, EmailChangeWish, NewAccount, PasswordChangeWish};
use jiff::SignedDuration;

use crate::stage::{Stage, other_than};
use crate::world::{PASSWORD, admin, from, sign_in, try_sign_in};

const NEW: &str = "another good one";
const CHANGE: CodePurpose = CodePurpose::EmailChange;

impl Stage {
    async fn change_password(&self, caller: &Caller, current: &str, new: &str) -> Result<(), AccountError> {
        let wish = PasswordChangeWish { current: &current.into(), new: &new.into(), origin: from("192.0.2.1") };
        self.node.change_own_password(caller, wish).await
    }

    async fn want_email(&self, caller: &Caller, new_email: &str, password: Option<&str>) -> Result<(), AccountError> {
        let password = password.map(Into::into);
        let wish = EmailChangeWish { new_email, password: password.as_ref(), origin: from("192.0.2.1") };
        self.node.request_email_change(caller, wish).await
    }

    async fn confirm_email(&self, caller: &Caller, code: &str) -> Result<(), AccountError> {
        self.node.confirm_email_change(caller, code, from("192.0.2.1")).await
    }

    /// Somebody whose account has no password, and who signed in so long ago.
    async fn without_password(&self, email: &str, signed_in_ago: Option<SignedDuration>) -> Caller {
        let new =
            NewAccount { email: email.to_owned(), password: None, name: None, roles: Vec::new(), email_verified: true };
        let user = self.node.create_account(&admin(), new).await.unwrap();
        let now = self.node.now();
        Caller {
            context: Arc::new(self.node.user_context(&admin(), user.id).await.unwrap().unwrap()),
            session: None,
            expires_at: now + SignedDuration::from_hours(1),
            authenticated_at: signed_in_ago.map(|ago| now - ago),
        }
    }
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_but_the_one_it_was_changed_in() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let [here, there] = [sign_in(&stage.node, "ada@example.com").await, sign_in(&stage.node, "ada@example.com").await];
    let caller = stage.node.validate(&here.access_token).await.unwrap();
    stage.change_password(&caller, PASSWORD, NEW).await.unwrap();
    stage.node.validate(&here.access_token).await.unwrap();
    assert!(matches!(stage.node.validate(&there.access_token).await, Err(ValidateError::Rejected(_))));
    let old = try_sign_in(&stage.node, "ada@example.com", PASSWORD, "192.0.2.1").await;
    assert!(matches!(old, Err(SignInError::BadCredentials)));
    try_sign_in(&stage.node, "ada@example.com", NEW, "192.0.2.1").await.unwrap();
    stage.deliver().await;
    assert_eq!(stage.post.kinds_to("ada@example.com"), [LetterKind::PasswordChanged]);
}

#[tokio::test]
async fn a_changed_password_or_address_leaves_no_way_to_a_reset_behind() {
    let stage = Stage::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        stage.account(email).await;
    }
    let [ada, bob] = [stage.reset_token("ada@example.com").await, stage.reset_token("bob@example.com").await];
    let caller = stage.caller("ada@example.com").await;
    stage.change_password(&caller, PASSWORD, NEW).await.unwrap();
    assert!(matches!(stage.reset(&ada, "yet another one").await, Err(AccountError::BadResetToken)));
    let caller = stage.caller("bob@example.com").await;
    stage.want_email(&caller, "new@example.com", Some(PASSWORD)).await.unwrap();
    stage.deliver().await;
    let code = stage.post.last_code_to("new@example.com").unwrap();
    stage.confirm_email(&caller, &code).await.unwrap();
    assert!(matches!(stage.reset(&bob, "yet another one").await, Err(AccountError::BadResetToken)));
}

#[tokio::test]
async fn a_password_is_changed_only_by_whoever_knows_it_and_only_to_a_good_one() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    for bad in ["short", "password123", "ADA@example.com"] {
        let refused = stage.change_password(&caller, PASSWORD, bad).await;
        let Err(AccountError::Refused(faults)) = refused else { panic!("{bad}: {refused:?}") };
        assert_eq!(faults[0].field, "new_password");
    }
    for wrong in ["", "SecurePass123", "null", "undefined", "\0"] {
        let refused = stage.change_password(&caller, wrong, NEW).await;
        assert!(matches!(refused, Err(AccountError::WrongPassword)), "{wrong}: {refused:?}");
    }
    // Guesses count as they do at signing in.
    let next = stage.change_password(&caller, PASSWORD, NEW).await;
    assert!(matches!(next, Err(AccountError::Throttled { retry_after_s: 60 })), "{next:?}");
    stage.world.advance(60);
    stage.change_password(&caller, PASSWORD, NEW).await.unwrap();
    let passwordless = stage.without_password("bob@example.com", Some(SignedDuration::ZERO)).await;
    assert!(matches!(stage.change_password(&passwordless, "", NEW).await, Err(AccountError::WrongPassword)));
}

#[tokio::test]
async fn of_changes_at_once_exactly_one_is_done() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    let changes = (0..10).map(|number| {
        let (node, caller) = (Arc::clone(&stage.node), Arc::clone(&caller));
        tokio::spawn(async move {
            let new = &format!("password of {number}").into();
            let wish = PasswordChangeWish { current: &PASSWORD.into(), new, origin: from("192.0.2.1") };
            node.change_own_password(&caller, wish).await
        })
    });
    let mut done = 0;
    for change in changes.collect::<Vec<_>>() {
        done += u32::from(change.await.unwrap().is_ok());
    }
    assert_eq!(done, 1);
}

#[tokio::test]
async fn another_address_is_confirmed_there_and_announced_to_the_former_one() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    stage.want_email(&caller, "Countess@example.org", Some(PASSWORD)).await.unwrap();
    stage.deliver().await;
    assert_eq!(stage.user(ada).await.unwrap().email.as_str(), "ada@example.com", "not before it is confirmed");
    let code = stage.post.last_code_to("Countess@example.org").unwrap();
    assert!(stage.post.kinds_to("ada@example.com").is_empty());
    assert!(matches!(stage.confirm_email(&caller, &other_than(&code)).await, Err(AccountError::BadCode)));
    stage.confirm_email(&caller, &code).await.unwrap();
    assert!(matches!(stage.confirm_email(&caller, &code).await, Err(AccountError::BadCode)));
    let user = stage.user(ada).await.unwrap();
    assert_eq!(user.email.as_str(), "Countess@example.org");
    assert!(user.email_verified_at.is_some());
    stage.deliver().await;
    assert_eq!(stage.post.kinds_to("ada@example.com"), [LetterKind::EmailChanged]);
    assert_eq!(stage.post.kinds_to("Countess@example.org"), [LetterKind::ConfirmNewEmail]);
    try_sign_in(&stage.node, "countess@example.org", PASSWORD, "192.0.2.1").await.unwrap();
    assert!(try_sign_in(&stage.node, "ada@example.com", PASSWORD, "192.0.2.1").await.is_err());
}

#[tokio::test]
async fn another_address_needs_the_password() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    let missing = stage.want_email(&caller, "new@example.com", None).await;
    assert!(matches!(missing, Err(AccountError::Refused(_))), "{missing:?}");
    let wrong = stage.want_email(&caller, "new@example.com", Some("wrong")).await;
    assert!(matches!(wrong, Err(AccountError::WrongPassword)));
    for odd in ["ada@example.com", "ADA@example.com", "no address"] {
        assert!(matches!(stage.want_email(&caller, odd, Some(PASSWORD)).await, Err(AccountError::Refused(_))), "{odd}");
    }
    assert_eq!(stage.deliver().await, 0);
}

#[tokio::test]
async fn who_has_no_password_must_have_signed_in_a_moment_ago() {
    let stage = Stage::new().await;
    let minutes = |minutes| Some(SignedDuration::from_mins(minutes));
    for (email, ago, may) in [
        ("ada@example.com", minutes(10), true),
        ("bob@example.com", minutes(11), false),
        ("cyd@example.com", None, false),
    ] {
        let caller = stage.without_password(email, ago).await;
        let wanted = stage.want_email(&caller, &format!("new-{email}"), None).await;
        assert_eq!(wanted.is_ok(), may, "{email}");
        assert!(may || matches!(wanted, Err(AccountError::SignInAgain)));
    }
}

#[tokio::test]
async fn that_an_address_is_taken_is_told_only_to_whoever_reads_its_mail() {
    let stage = Stage::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        stage.account(email).await;
    }
    let caller = stage.caller("ada@example.com").await;
    stage.want_email(&caller, "new@example.com", Some(PASSWORD)).await.unwrap();
    stage.deliver().await;
    let code = stage.post.last_code_to("new@example.com").unwrap();
    let mut calls = Vec::new();
    for address in ["bob@example.com", "free@example.com"] {
        stage.world.advance(120);
        stage.store_calls();
        stage.want_email(&caller, address, Some(PASSWORD)).await.unwrap();
        calls.push(stage.store_calls());
        // Either way the code before counts no more.
        assert!(matches!(stage.confirm_email(&caller, &code).await, Err(AccountError::BadCode)), "{address}");
        stage.world.advance(3600);
    }
    assert_eq!(calls[0], calls[1]);
    stage.deliver().await;
    assert!(stage.post.kinds_to("bob@example.com").is_empty());
}

#[tokio::test]
async fn an_address_that_somebody_took_in_the_meantime_is_not_given_twice() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    stage.want_email(&caller, "new@example.com", Some(PASSWORD)).await.unwrap();
    stage.deliver().await;
    let code = stage.post.last_code_to("new@example.com").unwrap();
    stage.account("new@example.com").await;
    assert!(matches!(stage.confirm_email(&caller, &code).await, Err(AccountError::Taken)));
    assert_eq!(stage.user(ada).await.unwrap().email.as_str(), "ada@example.com");
}

#[tokio::test]
async fn of_confirmations_at_once_exactly_one_wins_and_a_code_is_good_for_its_owner_only() {
    let stage = Stage::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        stage.account(email).await;
    }
    let [ada, bob] = [stage.caller("ada@example.com").await, stage.caller("bob@example.com").await];
    stage.want_email(&ada, "new@example.com", Some(PASSWORD)).await.unwrap();
    stage.deliver().await;
    let code = stage.post.last_code_to("new@example.com").unwrap();
    assert!(matches!(stage.confirm_email(&bob, &code).await, Err(AccountError::BadCode)));
    assert!(matches!(stage.verify("ada@example.com", &code).await, Err(AccountError::BadCode)));
    let crowd = (0..30).map(|number| {
        let (node, ada, code) = (Arc::clone(&stage.node), Arc::clone(&ada), code.clone());
        tokio::spawn(async move { node.confirm_email_change(&ada, &code, from(&format!("198.51.100.{number}"))).await })
    });
    let mut won = 0;
    for one in crowd.collect::<Vec<_>>() {
        won += u32::from(one.await.unwrap().is_ok());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn an_account_cannot_be_used_to_mail_the_world() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    stage.want_email(&caller, "one@example.com", Some(PASSWORD)).await.unwrap();
    let second = stage.want_email(&caller, "two@example.com", Some(PASSWORD)).await;
    assert!(matches!(second, Err(AccountError::Throttled { retry_after_s: 60 })), "{second:?}");
    let outcomes = stage.tally.codes.lock().unwrap().clone();
    assert_eq!(outcomes, [(CHANGE, "issued"), (CHANGE, "throttled")]);
}
