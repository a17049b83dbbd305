//! The store: reachable, of this version, and keeping what it acknowledges.

use std::path::Path;
use std::sync::Arc;

use doorward_identity::clock::SystemClock;
use doorward_identity::observer::Unobserved;
use doorward_store::CredentialSource as _;
use secrecy::ExposeSecret as _;

use super::finding::Finding;
use super::mail;
use crate::config::{Config, Sources, StoreKind};
use crate::open_store::{self, OpenStore};
use crate::secrets::{DatabaseSignIn, Stage};

/// Amazon DocumentDB's clusters, as their addresses name them, in China as well.
const DOCUMENTDB: [&str; 2] = [".docdb.amazonaws.com", ".docdb.amazonaws.com.cn"];

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = opened(config).await;
    findings.extend(retried_writes(config.store.url.expose_secret()));
    findings
}

/// Whether DocumentDB is asked for what it refuses: each write would fail.
fn retried_writes(url: &str) -> Option<Finding> {
    let url = url.to_ascii_lowercase();
    let (servers, options) = url.split_once('?')?;
    let is_cluster = |part: &str| DOCUMENTDB.iter().any(|suffix| part.ends_with(suffix));
    let is_documentdb = servers.split(['/', '@', ',', ':']).any(is_cluster);
    let asks = options.split('&').any(|option| option == "retrywrites=true");
    (is_documentdb && asks).then(|| {
        Finding::bad(
            "store.url",
            "has retryWrites=true, and Amazon DocumentDB refuses writes that may be retried",
            "take it out, or write retryWrites=false",
        )
    })
}

async fn opened(config: &Config) -> Vec<Finding> {
    // Opening would make the file, which is the first start's to do.
    if let StoreKind::Sqlite { path } = &config.store.kind
        && !path.exists()
    {
        return vec![unmade(path)];
    }
    let sign_in = match open_store::sign_in(config) {
        Ok(sign_in) => sign_in,
        Err(error) => return vec![Finding::bad("store", error.to_string(), "see that it can be read")],
    };
    match OpenStore::open_as(config, Arc::new(Unobserved), sign_in.clone()).await {
        Ok(store) => {
            let reached = match sign_in {
                Some(sign_in) => format!("reached; {}", signed_in(&sign_in).await),
                None => "reached".to_owned(),
            };
            let mut findings = vec![Finding::good("store", reached), migrated(&store).await, durable(&store).await];
            // A schema that is behind was told already.
            if let Ok(counts) = store.into_store().count_mail().await {
                findings.push(mail::outbox(&counts, &SystemClock));
            }
            findings
        }
        Err(error) => {
            let remedy =
                "see that the database runs and that store.url (or DATABASE_URL) names it, with user and password";
            vec![Finding::bad("store", error.to_string(), remedy)]
        }
    }
}

/// Which password it took: while a rotation is under way it may be the one that does not count yet.
async fn signed_in(sign_in: &DatabaseSignIn) -> String {
    match sign_in.stage().await {
        Stage::Pending => format!(
            "it takes only the pending password (AWSPENDING) of {}: a rotation is under way, or was left half done",
            sign_in.origin()
        ),
        Stage::Current | Stage::Previous => format!("it takes the password of {}", sign_in.origin()),
    }
}

fn unmade(path: &Path) -> Finding {
    Finding::skipped("store", format!("{} is not there yet; the first start makes it", path.display()))
}

async fn migrated(store: &OpenStore) -> Finding {
    match store.migration_state().await {
        Ok(state) if state.pending.is_empty() => Finding::good("store schema", "up to date"),
        Ok(state) => {
            let missing = format!("missing: {}", state.pending.join(", "));
            Finding::bad("store schema", missing, "run `doorward migrate`, or start the server, which does the same")
        }
        Err(error) => Finding::bad("store schema", error.to_string(), "see that the user may read the tables"),
    }
}

async fn durable(store: &OpenStore) -> Finding {
    match store.durability().await {
        Ok(()) => Finding::good("store durability", "an acknowledged write survives a crash"),
        Err(reason) => Finding::bad(
            "store durability",
            reason,
            "give the database a setting and a disk that keep what it acknowledges",
        ),
    }
}

/// Whoever brings an address for a Python program along wonders whether its driver's name does harm.
pub(super) fn python_driver(sources: &Sources) -> Option<Finding> {
    let named = |(name, value): &(String, String)| (name == "DATABASE_URL").then(|| value.clone());
    let from_file = || {
        let text = &sources.dotenv.as_ref()?.text;
        text.lines()
            .find_map(|line| Some(line.trim().strip_prefix("DATABASE_URL=")?.trim_matches(['"', '\'']).to_owned()))
    };
    let url = sources.env.iter().find_map(named).or_else(from_file)?;
    let (scheme, _) = url.split_once(':')?;
    let (database, driver) = scheme.split_once('+')?;
    let what =
        format!("DATABASE_URL names the Python driver {driver} ({database}+{driver}); it is understood and may stay");
    Some(Finding::good("store address", what))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use crate::config::Document;

    #[test]
    fn writes_that_may_be_retried_are_told_where_the_server_is_documentdb() {
        let told = |url: &str| retried_writes(url).is_some_and(|finding| finding.verdict == Verdict::Bad);
        let documentdb = "mongodb://u:p@c.cluster-x.eu-west-1.docdb.amazonaws.com:27017";
        assert!(told(&format!("{documentdb}/?tls=true&retryWrites=true")));
        assert!(told("mongodb://c.docdb.amazonaws.com.cn/d?retrywrites=true"));
        assert!(!told(&format!("{documentdb}/?retryWrites=false")) && !told(&format!("{documentdb}/")));
        assert!(!told("mongodb://u:p@db.example.com/?retryWrites=true"));
        assert!(!told("mongodb://docdb.amazonaws.com.example/?retryWrites=true") && !told("sqlite:a?retrywrites=true"));
    }

    fn with_env(url: &str) -> Sources {
        Sources { env: vec![("DATABASE_URL".to_owned(), url.to_owned())], ..Sources::default() }
    }

    #[test]
    fn a_python_driver_in_the_address_is_said_to_be_fine_without_showing_the_password() {
        let found = python_driver(&with_env("postgresql+asyncpg://u:hunter2@db/app"));
        assert!(found.is_some_and(|finding| {
            finding.verdict == Verdict::Good && finding.what.contains("asyncpg") && !finding.what.contains("hunter2")
        }));
        let text = "A=1\nDATABASE_URL=\"postgresql+psycopg://u:p@db/app\"\n".to_owned();
        let dotenv = Some(Document { path: ".env".into(), text });
        assert!(python_driver(&Sources { dotenv, ..Sources::default() }).is_some());
        assert_eq!(python_driver(&with_env("postgresql://u:p@db/app")), None);
        assert_eq!(python_driver(&Sources::default()), None);
    }
}
