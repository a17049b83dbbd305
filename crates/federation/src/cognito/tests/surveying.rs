//! What a diagnosis sees of a pool, whether Doorward may read it or not.

use doorward_identity::user_pool::PoolError;
use serde_json::json;

use super::endpoint::{Answer, Endpoint};
use super::pool;
use crate::cognito::{ClientFacts, PoolFacts, PoolPasswordRule, UserPoolSurvey, survey_user_pool};

const ON_ACCOUNTS: [&str; 6] = [
    "AdminGetUser",
    "AdminCreateUser",
    "AdminSetUserPassword",
    "AdminUpdateUserAttributes",
    "AdminUserGlobalSignOut",
    "AdminDeleteUser",
];

/// A pool in which all is well.
async fn sound() -> Endpoint {
    let endpoint = Endpoint::open().await;
    endpoint.refuse("InitiateAuth", "NotAuthorizedException", "Incorrect username or password.");
    for operation in ON_ACCOUNTS {
        endpoint.refuse(operation, "UserNotFoundException", "User does not exist.");
    }
    endpoint.answer("ListUsers", &json!({"Users": []}));
    let client = json!({
        "ClientSecret": "s", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"], "EnableTokenRevocation": true,
        "PreventUserExistenceErrors": "ENABLED",
    });
    endpoint.answer("DescribeUserPoolClient", &json!({ "UserPoolClient": client }));
    let policy = json!({"MinimumLength": 12, "RequireLowercase": true, "RequireNumbers": true});
    let pool = json!({
        "UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"], "MfaConfiguration": "OPTIONAL",
        "Policies": {"PasswordPolicy": policy}, "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
    });
    endpoint.answer("DescribeUserPool", &json!({ "UserPool": pool }));
    endpoint
}

async fn look(endpoint: &Endpoint) -> UserPoolSurvey {
    survey_user_pool(&pool(endpoint)).await
}

fn missing(survey: &UserPoolSurvey) -> Vec<&'static str> {
    survey.permissions.iter().filter(|(_, look)| look.is_err()).map(|(action, _)| *action).collect()
}

#[tokio::test]
async fn a_sound_pool_is_told_as_such_and_nothing_is_changed_in_it() {
    let endpoint = sound().await;
    let survey = look(&endpoint).await;
    assert_eq!((survey.sign_in.clone(), missing(&survey)), (Ok(()), vec![]));
    assert_eq!(survey.permissions.len(), 7);
    let (yes, no) = (true, false);
    let facts = ClientFacts { allows_passwords: yes, has_secret: yes, revokes_tokens: yes, hides_unknown_users: yes };
    assert_eq!(survey.client, Ok(facts));
    let facts = PoolFacts {
        signs_in_by_email: yes,
        verifies_email: yes,
        open_sign_up: yes,
        requires_second_factor: no,
        original_issuer: yes,
        password_rule: Some(PoolPasswordRule { min: 12, classes: vec!["lower", "digit"] }),
    };
    assert_eq!(survey.pool, Ok(facts));
    let asked = endpoint.asked();
    let invited = asked.iter().find(|asked| asked.operation == "AdminCreateUser").unwrap();
    assert_eq!(invited.body["MessageAction"], "RESEND", "anything else would make an account");
    let named = asked.iter().filter_map(|asked| asked.body["Username"].as_str());
    assert!(named.into_iter().all(|name| name == "00000000-0000-4000-8000-000000000000"));
}

#[tokio::test]
async fn every_permission_that_is_missing_is_told() {
    let endpoint = sound().await;
    for operation in ["AdminDeleteUser", "ListUsers", "DescribeUserPool", "DescribeUserPoolClient"] {
        endpoint.refuse(operation, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized");
    }
    let survey = look(&endpoint).await;
    assert_eq!(missing(&survey), ["AdminDeleteUser", "ListUsers"]);
    assert!(matches!(survey.client, Err(PoolError::Misconfigured(_))), "{survey:?}");
    assert!(matches!(survey.pool, Err(PoolError::Misconfigured(_))), "{survey:?}");
}

#[tokio::test]
async fn a_name_that_the_pool_does_not_take_is_no_missing_permission() {
    let endpoint = sound().await;
    // Where people are known by their addresses, it is looked at before whether there is such an account.
    endpoint.refuse("AdminCreateUser", "InvalidParameterException", "Username should be an email.");
    assert_eq!(missing(&look(&endpoint).await), [""; 0]);
}

#[tokio::test]
async fn a_pool_that_does_not_answer_is_not_asked_for_every_permission() {
    let endpoint = sound().await;
    endpoint.script("InitiateAuth", [Answer::Hang]);
    let survey = look(&endpoint).await;
    assert!(matches!(survey.sign_in, Err(PoolError::Unavailable(_))), "{survey:?}");
    assert!(survey.permissions.is_empty());
    assert!(endpoint.operations().iter().all(|operation| operation == "InitiateAuth"));
}
