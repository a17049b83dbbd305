//! A role of the database that signs in with a password, and what an operator does to it when the password is rotated.

use crate::scratch::unique_name;
use crate::store::Database;

/// A role that owns Doorward's schema in one database, and must prove who it is.
#[derive(Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    database: String,
}

impl Role {
    /// Makes it, with that password. Members of `password_users` are asked for theirs by the test server.
    #[track_caller]
    pub fn create(database: &Database, password: &str) -> Self {
        let name = unique_name();
        // Of tests that make the group at the same time one does.
        database.execute(
            "do $$ begin create role password_users; \
             exception when duplicate_object or unique_violation then null; end $$",
        );
        database.execute(&format!(
            "create role {name} login password '{password}' in role password_users; \
             do $$ begin execute format('grant create on database %I to {name}', current_database()); end $$"
        ));
        let database = database.query("select current_database()");
        Self { name, database }
    }

    /// The second step of a rotation: only this password counts for new connections. Those that are open go on.
    #[track_caller]
    pub fn accept_only(&self, database: &Database, password: &str) {
        database.execute(&format!("alter role {} password '{password}'", self.name));
    }

    /// Ends the connections of the role, so that new ones must be made; answers how many there were.
    #[track_caller]
    pub fn end_connections(&self, database: &Database) -> usize {
        let ended = database.query(&format!(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where usename = '{}' and datname = '{}'",
            self.name, self.database
        ));
        ended.parse().expect("a number")
    }
}
