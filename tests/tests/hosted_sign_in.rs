//! People sign in through a provider's page and keep a cookie: the whole way, at a certified provider and at Cognito.

use doorward_tests::cognito::{Cognito, GRACE};
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::hosted::{FRONTEND, Place, assert_refused};
use doorward_tests::part;
use doorward_tests::provider::{Provider, ProviderSetup};
use doorward_tests::shape::{assert_members, text};
use doorward_tests::visitor::{Visitor, encode, parameter};
use doorward_tests::{Doorward, Response};
use serde_json::json;

/// A Doorward and the certified provider it sends people to.
struct Hosted {
    place: Place,
    provider: Provider,
    doorward: Doorward,
}

impl Hosted {
    #[track_caller]
    fn start() -> Self {
        Self::with(|setup| setup, "")
    }

    #[track_caller]
    fn with(provider: impl FnOnce(ProviderSetup) -> ProviderSetup, toml: &str) -> Self {
        let place = Place::choose();
        let provider = provider(ProviderSetup::for_doorward(&place.url(), FRONTEND)).start();
        let doorward = place.setup(&format!("{}{toml}", provider.settings("main"))).start();
        Self { place, provider, doorward }
    }

    /// Somebody signs in with a user agent of their own.
    #[track_caller]
    fn signed_in(&self, login: &str) -> Visitor {
        let mut visitor = Visitor::new();
        let landed = self.provider.sign_in(&mut visitor, &self.place.login(), login, FRONTEND);
        assert_eq!(landed.url, format!("{FRONTEND}/dashboard"));
        visitor
    }

    fn get(&self, visitor: &mut Visitor, target: &str) -> Response {
        visitor.ask(&self.place.page(target), |client, target| client.get(target))
    }
}

#[test]
fn a_person_signs_in_lands_on_the_dashboard_and_out_again() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let place = &hosted.place;
        let mut alice = hosted.signed_in("alice");
        let handle = place.session(&alice).expect("a session cookie");
        assert!(handle.len() < 200 && handle.starts_with("dws_"), "{handle}");
        let me = place.me(&mut alice).expect(200).json();
        assert_members(&me, &["id", "email", "cognito_sub", "full_name", "roles", "created_at"]);
        assert_eq!((&me["email"], &me["full_name"]), (&json!("alice@example.com"), &json!("Person alice")));
        assert_eq!(me["cognito_sub"], "alice");
        assert!(place.is_signed_in(&mut alice));

        let left = place.sign_out(&mut alice, "");
        assert_eq!(left["message"], "Successfully logged out");
        assert!(text(&left["logout_url"]).starts_with(hosted.provider.issuer()), "{left}");
        assert_eq!(place.session(&alice), None);
        place.plant(&mut alice, &handle);
        assert!(!place.is_signed_in(&mut alice), "a copied cookie is dead");
        place.me(&mut alice).problem(401);
        assert_eq!(place.sign_out(&mut Visitor::new(), "")["message"], "Successfully logged out", "nobody was in");
    });
}

#[test]
fn the_way_to_the_provider_is_bound_to_this_browser_and_this_time() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let mut visitor = Visitor::new();
        let away = visitor.get(&hosted.place.login());
        assert_eq!(away.response.status, 302);
        let to = away.redirect().expect("a redirect");
        assert!(to.starts_with(&format!("{}/auth?", hosted.provider.issuer())), "{to}");
        let of = |name: &str| parameter(&to, name).unwrap_or_else(|| panic!("no {name} in {to}"));
        assert_eq!((of("response_type").as_str(), of("client_id").as_str()), ("code", "doorward"));
        assert_eq!(of("scope"), "openid email profile");
        assert_eq!(of("redirect_uri"), hosted.place.callback());
        assert_eq!(of("code_challenge_method"), "S256");
        assert_eq!(of("code_challenge").len(), 43);
        let again = Visitor::new().get(&hosted.place.login()).redirect().expect("a redirect");
        for name in ["state", "nonce", "code_challenge"] {
            assert!(of(name).len() >= 22, "{name}: {}", of(name));
            assert_ne!(Some(of(name)), parameter(&again, name), "{name} is new each time");
        }
        let flow = away.response.headers.iter().filter(|(name, _)| name == "set-cookie");
        let flow: Vec<_> = flow.map(|(_, value)| value.to_lowercase()).collect();
        assert_eq!(flow.len(), 1, "{flow:?}");
        for part in ["doorward_flow_", "httponly", "samesite=lax", "path=/"] {
            assert!(flow[0].contains(part), "{}", flow[0]);
        }
    });
}

#[test]
fn a_way_back_counts_once_and_in_the_browser_that_left() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let place = &hosted.place;
        let mut attacker = Visitor::new();
        let back = hosted.provider.sign_in(&mut attacker, &place.login(), "mallory", &place.callback());
        let mut victim = Visitor::new();
        let end = victim.get(&back.url);
        assert_refused("login forced upon another browser", place, &mut victim, &end);
        victim.follow(&place.login(), hosted.provider.issuer());
        let end = victim.get(&back.url);
        assert_refused("another browser with a flow of its own", place, &mut victim, &end);

        let mut twice = Visitor::new();
        let back = hosted.provider.sign_in(&mut twice, &place.login(), "alice", &place.callback());
        assert_eq!(twice.get(&back.url).redirect(), Some(format!("{FRONTEND}/dashboard")));
        let session = place.session(&twice);
        assert_eq!(twice.get(&back.url).response.status, 400, "the state was used");
        assert!(session.is_some() && place.session(&twice) == session, "the session stays what it was");

        for query in ["", "?code=x", "?state=x", "?state=&code=x", "?error=access_denied", "?code=x&state=x&state=x"] {
            let mut visitor = Visitor::new();
            let end = visitor.get(&(place.callback() + query));
            assert_eq!(end.response.status, 400, "{query}");
            assert_eq!(end.response.header("content-type"), Some("text/html; charset=utf-8"), "{query}");
            assert_refused(query, place, &mut visitor, &end);
            hosted.doorward.get(&format!("/api/v1/auth/callback{query}")).send().problem(400);
        }
    });
}

#[test]
fn people_return_to_a_page_of_the_same_site_and_to_no_other() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let mut alice = hosted.signed_in("alice");
        let mut returned = |wish: &str| {
            let start = format!("{}?return_to={wish}", hosted.place.login());
            let back = hosted.provider.sign_in(&mut alice, &start, "alice", &hosted.place.callback());
            alice.get(&back.url).redirect().expect("a redirect")
        };
        assert_eq!(returned("/lessons/7%3Ftab=notes"), hosted.place.page("/lessons/7?tab=notes"));
        for wish in [
            "https://evil.example",
            "//evil.example",
            "/%5Cevil.example",
            "/%09/evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "%2F%2Fevil.example",
            "/%2Fevil.example/..",
            "http:evil.example",
        ] {
            let landed = returned(wish);
            assert_eq!(landed, format!("{FRONTEND}/dashboard"), "{wish}");
        }
    });
}

#[test]
fn signing_in_over_somebodys_session_ends_it() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let mut shared = hosted.signed_in("alice");
        let first = hosted.place.session(&shared).expect("a session");
        // The provider's own session is another matter: this person starts there anew.
        let mut next = Visitor::new();
        hosted.place.plant(&mut next, &first);
        let landed = hosted.provider.sign_in(&mut next, &hosted.place.login(), "bob", FRONTEND);
        assert!(landed.url.starts_with(FRONTEND));
        assert_eq!(hosted.place.me(&mut next).json()["email"], "bob@example.com");
        hosted.place.me(&mut shared).problem(401);
    });
}

#[test]
fn the_user_sees_own_sessions_and_ends_them() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let place = &hosted.place;
        let (mut here, mut there) = (hosted.signed_in("alice"), hosted.signed_in("alice"));
        let mut bob = hosted.signed_in("bob");
        let list = hosted.get(&mut here, "/api/v1/users/me/sessions").expect(200).json();
        let sessions = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
        assert_eq!(sessions.len(), 2, "{list}");
        assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1, "{list}");
        assert!(!list.to_string().contains("dws_"), "handles stay secret: {list}");
        let theirs = hosted.get(&mut bob, "/api/v1/users/me/sessions").expect(200).json();
        let id = text(&theirs["items"][0]["id"]);
        let delete = |visitor: &mut Visitor, target: &str| {
            let request = |client: doorward_tests::Client, target: &str| {
                client.request("DELETE", target).header("Origin", FRONTEND)
            };
            visitor.ask(&place.page(target), request).status
        };
        assert_eq!(delete(&mut here, &format!("/api/v1/users/me/sessions/{id}")), 404, "somebody else's session");
        assert!(place.is_signed_in(&mut bob));
        assert!((200..300).contains(&delete(&mut here, "/api/v1/users/me/sessions")));
        assert!(place.is_signed_in(&mut here) && !place.is_signed_in(&mut there));
        let mut again = hosted.signed_in("alice");
        place.sign_out(&mut here, "?everywhere=true");
        assert!(!place.is_signed_in(&mut here) && !place.is_signed_in(&mut again) && place.is_signed_in(&mut bob));
    });
}

#[test]
fn a_sign_out_at_the_provider_ends_the_session_here() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let (mut alice, mut elsewhere) = (hosted.signed_in("alice"), hosted.signed_in("alice"));
        let page = alice.get(&format!("{}/session/end", hosted.provider.issuer()));
        alice.submit(&page, &[("logout", "yes")]);
        until("the session has ended", PATIENCE, || (!hosted.place.is_signed_in(&mut alice)).then_some(()));
        assert!(hosted.place.is_signed_in(&mut elsewhere), "the session in another browser goes on");
        for forged in ["", "logout_token=", "logout_token=a.b.c", "token=x"] {
            let request = hosted.doorward.post("/api/v1/auth/backchannel-logout");
            request.text("application/x-www-form-urlencoded", forged).send().problem(400);
        }
    });
}

#[test]
fn two_providers_stand_side_by_side() {
    part::with(&["node", "python"], || {
        let place = Place::choose();
        let provider = ProviderSetup::for_doorward(&place.url(), FRONTEND).start();
        let pool = Cognito::start(&place.url(), FRONTEND);
        let settings = provider.settings("school") + &pool.settings("pool");
        let _doorward = place.setup(&settings).start();
        let mut visitor = Visitor::new();
        let listed = visitor.ask(&place.page("/api/v1/auth/providers"), |client, target| client.get(target));
        let listed = listed.expect(200).json();
        let ids: Vec<_> = listed["providers"].as_array().expect("a list").iter().map(|one| text(&one["id"])).collect();
        assert_eq!(ids, ["school", "pool"]);
        provider.sign_in(&mut visitor, &place.login(), "alice", FRONTEND);
        assert_eq!(place.me(&mut visitor).json()["email"], "alice@example.com");
        let mut grace = Visitor::new();
        let landed = pool.sign_in(&mut grace, &format!("{}?provider=pool", place.login()), GRACE, FRONTEND);
        assert_eq!(landed.url, format!("{FRONTEND}/dashboard"));
        assert_eq!(place.me(&mut grace).json()["email"], GRACE);
        assert_eq!(visitor.get(&format!("{}?provider=nobody", place.login())).response.status, 400);
    });
}

#[test]
fn cognitos_hosted_page_signs_people_in_with_the_old_settings_alone() {
    part::with(&["python"], || {
        let place = Place::choose();
        let pool = Cognito::start(&place.url(), FRONTEND);
        let base = pool.base();
        let doorward = place
            .setup("")
            .env("COGNITO_REGION", "us-east-1")
            .env("COGNITO_USER_POOL_ID", &pool.fact("pool_id"))
            .env("COGNITO_CLIENT_ID", &pool.fact("client_id"))
            .env("COGNITO_CLIENT_SECRET", &pool.fact("client_secret"))
            .env("COGNITO_DOMAIN", &base)
            .env("REDIRECT_URI", &place.callback())
            // The emulator has no TLS under the true name: its keys are fetched where it really is.
            .set("providers.0.jwks_uri", &pool.fact("jwks_uri"))
            .set(
                "providers.0.discovery_url",
                &format!("{base}/{}/.well-known/openid-configuration", pool.fact("pool_id")),
            )
            .start();
        let mut grace = Visitor::new();
        let landed = pool.sign_in(&mut grace, &place.login(), GRACE, FRONTEND);
        assert_eq!(landed.url, format!("{FRONTEND}/dashboard"), "{}", landed.response.text());
        let me = place.me(&mut grace).expect(200).json();
        assert_eq!((&me["email"], &me["full_name"]), (&json!(GRACE), &json!("Grace Hopper")));
        assert!(me["cognito_sub"].as_str().is_some_and(|subject| subject.len() == 36), "{me}");
        let left = place.sign_out(&mut grace, "");
        let away = text(&left["logout_url"]);
        assert!(away.starts_with(&format!("{base}/logout?client_id=")) && away.contains("logout_uri="), "{away}");
        assert_eq!(doorward.accounts(), 1);
    });
}

#[test]
fn groups_at_the_provider_become_teams_and_roles_here_and_go_with_them() {
    part::with(&["node"], || {
        let rule = "[[providers.groups]]\ngroup = \"admins\"\nroles = [\"admin\"]\nteams = [\"Design\"]\n";
        let groups = json!({"groups": ["admins", "unknown"]});
        let mut hosted = Hosted::with(|provider| provider.account("ann", groups), rule);
        let given = |hosted: &Hosted| {
            let database = hosted.doorward.setup().database();
            let teams = "select count(*) from team_memberships m join teams t on t.id = m.team_id \
                         where t.name = 'Design'";
            (database.query("select roles from users").contains("admin"), database.query(teams) == "1")
        };
        hosted.signed_in("ann");
        assert_eq!(given(&hosted), (true, true));
        hosted.provider.changes("ann", &json!({"groups": []}));
        hosted.signed_in("ann");
        assert_eq!(given(&hosted), (false, false), "who left the group has lost what it gave");
    });
}

#[test]
fn a_provider_that_is_away_is_told_and_nobody_else_suffers() {
    part::with(&["node"], || {
        let hosted = Hosted::start();
        let mut alice = hosted.signed_in("alice");
        let Hosted { place, provider, doorward } = hosted;
        let issuer = provider.issuer().to_owned();
        drop(provider);
        assert!(place.is_signed_in(&mut alice), "who is in stays in");
        let mut visitor = Visitor::new();
        let away = visitor.get(&place.login());
        if let Some(to) = away.redirect() {
            // What was learnt of the provider before is still known; the exchange is what fails.
            let state = parameter(&to, "state").expect("a state");
            let end = visitor.get(&format!("{}?code=x&state={state}&iss={}", place.callback(), encode(&issuer)));
            assert_eq!(end.response.status, 503, "{}", end.response.text());
            assert!(end.response.header("retry-after").is_some());
        } else {
            assert_eq!(away.response.status, 503);
        }
        doorward.get("/readyz").send().expect(200);
    });
}
