//! `doorward domain …`: business domains, their tree, and to whom they are assigned.

use std::io::Write;

use anyhow::Context as _;
use clap::Subcommand;
use doorward_identity::domain::{Domain, DomainChange};
use doorward_identity::policy::Admin;
use doorward_identity::{DomainId, Identity};

use super::{table, user};

/// Business domains.
#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// List all domains.
    List,
    /// Make a domain.
    Create {
        /// Short name for programs, such as `sales`.
        key: String,
        /// Name for people; the key where none is given.
        #[arg(long)]
        name: Option<String>,
        /// Key or id of the domain above it.
        #[arg(long)]
        parent: Option<String>,
    },
    /// Rename a domain.
    Rename {
        /// Key or id.
        domain: String,
        /// Its new name for people.
        name: String,
    },
    /// Move a domain below another, or to the top when none is given.
    Move {
        /// Key or id.
        domain: String,
        /// Key or id of the domain above it from now on.
        parent: Option<String>,
    },
    /// Take a domain out of use.
    Deactivate {
        /// Key or id.
        domain: String,
    },
    /// Put a domain back into use.
    Activate {
        /// Key or id.
        domain: String,
    },
    /// Assign a domain to somebody.
    Assign {
        /// Key or id.
        domain: String,
        /// E-mail address or id.
        user: String,
    },
    /// Take a domain from somebody.
    Unassign {
        /// Key or id.
        domain: String,
        /// E-mail address or id.
        user: String,
    },
}

/// Does what the command says.
pub(super) async fn run(identity: &Identity, command: DomainCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let by = Admin::command_line();
    match command {
        DomainCommand::List => list(&identity.all_domains(&by).await?, out)?,
        DomainCommand::Create { key, name, parent } => {
            let parent = match parent {
                Some(parent) => Some(find(identity, &by, &parent).await?),
                None => None,
            };
            let made = identity.create_domain(&by, &key, name.as_deref().unwrap_or(&key), parent).await?;
            writeln!(out, "made domain {} {key}", made.id)?;
        }
        DomainCommand::Rename { domain, name } => {
            let change = DomainChange { name: Some(name.clone()), ..DomainChange::default() };
            identity.change_domain(&by, find(identity, &by, &domain).await?, change).await?;
            writeln!(out, "{domain} is called {name} now")?;
        }
        DomainCommand::Move { domain, parent } => {
            let above = match &parent {
                Some(parent) => Some(find(identity, &by, parent).await?),
                None => None,
            };
            let change = DomainChange { parent: Some(above), ..DomainChange::default() };
            identity.change_domain(&by, find(identity, &by, &domain).await?, change).await?;
            writeln!(out, "{domain} is {} now", parent.map_or("at the top".to_owned(), |p| format!("below {p}")))?;
        }
        DomainCommand::Deactivate { domain } => set_active(identity, &by, &domain, false, out).await?,
        DomainCommand::Activate { domain } => set_active(identity, &by, &domain, true, out).await?,
        DomainCommand::Assign { domain, user } => {
            let (id, user_id) = (find(identity, &by, &domain).await?, user::find(identity, &by, &user).await?);
            identity.assign_domain(&by, id, user_id).await?;
            writeln!(out, "{user} has {domain}")?;
        }
        DomainCommand::Unassign { domain, user } => {
            let (id, user_id) = (find(identity, &by, &domain).await?, user::find(identity, &by, &user).await?);
            identity.unassign_domain(&by, id, user_id).await?;
            writeln!(out, "{user} no longer has {domain}")?;
        }
    }
    Ok(())
}

async fn set_active(
    identity: &Identity,
    by: &Admin,
    domain: &str,
    active: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let change = DomainChange { is_active: Some(active), ..DomainChange::default() };
    identity.change_domain(by, find(identity, by, domain).await?, change).await?;
    writeln!(out, "{domain} is {}", if active { "active" } else { "inactive" })?;
    Ok(())
}

async fn find(identity: &Identity, by: &Admin, domain: &str) -> anyhow::Result<DomainId> {
    if let Ok(id) = domain.parse() {
        return Ok(id);
    }
    let domains = identity.all_domains(by).await?;
    let named = |d: &&Domain| d.key.as_str() == domain;
    Ok(domains.iter().find(named).with_context(|| format!("there is no domain {domain}"))?.id)
}

fn list(domains: &[Domain], out: &mut impl Write) -> anyhow::Result<()> {
    let key_of = |id: DomainId| domains.iter().find(|d| d.id == id).map(|d| d.key.as_str().to_owned());
    let rows: Vec<Vec<String>> = domains
        .iter()
        .map(|domain| {
            let parent = domain.parent_domain_id.and_then(key_of).unwrap_or_default();
            let (key, name) = (domain.key.as_str().to_owned(), domain.name.as_str().to_owned());
            vec![domain.id.to_string(), key, name, parent, domain.is_active.to_string()]
        })
        .collect();
    Ok(table::print(out, &["ID", "KEY", "NAME", "BELOW", "ACTIVE"], &rows)?)
}
