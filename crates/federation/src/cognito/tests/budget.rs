//! How long somebody waits whatever Amazon does, and what is tried again.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_sdk_cognitoidentityprovider::config::SharedCredentialsProvider;
use doorward_identity::observer::Unobserved;
use doorward_identity::user_pool::{OutsidePool, PoolError};
use serde_json::json;

use super::endpoint::{Answer, Endpoint, refusal};
use super::{
    CognitoPool, SUBJECT, access_claims, ann, id_claims, impatient, password, pool, pool_with, settings, somebody,
    tokens,
};
use crate::cognito::client::Budget;

fn broken(status: u16) -> Answer {
    Answer::Json(status, json!({"__type": "InternalErrorException"}).to_string())
}

fn is_unavailable<T>(result: &Result<T, PoolError>) -> bool {
    matches!(result, Err(PoolError::Unavailable(_)))
}

#[test]
fn nobody_waits_longer_than_eight_seconds() {
    let budget = Budget::default();
    assert_eq!(budget.whole, Duration::from_secs(8));
    assert!(budget.attempt * 2 + budget.rest < budget.whole, "a second try must fit");
}

#[tokio::test]
async fn a_hiccup_is_not_seen_where_asking_again_changes_nothing() {
    let endpoint = Endpoint::open().await;
    let good = Answer::Json(200, tokens(&access_claims(), &id_claims()).to_string());
    for hiccup in
        [broken(500), broken(503), Answer::Hangup, Answer::Hang, refusal("ThrottlingException", "Rate exceeded")]
    {
        endpoint.script("InitiateAuth", [hiccup.clone(), hiccup, good.clone()]);
        let (pool, counted) = pool_with(settings(&endpoint.url()));
        pool.sign_in(SUBJECT, &password()).await.unwrap();
        assert_eq!(counted.all(), [("InitiateAuth", "ok")]);
    }
    assert_eq!(endpoint.asked().len(), 15);
}

#[tokio::test]
async fn what_may_have_been_done_is_asked_once() {
    let endpoint = Endpoint::open().await;
    for fault in [broken(500), Answer::Hangup, Answer::Hang, Answer::Json(200, "no json".to_owned())] {
        let operations = ["SignUp", "ConfirmSignUp", "ResendConfirmationCode", "AdminCreateUser"];
        for operation in operations {
            endpoint.script(operation, [fault.clone()]);
        }
        let before = endpoint.asked().len();
        let pool = pool(&endpoint);
        assert!(is_unavailable(&pool.sign_up(somebody(&ann(), &password())).await));
        assert!(is_unavailable(&pool.confirm_sign_up(&ann(), "123456").await));
        assert!(is_unavailable(&pool.resend_code(&ann()).await));
        assert!(is_unavailable(&pool.create(somebody(&ann(), &password())).await));
        assert_eq!(endpoint.operations()[before..], operations);
    }
}

#[tokio::test]
async fn an_endpoint_that_stays_broken_is_unavailable_in_time() {
    let begun = Instant::now();
    for answer in [
        broken(500),
        Answer::Hang,
        Answer::Hangup,
        Answer::Json(502, "<html>Bad Gateway</html>".to_owned()),
        Answer::Json(403, "<html>Not through here</html>".to_owned()),
        Answer::Json(200, "no json".to_owned()),
        Answer::Json(200, "[]".to_owned()),
        Answer::Json(200, String::new()),
        Answer::Json(200, format!("{{\"UserSub\":{}1{}}}", "[".repeat(5000), "]".repeat(5000))),
        Answer::Json(200, json!({"Username": "x".repeat(2 * 1024 * 1024)}).to_string()),
        Answer::Json(400, json!({"__type": "x".repeat(2 * 1024 * 1024)}).to_string()),
    ] {
        let endpoint = Endpoint::open().await;
        endpoint.script("AdminGetUser", [answer]);
        let found = pool(&endpoint).find(SUBJECT).await;
        assert!(is_unavailable(&found), "{found:?}");
    }
    assert!(begun.elapsed() < impatient().whole * 11);
}

#[tokio::test]
async fn no_more_is_read_of_an_answer_than_anybody_needs() {
    for status in [200, 400, 500] {
        let endpoint = Endpoint::open().await;
        endpoint.script("SignUp", [Answer::Endless(status)]);
        let patient = Budget { attempt: Duration::from_mins(1), whole: Duration::from_mins(1), ..impatient() };
        let pool = CognitoPool::with_budget(
            &super::credentials(),
            settings(&endpoint.url()),
            std::sync::Arc::new(Unobserved),
            patient,
        );
        // The time-outs would stop it too, but only in a minute.
        let begun = Instant::now();
        assert!(is_unavailable(&pool.sign_up(somebody(&ann(), &password())).await));
        assert!(begun.elapsed() < Duration::from_secs(20), "{status}");
    }
}

#[tokio::test]
async fn a_dead_port_and_a_mute_one_are_unavailable_in_time() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = dead.local_addr().unwrap();
    drop(dead);
    let begun = Instant::now();
    let (pool, counted) = pool_with(settings(&format!("http://{address}")));
    assert!(is_unavailable(&pool.sign_in(SUBJECT, &password()).await));
    // Connections come about, and then nothing.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let (pool, _) = pool_with(settings(&format!("http://{}", mute.local_addr().unwrap())));
    let refused = pool.sign_in(SUBJECT, &password()).await.err();
    assert_eq!(refused, Some(PoolError::Unavailable("it did not answer in time".to_owned())));
    assert!(begun.elapsed() < impatient().whole * 2);
    assert_eq!(counted.all(), [("InitiateAuth", "unavailable")]);
}

#[tokio::test]
async fn two_calls_take_no_longer_than_one() {
    let endpoint = Endpoint::open().await;
    let attributes = json!([{"Name": "sub", "Value": SUBJECT}]);
    endpoint.answer("AdminCreateUser", &json!({"User": {"Username": "x", "Attributes": attributes}}));
    endpoint.script("AdminSetUserPassword", [Answer::Hang]);
    let begun = Instant::now();
    assert!(is_unavailable(&pool(&endpoint).create(somebody(&ann(), &password())).await));
    assert!(begun.elapsed() < impatient().whole * 2);
}

#[tokio::test]
async fn without_credentials_people_sign_in_and_what_needs_them_says_so() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("InitiateAuth", &tokens(&access_claims(), &id_claims()));
    endpoint.answer("AdminGetUser", &json!({}));
    let absent = SdkConfig::builder().build();
    let failing = ProfileFileCredentialsProvider::builder().profile_name("a profile that nobody has").build();
    let failing = SharedCredentialsProvider::new(failing);
    let failing = SdkConfig::builder().credentials_provider(failing).build();
    for sdk in [absent, failing] {
        let observer = std::sync::Arc::new(Unobserved);
        let pool = CognitoPool::with_budget(&sdk, settings(&endpoint.url()), observer, impatient());
        pool.sign_in(SUBJECT, &password()).await.unwrap();
        let refused = pool.find(SUBJECT).await.err();
        assert!(
            matches!(&refused, Some(PoolError::Misconfigured(what)) if what.contains("credentials")),
            "{refused:?}"
        );
    }
    assert!(!endpoint.operations().contains(&"AdminGetUser".to_owned()));
}

#[tokio::test]
async fn credentials_that_do_not_come_are_missing() {
    let endpoint = Endpoint::open().await;
    // Where a machine at Amazon's would be told its own.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let asked = imds::Client::builder().endpoint(format!("http://{}", mute.local_addr().unwrap())).unwrap().build();
    let mute_provider = ImdsCredentialsProvider::builder().imds_client(asked).build();
    let sdk = SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(mute_provider)).build();
    let pool = CognitoPool::with_budget(&sdk, settings(&endpoint.url()), std::sync::Arc::new(Unobserved), impatient());
    let refused = pool.find(SUBJECT).await.err();
    assert!(matches!(&refused, Some(PoolError::Misconfigured(what)) if what.contains("credentials")), "{refused:?}");
}
