//! Somebody who has their account at the pool go by an address that is not theirs, which the pool lets anybody do
//! before it is proved: they keep nothing from its owner, and gain nothing by it.

use doorward_identity::UserId;
use doorward_identity::mail::LetterKind;
use doorward_identity::session::SignInError;
use doorward_identity::user::{AccountError, EmailChangeWish, NewAccount, SignUpError};
use doorward_identity::user_pool::{PoolFailure, UserPool};

use crate::stage::{ADA, HOME, OWNERS, SQUATTERS, Stage};
use crate::world::{admin, from};

/// The squatter's own address.
const EVE: &str = "eve@example.com";

impl Stage {
    /// What the owner of an account does at the pool by themselves.
    fn goes_by(&self, name: &str, email: &str, verified: bool) {
        self.pool.change(name, |there| {
            (there.account.email, there.account.email_verified) = (Some(email.to_owned()), verified);
        });
    }

    /// Somebody with an account and a record, who went on to another's address at the pool.
    async fn squatted(&self) -> UserId {
        self.pool.has(EVE, SQUATTERS);
        let eve = self.sign_in(EVE, SQUATTERS).await.unwrap().context.user.id;
        self.goes_by(EVE, ADA, false);
        eve
    }

    /// A record of an address that is not proved, of an account that goes by its own address again.
    async fn left_behind(&self) -> String {
        let subject = self.pool.has(EVE, SQUATTERS);
        self.goes_by(&subject, ADA, false);
        let squatters = self.sign_in(ADA, SQUATTERS).await.unwrap().access_token;
        self.goes_by(&subject, EVE, true);
        squatters
    }

    /// The owner of the address is in a record that nobody else gets into.
    async fn is_adas_alone(&self) {
        let ada = self.sign_in(ADA, OWNERS).await.unwrap().context.user.clone();
        assert_eq!(ada.email.as_str(), ADA);
        assert!(ada.email_verified_at.is_some());
        assert!(matches!(self.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
        if self.pool.get(EVE).is_some() {
            let eve = self.sign_in(EVE, SQUATTERS).await.unwrap().context.user.clone();
            assert_eq!(eve.email.as_str(), EVE);
            assert_ne!(eve.id, ada.id);
        }
    }

    async fn sign_up_and_prove(&self) {
        self.sign_up(ADA, OWNERS).await.unwrap();
        self.verify(ADA, &self.pool.code_to(ADA)).await.unwrap();
    }
}

#[tokio::test]
async fn an_address_taken_without_proof_is_given_up_when_its_owner_signs_up() {
    let stage = Stage::outside().await;
    let eve = stage.squatted().await;
    stage.sign_up_and_prove().await;
    stage.is_adas_alone().await;
    assert_eq!(stage.record(EVE).await.unwrap().id, eve);
    assert!(stage.pool.get(EVE).unwrap().account.email_verified);
}

#[tokio::test]
async fn where_no_address_was_ever_proved_the_account_that_took_it_goes() {
    let stage = Stage::outside().await;
    stage.sign_up(EVE, SQUATTERS).await.unwrap();
    stage.pool.change(EVE, |there| there.account.confirmed = true);
    stage.goes_by(EVE, ADA, false);
    stage.sign_up_and_prove().await;
    stage.is_adas_alone().await;
    assert!(stage.record(EVE).await.unwrap().email_verified_at.is_none());
}

#[tokio::test]
async fn a_reset_mails_nobody_by_another_address_and_makes_room_for_the_owner() {
    let conceal = |settings: &mut doorward_identity::settings::Settings| settings.tell_taken = false;
    let stage = Stage::with(|pool| UserPool::Outside(pool), conceal).await;
    stage.squatted().await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    assert_eq!(stage.kinds_to(ADA).await, [LetterKind::AlreadyRegistered]);
    assert!(stage.reset_code(ADA).await.is_none());
    assert!(stage.kinds_to(EVE).await.is_empty());
    stage.world.advance(3600);
    stage.sign_up_and_prove().await;
    stage.is_adas_alone().await;
}

#[tokio::test]
async fn a_verified_address_that_its_record_does_not_have_stays_its_accounts() {
    let stage = Stage::outside().await;
    stage.squatted().await;
    stage.goes_by(ADA, ADA, true);
    assert!(matches!(stage.sign_up(ADA, OWNERS).await, Err(SignUpError::Taken)));
    assert!(stage.reset_code(ADA).await.is_none());
    assert!(stage.kinds_to(EVE).await.is_empty());
    assert_eq!(stage.pool.get(ADA).unwrap().password, SQUATTERS);
}

#[tokio::test]
async fn without_the_permission_a_taken_address_stays_so_and_nobody_elses_account_is_touched() {
    let stage = Stage::outside().await;
    stage.squatted().await;
    stage.pool.permits(&["find", "set_password"]);
    assert!(matches!(stage.sign_up(ADA, OWNERS).await, Err(SignUpError::Taken)));
    assert!(stage.reset_code(ADA).await.is_none());
    assert!(stage.kinds_to(EVE).await.is_empty());
    // Nor while the squatter's own address is taken in turn.
    stage.pool.permits(&["find", "set_email"]);
    let other = stage.pool.has("mallory@example.com", SQUATTERS);
    stage.goes_by(&other, EVE, false);
    assert!(matches!(stage.sign_up(ADA, OWNERS).await, Err(SignUpError::Taken)));
}

#[tokio::test]
async fn an_account_that_left_an_address_unproved_shares_nothing_with_who_signs_up_and_proves_it() {
    let stage = Stage::outside().await;
    let squatters = stage.left_behind().await;
    stage.sign_up_and_prove().await;
    assert!(stage.validate(&squatters).await.is_err());
    stage.is_adas_alone().await;
}

#[tokio::test]
async fn an_account_that_left_an_address_unproved_is_not_the_one_that_a_reset_gives_away() {
    for permitted in [None, Some(&["set_password", "create"])] {
        let stage = Stage::outside().await;
        let squatters = stage.left_behind().await;
        if let Some(permitted) = permitted {
            stage.pool.permits(permitted);
        }
        stage.reset(ADA, OWNERS).await.unwrap();
        assert_eq!(stage.pool.get(EVE).unwrap().password, SQUATTERS, "{permitted:?}");
        assert!(stage.validate(&squatters).await.is_err(), "{permitted:?}");
        stage.is_adas_alone().await;
    }
}

#[tokio::test]
async fn who_lost_their_account_at_the_pool_does_not_get_the_squatters_by_a_reset() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let ada = stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id;
    stage.pool.remove(ADA);
    stage.squatted().await;
    stage.reset(ADA, OWNERS).await.unwrap();
    assert_eq!(stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id, ada);
    stage.is_adas_alone().await;
    // Where Doorward cannot see whose it is before, it goes no further afterwards.
    let stage = Stage::outside().await;
    stage.verified_record(ADA).await;
    stage.squatted().await;
    stage.pool.permits(&["set_password"]);
    let refused = stage.reset(ADA, OWNERS).await;
    assert!(matches!(refused, Err(AccountError::Pool(PoolFailure::Refused))), "{refused:?}");
}

#[tokio::test]
async fn an_address_taken_without_proof_is_free_for_its_owners_account_and_for_administrators() {
    let stage = Stage::outside().await;
    let bob = "bob@example.com";
    stage.pool.has(bob, OWNERS);
    let signed_in = stage.sign_in(bob, OWNERS).await.unwrap();
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    stage.squatted().await;
    let wish = EmailChangeWish { new_email: ADA, password: Some(&OWNERS.into()), origin: from(HOME) };
    stage.node.request_email_change(&caller, wish).await.unwrap();
    let code = stage.last_code_to(ADA).await;
    stage.node.confirm_email_change(&caller, &code, from(HOME)).await.unwrap();
    stage.is_adas_alone().await;

    stage.goes_by(EVE, bob, false);
    let password = Some(OWNERS.into());
    let new = NewAccount { email: bob.to_owned(), password, name: None, roles: vec![], email_verified: true };
    stage.node.create_account(&admin(), new).await.unwrap();
    stage.sign_in(bob, OWNERS).await.unwrap();
}

#[tokio::test]
async fn an_address_that_the_former_pool_has_without_proof_is_free_here() {
    let stage = Stage::leaving().await;
    let subject = stage.pool.add(ADA, SQUATTERS);
    stage.pool.change(&subject, |there| there.account.confirmed = true);
    stage.sign_up(ADA, OWNERS).await.unwrap();
    stage.verify(ADA, &stage.last_code_to(ADA).await).await.unwrap();
    stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
}
