//! A server in front of the gateway, as clients meet it: real connections, upgrades and all.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::stage::Stage;

/// Serves the stage over HTTP/1.1 and says where.
pub(crate) async fn serve(stage: Stage) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stage = Arc::new(stage);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stage = Arc::clone(&stage);
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let stage = Arc::clone(&stage);
                let request = request.map(|body| body.map_err(std::io::Error::other).boxed_unsync());
                async move { Ok::<_, Infallible>(stage.send(request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    });
    address
}
