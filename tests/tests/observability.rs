//! What operators see: logs with reasons and without secrets, metrics by route and outcome.

use doorward_tests::{Doorward, PASSWORD, Setup, Store};
use serde_json::{Value, json};

/// Does one of everything that is logged; gives every secret that passed.
fn busy_day(doorward: &Doorward) -> Vec<String> {
    let person = doorward.person("user");
    doorward.sign_up("user@example.com").send().expect(409);
    doorward.sign_in("user@example.com", "Wrong-Harbour-41").send().expect(401);
    doorward.sign_in("nobody@example.com", PASSWORD).send().expect(401);
    doorward.accepts(&person.access_token);
    doorward.accepts("nonsense");
    doorward.get("/api/auth/me?token=Query-Secret-1").bearer("Header-Secret-2").send().expect(401);
    let body = json!({"refresh_token": person.refresh_token});
    let refreshed = doorward.post("/api/auth/refresh").json(&body).send().expect(200).json();
    doorward.post("/api/auth/logout").bearer(&person.access_token).send().expect(200);
    doorward.get("/nowhere/\r\nforged: line").try_send().ok();
    let token = |name: &str| refreshed[name].as_str().unwrap_or_default().to_owned();
    let passed = ["Wrong-Harbour-41", PASSWORD, "Query-Secret-1", "Header-Secret-2"].map(str::to_owned);
    let tokens = [person.access_token, person.refresh_token, token("access_token"), token("refresh_token")];
    passed.into_iter().chain(tokens).collect()
}

#[test]
fn logs_hold_no_secret_at_any_level() {
    for format in ["text", "json"] {
        let doorward =
            Setup::on(Store::Sqlite).with_shared_secret().set("log.level", "trace").set("log.format", format).start();
        let secrets = busy_day(&doorward);
        let setup = doorward.setup().clone();
        assert!(doorward.stop().success());
        let log = setup.log();
        for secret in secrets.iter().map(String::as_str).chain([doorward_tests::instance::SECRET, "$2b$"]) {
            assert!(!log.contains(secret), "{secret} is in the {format} log");
        }
    }
}

#[test]
fn every_request_is_logged_with_method_path_status_and_duration() {
    let doorward = Setup::on(Store::Sqlite).set("log.format", "json").start();
    busy_day(&doorward);
    let setup = doorward.setup().clone();
    assert!(doorward.stop().success());
    let log = setup.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let requests = [("POST", "/api/auth/signup", 201), ("POST", "/api/auth/signup", 409), ("GET", "/api/auth/me", 401)];
    for (method, path, status) in requests {
        let logged = lines.iter().map(Value::to_string).any(|line| {
            [&format!("\"{method}\""), &format!("\"{path}\""), &status.to_string(), "duration_ms", "request_id"]
                .iter()
                .all(|part| line.contains(*part))
        });
        assert!(logged, "{method} {path} {status} in\n{log}");
    }
    let reasons = ["taken", "wrong_password", "unknown_user", "malformed"];
    for reason in reasons {
        assert!(log.contains(reason), "the reason {reason} is in\n{log}");
    }
}

#[test]
fn metrics_count_requests_signins_and_validations() {
    let doorward = Doorward::start(Store::Sqlite);
    busy_day(&doorward);
    let metrics = doorward.admin_client().get("/metrics").send().expect(200).text();
    doorward.get("/metrics").send().problem(404);
    for part in ["http_requests", "sign_ins", "sign_ups", "token_validation", "password_hash", "store_call"] {
        let named = |line: &&str| line.starts_with("# TYPE doorward_") && line.contains(part);
        assert!(metrics.lines().any(|line| named(&line)), "a metric about {part} in\n{metrics}");
    }
    assert!(metrics.contains("/api/auth/signin") && metrics.contains("401"), "{metrics}");
    assert!(!metrics.contains("example.com") && !metrics.contains("/nowhere"), "labels are bounded:\n{metrics}");
}
