//! How long one password costs on this machine.

use std::time::Duration;

use doorward_identity::Entropy;

use super::finding::Finding;
use crate::config::Password;

/// People wait for it.
const TOO_LONG: Duration = Duration::from_secs(1);
/// Hashes of which the fastest counts: the others had to share the machine.
const TRIES: usize = 3;

pub(super) fn hash_time(password: &Password, entropy: &dyn Entropy) -> Finding {
    match (0..TRIES).filter_map(|_| password.scheme.time_one(entropy)).min() {
        Some(time) => judge(time, password.threads),
        None => Finding::bad("password hashing", "a password cannot be hashed", "see the settings under password"),
    }
}

fn judge(time: Duration, threads: usize) -> Finding {
    let millis = time.as_millis().max(1);
    let what = format!("{millis} ms for one password, so about {} sign-ins a second", throughput(millis, threads));
    if time > TOO_LONG {
        Finding::bad("password hashing", what, "lower password.bcrypt_cost (10 at least), or take a faster machine")
    } else {
        Finding::good("password hashing", what)
    }
}

fn throughput(millis: u128, threads: usize) -> u128 {
    (threads as u128 * 1_000 / millis).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_hash_of_more_than_a_second_is_bad() {
        assert_eq!(judge(Duration::from_millis(200), 2).verdict, Verdict::Good);
        assert!(judge(Duration::from_millis(200), 2).what.contains("about 10 sign-ins"));
        assert_eq!(judge(Duration::from_millis(1_001), 2).verdict, Verdict::Bad);
    }
}
