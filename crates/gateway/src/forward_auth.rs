//! Forward-auth: a proxy in front asks whether a request may pass, and what to tell the service about its caller.
//!
//! The answer follows from the same routes, by the same admission, as for a request that comes here itself. What the
//! request is like is told in headers, believed only of trusted proxies and refused where two readings are possible.
//! Bodies are not here to be told anything. Knows no service.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use crate::admission::{Admitted, Asked};
use crate::answer::GatewayBody;
use crate::authenticate::Authenticator;
use crate::decide::Rule;
use crate::inject::assertion;
use crate::refusal::Refusal;
use crate::route::{Found, Passed};
use crate::{ExchangeInfo, Gateway, Handled};

const PATH: &str = "/forward-auth";
const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");

/// A proxy's question, in one of the ways that proxies ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Caddy and Traefik: `X-Forwarded-Method` and `-Uri` tell the request, and any answer of ours reaches the client.
    Plain,
    /// `nginx` and `HAProxy`: they may call the headers `X-Original-…`, and understand only 2xx, 401 and 403.
    Terse,
    /// Envoy: it asks with the request's own method, and with its target behind our path.
    Mirrored(String),
}

impl Question {
    /// The question that a target stands for.
    pub(crate) fn of(target: &Uri) -> Option<Self> {
        let target = target.path_and_query()?;
        let rest = target.path().strip_prefix(PATH)?;
        match rest {
            "" => Some(Self::Plain),
            "/nginx" => Some(Self::Terse),
            "/envoy" => Some(Self::Mirrored("/".to_owned())),
            _ if rest.starts_with("/envoy/") => {
                let mirrored = target.as_str().get(PATH.len() + "/envoy".len()..)?;
                Some(Self::Mirrored(mirrored.to_owned()))
            }
            _ => None,
        }
    }

    /// The request that is asked about.
    fn request(&self, method: &Method, headers: &HeaderMap) -> Result<(Method, Uri), Refusal> {
        const UNCLEAR_TARGET: Refusal = Refusal::UnclearQuestion("the original target is missing, doubled or odd");
        const UNCLEAR_METHOD: Refusal = Refusal::UnclearQuestion("the original method is missing, doubled or odd");
        for name in [X_FORWARDED_PROTO, X_FORWARDED_HOST] {
            if headers.get_all(&name).iter().nth(1).is_some() {
                return Err(Refusal::AmbiguousHeader(name));
            }
        }
        let told = |names: &[HeaderName]| one_value(headers, names);
        let (method, target) = match self {
            Self::Mirrored(target) => (Some(method.clone()), Some(target.as_str())),
            Self::Plain => (told(&[X_FORWARDED_METHOD]).and_then(parsed), told(&[X_FORWARDED_URI])),
            Self::Terse => (
                told(&[X_FORWARDED_METHOD, X_ORIGINAL_METHOD]).and_then(parsed),
                told(&[X_FORWARDED_URI, X_ORIGINAL_URI]),
            ),
        };
        // A target is told as it stood in the request line, which this parses like the listener does, `#` apart.
        let target = target.filter(|target| target.starts_with('/') && !target.contains('#'));
        let target = target.and_then(|target| PathAndQuery::try_from(target).ok()).map(Uri::from);
        Ok((method.ok_or(UNCLEAR_METHOD)?, target.ok_or(UNCLEAR_TARGET)?))
    }
}

/// The one value that is told under the names; none if there is none, or two that differ or share a name.
fn one_value<'h>(headers: &'h HeaderMap, names: &[HeaderName]) -> Option<&'h str> {
    let mut told = None;
    for name in names {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() || told.is_some_and(|other| other != value) {
            return None;
        }
        told = Some(value);
    }
    told.and_then(|value| value.to_str().ok())
}

fn parsed(method: &str) -> Option<Method> {
    let is_plain = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    method.parse().ok().filter(|_| is_plain)
}

impl<B, A: Authenticator> Gateway<B, A> {
    /// Answers the question.
    pub(crate) async fn answer(
        &self,
        question: &Question,
        exchange: ExchangeInfo<'_>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Handled {
        match self.judge(question, exchange, method, headers).await {
            Ok((response, rule)) => Handled { response, rule, upstream: None },
            Err(refusal) => refused(question, refusal),
        }
    }

    async fn judge(
        &self,
        question: &Question,
        exchange: ExchangeInfo<'_>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<(Response<GatewayBody>, Rule), Refusal> {
        if !self.stripper.trusts(exchange.peer) {
            return Err(Refusal::NoProxy);
        }
        let (method, target) = question.request(method, headers)?;
        let Passed { route, target } = match self.routes.find(&method, &target) {
            Found::Route(passed) => passed,
            Found::Refused(refusal) => return Err(refusal),
            Found::Nothing => return Err(Refusal::NoRoute),
        };
        let asked = Asked { method: &method, target: &target, headers, client: exchange.client };
        let Admitted { caller, rule } = self.admission.admit(&route, asked).await?;
        let mut response = Response::new(GatewayBody::whole(Bytes::new()));
        let told = response.headers_mut();
        told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Every name is answered, empty where there is nothing to say: a proxy that copies only what it is given
        // would leave the client's own there.
        let caller = caller.as_deref();
        self.introductions.answer(told, caller.filter(|_| route.inject.headers));
        let asserted = match caller.filter(|_| route.inject.assertion) {
            Some(caller) => assertion::value(&*self.admission.authenticator, caller, &route, exchange.request_id)?,
            None => HeaderValue::from_static(""),
        };
        told.insert(assertion::NAME, asserted);
        Ok((response, rule))
    }
}

/// A refusal in terms that the proxy understands.
fn refused(question: &Question, refusal: Refusal) -> Handled {
    let rule = refusal.rule();
    let is_policy = matches!(
        refusal,
        Refusal::MethodNotAllowed { .. } | Refusal::TooOften { .. } | Refusal::Target(_) | Refusal::AmbiguousHeader(_)
    );
    let mut response = refusal.into_response();
    if *question == Question::Terse {
        match response.status() {
            StatusCode::FOUND => *response.status_mut() = StatusCode::UNAUTHORIZED,
            _ if is_policy => *response.status_mut() = StatusCode::FORBIDDEN,
            _ => {}
        }
    }
    Handled { response, rule, upstream: None }
}
