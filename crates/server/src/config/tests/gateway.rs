//! Routes and what stands around them, from the file to `Config`.

use std::time::Duration;

use super::super::quantity::{Rate, RatePer, RouteRate};
use super::{from_file, loaded, sources};

const ROUTE: &str = "[[routes]]\nname = \"r\"\npath = \"/r\"\nupstream = \"http://10.0.0.1\"\n";

#[test]
fn a_service_url_makes_its_routes_after_the_others() {
    let file = "[[routes]]\nname = \"files\"\npath = \"/files/*\"\nupstream = \"http://10.0.0.1:1\"\n";
    let env = [("GENERATION_SERVICE_URL", "http://generation_service:8001/"), ("RAG_SERVICE_URL", "http://rag:8002")];
    let config = loaded(&sources(file, &env, ""));
    let routes: Vec<_> = config
        .routes
        .iter()
        .map(|route| (route.path.as_str(), route.upstream[0].as_str(), route.timeout.as_secs()))
        .collect();
    assert_eq!(
        routes,
        [
            ("/files/*", "http://10.0.0.1:1", 30),
            ("/api/v1/generation/create-plan", "http://generation_service:8001/create_plan", 60),
            ("/api/v1/generation/chat", "http://generation_service:8001/learn/generation", 120),
            ("/api/v1/rag/upload", "http://rag:8002/upload-and-plan", 180),
            ("/api/v1/rag/query", "http://rag:8002/query", 60),
        ]
    );
    for (index, json, multipart) in [(1, true, false), (2, true, false), (3, false, true), (4, true, false)] {
        let route = &config.routes[index];
        let inject = |asked: bool| asked.then_some("user_id");
        assert_eq!(
            (route.inject.json.as_deref(), route.inject.multipart.as_deref()),
            (inject(json), inject(multipart))
        );
        assert_eq!((route.methods.as_slice(), route.idle_timeout), (&["POST".to_owned()][..], route.timeout));
    }
    assert_eq!(config.routes[3].body_limit, 5 << 30);
    let rag_alone = loaded(&sources("", &env[1..], "")).routes;
    assert_eq!(rag_alone.iter().map(|route| route.name.as_str()).collect::<Vec<_>>(), ["upload", "query"]);
}

#[test]
fn a_route_says_how_its_services_are_used() {
    let route = from_file(ROUTE).routes.remove(0);
    assert_eq!((route.http2, route.retries, route.health), (false, 2, None));
    assert_eq!((route.connect_timeout, route.timeout), (Duration::from_secs(2), Duration::from_secs(30)));
    assert_eq!((route.idle_timeout, route.rate), (route.timeout, None));

    let said = "timeout = \"5s\"\nconnect_timeout = \"1s\"\nidle_timeout = \"1h\"\nretries = 0\nhttp2 = true\n\
                health = { path = \"/healthz\", interval = \"3s\" }\nrate = \"60/1m per address\"\n\
                inject = { json = \"id\", form = \"id\", headers = true, assertion = true }\n\
                require = { recent_sign_in = \"10m\" }\n";
    let route = from_file(&format!("{ROUTE}{said}")).routes.remove(0);
    assert_eq!((route.http2, route.retries, route.connect_timeout), (true, 0, Duration::from_secs(1)));
    assert_eq!((route.timeout, route.idle_timeout), (Duration::from_secs(5), Duration::from_hours(1)));
    let health = route.health.unwrap();
    assert_eq!((health.path.as_str(), health.interval.as_secs(), health.timeout.as_secs()), ("/healthz", 3, 2));
    let rate = Rate { count: 60, per: Duration::from_mins(1) };
    assert_eq!(route.rate, Some(RouteRate { rate, per: RatePer::Address }));
    assert_eq!(route.inject.form.as_deref(), Some("id"));
    assert!(route.inject.headers && route.inject.assertion);
    assert_eq!(route.require.recent_sign_in, Some(Duration::from_mins(10)));
}

#[test]
fn a_route_may_be_for_forward_auth_alone() {
    let file = "[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[routes]]\nname = \"r\"\npath = \"/r/*\"\ninject.headers = true\n";
    assert!(from_file(file).routes[0].upstream.is_empty());
}
