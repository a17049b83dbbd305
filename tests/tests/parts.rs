//! The real parts themselves: that they start, and do what the other tests take for granted, without Doorward.

use std::net::TcpListener;

use doorward_tests::certificate::Certificate;
use doorward_tests::cognito::{Cognito, GRACE};
use doorward_tests::front_proxy::{IDENTITY, Kind};
use doorward_tests::liar::{Liar, Lie};
use doorward_tests::part::{self, Part};
use doorward_tests::ports;
use doorward_tests::provider::ProviderSetup;
use doorward_tests::python::client;
use doorward_tests::service::{Service, Speaks};
use doorward_tests::upstream::{Upstream, respond};
use doorward_tests::visitor::{Visitor, encode};

const BASE: &str = "http://127.0.0.1:9";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn authorize(endpoint: &str, client_id: &str) -> String {
    let back = encode(&format!("{BASE}/api/v1/auth/callback"));
    format!(
        "{endpoint}?client_id={client_id}&response_type=code&scope=openid%20email%20profile&redirect_uri={back}\
         &state=st&nonce=no&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

#[test]
fn people_sign_in_at_the_certified_provider() {
    part::with(&["node"], || {
        let provider = ProviderSetup::for_doorward(BASE, BASE).start();
        let mut visitor = Visitor::new();
        let start = authorize(&format!("{}/auth", provider.issuer()), "doorward");
        let back = provider.sign_in(&mut visitor, &start, "alice", BASE);
        assert_eq!(back.parameter("state").as_deref(), Some("st"));
        assert_eq!(back.parameter("iss").as_deref(), Some(provider.issuer()));
        assert!(back.parameter("code").is_some(), "{}", back.url);
        let again = visitor.follow(&start, BASE);
        assert!(again.parameter("code").is_some(), "the provider remembers who signed in: {}", again.url);
    });
}

#[test]
fn people_sign_in_on_the_hosted_page_of_cognito() {
    part::with(&["python"], || {
        let pool = Cognito::start(BASE, BASE);
        let start = authorize(&format!("{}/oauth2/authorize", pool.base()), &pool.fact("client_id"));
        let back = pool.sign_in(&mut Visitor::new(), &start, GRACE, BASE);
        assert!(back.parameter("code").is_some(), "{}", back.url);
    });
}

#[test]
fn the_liar_sends_people_back_with_what_it_was_told() {
    let liar = Liar::telling(Lie::way_back(|back| back["iss"] = "http://elsewhere".into()));
    let back = Visitor::new().follow(&authorize(&format!("{}/authorize", liar.issuer()), "doorward"), BASE);
    assert_eq!(back.parameter("iss").as_deref(), Some("http://elsewhere"));
    assert_eq!(back.parameter("code").as_deref(), Some("code~no"));
    assert_eq!(liar.asked().len(), 1);
}

#[test]
fn the_service_of_its_own_process_speaks_websocket_and_can_be_killed() {
    part::with(&["node", "python"], || {
        let mut service = Service::start(Speaks::Http);
        let url = format!("ws://{}/ws", service.address());
        let (mut socket, line) = Part::announced(&mut client("websocket.py", &[&url, "X-Kept=kept"]));
        assert_eq!(line.trim(), r#"{"opened": true}"#);
        assert_eq!(service.says()["opened"]["x-kept"], "kept");
        socket.tell(r#"{"say": "hello"}"#);
        assert_eq!(socket.line().trim(), r#"{"heard": "hello"}"#);
        let port = service.kill();
        socket.tell(r#"{"wait": true}"#);
        assert_eq!(socket.line().trim(), r#"{"closed": 1006}"#);
        let again = Service::start_at(Speaks::Http, port);
        assert_eq!(again.address().port(), port);
    });
}

#[test]
fn services_speak_tls_and_http_2() {
    part::with(&["node"], || {
        let certificate = Certificate::make();
        for speaks in [Speaks::Https(&certificate), Speaks::H2(&certificate), Speaks::H2c] {
            let service = Service::start(speaks);
            let mut curl = std::process::Command::new("curl");
            curl.args(["-sS", "--http2-prior-knowledge", "--cacert"]).arg(certificate.authority());
            if matches!(speaks, Speaks::Https(_)) {
                curl.arg("--http1.1");
            }
            let output = curl.arg(service.url()).output().expect("curl can be started");
            assert!(String::from_utf8_lossy(&output.stdout).contains("httpVersion"), "{speaks:?}: {output:?}");
        }
    });
}

#[test]
fn every_front_proxy_asks_before_it_passes_a_request_on() {
    for kind in [Kind::Nginx, Kind::Caddy, Kind::Envoy] {
        part::with(&[kind.name()], || {
            let judge = Upstream::answering(|received, stream| {
                if received.headers("authorization").is_empty() {
                    respond(stream, "403 Forbidden", "text/plain", "no");
                } else {
                    // Doorward says all of the names each time, so that none of a client's survives.
                    let told = format!("200 OK\r\nX-User-Id: told\r\n{}: ", IDENTITY[1..].join(": \r\n"));
                    respond(stream, &told, "text/plain", "yes");
                }
            });
            let service = Upstream::echo();
            let front = kind.start(ports::free(), judge.address(), service.address());
            front.client().get("/a").header("X-User-Id", "forged").send().expect(403);
            assert!(service.pending().is_empty(), "{kind:?} passed on what was refused");
            let mut request = front.client().get("/a?b").bearer("t");
            for name in IDENTITY {
                request = request.header(name, "forged");
            }
            request.send().expect(200);
            let received = service.next();
            assert_eq!(received.target(), "/a?b");
            assert_eq!(received.headers("x-user-id"), ["told"], "{kind:?}");
            assert!(!received.head.contains("forged"), "{kind:?}: {}", received.head);
        });
    }
}

#[test]
fn a_part_that_does_not_start_fails_the_test() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    part::with(&["node"], || {
        assert!(std::panic::catch_unwind(|| Service::start_at(Speaks::Http, port)).is_err());
    });
}
