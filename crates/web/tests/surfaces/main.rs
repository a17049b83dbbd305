//! Every call through the whole of the crate, over a real SQLite store and a clock turned by hand: statuses, bodies
//! and headers as the surfaces' pages promise them.

mod administration;
mod app;
mod bad_input;
mod browser;
mod cookies;
mod directory;
mod envelope;
mod hosted;
mod pages;
mod people;
mod provider;
mod sessions;
mod sign_out;
mod signin;
mod trouble;
