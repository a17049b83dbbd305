//! Sessions: how they begin, are found and end. Their refresh tokens are in `refresh.rs`.

use std::net::IpAddr;

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::session::{
    EndReason, LiveSession, NewSession, RefreshFamily, Rotation, Session, SessionStore, Started,
};
use doorward_identity::{SessionId, StoreError, UserId};
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};

use super::aggregate::{Decision, Draft, id, present};
use super::effect::Effect;
use super::session_document::SessionDocument;
use super::user_document::UserDocument;
use super::values::{hash, moment, timestamp};
use super::{MongoStore, refresh};
use crate::fault::Fault;

/// Judges whether a session may begin, and notes the sign-in. False when its user is not active, or has another password
/// than they were judged by.
pub(super) fn begin(draft: &mut Draft<UserDocument>, session: &NewSession) -> bool {
    if !draft.is_active() || draft.password_changed_at != session.password_changed_at.map(moment) {
        return false;
    }
    draft.last_signin_at = Some(moment(session.created_at));
    true
}

/// Ends a session, with its change line. False when it was not open.
pub(super) fn end(draft: &mut Draft<SessionDocument>, reason: EndReason, at: Timestamp) -> bool {
    if !draft.is_open(moment(at)) {
        return false;
    }
    draft.ended_at = Some(moment(at));
    draft.end_reason = Some(reason.as_str().to_owned());
    let session = draft.session_id();
    draft.owe(Effect::announce(ChangeSubject::Session(session), at));
    true
}

impl MongoStore {
    /// One session, without the tokens it had before.
    async fn find_one_session(&self, query: Document) -> Result<Option<SessionDocument>, Fault> {
        let documents = self.documents::<SessionDocument>();
        let found = documents.find_one(present(query)).projection(doc! { "retired": 0 });
        Ok(found.await?)
    }

    /// The same, as far as its tokens are judged by it.
    async fn find_live(&self, query: Document) -> Result<Option<LiveSession>, Fault> {
        self.find_one_session(query).await?.map(LiveSession::try_from).transpose()
    }
}

#[async_trait]
impl SessionStore for MongoStore {
    async fn start_session(&self, session: &NewSession, event: &AuditEvent) -> Result<Started, StoreError> {
        self.calls
            .run("start_session", move || async move {
                let started = self
                    .change::<UserDocument, _>(id(session.user_id.as_uuid()), |draft| {
                        if !begin(draft, session) {
                            return Ok(Decision::Leave(Started::UserNotActive));
                        }
                        let document = SessionDocument::of(session, draft.next_revision());
                        draft.owe(Effect::BeginSession(Box::new(document)));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(Started::Started))
                    })
                    .await?;
                Ok(started.unwrap_or(Started::UserNotActive))
            })
            .await
    }

    async fn find_live_session(&self, session: SessionId) -> Result<Option<LiveSession>, StoreError> {
        self.calls
            .run(
                "find_live_session",
                move || async move { self.find_live(doc! { "_id": id(session.as_uuid()) }).await },
            )
            .await
    }

    async fn rotate_refresh(&self, step: &RefreshFamily, reuse: &AuditEvent) -> Result<Rotation, StoreError> {
        self.calls
            .run("rotate_refresh", move || async move {
                let rotation = self
                    .change::<SessionDocument, _>(id(step.session.as_uuid()), |draft| {
                        refresh::rotate(draft, step, reuse)
                    })
                    .await?;
                Ok(rotation.unwrap_or(Rotation::Unknown))
            })
            .await
    }

    async fn find_session_by_refresh(
        &self,
        session: SessionId,
        token: &SecretHash,
    ) -> Result<Option<LiveSession>, StoreError> {
        self.calls
            .run("find_session_by_refresh", move || async move {
                let token = hash(token);
                self.find_live(doc! {
                    "_id": id(session.as_uuid()),
                    "$or": [{ "credential_hash": &token }, { "retired.hash": &token }],
                })
                .await
            })
            .await
    }

    async fn find_session_by_handle(
        &self,
        session: SessionId,
        handle: &SecretHash,
    ) -> Result<Option<LiveSession>, StoreError> {
        self.calls
            .run("find_session_by_handle", move || async move {
                self.find_live(doc! { "_id": id(session.as_uuid()), "credential_hash": hash(handle) }).await
            })
            .await
    }

    async fn touch_session(
        &self,
        session: SessionId,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.calls
            .run("touch_session", move || async move {
                let ends = self
                    .change::<SessionDocument, _>(id(session.as_uuid()), |draft| {
                        let (at, until) = (moment(at), moment(until));
                        if !draft.is_open(at) || draft.credential_expires_at <= at {
                            return Ok(Decision::Leave(None));
                        }
                        draft.last_seen_at = draft.last_seen_at.max(at);
                        draft.credential_expires_at = draft.credential_expires_at.max(until.min(draft.expires_at));
                        Ok(Decision::Write(Some(draft.credential_expires_at)))
                    })
                    .await?;
                ends.flatten().map(timestamp).transpose()
            })
            .await
    }

    async fn find_session_by_credential(
        &self,
        credential: &SecretHash,
    ) -> Result<Option<(SessionId, LiveSession)>, StoreError> {
        self.calls
            .run("find_session_by_credential", move || async move {
                match self.find_one_session(doc! { "credential_hash": hash(credential) }).await? {
                    Some(found) => Ok(Some((found.session_id(), found.try_into()?))),
                    None => Ok(None),
                }
            })
            .await
    }

    async fn end_session(
        &self,
        session: SessionId,
        reason: EndReason,
        at: Timestamp,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("end_session", move || async move {
                let ended = self
                    .change::<SessionDocument, _>(id(session.as_uuid()), |draft| {
                        if !end(draft, reason, at) {
                            return Ok(Decision::Leave(false));
                        }
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(ended.unwrap_or(false))
            })
            .await
    }

    async fn end_user_sessions(
        &self,
        user: UserId,
        reason: EndReason,
        at: Timestamp,
        event: &AuditEvent,
    ) -> Result<u64, StoreError> {
        self.calls
            .run("end_user_sessions", move || async move {
                let open = doc! {
                    "user_id": id(user.as_uuid()), "ended_at": null, "expires_at": { "$gt": moment(at) },
                };
                let count = self.documents::<SessionDocument>().count_documents(open).await?;
                let told = [Effect::announce(ChangeSubject::User(user), at), Effect::audit(event)];
                let changed = self.change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                    draft.signed_out_at = Some(moment(at));
                    let before = draft.next_revision();
                    draft.owe(Effect::end_sessions(user, before, None, reason, at));
                    told.iter().cloned().for_each(|effect| draft.owe(effect));
                    Ok(Decision::Write(()))
                });
                if changed.await?.is_none() {
                    // Nobody has sessions, but it was asked for and is told.
                    for effect in &told {
                        self.carry_out(effect).await?;
                    }
                }
                Ok(count)
            })
            .await
    }

    async fn list_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.calls
            .run("list_sessions", move || async move {
                let at = moment(at);
                let open = doc! {
                    "user_id": id(user.as_uuid()), "ended_at": null, "expires_at": { "$gt": at },
                    "$or": [{ "method": { "$ne": "provider" } }, { "credential_expires_at": { "$gt": at } }],
                };
                let documents = self.documents::<SessionDocument>();
                let sessions = documents.find(present(open)).projection(doc! { "retired": 0 });
                let sessions = self.all(sessions.sort(doc! { "created_at": -1, "_id": -1 })).await?;
                sessions.into_iter().map(Session::try_from).collect()
            })
            .await
    }

    async fn knows_address(&self, user: UserId, address: IpAddr) -> Result<bool, StoreError> {
        self.calls
            .run("knows_address", move || async move {
                let known = doc! { "user_id": id(user.as_uuid()), "address": address.to_string() };
                Ok(self.find_one_session(known).await?.is_some())
            })
            .await
    }
}
