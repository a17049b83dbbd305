//! The two stores Doorward runs on, and a database of its own for each test.

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
}

impl Store {
    /// The name used in `REQUIRE_STORES` and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    fn is_available(self) -> bool {
        self == Self::Sqlite || postgres_url().is_some()
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
        assert!(!store.is_required(), "{} is required but TEST_POSTGRES_URL is not set", store.name());
        eprintln!("skipped: no {} here (set TEST_POSTGRES_URL)", store.name());
    }
}

/// `TEST_POSTGRES_URL`, without a trailing slash.
pub fn postgres_url() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
}

/// An empty database; a PostgreSQL one is dropped with it.
#[derive(Debug)]
pub struct Database {
    /// What Doorward is told as `store.url`.
    pub url: String,
    dropped_with: Option<String>,
}

impl Database {
    /// Makes an empty database; SQLite's file goes below `folder`.
    pub fn create(store: Store, folder: &Path) -> Self {
        match store {
            Store::Sqlite => {
                let file = folder.join("doorward.db");
                Self { url: format!("sqlite:{}", file.display()), dropped_with: None }
            }
            Store::Postgres => {
                let name = unique_name();
                sql(&postgres_url().expect("TEST_POSTGRES_URL"), &format!("create database {name}"));
                Self { url: database_url(&name), dropped_with: Some(name) }
            }
        }
    }

    /// Runs one statement, by `psql` or Python's own SQLite, and gives the rows: columns joined by `|`. A bare name
    /// means Doorward's table, or one in `public` where Doorward has none.
    pub fn query(&self, statement: &str) -> String {
        match self.url.strip_prefix("sqlite:") {
            None => sql(&self.url, statement),
            Some(file) => {
                let script = "import sqlite3, sys\n\
                    with sqlite3.connect(sys.argv[1]) as connection:\n\
                    \x20   for row in connection.execute(sys.argv[2]): print(*row, sep='|')";
                run(Command::new(crate::python::interpreter()).args(["-c", script, file, statement]))
            }
        }
    }

    /// Runs statements for their effect.
    pub fn execute(&self, statements: &str) {
        let Some(file) = self.url.strip_prefix("sqlite:") else {
            sql(&self.url, statements);
            return;
        };
        let script = "import sqlite3, sys\n\
            with sqlite3.connect(sys.argv[1]) as connection: connection.executescript(sys.argv[2])";
        let statements = format!("pragma foreign_keys = on; {statements}");
        run(Command::new(crate::python::interpreter()).args(["-c", script, file, &statements]));
    }

    /// Moves codes, mail and counters of attempts back in time, as if `minutes` had passed for them.
    pub fn let_time_pass(&self, minutes: u32) {
        let columns = [
            ("one_time_codes", &["expires_at", "grant_expires_at"][..]),
            ("signin_throttles", &["blocked_until", "updated_at"]),
            ("mail", &["due_at", "expires_at"]),
        ];
        let span = match self.url.strip_prefix("sqlite:") {
            Some(_) => format!("{}", minutes * 60_000),
            None => format!("interval '{minutes} minutes'"),
        };
        let earlier = |column: &&str| format!("{column} = {column} - {span}");
        let moved = columns.map(|(table, columns)| {
            let columns: Vec<_> = columns.iter().map(earlier).collect();
            format!("update {table} set {};", columns.join(", "))
        });
        self.execute(&moved.concat());
    }

    /// PostgreSQL only: the host and port of its server, as its URL names them.
    pub fn server(&self) -> &str {
        let (_, rest) = self.url.split_once("://").expect("a URL");
        let (authority, _) = rest.split_once('/').expect("a URL with a database");
        authority.rsplit_once('@').map_or(authority, |(_, server)| server)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let (Some(name), Some(url)) = (&self.dropped_with, postgres_url()) {
            // Best effort: the whole server is thrown away after the tests.
            let statement = format!("drop database if exists {name} with (force)");
            let _ = Command::new("psql").args(["-Xqc", &statement, &url]).output();
        }
    }
}

/// The URL of another database on the test server: the path of `TEST_POSTGRES_URL` replaced.
fn database_url(name: &str) -> String {
    let url = postgres_url().expect("TEST_POSTGRES_URL");
    let (before, parameters) = url.split_once('?').map_or((url.as_str(), ""), |(before, after)| (before, after));
    let server = before.rsplit_once('/').expect("TEST_POSTGRES_URL names a database").0;
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
