//! Doorward asked by the proxies people already have: one script, behind each of them.

use doorward_tests::front_proxy::{FrontProxy, IDENTITY, Kind};
use doorward_tests::hosted::{COOKIE, FRONTEND, Place};
use doorward_tests::provider::ProviderSetup;
use doorward_tests::upstream::Upstream;
use doorward_tests::visitor::Visitor;
use doorward_tests::{Doorward, Response};
use doorward_tests::{part, ports};

const ROUTES: &str = r#"
[[routes]]
name = "open"
path = "/open/*"
methods = ["GET"]
require = { public = true }
[[routes]]
name = "lessons"
path = "/lessons/*"
methods = ["GET", "POST"]
inject = { headers = true, assertion = true }
[[routes]]
name = "designers"
path = "/designers"
methods = ["GET"]
require = { teams = ["Design"] }
"#;

/// A Doorward that a proxy asks, and the service that the proxy passes requests on to.
struct Fronted {
    place: Place,
    doorward: Doorward,
    service: Upstream,
    front: FrontProxy,
    handle: String,
}

impl Fronted {
    #[track_caller]
    fn behind(kind: Kind) -> Self {
        // People know the address of the proxy; Doorward listens where only the proxy comes.
        let place = Place::choose();
        let provider = ProviderSetup::for_doorward(&place.url(), FRONTEND).start();
        let toml = format!("[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n{}{ROUTES}", provider.settings("main"));
        let doorward = place.setup(&toml).at(ports::free()).start();
        let service = Upstream::echo();
        let front = kind.start(place.address, doorward.address(), service.address());
        let mut alice = Visitor::new();
        let back = provider.sign_in(&mut alice, &place.page("/lessons/7?a=b"), "alice", &place.callback());
        assert!(service.pending().is_empty(), "who has not signed in has not come through");
        let page = alice.follow(&back.url, FRONTEND);
        assert_eq!((page.response.status, page.url), (200, place.page("/lessons/7?a=b")), "the way leads back");
        assert_eq!(service.next().target(), "/lessons/7?a=b");
        let handle = place.session(&alice).expect("a session cookie");
        Self { place, doorward, service, front, handle }
    }

    fn get(&self, target: &str) -> doorward_tests::http::Request {
        self.front.client().get(target)
    }

    /// As alice's browser would send it.
    fn with_cookie(&self, target: &str) -> doorward_tests::http::Request {
        self.get(target).header("Cookie", &format!("theme=dark; {COOKIE}={}", self.handle))
    }

    #[track_caller]
    fn stopped(&self, answer: &Response, status: u16, why: &str) {
        assert_eq!(answer.status, status, "{why}: {}", answer.text());
        let passed: Vec<_> = self.service.pending().into_iter().map(|received| received.head).collect();
        assert!(passed.is_empty(), "{why}: {passed:?}");
    }
}

/// What every proxy has to get right.
fn the_script(kind: Kind) {
    let fronted = Fronted::behind(kind);
    open_to_everybody(&fronted);
    who_is_signed_in_passes_and_is_named(&fronted);
    who_is_not_is_stopped(&fronted);
    what_a_client_claims_counts_for_nothing(&fronted);
    a_session_that_ended_is_stopped_at_once(&fronted);
}

fn open_to_everybody(fronted: &Fronted) {
    let mut request = fronted.get("/open/x");
    for name in IDENTITY {
        request = request.header(name, "forged");
    }
    request.send().expect(200);
    let received = fronted.service.next();
    assert!(!received.head.contains("forged"), "{}", received.head);
}

fn who_is_signed_in_passes_and_is_named(fronted: &Fronted) {
    let me = fronted.doorward.get("/api/v1/users/me").header("Cookie", &format!("{COOKIE}={}", fronted.handle));
    let id = me.send().expect(200).json()["id"].as_str().expect("an id").to_owned();
    fronted.with_cookie("/lessons/7?a=b%20c").send().expect(200);
    let received = fronted.service.next();
    assert_eq!(received.target(), "/lessons/7?a=b%20c");
    assert_eq!(received.headers("x-user-id"), [id.as_str()], "{}", received.head);
    assert_eq!(received.headers("x-user-email"), ["alice@example.com"]);
    assert_eq!(received.headers("x-doorward-assertion").len(), 1, "{}", received.head);
    let post = fronted.front.client().post("/lessons/7").header("Cookie", &format!("{COOKIE}={}", fronted.handle));
    post.header("Origin", FRONTEND).text("text/plain", "the body").send().expect(200);
    assert_eq!(fronted.service.next().text(), "the body");
}

fn who_is_not_is_stopped(fronted: &Fronted) {
    fronted.stopped(&fronted.get("/lessons/7").send(), 401, "a script without a session");
    let browser = fronted.get("/lessons/7?a=b").header("Accept", "text/html").header("Sec-Fetch-Mode", "navigate");
    let answer = browser.send();
    let location = answer.header("location").unwrap_or_default().to_owned();
    fronted.stopped(&answer, 302, "a browser without a session");
    assert!(location.contains("/api/v1/auth/login?return_to=%2Flessons%2F7%3Fa%3Db"), "{location}");
    fronted.stopped(&fronted.with_cookie("/designers").send(), 403, "somebody of another team");
    fronted.stopped(&fronted.with_cookie("/elsewhere").send(), 403, "no route");
    for dead in ["", "x", "dws_AAAAAAAAAAAAAAAAAAAAAA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = fronted.get("/lessons/7").header("Cookie", &format!("{COOKIE}={dead}")).send();
        fronted.stopped(&answer, 401, "a dead cookie");
    }
    fronted.stopped(&fronted.get("/lessons/7").bearer("nonsense").send(), 401, "a bad token");
    let cross = fronted.front.client().post("/lessons/7").header("Cookie", &format!("{COOKIE}={}", fronted.handle));
    let answer = cross.header("Origin", "https://evil.example").body("x").send();
    fronted.stopped(&answer, 403, "a write from another site");
    let delete = fronted.front.client().request("DELETE", "/lessons/7");
    let answer = delete.header("Cookie", &format!("{COOKIE}={}", fronted.handle)).send();
    assert!((400..500).contains(&answer.status), "a method without a route: {}", answer.status);
    assert!(fronted.service.pending().is_empty());
}

fn what_a_client_claims_counts_for_nothing(fronted: &Fronted) {
    let claims = [
        ("X-Forwarded-Uri", "/open/x"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Original-URI", "/open/x"),
        ("X-Original-URL", "http://127.0.0.1/open/x"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Prefix", "/open"),
        ("X_Forwarded_Uri", "/open/x"),
        ("X-User-Id", "forged"),
    ];
    for (name, value) in claims {
        let answer = fronted.get("/lessons/7").header(name, value).send();
        assert!(matches!(answer.status, 400 | 401 | 403), "{name}: {}", answer.status);
        assert!(fronted.service.pending().is_empty(), "{name} opened a protected route");
    }
    let mut request = fronted.with_cookie("/lessons/7").header("Connection", "X-User-Id, close");
    for name in ["X-User-Id", "x-user-id", "X-Doorward-Assertion", "X-User-Email"] {
        request = request.header(name, "forged");
    }
    request.send();
    for received in fronted.service.pending() {
        assert!(!received.head.contains("forged"), "{}", received.head);
    }
    for target in ["/open/../lessons/7", "/open/%2e%2e/lessons/7", "/open/..%2flessons/7", "//lessons/7"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = fronted.front.client().raw(request);
        let reached: Vec<_> = fronted.service.pending().iter().map(|received| received.target().to_owned()).collect();
        assert!(reached.iter().all(|target| !target.contains("lessons")), "{target}: {} {reached:?}", answer.status);
    }
}

fn a_session_that_ended_is_stopped_at_once(fronted: &Fronted) {
    let mut alice = Visitor::new();
    fronted.place.plant(&mut alice, &fronted.handle);
    fronted.place.sign_out(&mut alice, "");
    fronted.stopped(&fronted.with_cookie("/lessons/7").send(), 401, "a session that ended");
}

#[test]
fn nginx_asks_about_every_request() {
    part::with(&["node", "nginx"], || the_script(Kind::Nginx));
}

#[test]
fn caddy_asks_about_every_request() {
    part::with(&["node", "caddy"], || the_script(Kind::Caddy));
}

#[test]
fn envoy_asks_about_every_request() {
    part::with(&["node", "envoy"], || the_script(Kind::Envoy));
}

#[test]
fn whoever_is_no_trusted_proxy_gets_no_answer_about_others() {
    let place = Place::choose();
    let doorward = place.setup(&ROUTES.replace("name =", "upstream = \"http://127.0.0.1:9/\"\nname =")).start();
    for path in ["/forward-auth", "/forward-auth/nginx", "/forward-auth/envoy/open/x"] {
        let request = doorward.get(path).header("X-Forwarded-Method", "GET").header("X-Forwarded-Uri", "/open/x");
        let problem = request.header("X-Original-URI", "/open/x").send().problem(403);
        assert!(problem.to_string().contains("trusted"), "{problem}");
    }
}
