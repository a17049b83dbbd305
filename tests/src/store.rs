//! The stores Doorward runs on, and a database of its own for each test.

use std::path::Path;
use std::process::Command;

use crate::scratch::unique_name;

/// Which store an instance keeps its accounts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The embedded default: a file.
    Sqlite,
    /// The server named by `TEST_POSTGRES_URL`, a superuser's URL.
    Postgres,
    /// The server of MongoDB's protocol named by `TEST_MONGODB_URL`.
    Mongo,
}

impl Store {
    /// The name used in `REQUIRE_STORES` and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mongo => "mongodb",
        }
    }

    /// The variable that names a server of its kind; SQLite needs none.
    fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("TEST_POSTGRES_URL"),
            Self::Mongo => Some("TEST_MONGODB_URL"),
        }
    }

    pub(crate) fn is_available(self) -> bool {
        self.variable().is_none_or(|variable| url_of(variable).is_some())
    }

    fn is_required(self) -> bool {
        std::env::var("REQUIRE_STORES").is_ok_and(|names| names.split(',').any(|name| name.trim() == self.name()))
    }
}

/// Runs `claim` on `store`, or skips it with a line on standard error if there is no such server and none is required.
pub fn with(store: Store, claim: impl FnOnce(Store)) {
    if store.is_available() {
        claim(store);
    } else {
        let variable = store.variable().unwrap_or_default();
        assert!(!store.is_required(), "{} is required but {variable} is not set", store.name());
        eprintln!("skipped: no {} here (set {variable})", store.name());
    }
}

/// `TEST_POSTGRES_URL`, without a trailing slash.
pub fn postgres_url() -> Option<String> {
    url_of("TEST_POSTGRES_URL")
}

fn url_of(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}

/// An empty database; one on a server is dropped with it.
#[derive(Debug)]
pub struct Database {
    /// What Doorward is told as `store.url`.
    pub url: String,
    store: Store,
    name: String,
}

impl Database {
    /// Makes an empty database; SQLite's file goes below `folder`.
    pub fn create(store: Store, folder: &Path) -> Self {
        match store {
            Store::Sqlite => {
                let file = folder.join("doorward.db");
                Self { url: format!("sqlite:{}", file.display()), store, name: file.display().to_string() }
            }
            Store::Postgres => {
                let name = unique_name();
                sql(&postgres_url().expect("TEST_POSTGRES_URL"), &format!("create database {name}"));
                Self { url: database_url(store, &name), store, name }
            }
            Store::Mongo => {
                let name = unique_name();
                Self { url: database_url(store, &name), store, name }
            }
        }
    }

    /// Runs one statement, by `psql` or Python's own SQLite, and gives the rows: columns joined by `|`. A bare name
    /// means Doorward's table, or one in `public` where Doorward has none.
    pub fn query(&self, statement: &str) -> String {
        match self.store {
            Store::Postgres => sql(&self.url, statement),
            Store::Mongo => self.documents("sql", statement),
            Store::Sqlite => {
                let script = "import sqlite3, sys\n\
                    with sqlite3.connect(sys.argv[1]) as connection:\n\
                    \x20   for row in connection.execute(sys.argv[2]): print(*row, sep='|')";
                run(Command::new(crate::python::interpreter()).args(["-c", script, &self.name, statement]))
            }
        }
    }

    /// Runs statements for their effect.
    pub fn execute(&self, statements: &str) {
        if self.store != Store::Sqlite {
            self.query(statements);
            return;
        }
        let script = "import sqlite3, sys\n\
            with sqlite3.connect(sys.argv[1]) as connection: connection.executescript(sys.argv[2])";
        let statements = format!("pragma foreign_keys = on; {statements}");
        run(Command::new(crate::python::interpreter()).args(["-c", script, &self.name, &statements]));
    }

    /// MongoDB only: what a task of `clients/mongo.py` says.
    pub fn documents(&self, task: &str, text: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/mongo.py");
        run(Command::new(crate::python::interpreter()).arg(script).args([&self.url, task, text]))
    }

    /// Moves codes, mail and counters of attempts back in time, as if `minutes` had passed for them.
    pub fn let_time_pass(&self, minutes: u32) {
        if self.store == Store::Mongo {
            self.documents("earlier", &minutes.to_string());
            return;
        }
        let columns = [
            ("one_time_codes", &["expires_at", "grant_expires_at"][..]),
            ("signin_throttles", &["blocked_until", "updated_at"]),
            ("mail", &["due_at", "expires_at"]),
        ];
        let span = match self.store {
            Store::Sqlite => format!("{}", minutes * 60_000),
            _ => format!("interval '{minutes} minutes'"),
        };
        let earlier = |column: &&str| format!("{column} = {column} - {span}");
        let moved = columns.map(|(table, columns)| {
            let columns: Vec<_> = columns.iter().map(earlier).collect();
            format!("update {table} set {};", columns.join(", "))
        });
        self.execute(&moved.concat());
    }

    /// Not of SQLite: the host and port of its server, as its URL names them.
    pub fn server(&self) -> &str {
        let (_, rest) = self.url.split_once("://").expect("a URL");
        let (authority, _) = rest.split_once('/').expect("a URL with a database");
        authority.rsplit_once('@').map_or(authority, |(_, server)| server)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Best effort: the whole server is thrown away after the tests.
        match self.store {
            Store::Sqlite => {}
            Store::Postgres => {
                let statement = format!("drop database if exists {} with (force)", self.name);
                let _ = Command::new("psql").args(["-Xqc", &statement, &postgres_url().unwrap_or_default()]).output();
            }
            Store::Mongo => {
                let script = "import pymongo, sys; pymongo.MongoClient(sys.argv[1]).drop_database(sys.argv[2])";
                let mut drop = Command::new(crate::python::interpreter());
                let _ = drop.args(["-c", script, &self.url, &self.name]).output();
            }
        }
    }
}

/// The URL of another database on the test server of that kind: the path of the server's URL replaced.
fn database_url(store: Store, name: &str) -> String {
    let url = store.variable().and_then(url_of).expect("a server of that kind");
    let (before, parameters) = url.split_once('?').map_or((url.as_str(), ""), |(before, after)| (before, after));
    let server = before.rsplit_once('/').expect("the server's URL names a database").0;
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{server}/{name}{mark}{parameters}")
}

fn sql(url: &str, statement: &str) -> String {
    const SCHEMAS: (&str, &str) = ("PGOPTIONS", "-csearch_path=doorward,public");
    run(Command::new("psql").env(SCHEMAS.0, SCHEMAS.1).args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, url]))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
