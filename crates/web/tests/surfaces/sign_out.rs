//! Signing out of a cookie session, and what people see and end of their own.

use axum::body::Body;
use serde_json::{Value, json};

use crate::app::{App, Outcome};
use crate::browser::state_in;

const LOGOUT: &str = "/api/v1/auth/logout";
const BACKCHANNEL: &str = "/api/v1/auth/backchannel-logout";
const ME: &str = "/api/v1/users/me";
const ALICE: &str = "alice@example.com";

#[tokio::test]
async fn signing_out_takes_the_cookie_away_and_kills_every_copy_of_it() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    let mut copy = browser.clone();
    let out = browser.call("POST", LOGOUT).await?;
    let logout_url = "https://main.example/logout?id_token_hint=hint&to=https://app.example.com";
    assert_eq!(out.body, json!({"message": "Successfully logged out", "logout_url": logout_url}));
    assert_eq!((out.status, out.cookies()), (200, vec!["access_token=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly"]));
    assert_eq!((out.header("cache-control"), out.header("clear-site-data")), ("no-store", "\"cache\""));
    assert!(browser.cookies.is_empty());
    let dead = copy.get(ME).await?;
    assert_eq!((dead.status, dead.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""));
    assert!(!copy.is_signed_in().await?);
    Ok(())
}

#[tokio::test]
async fn signing_out_twice_or_without_a_session_answers_alike() -> Outcome {
    let app = App::start().await?;
    for cookie in ["", "access_token=dead", "access_token=\"quoted\"", "access_token=a; access_token=b"] {
        let answer = app.anon().send("POST", LOGOUT, Body::empty(), &[("cookie", cookie)]).await?;
        assert_eq!((answer.status, answer.body), (200, json!({"message": "Successfully logged out"})), "{cookie}");
        assert!(answer.headers["set-cookie"].to_str()?.starts_with("access_token=; "), "{cookie}");
    }
    for bad in ["perhaps", "1", "true&everywhere=true"] {
        assert_eq!(app.anon().call("POST", &format!("{LOGOUT}?everywhere={bad}")).await?.status, 400, "{bad}");
    }
    assert_eq!(app.anon().get(LOGOUT).await?.status, 405);
    Ok(())
}

#[tokio::test]
async fn a_body_that_names_no_refresh_token_keeps_nobody_in() -> Outcome {
    let app = App::start().await?;
    for body in ["", "{}", "csrf=1", "{\"refresh_token\":7}", "{\"refresh_token\":\"dead\"}"] {
        let media_type = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let mut browser = app.browser();
        browser.sign_in(ALICE).await?;
        let out = browser.send("POST", LOGOUT, Body::from(body), &[("content-type", media_type)]).await?;
        assert_eq!((out.status, browser.cookies.len()), (200, 0), "{body}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let unread = app.anon().send("POST", LOGOUT, Body::from("refresh_token=x"), &form).await?;
    assert_eq!(unread.status, 415, "nobody is told that what could not be read has ended");
    Ok(())
}

#[tokio::test]
async fn everywhere_ends_the_persons_sessions_of_every_kind() -> Outcome {
    let app = App::start().await?;
    let [mut one, mut other, mut bob] = [app.browser(), app.browser(), app.browser()];
    one.sign_in(ALICE).await?;
    other.sign_in(ALICE).await?;
    bob.sign_in("bob@example.com").await?;
    assert_eq!(one.call("POST", &format!("{LOGOUT}?everywhere=true")).await?.status, 200);
    assert!(!other.is_signed_in().await? && bob.is_signed_in().await?);
    Ok(())
}

#[tokio::test]
async fn a_bearer_token_signs_out_its_own_session_and_leaves_the_cookie() -> Outcome {
    let app = App::start().await?;
    let alice = app.person(ALICE).await?;
    let out = alice.call("POST", LOGOUT).await?;
    assert_eq!((out.status, &out.body), (200, &json!({"message": "Successfully logged out"})));
    assert_eq!((out.cookies().len(), out.header("clear-site-data")), (0, ""));
    assert_eq!(alice.get(ME).await?.status, 401);
    assert_eq!(alice.call("POST", LOGOUT).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn nobody_is_told_they_are_out_while_the_session_cannot_be_ended() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    app.store.close().await;
    let answer = browser.call("POST", LOGOUT).await?;
    assert_eq!((answer.status, answer.header("retry-after"), answer.cookies().len()), (503, "1", 0));
    Ok(())
}

#[tokio::test]
async fn me_has_the_members_of_the_old_system() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    let me = browser.get(ME).await?;
    let expected = json!({
        "id": me.body["id"], "email": ALICE, "cognito_sub": "sub of alice@example.com", "full_name": "Alice Ng",
        "roles": ["user"], "created_at": "2026-02-04T10:30:00Z",
    });
    assert_eq!((me.status, &me.body), (200, &expected));
    let bearer = app.person("bob@example.com").await?.get(ME).await?;
    assert_eq!((&bearer.body["cognito_sub"], &bearer.body["full_name"]), (&Value::Null, &Value::Null));
    assert_eq!(app.anon().get(ME).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_only() -> Outcome {
    let app = App::start().await?;
    let [mut one, mut other, mut bob] = [app.browser(), app.browser(), app.browser()];
    one.sign_in(ALICE).await?;
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    other.sign_in(ALICE).await?;
    bob.sign_in("bob@example.com").await?;
    let sessions = format!("{ME}/sessions");
    let list = one.get(&sessions).await?;
    let marks = [0, 1].map(|item| list.body["items"][item]["current"].clone());
    assert_eq!((list.status, marks), (200, [json!(false), json!(true)]), "newest first");
    assert_eq!((list.text("/items/0/surface"), list.text("/items/0/method")), ("hosted", "provider"));
    assert_eq!(list.text("/items/0/address"), "192.0.2.7");

    let others = format!("{sessions}/{}", bob.get(&sessions).await?.text("/items/0/id"));
    for unknown in [&others, &format!("{sessions}/00000000-0000-7000-8000-000000000000"), &format!("{sessions}/x")] {
        assert_eq!(one.call("DELETE", unknown).await?.status, 404, "{unknown}");
    }
    assert!(bob.is_signed_in().await?);
    let ended = one.call("DELETE", &format!("{sessions}/{}", list.text("/items/0/id"))).await?;
    assert_eq!((ended.status, other.is_signed_in().await?), (204, false));

    other.sign_in(ALICE).await?;
    let rest = one.call("DELETE", &sessions).await?;
    assert_eq!((rest.status, rest.body), (200, json!({"ended": 1})));
    assert!(one.is_signed_in().await? && !other.is_signed_in().await?);
    Ok(())
}

#[tokio::test]
async fn another_provider_is_linked_from_a_session_and_taken_away_again() -> Outcome {
    let app = App::start().await?;
    let identities = format!("{ME}/identities");
    let json_body = [("content-type", "application/json")];
    let wish = || Body::from(json!({"provider": "other", "return_to": "/account"}).to_string());
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    let id = browser.get(ME).await?.text("/id").to_owned();
    let main = format!("{identities}/main");
    assert_eq!(browser.call("DELETE", &main).await?.text("/code"), "last_way_in");

    let begun = browser.send("POST", &identities, wish(), &json_body).await?;
    assert_eq!((begun.status, browser.flows()), (200, 1));
    let state = state_in(begun.text("/authorization_url"))?;
    let linked = browser.come_back(&state, "alice@work.example").await?;
    assert_eq!((linked.status, linked.header("location")), (302, "/account"));
    let me = browser.get(ME).await?;
    assert_eq!((me.text("/id"), me.text("/email")), (id.as_str(), ALICE));
    assert_eq!(me.text("/cognito_sub"), "sub of alice@work.example", "of the provider this session began at");
    let list = browser.get(&identities).await?;
    let other = json!({
        "provider": "other", "issuer": "https://other.example", "subject": "sub of alice@work.example"
    });
    assert!(list.body["items"].as_array().is_some_and(|items| items.len() == 2 && items.contains(&other)), "{list:?}");

    assert_eq!(browser.call("DELETE", &main).await?.status, 204);
    assert_eq!(browser.call("DELETE", &main).await?.status, 404);
    assert_eq!(browser.call("DELETE", &format!("{identities}/nobody")).await?.status, 404);
    assert_eq!(browser.call("DELETE", &format!("{identities}/other")).await?.status, 409);
    Ok(())
}

#[tokio::test]
async fn a_link_needs_the_session_it_was_begun_in() -> Outcome {
    let app = App::start().await?;
    let identities = format!("{ME}/identities");
    let json_body = [("content-type", "application/json")];
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    for (body, status) in [("{}", 400), (r#"{"provider":"nobody"}"#, 400), (r#"{"provider":7}"#, 400), ("", 400)] {
        assert_eq!(browser.send("POST", &identities, Body::from(body), &json_body).await?.status, status, "{body}");
    }
    let wish = Body::from(r#"{"provider":"other"}"#);
    let begun = browser.send("POST", &identities, wish, &json_body).await?;
    let state = state_in(begun.text("/authorization_url"))?;
    let mut signed_out = browser.clone();
    signed_out.cookies.remove("access_token");
    let answer = signed_out.come_back(&state, "mallory@example.com").await?;
    assert_eq!((answer.status, answer.text("/code")), (400, "no_session"));
    assert_eq!(app.anon().send("POST", &identities, Body::from("{}"), &json_body).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_provider_ends_its_sessions_by_a_token_that_counts_once() -> Outcome {
    let app = App::start().await?;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let send = async |body: &'static str, headers: &[(&str, &str)]| {
        app.anon().send("POST", BACKCHANNEL, Body::from(body), headers).await
    };
    let [mut alice, mut bob] = [app.browser(), app.browser()];
    alice.sign_in(ALICE).await?;
    bob.sign_in("bob@example.com").await?;
    let token = "logout_token=1:sid+of+alice@example.com";
    let ended = send(token, &form).await?;
    assert_eq!((ended.status, ended.header("cache-control"), ended.bytes.len()), (200, "no-store", 0));
    assert!(!alice.is_signed_in().await? && bob.is_signed_in().await?);

    for (body, headers, status) in [
        (token, &form[..], 400),
        ("logout_token=garbage", &form, 400),
        ("logout_token=2:a&logout_token=3:b", &form, 400),
        ("", &form, 400),
        ("token=2:a", &form, 400),
        (r#"{"logout_token":"2:a"}"#, &[("content-type", "application/json")], 415),
        ("logout_token=2:a", &[], 415),
    ] {
        let answer = send(body, headers).await?;
        assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{body}");
    }
    app.provider.down.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(send("logout_token=9:x", &form).await?.status, 503);
    Ok(())
}
