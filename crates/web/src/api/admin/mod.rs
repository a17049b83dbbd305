//! Administration under `/admin/v1`: one file a resource. Every handler takes an
//! [`Administrator`](crate::actor::Administrator), which is the evidence that services ask for.

pub(crate) mod audit;
pub(crate) mod domains;
pub(crate) mod keys;
pub(crate) mod teams;
pub(crate) mod users;

use axum::response::Response;
use http::header::{ETAG, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json;

/// What an id must look like.
const AN_ID: &str = "must be an id, a UUID";

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    /// What to ask for the next page with; null on the last.
    next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit`, from what was found when asked for one more.
    fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// The same page, its items in another form.
    fn map<'p, U>(&'p self, form: impl Fn(&'p T) -> U) -> Page<U> {
        Page { items: self.items.iter().map(form).collect(), next: self.next.clone() }
    }
}

/// A resource with its version as entity tag.
fn versioned(version: i64, body: &impl Serialize) -> Response {
    tagged(json::ok(body), version)
}

/// A resource that was just made, and where it is.
fn created(version: i64, location: String, body: &impl Serialize) -> Response {
    let mut response = tagged(json::answer(StatusCode::CREATED, body), version);
    insert(&mut response, LOCATION, location);
    response
}

fn tagged(mut response: Response, version: i64) -> Response {
    insert(&mut response, ETAG, format!("\"{version}\""));
    response
}

fn insert(response: &mut Response, name: HeaderName, value: String) {
    // Versions, ids and paths of ours are plain ASCII.
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
