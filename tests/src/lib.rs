//! The harness of the black-box tests: it starts the real binary and speaks to it as its clients do.
//!
//! Knows the contract and the command line. Must not know any crate of the product: whatever a test learns here,
//! an operator or a client could have learnt as well. A failed expectation panics and says what was seen instead.

pub mod accounts;
pub mod browser;
pub mod cable;
pub mod certificate;
pub mod cognito;
pub mod deadline;
pub mod deployment;
pub mod excerpt;
pub mod fault_proxy;
pub mod front_proxy;
pub mod hosted;
pub mod http;
pub mod instance;
pub mod issuer;
pub mod lambda;
pub mod liar;
pub mod mailbox;
pub mod mongo_server;
pub mod part;
pub mod people;
pub mod ports;
pub mod provider;
pub mod python;
pub mod rotation;
pub mod rsa;
pub mod scratch;
pub mod second_pool;
pub mod secrets_manager;
pub mod service;
pub mod shape;
pub mod sink;
pub mod store;
pub mod token;
pub mod upstream;
pub mod visitor;

pub use http::{Client, Response};
pub use instance::{Doorward, Setup};
pub use people::{PASSWORD, Person};
pub use store::Store;

/// Runs each named `fn(Store)` as one test per store: `sqlite::…`, `postgres::…` and `mongodb::…`.
///
/// A store that is not there is skipped with a line saying so, unless `REQUIRE_STORES` names it.
#[macro_export]
macro_rules! on_every_store {
    ($($claim:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $claim() { $crate::store::with($crate::Store::Sqlite, super::$claim); })+
        }
        mod postgres {
            $(#[test] fn $claim() { $crate::store::with($crate::Store::Postgres, super::$claim); })+
        }
        mod mongodb {
            $(#[test] fn $claim() { $crate::store::with($crate::Store::Mongo, super::$claim); })+
        }
    };
}

/// The same, and once more with each Doorward a function of AWS Lambda: `lambda::…`.
#[macro_export]
macro_rules! on_every_store_and_lambda {
    ($($claim:ident),+ $(,)?) => {
        $crate::on_every_store!($($claim),+);
        mod lambda {
            $(#[test] fn $claim() { $crate::lambda::with(super::$claim); })+
        }
    };
}
