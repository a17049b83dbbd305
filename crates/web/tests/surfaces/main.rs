//! Every call through the whole of the crate, over a real SQLite store and a clock turned by hand: statuses, bodies
//! and headers as the surfaces' pages promise them.

mod administration;
mod app;
mod bad_input;
mod directory;
mod envelope;
mod pages;
mod sessions;
mod signin;
mod trouble;
