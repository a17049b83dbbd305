//! An answer as it goes to the client: as it is, but for what was about the connection to the service.

use std::sync::Arc;

use bytes::Bytes;
use doorward_identity::session::Caller;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body::Body;

use super::attempt::Answer;
use super::{Forwarded, Forwarder};
use crate::answer::{GatewayBody, Stream};
use crate::authenticate::Authenticator;
use crate::refusal::Refusal;
use crate::route::Route;
use crate::strip::strip_hop_by_hop;
use crate::upgrade::{self, Wish};
use crate::upstream::Held;

/// An answer longer than this is a stream that its caller's end cuts off.
const LONG: u64 = 1024 * 1024;

impl<A: Authenticator> Forwarder<A> {
    pub(super) fn pass_on(
        &self,
        route: Arc<Route>,
        mut service: Held,
        answer: Answer,
        caller: Option<Arc<Caller>>,
        upgrade: Option<Wish>,
    ) -> Result<Forwarded, Refusal> {
        let upstream = Arc::clone(&service.endpoint().name);
        let Answer { response, pooled, alarm } = answer;
        let (mut head, incoming) = response.into_parts();
        if let Some(fault) = fault(&head, upgrade.as_ref()) {
            service.failed(&route.name, fault, None, &*self.observer);
            return Err(Refusal::UpstreamBroken);
        }
        let is_granted = head.status == StatusCode::SWITCHING_PROTOCOLS;
        strip(&mut head);
        let body = match (upgrade, pooled) {
            (Some(wish), Some(pooled)) if is_granted => {
                head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                head.headers.insert(UPGRADE, wish.protocol);
                let (stream, read_ahead) = pooled.link.into_stream().ok_or(Refusal::UpstreamBroken)?;
                let open = caller.map(|caller| self.streams.open(caller));
                tokio::spawn(upgrade::tunnel(wish.client, stream, read_ahead, service, open));
                GatewayBody::whole(Bytes::new())
            }
            (_, pooled) => {
                let is_stream = incoming.size_hint().exact().is_none_or(|length| length > LONG);
                GatewayBody::streaming(Stream {
                    incoming,
                    pooled,
                    alarm,
                    route,
                    held: Some(service),
                    observer: Arc::clone(&self.observer),
                    open: caller.filter(|_| is_stream).map(|caller| self.streams.open(caller)),
                    begins_again: is_event_stream(&head.headers),
                })
            }
        };
        Ok(Forwarded { response: Response::from_parts(head, body), upstream })
    }
}

/// What two readers of the answer could understand differently, or nobody asked for.
fn fault(head: &Parts, upgrade: Option<&Wish>) -> Option<&'static str> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS && !upgrade.is_some_and(|wish| wish.is_granted(&head.headers)) {
        return Some("the service behind switched protocols unasked");
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let is_plain = match (codings.next(), codings.next()) {
        (None, _) => is_one_number(head.headers.get_all(CONTENT_LENGTH).iter()),
        (Some(one), None) => {
            one.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && !head.headers.contains_key(CONTENT_LENGTH)
        }
        _ => false,
    };
    (!is_plain).then_some("the service behind framed its answer in more than one way")
}

/// Whether a length is given once, in digits, or not at all.
fn is_one_number<'h>(mut lengths: impl Iterator<Item = &'h HeaderValue>) -> bool {
    let is_number = |length: &HeaderValue| length.as_bytes().iter().all(u8::is_ascii_digit);
    lengths.next().is_none_or(is_number) && lengths.next().is_none()
}

fn strip(head: &mut Parts) {
    strip_hop_by_hop(&mut head.headers);
    head.version = Version::HTTP_11;
    head.extensions.clear();
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/event-stream"))
}
