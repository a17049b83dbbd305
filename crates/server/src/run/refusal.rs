//! What can be wrong with a request before anybody reads it, and the answer each fault gets.
//!
//! Owns the status and the sentence of every fault. Knows nothing of sockets, services or surfaces.

use std::fmt;

use bytes::Bytes;
use doorward_protocol::problem::{self, Problem};
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;

/// What problem details call any of them.
pub(super) const CODE: &str = "request_head_refused";

/// A fault in a request's head for which the request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// A line that ends in LF without CR.
    BareLineFeed,
    /// A control byte where text belongs; a lone CR is one.
    ControlByte,
    /// A first line that is not `METHOD SP target SP version`.
    RequestLine,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// A request target with a byte that belongs percent-encoded.
    TargetByte,
    /// A request target that carries a fragment.
    Fragment,
    /// A request target in absolute, authority or misplaced asterisk form.
    TargetForm,
    /// A request for a tunnel.
    Connect,
    /// A header line that begins with white space.
    FoldedLine,
    /// A header line without a proper name.
    FieldName,
    /// A header that may appear once and does not.
    RepeatedField,
    /// An HTTP/1.1 request without a host.
    MissingHost,
    /// A host that is not a name or an address with an optional port.
    Host,
    /// A length that is not a plain decimal number.
    ContentLength,
    /// A transfer coding other than `chunked`, or one in HTTP/1.0.
    TransferEncoding,
    /// A length beside a transfer coding: two framings of one body.
    TwoFramings,
    /// An expectation other than `100-continue`.
    Expectation,
    /// A request target beyond its limit.
    TargetTooLong,
    /// A head beyond its limit in bytes.
    HeadTooLarge,
    /// A head beyond its limit in header lines.
    TooManyFields,
    /// A head that did not arrive whole in time.
    HeadTimeout,
}

impl Refusal {
    /// The status that tells the client.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The fault in one sentence, without anything the client sent.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::BareLineFeed => "A line of the request head ends in LF without CR.",
            Self::ControlByte => "The request head contains a control character.",
            Self::RequestLine => "The request line is not a method, a target and a version.",
            Self::Version => "A request line may only say HTTP/1.0 or HTTP/1.1.",
            Self::TargetByte => "The request target contains a character that must be percent-encoded.",
            Self::Fragment => "The request target contains a fragment.",
            Self::TargetForm => "The request target must be a path that begins with a slash.",
            Self::Connect => "CONNECT is not offered here.",
            Self::FoldedLine => "A header is folded over more than one line.",
            Self::FieldName => "A header has no valid name directly followed by a colon.",
            Self::RepeatedField => "A header that may be sent once is sent more than once.",
            Self::MissingHost => "The Host header is missing.",
            Self::Host => "The Host header is not a host with an optional port.",
            Self::ContentLength => "The Content-Length header is not a plain number.",
            Self::TransferEncoding => "The Transfer-Encoding header may only say chunked, and only in HTTP/1.1.",
            Self::TwoFramings => "Content-Length and Transfer-Encoding are sent together.",
            Self::Expectation => "The Expect header may only say 100-continue.",
            Self::TargetTooLong => "The request target is too long.",
            Self::HeadTooLarge => "The request head is too large.",
            Self::TooManyFields => "The request has too many headers.",
            Self::HeadTimeout => "The request head did not arrive in time.",
        }
    }

    /// The whole answer: problem details, after which the connection is closed.
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(problem(self.status(), CODE, self.detail())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

/// Problem details, as text.
pub(super) fn problem(status: StatusCode, code: &'static str, detail: &str) -> String {
    let title = status.canonical_reason().unwrap_or_default();
    serde_json::to_string(&Problem::new(status.as_u16(), title, code).with_detail(detail)).unwrap_or_default()
}
