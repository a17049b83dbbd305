//! `doorward`: one binary at the door of your services.

mod admin;
mod app;
mod aws;
mod chores;
mod cli;
mod config;
mod dispatch;
#[cfg(feature = "lambda")]
mod function;
mod gateway;
mod listening;
mod log;
mod metrics;
mod open_store;
mod outsiders;
mod parts;
mod post;
mod recorder;
mod run;
mod sealing;
mod secrets;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse_from(cli::config::flags_first(std::env::args_os()))) {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be reading, which is no reason to panic.
            let _ = writeln!(std::io::stderr(), "doorward: {}", cli::explain(&error));
            ExitCode::FAILURE
        }
    }
}
