//! Protocol upgrades: granted, refused, and ended.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use http_body_util::BodyExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::front;
use crate::service::{Connection, OK, PATIENCE, Service, hangs_up, head, receive};
use crate::stage::{Sessions, Stage, read, request, route, whole};

const UPGRADE: &str = "GET /x/chat HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer alice\r\nConnection: keep-alive, \
                       Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a2V5\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\n";

async fn client(address: SocketAddr) -> Connection {
    BufReader::new(TcpStream::connect(address).await.unwrap())
}

/// Sends a wish and reads the head of the answer.
async fn wish(client: &mut Connection) -> String {
    client.write_all(UPGRADE.as_bytes()).await.unwrap();
    timeout(PATIENCE, head(client)).await.unwrap().unwrap()
}

/// A service that grants every wish, greets, and says back each line.
async fn echo() -> Service {
    Service::connected(|mut connection, received| async move {
        let _ = received.send(receive(&mut connection).await.unwrap());
        connection.write_all(format!("{SWITCHED}hello\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        while connection.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            connection.write_all(line.as_bytes()).await.unwrap();
            line.clear();
        }
        connection.write_all(b"bye\n").await.unwrap();
    })
    .await
}

async fn line(client: &mut Connection) -> String {
    let mut line = String::new();
    timeout(PATIENCE, client.read_line(&mut line)).await.unwrap().unwrap();
    line
}

#[tokio::test]
async fn bytes_flow_both_ways_and_each_side_ends_for_itself() {
    let mut service = echo().await;
    let address = front::serve(Stage::new(route(&service.url))).await;
    let mut client = client(address).await;
    let answer = wish(&mut client).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for field in ["\r\nconnection: upgrade\r\n", "\r\nupgrade: websocket\r\n", "\r\nsec-websocket-accept: yes\r\n"] {
        assert!(answer.contains(field), "{answer}");
    }
    let received = service.next().await;
    assert_eq!(received.request_line(), "GET /chat HTTP/1.1");
    assert_eq!(received.header("connection"), ["upgrade"]);
    assert_eq!(received.header("upgrade"), ["websocket"]);
    assert_eq!(received.header("sec-websocket-key"), ["a2V5"]);
    assert!(received.header("authorization").is_empty());
    assert_eq!(line(&mut client).await, "hello\n", "what came with the head of the answer is not lost");
    for _ in 0..3 {
        client.write_all(b"ping\n").await.unwrap();
        assert_eq!(line(&mut client).await, "ping\n");
    }
    client.shutdown().await.unwrap();
    assert_eq!(line(&mut client).await, "bye\n", "one direction ends before the other");
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn much_flows_both_ways_at_once() {
    let service = Service::connected(|mut connection, _| async move {
        receive(&mut connection).await.unwrap();
        connection.write_all(SWITCHED.as_bytes()).await.unwrap();
        let (mut from, mut to) = tokio::io::split(connection);
        tokio::io::copy(&mut from, &mut to).await.unwrap();
        to.shutdown().await.unwrap();
    })
    .await;
    let address = front::serve(Stage::new(route(&service.url))).await;
    let mut client = client(address).await;
    wish(&mut client).await;
    let (mut from, mut to) = tokio::io::split(client);
    let sent: Arc<[u8]> = (0..4_000_000_u32).map(|index| (index % 251) as u8).collect();
    let sending = Arc::clone(&sent);
    tokio::spawn(async move {
        to.write_all(&sending).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut back = Vec::new();
    timeout(PATIENCE, from.read_to_end(&mut back)).await.unwrap().unwrap();
    assert!(back == *sent);
}

#[tokio::test]
async fn a_service_may_refuse_and_the_connection_stays_http() {
    let mut service = Service::answering(OK).await;
    let address = front::serve(Stage::new(route(&service.url))).await;
    let mut client = client(address).await;
    for _ in 0..2 {
        let answer = wish(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        client.read_exact(&mut [0; 2]).await.unwrap();
    }
    assert_eq!(service.opened(), 1);
}

#[tokio::test]
async fn a_service_that_switches_to_something_else_is_a_bad_gateway() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let service = Service::answering(answer).await;
        let address = front::serve(Stage::new(route(&service.url))).await;
        let answer = wish(&mut client(address).await).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    }
}

#[tokio::test]
async fn any_other_wish_is_overlooked() {
    let mut service = Service::start().await;
    let address = front::serve(Stage::new(route(&service.url))).await;
    let mut client = client(address).await;
    client.write_all(UPGRADE.replace("websocket", "h2c").as_bytes()).await.unwrap();
    assert!(head(&mut client).await.unwrap().starts_with("HTTP/1.1 200 "));
    let received = service.next().await;
    assert!(received.header("upgrade").is_empty() && received.header("connection").is_empty());
}

#[tokio::test]
async fn either_side_that_goes_away_takes_the_other_with_it() {
    let (gone, mut is_gone) = tokio::sync::mpsc::unbounded_channel();
    let service = Service::connected(move |mut connection, _| {
        let gone = gone.clone();
        async move {
            receive(&mut connection).await.unwrap();
            connection.write_all(SWITCHED.as_bytes()).await.unwrap();
            let mut said = String::new();
            connection.read_line(&mut said).await.unwrap();
            if said != "leave\n" {
                let _ = gone.send(hangs_up(&mut connection).await);
            }
        }
    })
    .await;
    let address = front::serve(Stage::new(route(&service.url))).await;
    let mut leaving = client(address).await;
    wish(&mut leaving).await;
    leaving.write_all(b"stay\n").await.unwrap();
    drop(leaving);
    assert_eq!(timeout(PATIENCE, is_gone.recv()).await.unwrap(), Some(true));
    let mut left = client(address).await;
    wish(&mut left).await;
    left.write_all(b"leave\n").await.unwrap();
    assert!(hangs_up(&mut left).await);
}

#[tokio::test]
async fn a_tunnel_ends_with_the_session_of_its_caller() {
    let mut service = echo().await;
    let sessions = Sessions::default();
    let address = front::serve(Stage::with_sessions(route(&service.url), &sessions)).await;
    let mut client = client(address).await;
    wish(&mut client).await;
    service.next().await;
    assert_eq!(line(&mut client).await, "hello\n");
    sessions.end();
    assert!(hangs_up(&mut client).await);
}

#[tokio::test]
async fn a_stream_breaks_off_with_the_session_of_its_caller_and_events_end() {
    for (media_type, breaks_off) in [("application/octet-stream", true), ("text/event-stream", false)] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        );
        let service = Service::connected(move |mut connection, _| {
            let answer = answer.clone();
            async move {
                receive(&mut connection).await.unwrap();
                connection.write_all(answer.as_bytes()).await.unwrap();
                assert!(hangs_up(&mut connection).await);
            }
        })
        .await;
        let sessions = Sessions::default();
        let stage = Stage::with_sessions(route(&service.url), &sessions);
        let response = stage.send(request(Method::GET, "/x/a").body(whole("")).unwrap()).await;
        sessions.end();
        let body = timeout(PATIENCE, response.into_body().collect()).await.unwrap();
        assert_eq!(body.is_err(), breaks_off, "{media_type}");
    }
}

#[tokio::test]
async fn a_session_that_goes_on_keeps_its_streams_when_another_ends() {
    let service = Service::connected(|mut connection, _| async move {
        receive(&mut connection).await.unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\n\r\nfirst").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        connection.write_all(b" second").await.unwrap();
    })
    .await;
    let sessions = Sessions::default();
    let stage = Stage::with_sessions(route(&service.url), &sessions);
    let response = stage.send(request(Method::GET, "/x/a").body(whole("")).unwrap()).await;
    sessions.another_ends();
    assert_eq!(read(response).await, "first second");
}
