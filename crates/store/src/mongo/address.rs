//! A database's address: what the driver makes of it, what is settled here whatever it says, and what it must not say.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, ServerMonitoringMode, Tls,
    TlsOptions, WriteConcern,
};
use secrecy::{ExposeSecret, SecretString};

use crate::Options;
use crate::schema::OpenError;

/// The database, where the address names none.
const DATABASE: &str = "doorward";
/// How long a connection may take to be made, where the address does not say it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server that can be written to is looked for, where the address does not say it.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may lie idle: less than what balancers and firewalls forget one after.
const IDLE: Duration = Duration::from_mins(4);

/// How to connect to the server of an address, and to which database. No error shows the address: it holds a password.
pub(super) async fn parse(url: &SecretString, options: &Options) -> Result<Address, OpenError> {
    let mut parsed = ClientOptions::parse(url.expose_secret())
        .await
        .map_err(|error| OpenError::Address(without_secrets(url, &super::fault::words(&error))))?;
    // Shorter than a whole call: the driver knows better than the deadline why nobody answers.
    let longest = options.timeout * 3 / 4;
    let limit = |wanted: Option<Duration>, usual: Duration| Some(wanted.unwrap_or(usual).min(longest));
    parsed.connect_timeout = limit(parsed.connect_timeout, CONNECT_TIMEOUT);
    parsed.server_selection_timeout = limit(parsed.server_selection_timeout, SELECTION_TIMEOUT);
    parsed.max_pool_size = parsed.max_pool_size.or(Some(options.max_connections));
    parsed.max_idle_time = parsed.max_idle_time.or(Some(IDLE));
    parsed.app_name = parsed.app_name.or_else(|| Some("doorward".to_owned()));
    // DocumentDB refuses what the driver would do; whoever has another server may ask for it.
    parsed.retry_writes = parsed.retry_writes.or(Some(false));
    // What was acknowledged is on the disks of the majority, and only such is read, where it is written.
    require_durable(parsed.write_concern.as_ref())?;
    let w_timeout = parsed.write_concern.take().and_then(|concern| concern.w_timeout);
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern.w_timeout = w_timeout;
    parsed.write_concern = Some(concern);
    parsed.read_concern = Some(ReadConcern::majority());
    parsed.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    require_checked(&parsed)?;
    let authorities = options.ca.as_ref().map(|ca| trust(&mut parsed, ca)).transpose()?;
    // Asked again and again rather than told: a server that let go of us for a refused password is found again at once.
    parsed.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
    let database = parsed.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
    Ok(Address { options: parsed, database, authorities })
}

/// How to connect, and to which database.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) options: ClientOptions,
    pub(super) database: String,
    /// The file of those who may vouch for the server: gone with this value, and needed for every new connection.
    #[cfg_attr(not(test), expect(dead_code, reason = "held, not read"))]
    pub(super) authorities: Option<File>,
}

/// Refuses an address that would take anybody for the server.
fn require_checked(options: &ClientOptions) -> Result<(), OpenError> {
    let Some(Tls::Enabled(tls)) = &options.tls else { return Ok(()) };
    if tls.allow_invalid_certificates == Some(true) {
        let reason = "it asks not to check who the server is; take tlsInsecure and tlsAllowInvalid… out of it, and name who \
                      vouches for the server in store.tls_ca_file";
        return Err(OpenError::Address(reason.to_owned()));
    }
    Ok(())
}

/// Refuses an address that asks for writes that can be lost.
fn require_durable(concern: Option<&WriteConcern>) -> Result<(), OpenError> {
    let Some(concern) = concern else { return Ok(()) };
    let is_majority = matches!(concern.w, None | Some(Acknowledgment::Majority));
    if !is_majority || concern.journal == Some(false) {
        let reason = "its address asks for less than `w=majority&journal=true`, and acknowledged writes could be lost; \
                      leave `w` and `journal` out of it";
        return Err(OpenError::NotDurable(reason.to_owned()));
    }
    Ok(())
}

/// Makes those certificates the ones that may vouch for the server. The driver reads them from a file: one without a name,
/// in memory where that can be had, so that nobody else can put theirs in its place.
fn trust(options: &mut ClientOptions, ca: &str) -> Result<File, OpenError> {
    let failed = |source| OpenError::File { path: "a temporary file for store.tls_ca".to_owned(), source };
    let mut file = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile()).map_err(failed)?;
    file.write_all(ca.as_bytes()).map_err(failed)?;
    let mut tls = match options.tls.take() {
        Some(Tls::Enabled(tls)) => tls,
        _ => TlsOptions::default(),
    };
    tls.ca_file_path = Some(format!("/proc/self/fd/{}", file.as_raw_fd()).into());
    options.tls = Some(Tls::Enabled(tls));
    Ok(file)
}

/// A message of the driver, unless it repeats what stands before the `@`.
fn without_secrets(url: &SecretString, message: &str) -> String {
    let url = url.expose_secret();
    let user_info = url.split_once("://").map_or(url, |(_, rest)| rest).rsplit_once('@').map(|(before, _)| before);
    let secrets = user_info.into_iter().flat_map(|before| before.split(':')).filter(|part| !part.is_empty());
    if secrets.into_iter().any(|secret| message.contains(secret)) {
        return "it is no mongodb:// address; characters such as @ : / % in name or password must be written as %40 and so \
                on"
            .to_owned();
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::conformance::options;

    async fn parsed(url: &str) -> Result<(ClientOptions, String), OpenError> {
        parse(&url.to_owned().into(), &options()).await.map(|address| (address.options, address.database))
    }

    #[tokio::test]
    async fn reads_and_writes_go_to_the_primary_and_are_kept_by_the_majority() {
        let (options, database) = parsed("mongodb://h/?readPreference=secondaryPreferred&w=majority").await.unwrap();
        assert_eq!(database, "doorward");
        assert_eq!(options.selection_criteria, Some(SelectionCriteria::ReadPreference(ReadPreference::Primary)));
        let concern = options.write_concern.unwrap();
        assert_eq!((concern.w, concern.journal), (Some(Acknowledgment::Majority), Some(true)));
        assert_eq!(options.retry_writes, Some(false));
    }

    #[tokio::test]
    async fn what_the_address_says_of_pool_and_waits_holds() {
        let url =
            "mongodb://h/accounts?maxPoolSize=3&connectTimeoutMS=700&serverSelectionTimeoutMS=900&retryWrites=true";
        let (options, database) = parsed(url).await.unwrap();
        assert_eq!((database.as_str(), options.max_pool_size, options.retry_writes), ("accounts", Some(3), Some(true)));
        assert_eq!(options.connect_timeout, Some(Duration::from_millis(700)));
        assert_eq!(options.server_selection_timeout, Some(Duration::from_millis(900)));
    }

    #[tokio::test]
    async fn an_address_that_would_lose_writes_is_refused() {
        for weak in ["w=1", "w=0", "journal=false", "w=majority&journal=false"] {
            assert!(matches!(parsed(&format!("mongodb://h/?{weak}")).await, Err(OpenError::NotDurable(_))), "{weak}");
        }
    }

    #[tokio::test]
    async fn an_address_that_would_take_anybody_for_the_server_is_refused() {
        for careless in ["tlsInsecure=true", "tlsAllowInvalidCertificates=true"] {
            let refused = parsed(&format!("mongodb://h/?tls=true&{careless}")).await;
            assert!(matches!(refused, Err(OpenError::Address(_))), "{careless}");
        }
    }

    #[tokio::test]
    async fn authorities_are_read_from_a_file_that_only_this_process_has() {
        let given = Options { ca: Some("the certificates".to_owned()), ..options() };
        let address = parse(&"mongodb://h/".to_owned().into(), &given).await.unwrap();
        let Some(Tls::Enabled(tls)) = address.options.tls else { panic!("TLS is on") };
        for _ in 0..2 {
            let read = std::fs::read_to_string(tls.ca_file_path.as_ref().unwrap()).unwrap();
            assert_eq!(read, "the certificates");
        }
        assert!(address.authorities.is_some());
    }

    #[tokio::test]
    async fn a_broken_address_is_refused_without_its_password() {
        for broken in ["mongodb://app:hush@:x/", "mongodb://app:hu@sh/x@h/", "mongodb://app:hush%zz@h/", "mongodb://"] {
            let message = parsed(broken).await.unwrap_err().to_string();
            assert!(!message.contains("hush") && !message.contains("app"), "{message}");
        }
    }
}
