//! Passwords forgotten and chosen anew.

use std::sync::Arc;

use doorward_identity::code::CodePurpose;
use doorward_identity::credential::HashScheme;
use doorward_identity::mail::LetterKind;
use doorward_identity::session::{SignInError, ValidateError};
use doorward_identity::user::{AccountError, NewAccount, ResetPassword, UserStatus};
use doorward_identity::{Surface, UserId};
use doorward_protocol::opaque::{Kind, OpaqueToken};
use secrecy::SecretString;

use crate::stage::{Stage, forged, other_than};
use crate::world::{PASSWORD, admin, from, sign_in, try_sign_in};

const RESET: CodePurpose = CodePurpose::PasswordReset;
const NEW: &str = "another good one";

#[tokio::test]
async fn a_reset_lets_the_owner_in_and_everybody_else_out() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let sessions = [sign_in(&stage.node, "ada@example.com").await, sign_in(&stage.node, "ada@example.com").await];
    let token = stage.reset_token("ada@example.com").await;
    stage.reset(&token, NEW).await.unwrap();
    for session in &sessions {
        assert!(matches!(stage.node.validate(&session.access_token).await, Err(ValidateError::Rejected(_))));
        assert!(stage.node.refresh(Surface::Signin, &session.refresh_token, from("192.0.2.1")).await.is_err());
    }
    let old = try_sign_in(&stage.node, "ada@example.com", PASSWORD, "192.0.2.1").await;
    assert!(matches!(old, Err(SignInError::BadCredentials)));
    try_sign_in(&stage.node, "ada@example.com", NEW, "192.0.2.1").await.unwrap();
    stage.deliver().await;
    let letters = stage.post.kinds_to("ada@example.com");
    assert_eq!(letters, [LetterKind::ResetPassword, LetterKind::PasswordChanged]);
    // Whoever got the code reads mail there.
    assert!(stage.user(ada).await.unwrap().email_verified_at.is_some());
}

#[tokio::test]
async fn a_reset_token_is_good_once() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let token = stage.reset_token("ada@example.com").await;
    stage.reset(&token, NEW).await.unwrap();
    assert!(matches!(stage.reset(&token, "yet another one").await, Err(AccountError::BadResetToken)));
    try_sign_in(&stage.node, "ada@example.com", NEW, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn of_fifty_uses_of_a_token_at_once_exactly_one_wins() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let token = stage.reset_token("ada@example.com").await;
    let nodes = [Arc::clone(&stage.node), stage.another_node().await];
    let crowd = (0..50_usize).map(|number| {
        let (node, token) = (Arc::clone(&nodes[number % 2]), token.clone());
        tokio::spawn(async move {
            let password = format!("password of {number}");
            let origin = from(&format!("198.51.100.{number}"));
            let new_password = &password.clone().into();
            let done = node.reset_password(ResetPassword { token: &token, new_password, origin }).await;
            done.map(|()| password)
        })
    });
    let mut winners = Vec::new();
    for one in crowd.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(password) => winners.push(password),
            Err(AccountError::BadResetToken) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1);
    try_sign_in(&stage.node, "ada@example.com", &winners[0], "192.0.2.1").await.unwrap();
    stage.deliver().await;
    let notices = stage.post.kinds_to("ada@example.com");
    assert_eq!(notices.iter().filter(|kind| **kind == LetterKind::PasswordChanged).count(), 1);
}

#[tokio::test]
async fn a_reset_ends_every_other_code_and_token() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let first = stage.reset_token("ada@example.com").await;
    stage.world.advance(60);
    let second = stage.reset_token("ada@example.com").await;
    stage.world.advance(120);
    let verification = stage.code("ada@example.com", CodePurpose::EmailVerification).await;
    assert!(matches!(stage.reset(&first, NEW).await, Err(AccountError::BadResetToken)), "only the newest counts");
    stage.reset(&second, NEW).await.unwrap();
    assert!(matches!(stage.verify("ada@example.com", &verification).await, Err(AccountError::BadCode)));
    for token in [&first, &second] {
        assert!(matches!(stage.reset(token, "yet another one").await, Err(AccountError::BadResetToken)));
    }
}

#[tokio::test]
async fn a_password_that_is_refused_costs_nothing() {
    let stage = Stage::new().await;
    stage.account("Ada.Lovelace@example.com").await;
    let token = stage.reset_token("Ada.Lovelace@example.com").await;
    for bad in ["short", "password123", "ADA.lovelace@example.com", &"x".repeat(129), ""] {
        let refused = stage.reset(&token, bad).await;
        let Err(AccountError::Refused(faults)) = refused else { panic!("{bad}: {refused:?}") };
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["new_password"], "{bad}");
    }
    stage.reset(&token, NEW).await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_tells_nothing_of_the_account() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let made_up = OpaqueToken::new(Kind::PasswordReset, *ada.as_uuid().as_bytes(), [7; 32]).expose();
    let nobody = OpaqueToken::new(Kind::PasswordReset, [7; 16], [7; 32]).expose();
    for token in [&made_up, &nobody] {
        // Not even whether a password is somebody's address.
        for password in [NEW, "ada@example.com"] {
            assert!(matches!(stage.reset(token, password).await, Err(AccountError::BadResetToken)));
        }
        assert!(matches!(stage.reset(token, "short").await, Err(AccountError::Refused(_))));
    }
}

#[tokio::test]
async fn nothing_but_the_mailed_code_leads_to_a_new_password() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let signed_in = sign_in(&stage.node, "ada@example.com").await;
    let code = stage.code("ada@example.com", RESET).await;
    assert!(stage.redeem_reset("ada@example.com", &other_than(&code)).await.is_err());
    let made_up = OpaqueToken::new(Kind::PasswordReset, *ada.as_uuid().as_bytes(), [0; 32]).expose();
    for token in
        [code.clone().into(), signed_in.refresh_token, signed_in.access_token.into(), made_up, "".into(), "dwp_".into()]
    {
        assert!(matches!(stage.reset(&token, NEW).await, Err(AccountError::BadResetToken)));
    }
    let right = stage.redeem_reset("ada@example.com", &code).await.unwrap();
    assert!(matches!(stage.reset(&forged(&right), NEW).await, Err(AccountError::BadResetToken)));
    stage.reset(&right, NEW).await.unwrap();
}

#[tokio::test]
async fn a_reset_token_is_good_for_ten_minutes() {
    let stage = Stage::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        stage.account(email).await;
    }
    let [ada, bob] = [stage.reset_token("ada@example.com").await, stage.reset_token("bob@example.com").await];
    stage.world.advance(599);
    stage.reset(&ada, NEW).await.unwrap();
    stage.world.advance(1);
    assert!(matches!(stage.reset(&bob, NEW).await, Err(AccountError::BadResetToken)));
}

#[tokio::test]
async fn a_disabled_account_cannot_be_reset_at_any_step() {
    let stage = Stage::new().await;
    let disable = async |id: UserId| stage.node.set_user_status(&admin(), id, UserStatus::Disabled).await.unwrap();
    let ada = stage.account("ada@example.com").await;
    let code = stage.code("ada@example.com", RESET).await;
    disable(ada).await;
    assert!(matches!(stage.redeem_reset("ada@example.com", &code).await, Err(AccountError::BadCode)));
    let bob = stage.account("bob@example.com").await;
    let token = stage.reset_token("bob@example.com").await;
    disable(bob).await;
    assert!(matches!(stage.reset(&token, NEW).await, Err(AccountError::BadResetToken)));
    for id in [ada, bob] {
        assert_eq!(stage.user(id).await.unwrap().status, UserStatus::Disabled);
    }
}

#[tokio::test]
async fn a_reset_forgives_the_failures_that_kept_the_owner_out() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    for number in 0..6 {
        let _ = try_sign_in(&stage.node, "ada@example.com", "wrong", &format!("198.51.100.{number}")).await;
    }
    let locked = try_sign_in(&stage.node, "ada@example.com", PASSWORD, "192.0.2.1").await;
    assert!(matches!(locked, Err(SignInError::Throttled { .. })));
    let token = stage.reset_token("ada@example.com").await;
    stage.reset(&token, NEW).await.unwrap();
    try_sign_in(&stage.node, "ada@example.com", NEW, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn whoever_never_had_a_password_may_choose_one() {
    let stage = Stage::new().await;
    let new = NewAccount {
        email: "ada@example.com".to_owned(),
        password: None,
        name: None,
        roles: Vec::new(),
        email_verified: true,
    };
    stage.node.create_account(&admin(), new).await.unwrap();
    let token = stage.reset_token("ada@example.com").await;
    stage.reset(&token, NEW).await.unwrap();
    try_sign_in(&stage.node, "ada@example.com", NEW, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn a_full_hashing_queue_leaves_the_token_good() {
    let stage = Stage::with(|settings| {
        settings.hash = HashScheme::Bcrypt { cost: 12 };
        (settings.hash_threads, settings.hash_queue) = (1, 1);
    })
    .await;
    // On a machine that is busy with others the queue may have emptied before the reset came to it: another try, then.
    for number in 0..10 {
        let email = format!("person{number}@example.com");
        stage.account(&email).await;
        let token = stage.reset_token(&email).await;
        match reset_in_a_crowd(&stage, &token).await {
            Err(AccountError::Overloaded(_)) => return stage.reset(&token, NEW).await.unwrap(),
            made => made.unwrap(),
        }
    }
    panic!("nothing was turned away");
}

/// While one password is worked on and one waits.
async fn reset_in_a_crowd(stage: &Stage, token: &SecretString) -> Result<(), AccountError> {
    let busy = [1, 2, 3].map(|number| {
        let node = Arc::clone(&stage.node);
        tokio::spawn(async move {
            let address = format!("198.51.100.{number}");
            let _ = try_sign_in(&node, "somebody@example.com", "wrong", &address).await;
        })
    });
    // The third is turned away, long before the others are done.
    while !busy.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    let reset = stage.reset(token, NEW).await;
    for one in busy {
        one.await.unwrap();
    }
    reset
}
