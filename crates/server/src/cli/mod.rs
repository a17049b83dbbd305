//! The command line, one file a subcommand.

pub(crate) mod config;
mod doctor;
mod domain;
mod key;
mod migrate;
mod serve;
mod table;
mod team;
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::config::{Config, load};
use config::ConfigArgs;

/// One binary at the door of your services: signs people up and in, validates tokens, forwards requests.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    Serve,
    /// Bring the database up to this version's schema.
    Migrate {
        /// Only tell what is missing; exit code 1 if anything is.
        #[arg(long)]
        check: bool,
    },
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Find what is wrong with this installation, and say what to do.
    Doctor(doctor::DoctorArgs),
    /// Keep accounts.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Keep teams.
    #[command(subcommand)]
    Team(team::TeamCommand),
    /// Keep business domains.
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// Keep signing keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let sources = config::gather(&cli.config)?;
    if let Command::Config(command) = cli.command {
        config::run(command, &sources, &mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = load(&sources)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve => serve::run(config).await,
            Command::Migrate { check } => migrate::run(&config, check, &mut std::io::stdout().lock()).await,
            Command::Doctor(arguments) => {
                doctor::run(&config, &sources, arguments, &mut std::io::stdout().lock()).await
            }
            command => administer(config, command, &mut std::io::stdout().lock()).await,
        }
    })
}

/// The commands that do what `/admin/v1` does, by the same services.
async fn administer(config: Config, command: Command, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let identity = app::open_identity(&config).await?;
    match command {
        Command::User(command) => user::run(&identity, command, out).await?,
        Command::Team(command) => team::run(&identity, command, out).await?,
        Command::Domain(command) => domain::run(&identity, command, out).await?,
        Command::Key(command) => key::run(&identity, command, out).await?,
        Command::Serve | Command::Migrate { .. } | Command::Config(_) | Command::Doctor(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// An error with its causes, each said once.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many errors repeat their cause in their own words.
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
