//! The whole of signing in, as a person in a real Chromium does it.

use doorward_tests::browser::{self, PARTS};
use doorward_tests::cognito::{Cognito, GRACE};
use doorward_tests::hosted::{COOKIE, Place};
use doorward_tests::provider::ProviderSetup;
use doorward_tests::upstream::{Upstream, respond};
use doorward_tests::{PASSWORD, Setup, part};
use serde_json::{Value, json};

/// Hosts of one site, as in production; the stranger's is another site.
const SITE: &str = "app.localhost";
const STRANGER: &str = "stranger.localhost";

/// Pages without content: all that a script needs to run under an origin.
fn page() -> Upstream {
    Upstream::answering(|_, stream| respond(stream, "200 OK", "text/html", "<!doctype html><title>page</title>"))
}

fn address(host: &str, upstream: &Upstream) -> String {
    format!("http://{host}:{}", upstream.address().port())
}

/// Doorward, its front end, and a service behind.
struct Site {
    place: Place,
    generation: Upstream,
    frontend: String,
    stranger: String,
}

impl Site {
    fn choose() -> Self {
        let (frontend, stranger) = (address(SITE, &page()), address(STRANGER, &page()));
        Self { place: Place::named(SITE), generation: Upstream::echo(), frontend, stranger }
    }

    fn setup(&self, toml: &str) -> Setup {
        let setup = self.place.setup(toml).set("server.frontend_url", &self.frontend);
        setup.env("GENERATION_SERVICE_URL", &self.generation.url())
    }
}

/// What the person saw: everything is the same whoever the provider is.
#[track_caller]
fn person_signs_in_and_out(site: &Site, toml: &str, mut settings: Value) {
    let Site { place, generation, frontend, stranger } = site;
    let _doorward = site.setup(toml).start();
    settings["doorward"] = place.url().into();
    settings["frontend"] = frontend.clone().into();
    settings["stranger"] = stranger.clone().into();
    settings["cookie"] = COOKIE.into();
    let email = settings["email"].clone();
    let seen = browser::run("hosted_sign_in.mjs", settings);

    assert_eq!(seen["landed"], format!("{frontend}/dashboard"));
    let cookies = seen["cookies"].as_array().expect("cookies");
    let cookie = cookies.iter().find(|cookie| cookie["name"] == COOKIE).unwrap_or_else(|| panic!("{seen}"));
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"], &cookie["path"]), (&json!(true), &json!("Lax"), &json!("/")));
    assert!(!seen["readable"].to_string().contains("dws_"), "no script reads the session");
    assert_eq!(seen["me"]["json"]["email"], email, "{seen}");
    assert_eq!(seen["plan"]["status"], 200, "{seen}");
    let told: Value = serde_json::from_slice(&generation.next().body).expect("JSON passes on as JSON");
    assert_eq!(told, json!({"goal": "learn", "user_id": seen["me"]["json"]["id"]}));

    for attempt in ["strangerReads", "strangerWrites"] {
        assert_eq!(seen[attempt]["error"], "TypeError", "{attempt}: {seen}");
    }
    let passed = generation.pending();
    assert!(passed.is_empty(), "a stranger's page reached the service: {passed:?}");
    assert_eq!(seen["secondTab"]["json"]["authenticated"], true);
    assert_eq!(seen["logout"]["json"]["message"], "Successfully logged out", "{seen}");
    assert_eq!(seen["after"]["json"]["authenticated"], false);
    assert!(!seen["cookiesAfter"].to_string().contains(COOKIE), "{seen}");
    assert_eq!(seen["stolen"]["status"], 401, "a copied cookie is dead: {seen}");
    assert_eq!(seen["asksAgain"], true, "the provider has forgotten the person: {seen}");
}

#[test]
fn a_person_signs_in_at_the_certified_provider_and_out_again() {
    part::with(PARTS, || {
        let site = Site::choose();
        let provider = ProviderSetup::for_doorward(&site.place.url(), &site.frontend).start();
        let person = json!({"name": "alice", "password": "any"});
        let settings = json!({
            "login": "/api/v1/auth/login", "person": person, "email": "alice@example.com", "confirmsLogout": true,
        });
        person_signs_in_and_out(&site, &provider.settings("main"), settings);
    });
}

#[test]
fn a_person_signs_in_on_the_hosted_page_of_cognito_beside_another_provider() {
    part::with(&[PARTS, &["python"]].concat(), || {
        let site = Site::choose();
        let provider = ProviderSetup::for_doorward(&site.place.url(), &site.frontend).start();
        let pool = Cognito::start(&site.place.url(), &site.frontend);
        let person = json!({"name": GRACE, "password": PASSWORD});
        let settings = json!({
            "login": "/api/v1/auth/login?provider=pool", "person": person, "email": GRACE, "confirmsLogout": false,
        });
        person_signs_in_and_out(&site, &(provider.settings("main") + &pool.settings("pool")), settings);
    });
}
