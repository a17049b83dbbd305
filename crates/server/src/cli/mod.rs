//! The command line, one file a subcommand.

mod backup;
pub(crate) mod config;
mod doctor;
mod domain;
mod explain;
mod health;
mod key;
mod lambda;
mod mail;
mod migrate;
mod output;
mod probe;
mod progress;
mod serve;
mod store;
mod table;
mod team;
pub(crate) mod user;
mod user_pool;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use doorward_identity::Identity;
use tokio::time::Instant;

use crate::config::{Sources, load, load_server};
use crate::parts;
use config::{ConfigArgs, ConfigCommand};
use output::Output;

/// One binary at the door of your services: signs people up and in, validates tokens, forwards requests.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Option<Command>,
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
    /// Move everything to another store, SQLite, PostgreSQL or MongoDB, and compare stores.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Write the database into a file while the server goes on (SQLite).
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database, whose server is stopped (SQLite); what was there stays beside it.
    Restore(backup::RestoreArgs),
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

impl Command {
    /// Whether it reads the configuration as a whole.
    const fn needs_secrets(&self) -> bool {
        !matches!(self, Self::Health(_) | Self::Config(ConfigCommand::Schema | ConfigCommand::Reference))
    }
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let mut sources = config::gather(&cli.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if cli.command.as_ref().is_none_or(Command::needs_secrets) {
        runtime.block_on(config::open_vault(&mut sources));
    }
    let outcome = match (cli.command, lambda::runtime_api(&sources)) {
        (None | Some(Command::Serve), Some(api)) => runtime.block_on(lambda::run(&api, &sources, started)),
        (Some(command), _) => runtime.block_on(dispatch(command, &sources, &mut Output::of_process())),
        (None, None) => Ok(usage()),
    };
    // Everything that counts was waited for. A look-up of a name that hangs does not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Says what there is to do, to whoever named nothing.
fn usage() -> ExitCode {
    // Nobody may be reading, which is no reason to panic.
    let _ = write!(std::io::stderr(), "{}", Cli::command().render_help());
    ExitCode::from(2)
}

async fn dispatch(command: Command, sources: &Sources, out: &mut Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => return serve::run(load(sources)?).await,
        Command::Migrate { check } => return migrate::run(&load(sources)?, check, out).await,
        Command::Store(command) => return store::run(sources, command, out).await,
        Command::Backup(arguments) => backup::back_up(&load(sources)?, arguments, out).await?,
        Command::Restore(arguments) => backup::restore(&load(sources)?, arguments, out).await?,
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
