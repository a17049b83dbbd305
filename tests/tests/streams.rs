//! What stays open: events, sockets, uploads that never end up in memory; and how they end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::http::Wire;
use doorward_tests::part::{self, Part};
use doorward_tests::python::client;
use doorward_tests::service::{Service, Speaks};
use doorward_tests::sink::Sink;
use doorward_tests::upstream::Upstream;
use doorward_tests::{Doorward, Person, Setup, Store};

/// How soon a stream ends once its session has.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

fn routes(upstream: &str) -> String {
    format!(
        r#"
        [[routes]]
        name = "events"
        path = "/events"
        methods = ["GET", "POST"]
        upstream = "{upstream}/events"
        timeout = "60s"
        [[routes]]
        name = "socket"
        path = "/ws"
        methods = ["GET"]
        upstream = "{upstream}/ws"
        timeout = "60s"
        inject = {{ headers = true }}
        [[routes]]
        name = "upload"
        path = "/api/v1/rag/upload"
        methods = ["POST"]
        upstream = "{upstream}/upload-and-plan"
        body_limit = "2GiB"
        timeout = "180s"
        inject = {{ multipart = "user_id" }}
        "#
    )
}

fn start(upstream: &str) -> (Doorward, Person) {
    let doorward = Setup::on(Store::Sqlite).file(&routes(upstream)).start();
    let person = doorward.person("user");
    (doorward, person)
}

/// An upstream that writes what the test says, as events of one answer; it tells when its client has gone.
fn events() -> (Upstream, Sender<&'static str>, Receiver<()>) {
    let (say, said) = channel::<&'static str>();
    let (gone, is_gone) = channel();
    let said = Mutex::new(said);
    let upstream = Upstream::answering(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut open = stream.write_all(head.as_bytes()).is_ok();
        while open {
            match said.lock().expect("one stream").recv_timeout(Duration::from_millis(50)) {
                Ok(event) => open = stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).is_ok(),
                Err(_) => open = !has_hung_up(stream),
            }
        }
        let _ = gone.send(());
    });
    (upstream, say, is_gone)
}

fn has_hung_up(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let ended = matches!(stream.read(&mut [0; 1]), Ok(0)) || matches!(stream.peek(&mut [0; 1]), Ok(0));
    stream.set_nonblocking(false).expect("a socket");
    ended
}

#[track_caller]
fn expect_event(wire: &mut Wire, event: &str) {
    assert_eq!(wire.chunk().expect("a chunk").as_deref(), Some(event.as_bytes()));
}

fn sign_out(doorward: &Doorward, person: &Person) {
    doorward.post("/api/auth/logout").bearer(&person.access_token).send().expect(200);
}

#[test]
fn every_event_passes_at_once() {
    let (upstream, say, _) = events();
    let (doorward, person) = start(&upstream.url());
    let mut wire = doorward.get("/events").bearer(&person.access_token).open();
    assert_eq!(wire.head().expect("an answer before any event").0, 200);
    for event in ["data: 1\n\n", "data: 2\n\n", ": still here\n\n"] {
        say.send(event).expect("the upstream listens");
        expect_event(&mut wire, event);
    }
}

#[test]
fn a_stream_ends_soon_after_its_session() {
    let (upstream, say, gone) = events();
    let (doorward, person) = start(&upstream.url());
    let mut wire = doorward.get("/events").bearer(&person.access_token).open();
    wire.head().expect("an answer");
    say.send("data: 1\n\n").expect("the upstream listens");
    expect_event(&mut wire, "data: 1\n\n");
    sign_out(&doorward, &person);
    let began = Instant::now();
    wire.rest();
    assert!(began.elapsed() < REVOKED_WITHIN, "the client was cut off only after {:?}", began.elapsed());
    gone.recv_timeout(PATIENCE).expect("the service learns that its client has gone");
}

#[test]
fn a_stream_ends_when_its_session_ends_on_another_node() {
    let (upstream, say, _) = events();
    let (doorward, person) = start(&upstream.url());
    let other = doorward.second_node();
    let mut wire = doorward.get("/events").bearer(&person.access_token).open();
    wire.head().expect("an answer");
    say.send("data: 1\n\n").expect("the upstream listens");
    expect_event(&mut wire, "data: 1\n\n");
    sign_out(&other, &person);
    let began = Instant::now();
    wire.rest();
    assert!(began.elapsed() < REVOKED_WITHIN, "the client was cut off only after {:?}", began.elapsed());
}

#[test]
fn the_stream_of_somebody_else_goes_on() {
    let (upstream, say, _) = events();
    let (doorward, person) = start(&upstream.url());
    let leaving = doorward.person("leaving");
    let mut wire = doorward.get("/events").bearer(&person.access_token).open();
    wire.head().expect("an answer");
    sign_out(&doorward, &leaving);
    doorward.get("/events").bearer(&leaving.access_token).send().problem(401);
    say.send("data: 1\n\n").expect("the upstream listens");
    expect_event(&mut wire, "data: 1\n\n");
}

/// A WebSocket through the gateway, a real library on either side.
fn socket(doorward: &Doorward, person: &Person) -> (Part, String) {
    let url = format!("ws://{}/ws", doorward.address());
    let bearer = format!("Authorization=Bearer {}", person.access_token);
    Part::announced(&mut client("websocket.py", &[&url, &bearer, "X-User-Id=forged"]))
}

#[test]
fn websockets_pass_both_ways() {
    part::with(&["node", "python"], || {
        let mut service = Service::start(Speaks::Http);
        let (doorward, person) = start(&service.url());
        let (mut socket, line) = socket(&doorward, &person);
        assert_eq!(line.trim(), r#"{"opened": true}"#);
        let opened = service.says();
        assert_eq!(opened["opened"]["x-user-id"], person.id.as_str(), "{opened}");
        assert_eq!(opened["opened"]["authorization"], serde_json::Value::Null, "the token stays here");
        let long = "x".repeat(300_000);
        for message in ["hello", "", "\u{2713}", &long] {
            socket.tell(&serde_json::json!({"say": message}).to_string());
            let heard: serde_json::Value = serde_json::from_str(&socket.line()).expect("JSON");
            assert_eq!(heard["heard"], message);
        }
        drop(socket);
        assert_eq!(service.says()["closed"], 1000, "the service sees a clean end");
    });
}

#[test]
fn a_websocket_needs_a_session_and_ends_with_it() {
    part::with(&["node", "python"], || {
        let mut service = Service::start(Speaks::Http);
        let (doorward, person) = start(&service.url());
        let url = format!("ws://{}/ws", doorward.address());
        let (_, line) = Part::announced(&mut client("websocket.py", &[&url]));
        assert_eq!(line.trim(), r#"{"refused": 401}"#);
        let (mut socket, _) = socket(&doorward, &person);
        service.says();
        sign_out(&doorward, &person);
        let began = Instant::now();
        socket.tell(r#"{"wait": true}"#);
        assert!(socket.line().contains("closed"));
        assert!(began.elapsed() < REVOKED_WITHIN, "cut off only after {:?}", began.elapsed());
        assert!(service.says()["closed"].is_number());
    });
}

#[test]
fn what_follows_a_refused_upgrade_is_no_request() {
    part::with(&["node"], || {
        let service = Service::start(Speaks::Http);
        let (doorward, _) = start(&service.url());
        let smuggled = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
            GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut wire = doorward.client().connect();
        wire.send(smuggled);
        assert_eq!(wire.response().status, 401);
        assert!(wire.rest().is_empty(), "the second request was answered");
    });
}

const BOUNDARY: &str = "a-boundary-of-the-tests";
const GIBIBYTE: u64 = 1 << 30;

/// A multipart body around `length` bytes, written in pieces; gives the digest of all of it.
fn upload(wire: &mut Wire, length: u64, before: &str, after: &str) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    let mut send = |bytes: &[u8]| {
        digest.update(bytes);
        wire.try_send(bytes).expect("Doorward reads on");
    };
    send(before.as_bytes());
    let piece: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    for _ in 0..length >> 20 {
        send(&piece);
    }
    send(after.as_bytes());
    digest.finish().as_ref().to_vec()
}

fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

#[test]
fn a_gibibyte_is_uploaded_in_little_memory_and_nothing_of_it_changes() {
    let sink = Sink::start();
    let (doorward, person) = start(&sink.url());
    let before = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let after = format!("\r\n--{BOUNDARY}--\r\n");
    let length = GIBIBYTE + (before.len() + after.len()) as u64;
    let mut wire = doorward.client().connect();
    wire.send(format!(
        "POST /api/v1/rag/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {length}\r\n\r\n",
        person.access_token
    ));
    let memory = resident_mib(doorward.pid());
    upload(&mut wire, GIBIBYTE, &before, &after);
    assert_eq!(wire.response().status, 200);
    let grown = resident_mib(doorward.pid()) - memory;
    assert!(grown < 64, "the upload took {grown} MiB");
    let arrived = sink.next();
    assert!(arrived.whole);
    let first = String::from_utf8_lossy(&arrived.first[..1024]).into_owned();
    let last = String::from_utf8_lossy(&arrived.last).into_owned();
    assert_eq!(first.matches(&person.id).count() + last.matches(&person.id).count(), 1, "{first}");
    // The rest is what was sent: the count says that nothing was lost, the digest of a rebuilt body that nothing changed.
    let ours = first.split(&before).next().expect("what stands before the file").to_owned();
    let mut rebuilt = Context::new(&SHA256);
    rebuilt.update(ours.as_bytes());
    rebuilt.update(before.as_bytes());
    let piece: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    (0..1024).for_each(|_| rebuilt.update(&piece));
    rebuilt.update(after.as_bytes());
    assert_eq!(arrived.bytes, length + ours.len() as u64);
    assert_eq!(arrived.digest, rebuilt.finish().as_ref(), "the bytes of the file changed");
}

#[test]
fn an_upload_that_stops_halfway_never_looks_whole() {
    let sink = Sink::start();
    let (doorward, person) = start(&sink.url());
    let mut wire = doorward.client().connect();
    wire.send(format!(
        "POST /api/v1/rag/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nTransfer-Encoding: chunked\r\n\r\n",
        person.access_token
    ));
    let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{}", "x".repeat(200_000));
    wire.send(format!("{:x}\r\n{part}\r\n", part.len()));
    drop(wire);
    let arrived = sink.next();
    assert!(!arrived.whole, "half an upload looked whole to the service");
}

#[test]
fn a_service_killed_and_restarted_under_load_loses_nothing_that_could_be_tried_again() {
    part::with(&["node"], || {
        let (first, second) = (Service::start(Speaks::Http), Service::start(Speaks::Http));
        let route = format!(
            "[[routes]]\nname = \"pair\"\npath = \"/pair/*\"\nmethods = [\"GET\"]\nrequire = {{ public = true }}\n\
             upstream = [\"{}/\", \"{}/\"]\n",
            first.url(),
            second.url()
        );
        let doorward = Setup::on(Store::Sqlite).file(&route).start();
        let (stop, failed) = (std::sync::atomic::AtomicBool::new(false), Mutex::new(Vec::new()));
        let answered = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            use std::sync::atomic::Ordering::Relaxed;
            for worker in 0..4 {
                let (doorward, stop, failed, answered) = (&doorward, &stop, &failed, &answered);
                scope.spawn(move || {
                    while !stop.load(Relaxed) {
                        match doorward.get(&format!("/pair/{worker}")).try_send() {
                            Ok(answer) if answer.status == 200 => _ = answered.fetch_add(1, Relaxed),
                            other => failed.lock().expect("the failures").push(format!("{other:?}")),
                        }
                    }
                });
            }
            let more = |count: u32| {
                let goal = answered.load(Relaxed) + count;
                until("requests are answered", PATIENCE, || (answered.load(Relaxed) >= goal).then_some(()));
            };
            more(100);
            let port = first.kill();
            more(200);
            let _again = Service::start_at(Speaks::Http, port);
            more(200);
            stop.store(true, Relaxed);
        });
        let failed = failed.into_inner().expect("the failures");
        assert!(failed.is_empty(), "{} of {answered:?} failed: {:?}", failed.len(), &failed[..failed.len().min(3)]);
    });
}
