//! Step four: telling the service behind who calls. Knows bodies, not where they go.
//!
//! Whatever a client says in our place is taken out even where there is nothing to say: a public route's service
//! must not believe a stranger. All else in a body stays byte for byte.

use std::error::Error;
use std::io;

use bytes::Bytes;
use doorward_identity::session::Caller;
use doorward_protocol::media_type;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};

use crate::json_object;
use crate::refusal::Refusal;

/// How a service is told who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inject {
    /// The member of the JSON body that carries the caller's id, whatever letter case a client writes it in.
    pub json: Option<String>,
}

/// A request's body on its way upstream: rewritten, or streaming as it comes.
pub(crate) type Outgoing<B> = Either<Full<Bytes>, Limited<B>>;

/// The body that travels.
pub(crate) async fn inject<B>(
    inject: &Inject,
    limit: u64,
    caller: Option<&Caller>,
    head: &mut Parts,
    body: B,
) -> Result<Outgoing<B>, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    if body.size_hint().lower() > limit {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let body = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let Some(member) = &inject.json else { return Ok(Either::Right(body)) };
    judge_encoding(&head.headers)?;
    let is_json = judge_media_type(&head.headers)?;
    let whole = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(error) => return Err(body_fault(&*error, limit)),
    };
    let id = caller.map(|caller| caller.context.user.id.to_string());
    let told = if whole.is_empty() {
        if id.is_none() || is_bodiless(&head.method) {
            return Ok(Either::Left(Full::new(whole)));
        }
        if !is_json {
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        json_object::with_member(b"{}", member, id.as_deref())?
    } else if is_json {
        json_object::with_member(&whole, member, id.as_deref())?
    } else {
        return Err(Refusal::UnsupportedMediaType(NOT_JSON));
    };
    Ok(Either::Left(Full::new(told.into())))
}

/// Why the client's body did not arrive, from the error it ended in.
pub(crate) fn body_fault(error: &(dyn Error + 'static), limit: u64) -> Refusal {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.is::<LengthLimitError>() {
            return Refusal::BodyTooLarge { limit };
        }
        if current.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut) {
            return Refusal::BodyStalled;
        }
        cause = current.source();
    }
    Refusal::BodyIncomplete
}

const NOT_JSON: &str = "The body must be sent as application/json";

/// Methods whose requests have no body unless somebody insists (RFC 9110 §9.3); none is made up for them.
fn is_bodiless(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses a body that must be unpacked first.
fn judge_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        Ok(())
    } else {
        Err(Refusal::UnsupportedMediaType("The body must not be compressed"))
    }
}

/// Whether the body is said to be JSON; `false` if nothing is said.
fn judge_media_type(headers: &HeaderMap) -> Result<bool, Refusal> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) => Ok(false),
        (Some(_), Some(_)) => Err(Refusal::AmbiguousHeader(CONTENT_TYPE)),
        (Some(one), None) if one.to_str().is_ok_and(media_type::is_json) => Ok(true),
        (Some(_), None) => Err(Refusal::UnsupportedMediaType(NOT_JSON)),
    }
}
