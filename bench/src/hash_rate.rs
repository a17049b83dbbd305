//! How many bcrypt hashes of cost 12 all cores make together, with nothing around them: `hash-rate SECONDS` prints
//! them per second. Finished hashes only, divided by the time the last of them took.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let seconds: u64 = std::env::args().nth(1).context("hash-rate SECONDS")?.parse()?;
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds));
    let finished = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while began.elapsed() < limit {
                    std::hint::black_box(bcrypt::bcrypt(12, [7; 16], b"Tall-Ships-4-Harbour!\0"));
                    finished.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    println!("{:.3}", f64::from(finished.into_inner()) / began.elapsed().as_secs_f64());
    Ok(())
}
