//! `doorward backup` and `doorward restore`: a copy of the SQLite file, taken while it is in use.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{bail, ensure};
use clap::Args;
use doorward_identity::Clock as _;
use doorward_identity::clock::SystemClock;
use doorward_identity::observer::Unobserved;
use doorward_store::SqliteStore;

use crate::config::{Config, StoreKind};
use crate::open_store::OpenStore;
use crate::sealing;

/// What `backup` is told.
#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not be there yet
    file: PathBuf,
}

/// What `restore` is told.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The backup; it stays as it is
    file: PathBuf,
}

/// Takes a backup. The server may go on.
pub(super) async fn back_up(config: &Config, arguments: BackupArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let path = file(config)?;
    ensure!(path.exists(), "there is no {}, so there is nothing to back up", path.display());
    let OpenStore::Sqlite(store) = OpenStore::open(config, Arc::new(Unobserved)).await? else {
        bail!("the store is no file");
    };
    let bytes = store.back_up(&arguments.file).await?;
    store.close().await;
    writeln!(out, "wrote {} ({bytes} bytes), checked page by page", arguments.file.display())?;
    writeln!(
        out,
        "it is worth nothing without the key it is sealed with; keep that too: {}",
        sealing::whereabouts(config)
    )?;
    Ok(())
}

/// Puts a backup in the place of the database.
pub(super) async fn restore(config: &Config, arguments: RestoreArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let path = file(config)?;
    let former = SqliteStore::restore(&arguments.file, path, SystemClock.now()).await?;
    writeln!(out, "{} is now what {} is", path.display(), arguments.file.display())?;
    if let Some(former) = former {
        writeln!(out, "what it was before is {}", former.display())?;
    }
    writeln!(out, "it needs the key it was sealed with, which belongs here: {}", sealing::whereabouts(config))?;
    Ok(())
}

/// The file of the configured store, if it is one.
fn file(config: &Config) -> anyhow::Result<&Path> {
    match &config.store.kind {
        StoreKind::Sqlite { path } => Ok(path),
        StoreKind::Postgres => bail!(
            "this is for SQLite; PostgreSQL's own tools do it: pg_dump --schema=doorward --format=custom, and pg_restore; or \
             move everything into a file with `doorward store copy --to sqlite:FILE`"
        ),
        StoreKind::Mongo => bail!(
            "this is for SQLite; the tools of MongoDB do it: mongodump and mongorestore, or snapshots of the cluster; or move \
             everything into a file with `doorward store copy --to sqlite:FILE`"
        ),
    }
}
