//! What is peculiar to passwords in a Cognito user pool: other surfaces, the pool's own tokens and challenges, accounts
//! that one side has and the other has not, and a second pool that another hand wrote.

use doorward_tests::accounts::{Accounts, RESET, Tokens, VERIFICATION, registration};
use doorward_tests::cognito::{GRACE, PoolClient};
use doorward_tests::mailbox::Mailbox;
use doorward_tests::second_pool::SecondPool;
use doorward_tests::shape::{fields, text};
use doorward_tests::upstream::Upstream;
use doorward_tests::{PASSWORD, Setup, Store, part, token};
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "Still-Harbour-42";
const PATHS: [&str; 3] = ["/api/v1/users/me", "/api/auth/me", "/auth/me"];

/// Runs a claim over a pool for each kind of client.
fn with_each_client(claim: fn(&Accounts)) {
    part::with(&["python"], || {
        for client in [PoolClient::Public, PoolClient::Confidential] {
            claim(&Accounts::in_a_pool(client));
        }
    });
}

#[test]
fn every_surface_signs_people_up_and_in_at_the_pool() {
    with_each_client(|accounts| {
        let doorward = &accounts.doorward;
        doorward.sign_up("signin@example.com").send().expect(201);
        doorward.sign_up("signin@example.com").send().problem(409);
        let made = doorward.register("directory@example.com").send().expect(200).json();
        assert!(doorward.accepts(&text(&made["access_token"])), "the directory lets people in at once");
        doorward.register("directory@example.com").send().problem(400);
        for email in ["signin@example.com", "directory@example.com"] {
            assert_eq!(accounts.pool().account(email).expect("an account at the pool")["UserStatus"], "UNCONFIRMED");
            assert_eq!(doorward.sign_in(email, PASSWORD).send().status, 401, "the pool waits for the code");
            accounts.verify(email, &accounts.confirmation_code(email)).expect(200);
            let own = doorward.signed_in(email);
            let (_, claims) = token::read(&own.access_token);
            assert!(!text(&claims["iss"]).contains("amazonaws"), "Doorward's own token: {claims}");
            assert_eq!(doorward.get("/auth/me").bearer(&own.access_token).send().expect(200).json()["email"], email);
            let by_directory = doorward.log_in(email, PASSWORD).send().expect(200).json();
            assert!(doorward.accepts(&text(&by_directory["access_token"])));
            let refreshed = json!({"refresh_token": own.refresh_token});
            doorward.post("/api/auth/refresh").json(&refreshed).send().expect(200);
            doorward.sign_in(email, "Wrong-Harbour-41").send().problem(401);
        }
        assert_eq!(
            doorward.setup().database().query("select count(*) from users where password_hash is not null"),
            "0"
        );
    });
}

#[test]
fn somebody_of_the_pool_is_the_same_person_on_every_surface() {
    with_each_client(|accounts| {
        accounts.pool().adopt("veteran@example.com");
        let tokens = accounts.tokens("Veteran@example.com".to_lowercase().as_str());
        let by_pool = accounts.doorward.get("/auth/me").bearer(&tokens.access).send().expect(200).json();
        let by_us = accounts.doorward.signed_in("veteran@example.com");
        assert_eq!(by_pool["id"], by_us.id.as_str());
        assert_eq!(accounts.doorward.accounts(), 1);
    });
}

#[test]
fn the_pools_tokens_are_bearer_tokens_everywhere() {
    part::with(&["python"], || {
        let service = Upstream::echo();
        let route = format!(
            "[[routes]]\nname = \"behind\"\npath = \"/behind/*\"\nupstream = \"{}\"\ninject = {{ headers = true }}\n",
            service.url()
        );
        let accounts = Accounts::in_a_pool_with(PoolClient::Public, |_, setup| setup.file(&route));
        let email = accounts.person("bearer");
        let tokens = accounts.tokens(&email);
        let id = text(&accounts.doorward.get("/auth/me").bearer(&tokens.access).send().expect(200).json()["id"]);
        for bearer in [&tokens.access, &tokens.id] {
            for path in PATHS {
                assert_eq!(
                    accounts.doorward.get(path).bearer(bearer).send().expect(200).json()["email"],
                    email.as_str()
                );
            }
            assert_eq!(accounts.doorward.validate(bearer)["user"]["id"], id.as_str());
            accounts.doorward.get("/behind/x").bearer(bearer).send().expect(200);
            assert_eq!(service.next().headers("x-user-id"), [id.as_str()]);
        }
        let cut = &tokens.access[..tokens.access.len() - 4];
        let (header, mut claims) = token::read(&tokens.access);
        claims["token_use"] = "refresh".into();
        let forged = token::forge(&header, &claims, b"secret");
        // Tokens that the pool made for another of its clients, and for nobody here yet.
        let [foreign_id, foreign_access] = ["id_token", "access_token"].map(|name| accounts.pool().fact(name));
        for bad in [cut, &forged, &tokens.refresh] {
            accounts.doorward.get("/behind/x").bearer(bad).send().expect(401);
            accounts.assert_bearer(bad, false);
        }
        assert!(service.pending().is_empty());
        assert!(accounts.doorward.accepts(&foreign_access), "whose it is the pool tells");
        assert!(accounts.doorward.accepts(&foreign_id));
        let other_client = Accounts::in_a_pool(PoolClient::Confidential);
        let name = other_client.pool().fact("access_token");
        assert!(!other_client.doorward.accepts(&name), "a token for another client of the same pool");
    });
}

#[test]
fn what_else_the_pool_wants_is_told_as_such() {
    with_each_client(|accounts| {
        let pool = accounts.pool();
        let attributes = [json!({"Name": "email", "Value": "invited@example.com"})];
        let body = json!({
            "Username": "invited@example.com", "TemporaryPassword": PASSWORD, "UserAttributes": attributes,
            "MessageAction": "SUPPRESS",
        });
        pool.call("AdminCreateUser", body).expect(200);
        pool.adopt("ordered@example.com");
        pool.call("AdminResetUserPassword", json!({"Username": "ordered@example.com"})).expect(200);
        for (email, code) in
            [("invited@example.com", "new_password_required"), ("ordered@example.com", "password_reset_required")]
        {
            for refused in [accounts.login(email, PASSWORD), accounts.doorward.sign_in(email, PASSWORD).send()] {
                let refused = refused.problem(403);
                assert_eq!(refused["code"], code, "{refused}");
                assert!(text(&refused["detail"]).len() > 20, "it says what to do: {refused}");
            }
            let token = accounts.reset_token(email);
            accounts.reset(&token, NEW_PASSWORD).expect(200);
            accounts.login(email, NEW_PASSWORD).expect(200);
        }
        pool.adopt("locked@example.com");
        accounts.tokens("locked@example.com");
        pool.call("AdminDisableUser", json!({"Username": "locked@example.com"})).expect(200);
        let refused = accounts.login("locked@example.com", PASSWORD).problem(401);
        assert_eq!(refused["detail"], "Invalid email or password");
    });
}

#[test]
fn the_pools_rule_for_passwords_is_told_field_by_field() {
    with_each_client(|accounts| {
        let mut body = registration("weak@example.com");
        body["password"] = "quiet-harbour-forty".into();
        let refused = accounts.post("register", &body).problem(400);
        assert_eq!(fields(&refused), ["password"]);
        let reason = text(&refused["errors"][0]["message"]);
        assert!(!reason.contains("Exception") && reason.len() > 10, "{reason}");
        accounts.register("weak@example.com").expect(201);
    });
}

#[test]
fn whichever_side_lost_an_account_nobody_is_stuck() {
    with_each_client(|accounts| {
        let database = accounts.doorward.setup().database();
        // The store lost them: signing in makes the record again, and so does a reset, and the code of a sign-up.
        let email = accounts.person("forgotten");
        database.execute("delete from users where email_key = 'forgotten@example.com'");
        accounts.tokens(&email);
        database.execute("delete from users where email_key = 'forgotten@example.com'");
        let token = accounts.reset_token(&email);
        accounts.reset(&token, NEW_PASSWORD).expect(200);
        accounts.login(&email, NEW_PASSWORD).expect(200);
        accounts.register("halfway@example.com").expect(201);
        database.execute("delete from users where email_key = 'halfway@example.com'");
        accounts.verify("halfway@example.com", &accounts.confirmation_code("halfway@example.com")).expect(200);
        let tokens = accounts.tokens("halfway@example.com");
        accounts.assert_bearer(&tokens.access, true);
        // The pool lost them: a reset makes the account again, and so does another sign-up.
        for name in ["lost", "gone"] {
            let email = accounts.person(name);
            accounts.pool().call("AdminDeleteUser", json!({"Username": email})).expect(200);
            accounts.login(&email, PASSWORD).problem(401);
        }
        let token = accounts.reset_token("lost@example.com");
        accounts.reset(&token, NEW_PASSWORD).expect(200);
        accounts.login("lost@example.com", NEW_PASSWORD).expect(200);
        accounts.let_time_pass(60);
        accounts.register("gone@example.com").expect(201);
        accounts.verify("gone@example.com", &accounts.confirmation_code("gone@example.com")).expect(200);
        accounts.tokens("gone@example.com");
        // Confirmed neither here nor there: another code, or, if the store lost them, another sign-up goes on.
        accounts.register("again@example.com").expect(201);
        accounts.confirmation_code("again@example.com");
        accounts.register("again@example.com").problem(400);
        accounts.let_time_pass(60);
        accounts.request_code("again@example.com", VERIFICATION).expect(200);
        accounts.confirmation_code("again@example.com");
        database.execute("delete from users where email_key = 'again@example.com'");
        accounts.let_time_pass(60);
        accounts.register("again@example.com").expect(201);
        accounts.verify("again@example.com", &accounts.confirmation_code("again@example.com")).expect(200);
        accounts.tokens("again@example.com");
    });
}

#[test]
fn somebody_disabled_here_is_out_whatever_the_pool_says() {
    with_each_client(|accounts| {
        let email = accounts.person("banned");
        let tokens = accounts.tokens(&email);
        accounts.doorward.setup().run_ok(&["user", "disable", &email], "");
        let refused = accounts.login(&email, PASSWORD).problem(401);
        assert_eq!(refused["detail"], "Invalid email or password");
        doorward_tests::deadline::until("their token is refused", doorward_tests::instance::ACROSS_NODES, || {
            let answer = accounts.doorward.get("/api/v1/users/me").bearer(&tokens.access).send();
            (answer.status == 401).then_some(())
        });
        accounts.refresh(&tokens.refresh).problem(401);
        accounts.let_time_pass(60);
        accounts.request_code(&email, RESET).expect(200);
        accounts.person("witness");
        assert!(accounts.mailbox.all_to(&email).is_empty());
    });
}

#[test]
fn tokens_of_a_session_survive_a_restart_and_end_with_it() {
    part::with(&["python"], || {
        let accounts = Accounts::in_a_pool(PoolClient::Confidential);
        let email = accounts.person("steady");
        let (kept, ended) = (accounts.tokens(&email), accounts.tokens(&email));
        accounts.post("logout", &json!({"refresh_token": ended.refresh})).expect(200);
        let accounts = accounts.restarted();
        accounts.assert_bearer(&kept.access, true);
        let renewed = Tokens::of(&accounts.refresh(&kept.refresh).expect(200).json());
        accounts.assert_bearer(&renewed.access, true);
        accounts.assert_bearer(&ended.access, false);
        accounts.refresh(&ended.refresh).problem(401);
    });
}

#[test]
fn who_comes_to_the_pool_by_a_provider_needs_no_password_to_leave() {
    part::with(&["python"], || {
        let accounts = Accounts::in_a_pool(PoolClient::Public);
        let email = accounts.person("federated");
        let tokens = accounts.tokens(&email);
        let leave = || accounts.doorward.request("DELETE", PATHS[0]).bearer(&tokens.access).send();
        leave().problem(400);
        accounts.faults().federates();
        leave().expect(204);
        assert_eq!(accounts.pool().account(&email), None);
    });
}

#[test]
fn who_comes_to_the_pool_by_a_provider_is_known_by_their_first_id_token() {
    part::with(&["python"], || {
        let accounts = Accounts::in_a_pool(PoolClient::Public);
        let id_token = accounts.pool().fact("id_token");
        accounts.faults().federates();
        let me = accounts.doorward.get(PATHS[0]).bearer(&id_token).send().expect(200).json();
        assert_eq!(me["email"], GRACE);
    });
}

#[test]
fn a_second_pool_by_another_hand_will_do_too() {
    part::with(&["python", "node"], || {
        let (pool, mailbox) = (SecondPool::start(), Mailbox::start());
        let setup = Setup::on(Store::Sqlite).mails_through(&mailbox);
        let doorward = pool.keeps_passwords(setup).start();
        let post = |call: &str, body: &Value| doorward.post(&format!("/api/v1/auth/{call}")).json(body).send();
        let email = "second@example.com";
        post("register", &registration(email)).expect(201);
        let login = |password: &str| post("login", &json!({"email": email, "password": password}));
        assert_eq!(login(PASSWORD).problem(401)["detail"], "Email not verified");
        let code = pool.mailed_code(email);
        let wrong = if code == "123456" { "654321" } else { "123456" };
        let presented = |code: &str| json!({"email": email, "code": code, "purpose": VERIFICATION});
        assert_eq!(post("verify-otp", &presented(wrong)).problem(400)["detail"], "Invalid confirmation code");
        post("verify-otp", &presented(&code)).expect(200);
        assert_eq!(login("Wrong-Harbour-41").problem(401)["detail"], "Invalid email or password");
        let tokens = login(PASSWORD).expect(200).json();
        for path in PATHS {
            let me = doorward.get(path).bearer(&text(&tokens["access_token"])).send().expect(200).json();
            assert_eq!(me["email"], email, "{path}");
        }
        let renewed = post("refresh", &json!({"refresh_token": tokens["refresh_token"]})).expect(200).json();
        doorward.get(PATHS[0]).bearer(&text(&renewed["access_token"])).send().expect(200);
    });
}
