//! The command line, one file a subcommand.

pub(crate) mod config;
mod doctor;
mod domain;
mod explain;
mod health;
mod key;
mod mail;
mod migrate;
mod output;
mod probe;
mod serve;
mod table;
mod team;
mod user;
mod user_pool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use doorward_identity::Identity;

use crate::config::{Sources, load, load_server};
use crate::parts;
use config::ConfigArgs;
use output::Output;

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
    /// Find what is wrong with this installation, and say what to do; exit code 1 if anything is.
    Doctor(doctor::DoctorArgs),
    /// Ask the running server whether it is well; exit code 1 if it is not.
    Health(health::HealthArgs),
    /// Tell which route a request belongs to, what that requires, whether it would pass and what would be sent; exit code
    /// 1 unless it would pass.
    Explain(explain::ExplainArgs),
    /// Manage accounts.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manage teams and who is in them.
    #[command(subcommand)]
    Team(team::TeamCommand),
    /// Manage business domains and who has them.
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// Manage signing keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// See to mail that was not sent, and to what mail looks like.
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// See how far people have moved over from the user pool they leave.
    #[command(subcommand)]
    UserPool(user_pool::UserPoolCommand),
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let sources = config::gather(&cli.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(dispatch(cli.command, &sources, &mut Output::of_process()))
}

async fn dispatch(command: Command, sources: &Sources, out: &mut Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => return serve::run(load(sources)?).await,
        Command::Migrate { check } => return migrate::run(&load(sources)?, check, out).await,
        Command::Doctor(arguments) => return doctor::run(&load(sources)?, sources, arguments, out).await,
        Command::Health(arguments) => health::run(&load_server(sources)?, arguments, out).await?,
        Command::Explain(arguments) => return explain::run(&load(sources)?, arguments, out).await,
        Command::Config(command) => config::run(command, sources, out)?,
        Command::User(command) => user::run(&identity(sources).await?, command, out).await?,
        Command::Team(command) => team::run(&identity(sources).await?, command, out).await?,
        Command::Domain(command) => domain::run(&identity(sources).await?, command, out).await?,
        Command::Key(command @ key::KeyCommand::Withdraw { .. }) => {
            let identity = parts::open_identity_without_keys(&load(sources)?).await?;
            key::run(&identity, command, out).await?;
        }
        Command::UserPool(command) => {
            let config = load(sources)?;
            anyhow::ensure!(
                config.user_pool.asked_by().is_some(),
                "no user pool is configured; set user_pool.migrate_from"
            );
            user_pool::run(&parts::open_identity(&config).await?, command, out).await?;
        }
        Command::Mail(command) => mail::run(&load(sources)?, command, out).await?,
        Command::Key(command) => key::run(&identity(sources).await?, command, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The domain, for the commands that do what `/admin/v1` does, by the same services.
async fn identity(sources: &Sources) -> anyhow::Result<Identity> {
    parts::open_identity(&load(sources)?).await
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
