//! The audit log. Lines are appended by the intents that cause them, in their transaction.

use async_trait::async_trait;
use doorward_identity::audit::{AuditAction, AuditActor, AuditEvent, AuditQuery, AuditStore};
use doorward_identity::{AuditId, StoreError, UserId};
use uuid::Uuid;

use super::{Connection, Engine, can_be_stored};
use crate::fault::{Fault, readable};
use crate::time::Time;

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: Uuid,
    at: Time,
    action: String,
    actor_kind: String,
    actor_id: Option<Uuid>,
    subject: Option<String>,
    detail: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
}

impl TryFrom<AuditRow> for AuditEvent {
    type Error = Fault;

    fn try_from(row: AuditRow) -> Result<Self, Fault> {
        let actor = match (row.actor_kind.as_str(), row.actor_id) {
            ("user", Some(id)) => Some(AuditActor::User(UserId::from_uuid(id))),
            ("command_line", None) => Some(AuditActor::CommandLine),
            ("system", None) => Some(AuditActor::System),
            _ => None,
        };
        let address = row.address.map(|text| readable(text.parse().ok(), "address")).transpose()?;
        Ok(Self {
            id: AuditId::from_uuid(row.id),
            at: row.at.into(),
            action: readable(AuditAction::parse(&row.action), "audit action")?,
            actor: readable(actor, "audit actor")?,
            subject: row.subject,
            detail: row.detail,
            address,
            request_id: row.request_id,
        })
    }
}

/// Appends a line.
pub(super) async fn append(connection: &mut Connection, event: &AuditEvent) -> Result<(), Fault> {
    let (actor_kind, actor_id) = match event.actor {
        AuditActor::User(id) => ("user", Some(*id.as_uuid())),
        AuditActor::CommandLine => ("command_line", None),
        AuditActor::System => ("system", None),
    };
    sqlx::query(
        "insert into audit_events (id, at, action, actor_kind, actor_id, subject, detail, address, request_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(event.id.as_uuid())
    .bind(Time(event.at))
    .bind(event.action.as_str())
    .bind(actor_kind)
    .bind(actor_id)
    .bind(event.subject.as_deref())
    .bind(event.detail.as_deref())
    .bind(event.address.map(|address| address.to_string()))
    .bind(event.request_id.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl AuditStore for Engine {
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEvent>, StoreError> {
        if !query.subject.as_deref().is_none_or(can_be_stored) {
            return Ok(Vec::new());
        }
        let before = query.before.map_or(Uuid::max(), |id| *id.as_uuid());
        self.calls
            .run("list_audit", move || async move {
                let rows: Vec<AuditRow> = sqlx::query_as(
                    "select id, at, action, actor_kind, actor_id, subject, detail, address, request_id
                     from audit_events
                     where id < $1 and ($2 is null or subject = $2) and ($3 is null or action = $3)
                     order by id desc limit $4",
                )
                .bind(before)
                .bind(query.subject.as_deref())
                .bind(query.action.map(AuditAction::as_str))
                .bind(i64::from(query.limit))
                .fetch_all(&mut *self.read().await?)
                .await?;
                rows.into_iter().map(AuditEvent::try_from).collect()
            })
            .await
    }
}
