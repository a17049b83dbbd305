//! Routes may not take what Doorward answers itself.

use super::checks::{ROUTE, mistakes};

fn route(path: &str) -> String {
    ROUTE.replace("\"/r\"", &format!("{path:?}"))
}

#[test]
fn doorwards_own_paths_are_no_routes() {
    for path in [
        "/",
        "/*",
        "/auth",
        "/auth/x",
        "/auth/*",
        "/api/*",
        "/api/auth/*",
        "/api/v1/*",
        "/api/v1/auth/login",
        "/api/v1/users/*",
        "/teams/all",
        "/domains",
        "/admin/v1/users",
        "/docs",
        "/forward-auth/x",
        "/redoc/*",
        "/openapi.json",
        "/api/docs",
        "/api/redoc",
        "/api/openapi.json",
        "/health",
        "/livez",
        "/readyz",
        "/.well-known/x",
    ] {
        let mistakes = mistakes("development", &route(path));
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("routes[0].path: "), "{path}: {mistakes:?}");
    }
    for path in ["/authx", "/api/v1/generation/*", "/api/authors", "/healthy", "/x/auth", "/teamsters/*", "/api/v2/*"] {
        assert_eq!(mistakes("production", &route(path)), [""; 0], "{path}");
    }
}

#[test]
fn every_path_that_doorward_answers_is_its_own() {
    let document: serde_json::Value = serde_json::from_str(&doorward_web::document()).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let mistakes = mistakes("development", &route(&path.replace(['{', '}'], "")));
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("routes[0].path: "), "{path}: {mistakes:?}");
    }
}
