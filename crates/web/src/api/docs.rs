//! The documentation pages and all they are made of, from inside the binary.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};

use crate::Api;

/// What the pages may load: nothing from elsewhere, no inline script. Both style themselves inline, and `ReDoc`
/// searches in a worker that it makes itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// A file of `assets/`.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    gzip: bool,
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const SWAGGER: &[u8] = include_bytes!("../../assets/swagger.html");
const REDOC: &[u8] = include_bytes!("../../assets/redoc.html");

/// Where the document itself is.
const DOCUMENT: [&str; 2] = ["/openapi.json", "/api/openapi.json"];

/// Everything that is served as it stands.
const ASSETS: [Asset; 9] = [
    Asset { path: "/docs", media_type: HTML, bytes: SWAGGER, gzip: false },
    Asset { path: "/api/docs", media_type: HTML, bytes: SWAGGER, gzip: false },
    Asset { path: "/redoc", media_type: HTML, bytes: REDOC, gzip: false },
    Asset { path: "/api/redoc", media_type: HTML, bytes: REDOC, gzip: false },
    Asset {
        path: "/docs/assets/start-swagger.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/start-swagger.js"),
        gzip: false,
    },
    Asset {
        path: "/docs/assets/start-redoc.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/start-redoc.js"),
        gzip: false,
    },
    Asset {
        path: "/docs/assets/swagger-ui-bundle.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/swagger-ui-bundle.js.gz"),
        gzip: true,
    },
    Asset {
        path: "/docs/assets/swagger-ui.css",
        media_type: STYLE,
        bytes: include_bytes!("../../assets/swagger-ui.css.gz"),
        gzip: true,
    },
    Asset {
        path: "/docs/assets/redoc.standalone.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/redoc.standalone.js.gz"),
        gzip: true,
    },
];

/// The pages, their assets and the document they show.
pub(crate) fn routes() -> Router<Arc<Api>> {
    let router = DOCUMENT.iter().fold(Router::new(), |router, path| router.route(path, get(document)));
    ASSETS.iter().fold(router, |router, asset| router.route(asset.path, get(async || serve(asset))))
}

/// The paths of everything here, for the log and the counters.
pub(crate) fn paths() -> Vec<&'static str> {
    ASSETS.iter().map(|asset| asset.path).chain(DOCUMENT).collect()
}

fn serve(asset: &Asset) -> Response {
    let mut response = file(asset.bytes, asset.media_type);
    if asset.gzip {
        // Large, and another one only with another Doorward.
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    }
    response
}

async fn document(State(api): State<Arc<Api>>) -> Response {
    file(api.document.clone(), "application/json")
}

fn file(bytes: impl Into<Body>, media_type: &'static str) -> Response {
    let mut response = Response::new(bytes.into());
    let mut insert = |name: HeaderName, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    insert(CONTENT_TYPE, media_type);
    insert(CACHE_CONTROL, "no-cache");
    insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
