//! Failures by address, in this node's memory: a bound on one machine trying many accounts, whether by signing in, by
//! signing up with addresses that are taken, or by codes no provider gave.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::Identity;

/// Addresses remembered at once; the least used are forgotten first.
const CAPACITY: usize = 65_536;

/// Counts failures per address in windows of a fixed length.
pub(crate) struct AddressThrottle {
    limit: u32,
    window: Duration,
    windows: Cache<IpAddr, Arc<Mutex<Window>>>,
}

struct Window {
    began: Timestamp,
    failures: u32,
}

impl AddressThrottle {
    /// Allows `limit` failures in each `window`.
    pub(crate) fn new(limit: u32, window: Duration) -> Self {
        Self { limit, window, windows: Cache::new(CAPACITY) }
    }

    /// Seconds until the address may try again; none when it may now.
    pub(crate) fn wait(&self, address: IpAddr, now: Timestamp) -> Option<u64> {
        let window = self.windows.get(&network(address))?;
        let window = window.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.left(&window, now)?;
        (window.failures >= self.limit).then_some(left.as_secs().max(1))
    }

    /// Counts a failure. One too many is not counted: the seconds until the address may try again come back.
    pub(crate) fn failed(&self, address: IpAddr, now: Timestamp) -> Option<u64> {
        let fresh = Window { began: now, failures: 0 };
        let made: Result<_, Infallible> =
            self.windows.get_or_insert_with(&network(address), || Ok(Arc::new(Mutex::new(fresh))));
        let Ok(window) = made;
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.left(&window, now);
        if left.is_none() {
            *window = Window { began: now, failures: 0 };
        } else if window.failures >= self.limit {
            return left.map(|left| left.as_secs().max(1));
        }
        window.failures += 1;
        None
    }

    /// What is left of a window; none when it is over (or lies in the future, after the clock went back).
    fn left(&self, window: &Window, now: Timestamp) -> Option<Duration> {
        let age = Duration::try_from(now.duration_since(window.began)).ok()?;
        self.window.checked_sub(age).filter(|left| !left.is_zero())
    }
}

impl Identity {
    /// Seconds that an address has to wait, where others have failed too often from there.
    pub(crate) fn wait_from(&self, address: Option<IpAddr>) -> Option<u64> {
        self.addresses.wait(address?, self.clock.now())
    }

    /// Counts a failure from an address, as [`AddressThrottle::failed`].
    pub(crate) fn failed_from(&self, address: Option<IpAddr>) -> Option<u64> {
        self.addresses.failed(address?, self.clock.now())
    }
}

/// The network an address is counted under: itself for IPv4 in any spelling, its /64 for IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_network_has_one_counter_and_time_forgives() {
        let throttle = AddressThrottle::new(2, Duration::from_hours(1));
        let start = Timestamp::UNIX_EPOCH;
        for spelling in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(throttle.failed(spelling.parse().unwrap(), start), None);
        }
        assert_eq!(throttle.failed("192.0.2.1".parse().unwrap(), start), Some(3600));
        assert_eq!(throttle.wait("192.0.2.1".parse().unwrap(), start), Some(3600));
        assert_eq!(throttle.wait("192.0.2.2".parse().unwrap(), start), None);
        let later = start + jiff::SignedDuration::from_hours(1);
        assert_eq!(throttle.wait("192.0.2.1".parse().unwrap(), later), None);
        throttle.failed("2001:db8::1".parse().unwrap(), start);
        throttle.failed("2001:db8::ffff:2".parse().unwrap(), start);
        assert!(throttle.wait("2001:db8:0:0:1::9".parse().unwrap(), start).is_some());
        assert!(throttle.wait("2001:db8:0:1::1".parse().unwrap(), start).is_none());
    }
}
