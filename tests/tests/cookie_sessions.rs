//! The session cookie as browsers get it and send it: its name and attributes by the old settings, and that another
//! site's page cannot write with it.

use doorward_tests::hosted::{COOKIE, FRONTEND, Place};
use doorward_tests::liar::{Liar, Lie};
use doorward_tests::upstream::Upstream;
use doorward_tests::visitor::Visitor;
use doorward_tests::{Doorward, Setup};

/// Somebody who signed in, with what set their cookie.
fn signed_in(place: &Place, setup: impl FnOnce(Setup) -> Setup, routes: &str) -> (Doorward, Visitor, String) {
    let liar = Liar::telling(Lie::none());
    let doorward = setup(place.setup(&(liar.settings("main") + routes))).start();
    let mut visitor = Visitor::new();
    let landed = visitor.follow(&place.login(), FRONTEND);
    let set = landed.response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let set = set.map(|(_, value)| value.clone()).find(|cookie| cookie.contains("dws_"));
    (doorward, visitor, set.expect("a session cookie was set"))
}

#[test]
fn the_cookie_is_what_the_old_settings_make_of_it() {
    let place = Place::choose();
    let named = |setup: Setup| setup.env("COOKIE_NAME", "sid").env("COOKIE_SAMESITE", "strict");
    let (doorward, _, set) = signed_in(&place, named, "");
    assert!(set.starts_with("sid=dws_") && set.contains("SameSite=Strict") && set.contains("HttpOnly"), "{set}");
    assert!(set.contains("Path=/") && !set.contains("Domain") && !set.contains("Secure"), "{set}");
    let status = doorward.get("/api/v1/auth/status").send().expect(200).json();
    assert_eq!(status["cookie_name"], "sid");
    assert_eq!(status["authenticated"], false);

    let place = Place::choose();
    let (doorward, _, set) = signed_in(&place, |setup| setup.env("COOKIE_SECURE", "true"), "");
    assert!(set.starts_with("__Host-access_token=dws_") && set.contains("Secure") && set.contains("Path=/"), "{set}");
    assert!(set.contains("SameSite=Lax") && !set.contains("Domain"), "{set}");
    let status = doorward.get("/api/v1/auth/status").send().expect(200).json();
    assert_eq!(status["cookie_name"], "__Host-access_token");
}

#[test]
fn another_sites_page_cannot_write_with_the_cookie() {
    let place = Place::choose();
    let upstream = Upstream::echo();
    let routes = format!(
        "[[routes]]\nname = \"members\"\npath = \"/members/*\"\nmethods = [\"GET\", \"POST\"]\nupstream = \"{}\"\n",
        upstream.url()
    );
    let (doorward, visitor, _) = signed_in(&place, |setup| setup, &routes);
    let cookie = format!("{COOKIE}={}", place.session(&visitor).expect("a session"));
    let post = |target: &str| doorward.post(target).header("Cookie", &cookie);
    let lookalike = format!("{FRONTEND}.evil.example");
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", lookalike.as_str()),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        assert_eq!(post("/members/x").header(name, value).send().problem(403)["code"], "cross_site", "{name}: {value}");
        post("/api/v1/auth/logout").header(name, value).send().problem(403);
        assert!(upstream.pending().is_empty(), "{name}: {value} passed");
    }
    let upgrade = doorward.get("/members/x").header("Cookie", &cookie).header("Origin", "https://evil.example");
    let upgrade = upgrade.header("Connection", "Upgrade").header("Upgrade", "websocket");
    upgrade
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .send()
        .problem(403);
    assert!(upstream.pending().is_empty());
    post("/members/x").header("Origin", FRONTEND).send().expect(200);
    post("/members/x").header("Sec-Fetch-Site", "same-origin").send().expect(200);
    let passed = upstream.pending();
    assert_eq!(passed.len(), 2, "and nobody was signed out by another site's page");
    assert!(passed.iter().all(|request| request.headers("cookie").is_empty()), "the cookie stays here");
}
