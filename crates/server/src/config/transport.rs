//! Whether a database's server is asked for TLS, and where it is: what the drivers make of an address.
//!
//! Without being told, PostgreSQL's driver takes TLS where the server offers it, which whoever is in between can keep it
//! from; MongoDB's takes none. What an address of PostgreSQL's does not say its driver takes from the environment. An
//! address that cannot be read is the store's to refuse.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use super::near::is_near_host;

/// Modes of PostgreSQL in which nothing is sent without TLS.
const ENCRYPTED: [&str; 3] = ["require", "verify-ca", "verify-full"];
/// Options that turn TLS on by being there.
const ABOUT_TLS: [&str; 4] = ["tlscafile", "tlscertificatekeyfile", "tlsinsecure", "tlsallowinvalidcertificates"];

/// What PostgreSQL's driver takes from the environment where an address does not say it; empty where nobody does.
#[derive(Clone, Debug, Default)]
pub(super) struct PostgresDefaults {
    host: String,
    mode: String,
}

impl PostgresDefaults {
    pub(super) fn of(env: &[(String, String)]) -> Self {
        let value = |name| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let host = value("PGHOSTADDR").or_else(|| value("PGHOST"));
        Self { host: host.unwrap_or_default(), mode: value("PGSSLMODE").unwrap_or_default() }
    }
}

/// Whether what is sent to the PostgreSQL server of `url` is open to others than this machine or a private network.
pub(super) fn postgres_lies_open(url: &str, defaults: &PostgresDefaults) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let mut host = url.host_str().map_or(Cow::Borrowed(&*defaults.host), decoded);
    let mut mode = Cow::Borrowed(&*defaults.mode);
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" | "ssl-mode" => mode = value,
            "host" | "hostaddr" => host = value,
            _ => {}
        }
    }
    !ENCRYPTED.contains(&&*mode.to_ascii_lowercase()) && !is_near(&host)
}

/// The same of MongoDB, all servers of whose address have to be near.
pub(super) fn mongo_lies_open(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (servers, query) = rest.split_once('?').unwrap_or((rest, ""));
    let servers = servers.split('/').next().unwrap_or_default();
    let servers = servers.rsplit('@').next().unwrap_or_default();
    let mut has_tls = scheme == "mongodb+srv";
    for (name, value) in query.split('&').filter_map(|option| option.split_once('=')) {
        match name.to_ascii_lowercase().as_str() {
            "tls" | "ssl" => has_tls = value == "true",
            name if ABOUT_TLS.contains(&name) => has_tls = true,
            _ => {}
        }
    }
    !has_tls && !servers.split(',').all(|server| is_near(&decoded(without_port(server))))
}

/// Whether it is a socket's file, or a host that is near. None at all is this machine.
fn is_near(host: &str) -> bool {
    host.is_empty() || host.starts_with('/') || is_near_host(host)
}

fn without_port(server: &str) -> &str {
    match server.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => server,
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_without_tls_stays_near() {
        for near in [
            "postgres://u:p@db/d",
            "postgres://u:p@10.1.2.3:5432/d?sslmode=disable",
            "postgres://[::1]/d",
            "postgres:///d",
            "postgres://%2Frun%2Fpostgresql/d",
            "postgres://db.example.com/d?host=/run/postgresql",
            "postgresql://db.prod.svc/d",
            "postgres://db.example.com/d?sslmode=require",
            "postgres://db.example.com/d?sslmode=disable&sslmode=Verify-Full",
            "postgres://db.example.com/d?ssl-mode=verify-ca",
        ] {
            assert!(!postgres_lies_open(near, &PostgresDefaults::default()), "{near}");
        }
        for far in [
            "postgres://u:p@db.example.com/d",
            "postgres://8.8.8.8/d?sslmode=prefer",
            "postgres://db.example.com/d?sslmode=allow",
            "postgres://db.example.com/d?sslmode=require&sslmode=disable",
            "postgres://db/d?host=db.example.com",
            "postgres://db.example.com/d?ssl=true",
            "postgres://[2001:db8::1]:5432/d",
        ] {
            assert!(postgres_lies_open(far, &PostgresDefaults::default()), "{far}");
        }
    }

    #[test]
    fn what_an_address_does_not_say_the_environment_does() {
        let lies_open = |url: &str, env: &[(&str, &str)]| {
            let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            postgres_lies_open(url, &PostgresDefaults::of(&env))
        };
        let (far, nowhere) = (("PGHOST", "db.example.com"), "postgres:///d");
        assert!(lies_open(nowhere, &[far]));
        assert!(lies_open(nowhere, &[("PGHOST", "db"), ("PGHOSTADDR", "8.8.8.8")]));
        assert!(lies_open("postgres://db.example.com/d", &[("PGSSLMODE", "prefer")]));
        assert!(lies_open("postgres://db.example.com/d?sslmode=allow", &[("PGSSLMODE", "verify-full")]));
        assert!(!lies_open(nowhere, &[far, ("PGSSLMODE", "verify-full")]));
        assert!(!lies_open(nowhere, &[far, ("PGHOSTADDR", "10.1.2.3")]));
        assert!(!lies_open(nowhere, &[("PGHOST", "/run/postgresql")]));
        assert!(!lies_open("postgres://db/d", &[far]));
        assert!(!lies_open("postgres://db.example.com/d", &[("PGSSLMODE", "Verify-CA")]));
    }

    #[test]
    fn mongodb_without_tls_stays_near() {
        for near in [
            "mongodb://u:p@db:27017/?replicaSet=rs0",
            "mongodb://10.0.0.1,10.0.0.2:27018/d",
            "mongodb://[::1]:27017",
            "mongodb://%2Ftmp%2Fmongodb-27017.sock/d",
            "mongodb://db.example.com/?tls=true",
            "mongodb://db.example.com/?SSL=true",
            "mongodb://db.example.com/?tlsCAFile=/ca.pem",
            "mongodb+srv://u:p@cluster.example.com/d",
            "mongodb+srv://db.internal/?tls=false",
        ] {
            assert!(!mongo_lies_open(near), "{near}");
        }
        for far in [
            "mongodb://u:p@db.example.com/",
            "mongodb://db,db.example.com:27017/?replicaSet=rs0",
            "mongodb://8.8.8.8:27017/?tls=false",
            "mongodb+srv://cluster.example.com/?ssl=false",
            "mongodb://[2001:db8::1]:27017/?tls=TRUE",
        ] {
            assert!(mongo_lies_open(far), "{far}");
        }
    }
}
