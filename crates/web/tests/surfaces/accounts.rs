//! Accounts with codes by e-mail: signing up, in and out, call by call.

use axum::body::Body;
use doorward_identity::mail::LetterKind;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{App, Outcome, PASSWORD};
use crate::post::registration;

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const ME: &str = "/api/v1/users/me";
const ADA: &str = "ada@example.com";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn signing_up_answers_201_and_mails_a_code_to_the_address() -> Outcome {
    let app = App::start().await?;
    let mut wish = registration("Ada@Example.com");
    wish["phone"] = json!("+1 (415) 555-0123");
    wish["roles"] = json!(["admin"]);
    let answer = app.anon().post(REGISTER, &wish).await?;
    assert_eq!((answer.status, &answer.body), (201, &json!({"message": "OTP sent"})));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(app.post_of("Ada@Example.com").await?, [LetterKind::ConfirmEmail]);
    let code = app.code_for("Ada@Example.com").await?;
    assert_eq!(app.verify(ADA, &code, "email_verification").await?.status, 200);
    let tokens = app.log_in(ADA, PASSWORD).await?;
    let me = app.bearer(tokens.text("/access_token")).get(ME).await?;
    assert_eq!((me.text("/email"), me.text("/full_name")), ("Ada@Example.com", "Ada Lovelace"));
    Ok(())
}

#[tokio::test]
async fn a_taken_address_answers_400() -> Outcome {
    let app = App::start().await?;
    app.member(ADA).await?;
    let answer = app.anon().post(REGISTER, &registration("ADA@example.com")).await?;
    assert_eq!((answer.status, answer.text("/code")), (400, "email_taken"));
    assert_eq!(answer.text("/detail"), "Email already registered");
    Ok(())
}

#[tokio::test]
async fn only_true_accepts_the_terms() -> Outcome {
    let app = App::start().await?;
    for given in [json!(false), json!("true"), json!(1), json!(null), json!([true]), json!({})] {
        let mut wish = registration(ADA);
        wish["accept_terms"] = given.clone();
        let answer = app.anon().post(REGISTER, &wish).await?;
        assert_eq!((answer.status, answer.fields()), (400, vec!["accept_terms"]), "{given}");
    }
    let mut wish = registration(ADA);
    wish.as_object_mut().ok_or("no object")?.remove("accept_terms");
    let answer = app.anon().post(REGISTER, &wish).await?;
    assert_eq!((answer.status, answer.text("/detail")), (400, "accept_terms: must be true"));
    assert!(app.post_of(ADA).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn all_that_is_wrong_with_a_registration_is_named_at_once() -> Outcome {
    let app = App::start().await?;
    let nothing = app.anon().post(REGISTER, &json!({})).await?;
    let all = vec!["email", "password", "first_name", "last_name", "accept_terms"];
    assert_eq!((nothing.status, nothing.fields()), (400, all));
    let wish = json!({
        "email": "ada", "password": "short", "first_name": "", "last_name": "x\u{202e}y", "phone": "555 0123",
        "accept_terms": true,
    });
    let bad = app.anon().post(REGISTER, &wish).await?;
    let mut fields = bad.fields();
    fields.sort_unstable();
    assert_eq!((bad.status, fields), (400, vec!["email", "first_name", "last_name", "password", "phone"]), "{bad:?}");
    Ok(())
}

#[tokio::test]
async fn a_telephone_may_be_left_out_null_or_empty() -> Outcome {
    let app = App::start().await?;
    for (number, phone) in [json!(null), json!(""), json!("  ")].into_iter().enumerate() {
        let mut wish = registration(&format!("ada{number}@example.com"));
        wish["phone"] = phone;
        assert_eq!(app.anon().post(REGISTER, &wish).await?.status, 201);
    }
    Ok(())
}

#[tokio::test]
async fn only_the_right_password_learns_that_the_address_is_not_confirmed() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    let right = app.log_in(ADA, PASSWORD).await?;
    assert_eq!((right.status, right.text("/code")), (401, "email_not_verified"));
    assert_eq!((right.text("/detail"), right.header("www-authenticate")), ("Email not verified", "Bearer"));
    let wrong = app.log_in(ADA, "Wrong-Horse-7").await?;
    assert_eq!((wrong.status, wrong.text("/detail")), (401, "Invalid email or password"));
    assert_eq!((wrong.text("/code"), wrong.header("www-authenticate")), ("bad_credentials", "Bearer"));
    for nobody in ["nobody@example.com", "no address", ""] {
        assert_eq!(app.log_in(nobody, PASSWORD).await?.bytes, wrong.bytes, "{nobody}");
    }
    Ok(())
}

#[tokio::test]
async fn signing_in_answers_three_tokens_of_which_one_opens() -> Outcome {
    let app = App::start().await?;
    let tokens = app.member(ADA).await?;
    assert_eq!((&tokens.body["token_type"], &tokens.body["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(tokens.body.as_object().map(serde_json::Map::len), Some(5));
    assert_eq!(tokens.header("cache-control"), "no-store");
    for (token, status) in [("access_token", 200), ("id_token", 401), ("refresh_token", 401)] {
        let token = tokens.text(&format!("/{token}")).to_owned();
        assert!(!token.is_empty());
        for path in [ME, "/api/auth/me", "/auth/me"] {
            assert_eq!(app.bearer(&token).get(path).await?.status, status, "{path} {token}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_refresh_token_renews_once_and_a_late_copy_ends_the_session() -> Outcome {
    let app = App::start().await?;
    let tokens = app.member(ADA).await?;
    let old = json!({"refresh_token": tokens.text("/refresh_token")});
    let renewed = app.anon().post(REFRESH, &old).await?;
    assert_eq!((renewed.status, renewed.body.as_object().map(serde_json::Map::len)), (200, Some(5)));
    assert_ne!(renewed.text("/refresh_token"), tokens.text("/refresh_token"));
    let fresh = app.bearer(renewed.text("/access_token"));
    assert_eq!(fresh.get(ME).await?.status, 200);
    app.clock.advance(SignedDuration::from_secs(60));
    let stolen = app.anon().post(REFRESH, &old).await?;
    assert_eq!((stolen.status, stolen.text("/code")), (401, "invalid_refresh_token"));
    assert_eq!(stolen.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(fresh.get(ME).await?.status, 401);
    for odd in ["", "dwr_", "x", &"y".repeat(10_000)] {
        let answer = app.anon().post(REFRESH, &json!({"refresh_token": odd})).await?;
        assert_eq!((answer.status, answer.bytes), (401, stolen.bytes.clone()), "{odd:.20}");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_ends_by_its_access_token_or_by_its_refresh_token() -> Outcome {
    let app = App::start().await?;
    let mut tokens = app.member(ADA).await?;
    for by_refresh in [false, true] {
        let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
        let access = app.bearer(tokens.text("/access_token"));
        let out =
            if by_refresh { app.anon().post(LOGOUT, &refresh).await? } else { access.call("POST", LOGOUT).await? };
        assert_eq!((out.status, &out.body), (200, &json!({"message": "Successfully logged out"})), "{by_refresh}");
        assert_eq!(access.get(ME).await?.status, 401);
        assert_eq!(app.anon().post(REFRESH, &refresh).await?.status, 401);
        let again = app.anon().post(LOGOUT, &refresh).await?;
        assert_eq!((again.status, again.text("/code")), (401, "invalid_refresh_token"));
        tokens = app.log_in(ADA, PASSWORD).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_dead_access_token_does_not_keep_a_refresh_token_from_signing_out() -> Outcome {
    let app = App::start().await?;
    let tokens = app.member(ADA).await?;
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    app.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(app.bearer(tokens.text("/access_token")).post(LOGOUT, &refresh).await?.status, 200);
    assert_eq!(app.anon().post(REFRESH, &refresh).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn everywhere_takes_somebody_signed_in_and_ends_all_their_sessions() -> Outcome {
    let app = App::start().await?;
    let [one, other] = [app.member(ADA).await?, app.log_in(ADA, PASSWORD).await?];
    let refresh = json!({"refresh_token": one.text("/refresh_token")});
    let refused = app.anon().post(&format!("{LOGOUT}?everywhere=true"), &refresh).await?;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    let [one, other] = [one, other].map(|tokens| app.bearer(tokens.text("/access_token")));
    assert_eq!(other.get(ME).await?.status, 200);
    assert_eq!(one.call("POST", &format!("{LOGOUT}?everywhere=true")).await?.status, 200);
    assert_eq!(other.get(ME).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_site_ends_a_session_only_with_its_refresh_token() -> Outcome {
    let app = App::start().await?;
    let tokens = app.member(ADA).await?;
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")}).to_string();
    let elsewhere = ("origin", "http://localhost:5173");
    let out = app.anon().send("POST", LOGOUT, Body::from(refresh), &[elsewhere, JSON]).await?;
    assert_eq!((out.status, out.cookies().len()), (200, 0), "no cookie of this site is touched");
    let out = app.anon().send("POST", LOGOUT, Body::from("{}"), &[elsewhere, JSON]).await?;
    assert_eq!((out.status, out.text("/code")), (403, "cross_site"));
    Ok(())
}

#[tokio::test]
async fn two_surfaces_share_their_paths_and_each_serves_them_alone() -> Outcome {
    let credentials = json!({"email": ADA, "password": PASSWORD});
    for (hosted, accounts, got, posted, allow) in [
        (true, true, 302, 401, "GET,HEAD,POST"),
        (true, false, 302, 405, "GET,HEAD"),
        (false, true, 405, 401, "POST"),
        (false, false, 404, 404, ""),
    ] {
        let app = App::start_with(|settings| {
            settings.surfaces.hosted = hosted;
            settings.surfaces.accounts = accounts;
        })
        .await?;
        let answers = [app.anon().get(LOGIN).await?.status, app.anon().post(LOGIN, &credentials).await?.status];
        assert_eq!(answers, [got, posted], "{hosted} {accounts}");
        assert_eq!(app.anon().call("PATCH", LOGIN).await?.header("allow"), allow);
        let shared = if hosted || accounts { [401, 401, 200] } else { [404; 3] };
        let answers = [
            app.anon().get(ME).await?.status,
            app.anon().get(&format!("{ME}/sessions")).await?.status,
            app.anon().call("POST", LOGOUT).await?.status,
        ];
        assert_eq!(answers, shared, "{hosted} {accounts}");
        let own = if accounts {
            401
        } else if hosted {
            405
        } else {
            404
        };
        assert_eq!(app.anon().call("DELETE", ME).await?.status, own);
        let providers = app.anon().get(&format!("{ME}/identities")).await?.status;
        assert_eq!(providers, if hosted { 401 } else { 404 });
        let document = app.anon().get("/openapi.json").await?;
        let login = &document.body["paths"][LOGIN];
        assert_eq!([login.get("get").is_some(), login.get("post").is_some()], [hosted, accounts]);
        if hosted {
            let head = app.anon().call("HEAD", LOGIN).await?;
            let allow = if accounts { "GET,POST" } else { "GET" };
            assert_eq!((head.status, head.header("allow"), head.cookies().len()), (405, allow, 0));
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_document_tells_of_every_call() -> Outcome {
    let app = App::start().await?;
    let document = app.anon().get("/openapi.json").await?;
    for (method, path) in [
        ("post", REGISTER),
        ("post", "/api/v1/auth/verify-otp"),
        ("post", "/api/v1/auth/request-otp"),
        ("post", "/api/v1/auth/reset-password"),
        ("post", LOGIN),
        ("get", LOGIN),
        ("post", REFRESH),
        ("post", LOGOUT),
        ("get", ME),
        ("delete", ME),
        ("post", "/api/v1/users/me/password"),
        ("post", "/api/v1/users/me/email"),
        ("post", "/api/v1/users/me/email/verify"),
        ("get", "/api/v1/users/me/sessions"),
        ("delete", "/api/v1/users/me/sessions/{id}"),
    ] {
        let operation = &document.body["paths"][path][method];
        assert!(operation["operationId"].is_string(), "{method} {path}");
        let Value::Object(responses) = &operation["responses"] else { return Err("no responses".into()) };
        for (status, header) in [("401", "WWW-Authenticate"), ("429", "Retry-After"), ("503", "Retry-After")] {
            let tells = responses.get(status).is_none_or(|told| told["headers"][header].is_object());
            assert!(tells, "{method} {path} {status}");
        }
    }
    let purposes = &document.body["components"]["schemas"]["CodePurpose"]["enum"];
    assert_eq!(purposes, &json!(["email_verification", "password_reset"]));
    Ok(())
}
