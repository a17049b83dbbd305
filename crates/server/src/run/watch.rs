//! The end of every wait for a client, all on one alarm a connection.
//!
//! Owns how long each wait may last. The alarm is moved, not made anew, from wait to wait. Knows no
//! bytes and no protocol.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::Limits;

/// Longest wait for a client to close its side after the last answer.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// Longest wait for a request that was on its way when the server was told to stop.
pub(super) const LAST_CALL: Duration = Duration::from_millis(250);

/// What a connection is waiting for, with a mark that moves when it gets some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The service, or a body that has its own deadline.
    Service,
    /// The client's first byte after so many requests.
    Request { after: u64 },
    /// The same when the server stops: perhaps a request is on its way.
    LastRequest { after: u64 },
    /// The rest of a head after so many requests.
    Head { after: u64 },
    /// The client to take more than so much.
    Reader { taken: u64 },
    /// The client to notice the end.
    Close,
}

/// A wait has lasted too long.
pub(super) enum Expired {
    /// For the rest of a head: the client is told.
    Head,
    /// For a request: the connection is closed in good order.
    Request,
    /// For anything else, or in vain after one of those.
    Finally,
}

/// The one alarm of a connection.
pub(super) struct Watch<'a> {
    limits: Limits,
    wait: Wait,
    since: Instant,
    warned: bool,
    alarm: Pin<&'a mut Sleep>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(limits: Limits, alarm: Pin<&'a mut Sleep>) -> Self {
        Self { limits, wait: Wait::Service, since: Instant::now(), warned: false, alarm }
    }

    /// Whether `wait` has lasted too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wait: Wait) -> Poll<Expired> {
        let Some(limit) = self.limit(wait) else {
            self.wait = wait;
            return Poll::Pending;
        };
        if self.wait != wait {
            self.wait = wait;
            self.since = Instant::now();
            self.warned = false;
        }
        let deadline = self.since + limit;
        // An alarm that goes off too early is cheaper than one that is moved for every request.
        if self.alarm.deadline() > deadline {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if self.alarm.deadline() >= deadline {
                return Poll::Ready(self.expire());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn expire(&mut self) -> Expired {
        match (std::mem::replace(&mut self.warned, true), self.wait) {
            (false, Wait::Head { .. }) => Expired::Head,
            (false, Wait::Request { .. } | Wait::LastRequest { .. }) => Expired::Request,
            _ => Expired::Finally,
        }
    }

    fn limit(&self, wait: Wait) -> Option<Duration> {
        match wait {
            Wait::Service => None,
            Wait::Request { after: 0 } | Wait::Head { .. } => Some(self.limits.header_timeout),
            Wait::Request { .. } | Wait::Reader { .. } => Some(self.limits.idle_timeout),
            Wait::LastRequest { .. } => Some(LAST_CALL.min(self.limits.shutdown_timeout)),
            Wait::Close => Some(LINGER),
        }
    }
}
