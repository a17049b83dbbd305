//! A user of the database who signs in with a password, and what an operator does when the password is rotated.

use std::sync::Arc;

use crate::mongo_server::{self, MongoServer};
use crate::scratch::unique_name;
use crate::store::Database;

/// A user who owns what Doorward keeps in one database, and must prove who it is.
#[derive(Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    server: Server,
}

#[derive(Debug)]
enum Server {
    Postgres(Arc<Database>),
    Mongo(MongoServer),
}

impl Role {
    /// Makes it, with that password. Members of `password_users` are asked for theirs by the test server.
    #[track_caller]
    pub fn in_postgres(database: &Arc<Database>, password: &str) -> Self {
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
        Self { name, server: Server::Postgres(Arc::clone(database)) }
    }

    /// Makes it on a server of its own, with that password.
    #[track_caller]
    pub fn in_mongodb(password: &str) -> Self {
        Self { name: mongo_server::USER.to_owned(), server: Server::Mongo(MongoServer::start(password)) }
    }

    /// The database's address, without a name or password.
    pub fn url(&self) -> String {
        match &self.server {
            Server::Postgres(database) => {
                let (_, path) = database.url.rsplit_once('/').expect("a path");
                format!("postgres://{}/{path}", database.server())
            }
            // A connection is made anew after each pause: no command is cut off, and each password is asked for soon.
            // And servers are looked for, as in a cluster: one that refused is not asked until it was looked at again.
            Server::Mongo(server) => {
                let url = server.url().replace("directConnection=true", "directConnection=false");
                format!("{url}&maxIdleTimeMS=1")
            }
        }
    }

    /// The address with its name and that password.
    pub fn url_with(&self, password: &str) -> String {
        self.url().replacen("://", &format!("://{}:{password}@", self.name), 1)
    }

    /// The server's host and port, as the address has them.
    pub fn server(&self) -> String {
        let url = self.url();
        let authority = url.split('/').nth(2);
        authority.expect("an authority").to_owned()
    }

    /// The second step of a rotation: only this password counts for new connections. Those that are open go on.
    #[track_caller]
    pub fn accept_only(&self, password: &str) {
        match &self.server {
            Server::Postgres(database) => {
                database.execute(&format!("alter role {} password '{password}'", self.name));
            }
            Server::Mongo(server) => server.change_password(password),
        }
    }

    /// Ends the connections of the role, so that new ones must be made. MongoDB's end by themselves.
    #[track_caller]
    pub fn end_connections(&self) {
        if let Server::Postgres(database) = &self.server {
            database.query(&format!(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where usename = '{}' and datname = current_database()",
                self.name
            ));
        }
    }
}
