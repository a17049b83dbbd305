//! What a change of one document has to write elsewhere. Each effect may be carried out twice, late, and by others than
//! its maker, and still does what it says once: a line or mail has its own id, a mail that was dropped or sent leaves
//! its id behind, and sessions are ended up to the revision of the account that ended them, not up to a moment.

use doorward_identity::SessionId;
use doorward_identity::UserId;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::mail::NewMail;
use doorward_identity::session::EndReason;
use jiff::Timestamp;
use mongodb::bson::{DateTime, Uuid, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Aggregate, id, present};
use super::audit::{self, AuditDocument};
use super::change::Announcement;
use super::fault::is_taken;
use super::mail::{self, MailDocument};
use super::session_document::SessionDocument;
use super::user_document::UserDocument;
use super::values::moment;
use crate::fault::Fault;

/// Something to be written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Effect {
    /// A line of the audit log.
    Audit(AuditDocument),
    /// A line of the change log.
    Announce(Announcement),
    /// A mail for the outbox.
    PutMail(MailDocument),
    /// A mail leaves the outbox unsent, or never gets there.
    DropMail {
        /// Which.
        mail: Uuid,
        /// When.
        at: DateTime,
    },
    /// A session begins.
    BeginSession(Box<SessionDocument>),
    /// The open sessions that began before a revision of their user's document end.
    EndSessions {
        /// Whose.
        user: Uuid,
        /// The revision.
        before: i64,
        /// Which goes on.
        keep: Option<Uuid>,
        /// Why.
        reason: String,
        /// When.
        at: DateTime,
    },
    /// Every session of a user goes.
    RemoveSessions {
        /// Whose.
        user: Uuid,
    },
}

impl Effect {
    /// A line of the audit log.
    pub(super) fn audit(event: &AuditEvent) -> Self {
        Self::Audit(AuditDocument::of(event))
    }

    /// A line of the change log.
    pub(super) fn announce(subject: ChangeSubject, at: Timestamp) -> Self {
        Self::Announce(Announcement::of(subject, at))
    }

    /// A mail for the outbox, due at once.
    pub(super) fn put_mail(mail: &NewMail) -> Self {
        Self::PutMail(MailDocument::of(mail))
    }

    /// The open sessions of a user end, but for one.
    pub(super) fn end_sessions(
        user: UserId,
        before: i64,
        keep: Option<SessionId>,
        reason: EndReason,
        at: Timestamp,
    ) -> Self {
        let (user, keep) = (id(user.as_uuid()), keep.map(|session| id(session.as_uuid())));
        Self::EndSessions { user, before, keep, reason: reason.as_str().to_owned(), at: moment(at) }
    }
}

impl Effect {
    /// When it came to be owed, where it says so.
    pub(super) const fn at(&self) -> Option<DateTime> {
        Some(match self {
            Self::Audit(line) => line.at,
            Self::Announce(announcement) => announcement.at,
            Self::PutMail(mail) => mail.created_at,
            Self::DropMail { at, .. } | Self::EndSessions { at, .. } => *at,
            Self::BeginSession(session) => session.created_at,
            Self::RemoveSessions { .. } => return None,
        })
    }

    /// Whether a change that was made may be answered before this is done. Sessions are what the answer is about.
    pub(super) const fn can_wait(&self) -> bool {
        match self {
            Self::Audit(_) | Self::Announce(_) | Self::PutMail(_) | Self::DropMail { .. } => true,
            Self::BeginSession(_) | Self::EndSessions { .. } | Self::RemoveSessions { .. } => false,
        }
    }
}

impl MongoStore {
    /// Carries out one effect.
    pub(super) async fn carry_out(&self, effect: &Effect) -> Result<(), Fault> {
        match effect {
            Effect::Audit(line) => self.insert_once(audit::COLLECTION, line).await,
            Effect::Announce(announcement) => self.announce(announcement).await,
            Effect::PutMail(mail) => self.insert_once(mail::COLLECTION, mail).await,
            Effect::DropMail { mail, at } => self.drop_mail(*mail, *at).await,
            Effect::BeginSession(session) => self.insert_once(SessionDocument::COLLECTION, session.as_ref()).await,
            Effect::EndSessions { user, before, keep, reason, at } => {
                let mut open = doc! {
                    "user_id": *user, "user_revision": { "$lt": *before }, "ended_at": null, "expires_at": { "$gt": *at },
                };
                if let Some(keep) = keep {
                    open.insert("_id", doc! { "$ne": *keep });
                }
                let ended = doc! {
                    "$set": { "ended_at": *at, "end_reason": reason }, "$inc": { "ledger.revision": 1_i64 },
                };
                self.documents::<SessionDocument>().update_many(open, ended).await?;
                Ok(())
            }
            Effect::RemoveSessions { user } => {
                let sessions = self.documents::<SessionDocument>();
                sessions.delete_many(doc! { "user_id": *user, "ledger.owing": null }).await?;
                // One that owes something goes when that is done.
                let leave = doc! {
                    "$set": { "ledger.leaving": true, "ledger.owing": true }, "$inc": { "ledger.revision": 1_i64 },
                };
                sessions.update_many(doc! { "user_id": *user }, leave).await?;
                Ok(())
            }
        }
    }

    /// Takes back what was carried out too late: the document has moved on, and its user may have gone in between.
    pub(super) async fn take_back(&self, effect: &Effect) -> Result<(), Fault> {
        let Effect::BeginSession(session) = effect else { return Ok(()) };
        let user = present(doc! { "_id": session.user_id });
        if self.documents::<UserDocument>().find_one(user).await?.is_none() {
            self.documents::<SessionDocument>().delete_one(doc! { "_id": session.id }).await?;
        }
        Ok(())
    }

    /// Writes what has an id of its own, unless it is there.
    pub(super) async fn insert_once<T: Serialize + Send + Sync>(
        &self,
        collection: &str,
        document: &T,
    ) -> Result<(), Fault> {
        match self.collection::<T>(collection).insert_one(document).await {
            Err(error) if !is_taken(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
