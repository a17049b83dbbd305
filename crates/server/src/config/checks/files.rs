//! Files that settings name and that cannot be used.

use std::fs::File;
use std::path::Path;

use super::super::sections::Config;
use super::{Objection, object};

pub(super) fn half_tls(config: &Config) -> Vec<Objection> {
    let (missing, there) = match (&config.server.tls_certificate, &config.server.tls_key) {
        (Some(_), None) => ("server.tls.key", "server.tls.certificate"),
        (None, Some(_)) => ("server.tls.certificate", "server.tls.key"),
        (None, None) | (Some(_), Some(_)) => return Vec::new(),
    };
    vec![object(missing, format!("is missing beside {there}"), "name both files, or neither")]
}

pub(super) fn unreadable(config: &Config) -> Vec<Objection> {
    let named = [
        ("server.tls.certificate", &config.server.tls_certificate),
        ("server.tls.key", &config.server.tls_key),
        ("outbound.extra_ca", &config.outbound.extra_ca),
        ("store.tls_ca_file", &config.store.tls_ca_file),
    ];
    named.into_iter().filter_map(|(key, path)| unreadable_file(key, path.as_deref()?)).collect()
}

fn unreadable_file(key: &'static str, path: &Path) -> Option<Objection> {
    let error = File::open(path).err()?;
    let what = format!("{} cannot be read: {error}", path.display());
    Some(object(key, what, "see that the file is there and may be read"))
}
