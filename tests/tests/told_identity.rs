//! What a service behind is told about the caller, in every way there is, and what a client cannot make it believe.

use doorward_tests::hosted::Place;
use doorward_tests::part::{self, Part};
use doorward_tests::python::{client, run_client};
use doorward_tests::upstream::{Received, Upstream};
use doorward_tests::{Client, Doorward, Person, Response, Setup, Store, ports};
use serde_json::Value;

const ROUTES: &str = r#"
[[routes]]
name = "upload"
path = "/upload"
methods = ["POST"]
upstream = "{at}/upload"
body_limit = "8MiB"
inject = { multipart = "user_id" }
[[routes]]
name = "form"
path = "/form"
methods = ["POST"]
upstream = "{at}/form"
inject = { form = "user_id" }
[[routes]]
name = "headers"
path = "/headers"
methods = ["GET", "POST"]
upstream = "{at}/headers"
inject = { headers = true }
[[routes]]
name = "assertion"
path = "/assertion"
methods = ["GET"]
upstream = "{at}/assertion"
inject = { assertion = true }
[[routes]]
name = "open"
path = "/open"
methods = ["GET"]
upstream = "{at}/open"
require = { public = true }
inject = { headers = true, assertion = true }
[[routes]]
name = "everything"
path = "/everything"
methods = ["POST"]
upstream = "{at}/everything"
inject = { json = "user_id", headers = true, assertion = true }
"#;

struct Told {
    doorward: Doorward,
    upstream: Upstream,
    person: Person,
}

impl Told {
    fn start() -> Self {
        let upstream = Upstream::echo();
        let doorward = Setup::on(Store::Sqlite).file(&ROUTES.replace("{at}", &upstream.url())).start();
        let person = doorward.person("user");
        Self { doorward, upstream, person }
    }

    fn post(&self, path: &str, media_type: &str, body: impl AsRef<[u8]>) -> Response {
        let request = self.doorward.post(path).bearer(&self.person.access_token).header("Content-Type", media_type);
        request.body(body.as_ref().to_vec()).send()
    }

    fn upload(&self, body: impl AsRef<[u8]>) -> Response {
        self.post("/upload", "multipart/form-data; boundary=b", body)
    }

    /// What reached the service whole; a request broken off halfway does not count.
    fn passed(&self) -> Vec<Received> {
        self.upstream.pending()
    }

    #[track_caller]
    fn refused(&self, answer: &Response, why: &str) {
        assert!((400..500).contains(&answer.status), "{why}: {} {}", answer.status, answer.text());
        let passed = self.passed();
        assert!(passed.is_empty(), "{why}: {}", passed[0].text());
    }
}

fn part(disposition: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: {disposition}\r\n\r\n{content}\r\n")
}

#[test]
fn an_upload_is_told_the_callers_id_and_keeps_its_bytes() {
    let told = Told::start();
    let file = part("form-data; name=\"file\"; filename=\"a \u{e9}.txt\"", "line\r\n--not the boundary\r\n\0\u{ff}");
    let metadata = part("form-data; name=\"metadata\"", "{\"user_id\": \"kept, for this is content\"}");
    for forged in [
        String::new(),
        part("form-data; name=\"user_id\"", "forged"),
        part("form-data; name=user_id", "forged"),
        part("form-data; name=\"USER_ID\"", "forged"),
        part("FORM-DATA; NAME=\"User_Id\"", "forged") + &part("form-data; name=\"user_id\"", "forged again"),
    ] {
        for body in [format!("{forged}{file}{metadata}--b--\r\n"), format!("{file}{metadata}{forged}--b--\r\n")] {
            told.upload(&body).expect(200);
            let text = told.upstream.next().text();
            assert!(text.contains(&file) && text.contains(&metadata), "{body} became {text}");
            assert!(!text.contains("forged"), "{body} became {text}");
            assert_eq!(text.matches(&told.person.id).count(), 1, "{text}");
            assert_eq!(text.to_lowercase().matches("name=\"user_id\"").count(), 1, "{text}");
        }
    }
}

#[test]
fn multipart_that_two_readers_could_take_differently_is_refused() {
    let told = Told::start();
    let good = part("form-data; name=\"file\"", "x");
    let whole = format!("{good}--b--\r\n");
    for media_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=b; boundary=c",
        "multipart/form-data; boundary=c; Boundary=b",
        "multipart/form-data; boundary=\"b",
        "multipart/mixed; boundary=b",
        "application/json",
        "multipart/form-data; boundary=b, multipart/form-data; boundary=c",
    ] {
        told.refused(&told.post("/upload", media_type, &whole), media_type);
    }
    let long = "b".repeat(71);
    let body = whole.replace("--b", &format!("--{long}"));
    told.refused(&told.post("/upload", &format!("multipart/form-data; boundary={long}"), body), "a long boundary");
    for (why, body) in [
        ("nothing", String::new()),
        ("no end", good.clone()),
        ("no boundary at all", "x".to_owned()),
        ("line feeds alone", whole.replace("\r\n", "\n")),
        (
            "a nested multipart",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\
             --c\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nforged\r\n--c--\r\n\r\n--b--\r\n"
                .to_owned(),
        ),
        ("no disposition", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n".to_owned()),
        (
            "two dispositions",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\
             \r\nforged\r\n--b--\r\n"
                .to_owned(),
        ),
        ("two names", part("form-data; name=\"a\"; name=\"user_id\"", "forged") + "--b--\r\n"),
        ("a folded name", part("form-data;\r\n name=\"user_id\"", "forged") + "--b--\r\n"),
        ("an escaped name", part("form-data; name=\"user\\_id\"", "forged") + "--b--\r\n"),
        ("an encoded name", part("form-data; name*=utf-8''user%5Fid", "forged") + "--b--\r\n"),
        ("a name in percent signs", part("form-data; name=\"user%5Fid\"", "forged") + "--b--\r\n"),
        ("a name as a mail word", part("form-data; name=\"=?utf-8?q?user=5Fid?=\"", "forged") + "--b--\r\n"),
        ("a name without an end", part("form-data; name=\"user_id", "forged") + "--b--\r\n"),
        ("no name", part("form-data", "forged") + "--b--\r\n"),
        ("not form data", part("attachment; name=\"user_id\"", "forged") + "--b--\r\n"),
        ("a head without an end", format!("--b\r\nX: {}", "x".repeat(100_000))),
    ] {
        told.refused(&told.upload(&body), why);
    }
}

#[test]
fn parts_without_an_end_are_cut_off() {
    let told = Told::start();
    let many = part("form-data; name=\"a\"", "").repeat(100_000) + "--b--\r\n";
    let request = told.doorward.post("/upload").bearer(&told.person.access_token);
    let sent = request.header("Content-Type", "multipart/form-data; boundary=b").body(many).try_send();
    // The connection may be closed while the parts are still being written.
    assert!(sent.is_err() || sent.is_ok_and(|answer| answer.status == 400), "they were taken");
    assert!(told.passed().is_empty(), "they reached the service");
    told.doorward.get("/livez").send().expect(200);
}

#[test]
fn a_form_is_told_the_callers_id_and_keeps_its_bytes() {
    let told = Told::start();
    let form = "application/x-www-form-urlencoded";
    for body in [
        "a=1&b=%20x+y&a=2",
        "user_id=forged&a=1&b=%20x+y&a=2",
        "a=1&b=%20x+y&a=2&user_id=forged",
        "a=1&user%5Fid=forged&b=%20x+y&a=2",
        "a=1&%55SER_ID=forged&user_id=forged&b=%20x+y&a=2",
        "a=1&b=%20x+y&a=2&user_id",
    ] {
        told.post("/form", form, body).expect(200);
        let text = told.upstream.next().text();
        assert!(!text.contains("forged"), "{body} became {text}");
        assert_eq!(text.matches(&told.person.id).count(), 1, "{text}");
        let kept: Vec<_> = text.split('&').filter(|pair| !pair.contains(&told.person.id)).collect();
        assert_eq!(kept.join("&"), "a=1&b=%20x+y&a=2", "{body} became {text}");
    }
    told.refused(&told.post("/form", "text/plain", "a=1"), "another media type");
}

#[test]
fn headers_tell_who_the_caller_is_and_only_doorward_writes_them() {
    let told = Told::start();
    let names = ["Id", "Email", "Name", "Roles", "Teams", "Domains"];
    let mut request = told.doorward.get("/headers").bearer(&told.person.access_token);
    for name in names {
        request = request.header(&format!("X-User-{name}"), "forged").header(&format!("x_user_{name}"), "forged");
    }
    for name in ["Remote-User", "X-Forwarded-User", "X-Auth-Request-Email", "X-Doorward-Assertion"] {
        request = request.header(name, "forged");
    }
    request.send().expect(200);
    let received = told.upstream.next();
    assert!(!received.head.contains("forged"), "{}", received.head);
    assert_eq!(received.headers("x-user-id"), [told.person.id.as_str()]);
    assert_eq!(received.headers("x-user-email"), ["user@example.com"]);
    assert_eq!(received.headers("x-user-roles"), ["user"]);
    for name in names {
        assert!(received.headers(&format!("x-user-{name}")).len() <= 1, "{}", received.head);
    }
    assert!(received.headers("x-user-teams")[0].contains("General"), "{}", received.head);
}

/// A Doorward that is reached under its public name, with whatever signs its tokens.
fn asserting(algorithm: &str, upstream: &str) -> (Place, Doorward, Person) {
    let place = Place::choose();
    let setup = place.setup(&ROUTES.replace("{at}", upstream));
    let setup = if algorithm == "HS256" { setup.with_shared_secret() } else { setup };
    let doorward = setup.start();
    let person = doorward.person("user");
    (place, doorward, person)
}

fn examples() -> String {
    format!("{}/../docs/examples", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_documented_verifiers_take_an_assertion_and_nothing_else() {
    part::with(&["node", "python"], || {
        for algorithm in ["EdDSA", "HS256"] {
            let upstream = Upstream::echo();
            let (place, doorward, person) = asserting(algorithm, &upstream.url());
            doorward.get("/assertion").bearer(&person.access_token).send().expect(200);
            let received = upstream.next();
            assert!(received.headers("x-user-id").is_empty(), "only what the route asks for: {}", received.head);
            let assertion = received.headers("x-doorward-assertion")[0].to_owned();
            let verify = |audience: &str, token: &str| {
                let python = run_client("verify_assertion.py", &[&examples(), &place.url(), audience, token]);
                let node = part::node("verify_assertion.mjs", &[&place.url(), audience, token]).output();
                let node = String::from_utf8_lossy(&node.expect("node can be started").stdout).into_owned();
                [python, node].map(|said| serde_json::from_str::<Value>(&said).unwrap_or_else(|_| panic!("{said}")))
            };
            for claims in verify(&upstream.url(), &assertion) {
                assert_eq!(claims["sub"], person.id.as_str(), "{claims}");
                let life = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
                assert!(life <= 60, "{claims}");
            }
            for refused in verify("http://another.service", &assertion) {
                assert!(refused["refused"].is_string(), "an assertion for another service: {refused}");
            }
            for refused in verify(&upstream.url(), &person.access_token) {
                assert!(refused["refused"].is_string(), "an access token: {refused}");
            }
            assert!(!doorward.accepts(&assertion), "an assertion is no token");
            doorward.get("/headers").bearer(&assertion).send().problem(401);
            doorward.get("/assertion").bearer(&person.access_token).send().expect(200);
            let next = upstream.next();
            assert_ne!(next.headers("x-doorward-assertion"), [assertion.as_str()], "each request has its own");
        }
    });
}

#[test]
fn a_fastapi_service_with_the_documented_middleware_knows_who_calls() {
    part::with(&["python"], || {
        let service = ports::free();
        let url = format!("http://{service}");
        let place = Place::choose();
        let route = |name: &str, assertion: bool| {
            format!(
                "[[routes]]\nname = \"{name}\"\npath = \"/{name}\"\nmethods = [\"GET\"]\nupstream = \"{url}/whoami\"\n\
                 inject = {{ headers = true, assertion = {assertion} }}\n"
            )
        };
        let doorward = place.setup(&(route("asserted", true) + &route("claimed", false))).start();
        let person = doorward.person("user");
        let arguments = [examples(), place.url(), url, service.port().to_string()];
        let _service =
            Part::listening(&mut client("fastapi_service.py", &arguments.each_ref().map(String::as_str)), service);
        let told = doorward.get("/asserted").bearer(&person.access_token).send().expect(200).json();
        assert_eq!((&told["id"], &told["email"]), (&person.id.as_str().into(), &"user@example.com".into()), "{told}");
        let unproved = doorward.get("/claimed").bearer(&person.access_token);
        assert_eq!(unproved.send().status, 401, "headers alone prove nothing");
        assert_eq!(Client::new(service).get("/whoami").bearer(&person.access_token).send().status, 401);
    });
}

#[test]
fn several_ways_of_telling_go_together() {
    let told = Told::start();
    told.post("/everything", "application/json", r#"{"a": 1}"#).expect(200);
    let received = told.upstream.next();
    assert!(received.text().contains(&told.person.id) && received.text().contains(r#""a": 1"#));
    assert_eq!(received.headers("x-user-id"), [told.person.id.as_str()]);
    assert_eq!(received.headers("x-doorward-assertion").len(), 1);
}

#[test]
fn what_is_told_can_neither_be_nominated_away_nor_claimed_where_nobody_is_known() {
    let told = Told::start();
    for nominated in ["close, X-User-Id, x-user-email, X-Doorward-Assertion", "x_user_id, X-USER-ID"] {
        let request = told.doorward.get("/headers").bearer(&told.person.access_token).header("Connection", nominated);
        request.header("X-User-Id", "forged").send().expect(200);
        let received = told.upstream.next();
        assert_eq!(received.headers("x-user-id"), [told.person.id.as_str()], "{nominated}");
        assert_eq!(received.headers("x-user-email").len(), 1, "{nominated}");
        assert!(!received.head.contains("forged"), "{}", received.head);
    }
    for claimed in [
        "X-User-Id",
        "x_user_id",
        "X.User.Id",
        "X-USER-EMAIL",
        "X-User-Roles",
        "X-Doorward-Assertion",
        "Remote-User",
        "X-Auth-Request-Email",
    ] {
        told.doorward.get("/open").header(claimed, "forged").header(claimed, "forged").send().expect(200);
        let received = told.upstream.next();
        assert!(!received.head.contains("forged"), "{claimed}: {}", received.head);
        assert!(received.headers("x-user-id").is_empty() && received.headers("x-doorward-assertion").is_empty());
    }
}
