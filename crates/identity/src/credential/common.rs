//! The passwords that attackers try first (`common_passwords.txt`; where it comes from stands in its first lines).

use std::collections::HashSet;
use std::sync::LazyLock;

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with("# ")).collect());

/// Whether a password, in lower case, is among them.
pub(super) fn is_common(lower_case: &str) -> bool {
    COMMON.contains(lower_case)
}
