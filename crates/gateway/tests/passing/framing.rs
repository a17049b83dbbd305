//! Answers that lie about where they end, or about anything else that two readers could read differently.

use std::time::Duration;

use doorward_gateway::Timeouts;
use doorward_gateway::route::Route;
use http::{Method, Request};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use crate::service::{PATIENCE, Received, Service, hangs_up, head, receive};
use crate::stage::{Stage, TestBody, read, refusal, request, route, whole};
use crate::uploads::{endless, slow, unfinished};

fn get() -> Request<TestBody> {
    request(Method::GET, "/x/a").body(whole("")).unwrap()
}

#[tokio::test]
async fn an_answer_framed_in_two_ways_is_a_bad_gateway() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 99 No\r\n\r\n",
    ] {
        let service = Service::answering(answer).await;
        let stage = Stage::new(route(&service.url));
        let response = stage.send(get()).await;
        assert_eq!(response.status(), 502, "{answer:?}");
        let (status, code) = refusal(response).await;
        assert_eq!((status, code.as_str()), (502, "upstream_broken"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_broken_chunk_breaks_the_answer_off() {
    for chunks in [
        "x\r\nok\r\n0\r\n\r\n",
        "2\r\nokay\r\n0\r\n\r\n",
        "-2\r\nok\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nok\r\n",
        "2\nok\n0\n\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let service = Service::answering(answer.leak()).await;
        let stage = Stage::new(route(&service.url));
        let response = stage.send(get()).await;
        assert!(timeout(PATIENCE, response.into_body().collect()).await.unwrap().is_err(), "{chunks:?}");
    }
}

#[tokio::test]
async fn what_comes_after_an_answer_is_nobodys_answer() {
    let mut service = Service::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    )
    .await;
    let stage = Stage::new(route(&service.url));
    for _ in 0..3 {
        assert_eq!(read(stage.send(get()).await).await, "ok");
        assert_eq!(service.opened(), 1, "the connection is not used again");
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let service = Service::connected(|mut connection, _| async move {
        receive(&mut connection).await.unwrap();
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n").await;
        let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
        while connection.write_all(line.as_bytes()).await.is_ok() {}
    })
    .await;
    let stage = Stage::new(route(&service.url));
    assert_eq!(refusal(stage.send(get()).await).await, (502, "upstream_broken".to_owned()));
}

#[tokio::test]
async fn a_head_that_drips_is_given_up_in_time() {
    let service = Service::connected(|mut connection, _| async move {
        receive(&mut connection).await.unwrap();
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while connection.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let timeouts = Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() };
    let stage = Stage::new(Route { timeouts, ..route(&service.url) });
    let response = timeout(PATIENCE, stage.send(get())).await.unwrap();
    assert_eq!(refusal(response).await, (504, "upstream_timeout".to_owned()));
}

#[tokio::test]
async fn a_connection_that_is_reset_within_an_answer_breaks_it_off() {
    for answer in ["HTTP/1.1 200 OK\r\n\r\nto the end", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nmore"] {
        let service = Service::connected(move |mut connection, _| async move {
            head(&mut connection).await.unwrap();
            connection.write_all(answer.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(50)).await;
            connection.get_ref().set_zero_linger().unwrap();
        })
        .await;
        let stage = Stage::new(route(&service.url));
        let response = stage.send(get()).await;
        assert!(timeout(PATIENCE, response.into_body().collect()).await.unwrap().is_err(), "{answer:?}");
    }
}

#[tokio::test]
async fn answers_on_the_way_to_the_answer_are_passed_over() {
    let service = Service::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let stage = Stage::new(route(&service.url));
    for _ in 0..2 {
        let response = stage.send(get()).await;
        assert!(!response.headers().contains_key("link"));
        assert_eq!(read(response).await, "ok");
    }
}

#[tokio::test]
async fn an_answer_without_a_body_leaves_the_connection_for_the_next() {
    for (method, head) in [
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"a\"\r\n\r\n"),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ] {
        let mut service = Service::answering(head).await;
        let stage = Stage::new(route(&service.url));
        for expected in [1, 0] {
            let response = stage.send(request(method.clone(), "/x/a").body(whole("")).unwrap()).await;
            assert!(timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap().to_bytes().is_empty());
            assert_eq!(service.opened(), expected, "{head:?}");
        }
    }
}

#[tokio::test]
async fn trailers_of_an_answer_follow_its_body() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: 7\r\n\r\n",
    )
    .await;
    let stage = Stage::new(route(&service.url));
    for _ in 0..2 {
        let response = stage.send(get()).await;
        assert_eq!(response.headers()["trailer"], "X-Checksum");
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["x-checksum"], "7");
        assert_eq!(body.to_bytes(), "ok");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_passed_on_and_its_connection_closed() {
    let mut service = Service::connected(|mut connection, received| async move {
        let head = head(&mut connection).await.unwrap();
        let _ = received.send(Received { head, body: Vec::new(), trailers: Vec::new(), complete: false });
        connection.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
        assert!(hangs_up(&mut connection).await);
    })
    .await;
    let stage = Stage::new(route(&service.url));
    let early = stage.send(request(Method::POST, "/x/a").body(unfinished()).unwrap()).await;
    assert_eq!(early.status(), 413);
    assert_eq!(read(early).await, "big");
    service.next().await;
    assert_eq!(read(stage.send(get()).await).await, "big");
    assert_eq!(service.opened(), 2, "what is left of a request must not be read as the next");
}

#[tokio::test]
async fn a_client_that_sends_slowly_does_not_use_up_the_time_of_the_service() {
    let service = Service::start().await;
    let time = Duration::from_millis(200);
    let timeouts = Timeouts { answer: time, ..Timeouts::default() };
    let stage = Stage::new(Route { timeouts, ..route(&service.url) });
    let response = stage.send(request(Method::POST, "/x/a").body(slow(time / 2)).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(read(response).await, "ok");
}

#[tokio::test]
async fn a_service_that_takes_no_more_of_a_body_is_given_up() {
    let service = Service::connected(|mut connection, _| async move {
        head(&mut connection).await.unwrap();
        // Neither reads on nor answers, and keeps the connection open.
        std::future::pending::<()>().await;
    })
    .await;
    let timeouts = Timeouts { answer: Duration::from_millis(200), ..Timeouts::default() };
    let stage = Stage::new(Route { timeouts, body_limit: u64::MAX, ..route(&service.url) });
    let sent = stage.send(request(Method::POST, "/x/a").body(endless()).unwrap());
    let response = timeout(PATIENCE, sent).await.unwrap();
    assert_eq!(refusal(response).await, (504, "upstream_timeout".to_owned()));
}
