//! The audit log. Lines are owed by the documents whose change they tell of.

use async_trait::async_trait;
use doorward_identity::audit::{AuditAction, AuditActor, AuditEvent, AuditQuery, AuditStore};
use doorward_identity::{AuditId, StoreError, UserId};
use mongodb::bson::{DateTime, Document, Uuid, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::id;
use super::values::{moment, timestamp};
use crate::fault::{Fault, readable};

/// Where the lines are.
pub(super) const COLLECTION: &str = "audit_events";

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditDocument {
    #[serde(rename = "_id")]
    pub(super) id: Uuid,
    pub(super) at: DateTime,
    pub(super) action: String,
    pub(super) actor_kind: String,
    pub(super) actor_id: Option<Uuid>,
    pub(super) subject: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) address: Option<String>,
    pub(super) request_id: Option<String>,
}

impl AuditDocument {
    pub(super) fn of(event: &AuditEvent) -> Self {
        let (actor_kind, actor_id) = match event.actor {
            AuditActor::User(user) => ("user", Some(id(user.as_uuid()))),
            AuditActor::CommandLine => ("command_line", None),
            AuditActor::System => ("system", None),
        };
        Self {
            id: id(event.id.as_uuid()),
            at: moment(event.at),
            action: event.action.as_str().to_owned(),
            actor_kind: actor_kind.to_owned(),
            actor_id,
            subject: event.subject.clone(),
            detail: event.detail.clone(),
            address: event.address.map(|address| address.to_string()),
            request_id: event.request_id.clone(),
        }
    }
}

impl TryFrom<AuditDocument> for AuditEvent {
    type Error = Fault;

    fn try_from(document: AuditDocument) -> Result<Self, Fault> {
        let actor = match (document.actor_kind.as_str(), document.actor_id) {
            ("user", Some(id)) => Some(AuditActor::User(UserId::from_uuid(uuid::Uuid::from_bytes(id.bytes())))),
            ("command_line", None) => Some(AuditActor::CommandLine),
            ("system", None) => Some(AuditActor::System),
            _ => None,
        };
        Ok(Self {
            id: AuditId::from_uuid(uuid::Uuid::from_bytes(document.id.bytes())),
            at: timestamp(document.at)?,
            action: readable(AuditAction::parse(&document.action), "audit action")?,
            actor: readable(actor, "audit actor")?,
            subject: document.subject,
            detail: document.detail,
            address: document.address.map(|text| readable(text.parse().ok(), "address")).transpose()?,
            request_id: document.request_id,
        })
    }
}

#[async_trait]
impl AuditStore for MongoStore {
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEvent>, StoreError> {
        self.calls
            .run("list_audit", move || async move {
                let mut filter = Document::new();
                if let Some(before) = query.before {
                    filter.insert("_id", doc! { "$lt": id(before.as_uuid()) });
                }
                if let Some(subject) = &query.subject {
                    filter.insert("subject", subject);
                }
                if let Some(action) = query.action {
                    filter.insert("action", action.as_str());
                }
                let documents = self.collection::<AuditDocument>(COLLECTION);
                let lines = documents.find(filter).sort(doc! { "_id": -1 });
                let lines = self.all(lines.limit(query.limit.into())).await?;
                lines.into_iter().map(AuditEvent::try_from).collect()
            })
            .await
    }
}
