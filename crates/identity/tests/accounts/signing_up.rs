//! Signing up on the accounts surface: the mailed code, and what a taken address tells.

use std::sync::Arc;

use doorward_identity::Surface;
use doorward_identity::code::CodePurpose;
use doorward_identity::mail::LetterKind;
use doorward_identity::session::{SignIn, SignInError, SignedIn};
use doorward_identity::user::{PersonDetails, SignUp, SignUpError, UserContext};

use crate::stage::Stage;
use crate::world::{PASSWORD, from};

const ADA: &str = "ada@example.com";

async fn sign_up(stage: &Stage, email: &str) -> Result<Arc<UserContext>, SignUpError> {
    let person = PersonDetails { first_name: "Ada", last_name: "Lovelace", phone: Some("+44 20 7946 0000") };
    let (surface, password, origin) = (Surface::Accounts, &PASSWORD.into(), from("192.0.2.1"));
    stage.node.sign_up(SignUp { surface, email, password, name: None, person: Some(person), origin }).await
}

async fn sign_in(stage: &Stage, email: &str, password: &str) -> Result<SignedIn, SignInError> {
    let (surface, password, origin) = (Surface::Accounts, &password.into(), from("192.0.2.1"));
    stage.node.sign_in(SignIn { surface, email, password, origin }).await
}

#[tokio::test]
async fn the_mailed_code_opens_the_account_to_the_right_password() {
    let stage = Stage::new().await;
    let made = sign_up(&stage, ADA).await.unwrap();
    assert_eq!((made.user.first_name.as_deref(), made.user.last_name.as_deref()), (Some("Ada"), Some("Lovelace")));
    assert_eq!(made.user.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(made.user.phone.as_ref().unwrap().as_str(), "+442079460000");
    assert_eq!(*stage.tally.codes.lock().unwrap(), [(CodePurpose::EmailVerification, "issued")]);
    assert!(matches!(sign_in(&stage, ADA, "wrong").await, Err(SignInError::BadCredentials)));
    assert!(matches!(sign_in(&stage, ADA, PASSWORD).await, Err(SignInError::NotVerified)));
    stage.deliver().await;
    stage.verify(ADA, &stage.post.last_code_to(ADA).unwrap()).await.unwrap();
    let signed_in = sign_in(&stage, ADA, PASSWORD).await.unwrap();
    assert_eq!(signed_in.context.user.id, made.user.id);
    assert!(signed_in.id_token.is_some());
    stage.node.validate(&signed_in.access_token).await.unwrap();
}

#[tokio::test]
async fn the_right_password_of_an_unconfirmed_address_is_no_failure() {
    let stage = Stage::new().await;
    sign_up(&stage, ADA).await.unwrap();
    for _ in 0..10 {
        assert!(matches!(sign_in(&stage, ADA, PASSWORD).await, Err(SignInError::NotVerified)));
    }
}

#[tokio::test]
async fn a_taken_address_is_told_and_nobody_gets_mail() {
    let stage = Stage::new().await;
    stage.account(ADA).await;
    assert!(matches!(sign_up(&stage, "ADA@example.com").await, Err(SignUpError::Taken)));
    assert_eq!(stage.deliver().await, 0);
}

#[tokio::test]
async fn where_it_is_not_told_a_taken_address_costs_and_answers_what_a_free_one_does() {
    let stage = Stage::with(|settings| settings.tell_taken = false).await;
    let ada = stage.account(ADA).await;
    stage.store_calls();
    let free = sign_up(&stage, "new@example.com").await.unwrap();
    let for_free = stage.store_calls();
    let taken = sign_up(&stage, ADA).await.unwrap();
    assert_eq!(stage.store_calls().len(), for_free.len(), "instead of {for_free:?}");
    assert_eq!(taken.user.name, free.user.name);
    assert_ne!(taken.user.id, ada);
    assert!(stage.user(taken.user.id).await.is_none());
    stage.deliver().await;
    assert_eq!(stage.post.kinds_to(ADA), [LetterKind::AlreadyRegistered]);
    assert_eq!(stage.post.kinds_to("new@example.com"), [LetterKind::ConfirmEmail]);
    // Nor by how soon it may be tried again.
    for email in [ADA, "new@example.com"] {
        let again = sign_up(&stage, email).await;
        assert!(matches!(again, Err(SignUpError::Throttled { retry_after_s: 60 })), "{email}: {again:?}");
    }
}

#[tokio::test]
async fn where_it_is_not_told_whoever_tries_many_waits_whatever_they_try() {
    let stage = Stage::with(|settings| (settings.tell_taken, settings.address_failures) = (false, 3)).await;
    stage.account(ADA).await;
    for email in [ADA, "one@example.com", "two@example.com"] {
        sign_up(&stage, email).await.unwrap();
    }
    let refused = sign_up(&stage, "three@example.com").await;
    assert!(matches!(refused, Err(SignUpError::Throttled { retry_after_s: 3600 })), "{refused:?}");
}
