//! The real parts themselves: that they start, and do what the other tests take for granted, without Doorward.

use std::net::TcpListener;

use doorward_tests::certificate::Certificate;
use doorward_tests::cognito::{Cognito, GRACE};
use doorward_tests::fault_proxy::{Fault, FaultProxy};
use doorward_tests::front_proxy::{IDENTITY, Kind};
use doorward_tests::liar::{Liar, Lie};
use doorward_tests::mailbox::{MAIL_PASSWORD, Mailbox, Manner, Protection, USER};
use doorward_tests::part::{self, Part};
use doorward_tests::ports;
use doorward_tests::provider::ProviderSetup;
use doorward_tests::python::client;
use doorward_tests::scratch::Scratch;
use doorward_tests::second_pool::SecondPool;
use doorward_tests::service::{Service, Speaks};
use doorward_tests::upstream::{Upstream, respond};
use doorward_tests::visitor::{Visitor, encode};
use doorward_tests::{Client, PASSWORD, Setup};
use serde_json::json;

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

#[test]
fn the_mail_server_takes_refuses_and_keeps_silent_as_told() {
    part::with(&["python", "curl"], || {
        let mailbox = Mailbox::start();
        assert!(send_mail(&mailbox, &[]));
        let mail = mailbox.next_to("ada@example.com");
        assert_eq!((mail.subject(), mail.text().trim(), mail.channel()), ("caf\u{e9}", "Hello", (false, None)));
        mailbox.treats(Manner::Refuse("550 5.1.1 nobody"));
        assert!(!send_mail(&mailbox, &[]));
        mailbox.treats(Manner::Hang);
        assert!(!send_mail(&mailbox, &["--max-time", "0.2"]));
        mailbox.go_down();
        mailbox.treats(Manner::Swallow);
        assert!(!send_mail(&mailbox, &[]));
        mailbox.come_back();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| send_mail(&mailbox, &[]));
            mailbox.next_to("ada@example.com");
            mailbox.go_down();
            assert!(!sending.join().expect("an end"), "it never said that it has the message");
        });
        assert_eq!(mailbox.all().len(), 2);
    });
}

#[test]
fn the_mail_server_asks_for_tls_and_a_password() {
    part::with(&["python", "curl"], || {
        let certificate = Certificate::make();
        for protection in [Protection::StartTls(&certificate), Protection::Implicit(&certificate)] {
            let mailbox = Mailbox::protected(protection);
            let authority = certificate.authority();
            let trusting = ["--ssl-reqd", "--cacert", authority.to_str().expect("a path of text")];
            let (right, wrong) = (format!("{USER}:{MAIL_PASSWORD}"), format!("{USER}:wrong"));
            assert!(!send_mail(&mailbox, &[]), "{protection:?}");
            assert!(!send_mail(&mailbox, &[&trusting[..], &["-u", &wrong]].concat()), "{protection:?}");
            assert!(send_mail(&mailbox, &[&trusting[..], &["-u", &right]].concat()), "{protection:?}");
            assert_eq!(mailbox.next_to("ada@example.com").channel(), (true, Some(USER)));
        }
    });
}

/// Sends a message with curl; whether the server said that it took it.
fn send_mail(mailbox: &Mailbox, arguments: &[&str]) -> bool {
    let folder = Scratch::new();
    let message = folder.write("mail", "Subject: =?utf-8?q?caf=C3=A9?=\r\nTo: ada@example.com\r\n\r\nHello\r\n");
    let (scheme, rest) = mailbox.url().split_once("://").expect("a URL");
    let server = rest.split('?').next().unwrap_or_default();
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let mut curl = part::command("curl");
    curl.args(["-sS", "--mail-from", "door@harbour.example", "--mail-rcpt", "ada@example.com", "-T"]).arg(message);
    let output = curl.args(arguments).arg(format!("{scheme}://{server}")).output().expect("curl can be started");
    output.status.success()
}

#[test]
fn calls_of_the_pool_fail_before_or_after_it_did_what_they_ask() {
    part::with(&["python"], || {
        let pool = Cognito::start(BASE, BASE);
        let proxy = FaultProxy::to(pool.address());
        let client = Client::new(proxy.url().trim_start_matches("http://").parse().expect("an address"));
        let sign_up = |email: &str| {
            let attributes = [json!({"Name": "email", "Value": email})];
            let body = json!({
                "ClientId": pool.fact("public_client_id"), "Username": email, "Password": PASSWORD,
                "UserAttributes": attributes,
            });
            let request = client.post("/").header("X-Amz-Target", "AWSCognitoIdentityProviderService.SignUp");
            request.text("application/x-amz-json-1.1", &body.to_string()).try_send()
        };
        proxy.fails_at("SignUp", Fault::Answer(400, "TooManyRequestsException"));
        let refused = sign_up("one@example.com").expect("an answer").expect(400).json();
        assert_eq!(refused["__type"], "TooManyRequestsException");
        proxy.heal();
        proxy.fails(Fault::DropBefore);
        assert!(sign_up("one@example.com").is_err());
        assert_eq!(pool.account("one@example.com"), None);
        proxy.heal();
        proxy.fails_at("SignUp", Fault::DropAfter);
        assert!(sign_up("one@example.com").is_err());
        assert!(pool.account("one@example.com").is_some());
        proxy.heal();
        sign_up("two@example.com").expect("an answer").expect(200);
        assert_eq!(pool.mailed_code("two@example.com", 1), "123456");
        assert_eq!(proxy.calls(), ["SignUp"; 4]);
    });
}

#[test]
fn the_second_pool_keeps_a_random_code_for_whoever_signs_up() {
    part::with(&["node"], || {
        let pool = SecondPool::start();
        // How Doorward would be told of it is all there is to see without Doorward.
        let setup = format!("{:?}", pool.keeps_passwords(Setup::bare()));
        assert!(setup.contains("local_"), "{setup}");
    });
}
