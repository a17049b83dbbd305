//! Ports that nobody listens on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the system takes ports for outgoing connections, so that none of those gets in the way
/// between the moment a port is found free and the moment the program under test binds it.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A free address on 127.0.0.1. Another test process may still win the race for it: whoever binds it retries.
pub fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let clock = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_micros());
    let start = clock.wrapping_add(std::process::id().wrapping_mul(7919));
    let start = u16::try_from(start % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port on 127.0.0.1");
}
