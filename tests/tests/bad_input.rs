//! Input that no honest client sends: answered with the client's own mistake, never with a 500, a panic or half an account.

use doorward_tests::shape::{fields, text};
use doorward_tests::{Doorward, PASSWORD, Setup, Store};
use serde_json::json;

/// Every call that takes a JSON body, with the status its surface gives to a member of the wrong type.
const CALLS: [(&str, u16); 7] = [
    ("/api/auth/signup", 400),
    ("/api/auth/signin", 400),
    ("/api/auth/refresh", 400),
    ("/auth/register", 422),
    ("/auth/login", 422),
    ("/auth/refresh", 422),
    ("/auth/validate", 422),
];

/// A doorward that is asked, at the end, whether it took the test well.
struct Patient(Doorward);

impl Patient {
    fn start() -> Self {
        Self(Doorward::start(Store::Sqlite))
    }

    /// Asserts that it is well and has so many accounts, stops it, and gives its whole log.
    #[track_caller]
    fn ends_well_with_accounts(self, count: usize) -> String {
        self.0.get("/readyz").send().expect(200);
        assert_eq!(self.0.setup().database().query("select count(*) from users"), count.to_string());
        let setup = self.0.setup().clone();
        assert!(self.0.stop().success());
        let log = setup.log();
        assert!(!log.contains("panicked"), "{log}");
        log
    }
}

#[test]
fn malformed_json_is_400() {
    let patient = Patient::start();
    let mut malformed: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "nul",
        "{\"email\"}",
        "{\"email\":}",
        "{'email':'a@example.com'}",
        "{\"email\":\"a\",}",
        "{} {}",
        "{\"email\":\"\\ud800\"}",
        "{\"email\":\"\\x41\"}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "\u{feff}{}",
        "{\"email\":\"a\nb\"}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    malformed.push(b"{\"email\":\"\xff\xfe\"}".to_vec());
    malformed.push([b"[".repeat(100_000), b"]".repeat(100_000)].concat());
    malformed.push([b"{\"a\":".repeat(50_000), b"1".to_vec(), b"}".repeat(50_000)].concat());
    for (path, _) in CALLS {
        for body in &malformed {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let request = patient.0.post(path).header("Content-Type", "application/json").body(body.clone());
            let response = request.send();
            assert_eq!(response.status, 400, "{path} {shown}: {}", response.text());
            response.problem(400);
        }
    }
    patient.ends_well_with_accounts(0);
}

#[test]
fn a_member_given_twice_is_400() {
    let patient = Patient::start();
    for body in [
        format!(r#"{{"email":"a@example.com","email":"b@example.com","password":"{PASSWORD}","name":"A"}}"#),
        format!(r#"{{"email":"a@example.com","\u0065mail":"b@example.com","password":"{PASSWORD}","name":"A"}}"#),
    ] {
        for path in ["/api/auth/signup", "/api/auth/signin", "/auth/register", "/auth/login"] {
            patient.0.post(path).text("application/json", &body).send().problem(400);
        }
    }
    patient.ends_well_with_accounts(0);
}

#[test]
fn another_media_type_is_415() {
    let patient = Patient::start();
    let body = json!({"email": "a@example.com", "password": PASSWORD, "name": "A", "token": "x"}).to_string();
    for (path, _) in CALLS {
        let post = || patient.0.post(path);
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", "", "*/*"] {
            post().text(media_type, &body).send().problem(415);
        }
        post().body(body.clone()).send().problem(415);
        for coding in ["gzip", "br", "deflate"] {
            post().text("application/json", &body).header("Content-Encoding", coding).send().problem(415);
        }
    }
    patient.0.sign_up("charset@example.com").send().expect(201);
    let with_charset = patient.0.post("/api/auth/signin").text(
        "Application/JSON; charset=UTF-8",
        &json!({"email": "charset@example.com", "password": PASSWORD}).to_string(),
    );
    with_charset.send().expect(200);
    patient.ends_well_with_accounts(1);
}

#[test]
fn a_body_over_the_limit_is_413() {
    let patient = Patient::start();
    let body = json!({"email": "a@example.com", "password": "x".repeat(1_100_000)}).to_string();
    for (path, _) in CALLS {
        patient.0.post(path).text("application/json", &body).send().problem(413);
        let announced = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        );
        patient.0.client().raw(announced).problem(413);
    }
    patient.ends_well_with_accounts(0);
}

#[test]
fn a_member_of_the_wrong_type_or_missing_is_named() {
    let patient = Patient::start();
    for (path, status) in CALLS {
        for body in ["[]", "\"text\"", "1", "null", "true"] {
            let response = patient.0.post(path).text("application/json", body).send();
            assert!(response.status == 400 || response.status == status, "{path} {body}: {}", response.status);
        }
        patient.0.post(path).json(&json!({})).send().problem(status);
    }
    for (path, status) in [("/api/auth/signup", 400), ("/auth/register", 422)] {
        for wrong in [json!(1), json!(null), json!(["a@example.com"]), json!({"$ne": ""}), json!(true)] {
            let body = json!({"email": wrong, "password": PASSWORD, "name": "A"});
            let problem = patient.0.post(path).json(&body).send().problem(status);
            assert_eq!(fields(&problem), ["email"], "{path} {wrong}");
            let body = json!({"email": "a@example.com", "password": wrong, "name": "A"});
            let problem = patient.0.post(path).json(&body).send().problem(status);
            assert_eq!(fields(&problem), ["password"], "{path} {wrong}");
        }
    }
    patient.ends_well_with_accounts(0);
}

#[test]
fn unknown_members_are_ignored_and_bind_nothing() {
    let patient = Patient::start();
    let body = json!({
        "email": "a@example.com", "password": PASSWORD, "name": "A",
        "id": "0190a5a0-0000-7000-8000-000000000000", "user_id": "x", "roles": ["admin"], "role": "admin",
        "is_admin": true, "status": "disabled", "email_verified": true, "email_verified_at": "2026-01-01T00:00:00Z",
        "password_hash": "x", "created_at": "2001-01-01T00:00:00Z", "teams": ["Design"], "__proto__": {"admin": true},
    });
    let user = patient.0.post("/auth/register").json(&body).send().expect(200).json();
    let token = text(&user["access_token"]);
    assert_ne!(user["user"]["id"], body["id"]);
    assert!(!text(&user["user"]["created_at"]).starts_with("2001"));
    assert!(!user["user"]["teams"].to_string().contains("Design"));
    patient.0.get("/admin/v1/users").bearer(&token).send().problem(403);
    patient.ends_well_with_accounts(1);
}

#[test]
fn odd_emails_names_and_passwords_make_no_account() {
    let patient = Patient::start();
    let long = format!("{}@example.com", "a".repeat(65_536));
    let emails = [
        "a@b@example.com",
        "a@@example.com",
        "a@example..com",
        ".a@example.com",
        "a\u{0}@example.com",
        "a@example.com\r\nX: y",
        "<a@example.com>",
        "a@example.com, b@example.com",
        "a@[127.0.0.1",
        "\u{202e}a@example.com",
        "a\u{ff20}example.com",
        " ",
        "@",
        long.as_str(),
    ];
    for email in emails {
        patient.0.sign_up(email).send().problem(400);
        patient.0.register(email).send().problem(422);
    }
    for password in ["", "       ", "short", &"Aa1!".repeat(40), &"Aa1!".repeat(30_000)] {
        let body = json!({"email": "a@example.com", "password": password, "name": "A"});
        patient.0.post("/api/auth/signup").json(&body).send().problem(400);
    }
    for name in ["\u{0}", "a\r\nb", &"x".repeat(5000)] {
        let body = json!({"email": "a@example.com", "password": PASSWORD, "name": name});
        patient.0.post("/auth/register").json(&body).send().problem(422);
    }
    patient.ends_well_with_accounts(0);
}

#[test]
fn framing_that_two_servers_could_read_differently_is_refused() {
    let patient = Patient::start();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let heads = [
        "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, 0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /health HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /health HTTP/1.1\nHost: localhost\n\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n folded\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n",
        "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET http://elsewhere/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /health#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03\r\n\r\n",
    ];
    for head in heads {
        let mut wire = patient.0.client().connect();
        wire.send(format!("{head}{smuggled}"));
        let answer = String::from_utf8_lossy(&wire.rest()).into_owned();
        let status: u16 = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        assert!((400..500).contains(&status) || answer.is_empty(), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{head:?}: {answer}");
    }
    let log = patient.ends_well_with_accounts(0);
    assert!(!log.contains("/smuggled"), "nothing after a refused head is served");
}

#[test]
fn an_oversize_head_is_refused() {
    let patient = Patient::start();
    let many = "X-Many: y\r\n".repeat(80);
    let raw = |head: String| patient.0.client().raw(head).status;
    assert_eq!(raw(format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{many}\r\n")), 431);
    let long = "x".repeat(20_000);
    assert_eq!(raw(format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n")), 431);
    let status = raw(format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(status == 414 || status == 431, "{status}");
    patient.ends_well_with_accounts(0);
}

#[test]
fn stalled_heads_and_bodies_are_closed_and_hinder_nobody() {
    let setup = Setup::on(Store::Sqlite);
    let limits = ["header_timeout", "body_idle_timeout", "idle_timeout"];
    let setup = limits.iter().fold(setup, |setup, limit| setup.set(&format!("server.limits.{limit}"), "1s"));
    let patient = Patient(setup.start());
    let stalled = |bytes: &str| {
        let mut wire = patient.0.client().connect();
        wire.send(bytes);
        wire
    };
    let head = "POST /api/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let mut wires = Vec::new();
    for _ in 0..60 {
        wires.push(stalled("GET /health HTTP/1.1\r\nHos"));
        wires.push(stalled(&format!("{head}Content-Length: 100\r\n\r\n{{\"email\":")));
        wires.push(stalled(&format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nabc")));
        wires.push(stalled(""));
    }
    patient.0.person("good");
    for mut wire in wires {
        let answer = String::from_utf8_lossy(&wire.rest()).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 400"),
            "{answer}"
        );
    }
    patient.ends_well_with_accounts(1);
}

#[test]
fn a_client_that_hangs_up_midway_leaves_no_half_account() {
    let patient = Patient::start();
    let body = json!({"email": "a@example.com", "password": PASSWORD}).to_string();
    let head = format!(
        "POST /api/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let whole = format!("{head}{body}");
    for cut in (1..whole.len()).step_by(9) {
        let mut wire = patient.0.client().connect();
        wire.send(&whole[..cut]);
        wire.finish_sending();
        wire.rest();
    }
    patient.0.sign_in("a@example.com", PASSWORD).send().expect(401);
    patient.ends_well_with_accounts(0);
}

#[test]
fn odd_authorization_headers_are_never_a_server_error() {
    let patient = Patient::start();
    let long = "x".repeat(15_000);
    let dots = ".".repeat(15_000);
    for path in ["/api/auth/me", "/auth/me", "/teams", "/domains", "/admin/v1/users"] {
        for value in
            ["Bearer", "bearer x", "BEARER  x", "Bearer \u{e9}", "Bearer a b", "Bearer ..", "\u{1}", &long, &dots]
        {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {value}\r\nConnection: close\r\n\r\n"
            );
            let status = patient.0.client().raw(request).status;
            assert!(status == 401 || status == 400, "{path} {value:?}: {status}");
        }
    }
    patient.ends_well_with_accounts(0);
}
