//! The least that can stand behind nginx's `auth_request`: a hyper server that checks an HS256 token by hand.
//!
//! `verifier ADDRESS SECRET` answers 200 with the subject in `X-User-Id`, or 401. One thread.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use anyhow::Context as _;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().context("verifier ADDRESS SECRET")?.parse()?;
    let secret = arguments.next().context("verifier ADDRESS SECRET")?;
    let key = Rc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
    let listener = TcpListener::bind(address).await?;
    LocalSet::new()
        .run_until(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let key = Rc::clone(&key);
                spawn_local(async move {
                    let service = service_fn(move |request| {
                        let answer = answer(&key, &request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    // A client that goes away is no news.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
        .await
}

fn answer(key: &hmac::Key, request: &Request<Incoming>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    match subject(key, request).and_then(|subject| subject.parse().ok()) {
        Some(subject) => {
            response.headers_mut().insert("x-user-id", subject);
        }
        None => *response.status_mut() = StatusCode::UNAUTHORIZED,
    }
    response
}

fn subject(key: &hmac::Key, request: &Request<Incoming>) -> Option<String> {
    let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let (input, signature) = token.rsplit_once('.')?;
    hmac::verify(key, input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let claims = URL_SAFE_NO_PAD.decode(input.split_once('.')?.1).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let fresh = claims["exp"].as_u64()? > UNIX_EPOCH.elapsed().ok()?.as_secs();
    claims["sub"].as_str().filter(|_| fresh).map(str::to_owned)
}
