//! Several services, failing ones among them: who is asked, who is asked again, and who is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use doorward_gateway::route::Route;
use doorward_gateway::{Group, GroupSettings, Health, HealthCheck};
use http::{Method, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::service::{Connection, OK, PATIENCE, Received, Service, receive};
use crate::stage::{Stage, TestBody, group, read, refusal, request, route, whole};
use crate::uploads::slow;

fn get() -> Request<TestBody> {
    request(Method::GET, "/x/a").body(whole("")).unwrap()
}

fn post() -> Request<TestBody> {
    request(Method::POST, "/x/a").body(whole("body")).unwrap()
}

/// A place where nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Reads a request and hangs up.
async fn hangs_up_on(mut connection: Connection, received: UnboundedSender<Received>) {
    let _ = received.send(receive(&mut connection).await.unwrap());
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_passed_over_even_for_a_post() {
    let service = Service::start().await;
    let stage = Stage::new(Route { upstreams: group(&[&nowhere().await, &service.url]), ..route(&service.url) });
    for _ in 0..10 {
        assert_eq!(read(stage.send(post()).await).await, "ok");
        assert_eq!(read(stage.send(get()).await).await, "ok");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    let mut service = Service::connected(hangs_up_on).await;
    let stage = Stage::new(route(&service.url));
    assert_eq!(refusal(stage.send(post()).await).await, (502, "upstream_broken".to_owned()));
    assert_eq!(service.opened(), 1);
    assert_eq!(refusal(stage.send(get()).await).await, (502, "upstream_broken".to_owned()));
    assert_eq!(service.opened(), 3, "asked once and twice more");
    let put = request(Method::PUT, "/x/a").body(slow(Duration::ZERO)).unwrap();
    assert_eq!(refusal(stage.send(put).await).await, (502, "upstream_broken".to_owned()));
    assert_eq!(service.opened(), 1, "a body that streams cannot be sent twice");
}

#[tokio::test]
async fn a_request_that_met_a_hang_up_is_answered_by_another_service() {
    let failing = Service::connected(hangs_up_on).await;
    let service = Service::start().await;
    let stage = Stage::new(Route { upstreams: group(&[&failing.url, &service.url]), ..route(&service.url) });
    for _ in 0..10 {
        assert_eq!(read(stage.send(get()).await).await, "ok");
    }
}

#[tokio::test]
async fn a_post_over_a_connection_that_was_closed_while_idle_opens_another() {
    let (closed, mut is_closed) = tokio::sync::mpsc::unbounded_channel();
    let mut service = Service::connected(move |mut connection, received| {
        let closed = closed.clone();
        async move {
            let _ = received.send(receive(&mut connection).await.unwrap());
            connection.write_all(OK.as_bytes()).await.unwrap();
            drop(connection);
            let _ = closed.send(());
        }
    })
    .await;
    let stage = Stage::new(route(&service.url));
    for _ in 0..5 {
        assert_eq!(read(stage.send(post()).await).await, "ok");
        is_closed.recv().await.unwrap();
        assert_eq!(service.opened(), 1);
        assert_eq!(service.next().await.text(), "body");
    }
}

#[tokio::test]
async fn a_service_that_fails_all_the_time_is_left_alone_and_tried_again_later() {
    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    let mut service = Service::connected(move |mut connection, _| {
        let fails = failing.load(Ordering::Relaxed);
        async move {
            while receive(&mut connection).await.is_some() {
                if fails || connection.write_all(OK.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let route = Route { retries: 0, ..route(&service.url) };
    let services = Arc::clone(&route.upstreams);
    let stage = Stage::new(route);
    for _ in 0..5 {
        assert_eq!(refusal(stage.send(post()).await).await.0, 502);
    }
    assert_eq!(services.status().next().unwrap().health, Health::Ejected);
    let asked = service.opened();
    let response = stage.send(post()).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(refusal(response).await, (503, "upstream_unreachable".to_owned()));
    assert_eq!((asked, service.opened()), (5, 0), "an open breaker asks nobody");

    fails.store(false, Ordering::Relaxed);
    let answered = async {
        while stage.send(post()).await.status() != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, answered).await.unwrap();
    let status = services.status().next().unwrap();
    assert_eq!((status.health, status.requests), (Health::Well, 0));
}

/// A service that can be killed with everything it has under way.
struct Mortal {
    url: String,
    life: JoinHandle<()>,
}

impl Mortal {
    async fn born(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let life = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut connection = tokio::io::BufReader::new(stream);
                    while receive(&mut connection).await.is_some() {
                        sleep(Duration::from_millis(5)).await;
                        if connection.write_all(OK.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, life }
    }

    async fn dies(self) -> String {
        self.life.abort();
        let _ = self.life.await;
        self.url.trim_start_matches("http://").to_owned()
    }
}

#[tokio::test]
async fn nothing_that_may_be_sent_again_is_lost_when_services_are_killed_and_restarted_in_turn() {
    let mut services = vec![Mortal::born("127.0.0.1:0").await, Mortal::born("127.0.0.1:0").await];
    let urls: Vec<String> = services.iter().map(|service| service.url.clone()).collect();
    let stage = Arc::new(Stage::new(Route { upstreams: group(&[&urls[0], &urls[1]]), ..route(&urls[0]) }));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (stage, stop, answered) = (Arc::clone(&stage), Arc::clone(&stop), Arc::clone(&answered));
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let response = stage.send(get()).await;
                assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(&read(response).await));
                assert_eq!(read(response).await, "ok");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for _ in 0..3 {
        sleep(Duration::from_millis(150)).await;
        let address = services.remove(0).dies().await;
        sleep(Duration::from_millis(150)).await;
        services.push(Mortal::born(&address).await);
        // The breaker may take the time of a trial to trust the service again.
        sleep(Duration::from_millis(1200)).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(answered.load(Ordering::Relaxed) > 200);
}

#[tokio::test]
async fn a_service_that_answers_its_health_check_badly_gets_nothing_until_it_answers_well() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let checked = Service::connected(move |mut connection, received| {
        let well = Arc::clone(&well);
        async move {
            while let Some(request) = receive(&mut connection).await {
                let is_check = request.request_line() == "GET /healthz HTTP/1.1";
                let _ = received.send(request);
                let answer = if is_check && !well.load(Ordering::Relaxed) {
                    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nchecked"
                };
                if connection.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let other = Service::start().await;
    let pulse = Duration::from_millis(20);
    let health = HealthCheck { path: "/healthz".parse().unwrap(), interval: pulse, timeout: PATIENCE };
    // A service that hangs up on health checks would be ill too, so the other has to answer them.
    let upstreams = [&checked.url, &other.url].map(|url| url.parse().unwrap()).to_vec();
    let services = Arc::new(Group::new(upstreams, GroupSettings { http2: false, health: Some(health) }));
    let stage = Stage::new(Route { upstreams: Arc::clone(&services), ..route(&checked.url) });
    let watch = tokio::spawn(stage.gateway.watch_health());
    let becomes = async |wanted: Health| {
        while services.status().next().unwrap().health != wanted {
            sleep(pulse).await;
        }
    };
    timeout(PATIENCE, becomes(Health::Ill)).await.unwrap();
    for _ in 0..4 {
        assert_eq!(read(stage.send(get()).await).await, "ok");
    }
    is_well.store(true, Ordering::Relaxed);
    timeout(PATIENCE, becomes(Health::Well)).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(read(stage.send(get()).await).await);
    }
    answers.sort();
    assert_eq!(answers, ["checked", "ok"]);
    watch.abort();
}
