//! Protocol upgrades: a client's wish for one, and the bytes that flow once it is granted. Knows no caller.

use http::HeaderValue;
use http::request::Parts;
use hyper::upgrade::OnUpgrade;

use crate::refusal::Refusal;

/// A client's wish to speak another protocol from here on.
pub(crate) struct Wish {
    /// What `Upgrade` names.
    #[expect(dead_code, reason = "said upstream once tunnels flow")]
    pub(crate) protocol: HeaderValue,
    /// The client's connection, once it is given up for the tunnel.
    #[expect(dead_code, reason = "taken once tunnels flow")]
    pub(crate) client: OnUpgrade,
}

impl Wish {
    /// Takes the wish out of a head, if the listener has let one pass.
    #[expect(clippy::unnecessary_wraps, reason = "the answer is refused once tunnels flow")]
    pub(crate) fn take(head: &mut Parts) -> Result<Option<Self>, Refusal> {
        let Some(client) = head.extensions.remove::<OnUpgrade>() else { return Ok(None) };
        Ok(head.headers.remove(http::header::UPGRADE).map(|protocol| Self { protocol, client }))
    }
}
