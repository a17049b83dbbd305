//! Following a connection's bytes from request to request, so that every head is judged.
//!
//! Owns where one message ends and the next begins. Does no input or output and keeps no bytes;
//! the verdict does not depend on how the bytes are cut into reads.

use super::chunked::{Chunked, MalformedChunk};
use super::head::{self, Framing};
use super::refusal::Refusal;

/// Bounds of a request head.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadLimits {
    pub(super) bytes: usize,
    pub(super) fields: usize,
}

/// The place in a connection's stream of requests.
#[derive(Debug)]
pub(super) struct Follower {
    state: State,
    limits: HeadLimits,
    heads: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a head of which the first `scanned` bytes hold no end.
    Head {
        scanned: usize,
    },
    Length(u64),
    Chunked(Chunked),
    /// After a request that may have ended HTTP on this connection.
    Upgrading,
}

/// What may happen to the bytes just followed: the first `passed` of them may go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) passed: usize,
    pub(super) then: Then,
}

/// What becomes of the bytes that did not pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// There are none.
    Continue,
    /// They begin a head: to be followed again from there, with what comes next.
    Hold,
    /// They begin a head that is not served, nor anything after it.
    Refuse(Refusal),
    /// They are a body whose end is in doubt.
    Break(MalformedChunk),
    /// They follow a request to upgrade, early: what they are is known once that is answered.
    Upgrade,
}

impl Follower {
    pub(super) fn new(limits: HeadLimits) -> Self {
        Self { state: State::Head { scanned: 0 }, limits, heads: 0 }
    }

    /// How many heads have passed.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the last head that has passed may be the last of all.
    pub(super) fn is_upgrading(&self) -> bool {
        self.state == State::Upgrading
    }

    /// Follows `bytes`, which begin where the last step's passed bytes ended.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Step {
        let mut passed = 0;
        while passed < bytes.len() {
            let rest = &bytes[passed..];
            match &mut self.state {
                State::Head { scanned } => {
                    let scanned = *scanned;
                    match self.follow_head(rest, scanned) {
                        Ok(Some(length)) => passed += length,
                        Ok(None) => {
                            return Step { passed, then: Then::Hold };
                        }
                        Err(refusal) => {
                            return Step { passed, then: Then::Refuse(refusal) };
                        }
                    }
                }
                State::Length(left) => {
                    let taken = usize::try_from(*left).map_or(rest.len(), |n| n.min(rest.len()));
                    passed += taken;
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Head { scanned: 0 };
                    }
                }
                State::Upgrading => return Step { passed, then: Then::Upgrade },
                State::Chunked(chunked) => {
                    let (taken, outcome) = chunked.follow(rest);
                    passed += taken;
                    if let Err(fault) = outcome {
                        return Step { passed, then: Then::Break(fault) };
                    }
                    if chunked.is_ended() {
                        self.state = State::Head { scanned: 0 };
                    }
                }
            }
        }
        Step { passed, then: Then::Continue }
    }

    /// The length of the head that `rest` begins with, once it is whole and found good.
    fn follow_head(&mut self, rest: &[u8], scanned: usize) -> Result<Option<usize>, Refusal> {
        // Nothing beyond the limit is looked at, so that the verdict is the same whether the bytes
        // come one by one or all at once.
        let within = &rest[..rest.len().min(self.limits.bytes)];
        let Some(length) = head::find_end(within, scanned)? else {
            if rest.len() > self.limits.bytes {
                return Err(if memchr::memchr(b'\n', within).is_some() {
                    Refusal::HeadTooLarge
                } else {
                    Refusal::TargetTooLong
                });
            }
            self.state = State::Head { scanned: rest.len() };
            return Ok(None);
        };
        self.state = match head::judge(&rest[..length], self.limits.fields)? {
            Framing::Length(0) => State::Head { scanned: 0 },
            Framing::Length(left) => State::Length(left),
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::Upgrade => State::Upgrading,
        };
        self.heads += 1;
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests;
