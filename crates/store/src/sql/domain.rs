//! Business domains, their tree and their assignment to people.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::domain::{Domain, DomainKey, DomainStore, DomainWrite};
use doorward_identity::name::DisplayName;
use doorward_identity::{DomainId, StoreError, UserId};
use uuid::Uuid;

use super::team::plant;
use super::{Connection, Engine, change, conclude, conclude_if_done};
use crate::fault::{Fault, is_taken, readable};
use crate::time::Time;

#[derive(sqlx::FromRow)]
pub(super) struct DomainRow {
    id: Uuid,
    key: String,
    name: String,
    parent_domain_id: Option<Uuid>,
    is_active: bool,
    created_at: Time,
    version: i64,
}

impl TryFrom<DomainRow> for Domain {
    type Error = Fault;

    fn try_from(row: DomainRow) -> Result<Self, Fault> {
        Ok(Self {
            id: DomainId::from_uuid(row.id),
            key: readable(DomainKey::try_from(row.key).ok(), "domain key")?,
            name: readable(DisplayName::try_from(row.name).ok(), "domain name")?,
            parent_domain_id: row.parent_domain_id.map(DomainId::from_uuid),
            is_active: row.is_active,
            created_at: row.created_at.into(),
            version: row.version,
        })
    }
}

/// Writes a domain. False when its key is in use.
async fn insert_row(connection: &mut Connection, domain: &Domain) -> Result<bool, Fault> {
    let done = sqlx::query(
        "insert into domains (id, key, name, parent_domain_id, is_active, created_at, version)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
    )
    .bind(domain.id.as_uuid())
    .bind(domain.key.as_str())
    .bind(domain.name.as_str())
    .bind(domain.parent_domain_id.map(|id| *id.as_uuid()))
    .bind(domain.is_active)
    .bind(Time(domain.created_at))
    .bind(domain.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a domain over the version it was read at.
async fn update_row(connection: &mut Connection, domain: &Domain) -> Result<DomainWrite, Fault> {
    let done = sqlx::query(
        "update domains set key = $3, name = $4, parent_domain_id = $5, is_active = $6, version = version + 1
         where id = $1 and version = $2",
    )
    .bind(domain.id.as_uuid())
    .bind(domain.version)
    .bind(domain.key.as_str())
    .bind(domain.name.as_str())
    .bind(domain.parent_domain_id.map(|id| *id.as_uuid()))
    .bind(domain.is_active)
    .execute(connection)
    .await;
    match done {
        Ok(done) if done.rows_affected() == 1 => Ok(DomainWrite::Written),
        Ok(_) => Ok(DomainWrite::Stale),
        Err(error) if is_taken(&error) => Ok(DomainWrite::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Waits for every other move in the tree to end, and lets none begin before this one ends.
async fn lock_tree(connection: &mut Connection) -> Result<(), Fault> {
    sqlx::query("update domain_tree set moves = moves + 1").execute(connection).await?;
    Ok(())
}

/// What is wrong with putting `domain` below its parent, if anything. `union` ends the walk even in a circle.
async fn fault_of_parent(connection: &mut Connection, domain: &Domain) -> Result<Option<DomainWrite>, Fault> {
    const PATH_TO_ROOT: &str = "with recursive above (id, parent_domain_id) as (
            select id, parent_domain_id from domains where id = $1
            union
            select d.id, d.parent_domain_id from domains d join above a on d.id = a.parent_domain_id
        )
        select id from above";
    let Some(parent) = domain.parent_domain_id else { return Ok(None) };
    let path: Vec<Uuid> = sqlx::query_scalar(PATH_TO_ROOT).bind(parent.as_uuid()).fetch_all(connection).await?;
    Ok(match path {
        path if path.contains(domain.id.as_uuid()) => Some(DomainWrite::Cycle),
        path if path.is_empty() => Some(DomainWrite::NoParent),
        _ => None,
    })
}

#[async_trait]
impl DomainStore for Engine {
    async fn seed_domains(&self, domains: &[Domain]) -> Result<(), StoreError> {
        self.calls
            .run("seed_domains", move || async move {
                let mut tx = self.begin().await?;
                for domain in domains {
                    if plant(&mut tx, "domain", domain.key.as_str()).await?
                        && fault_of_parent(&mut tx, domain).await?.is_none()
                        && insert_row(&mut tx, domain).await?
                    {
                        change::announce(&mut tx, ChangeSubject::Directory, domain.created_at).await?;
                    }
                }
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn insert_domain(&self, domain: &Domain, event: &AuditEvent) -> Result<DomainWrite, StoreError> {
        self.calls
            .run("insert_domain", move || async move {
                let mut tx = self.begin().await?;
                if let Some(fault) = fault_of_parent(&mut tx, domain).await? {
                    return Ok(fault);
                }
                if !insert_row(&mut tx, domain).await? {
                    return Ok(DomainWrite::Taken);
                }
                conclude(tx, ChangeSubject::Directory, event).await?;
                Ok(DomainWrite::Written)
            })
            .await
    }

    async fn find_domain(&self, id: DomainId) -> Result<Option<Domain>, StoreError> {
        self.calls
            .run("find_domain", move || async move {
                let sql = "select id, key, name, parent_domain_id, is_active, created_at, version
                    from domains where id = $1";
                let row: Option<DomainRow> =
                    sqlx::query_as(sql).bind(id.as_uuid()).fetch_optional(&mut *self.read().await?).await?;
                row.map(Domain::try_from).transpose()
            })
            .await
    }

    async fn list_domains(&self, active_only: bool) -> Result<Vec<Domain>, StoreError> {
        self.calls
            .run("list_domains", move || async move {
                let sql = "select id, key, name, parent_domain_id, is_active, created_at, version
                    from domains where is_active or not $1 order by key";
                let rows: Vec<DomainRow> =
                    sqlx::query_as(sql).bind(active_only).fetch_all(&mut *self.read().await?).await?;
                rows.into_iter().map(Domain::try_from).collect()
            })
            .await
    }

    async fn save_domain(&self, domain: &Domain, event: &AuditEvent) -> Result<DomainWrite, StoreError> {
        self.calls
            .run("save_domain", move || async move {
                let mut tx = self.begin().await?;
                lock_tree(&mut tx).await?;
                if let Some(fault) = fault_of_parent(&mut tx, domain).await? {
                    return Ok(fault);
                }
                let written = update_row(&mut tx, domain).await?;
                if written != DomainWrite::Written {
                    return Ok(written);
                }
                conclude(tx, ChangeSubject::Directory, event).await?;
                Ok(DomainWrite::Written)
            })
            .await
    }

    async fn assign_domain(&self, domain: DomainId, user: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("assign_domain", move || async move {
                let mut tx = self.begin().await?;
                // The update that changes nothing makes a repeat count as done.
                let done = sqlx::query(
                    "insert into user_domains (user_id, domain_id)
                     select u.id, d.id from users u cross join domains d where u.id = $1 and d.id = $2
                     on conflict (user_id, domain_id) do update set domain_id = excluded.domain_id",
                )
                .bind(user.as_uuid())
                .bind(domain.as_uuid())
                .execute(&mut *tx)
                .await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::User(user), event).await
            })
            .await
    }

    async fn unassign_domain(&self, domain: DomainId, user: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("unassign_domain", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query("delete from user_domains where user_id = $1 and domain_id = $2")
                    .bind(user.as_uuid())
                    .bind(domain.as_uuid())
                    .execute(&mut *tx)
                    .await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::User(user), event).await
            })
            .await
    }
}
