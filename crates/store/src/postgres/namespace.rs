//! Which schema of the database is Doorward's: read from the address, asked for by every connection, made when it
//! is missing.
//!
//! People hand over the address of a database in which an older system keeps its own `users` and `teams`, mostly in
//! `public`. Doorward's tables stand beside them. Knows no table.

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::sign_in::SignIn;
use crate::fault::Fault;
use crate::schema::OpenError;

/// The schema, unless the address names another.
const OWN: &str = "doorward";
/// The setting that names it.
const SETTING: &str = "search_path=";
/// How a connection pooler refuses a setting it cannot keep (SQLSTATE `protocol_violation`).
const SETTING_REFUSED: &str = "08P01";

/// A schema of the database.
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    /// The schema that the options of an address name, or else Doorward's own, which they then ask for. It is part
    /// of the start of every connection, so that no statement can run before it is known.
    pub(super) fn choose(options: PgConnectOptions) -> Result<(PgConnectOptions, Self), OpenError> {
        let Some(path) = options.get_options().and_then(search_path) else {
            return Ok((options.options([("search_path", OWN)]), Self { name: OWN.to_owned() }));
        };
        let name = first_of(path);
        if name.is_empty() || name.starts_with('$') {
            return Err(OpenError::Address("its search_path does not begin with the name of a schema".to_owned()));
        }
        Ok((options, Self { name }))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Connects, and refuses a pooler that does not lead to this schema: in another the names of tables would mean
    /// somebody else's.
    pub(super) async fn connect(&self, sign_in: &SignIn) -> Result<PgConnection, OpenError> {
        let astray = |reason| OpenError::Astray { schema: self.name.clone(), reason };
        let mut connection = match sign_in.connect_alone().await {
            Err(Fault::Connecting(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some(SETTING_REFUSED) =>
            {
                return Err(astray(error.to_string()));
            }
            connected => connected.map_err(|fault| sign_in.explain(fault))?,
        };
        let path: String =
            sqlx::query_scalar("select current_setting('search_path')").fetch_one(&mut connection).await?;
        if first_of(&path) == self.name { Ok(connection) } else { Err(astray(format!("search_path is '{path}'"))) }
    }

    /// Makes the schema where it is missing. Looks first: a role may be given a schema and not the right to make one.
    pub(super) async fn create(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        const EXISTS: &str = "select exists (select 1 from pg_catalog.pg_namespace where nspname = $1)";
        if sqlx::query_scalar(EXISTS).bind(&self.name).fetch_one(&mut *connection).await? {
            return Ok(());
        }
        let statement = format!("create schema if not exists \"{}\"", self.name.replace('"', "\"\""));
        match sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await {
            Err(sqlx::Error::Database(error)) => {
                Err(OpenError::NoSchema { schema: self.name.clone(), reason: error.to_string() })
            }
            result => Ok(result.map(drop)?),
        }
    }
}

/// The `search_path` among the settings of a connection (`-c name=value`, `-cname=value`, `--name=value`): the last
/// one counts. Names of settings are known in any case, and with dashes for underscores.
fn search_path(settings: &str) -> Option<&str> {
    let at = settings.to_ascii_lowercase().replace('-', "_").rfind(SETTING)?;
    settings.get(at + SETTING.len()..)?.split(char::is_whitespace).next()
}

/// The first schema of a `search_path`, as the server stores its name.
fn first_of(path: &str) -> String {
    let first = path.split(',').next().unwrap_or_default().trim();
    match first.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => first.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Namespace, PgConnectOptions};

    fn chosen(parameters: &str) -> String {
        let options: PgConnectOptions = format!("postgres://u@h/d?{parameters}").parse().unwrap();
        let (options, namespace) = Namespace::choose(options).unwrap();
        assert!(options.get_options().unwrap().to_lowercase().contains("search"));
        namespace.name
    }

    #[test]
    fn the_schema_is_doorwards_own_unless_the_address_names_another() {
        for (parameters, schema) in [
            ("", "doorward"),
            ("sslmode=require", "doorward"),
            ("options=-cgeqo%3Doff", "doorward"),
            ("options=-csearch_path%3Dx", "x"),
            ("options=-c search_path=x", "x"),
            ("options=--search-path%3Dx,public", "x"),
            ("options=-cSearch_Path%3DX%20-cgeqo%3Doff", "x"),
            ("options=-csearch_path%3D\"X\"", "X"),
            ("options=-csearch_path%3Dx%20-csearch_path%3Dy", "y"),
            ("options[search_path]=x", "x"),
        ] {
            assert_eq!(chosen(parameters), schema, "{parameters}");
        }
    }

    #[test]
    fn a_search_path_that_begins_with_no_schema_is_refused() {
        for path in ["", "\"$user\",public", "$user"] {
            let options = PgConnectOptions::new().options([("search_path", path)]);
            assert!(Namespace::choose(options).is_err(), "{path}");
        }
    }
}
