//! `doorward store …`: what is kept, moved to another store, and proved to be the same there.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use doorward_identity::Clock as _;
use doorward_identity::clock::SystemClock;
use doorward_identity::observer::Unobserved;
use doorward_store::SqliteStore;
use doorward_store::transfer::{self, Comparison, CopyError, Difference, Order, Stage, Sum};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::config::open_vault;
use super::progress::Progress;
use super::table;
use crate::config::{Config, Flag, Sources, StoreKind, load, without_secrets};
use crate::open_store::OpenStore;
use crate::sealing;

/// A page may take longer than what people wait for.
const PATIENCE: Duration = Duration::from_mins(2);

/// Stores.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy everything into another store of any kind, then compare the two record by record.
    ///
    /// Stop Doorward first: what changes in the source meanwhile is found out in the end, and the copy then has to begin
    /// anew. The target must be a database that Doorward has not used yet. If the copy is interrupted, however, the same
    /// command goes on where it stopped; until it has come to its end, Doorward refuses to start on the target. Nothing is
    /// changed in the source.
    ///
    /// What is sealed stays sealed: the new store needs the same `tokens.encryption_key`, or the file `encryption.key` that was
    /// made beside the former database. The change log does not move, nor what a sweep would throw away.
    Copy(CopyArgs),
    /// Print how many records a store has of each kind, and a checksum of them that is the same in every store.
    Checksum(ChecksumArgs),
}

/// What `copy` is told.
#[derive(Args, Debug)]
pub(crate) struct CopyArgs {
    /// The store to read: `sqlite:PATH`, `postgres://…`, `mongodb://…`, or where that is kept (`file:///run/secrets/name`,
    /// `env:NAME`) [default: the configured one]
    #[arg(long, value_name = "URL", required_unless_present = "to")]
    from: Option<String>,
    /// The store to write, likewise [default: the configured one]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Throw away what an unfinished copy left in the target, and begin anew
    #[arg(long)]
    restart: bool,
    /// Only compare the two; nothing is written; exit code 1 if they differ
    #[arg(long, conflicts_with = "restart")]
    verify_only: bool,
}

/// What `checksum` is told.
#[derive(Args, Debug)]
pub(crate) struct ChecksumArgs {
    /// The store: `sqlite:PATH`, `postgres://…`, `mongodb://…`, or where that is kept [default: the configured one]
    #[arg(long, value_name = "URL")]
    at: Option<String>,
    /// Leave out what was over at this moment (2026-01-31T12:00:00Z) instead of what is over now, to repeat an earlier run
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

/// Does what the command says.
pub(super) async fn run(sources: &Sources, command: StoreCommand, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match command {
        StoreCommand::Copy(arguments) => copy(sources, arguments, out).await,
        StoreCommand::Checksum(arguments) => checksum(sources, arguments, out).await,
    }
}

/// A store that was named, not opened yet.
struct Named {
    config: Config,
    /// What it is called in messages and marks.
    name: String,
}

impl Named {
    /// The store of an address, or the configured one.
    async fn find(sources: &Sources, flag: &'static str, url: Option<String>) -> anyhow::Result<Self> {
        let mut sources = sources.clone();
        let is_configured = url.is_none();
        if let Some(value) = url {
            sources.flags.push(Flag { name: flag.to_owned(), key: "store.url".to_owned(), value });
            open_vault(&mut sources).await;
        }
        let mut config = load(&sources)?;
        if !is_configured {
            // Those belong to the configured address.
            let store = &mut config.store;
            (store.username, store.password, store.tls_ca, store.tls_ca_file) = (None, None, None, None);
            let lies_open = config.environment.protects() && store.lies_open();
            ensure!(
                !lies_open,
                "{flag} leaves the private network, and does not insist on TLS; write it into the address"
            );
        }
        config.store.timeout = config.store.timeout.max(PATIENCE);
        let name = match &config.store.kind {
            StoreKind::Sqlite { path } => {
                let path = std::path::absolute(path).with_context(|| format!("the path {}", path.display()))?;
                format!("sqlite:{}", path.display())
            }
            StoreKind::Postgres | StoreKind::Mongo => without_secrets(config.store.url.expose_secret()).into_owned(),
        };
        Ok(Self { config, name })
    }

    /// Opens what must be there already.
    async fn open(&self) -> anyhow::Result<OpenStore> {
        if let StoreKind::Sqlite { path } = &self.config.store.kind {
            ensure!(path.exists(), "there is no {}", path.display());
        }
        let store = self.open_or_make().await?;
        let state = store.migration_state().await.with_context(|| self.name.clone())?;
        ensure!(!state.untouched, "{} holds nothing of Doorward's", self.name);
        ensure!(
            state.pending.is_empty(),
            "{} is of an earlier version (missing: {}); bring it up to date first: doorward migrate",
            self.name,
            state.pending.join(", ")
        );
        Ok(store)
    }

    /// Opens what may be made, and brings its schema up to date if it is empty.
    async fn open_target(&self) -> anyhow::Result<OpenStore> {
        let store = self.open_or_make().await?;
        let state = store.migration_state().await.with_context(|| self.name.clone())?;
        ensure!(
            state.untouched || state.pending.is_empty(),
            "{} is of an earlier version, so it was used; nothing was changed: give a database that Doorward has not used \
             yet",
            self.name
        );
        store.migrate().await.with_context(|| format!("{} cannot be prepared", self.name))?;
        Ok(store)
    }

    async fn open_or_make(&self) -> anyhow::Result<OpenStore> {
        OpenStore::open(&self.config, Arc::new(Unobserved))
            .await
            .with_context(|| format!("{} cannot be opened", self.name))
    }

    /// Refuses a file that is being served. Of a server it cannot be told; there the comparison in the end tells.
    async fn refuse_in_use(&self) -> anyhow::Result<()> {
        if let StoreKind::Sqlite { path } = &self.config.store.kind
            && path.exists()
            && SqliteStore::is_in_use(path).await?
        {
            bail!("{} is in use; nothing was changed: stop Doorward and whatever else has it open", self.name);
        }
        Ok(())
    }
}

async fn copy(sources: &Sources, arguments: CopyArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let from = Named::find(sources, "--from", arguments.from).await?;
    let to = Named::find(sources, "--to", arguments.to).await?;
    ensure!(from.name != to.name, "both are {}; name another store to copy to", from.name);
    let as_of = SystemClock.now();
    let mut progress = Progress::new();
    let mut watch = |step: transfer::Progress| {
        let stage = match step.stage {
            Stage::Copying => "copying",
            Stage::Comparing => "comparing",
        };
        progress.tell(stage, step.kind.as_str(), step.done, step.total);
    };
    let compared = if arguments.verify_only {
        let (one, other) = (from.open().await?.end(), to.open().await?.end());
        transfer::compare(&one, &other, as_of, &mut watch).await?
    } else {
        from.refuse_in_use().await?;
        let source = from.open().await?.end();
        let target = to.open_target().await?.end();
        let order = Order { from: &source, to: &target, source: &from.name, as_of, restart: arguments.restart };
        unless_interrupted(transfer::copy(&order, &mut watch)).await?
    };
    progress.end();
    show(&compared, out)?;
    match compared.difference {
        Some(Difference { kind, key }) if arguments.verify_only => {
            writeln!(out, "\nthey differ, first in {kind}: {key}")?;
            Ok(ExitCode::FAILURE)
        }
        Some(Difference { kind, key }) => bail!(
            "the copy differs from its source, first in {kind}: {key}; the source changed meanwhile: stop Doorward, and begin \
             anew with --restart"
        ),
        None if arguments.verify_only => {
            writeln!(out, "\nboth have the same")?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let key = sealing::whereabouts(&from.config);
            writeln!(out, "\n{} has all that {} has", to.name, from.name)?;
            writeln!(out, "set store.url to it, and let tokens.encryption_key be what it was: {key}")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Copies until it is done or somebody presses Ctrl-C, and says how to go on.
async fn unless_interrupted(
    copying: impl Future<Output = Result<Comparison, CopyError>>,
) -> anyhow::Result<Comparison> {
    tokio::select! {
        copied = copying => Ok(copied?),
        _ = tokio::signal::ctrl_c() => bail!("interrupted; the same command goes on from here"),
    }
}

fn show(compared: &Comparison, out: &mut impl Write) -> anyhow::Result<()> {
    let row = |(one, other): &(Sum, Sum)| {
        let verdict = if one == other { "the same" } else { "another" };
        vec![
            one.kind.to_string(),
            one.count.to_string(),
            other.count.to_string(),
            verdict.to_owned(),
            one.checksum.clone(),
        ]
    };
    let rows: Vec<_> = compared.sums.iter().map(row).collect();
    Ok(table::print(out, &["KIND", "SOURCE", "TARGET", "TARGET HAS", "CHECKSUM OF SOURCE"], &rows)?)
}

async fn checksum(sources: &Sources, arguments: ChecksumArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let store = Named::find(sources, "--at", arguments.at).await?.open().await?;
    let as_of = arguments.as_of.unwrap_or_else(|| SystemClock.now());
    let mut progress = Progress::new();
    let mut watch = |step: transfer::Progress| progress.tell("reading", step.kind.as_str(), step.done, step.total);
    let sums = transfer::checksums(&store.end(), as_of, &mut watch).await?;
    progress.end();
    let rows: Vec<_> =
        sums.into_iter().map(|sum| vec![sum.kind.to_string(), sum.count.to_string(), sum.checksum]).collect();
    table::print(out, &["KIND", "RECORDS", "CHECKSUM"], &rows)?;
    writeln!(out, "\nas of {as_of}")?;
    Ok(ExitCode::SUCCESS)
}
