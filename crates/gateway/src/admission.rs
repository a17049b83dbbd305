//! May a request pass? Steps two and three in their order, and the counting between them: the very same for a request
//! that is passed on and for one that a proxy in front asks about. Knows heads and routes, no body and no service.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use doorward_identity::session::Caller;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};

use crate::authenticate::{self, Authenticator, CookieTerms};
use crate::decide::{Rule, decide};
use crate::rate::{Limiter, Per};
use crate::refusal::Refusal;
use crate::route::Route;
use crate::sign_in;

/// What a request is, as far as it is judged.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r Method,
    pub(crate) target: &'r PathAndQuery,
    pub(crate) headers: &'r HeaderMap,
    /// The client's address, as far as it may be believed.
    pub(crate) client: IpAddr,
}

/// A request that may pass.
pub(crate) struct Admitted {
    /// Who sends it, if anybody known.
    pub(crate) caller: Option<Arc<Caller>>,
    /// Why it may.
    pub(crate) rule: Rule,
}

/// Judges requests.
pub(crate) struct Admission<A> {
    pub(crate) authenticator: Arc<A>,
    pub(crate) cookies: CookieTerms,
    /// Whether there is a page where people can sign in.
    pub(crate) sign_in_page: bool,
}

impl<A: Authenticator> Admission<A> {
    /// Whether the request may pass the route. Counts it if somebody counts.
    pub(crate) async fn admit(&self, route: &Route, asked: Asked<'_>) -> Result<Admitted, Refusal> {
        match self.judge(route, asked).await {
            Err(refusal) if self.sign_in_page => {
                Err(sign_in::instead(refusal, asked.method, asked.headers, asked.target))
            }
            judged => judged,
        }
    }

    async fn judge(&self, route: &Route, asked: Asked<'_>) -> Result<Admitted, Refusal> {
        let limiter = route.rate.as_deref();
        // An address is counted before its credentials are looked at, so that guessing is counted too. What people
        // or all share is counted only for those who may pass, so that no stranger uses it up.
        let (before, after) = match limiter.map(|limiter| limiter.rate().per) {
            Some(Per::Address) => (limiter, None),
            _ => (None, limiter),
        };
        count(before, None, asked.client)?;
        let caller =
            authenticate::caller(&*self.authenticator, &self.cookies, &route.require, asked.method, asked.headers)
                .await?;
        let rule = decide(&route.require, caller.as_deref(), || self.authenticator.now())?;
        count(after, caller.as_deref(), asked.client)?;
        Ok(Admitted { caller, rule })
    }
}

fn count(limiter: Option<&Limiter>, caller: Option<&Caller>, client: IpAddr) -> Result<(), Refusal> {
    let Some(limiter) = limiter else { return Ok(()) };
    let user = caller.map(|caller| caller.context.user.id);
    limiter
        .take(user, client, Instant::now())
        .map_err(|wait| Refusal::TooOften { rule: format!("rate {}", limiter.rate()).into(), wait })
}
