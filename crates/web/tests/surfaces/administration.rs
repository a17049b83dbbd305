//! Administration, call by call.

use axum::body::Body;
use serde_json::{Value, json};

use crate::app::{Answer, App, Outcome, PASSWORD};

const CALLS: [(&str, &str); 24] = [
    ("GET", "/admin/v1/users"),
    ("POST", "/admin/v1/users"),
    ("GET", "/admin/v1/users/{id}"),
    ("PATCH", "/admin/v1/users/{id}"),
    ("DELETE", "/admin/v1/users/{id}"),
    ("PUT", "/admin/v1/users/{id}/roles"),
    ("POST", "/admin/v1/users/{id}/disable"),
    ("POST", "/admin/v1/users/{id}/enable"),
    ("POST", "/admin/v1/users/{id}/unlock"),
    ("POST", "/admin/v1/users/{id}/sign-out"),
    ("GET", "/admin/v1/users/{id}/sessions"),
    ("GET", "/admin/v1/teams"),
    ("POST", "/admin/v1/teams"),
    ("GET", "/admin/v1/teams/{id}"),
    ("PATCH", "/admin/v1/teams/{id}"),
    ("GET", "/admin/v1/teams/{id}/members"),
    ("PUT", "/admin/v1/teams/{id}/members/{id}"),
    ("DELETE", "/admin/v1/teams/{id}/members/{id}"),
    ("GET", "/admin/v1/domains"),
    ("POST", "/admin/v1/domains"),
    ("PATCH", "/admin/v1/domains/{id}"),
    ("PUT", "/admin/v1/domains/{id}/users/{id}"),
    ("GET", "/admin/v1/audit-events"),
    ("POST", "/admin/v1/keys/rotate"),
];

#[tokio::test]
async fn only_administrators_get_in() -> Outcome {
    let app = App::start_with(|settings| settings.dev_headers = true).await?;
    let alice = app.person("alice@example.com").await?;
    for (method, path) in CALLS {
        let path = path.replace("{id}", "00000000-0000-7000-8000-000000000000");
        assert_eq!(app.anon().call(method, &path).await?.status, 401, "{method} {path}");
        let as_developer = [("x-user-email", "admin@example.com")];
        assert_eq!(app.anon().send(method, &path, Body::empty(), &as_developer).await?.status, 401, "{method} {path}");
        let forbidden = alice.call(method, &path).await?;
        assert_eq!((forbidden.status, forbidden.text("/code")), (403, "forbidden"), "{method} {path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_account_is_made_shown_changed_and_deleted() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let wish = json!({"email": "bob@example.com", "password": PASSWORD, "name": "Bob", "roles": ["billing-reader"]});
    let made = admin.post("/admin/v1/users", &wish).await?;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{made:?}");
    let place = made.header("location").to_owned();
    assert_eq!(place, format!("/admin/v1/users/{}", made.text("/id")));
    assert_eq!(made.body["roles"], json!(["user", "billing-reader"]));
    assert!(made.body.get("password_hash").is_none());
    assert_eq!(admin.post("/admin/v1/users", &wish).await?.status, 409);

    let shown = admin.get(&place).await?;
    assert_eq!((shown.status, shown.header("etag")), (200, "\"1\""));
    assert_eq!(shown.body["teams"][0]["role"], "member");
    assert_eq!(shown.body["domains"][0]["key"], "engineering");

    let changed =
        admin.json("PATCH", &place, &json!({"name": null, "avatar_url": "https://example.com/b.png"})).await?;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!((&changed.body["name"], &changed.body["email"]), (&Value::Null, &json!("bob@example.com")));
    let bad =
        admin.json("PATCH", &place, &json!({"email": "nobody", "avatar_url": "javascript:1", "name": ""})).await?;
    assert_eq!((bad.status, bad.fields()), (422, vec!["email", "name", "avatar_url"]));

    assert_eq!(admin.call("DELETE", &place).await?.status, 204);
    assert_eq!(admin.call("DELETE", &place).await?.status, 404);
    assert_eq!(admin.get(&place).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_version_that_is_not_the_stored_one_answers_412() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let team = admin.post("/admin/v1/teams", &json!({"name": "Night shift"})).await?;
    let place = team.header("location").to_owned();
    let change = async |tag: &str, name: &str| -> Outcome<Answer> {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        admin.send("PATCH", &place, Body::from(json!({"name": name}).to_string()), &headers).await
    };
    assert_eq!(change("\"1\"", "Second").await?.header("etag"), "\"2\"");
    for stale in ["\"1\"", "W/\"2\"", "2", "\"02\"", "\"+2\"", "\"1\", \"2\"", "nonsense", "\"\""] {
        let answer = change(stale, "Lost").await?;
        assert_eq!((answer.status, answer.text("/code")), (412, "stale"), "{stale}");
    }
    assert_eq!(change("*", "Third").await?.status, 200);
    assert_eq!(admin.get(&place).await?.body["name"], "Third");
    Ok(())
}

#[tokio::test]
async fn accounts_are_listed_page_by_page_and_found_by_part_of_their_address() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    for number in 0..5 {
        app.clock.advance(jiff::SignedDuration::from_millis(5));
        app.person(&format!("person{number}@example.com")).await?;
    }
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page = admin.get(&format!("/admin/v1/users?limit=2{next}")).await?;
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 2);
        seen.extend(items.iter().filter_map(|item| item["email"].as_str().map(str::to_owned)));
        match page.body["next"].as_str() {
            Some(cursor) => next = format!("&after={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(seen.last().map(String::as_str), Some("person4@example.com"));
    let found = admin.get("/admin/v1/users?search=PERSON3").await?;
    assert_eq!(found.body["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(found.body["next"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_and_an_enabled_one_may_sign_in() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let alice = app.person("alice@example.com").await?;
    let id = alice.get("/api/auth/me").await?.text("/id").to_owned();
    let disabled = admin.call("POST", &format!("/admin/v1/users/{id}/disable")).await?;
    assert_eq!((disabled.status, disabled.text("/status")), (200, "disabled"));
    assert_eq!(alice.get("/api/auth/me").await?.status, 401);
    let credentials = json!({"email": "alice@example.com", "password": PASSWORD});
    assert_eq!(app.anon().post("/api/auth/signin", &credentials).await?.status, 401);
    let enabled = admin.call("POST", &format!("/admin/v1/users/{id}/enable")).await?;
    assert_eq!((enabled.status, enabled.text("/status")), (200, "active"));
    assert_eq!(app.anon().post("/api/auth/signin", &credentials).await?.status, 200);
    assert_eq!(admin.call("POST", &format!("/admin/v1/users/{id}/unlock")).await?.status, 204);
    let out = admin.call("POST", &format!("/admin/v1/users/{id}/sign-out")).await?;
    assert_eq!((out.status, &out.body), (200, &json!({"ended": 1})));
    Ok(())
}

#[tokio::test]
async fn a_role_given_opens_and_a_role_taken_closes() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let alice = app.person("alice@example.com").await?;
    let id = alice.get("/api/auth/me").await?.text("/id").to_owned();
    let place = format!("/admin/v1/users/{id}/roles");
    assert_eq!(admin.json("PUT", &place, &json!({"roles": ["admin"]})).await?.status, 200);
    assert_eq!(alice.get("/admin/v1/teams").await?.status, 200);
    assert_eq!(admin.json("PUT", &place, &json!({"roles": []})).await?.status, 200);
    assert_eq!(alice.get("/admin/v1/teams").await?.status, 403);
    for bad in [json!({}), json!({"roles": "admin"}), json!({"roles": [1]}), json!({"roles": ["Not A Role"]})] {
        let answer = admin.json("PUT", &place, &bad).await?;
        assert_eq!((answer.status, answer.fields()), (422, vec!["roles"]), "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn members_come_and_go_with_a_role() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let alice = app.person("alice@example.com").await?;
    let id = alice.get("/api/auth/me").await?.text("/id").to_owned();
    let team = admin.post("/admin/v1/teams", &json!({"name": "Night shift", "external_ref": "night"})).await?;
    assert_eq!(team.status, 201);
    assert_eq!(admin.post("/admin/v1/teams", &json!({"name": "Night shift"})).await?.status, 409);
    let place = team.header("location").to_owned();
    let member = format!("{place}/members/{id}");
    assert_eq!(admin.json("PUT", &member, &json!({"role": "lead"})).await?.status, 204);
    let listed = admin.get(&format!("{place}/members")).await?;
    let expected = json!({"items": [{"user_id": id, "email": "alice@example.com", "name": null, "role": "lead"}]});
    assert_eq!(listed.body, expected);
    assert_eq!(alice.get("/teams").await?.body.as_array().map(Vec::len), Some(2));
    assert_eq!(admin.json("PATCH", &place, &json!({"is_active": false})).await?.status, 200);
    assert_eq!(alice.get("/teams").await?.body.as_array().map(Vec::len), Some(1));
    assert_eq!(admin.call("DELETE", &member).await?.status, 204);
    assert_eq!(admin.call("DELETE", &member).await?.status, 404);
    let nobody = format!("{place}/members/00000000-0000-7000-8000-000000000000");
    assert_eq!(admin.json("PUT", &nobody, &json!({})).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn domains_move_in_their_tree_but_never_below_themselves() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let make = async |key: &str, parent: Value| -> Outcome<Answer> {
        admin.post("/admin/v1/domains", &json!({"key": key, "name": key, "parent_domain_id": parent})).await
    };
    let root = make("root", Value::Null).await?;
    let leaf = make("leaf", root.body["id"].clone()).await?;
    assert_eq!((leaf.status, &leaf.body["parent_domain_id"]), (201, &root.body["id"]));
    assert_eq!(make("leaf", Value::Null).await?.status, 409);
    for bad in [json!("x"), json!("00000000-0000-7000-8000-000000000000"), json!(7)] {
        let answer = make("lost", bad.clone()).await?;
        assert_eq!((answer.status, answer.fields()), (422, vec!["parent_domain_id"]), "{bad}");
    }
    let place = |domain: &Answer| format!("/admin/v1/domains/{}", domain.text("/id"));
    let cycle = admin.json("PATCH", &place(&root), &json!({"parent_domain_id": leaf.body["id"]})).await?;
    assert_eq!((cycle.status, cycle.fields()), (422, vec!["parent_domain_id"]));
    let moved = admin.json("PATCH", &place(&leaf), &json!({"parent_domain_id": null})).await?;
    assert_eq!((moved.status, &moved.body["parent_domain_id"]), (200, &Value::Null));
    let untouched = admin.json("PATCH", &place(&leaf), &json!({"name": "Leaf"})).await?;
    assert_eq!((untouched.status, &untouched.body["key"]), (200, &json!("leaf")));

    let alice = app.person("alice@example.com").await?;
    let user = alice.get("/api/auth/me").await?.text("/id").to_owned();
    let assignment = format!("{}/users/{user}", place(&leaf));
    assert_eq!(admin.call("PUT", &assignment).await?.status, 204);
    assert_eq!(alice.get("/domains").await?.body.as_array().map(Vec::len), Some(2));
    assert_eq!(admin.call("DELETE", &assignment).await?.status, 204);
    assert_eq!(alice.get("/domains").await?.body.as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_from_where() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let made = admin.post("/admin/v1/teams", &json!({"name": "Night shift"})).await?;
    let subject = made.text("/id").to_owned();
    let log = admin.get(&format!("/admin/v1/audit-events?subject={subject}&action=team.created")).await?;
    assert_eq!(log.status, 200);
    let line = &log.body["items"][0];
    assert_eq!((&line["action"], &line["subject"]), (&json!("team.created"), &json!(subject)));
    assert_eq!((&line["actor"]["kind"], &line["address"]), (&json!("user"), &json!("192.0.2.7")));
    assert_eq!(line["request_id"], made.header("x-request-id"));
    let first = admin.get("/admin/v1/audit-events?limit=1").await?;
    let older = admin.get(&format!("/admin/v1/audit-events?limit=1&before={}", first.text("/next"))).await?;
    assert_ne!(first.body["items"][0]["id"], older.body["items"][0]["id"]);
    Ok(())
}

#[tokio::test]
async fn keys_rotate_and_the_old_one_goes_on_counting() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let rotated = admin.call("POST", "/admin/v1/keys/rotate").await?;
    assert_eq!((rotated.status, rotated.text("/state")), (201, "pending"));
    assert_eq!(admin.call("POST", "/admin/v1/keys/rotate").await?.status, 409);
    let keys = admin.get("/admin/v1/keys").await?;
    assert_eq!((keys.text("/items/0/state"), keys.text("/items/1/state")), ("active", "pending"));
    let published = app.anon().get("/.well-known/jwks.json").await?;
    assert_eq!(published.body["keys"].as_array().map(Vec::len), Some(2));
    app.clock.advance(jiff::SignedDuration::from_mins(11));
    assert_eq!(admin.get("/admin/v1/teams").await?.status, 200);
    let withdrawn = admin.call("DELETE", &format!("/admin/v1/keys/{}", keys.text("/items/0/kid"))).await?;
    assert_eq!(withdrawn.status, 204);
    assert_eq!(admin.get("/admin/v1/teams").await?.status, 401);
    Ok(())
}
