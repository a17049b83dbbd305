//! What every answer has in common: request ids, security headers, CORS, problems for unknown paths and methods.

use doorward_tests::shape::{assert_members, text};
use doorward_tests::{Doorward, Setup, Store};

#[test]
fn every_answer_has_a_request_id_and_security_headers() {
    let doorward = Doorward::start(Store::Sqlite);
    for path in ["/health", "/api/auth/me", "/nowhere", "/docs", "/openapi.json", "/.well-known/jwks.json"] {
        let response = doorward.get(path).send();
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        for name in ["x-request-id", "content-security-policy", "referrer-policy", "x-frame-options"] {
            assert!(response.header(name).is_some(), "{path}: {name}");
        }
    }
}

#[test]
fn a_good_request_id_is_kept_and_a_bad_one_replaced() {
    let doorward = Doorward::start(Store::Sqlite);
    let answered = |id: &str| {
        let response = doorward.get("/health").header("X-Request-Id", id).send();
        response.header("x-request-id").unwrap_or_default().to_owned()
    };
    assert_eq!(answered("abc-123_X.y"), "abc-123_X.y");
    let long = "x".repeat(129);
    for bad in ["", "a b", "a\tb", "<script>", &long] {
        let id = answered(bad);
        assert!(!id.is_empty() && id != bad, "{bad}");
    }
}

#[test]
fn unknown_paths_and_methods_are_problems() {
    let doorward = Doorward::start(Store::Sqlite);
    for path in ["/nowhere", "/api/auth", "/auth/", "/api/auth/me/", "/admin/v1/nothing", "//health", "/HEALTH"] {
        let problem = doorward.get(path).send().problem(404);
        assert!(!text(&problem["title"]).is_empty());
    }
    for (method, path) in
        [("GET", "/api/auth/signin"), ("DELETE", "/auth/me"), ("PUT", "/health"), ("TRACE", "/health")]
    {
        let response = doorward.request(method, path).send();
        assert!(response.header("allow").is_some(), "{method} {path}: {}", response.status);
        response.problem(405);
    }
    let head = doorward.request("HEAD", "/health").send().expect(200);
    assert!(head.body.is_empty());
    assert!(head.header("content-length").is_some_and(|length| length != "0"));
}

#[test]
fn only_known_origins_may_read_answers() {
    let doorward = Setup::on(Store::Sqlite)
        .set("server.frontend_url", "https://app.example.com")
        .set("server.cors_origins", "https://other.example.com,https://third.example.com:8443")
        .start();
    let allowed = |origin: &str| {
        let response = doorward.get("/health").header("Origin", origin).send().expect(200);
        assert!(response.headers.iter().any(|(name, value)| name == "vary" && value.to_lowercase().contains("origin")));
        let credentials = response.header("access-control-allow-credentials") == Some("true");
        let origin = response.header("access-control-allow-origin").map(str::to_owned);
        (origin, credentials)
    };
    for origin in ["https://app.example.com", "https://other.example.com", "https://third.example.com:8443"] {
        assert_eq!(allowed(origin), (Some(origin.to_owned()), true));
    }
    let (near, credentials) = allowed("http://localhost:5173");
    assert!(near.is_some() && !credentials, "development is relaxed about this machine, but for people's cookies");
    for origin in [
        "null",
        "https://app.example.com.evil.test",
        "https://evil.test",
        "http://app.example.com",
        "https://app.example.com:444",
        "https://APP.example.com.",
        "http://localhost.evil.test",
        "*",
    ] {
        assert_eq!(allowed(origin).0, None, "{origin}");
    }
    let preflight = |origin: &str| {
        let request = doorward.request("OPTIONS", "/api/auth/signin").header("Origin", origin);
        let request = request.header("Access-Control-Request-Method", "POST");
        request.header("Access-Control-Request-Headers", "content-type,authorization").send()
    };
    let answer = preflight("https://app.example.com");
    assert!(answer.status == 200 || answer.status == 204);
    assert!(answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    let headers = answer.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
    assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
    assert_eq!(preflight("https://evil.test").header("access-control-allow-origin"), None);
}

#[test]
fn a_clients_address_counts_only_from_a_trusted_proxy() {
    let setup = Setup::on(Store::Sqlite).set("throttle.failures_per_address", "3/1h");
    let asked = |setup: Setup| {
        let doorward = setup.start();
        let statuses = (0..8).map(|count| {
            let request = doorward.sign_in(&format!("p{count}@example.com"), "Wrong-Harbour-41");
            request.header("X-Forwarded-For", &format!("198.51.100.{count}")).send().status
        });
        statuses.collect::<Vec<_>>()
    };
    assert!(asked(setup.clone()).contains(&429), "an untrusted hop cannot claim other addresses");
    let trusting = setup.set("server.trusted_proxies", "127.0.0.0/8");
    let statuses = asked(trusting);
    assert!(statuses.iter().all(|status| *status == 401), "each client of the proxy has its own count: {statuses:?}");
}

#[test]
fn the_root_says_which_service_it_is() {
    let doorward = Doorward::start(Store::Sqlite);
    let root = doorward.get("/").send().expect(200).json();
    assert_members(&root, &["service", "status", "version"]);
    assert_eq!(root["status"], "healthy");
    doorward.post("/").send().problem(405);
}
