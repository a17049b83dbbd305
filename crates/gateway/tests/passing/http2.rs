//! Services that speak HTTP/2, in clear text and by TLS, and how a name leads to them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doorward_gateway::route::Route;
use doorward_gateway::{ConnectSettings, Group, GroupSettings, Timeouts};
use futures_util::future::join_all;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::service::PATIENCE;
use crate::stage::{Sessions, Stage, TestBody, read, refusal, request, route, whole};
use crate::uploads::unfinished;

/// What a service saw of a request.
struct Seen {
    head: http::request::Parts,
    /// `None` if it broke off.
    body: Option<(Bytes, HeaderMap)>,
}

type Answer = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

/// Answers with the body it got and a trailer; never if the path says so.
async fn answer(request: Request<Incoming>, seen: UnboundedSender<Seen>) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let collected = body.collect().await.ok();
    let body = collected.map(|body| (body.trailers().cloned().unwrap_or_default(), body.to_bytes()));
    let hangs = head.uri.path().ends_with("/hangs");
    let back = body.as_ref().map_or_else(Bytes::new, |(_, body)| body.clone());
    let _ = seen.send(Seen { head, body: body.map(|(trailers, body)| (body, trailers)) });
    if hangs {
        std::future::pending::<()>().await;
    }
    let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), "7".parse().unwrap())]);
    let frames = [Ok(Frame::data(back)), Ok(Frame::trailers(trailers))];
    Ok(Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()))
}

/// Starts a service, by TLS if there is a configuration; says what it sees and how many connections are opened.
async fn service(tls: Option<ServerConfig>) -> (SocketAddr, UnboundedReceiver<Seen>, UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (send_seen, seen) = unbounded_channel();
    let (send_opened, opened) = unbounded_channel();
    let tls = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = send_opened.send(());
            let (seen, tls) = (send_seen.clone(), tls.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(request, seen.clone()));
                let Some(tls) = tls else {
                    let _ =
                        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                    return;
                };
                let Ok(stream) = tls.accept(stream).await else { return };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let stream = TokioIo::new(stream);
                let _ = if is_http2 {
                    http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
                } else {
                    http1::Builder::new().serve_connection(stream, service).await
                };
            });
        }
    });
    (address, seen, opened)
}

fn http2_route(url: &str) -> Route {
    let settings = GroupSettings { http2: true, ..GroupSettings::default() };
    Route { upstreams: Arc::new(Group::new(vec![url.parse().unwrap()], settings)), ..route(url) }
}

fn post(body: TestBody) -> Request<TestBody> {
    request(Method::POST, "/x/a?b=c").body(body).unwrap()
}

#[tokio::test]
async fn many_requests_share_one_connection() {
    let (address, mut seen, mut opened) = service(None).await;
    let stage = Stage::new(http2_route(&format!("http://{address}/own")));
    assert_eq!(read(stage.send(post(whole("body"))).await).await, "body");
    let Seen { head, body } = seen.recv().await.unwrap();
    assert_eq!((head.version, head.method), (Version::HTTP_2, Method::POST));
    assert_eq!(head.uri.to_string(), format!("http://{address}/own/a?b=c"));
    assert!(!head.headers.contains_key("transfer-encoding") && !head.headers.contains_key("host"));
    assert_eq!(head.headers["x-request-id"], "request-7");
    assert_eq!(body.unwrap().0, "body");
    let bodies: Vec<String> = (0..20).map(|index| index.to_string()).collect();
    let answers = join_all(bodies.iter().map(async |body| read(stage.send(post(whole(body.clone()))).await).await));
    assert_eq!(answers.await, bodies);
    assert_eq!(std::iter::from_fn(|| opened.try_recv().ok()).count(), 1);
}

#[tokio::test]
async fn trailers_travel_both_ways() {
    let (address, mut seen, _) = service(None).await;
    let stage = Stage::new(http2_route(&format!("http://{address}")));
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "9".parse().unwrap())]);
    let frames = [Ok(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
    let answer = stage.send(post(body)).await.into_body().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["x-checksum"], "7");
    let (body, trailers) = seen.recv().await.unwrap().body.unwrap();
    assert_eq!((body.as_ref(), &trailers["x-sum"]), (&b"body"[..], &"9".parse().unwrap()));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call_alone() {
    let (address, mut seen, mut opened) = service(None).await;
    let stage = Stage::new(http2_route(&format!("http://{address}")));
    assert_eq!(read(stage.send(post(whole("first"))).await).await, "first");
    seen.recv().await.unwrap();
    tokio::select! {
        _ = stage.send(post(unfinished())) => panic!("there is no answer"),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    let cancelled = timeout(PATIENCE, seen.recv()).await.unwrap().unwrap();
    assert!(cancelled.body.is_none(), "the service sees the body broken off, not ended");
    assert_eq!(read(stage.send(post(whole("second"))).await).await, "second");
    assert_eq!(std::iter::from_fn(|| opened.try_recv().ok()).count(), 1);
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up() {
    let (address, _seen, _) = service(None).await;
    let timeouts = Timeouts { answer: Duration::from_millis(200), ..Timeouts::default() };
    let stage = Stage::new(Route { timeouts, retries: 0, ..http2_route(&format!("http://{address}")) });
    let hanging = request(Method::GET, "/x/hangs").body(whole("")).unwrap();
    assert_eq!(refusal(stage.send(hanging).await).await, (504, "upstream_timeout".to_owned()));
}

/// A certificate for `service.test`, signed by itself.
fn certificate(folder: &Path) -> (Vec<u8>, ServerConfig) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=service.test", "-addext", "subjectAltName=DNS:service.test"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pem = std::fs::read(folder.join("certificate.pem")).unwrap();
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider().into();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (pem, config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

#[tokio::test]
async fn a_service_by_tls_is_found_by_its_own_name_and_trusted_by_an_extra_certificate() {
    let folder = TempDir::new().unwrap();
    for (protocols, version) in [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"], Version::HTTP_11)] {
        let (pem, mut tls) = certificate(folder.path());
        tls.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let (address, mut seen, mut opened) = service(Some(tls)).await;
        let resolve = vec![("service.test".to_owned(), 443, address), ("other.test".to_owned(), 443, address)];
        let connect = ConnectSettings { resolve, extra_ca: Some(pem) };
        let stage = Stage::start(route("https://service.test"), &Sessions::default(), connect.clone()).unwrap();
        for _ in 0..3 {
            assert_eq!(read(stage.send(post(whole("body"))).await).await, "body");
            let head = seen.recv().await.unwrap().head;
            assert_eq!(head.version, version);
            let host = head.uri.authority().map(ToString::to_string);
            let host = host.or_else(|| Some(head.headers.get("host")?.to_str().unwrap().to_owned()));
            assert_eq!(host.as_deref(), Some("service.test"));
        }
        assert_eq!(std::iter::from_fn(|| opened.try_recv().ok()).count(), 1);
        let untrusted = ConnectSettings { extra_ca: None, ..connect.clone() };
        for (url, connect) in [("https://service.test", untrusted), ("https://other.test", connect)] {
            let stage = Stage::start(Route { retries: 0, ..route(url) }, &Sessions::default(), connect).unwrap();
            let refused = refusal(stage.send(post(whole("body"))).await).await;
            assert_eq!(refused, (503, "upstream_unreachable".to_owned()), "{url}");
        }
    }
}

#[tokio::test]
async fn extra_certificates_that_are_none_are_noticed_at_the_start() {
    let broken = b"-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n".to_vec();
    let connect = ConnectSettings { resolve: Vec::new(), extra_ca: Some(broken) };
    assert!(Stage::start(route("https://service.test"), &Sessions::default(), connect).is_err());
}
