//! What Amazon is asked, and what is made of its answers.

use doorward_identity::user_pool::{Challenge, OutsidePool, PoolAccount, PoolError, PoolSignUp, PoolSignedIn};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::endpoint::{Answer, Endpoint, refusal};
use super::{
    CLIENT, CLIENT_SECRET, PASSWORD, SUBJECT, access_claims, ann, id_claims, password, pool, pool_with, settings,
    somebody, tokens, with_secret,
};
use crate::cognito::secret_hash::secret_hash;

fn hash(username: &str) -> String {
    secret_hash(&CLIENT_SECRET.into(), username, CLIENT)
}

/// What signing in comes to when it is answered like that.
async fn signed_in(answer: &Value) -> Result<PoolSignedIn, PoolError> {
    let endpoint = Endpoint::open().await;
    endpoint.answer("InitiateAuth", answer);
    pool(&endpoint).sign_in("ann@example.com", &password()).await
}

#[tokio::test]
async fn a_sign_up_says_who_it_is_and_proves_the_client() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("SignUp", &json!({"UserSub": SUBJECT, "UserConfirmed": false}));
    let (pool, counted) = pool_with(with_secret(&endpoint.url()));
    let (email, password, phone) = (ann(), password(), "+14155550123".parse().unwrap());
    let (given_name, family_name, phone) = (Some("Ann"), Some("Lee"), Some(&phone));
    let new = PoolSignUp { email: &email, password: &password, given_name, family_name, phone };
    assert_eq!(pool.sign_up(new).await.as_deref(), Ok(SUBJECT));
    let expected = json!({
        "ClientId": CLIENT, "SecretHash": hash("ann@example.com"), "Username": "ann@example.com", "Password": PASSWORD,
        "UserAttributes": [
            {"Name": "email", "Value": "ann@example.com"}, {"Name": "given_name", "Value": "Ann"},
            {"Name": "family_name", "Value": "Lee"}, {"Name": "phone_number", "Value": "+14155550123"},
        ],
    });
    assert_eq!(endpoint.last(), expected);
    assert_eq!(counted.all(), [("SignUp", "ok")]);
}

#[tokio::test]
async fn a_client_without_a_secret_sends_no_hash_and_what_is_not_given_is_not_sent() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("SignUp", &json!({"UserSub": SUBJECT, "UserConfirmed": false}));
    pool(&endpoint).sign_up(somebody(&ann(), &password())).await.unwrap();
    let asked = endpoint.last();
    assert_eq!(asked.get("SecretHash"), None);
    assert_eq!(asked["UserAttributes"], json!([{"Name": "email", "Value": "ann@example.com"}]));
}

#[tokio::test]
async fn codes_are_confirmed_and_sent_again_in_the_name_of_the_address() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("ConfirmSignUp", &json!({}));
    endpoint.answer("ResendConfirmationCode", &json!({}));
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    pool.confirm_sign_up(&ann(), "123456").await.unwrap();
    let expected = json!({
        "ClientId": CLIENT, "SecretHash": hash("ann@example.com"), "Username": "ann@example.com",
        "ConfirmationCode": "123456",
    });
    assert_eq!(endpoint.last(), expected);
    pool.resend_code(&ann()).await.unwrap();
    let expected = json!({"ClientId": CLIENT, "SecretHash": hash("ann@example.com"), "Username": "ann@example.com"});
    assert_eq!(endpoint.last(), expected);
}

#[tokio::test]
async fn whoever_signs_in_is_read_off_the_tokens_that_they_are_given() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("InitiateAuth", &tokens(&access_claims(), &id_claims()));
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    let PoolSignedIn { account, tokens } = pool.sign_in(SUBJECT, &password()).await.unwrap();
    let expected = PoolAccount {
        subject: SUBJECT.to_owned(),
        email: Some("ann@example.com".to_owned()),
        email_verified: true,
        given_name: Some("Ann".to_owned()),
        family_name: None,
        phone: None,
        confirmed: true,
        enabled: true,
        has_password: true,
    };
    assert_eq!(account, expected);
    assert_eq!(tokens.refresh_token.unwrap().expose_secret(), "the-refresh-token");
    assert_eq!(tokens.expires_in, 3600);
    assert_eq!(tokens.session, Some("01234567-89ab-4def-8123-456789abcdef".parse().unwrap()));
    let expected = json!({
        "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT,
        "AuthParameters": {"USERNAME": SUBJECT, "PASSWORD": PASSWORD, "SECRET_HASH": hash(SUBJECT)},
    });
    assert_eq!(endpoint.last(), expected);
}

#[tokio::test]
async fn a_verified_address_may_be_a_text_and_a_pool_need_not_name_its_session() {
    let (mut access, mut id) = (access_claims(), id_claims());
    id["email_verified"] = json!("true");
    access["origin_jti"] = Value::Null;
    let them = signed_in(&tokens(&access, &id)).await.unwrap();
    assert!(them.account.email_verified);
    assert_eq!(them.tokens.session, None);
    id["email_verified"] = json!("false");
    assert!(!signed_in(&tokens(&access, &id)).await.unwrap().account.email_verified);
}

#[tokio::test]
async fn whatever_the_pool_wants_beside_the_password_is_named() {
    for (challenge, expected) in [
        ("NEW_PASSWORD_REQUIRED", Challenge::NewPassword),
        ("SMS_MFA", Challenge::SecondFactor),
        ("SOFTWARE_TOKEN_MFA", Challenge::SecondFactor),
        ("EMAIL_OTP", Challenge::SecondFactor),
        ("SMS_OTP", Challenge::SecondFactor),
        ("MFA_SETUP", Challenge::SecondFactor),
        ("SELECT_MFA_TYPE", Challenge::SecondFactor),
        ("WEB_AUTHN", Challenge::SecondFactor),
        ("CUSTOM_CHALLENGE", Challenge::Other),
        ("DEVICE_SRP_AUTH", Challenge::Other),
        ("SOMETHING_NEW", Challenge::Other),
    ] {
        let answer = json!({"ChallengeName": challenge, "Session": "s", "ChallengeParameters": {}});
        assert_eq!(signed_in(&answer).await.err(), Some(PoolError::Challenge(expected)), "{challenge}");
    }
}

#[tokio::test]
async fn tokens_that_are_none_or_of_somebody_else_let_nobody_in() {
    let with = |claim: &str, value: &str, of_access: bool| {
        let (mut access, mut id) = (access_claims(), id_claims());
        let claims = if of_access { &mut access } else { &mut id };
        claims[claim] = json!(value);
        tokens(&access, &id)
    };
    for (what, answer) in [
        ("nothing", json!({})),
        ("no tokens", json!({"AuthenticationResult": {}})),
        ("no id token", json!({"AuthenticationResult": {"AccessToken": "a.b.c"}})),
        ("garbage", json!({"AuthenticationResult": {"AccessToken": "garbage", "IdToken": "a.b.c"}})),
    ] {
        let refused = signed_in(&answer).await.err();
        assert!(matches!(refused, Some(PoolError::Unavailable(_))), "{what}: {refused:?}");
    }
    for (what, answer) in [
        ("another pool's", with("iss", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other", false)),
        ("an id token in place of the access token", with("token_use", "id", true)),
        ("an access token in place of the id token", with("token_use", "access", false)),
        ("for another client", with("aud", "other", false)),
        ("of another client", with("client_id", "other", true)),
        ("of two people", with("sub", "other", true)),
    ] {
        let refused = signed_in(&answer).await.err();
        assert!(matches!(refused, Some(PoolError::Misconfigured(_))), "{what}: {refused:?}");
    }
}

#[tokio::test]
async fn only_tokens_of_this_pool_are_asked_about() {
    let endpoint = Endpoint::open().await;
    let attributes = json!([{"Name": "sub", "Value": SUBJECT}, {"Name": "email_verified", "Value": "true"}]);
    endpoint.answer("GetUser", &json!({"Username": SUBJECT, "UserAttributes": attributes}));
    let pool = pool(&endpoint);
    let account = pool.whose(&super::token(&access_claims())).await.unwrap();
    assert_eq!((account.subject.as_str(), account.email_verified, account.email), (SUBJECT, true, None));
    let mut claims = access_claims();
    claims["iss"] = json!("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other");
    for token in [super::token(&claims), "garbage".to_owned()] {
        assert_eq!(pool.whose(&token).await.err(), Some(PoolError::BadCredentials));
    }
    assert_eq!(endpoint.asked().len(), 1);
}

#[tokio::test]
async fn an_account_is_found_with_its_state_and_nobody_is_nobody() {
    let endpoint = Endpoint::open().await;
    let attributes = json!([{"Name": "sub", "Value": SUBJECT}, {"Name": "email", "Value": "ann@example.com"}]);
    for (status, enabled, confirmed) in
        [("UNCONFIRMED", true, false), ("CONFIRMED", false, true), ("FORCE_CHANGE_PASSWORD", true, true)]
    {
        let found = json!({"Username": "x", "UserAttributes": attributes, "UserStatus": status, "Enabled": enabled});
        endpoint.answer("AdminGetUser", &found);
        let found = pool(&endpoint).find("ann@example.com").await.unwrap().unwrap();
        assert_eq!((found.confirmed, found.enabled, found.email_verified), (confirmed, enabled, false), "{status}");
    }
    let asked = endpoint.asked().pop().unwrap();
    assert!(asked.signed);
    assert_eq!(asked.body, json!({"UserPoolId": "us-east-1_people", "Username": "ann@example.com"}));
    endpoint.refuse("AdminGetUser", "UserNotFoundException", "User does not exist.");
    assert_eq!(pool(&endpoint).find("bob@example.com").await, Ok(None));
    endpoint.answer("AdminGetUser", &json!({"Username": "x"}));
    assert!(matches!(pool(&endpoint).find("bob@example.com").await, Err(PoolError::Unavailable(_))));
}

#[tokio::test]
async fn only_who_comes_to_the_pool_by_a_provider_has_no_password_there() {
    let endpoint = Endpoint::open().await;
    // Linked to a provider, whatever the status says.
    let attributes = json!([{"Name": "sub", "Value": SUBJECT}, {"Name": "identities", "Value": "[{}]"}]);
    for status in ["CONFIRMED", "RESET_REQUIRED"] {
        let found = json!({"Username": "x", "UserAttributes": attributes, "UserStatus": status, "Enabled": true});
        endpoint.answer("AdminGetUser", &found);
        let found = pool(&endpoint).find(SUBJECT).await.unwrap().unwrap();
        assert!(found.has_password && found.confirmed, "{status}");
    }
    by_a_provider(&endpoint);
    let found = pool(&endpoint).find(SUBJECT).await.unwrap().unwrap();
    assert_eq!((found.has_password, found.confirmed, found.enabled), (false, true, true));
}

/// Whoever has [`SUBJECT`] comes by a provider: no name that Amazon takes of them.
fn by_a_provider(endpoint: &Endpoint) {
    endpoint.refuse("AdminGetUser", "UserNotFoundException", "User does not exist.");
    let user = |subject: &str, name: &str| {
        let attributes = [json!({"Name": "sub", "Value": subject})];
        json!({"Username": name, "UserStatus": "EXTERNAL_PROVIDER", "Enabled": true, "Attributes": attributes})
    };
    let pages = [
        json!({"Users": [user("somebody-else", "Other_1")], "PaginationToken": "more"}),
        json!({"Users": [user(SUBJECT, "Google_17")]}),
    ];
    endpoint.script("ListUsers", pages.map(|page| Answer::Json(200, page.to_string())));
}

#[tokio::test]
async fn who_comes_to_the_pool_by_a_provider_is_asked_for_by_the_name_that_the_pool_tells() {
    let operations = ["AdminSetUserPassword", "AdminUpdateUserAttributes", "AdminUserGlobalSignOut", "AdminDeleteUser"];
    for operation in operations {
        let endpoint = Endpoint::open().await;
        by_a_provider(&endpoint);
        let done = Answer::Json(200, "{}".to_owned());
        endpoint.script(operation, [refusal("UserNotFoundException", "User does not exist."), done]);
        let pool = pool(&endpoint);
        let done = match operation {
            "AdminSetUserPassword" => pool.set_password(SUBJECT, &password()).await,
            "AdminUpdateUserAttributes" => pool.set_email(SUBJECT, &ann()).await,
            "AdminUserGlobalSignOut" => pool.sign_out_everywhere(SUBJECT).await,
            _ => pool.delete(SUBJECT).await,
        };
        assert_eq!(done, Ok(()), "{operation}");
        assert_eq!(endpoint.operations(), [operation, "ListUsers", "ListUsers", operation]);
        assert_eq!(endpoint.last()["Username"], "Google_17");
    }
}

#[tokio::test]
async fn a_subject_is_listed_as_it_is_and_an_address_is_none() {
    let endpoint = Endpoint::open().await;
    endpoint.refuse("AdminGetUser", "UserNotFoundException", "User does not exist.");
    endpoint.answer("ListUsers", &json!({"Users": []}));
    assert_eq!(pool(&endpoint).find(r#"a" b\"#).await, Ok(None));
    assert_eq!(endpoint.last()["Filter"], r#"sub = "a\" b\\""#);
    endpoint.refuse("ListUsers", "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized");
    let missing = PoolError::Misconfigured("the permission cognito-idp:ListUsers is missing".to_owned());
    assert_eq!(pool(&endpoint).find(SUBJECT).await, Err(missing.clone()), "nobody says that they are gone");
    assert_eq!(pool(&endpoint).find("ann@example.com").await, Ok(None));
    endpoint.refuse("AdminDeleteUser", "UserNotFoundException", "User does not exist.");
    assert_eq!(pool(&endpoint).delete(SUBJECT).await, Err(missing));
}

#[tokio::test]
async fn an_account_is_made_without_a_mail_and_confirmed() {
    let endpoint = Endpoint::open().await;
    let attributes = json!([{"Name": "sub", "Value": SUBJECT}]);
    endpoint.answer("AdminCreateUser", &json!({"User": {"Username": "x", "Attributes": attributes}}));
    endpoint.answer("AdminSetUserPassword", &json!({}));
    let created = pool(&endpoint).create(somebody(&ann(), &password())).await;
    assert_eq!(created.as_deref(), Ok(SUBJECT));
    let bodies: Vec<_> = endpoint.asked().into_iter().map(|asked| asked.body).collect();
    let expected = [
        json!({
            "UserPoolId": "us-east-1_people", "Username": "ann@example.com", "TemporaryPassword": PASSWORD,
            "MessageAction": "SUPPRESS", "UserAttributes": [
                {"Name": "email", "Value": "ann@example.com"}, {"Name": "email_verified", "Value": "true"},
            ],
        }),
        json!({"UserPoolId": "us-east-1_people", "Username": SUBJECT, "Password": PASSWORD, "Permanent": true}),
    ];
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn nothing_is_made_with_a_password_that_breaks_the_rule() {
    let endpoint = Endpoint::open().await;
    endpoint.refuse(
        "AdminCreateUser",
        "InvalidPasswordException",
        "Password did not conform: Password not long enough",
    );
    let refused = pool(&endpoint).create(somebody(&ann(), &password())).await;
    assert_eq!(refused, Err(PoolError::WeakPassword("Password is too short".to_owned())));
    assert_eq!(endpoint.operations(), ["AdminCreateUser"]);
}

#[tokio::test]
async fn a_password_proves_no_address_and_an_address_is_set_verified() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("AdminSetUserPassword", &json!({}));
    endpoint.answer("AdminUpdateUserAttributes", &json!({}));
    let pool = pool(&endpoint);
    pool.set_password(SUBJECT, &password()).await.unwrap();
    assert_eq!(endpoint.operations(), ["AdminSetUserPassword"]);
    pool.set_email(SUBJECT, &ann()).await.unwrap();
    let attributes = [("email", "ann@example.com"), ("email_verified", "true")];
    let attributes = attributes.map(|(name, value)| json!({"Name": name, "Value": value}));
    let expected = json!({"UserPoolId": "us-east-1_people", "Username": SUBJECT, "UserAttributes": attributes});
    assert_eq!(endpoint.last(), expected);
}

#[tokio::test]
async fn ending_what_is_not_there_is_done() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("ListUsers", &json!({"Users": []}));
    for operation in ["AdminUserGlobalSignOut", "AdminDeleteUser"] {
        let there = Answer::Json(200, "{}".to_owned());
        endpoint.script(operation, [there, refusal("UserNotFoundException", "User does not exist.")]);
    }
    let pool = pool(&endpoint);
    for _ in 0..2 {
        assert_eq!(pool.sign_out_everywhere(SUBJECT).await, Ok(()));
        assert_eq!(pool.delete(SUBJECT).await, Ok(()));
    }
}

#[tokio::test]
async fn a_refresh_token_is_revoked_by_its_client() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("RevokeToken", &json!({}));
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    pool.revoke(&"the-refresh-token".into()).await.unwrap();
    let expected = json!({"ClientId": CLIENT, "ClientSecret": CLIENT_SECRET, "Token": "the-refresh-token"});
    assert_eq!(endpoint.last(), expected);
}

#[tokio::test]
async fn accounts_are_listed_page_by_page() {
    let endpoint = Endpoint::open().await;
    let user = json!({
        "Username": "x", "UserStatus": "CONFIRMED", "Enabled": true,
        "Attributes": [{"Name": "sub", "Value": SUBJECT}, {"Name": "email", "Value": "ann@example.com"}],
    });
    endpoint.answer("ListUsers", &json!({"Users": [user], "PaginationToken": "more"}));
    let first = pool(&endpoint).list(None).await.unwrap();
    assert_eq!((first.accounts.len(), first.next.as_deref()), (1, Some("more")));
    assert_eq!(endpoint.last(), json!({"UserPoolId": "us-east-1_people", "Limit": 60}));
    endpoint.answer("ListUsers", &json!({"Users": []}));
    let last = pool(&endpoint).list(first.next.as_deref()).await.unwrap();
    assert!(last.accounts.is_empty() && last.next.is_none());
    assert_eq!(endpoint.last()["PaginationToken"], "more");
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    let endpoint = Endpoint::open().await;
    endpoint.answer("InitiateAuth", &tokens(&access_claims(), &id_claims()));
    let (pool, _) = pool_with(with_secret(&endpoint.url()));
    let them = pool.sign_in(SUBJECT, &password()).await.unwrap();
    let printed = format!("{pool:?} {them:?}");
    for secret in [CLIENT_SECRET, PASSWORD, "the-refresh-token", "eyJ", &hash(SUBJECT)] {
        assert!(!printed.contains(secret), "{secret}");
    }
}

#[test]
fn a_pool_is_known_by_its_region_and_id() {
    assert_eq!(settings("http://x").issuer(), "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_people");
    let china = super::CognitoSettings { region: "cn-north-1".to_owned(), ..settings("http://x") };
    assert_eq!(china.issuer(), "https://cognito-idp.cn-north-1.amazonaws.com.cn/us-east-1_people");
}
