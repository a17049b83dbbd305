//! Step four: telling the service behind who calls. Knows bodies and headers, not where they go.
//!
//! Whatever a client says in our place is taken out even where there is nothing to say: a public route's service
//! must not believe a stranger. All else in a body stays byte for byte.

pub(crate) mod assertion;
mod content;
mod form;
mod introduction;
mod multipart;
mod name;

use std::error::Error;
use std::io;

use bytes::Bytes;
use doorward_identity::session::Caller;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http_body::Body;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};

use crate::json_object;
use crate::refusal::Refusal;
use content::{Content, Empty};
use multipart::{Rewriter, Rewriting};

pub use form::FormFault;
pub(crate) use introduction::{Introductions, lines as introduction_lines};
pub use multipart::MultipartFault;

/// How a service is told who calls, any of these together. A body is told in the form that it comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inject {
    /// The member of a JSON body that carries the caller's id, whatever letter case a client writes it in.
    pub json: Option<String>,
    /// The part of a multipart form that does.
    pub multipart: Option<String>,
    /// The field of a plain form that does.
    pub form: Option<String>,
    /// Whether headers carry who it is: `X-User-Id` and others.
    pub headers: bool,
    /// Whether a signed assertion does: `X-Doorward-Assertion`.
    pub assertion: bool,
}

impl Inject {
    /// Whether bodies are told anything, and so have to be of a form that can be.
    fn is_in_body(&self) -> bool {
        self.json.is_some() || self.multipart.is_some() || self.form.is_some()
    }
}

/// A multipart form up to this length is judged as a whole before any of it is sent, and its new length is known.
const WHOLE_BYTES: u64 = 64 * 1024;

/// A request's body on its way upstream: whole, or streaming as it comes.
pub(crate) type Outgoing<B> = Either<Full<Bytes>, Streaming<B>>;

/// A body that streams: as it is, or with a part of a multipart form changed on the way.
pub(crate) type Streaming<B> = Either<Limited<B>, Rewriting<Limited<B>>>;

/// The body that travels.
pub(crate) async fn inject<B>(
    inject: &Inject,
    limit: u64,
    caller: Option<&Caller>,
    head: &mut Parts,
    body: B,
) -> Result<Outgoing<B>, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    if body.size_hint().lower() > limit {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let limited = |body, limit: u64| Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    if !inject.is_in_body() {
        return Ok(Either::Right(Either::Left(limited(body, limit))));
    }
    let id = caller.map(|caller| caller.context.user.id.to_string());
    let id = id.as_deref();
    let is_bodiless = is_bodiless(&head.method) && body.is_end_stream();
    let told = match Content::of(inject, &head.headers)? {
        _ if is_bodiless => Bytes::new(),
        Content::Multipart(field, boundary) => {
            let rewriter = Rewriter::new(&boundary, field, id);
            if body.size_hint().upper().is_none_or(|length| length > WHOLE_BYTES) {
                return Ok(Either::Right(Either::Right(Rewriting::new(limited(body, limit), rewriter))));
            }
            let form = collected(limited(body, limit), limit).await?;
            multipart::rewritten(form, rewriter).map_err(Refusal::Multipart)?.into()
        }
        Content::Json(member) => match collected(limited(body, limit), limit).await? {
            empty if empty.is_empty() => made_up(Empty::Json(member), id, head)?,
            json => json_object::with_member(&json, member, id)?.into(),
        },
        Content::Form(field) => {
            let limit = limit.min(form::MAX_BYTES);
            match collected(limited(body, limit), limit).await? {
                empty if empty.is_empty() => made_up(Empty::Form(field), id, head)?,
                form => form::with_field(&form, field, id).map_err(Refusal::Form)?.into(),
            }
        }
        // Nothing is said of the body, so there must be none.
        Content::Unsaid(empty) => match (collected(limited(body, 0), 0).await, empty) {
            (Ok(_), Some(empty)) => made_up(empty, id, head)?,
            (Ok(_), None) | (Err(Refusal::BodyTooLarge { .. }), _) => {
                return Err(Refusal::UnsupportedMediaType(content::expected(inject)));
            }
            (Err(refusal), _) => return Err(refusal),
        },
    };
    Ok(Either::Left(Full::new(told)))
}

/// The body in place of one that is not there: it says who calls, if anybody does and a body has a meaning.
fn made_up(empty: Empty<'_>, id: Option<&str>, head: &mut Parts) -> Result<Bytes, Refusal> {
    let Some(id) = id.filter(|_| !is_bodiless(&head.method)) else { return Ok(Bytes::new()) };
    let (content_type, body) = match empty {
        Empty::Json(member) => ("application/json", json_object::with_member(b"{}", member, Some(id))?),
        Empty::Form(field) => (content::FORM, form::with_field(b"", field, Some(id)).map_err(Refusal::Form)?),
    };
    if !head.headers.contains_key(CONTENT_TYPE) {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    Ok(body.into())
}

async fn collected<B>(body: Limited<B>, limit: u64) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    match body.collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => Err(body_fault(&*error, limit)),
    }
}

/// Why the client's body did not arrive, from the error it ended in.
pub(crate) fn body_fault(error: &(dyn Error + 'static), limit: u64) -> Refusal {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.is::<LengthLimitError>() {
            return Refusal::BodyTooLarge { limit };
        }
        if let Some(fault) = current.downcast_ref::<MultipartFault>() {
            return Refusal::Multipart(*fault);
        }
        if current.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut) {
            return Refusal::BodyStalled;
        }
        cause = current.source();
    }
    Refusal::BodyIncomplete
}

/// Methods whose requests have no body unless somebody insists (RFC 9110 §9.3); none is made up for them.
fn is_bodiless(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
