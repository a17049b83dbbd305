//! The administrators' calls under `/admin/v1/`, and their twins on the command line, on every store.

use doorward_tests::http::Request;
use doorward_tests::shape::{each, find, sorted, text};
use doorward_tests::{Doorward, PASSWORD, Person, Setup, Store, on_every_store, token};
use serde_json::{Value, json};

on_every_store!(
    nobody_but_an_administrator_is_let_in,
    a_fresh_installation_has_no_account,
    users_are_created_changed_and_deleted,
    users_are_listed_by_page_and_search,
    a_disabled_user_comes_back_when_enabled,
    roles_take_effect_at_once,
    only_known_roles_are_granted_where_some_are_named,
    sessions_are_listed_and_ended,
    a_stale_change_is_refused,
    teams_are_made_renamed_and_deactivated,
    members_join_and_leave_with_a_role,
    domains_form_a_tree_without_cycles,
    people_are_assigned_to_domains,
    unknown_members_and_parameters_are_refused_by_name,
    what_was_done_is_in_the_audit_log,
    the_command_line_does_the_same,
);

/// An instance with an administrator.
struct Office {
    doorward: Doorward,
    admin: Person,
}

impl Office {
    fn open(store: Store) -> Self {
        let doorward = Doorward::start(store);
        let admin = doorward.administrator("root");
        Self { doorward, admin }
    }

    fn request(&self, method: &str, path: &str) -> Request {
        self.doorward.request(method, &format!("/admin/v1{path}")).bearer(&self.admin.access_token)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.request("GET", path).send().expect(200).json()
    }

    /// A change that must succeed.
    #[track_caller]
    fn change(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send();
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Creates something and gives its id.
    #[track_caller]
    fn create(&self, path: &str, body: &Value) -> String {
        let answer = self.request("POST", path).json(body).send().expect(201);
        let id = text(&answer.json()["id"]);
        assert_eq!(answer.header("location"), Some(format!("/admin/v1{path}/{id}").as_str()));
        id
    }
}

fn nobody_but_an_administrator_is_let_in(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let some = "0190a5a0-0000-7000-8000-000000000000";
    let calls = [
        ("GET", "/users".to_owned()),
        ("POST", "/users".to_owned()),
        ("GET", format!("/users/{some}")),
        ("PATCH", format!("/users/{}", person.id)),
        ("DELETE", format!("/users/{}", person.id)),
        ("POST", format!("/users/{}/disable", person.id)),
        ("POST", format!("/users/{}/sign-out", person.id)),
        ("PUT", format!("/users/{}/roles", person.id)),
        ("GET", "/teams".to_owned()),
        ("POST", "/teams".to_owned()),
        ("PUT", format!("/teams/{some}/members/{}", person.id)),
        ("GET", "/domains".to_owned()),
        ("POST", "/domains".to_owned()),
        ("GET", "/audit-events".to_owned()),
    ];
    for (method, path) in calls {
        let call = || doorward.request(method, &format!("/admin/v1{path}")).json(&json!({"roles": ["admin"]}));
        call().send().problem(401);
        call().bearer(&person.access_token).send().problem(403);
    }
    assert!(doorward.accepts(&person.access_token), "nothing was done");
}

fn a_fresh_installation_has_no_account(store: Store) {
    let doorward = Doorward::start(store);
    for email in ["admin", "root", "admin@localhost", "admin@example.com", "admin@doorward"] {
        for password in ["admin", "password", "doorward", "changeme", ""] {
            // The fifth wrong guess or so is no longer evaluated.
            assert!(matches!(doorward.sign_in(email, password).send().status, 401 | 429));
        }
    }
    assert_eq!(doorward.setup().database().query("select count(*) from users"), "0");
}

fn users_are_created_changed_and_deleted(store: Store) {
    let office = Office::open(store);
    let new = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada", "roles": ["auditor"]});
    let id = office.create("/users", &new);
    let path = format!("/users/{id}");
    let user = office.get(&path);
    assert_eq!((&user["email"], &user["name"]), (&json!("ada@example.com"), &json!("Ada")));
    assert_eq!(user["roles"], json!(["user", "auditor"]));
    assert!(!user.to_string().contains("hash") && !user.to_string().contains("$2"), "{user}");
    office.request("POST", "/users").json(&new).send().problem(409);
    let session = office.doorward.signed_in("ada@example.com");
    assert_eq!(office.change("PATCH", &path, &json!({"name": "Ada Lovelace"}))["name"], "Ada Lovelace");
    assert_eq!(office.doorward.validate(&session.access_token)["user"]["name"], "Ada Lovelace");
    office.change("DELETE", &path, &Value::Null);
    office.request("GET", &path).send().problem(404);
    assert!(!office.doorward.accepts(&session.access_token));
    office.doorward.sign_in("ada@example.com", PASSWORD).send().problem(401);
    office.doorward.sign_up("ada@example.com").send().expect(201);
}

fn users_are_listed_by_page_and_search(store: Store) {
    let office = Office::open(store);
    for name in ["ada", "grace", "ada.second", "alan", "100%_sure"] {
        office.doorward.sign_up(&format!("{name}@example.com")).send().expect(201);
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = office.get(&format!("/users{query}"));
        let emails = each(&page["items"], "email");
        assert!(emails.len() <= 2, "{page}");
        seen.extend(emails);
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=2&after={next}");
    }
    assert_eq!(seen.len(), 6);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6, "everybody once: {seen:?}");
    let found = |search: &str| sorted(each(&office.get(&format!("/users?search={search}"))["items"], "email"));
    assert_eq!(found("ADA"), ["ada.second@example.com", "ada@example.com"]);
    assert_eq!(found("%25_"), ["100%_sure@example.com"], "% and _ are letters like others");
    assert!(found("nobody").is_empty());
    for query in ["?limit=0", "?limit=many", "?after=forged", "?sort=email"] {
        office.request("GET", &format!("/users{query}")).send().problem(422);
    }
}

fn a_disabled_user_comes_back_when_enabled(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    office.change("POST", &format!("/users/{}/disable", user.id), &Value::Null);
    assert!(!office.doorward.accepts(&user.access_token));
    office.doorward.sign_in(&user.email, PASSWORD).send().problem(401);
    office.doorward.sign_up(&user.email).send().problem(409);
    office.change("POST", &format!("/users/{}/enable", user.id), &Value::Null);
    let back = office.doorward.signed_in(&user.email);
    assert!(office.doorward.accepts(&back.access_token));
    assert!(!office.doorward.accepts(&user.access_token), "sessions ended by disabling stay ended");
}

fn roles_take_effect_at_once(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    let list = || office.doorward.get("/admin/v1/users").bearer(&user.access_token).send();
    list().problem(403);
    let roles = format!("/users/{}/roles", user.id);
    office.change("PUT", &roles, &json!({"roles": ["admin"]}));
    list().expect(200);
    let token = office.doorward.signed_in(&user.email).access_token;
    let list_with_the_claim = || office.doorward.get("/admin/v1/users").bearer(&token).send();
    assert_eq!(token::read(&token).1["roles"], json!(["user", "admin"]));
    list_with_the_claim().expect(200);
    let left = office.change("PUT", &roles, &json!({"roles": ["user"]}));
    assert_eq!(left["roles"], json!(["user"]));
    list().problem(403);
    list_with_the_claim().problem(403);
}

fn only_known_roles_are_granted_where_some_are_named(store: Store) {
    let file = "[roles]\nknown = [\"auditor\", \"member\"]\nnew_accounts = [\"member\"]\n";
    let doorward = Setup::on(store).file(file).start();
    let admin = doorward.administrator("root");
    let office = Office { doorward, admin };
    let user = office.doorward.person("user");
    let path = format!("/users/{}/roles", user.id);
    let me = || office.doorward.get("/auth/me").bearer(&user.access_token).send().expect(200).json();
    assert_eq!(me()["roles"], json!(["user", "member"]), "what new accounts begin with");
    office.change("PUT", &path, &json!({"roles": ["auditor"]}));
    assert_eq!(me()["roles"], json!(["user", "auditor"]));
    for (method, path) in [("PUT", &*path), ("POST", "/users")] {
        let body = json!({"email": "ada@example.com", "roles": ["auditors"]});
        let body = if method == "PUT" { json!({"roles": body["roles"]}) } else { body };
        let problem = office.request(method, path).json(&body).send().problem(422);
        assert_eq!(each(&problem["errors"], "field"), ["roles"], "{problem}");
        assert!(problem.to_string().contains("user, admin, auditor, member"), "{problem}");
    }
    let setup = office.doorward.setup();
    let refused = setup.run(&["user", "roles", &user.email, "auditors"], "");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("user, admin, auditor, member"), "{told}");
    assert!(setup.run_ok(&["user", "roles", &user.email, "admin"], "").contains("user admin"));
}

fn sessions_are_listed_and_ended(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    office.doorward.signed_in(&user.email);
    let path = format!("/users/{}/sessions", user.id);
    let sessions = office.get(&path);
    let sessions = sessions.get("items").unwrap_or(&sessions).clone();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2), "{sessions}");
    office.change("POST", &format!("/users/{}/sign-out", user.id), &Value::Null);
    assert!(!office.doorward.accepts(&user.access_token));
    let body = json!({"refresh_token": user.refresh_token});
    office.doorward.post("/api/auth/refresh").json(&body).send().problem(401);
}

fn a_stale_change_is_refused(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    let path = format!("/users/{}", user.id);
    let tag = office.request("GET", &path).send().expect(200).header("etag").unwrap_or_default().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let rename =
        |name: &str| office.request("PATCH", &path).header("If-Match", &tag).json(&json!({"name": name})).send();
    rename("First").expect(200);
    rename("Second").problem(412);
    assert_eq!(office.get(&path)["name"], "First");
}

fn teams_are_made_renamed_and_deactivated(store: Store) {
    let office = Office::open(store);
    let id = office.create("/teams", &json!({"name": "Research", "external_ref": "res"}));
    let path = format!("/teams/{id}");
    office.change("PATCH", &path, &json!({"name": "Lab"}));
    let active = || each(&office.doorward.get("/teams/all").bearer(&office.admin.access_token).send().json(), "name");
    assert!(active().contains(&"Lab".to_owned()));
    office.change("PATCH", &path, &json!({"is_active": false}));
    assert!(!active().contains(&"Lab".to_owned()));
    assert_eq!(office.get(&path)["is_active"], false);
    office.request("POST", "/teams").json(&json!({"name": "General"})).send().problem(409);
    office.request("POST", "/teams").json(&json!({"name": "  "})).send().problem(422);
}

fn members_join_and_leave_with_a_role(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    let team = office.create("/teams", &json!({"name": "Research"}));
    let member = format!("/teams/{team}/members/{}", user.id);
    office.change("PUT", &member, &json!({"role": "lead"}));
    office.change("PUT", &member, &json!({"role": "lead"}));
    let members = office.get(&format!("/teams/{team}/members"));
    assert!(members.to_string().contains("lead") && members.to_string().contains(&user.id), "{members}");
    let teams = || each(&office.doorward.validate(&user.access_token)["user"]["teams"], "name");
    assert_eq!(sorted(teams()), ["General", "Research"]);
    office.change("DELETE", &member, &Value::Null);
    assert_eq!(teams(), ["General"]);
    let nobody = format!("/teams/{team}/members/0190a5a0-0000-7000-8000-000000000000");
    office.request("PUT", &nobody).json(&json!({"role": "lead"})).send().problem(404);
}

fn domains_form_a_tree_without_cycles(store: Store) {
    let office = Office::open(store);
    let top = office.create("/domains", &json!({"key": "top", "name": "Top"}));
    let middle = office.create("/domains", &json!({"key": "middle", "name": "Middle", "parent_domain_id": top}));
    let leaf = office.create("/domains", &json!({"key": "leaf", "name": "Leaf", "parent_domain_id": middle}));
    for parent in [&top, &middle, &leaf] {
        let body = json!({"parent_domain_id": parent});
        office.request("PATCH", &format!("/domains/{top}")).json(&body).send().problem(422);
    }
    office.change("PATCH", &format!("/domains/{leaf}"), &json!({"parent_domain_id": top}));
    office.change("PATCH", &format!("/domains/{middle}"), &json!({"parent_domain_id": leaf}));
    let all = office.doorward.get("/domains/all").bearer(&office.admin.access_token).send().expect(200).json();
    assert_eq!(find(&all, "key", "middle")["parent_domain_id"], leaf.as_str());
    office.change("PATCH", &format!("/domains/{leaf}"), &json!({"parent_domain_id": null}));
    assert_eq!(office.get(&format!("/domains/{leaf}"))["parent_domain_id"], Value::Null);
    office.request("POST", "/domains").json(&json!({"key": "top", "name": "Again"})).send().problem(409);
}

fn people_are_assigned_to_domains(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    let domain = office.create("/domains", &json!({"key": "legal", "name": "Legal"}));
    let assignment = format!("/domains/{domain}/users/{}", user.id);
    office.change("PUT", &assignment, &Value::Null);
    let own = || each(&office.doorward.get("/domains").bearer(&user.access_token).send().expect(200).json(), "key");
    assert_eq!(sorted(own()), ["engineering", "legal"]);
    office.change("DELETE", &assignment, &Value::Null);
    assert_eq!(own(), ["engineering"]);
}

fn unknown_members_and_parameters_are_refused_by_name(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    for (method, path, mut body) in [
        ("POST", "/users".to_owned(), json!({"email": "new@example.com", "password": PASSWORD})),
        ("PATCH", format!("/users/{}", user.id), json!({"name": "Other"})),
        ("POST", "/teams".to_owned(), json!({"name": "Research"})),
        ("POST", "/domains".to_owned(), json!({"key": "legal", "name": "Legal"})),
    ] {
        body["is_owner"] = json!(true);
        let problem = office.request(method, &path).json(&body).send().problem(422);
        assert!(problem.to_string().contains("is_owner"), "{problem}");
    }
    let listed = office.get("/users?search=new@example.com");
    assert_eq!(listed["items"], json!([]), "nothing was half made");
}

fn what_was_done_is_in_the_audit_log(store: Store) {
    let office = Office::open(store);
    let user = office.doorward.person("user");
    office.doorward.sign_in(&user.email, "Wrong-Harbour-41").send().expect(401);
    office.change("POST", &format!("/users/{}/disable", user.id), &Value::Null);
    let events = office.get("/audit-events?limit=100");
    let events = events["items"].as_array().cloned().unwrap_or_default();
    let about: Vec<_> = events.iter().filter(|event| event.to_string().contains(&user.id)).collect();
    assert!(about.len() >= 3, "sign-up, sign-in, disabling: {events:?}");
    assert!(about.iter().any(|event| event.to_string().contains(&office.admin.id)), "who disabled: {events:?}");
    let all = Value::from(events).to_string();
    assert!(!all.contains(PASSWORD) && !all.contains("Wrong-Harbour-41") && !all.contains(&user.refresh_token));
}

fn the_command_line_does_the_same(store: Store) {
    let office = Office::open(store);
    let setup = office.doorward.setup();
    setup.run_ok(&["user", "create", "ada@example.com", "--password-stdin"], PASSWORD);
    let ada = office.doorward.signed_in("ada@example.com");
    let listed = setup.run_ok(&["user", "list"], "");
    assert!(listed.contains("ada@example.com") && listed.contains("root@example.com"), "{listed}");
    let taken = setup.run(&["user", "create", "ADA@example.com", "--password-stdin"], PASSWORD);
    assert!(!taken.status.success());
    let weak = setup.run(&["user", "create", "weak@example.com", "--password-stdin"], "password");
    assert!(!weak.status.success());
    setup.run_ok(&["user", "disable", "ada@example.com"], "");
    doorward_tests::deadline::until(
        "the node follows the command line",
        doorward_tests::instance::ACROSS_NODES,
        || (!office.doorward.accepts(&ada.access_token)).then_some(()),
    );
    setup.run_ok(&["user", "enable", "ada@example.com"], "");
    setup.run_ok(&["team", "create", "Research"], "");
    assert!(setup.run_ok(&["team", "list"], "").contains("Research"));
    setup.run_ok(&["domain", "create", "legal", "--name", "Legal"], "");
    assert!(setup.run_ok(&["domain", "list"], "").contains("legal"));
    let keys = setup.run_ok(&["key", "list"], "");
    assert!(!keys.trim().is_empty());
}
