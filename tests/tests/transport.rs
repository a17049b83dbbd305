//! TLS and HTTP/2 on both sides, certificates that change, and what else is said between heads and bodies.

use std::process::Command;

use doorward_tests::certificate::Certificate;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::service::{Service, Speaks};
use doorward_tests::upstream::Upstream;
use doorward_tests::{Doorward, Setup, Store, part, ports};
use serde_json::{Value, json};

/// What curl was answered: the version of HTTP, the status, the body.
#[derive(Debug, PartialEq)]
struct Curled(String, u16, String);

/// Runs curl with TLS verified by the authority of `certificate`.
#[track_caller]
fn curl(certificate: &Certificate, arguments: &[&str]) -> Option<Curled> {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "20", "-w", "\n%{http_version} %{http_code}", "--cacert"]).arg(certificate.authority());
    let output = curl.args(arguments).output().expect("curl can be started");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, facts) = printed.rsplit_once('\n')?;
    let (version, status) = facts.split_once(' ')?;
    let status = status.parse().ok().filter(|status| *status > 0)?;
    Some(Curled(version.to_owned(), status, body.to_owned()))
}

/// A Doorward that speaks TLS; readiness is asked for with curl, as the harness speaks none.
fn over_tls(certificate: &Certificate, toml: &str) -> (Setup, String) {
    let address = ports::free();
    let setup = Setup::on(Store::Sqlite)
        .at(address)
        .file(toml)
        .set("server.tls.certificate", &certificate.certificate().to_string_lossy())
        .set("server.tls.key", &certificate.key().to_string_lossy())
        .set("server.public_url", &format!("https://localhost:{}", address.port()));
    (setup, format!("https://localhost:{}", address.port()))
}

fn public(upstream: &str) -> String {
    format!(
        "[[routes]]\nname = \"open\"\npath = \"/open/*\"\nmethods = [\"GET\", \"POST\"]\nupstream = {upstream}\n\
         require = {{ public = true }}\n"
    )
}

#[test]
fn both_versions_of_http_are_spoken_over_tls() {
    let certificate = Certificate::make();
    let upstream = Upstream::echo();
    let (setup, url) = over_tls(&certificate, &public(&format!("\"{}/\"", upstream.url())));
    let _doorward = setup.start_silently();
    until("it listens", PATIENCE, || curl(&certificate, &[&format!("{url}/livez")]));
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let answer = curl(&certificate, &[flag, "-d", "the body", &format!("{url}/open/a?b")]).expect("an answer");
        assert_eq!(answer, Curled(version.to_owned(), 200, r#"{"got":8}"#.to_owned()));
        let received = upstream.next();
        assert_eq!((received.request_line(), received.text().as_str()), ("POST /a?b HTTP/1.1", "the body"));
        assert_eq!(received.headers("x-forwarded-proto"), ["https"]);
    }
    let refused = curl(&certificate, &["--http2", "--path-as-is", &format!("{url}/open/../x")]).expect("an answer");
    assert_eq!(refused.1, 400, "the same paths are refused over HTTP/2");
    let forged = ["--http2", "-H", "X_User_Id: forged", "-H", "X-User-Id: forged"];
    curl(&certificate, &[&forged[..], &[&format!("{url}/open/x")]].concat()).expect("an answer");
    assert!(!upstream.next().head.contains("forged"));
    assert_eq!(curl(&Certificate::make(), &[&format!("{url}/livez")]), None, "another authority is not believed");
}

#[test]
fn a_new_certificate_is_taken_up_and_a_broken_one_is_not() {
    let certificate = Certificate::make();
    let (setup, url) = over_tls(&certificate, "");
    let doorward = setup.start_silently();
    let serial = || {
        let address = url.trim_start_matches("https://");
        let script =
            format!("openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial");
        let output = Command::new("sh").args(["-c", &script]).output().expect("openssl can be started");
        Some(String::from_utf8_lossy(&output.stdout).into_owned()).filter(|serial| !serial.is_empty())
    };
    let first = until("it listens", PATIENCE, serial);
    std::fs::write(certificate.certificate(), "no certificate").expect("a file");
    doorward.signal("HUP");
    until("the broken file is told", PATIENCE, || doorward.log().contains("certificate").then_some(()));
    assert_eq!(serial().as_ref(), Some(&first), "the old one stays");
    certificate.renew();
    doorward.signal("HUP");
    until("the new one is shown", PATIENCE, || serial().filter(|serial| *serial != first));
}

#[test]
fn services_are_reached_over_tls_and_http_2() {
    part::with(&["node"], || {
        let certificate = Certificate::make();
        for (speaks, http2) in
            [(Speaks::Https(&certificate), false), (Speaks::H2(&certificate), true), (Speaks::H2c, true)]
        {
            let service = Service::start(speaks);
            let route = public(&format!("\"{}/\"\nhttp2 = {http2}", service.url()));
            let setup = Setup::on(Store::Sqlite).file(&route);
            let trusting = setup.set("outbound.extra_ca", &certificate.authority().to_string_lossy()).start();
            let request = trusting.post("/open/a?b").header("X-Kept", "kept");
            let seen = request.text("text/plain", "the body").send().expect(200).json();
            assert_eq!((&seen["url"], &seen["body"]), (&json!("/a?b"), &json!("the body")), "{speaks:?}");
            assert_eq!(seen["headers"]["x-kept"], "kept");
            assert_eq!(seen["httpVersion"], if http2 { "2.0" } else { "1.1" }, "{speaks:?}");
            if !matches!(speaks, Speaks::H2c) {
                let doubting = Setup::on(Store::Sqlite).file(&route).start();
                doubting.get("/open/a").send().problem(503);
            }
        }
    });
}

#[test]
fn a_private_name_is_reached_where_the_settings_say() {
    part::with(&["node"], || {
        let certificate = Certificate::make();
        let service = Service::start(Speaks::Https(&certificate));
        let name = "service.localhost:8443";
        let doorward = Setup::on(Store::Sqlite)
            .file(&public(&format!("\"https://{name}/\"")))
            .set("outbound.resolve", &format!("{name}={}", service.address()))
            .set("outbound.extra_ca", &certificate.authority().to_string_lossy())
            .start();
        let seen: Value = doorward.get("/open/a").send().expect(200).json();
        assert_eq!(seen["headers"]["host"], name);
    });
}

#[test]
fn a_body_that_was_announced_is_asked_for_and_trailers_do_not_smuggle() {
    let upstream = Upstream::echo();
    let doorward: Doorward = Setup::on(Store::Sqlite).file(&public(&format!("\"{}/\"", upstream.url()))).start();
    let mut wire = doorward.client().connect();
    wire.send("POST /open/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(wire.line().expect("an interim answer"), "HTTP/1.1 100 Continue");
    assert_eq!(wire.line().expect("its end"), "");
    wire.send("abc");
    assert_eq!(wire.response().status, 200);
    assert_eq!(upstream.next().text(), "abc");
    let refused = doorward
        .client()
        .raw("POST /nowhere HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(refused.status, 404, "what is refused is not asked for");
    let trailers = "POST /open/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                    1\r\na\r\n0\r\nX-User-Id: forged\r\nContent-Length: 9\r\n\r\n";
    doorward.client().raw(trailers);
    for received in upstream.pending() {
        assert!(!received.head.contains("forged"), "{}", received.head);
    }
}
