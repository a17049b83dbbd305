//! Answers: streamed as they come, bounded in time, and told apart when they fail.

use std::sync::Arc;
use std::time::Duration;

use doorward_gateway::route::Route;
use doorward_gateway::{AnswerError, Timeouts};
use http::{Method, Request};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{sleep, timeout};

use crate::service::{OK, PATIENCE, Service, hangs_up, receive};
use crate::stage::{Stage, TestBody, group, read, refusal, request, route, whole};

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                      9\r\ndata: 1\n\n\r\n";

fn get() -> Request<TestBody> {
    request(Method::GET, "/x/a").body(whole("")).unwrap()
}

fn hasty(url: &str) -> Route {
    let time = Duration::from_millis(100);
    Route { timeouts: Timeouts { connect: time, answer: time, idle: time }, ..route(url) }
}

/// A place where nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn an_answer_streams_as_it_comes() {
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let service = Service::connected(move |mut connection, _| {
        let released = Arc::clone(&released);
        async move {
            receive(&mut connection).await.unwrap();
            connection.write_all(STREAM.as_bytes()).await.unwrap();
            released.notified().await;
            connection.write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let stage = Stage::new(route(&service.url));
    let response = stage.send(get()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || body.frame().await.map(|frame| frame.unwrap().into_data().unwrap());
    assert_eq!(next().await.unwrap(), "data: 1\n\n");
    release.notify_one();
    assert_eq!(next().await.unwrap(), "data: 2\n\n");
    assert!(next().await.is_none());
}

#[tokio::test]
async fn a_service_that_falls_silent_is_given_up() {
    let service = Service::connected(|mut connection, received| async move {
        let request = receive(&mut connection).await.unwrap();
        let streams = request.request_line().contains("/stream");
        let _ = received.send(request);
        if streams {
            connection.write_all(STREAM.as_bytes()).await.unwrap();
        }
        assert!(hangs_up(&mut connection).await);
    })
    .await;
    let stage = Stage::new(hasty(&service.url));
    assert_eq!(refusal(stage.send(get()).await).await, (504, "upstream_timeout".to_owned()));
    let response = stage.send(request(Method::GET, "/x/stream").body(whole("")).unwrap()).await;
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(matches!(body.frame().await.unwrap(), Err(AnswerError::Silent)));
}

#[tokio::test]
async fn an_answer_that_keeps_coming_may_take_longer_than_the_routes_time() {
    let service = Service::connected(|mut connection, _| async move {
        receive(&mut connection).await.unwrap();
        connection.write_all(STREAM.as_bytes()).await.unwrap();
        for _ in 0..4 {
            sleep(Duration::from_millis(400)).await;
            connection.write_all(b"9\r\ndata: 2\n\n\r\n").await.unwrap();
        }
        connection.write_all(b"0\r\n\r\n").await.unwrap();
    })
    .await;
    let stage = Stage::new(Route {
        timeouts: Timeouts { answer: Duration::from_millis(600), idle: Duration::from_secs(1), ..Timeouts::default() },
        ..route(&service.url)
    });
    assert_eq!(read(stage.send(get()).await).await.len(), 5 * 9);
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    for answer in [STREAM, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"] {
        let service = Service::connected(move |mut connection, _| async move {
            receive(&mut connection).await.unwrap();
            connection.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let stage = Stage::new(route(&service.url));
        let response = stage.send(get()).await;
        assert_eq!(response.status(), 200);
        assert!(matches!(response.into_body().collect().await, Err(AnswerError::Broken(_))), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_a_bad_gateway() {
    for answer in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 101 Switching Protocols\r\n\r\n"] {
        let service = Service::connected(move |mut connection, _| async move {
            receive(&mut connection).await.unwrap();
            connection.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let stage = Stage::new(route(&service.url));
        assert_eq!(refusal(stage.send(get()).await).await, (502, "upstream_broken".to_owned()), "{answer}");
    }
}

#[tokio::test]
async fn a_service_that_is_away_may_be_asked_again_soon() {
    let stage = Stage::new(route(&nowhere().await));
    let response = stage.send(get()).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(refusal(response).await, (503, "upstream_unreachable".to_owned()));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_call() {
    let (gone, mut is_gone) = unbounded_channel();
    let mut service = Service::connected(move |mut connection, received| {
        let gone = gone.clone();
        async move {
            let request = receive(&mut connection).await.unwrap();
            let streams = request.request_line().contains("/stream");
            if streams {
                connection.write_all(STREAM.as_bytes()).await.unwrap();
            }
            let _ = received.send(request);
            let _ = gone.send(hangs_up(&mut connection).await);
        }
    })
    .await;
    let stage = Stage::new(route(&service.url));
    // Before the answer: the waiting call is dropped once the service has the request.
    tokio::select! {
        _ = stage.send(get()) => panic!("there is no answer"),
        _ = service.next() => {}
    }
    assert_eq!(timeout(PATIENCE, is_gone.recv()).await.unwrap(), Some(true));
    // Within the answer: its body is dropped.
    let response = stage.send(request(Method::GET, "/x/stream").body(whole("")).unwrap()).await;
    drop(response);
    assert_eq!(timeout(PATIENCE, is_gone.recv()).await.unwrap(), Some(true));
}

#[tokio::test]
async fn connections_are_used_again_and_a_closed_one_is_noticed() {
    let (closed, mut is_closed) = unbounded_channel();
    let mut service = Service::connected(move |mut connection, received| {
        let closed = closed.clone();
        async move {
            for _ in 0..2 {
                let _ = received.send(receive(&mut connection).await.unwrap());
                connection.write_all(OK.as_bytes()).await.unwrap();
            }
            drop(connection);
            let _ = closed.send(());
        }
    })
    .await;
    let stage = Stage::new(route(&service.url));
    for expected in [1, 0] {
        assert_eq!(read(stage.send(get()).await).await, "ok");
        assert_eq!(service.opened(), expected);
    }
    is_closed.recv().await.unwrap();
    assert_eq!(read(stage.send(get()).await).await, "ok");
    assert_eq!(service.opened(), 1);
    let other = Stage { gateway: stage.gateway.with_own_connections() };
    assert_eq!(read(other.send(get()).await).await, "ok");
    assert_eq!(service.opened(), 1, "workers share no connections");
}

#[tokio::test]
async fn several_services_take_turns() {
    let one = Service::answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none").await;
    let two = Service::answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo").await;
    let stage = Stage::new(Route { upstreams: group(&[&one.url, &two.url]), ..route(&one.url) });
    for expected in ["one", "two", "one"] {
        assert_eq!(read(stage.send(get()).await).await, expected);
    }
}

#[tokio::test]
async fn an_answer_to_head_has_a_length_and_no_body() {
    let service = Service::answering("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").await;
    let stage = Stage::new(route(&service.url));
    let response = stage.send(request(Method::HEAD, "/x/a").body(whole("")).unwrap()).await;
    assert_eq!(response.headers()["content-length"], "5000");
    assert!(read(response).await.is_empty());
}
