//! Which of the two calls for new tokens is made, and when the other one follows.

use doorward_identity::user_pool::{OutsidePool, PoolError, PoolTokens};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, refusal};
use super::{CLIENT, CLIENT_SECRET, SUBJECT, access_claims, id_claims, pool, pool_with, tokens, with_secret};
use crate::cognito::CognitoPool;
use crate::cognito::secret_hash::secret_hash;

const BY_FLOW: &str = "InitiateAuth";
const BY_TOKEN: &str = "GetTokensFromRefreshToken";

fn renewed() -> Value {
    let mut renewed = tokens(&access_claims(), &id_claims());
    renewed["AuthenticationResult"].as_object_mut().unwrap().remove("RefreshToken");
    renewed
}

async fn renew(pool: &CognitoPool, subject: Option<&str>) -> Result<PoolTokens, PoolError> {
    pool.renew(subject, &SecretString::from("the-refresh-token")).await
}

#[tokio::test]
async fn tokens_are_renewed_in_the_name_of_the_subject() {
    let endpoint = Endpoint::open().await;
    endpoint.answer(BY_FLOW, &renewed());
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    assert!(renew(&pool, Some(SUBJECT)).await.unwrap().refresh_token.is_none());
    let hash = secret_hash(&CLIENT_SECRET.into(), SUBJECT, CLIENT);
    let expected = json!({
        "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": CLIENT,
        "AuthParameters": {"REFRESH_TOKEN": "the-refresh-token", "SECRET_HASH": hash},
    });
    assert_eq!(endpoint.last(), expected);
    let stranger = renew(&pool, Some("other")).await.err();
    assert!(matches!(stranger, Some(PoolError::Misconfigured(_))), "{stranger:?}");
    assert_eq!(endpoint.operations(), [BY_FLOW, BY_FLOW], "tokens of somebody else are not asked for once more");
}

#[tokio::test]
async fn a_client_without_a_secret_needs_no_subject() {
    let endpoint = Endpoint::open().await;
    endpoint.answer(BY_FLOW, &renewed());
    for subject in [Some(SUBJECT), None] {
        renew(&pool(&endpoint), subject).await.unwrap();
        assert_eq!(endpoint.last()["AuthParameters"], json!({"REFRESH_TOKEN": "the-refresh-token"}));
    }
    assert_eq!(endpoint.operations(), [BY_FLOW, BY_FLOW]);
}

#[tokio::test]
async fn a_client_with_a_secret_proves_itself_without_a_subject() {
    let endpoint = Endpoint::open().await;
    endpoint.answer(BY_TOKEN, &renewed());
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    renew(&pool, None).await.unwrap();
    let expected = json!({"ClientId": CLIENT, "ClientSecret": CLIENT_SECRET, "RefreshToken": "the-refresh-token"});
    assert_eq!(endpoint.last(), expected);
    assert_eq!(endpoint.operations(), [BY_TOKEN]);
}

#[tokio::test]
async fn a_client_that_may_not_renew_by_the_flow_does_without_it() {
    for (exception, message) in [
        ("InvalidParameterException", "REFRESH_TOKEN_AUTH flow not enabled for this client"),
        ("NotAuthorizedException", "Auth flow not enabled for this client"),
        ("InvalidParameterException", "Refresh token rotation is enabled for this client"),
        ("NotAuthorizedException", "Refresh token rotation is enabled for this client"),
        ("UnsupportedOperationException", "Refresh token rotation is enabled for this client"),
        // The name of an account need not be its subject.
        ("NotAuthorizedException", "SecretHash does not match for the client: the-client"),
    ] {
        let endpoint = Endpoint::open().await;
        endpoint.refuse(BY_FLOW, exception, message);
        endpoint.answer(BY_TOKEN, &tokens(&access_claims(), &id_claims()));
        let (pool, _) = pool_with(with_secret(&endpoint.url()));
        for _ in 0..2 {
            let renewed = renew(&pool, Some(SUBJECT)).await;
            assert!(renewed.is_ok_and(|tokens| tokens.refresh_token.is_some()), "{exception} {message}");
        }
        assert_eq!(endpoint.operations(), [BY_FLOW, BY_TOKEN, BY_TOKEN], "asked in vain once: {exception} {message}");
    }
}

#[tokio::test]
async fn what_both_calls_refuse_is_tried_both_ways_again() {
    let endpoint = Endpoint::open().await;
    let refused = "SecretHash does not match for the client: the-client";
    endpoint.refuse(BY_FLOW, "NotAuthorizedException", refused);
    endpoint.refuse(BY_TOKEN, "NotAuthorizedException", refused);
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    for _ in 0..2 {
        assert!(matches!(renew(&pool, Some(SUBJECT)).await, Err(PoolError::Misconfigured(_))));
    }
    assert_eq!(endpoint.operations(), [BY_FLOW, BY_TOKEN, BY_FLOW, BY_TOKEN]);
}

#[tokio::test]
async fn a_dead_token_is_not_presented_twice() {
    let endpoint = Endpoint::open().await;
    let dead = [
        ("NotAuthorizedException", "Invalid Refresh Token"),
        ("NotAuthorizedException", "Refresh Token has expired"),
        ("NotAuthorizedException", "Refresh Token has been revoked"),
        ("NotAuthorizedException", "User is disabled."),
        ("InvalidParameterException", "Invalid refresh token."),
        ("UserNotFoundException", "User does not exist."),
    ];
    endpoint.script(BY_FLOW, dead.map(|(exception, message)| refusal(exception, message)));
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    for (exception, message) in dead {
        let refused = renew(&pool, Some(SUBJECT)).await.err();
        assert_eq!(refused, Some(PoolError::BadCredentials), "{exception} {message}");
    }
    assert_eq!(endpoint.operations(), [BY_FLOW; 6]);
}
