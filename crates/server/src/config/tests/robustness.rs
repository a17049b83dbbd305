//! No text, however odd, makes the reading of it panic, and a secret in it stays one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{load, settings};
use super::{shown, sources};

/// A key path of the tables, with small indices.
fn key() -> impl Strategy<Value = String> {
    let keys: Vec<_> = settings::all().map(|setting| setting.key).collect();
    (prop::sample::select(keys), 0..3_u8).prop_map(|(key, index)| key.replace("[]", &format!(".{index}")))
}

/// Texts that come close to what settings take.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-0-9]{0,22}(ms|s|m|h|d|KiB|GiB|/1h)?",
        "(https?|postgres|sqlite|smtp|file|env|aws-sm)://?[a-z@:/?#.*\\[\\]]{0,20}",
        "/[a-z/*.%]{0,10}",
    ]
}

proptest! {
    #[test]
    fn any_environment_is_read_or_refused(variables in vec((key(), value()), 0..8)) {
        let name = |key: &str| format!("DOORWARD__{}", key.to_uppercase().replace('.', "__"));
        let variables: Vec<_> = variables.iter().map(|(key, value)| (name(key), value.as_str())).collect();
        let env: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let sources = sources("", &env, "");
        let _ = load(&sources);
        shown(&sources);
    }

    #[test]
    fn any_files_are_read_or_refused(toml in any::<String>(), dotenv in "([A-Z_]{0,9}=?['\"]?[^\\x00]{0,9}['\"]?\\n?){0,4}") {
        let _ = load(&sources(&toml, &[], &dotenv));
    }

    #[test]
    fn a_password_in_an_address_is_never_told(password in "[a-zA-Z0-9/@:?#&=%. -]{0,20}~secret~[a-zA-Z0-9/@:#]{0,9}", host in "[a-z:0-9]{0,9}") {
        let url = format!("postgres://ann:{password}@{host}/db");
        let sources = sources("", &[("DATABASE_URL", &url)], "");
        prop_assert!(!shown(&sources).contains("~secret~"));
        let told = load(&sources).err().map(|error| error.to_string()).unwrap_or_default();
        prop_assert!(!told.contains("~secret~"), "{}", told);
    }
}
