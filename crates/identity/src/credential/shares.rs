//! How much of the hashing threads one address may take up at once, so that the rest stays for the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::throttle::network;

/// Who takes up how much. Holds only addresses with something under way.
pub(super) struct Shares {
    most: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One job's part of its address's share; given back when dropped.
pub(super) struct Share {
    of: Arc<Shares>,
    network: IpAddr,
}

impl Shares {
    /// Shares of at most so many jobs, and at least one.
    pub(super) fn of_at_most(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), taken: Mutex::default() })
    }

    /// Takes up one more; `None` when the address has all it may have.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let network = network(address);
        let mut taken = self.taken();
        let jobs = taken.entry(network).or_default();
        if *jobs >= self.most {
            return None;
        }
        *jobs += 1;
        Some(Share { of: Arc::clone(self), network })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        if let Some(jobs) = taken.get_mut(&self.network) {
            *jobs -= 1;
            if *jobs == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_no_more_and_gets_it_back() {
        let shares = Shares::of_at_most(2);
        let take = |text: &str| text.parse().ok().and_then(|address| shares.take(address));
        let first = take("192.0.2.1");
        let second = take("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some() && take("192.0.2.1").is_none());
        let others = [take("192.0.2.2"), take("2001:db8::1"), take("2001:db8::2")];
        assert!(others.iter().all(Option::is_some) && take("2001:db8::3").is_none());
        drop(second);
        assert!(take("192.0.2.1").is_some());
        drop((first, others));
        assert!(shares.taken().is_empty(), "nothing is kept of those who left");
    }
}
