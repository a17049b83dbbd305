//! Rates: how often somebody may call a route.
//!
//! The generic cell rate algorithm: of each caller only one moment is remembered, up to which their calls are paid
//! for, so a test and its count are one step under one lock. Shared by all workers of the process; another process
//! counts for itself. Knows no request.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use doorward_identity::UserId;

/// Callers are spread over so many tables, each under a lock of its own.
const TABLES: usize = 64;
/// The most callers remembered by one table: all tables of a route hold 131,072.
const CALLERS: usize = 2048;

/// A rate: so many calls in any such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many calls, all at once if need be.
    pub calls: u32,
    /// In which time they grow back.
    pub period: Duration,
    /// Whose calls are counted together.
    pub per: Per,
}

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// One person's. Strangers are told apart by their address.
    User,
    /// One address's: of version 6 the network of 64 bits, which is one subscriber.
    Address,
    /// Everybody's.
    Route,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.period.as_secs();
        let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
        let (second, unit) = units.into_iter().find(|(second, _)| seconds.is_multiple_of(*second)).unwrap_or((1, "s"));
        let per = match self.per {
            Per::User => "user",
            Per::Address => "address",
            Per::Route => "route",
        };
        write!(f, "{}/{}{unit} per {per}", self.calls, seconds / second)
    }
}

/// Somebody whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    User(UserId),
    Address(IpAddr),
    Route,
}

/// A route's rate and how far each of its callers has used it up.
pub struct Limiter {
    rate: Rate,
    /// What one call costs.
    cost: Duration,
    begun: Instant,
    hasher: RandomState,
    /// Up to when each caller's calls are paid for, counted from the beginning.
    tables: Box<[Mutex<HashMap<Key, Duration>>]>,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limiter({})", self.rate)
    }
}

impl Limiter {
    /// Nobody has called yet.
    pub fn new(rate: Rate) -> Self {
        Self {
            cost: (rate.period / rate.calls.max(1)).max(Duration::from_nanos(1)),
            rate,
            begun: Instant::now(),
            hasher: RandomState::new(),
            tables: (0..TABLES).map(|_| Mutex::default()).collect(),
        }
    }

    /// What it allows.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Counts a call, or says how long to wait until one is possible.
    pub(crate) fn take(&self, user: Option<UserId>, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = match (self.rate.per, user) {
            (Per::Route, _) => Key::Route,
            (Per::User, Some(user)) => Key::User(user),
            (Per::User, None) | (Per::Address, _) => Key::Address(network(address)),
        };
        let now = now.duration_since(self.begun);
        let table = usize::try_from(self.hasher.hash_one(key) % TABLES as u64).unwrap_or_default();
        let Some(table) = self.tables.get(table) else { return Ok(()) };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let paid_until = table.get(&key).copied().unwrap_or_default().max(now) + self.cost;
        if let Some(wait) = paid_until.checked_sub(now + self.rate.period).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        if table.len() >= CALLERS && !table.contains_key(&key) {
            make_room(&mut table, now);
        }
        table.insert(key, paid_until);
        Ok(())
    }
}

/// Forgets whoever has nothing left to pay, and if that is nobody whoever has the least.
fn make_room(table: &mut HashMap<Key, Duration>, now: Duration) {
    table.retain(|_, paid_until| *paid_until > now);
    if table.len() >= CALLERS
        && let Some(least) = table.iter().min_by_key(|(_, paid_until)| **paid_until).map(|(key, _)| *key)
    {
        table.remove(&least);
    }
}

/// The address, or of version 6 its network: the rest of it is the subscriber's to choose.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limiter(calls: u32, seconds: u64, per: Per) -> (Limiter, Instant) {
        let limiter = Limiter::new(Rate { calls, period: Duration::from_secs(seconds), per });
        let begun = limiter.begun;
        (limiter, begun)
    }

    fn user(number: usize) -> Option<UserId> {
        format!("00000000-0000-7000-8000-{number:012x}").parse().ok()
    }

    #[test]
    fn a_rate_is_written_as_it_is_configured() {
        for (calls, seconds, per, text) in [
            (60, 60, Per::User, "60/1m per user"),
            (1, 10, Per::Address, "1/10s per address"),
            (9, 3_600, Per::Route, "9/1h per route"),
            (5, 172_800, Per::User, "5/2d per user"),
            (90, 90, Per::User, "90/90s per user"),
        ] {
            assert_eq!(Rate { calls, period: Duration::from_secs(seconds), per }.to_string(), text);
        }
    }

    #[test]
    fn all_calls_may_come_at_once_and_grow_back_one_by_one() {
        let (limiter, start) = limiter(3, 30, Per::User);
        for _ in 0..3 {
            assert_eq!(limiter.take(user(1), HERE, start), Ok(()));
        }
        assert_eq!(limiter.take(user(1), HERE, start), Err(Duration::from_secs(10)));
        let later = start + Duration::from_secs(9);
        assert_eq!(limiter.take(user(1), HERE, later), Err(Duration::from_secs(1)), "a refused call costs nothing");
        assert_eq!(limiter.take(user(1), HERE, later + Duration::from_secs(1)), Ok(()));
        assert!(limiter.take(user(1), HERE, later + Duration::from_secs(1)).is_err());
        assert_eq!(limiter.take(user(2), HERE, start), Ok(()), "another person has calls of their own");
        let much_later = start + Duration::from_hours(1);
        assert_eq!((0..9).filter(|_| limiter.take(user(1), HERE, much_later).is_ok()).count(), 3, "never more at once");
    }

    #[test]
    fn calls_are_counted_together_as_the_rate_says() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (per, first, second, together) in [
            (Per::User, (user(1), "192.0.2.1"), (user(1), "192.0.2.2"), true),
            (Per::User, (None, "192.0.2.1"), (None, "192.0.2.2"), false),
            (Per::User, (None, "192.0.2.1"), (user(1), "192.0.2.1"), false),
            (Per::Address, (user(1), "192.0.2.1"), (user(2), "192.0.2.1"), true),
            (Per::Address, (None, "192.0.2.1"), (None, "::ffff:192.0.2.1"), true),
            (Per::Address, (None, "2001:db8::1"), (None, "2001:db8::ffff:1"), true),
            (Per::Address, (None, "2001:db8::1"), (None, "2001:db8:0:1::1"), false),
            (Per::Route, (user(1), "192.0.2.1"), (None, "2001:db8::1"), true),
        ] {
            let (limiter, now) = limiter(1, 60, per);
            assert_eq!(limiter.take(first.0, address(first.1), now), Ok(()));
            assert_eq!(
                limiter.take(second.0, address(second.1), now).is_err(),
                together,
                "{per:?} {first:?} {second:?}"
            );
        }
    }

    #[test]
    fn of_calls_at_the_same_moment_no_more_pass_than_the_rate_allows() {
        let (limiter, now) = limiter(100, 86_400, Per::Route);
        let passed: usize = std::thread::scope(|scope| {
            let calls = || (0..100).filter(|_| limiter.take(None, HERE, now).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(calls)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 100);
    }

    #[test]
    fn strangers_without_number_take_bounded_room_and_free_nobody_who_used_their_calls_up() {
        let (limiter, now) = limiter(2, 86_400, Per::User);
        assert!(limiter.take(user(0), HERE, now).is_ok() && limiter.take(user(0), HERE, now).is_ok());
        for stranger in 1..=TABLES * CALLERS + 5_000 {
            assert_eq!(limiter.take(user(stranger), HERE, now), Ok(()));
        }
        let remembered: usize = limiter.tables.iter().map(|table| table.lock().unwrap().len()).sum();
        assert!(remembered <= TABLES * CALLERS);
        assert!(limiter.take(user(0), HERE, now).is_err());
    }
}
