//! Reaching a PostgreSQL server: the address, the limits of every connection, what the server must be, and
//! migrating its database.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::namespace::Namespace;
use super::sign_in::SignIn;
use super::{PostgresStore, code_verdict};
use crate::Options;
use crate::calls::Calls;
use crate::fault::Fault;
use crate::schema::{Applied, Found, MIGRATIONS_TABLE, MigrateError, MigrationState, OpenError};

/// The oldest server, as `server_version_num` writes it.
const OLDEST_SERVER: i32 = 130_000;
/// What may stand after the `?` of an address. The driver logs the values of others, which may be secret.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The migrations of this build.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    // `migrate` takes the lock itself, to look at the database while it holds it.
    migrator.set_locking(false);
    migrator
}

/// How to connect to the server of an address, and to which schema. No error shows the address: it holds a password.
fn address(url: &SecretString, ca: Option<&str>) -> Result<(PgConnectOptions, Namespace), OpenError> {
    let url = url.expose_secret();
    if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
        return Err(OpenError::Address("it does not begin with postgres:".to_owned()));
    }
    let known = known_parameters(url);
    let mut options = PgConnectOptions::from_str(&known).map_err(|error| OpenError::Address(error.to_string()))?;
    if let Some(pem) = ca {
        // Whoever names who may vouch for the server wants it vouched for.
        let mode = if matches!(options.get_ssl_mode(), PgSslMode::VerifyCa) {
            PgSslMode::VerifyCa
        } else {
            PgSslMode::VerifyFull
        };
        options = options.ssl_root_cert_from_pem(pem.as_bytes().to_vec()).ssl_mode(mode);
    }
    let name = options.get_application_name().unwrap_or("doorward").to_owned();
    Namespace::choose(options.application_name(&name).disable_statement_logging())
}

/// The address without the parameters that mean nothing to the driver (`channel_binding`, `pool_timeout`, …).
fn known_parameters(url: &str) -> String {
    let Some((base, query)) = url.split_once('?') else { return url.to_owned() };
    let is_known = |parameter: &&str| {
        let name = parameter.split_once('=').map_or(*parameter, |(name, _)| name);
        PARAMETERS.contains(&name) || name.starts_with("options[") || name.starts_with("options%5B")
    };
    let kept: Vec<&str> = query.split('&').filter(is_known).collect();
    format!("{base}?{}", kept.join("&"))
}

impl PostgresStore {
    /// Connects, and refuses a server or database that Doorward cannot use. The tables come with
    /// [`Self::migrate`].
    pub async fn connect(url: &SecretString, options: Options) -> Result<Self, OpenError> {
        let (address, namespace) = address(url, options.ca.as_deref())?;
        let limits = limits(options.timeout);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.timeout)
            .after_connect(move |connection, _| {
                let limits = limits.clone();
                Box::pin(async move {
                    sqlx::raw_sql(AssertSqlSafe(limits)).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(address.clone());
        let sign_in = SignIn::new(address, options.credentials.clone(), pool.clone()).await?;
        let store = Self { calls: Calls::new(&options, code_verdict), pool, sign_in, namespace };
        match tokio::time::timeout(options.timeout, store.first_look()).await {
            Ok(looked) => looked.map(|()| store),
            Err(_) => Err(Fault::Deadline.into()),
        }
    }

    async fn first_look(&self) -> Result<(), OpenError> {
        let mut connection = self.namespace.connect(&self.sign_in).await?;
        require_version(&mut connection).await?;
        describe(&mut connection, &self.namespace).await?.refuse_foreign(&migrator())?;
        Ok(connection.close().await?)
    }

    /// Applies the migrations that are missing. Of several nodes one does, the others wait for it.
    pub async fn migrate(&self) -> Result<Applied, MigrateError> {
        let mut connection = self.namespace.connect(&self.sign_in).await?;
        let migrator = migrator();
        // An advisory lock of this database. The server lets go of it when the connection ends, however it ends.
        connection.lock().await?;
        let found = describe(&mut connection, &self.namespace).await?;
        found.refuse_foreign(&migrator)?;
        let count = found.state(&migrator).pending.len();
        self.namespace.create(&mut connection).await?;
        migrator.run_direct(None, &mut connection, false).await?;
        connection.close().await?;
        Ok(Applied { count })
    }

    /// How far the database is.
    pub async fn migration_state(&self) -> Result<MigrationState, OpenError> {
        let mut connection = self.read().await?;
        Ok(describe(&mut connection, &self.namespace).await?.state(&migrator()))
    }

    /// Whether an acknowledged write survives a crash of the server; if not, why.
    pub async fn durability(&self) -> Result<(), String> {
        const SETTINGS: &str = "select current_setting('synchronous_commit'), current_setting('fsync')";
        let mut connection = self.read().await.map_err(|error| error.to_string())?;
        let (synchronous_commit, fsync): (String, String) =
            sqlx::query_as(SETTINGS).fetch_one(&mut *connection).await.map_err(|error| error.to_string())?;
        for (setting, value) in [("synchronous_commit", synchronous_commit), ("fsync", fsync)] {
            if value == "off" {
                return Err(format!(
                    "PostgreSQL runs with {setting}=off: it would lose the last acknowledged writes in a crash; \
                     turn it on for this database"
                ));
            }
        }
        Ok(())
    }
}

/// What every connection of the pool is told first: to give up in time, and not to hold rows for a node that died.
fn limits(timeout: Duration) -> String {
    let millis = timeout.as_millis();
    format!("set statement_timeout = {millis}; set idle_in_transaction_session_timeout = {millis}")
}

async fn require_version(connection: &mut PgConnection) -> Result<(), OpenError> {
    const VERSION: &str = "select current_setting('server_version_num')::integer, current_setting('server_version')";
    let (number, found): (i32, String) = sqlx::query_as(VERSION).fetch_one(connection).await?;
    if number < OLDEST_SERVER { Err(OpenError::OldServer { found }) } else { Ok(()) }
}

/// What the database says about itself, as far as the schema goes. Tables of extensions belong to the server, not to a program.
async fn describe(connection: &mut PgConnection, namespace: &Namespace) -> Result<Found, sqlx::Error> {
    const TABLES: &str = "select c.relname::text
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relkind in ('r', 'p')
            and not exists (
                select 1 from pg_catalog.pg_depend d
                where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
        order by 1";
    // Named as in MIGRATIONS_TABLE.
    const APPLIED: &str = "select version, checksum from doorward_migrations order by version";
    let tables: Vec<String> = sqlx::query_scalar(TABLES).bind(namespace.name()).fetch_all(&mut *connection).await?;
    let applied = if tables.iter().any(|table| table == MIGRATIONS_TABLE) {
        sqlx::query_as(APPLIED).fetch_all(connection).await?
    } else {
        Vec::new()
    };
    Ok(Found { place: format!("the schema {} of the database", namespace.name()), tables, applied })
}
