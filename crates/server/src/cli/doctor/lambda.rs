//! What AWS Lambda makes of this installation: its share of a core, and what it neither keeps nor listens to.

use std::time::Duration;

use doorward_identity::Entropy;

use super::finding::Finding;
use crate::config::{Config, LambdaHost, StoreKind};

/// The memory for which Lambda gives a whole core, in MB.
const WHOLE_CORE: u64 = 1_769;
/// People wait for it.
const TOO_LONG: Duration = Duration::from_secs(1);

pub(super) fn examine(config: &Config, host: &LambdaHost, entropy: &dyn Entropy) -> Vec<Finding> {
    let listening = "a function listens nowhere: neither server.listen nor server.admin_listen has an effect";
    let mut findings = vec![Finding::skipped("listening", listening)];
    // Within the function the time was measured with its share already.
    if let (Some(memory), None) = (host.memory, &host.runtime_api) {
        findings.extend(config.password.scheme.time_one(entropy).map(|time| hash_time(time, memory)));
    }
    if matches!(config.store.kind, StoreKind::Sqlite { .. }) {
        let what = "a file, which AWS Lambda does not keep: every instance has its own accounts and loses them";
        let remedy = "name a PostgreSQL server, MongoDB or Amazon DocumentDB in store.url";
        findings.push(Finding::bad("store on AWS Lambda", what, remedy));
    }
    findings
}

fn hash_time(on_a_core: Duration, memory: u64) -> Finding {
    const NAME: &str = "password hashing on AWS Lambda";
    let there = on_a_core.mul_f64(share(memory).recip());
    let millis = there.as_millis();
    let what = format!("about {millis} ms for one password with the share of a core that {memory} MB give");
    if there > TOO_LONG {
        let remedy =
            format!("give the function more memory ({WHOLE_CORE} MB are a core), or lower password.bcrypt_cost");
        Finding::bad(NAME, what, remedy)
    } else {
        Finding::good(NAME, what)
    }
}

/// Of a core. More than one does not make one hash faster.
fn share(memory: u64) -> f64 {
    f64::from(u32::try_from(memory.clamp(1, WHOLE_CORE)).unwrap_or(u32::MAX)) / 1_769.0
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn the_share_of_a_core_decides_whether_a_hash_takes_too_long() {
        let hash = Duration::from_millis(250);
        assert_eq!(hash_time(hash, 1_769).verdict, Verdict::Good);
        assert_eq!(hash_time(hash, 10_240).what, hash_time(hash, 1_769).what.replace("1769", "10240"));
        let poor = hash_time(hash, 256);
        assert_eq!(poor.verdict, Verdict::Bad);
        assert!(poor.what.starts_with("about 1727 ms"), "{}", poor.what);
    }
}
