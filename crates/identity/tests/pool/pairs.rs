//! Every state an address can have here beside every state it can have at the pool: whoever reads its mail gets in,
//! nobody else who was there before stays, and the disabled stay out.

use doorward_identity::session::SignInError;
use doorward_identity::user::{SignUpError, UserStatus};

use crate::stage::{ADA, OWNERS, SQUATTERS, Stage};
use crate::world::{PASSWORD, admin, sign_in, sign_up};

/// What the store knows of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Here {
    Nothing,
    /// Signed up here before the pool, with a password and an open session.
    Unverified,
    /// Signed up through Doorward at the pool, and no more; linked to what is there where something is.
    Unfinished,
    Verified,
    /// Of an account at the pool that is gone.
    OfAnother,
    Disabled,
}

/// What the pool knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Nothing,
    Unconfirmed,
    /// Confirmed by an operator or a rule of the pool, the address never proved.
    ConfirmedOnly,
    Confirmed,
    Disabled,
}

const HERE: [Here; 6] =
    [Here::Nothing, Here::Unverified, Here::Unfinished, Here::Verified, Here::OfAnother, Here::Disabled];
const THERE: [There; 5] = [There::Nothing, There::Unconfirmed, There::ConfirmedOnly, There::Confirmed, There::Disabled];

/// A stage in that state; what is at the pool has the squatter's password. Answers an access token of whoever signed
/// up here.
async fn stage(here: Here, there: There) -> (Stage, Option<String>) {
    let stage = Stage::outside().await;
    let mut squatters = None;
    match here {
        Here::Nothing => {}
        Here::Unverified => {
            let local = stage.local().await;
            sign_up(&local, ADA).await;
            squatters = Some(sign_in(&local, ADA).await.access_token);
        }
        Here::Unfinished => {
            stage.sign_up(ADA, SQUATTERS).await.unwrap();
        }
        Here::Verified => {
            stage.verified_record(ADA).await;
        }
        Here::OfAnother => {
            stage.pool.has(ADA, "Former-Pass-3");
            stage.sign_in(ADA, "Former-Pass-3").await.unwrap();
            stage.pool.remove(ADA);
        }
        Here::Disabled => {
            let ada = stage.verified_record(ADA).await;
            stage.node.set_user_status(&admin(), ada, UserStatus::Disabled).await.unwrap();
        }
    }
    if here != Here::Unfinished && there != There::Nothing {
        stage.pool.add(ADA, SQUATTERS);
    }
    match there {
        There::Nothing => stage.pool.remove(ADA),
        There::Unconfirmed => {}
        There::ConfirmedOnly => stage.pool.change(ADA, |there| there.account.confirmed = true),
        There::Confirmed | There::Disabled => stage.pool.change(ADA, |account| {
            (account.account.confirmed, account.account.email_verified) = (true, true);
            account.account.enabled = there == There::Confirmed;
        }),
    }
    stage.world.advance(3600);
    (stage, squatters)
}

/// The owner is in, and nobody else.
async fn is_the_owners(stage: &Stage, squatters: Option<&String>, pair: (Here, There)) {
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap_or_else(|error| panic!("{pair:?}: {error:?}"));
    assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some(), "{pair:?}");
    assert_eq!(signed_in.context.user.id, stage.record(ADA).await.unwrap().id, "{pair:?}");
    stage.validate(&signed_in.access_token).await.unwrap();
    stage.refresh(&signed_in.refresh_token).await.unwrap();
    for password in [SQUATTERS, PASSWORD, "Former-Pass-3"] {
        let refused = stage.sign_in(ADA, password).await;
        assert!(matches!(refused, Err(SignInError::BadCredentials)), "{pair:?}: {refused:?}");
    }
    if let Some(token) = squatters {
        assert!(stage.validate(token).await.is_err(), "{pair:?}: the squatter's session goes on");
    }
}

#[tokio::test]
async fn signing_up_and_proving_the_address() {
    for here in HERE {
        for there in THERE {
            let (stage, squatters) = stage(here, there).await;
            let answer = stage.sign_up(ADA, OWNERS).await;
            // With a record here an unfinished sign-up is taken, too; asking for its code or a reset is the way on.
            let is_free = match there {
                There::Nothing => here != Here::Disabled,
                There::Unconfirmed => here == Here::Nothing,
                There::ConfirmedOnly | There::Confirmed | There::Disabled => false,
            };
            if !is_free {
                assert!(matches!(answer, Err(SignUpError::Taken)), "{here:?} {there:?}: {answer:?}");
                continue;
            }
            answer.unwrap_or_else(|error| panic!("{here:?} {there:?}: {error:?}"));
            let early = stage.sign_in(ADA, OWNERS).await;
            if matches!(here, Here::OfAnother) {
                assert!(early.is_err(), "{here:?} {there:?}: {early:?}");
            } else {
                assert!(matches!(early, Err(SignInError::NotVerified)), "{here:?} {there:?}: {early:?}");
            }
            stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
            is_the_owners(&stage, squatters.as_ref(), (here, there)).await;
        }
    }
}

#[tokio::test]
async fn resetting_the_password() {
    for here in HERE {
        for there in THERE {
            let (stage, squatters) = stage(here, there).await;
            let nobody = (here, there) == (Here::Nothing, There::Nothing)
                || (here, there) == (Here::Nothing, There::Disabled)
                || here == Here::Disabled;
            let Some(code) = stage.reset_code(ADA).await else {
                assert!(nobody, "{here:?} {there:?}: no code came");
                assert!(stage.sign_in(ADA, SQUATTERS).await.is_err(), "{here:?} {there:?}");
                continue;
            };
            assert!(!nobody, "{here:?} {there:?}: a code came");
            let token = stage.reset_token(ADA, &code).await;
            // Nothing is lost when the pool fails in the middle.
            for operation in ["set_password", "create", "sign_out_everywhere"] {
                stage.pool.fails(operation, doorward_identity::user_pool::PoolError::Unavailable(String::new()));
                let failed = stage.set(&token, OWNERS).await;
                stage.pool.mends(operation);
                if failed.is_ok() {
                    // Not a call that this pair needs: done already.
                    break;
                }
            }
            let _done_before = stage.set(&token, OWNERS).await;
            if there == There::Disabled {
                let refused = stage.sign_in(ADA, OWNERS).await;
                assert!(matches!(refused, Err(SignInError::BadCredentials)), "{here:?}: {refused:?}");
            } else {
                is_the_owners(&stage, squatters.as_ref(), (here, there)).await;
            }
        }
    }
}

#[tokio::test]
async fn signing_in_with_the_password_that_is_there() {
    for here in HERE {
        for there in THERE {
            let (stage, squatters) = stage(here, there).await;
            let answer = stage.sign_in(ADA, SQUATTERS).await;
            match (here, there) {
                (Here::Disabled, _) | (_, There::Nothing | There::Disabled) => {
                    assert!(matches!(answer, Err(SignInError::BadCredentials)), "{here:?} {there:?}: {answer:?}");
                }
                // The account of the record is gone, and that this one is its owner's nobody has proved yet: a
                // mailed code does.
                (Here::OfAnother, _) => assert!(answer.is_err(), "{here:?} {there:?}: {answer:?}"),
                (Here::Nothing | Here::Unfinished, There::ConfirmedOnly) => {
                    assert!(answer.unwrap().context.user.email_verified_at.is_none(), "{here:?} {there:?}");
                }
                (_, There::Unconfirmed | There::ConfirmedOnly) => {
                    assert!(matches!(answer, Err(SignInError::NotVerified)), "{here:?} {there:?}: {answer:?}");
                }
                (_, There::Confirmed) => {
                    let signed_in = answer.unwrap_or_else(|error| panic!("{here:?} {there:?}: {error:?}"));
                    assert_eq!(signed_in.context.user.id, stage.record(ADA).await.unwrap().id);
                    assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some(), "{here:?} {there:?}");
                    assert!(stage.sign_in(ADA, PASSWORD).await.is_err(), "{here:?} {there:?}");
                    if let Some(token) = squatters {
                        assert!(stage.validate(&token).await.is_err(), "{here:?} {there:?}");
                    }
                }
            }
        }
    }
}
