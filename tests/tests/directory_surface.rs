//! The directory surface (`/auth/…`, `/teams`, `/domains`), a test per row of its table, on every store.

use doorward_tests::shape::{assert_members, each, fields, find, sorted, text};
use doorward_tests::{Doorward, PASSWORD, Setup, Store, on_every_store_and_lambda, token};
use serde_json::{Value, json};

on_every_store_and_lambda!(
    register_answers_token_and_user,
    register_of_a_taken_email_answers_400,
    register_refuses_bad_input_with_422,
    login_answers_as_register_does,
    login_refuses_wrong_credentials,
    login_token_names_the_email_as_subject,
    me_answers_the_user_with_teams_and_domains,
    teams_and_domains_are_the_callers_own,
    all_teams_and_domains_need_a_caller,
    seeds_do_not_overwrite_what_was_changed,
    seeds_and_defaults_are_settings,
    refresh_and_logout_stand_beside_login,
);

fn register_answers_token_and_user(store: Store) {
    let doorward = Doorward::start(store);
    let answer = doorward.register("user@example.com").send().expect(200).json();
    assert_session(&answer);
    let user = &answer["user"];
    assert_eq!(user["email"], "user@example.com");
    assert_eq!(user["name"], "Ada Lovelace");
    assert_eq!(user["avatar_url"], Value::Null);
    assert_eq!(each(&user["teams"], "name"), ["General"]);
    assert_eq!(each(&user["domains"], "key"), ["engineering"]);
}

fn register_of_a_taken_email_answers_400(store: Store) {
    let doorward = Doorward::start(store);
    doorward.register("user@example.com").send().expect(200);
    for email in ["user@example.com", "USER@Example.com"] {
        let problem = doorward.register(email).send().problem(400);
        assert_eq!(problem["detail"], "Email already registered");
    }
    doorward.sign_up("user@example.com").send().problem(409);
}

fn register_refuses_bad_input_with_422(store: Store) {
    let doorward = Doorward::start(store);
    let refused = |body: Value, expected: &[&str]| {
        let problem = doorward.post("/auth/register").json(&body).send().problem(422);
        assert_eq!(fields(&problem), expected, "{problem}");
    };
    refused(json!({"password": PASSWORD, "name": "A"}), &["email"]);
    refused(json!({"email": "user@example.com", "name": "A"}), &["password"]);
    refused(json!({"email": "user", "password": PASSWORD, "name": "A"}), &["email"]);
    refused(json!({"email": "user@example.com", "password": "short", "name": "A"}), &["password"]);
    refused(json!({"email": 7, "password": PASSWORD, "name": "A"}), &["email"]);
    refused(json!({"email": "user@example.com", "password": PASSWORD, "name": ["A"]}), &["name"]);
    refused(json!({"email": 7, "password": {}, "name": "A"}), &["email", "password"]);
    doorward.register("user@example.com").send().expect(200);
}

fn login_answers_as_register_does(store: Store) {
    let doorward = Doorward::start(store);
    let registered = doorward.register("user@example.com").send().expect(200).json();
    let answer = doorward.log_in("user@example.com", PASSWORD).send().expect(200).json();
    assert_session(&answer);
    assert_eq!(answer["user"], registered["user"]);
}

fn login_refuses_wrong_credentials(store: Store) {
    let doorward = Doorward::start(store);
    doorward.register("user@example.com").send().expect(200);
    for (email, password) in [("user@example.com", "wrong-password"), ("nobody@example.com", PASSWORD)] {
        let response = doorward.log_in(email, password).send();
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        assert_eq!(response.problem(401)["detail"], "Incorrect email or password");
    }
}

fn login_token_names_the_email_as_subject(store: Store) {
    let doorward = Doorward::start(store);
    let answer = doorward.register("user@example.com").send().expect(200).json();
    let (_, claims) = token::read(&text(&answer["access_token"]));
    assert_eq!((&claims["sub"], &claims["roles"]), (&json!("user@example.com"), &json!(["user"])));
    let life = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, start)| end - start);
    assert_eq!(life, Some(1800));
}

fn me_answers_the_user_with_teams_and_domains(store: Store) {
    let doorward = Doorward::start(store);
    let answer = doorward.register("user@example.com").send().expect(200).json();
    let me = doorward.get("/auth/me").bearer(&text(&answer["access_token"])).send().expect(200).json();
    assert_eq!(me, answer["user"]);
    assert_eq!(doorward.validate(&text(&answer["access_token"]))["user"], me);
    let response = doorward.get("/auth/me").send();
    assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    response.problem(401);
}

fn teams_and_domains_are_the_callers_own(store: Store) {
    let doorward = Doorward::start(store);
    let answer = doorward.register("user@example.com").send().expect(200).json();
    let token = text(&answer["access_token"]);
    let teams = doorward.get("/teams").bearer(&token).send().expect(200).json();
    assert_eq!(teams, answer["user"]["teams"]);
    assert_members(&teams[0], &["external_ref", "id", "is_active", "name"]);
    let domains = doorward.get("/domains").bearer(&token).send().expect(200).json();
    assert_eq!(domains, answer["user"]["domains"]);
    assert_members(&domains[0], &["id", "is_active", "key", "name", "parent_domain_id"]);
    doorward.get("/teams").send().problem(401);
    doorward.get("/domains").send().problem(401);
}

fn all_teams_and_domains_need_a_caller(store: Store) {
    let doorward = Doorward::start(store);
    let token = doorward.person("user").access_token;
    let teams = doorward.get("/teams/all").bearer(&token).send().expect(200).json();
    assert_eq!(sorted(each(&teams, "name")), ["Design", "Engineering", "General", "Product"]);
    let references = teams.as_array().into_iter().flatten().filter_map(|team| team["external_ref"].as_str());
    assert_eq!(sorted(references.map(str::to_owned).collect()), ["design", "eng", "product"]);
    let domains = doorward.get("/domains/all").bearer(&token).send().expect(200).json();
    let keys = sorted(each(&domains, "key"));
    assert_eq!(keys, ["design", "engineering", "marketing", "product", "sales"]);
    let product = find(&domains, "key", "product");
    assert_eq!(product["name"], "Product Management");
    doorward.get("/teams/all").send().problem(401);
    doorward.get("/domains/all").send().problem(401);
}

fn seeds_do_not_overwrite_what_was_changed(store: Store) {
    let doorward = Doorward::start(store);
    let admin = doorward.administrator("root");
    let teams = doorward.get("/teams/all").bearer(&admin.access_token).send().expect(200).json();
    let design = find(&teams, "name", "Design");
    let path = format!("/admin/v1/teams/{}", text(&design["id"]));
    let change = doorward.request("PATCH", &path).bearer(&admin.access_token);
    change.json(&json!({"name": "Studio"})).send().expect(200);
    let doorward = doorward.kill().start();
    let teams = doorward.get("/teams/all").bearer(&admin.access_token).send().expect(200).json();
    assert_eq!(sorted(each(&teams, "name")), ["Engineering", "General", "Product", "Studio"]);
}

fn seeds_and_defaults_are_settings(store: Store) {
    let doorward = Setup::on(store)
        .file(
            "[surfaces.directory]\ndefault_team = \"Crew\"\ndefault_domain = \"sea\"\n\
             [[seed.teams]]\nname = \"Crew\"\nexternal_ref = \"crew\"\n\
             [[seed.domains]]\nkey = \"sea\"\nname = \"High Sea\"\n",
        )
        .start();
    let user = doorward.register("user@example.com").send().expect(200).json()["user"].take();
    assert_eq!(each(&user["teams"], "external_ref"), ["crew"]);
    assert_eq!(each(&user["domains"], "name"), ["High Sea"]);
}

fn refresh_and_logout_stand_beside_login(store: Store) {
    let doorward = Doorward::start(store);
    let answer = doorward.register("user@example.com").send().expect(200).json();
    let body = json!({"refresh_token": answer["refresh_token"]});
    let refreshed = doorward.post("/auth/refresh").json(&body).send().expect(200).json();
    assert_session(&refreshed);
    let token = text(&refreshed["access_token"]);
    doorward.post("/auth/logout").bearer(&token).send().expect(200);
    assert!(!doorward.accepts(&token));
    doorward.get("/auth/me").bearer(&token).send().problem(401);
}

#[track_caller]
fn assert_session(answer: &Value) {
    for member in ["access_token", "refresh_token"] {
        assert!(answer[member].is_string(), "{member} of {answer}");
    }
    assert_eq!(answer["token_type"], "bearer");
    assert_members(&answer["user"], &["avatar_url", "created_at", "domains", "email", "id", "name", "roles", "teams"]);
    assert_eq!(answer["user"]["roles"], json!(["user"]));
}
