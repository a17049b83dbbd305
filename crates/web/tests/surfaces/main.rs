//! Every call through the whole of the crate, over a real SQLite store and a clock turned by hand: statuses, bodies
//! and headers as the surfaces' pages promise them.

mod account_input;
mod accounts;
mod administration;
mod app;
mod bad_input;
mod browser;
mod codes;
mod cookies;
mod directory;
mod envelope;
mod hosted;
mod mailbox;
mod own_account;
mod pages;
mod people;
mod post;
mod provider;
mod sessions;
mod sign_out;
mod signin;
mod trouble;
