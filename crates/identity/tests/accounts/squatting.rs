//! Addresses that somebody signs up with before their owner does: whoever proves the address alone gets in.

use std::sync::Arc;

use doorward_identity::Surface;
use doorward_identity::code::CodePurpose;
use doorward_identity::session::{SignIn, SignInError, SignedIn};
use doorward_identity::user::{AccountError, PersonDetails, SignUp, SignUpError, UserContext};

use crate::stage::Stage;
use crate::world::from;

const OWNER: &str = "owner@example.com";
const SQUATTERS: &str = "Squatters-Pass-1";
const OWNERS: &str = "Owners-Own-Pass-2";

async fn sign_up(
    stage: &Stage,
    surface: Surface,
    email: &str,
    password: &str,
    at: &str,
) -> Result<Arc<UserContext>, SignUpError> {
    let person = PersonDetails { first_name: "Ada", last_name: "Lovelace", phone: None };
    let person = (surface == Surface::Accounts).then_some(person);
    stage
        .node
        .sign_up(SignUp { surface, email, password: &password.into(), name: None, person, origin: from(at) })
        .await
}

async fn sign_in(stage: &Stage, surface: Surface, password: &str) -> Result<SignedIn, SignInError> {
    stage.node.sign_in(SignIn { surface, email: OWNER, password: &password.into(), origin: from("192.0.2.1") }).await
}

#[tokio::test]
async fn an_address_that_two_signed_up_with_is_confirmed_for_whoever_reads_its_mail() {
    for door in [Surface::Accounts, Surface::Signin, Surface::Directory] {
        let stage = Stage::new().await;
        sign_up(&stage, door, OWNER, SQUATTERS, "198.51.100.7").await.unwrap();
        let squatter = sign_in(&stage, Surface::Signin, SQUATTERS).await.unwrap();
        let taken = sign_up(&stage, Surface::Accounts, OWNER, OWNERS, "192.0.2.1").await;
        assert!(matches!(taken, Err(SignUpError::Taken)), "{door:?}");
        stage.world.advance(60);
        let code = stage.code(OWNER, CodePurpose::EmailVerification).await;
        stage.verify(OWNER, &code).await.unwrap();
        for surface in [Surface::Accounts, Surface::Signin] {
            for password in [SQUATTERS, OWNERS] {
                let refused = sign_in(&stage, surface, password).await;
                assert!(matches!(refused, Err(SignInError::BadCredentials)), "{door:?} {password}");
            }
        }
        stage.node.validate(&squatter.access_token).await.unwrap_err();
        let grant = stage.reset_token(OWNER).await;
        stage.reset(&grant, OWNERS).await.unwrap();
        sign_in(&stage, Surface::Accounts, OWNERS).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_signs_up_twice_keeps_their_password() {
    let stage = Stage::new().await;
    sign_up(&stage, Surface::Accounts, OWNER, OWNERS, "192.0.2.1").await.unwrap();
    let again = sign_up(&stage, Surface::Accounts, OWNER, OWNERS, "192.0.2.1").await;
    assert!(matches!(again, Err(SignUpError::Taken)));
    stage.deliver().await;
    stage.verify(OWNER, &stage.post.last_code_to(OWNER).unwrap()).await.unwrap();
    sign_in(&stage, Surface::Accounts, OWNERS).await.unwrap();
}

#[tokio::test]
async fn nobody_contests_an_address_that_is_confirmed() {
    let stage = Stage::new().await;
    sign_up(&stage, Surface::Accounts, OWNER, OWNERS, "192.0.2.1").await.unwrap();
    stage.deliver().await;
    stage.verify(OWNER, &stage.post.last_code_to(OWNER).unwrap()).await.unwrap();
    let taken = sign_up(&stage, Surface::Accounts, OWNER, SQUATTERS, "198.51.100.7").await;
    assert!(matches!(taken, Err(SignUpError::Taken)));
    sign_in(&stage, Surface::Accounts, OWNERS).await.unwrap();
}

#[tokio::test]
async fn whoever_asks_for_codes_keeps_nobody_from_signing_up() {
    for tell_taken in [true, false] {
        let stage = Stage::with(|settings| settings.tell_taken = tell_taken).await;
        stage.request(OWNER, CodePurpose::EmailVerification).await.unwrap();
        sign_up(&stage, Surface::Accounts, OWNER, OWNERS, "192.0.2.1").await.unwrap();
        let soon = stage.request(OWNER, CodePurpose::EmailVerification).await;
        assert!(matches!(soon, Err(AccountError::Throttled { .. })), "the sign-up has just sent one");
    }
}

#[tokio::test]
async fn where_a_taken_address_is_not_told_signing_in_does_not_tell_it_either() {
    let stage = Stage::with(|settings| settings.tell_taken = false).await;
    stage.account(OWNER).await;
    sign_up(&stage, Surface::Accounts, OWNER, SQUATTERS, "198.51.100.7").await.unwrap();
    sign_up(&stage, Surface::Accounts, "free@example.com", SQUATTERS, "198.51.100.7").await.unwrap();
    for email in [OWNER, "free@example.com"] {
        let origin = from("198.51.100.7");
        let wish = SignIn { surface: Surface::Accounts, email, password: &SQUATTERS.into(), origin };
        let refused = stage.node.sign_in(wish).await;
        assert!(matches!(refused, Err(SignInError::BadCredentials)), "{email}: {refused:?}");
    }
}

#[tokio::test]
async fn strangers_who_guess_at_codes_keep_nobody_signed_in_from_changing_their_address() {
    let stage = Stage::new().await;
    stage.account(OWNER).await;
    let caller = stage.caller(OWNER).await;
    for guess in 0..12 {
        let _ = stage.verify_at(OWNER, &format!("{guess:06}"), "198.51.100.7").await;
    }
    let refused = stage.verify_at(OWNER, "123456", "198.51.100.7").await;
    assert!(matches!(refused, Err(AccountError::Throttled { .. })));
    let judged = stage.node.confirm_email_change(&caller, "123456", from("203.0.113.9")).await;
    assert!(matches!(judged, Err(AccountError::BadCode)), "{judged:?}");
}
