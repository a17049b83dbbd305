//! Sessions that began through providers, the identities behind them, and what counts only once.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::provider::{
    GroupGrants, NewProviderSession, ProviderSession, ProviderStore, RenewalLease, StateUse, Subject,
};
use doorward_identity::session::{EndReason, Started};
use doorward_identity::team::Team;
use doorward_identity::user::{ExternalIdentity, Role};
use doorward_identity::{SessionId, StoreError, UserId};
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use mongodb::bson::{Binary, DateTime, Document, Uuid, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Aggregate as _, Decision, id, present};
use super::effect::Effect;
use super::fault::is_taken;
use super::session;
use super::session_document::SessionDocument;
use super::user_document::{IdentityDocument, MembershipDocument, UserDocument};
use super::values::{binary, hash, moment, sparse};
use crate::fault::{Fault, readable};

/// Where values that count once are.
pub(super) const USED_VALUES: &str = "used_values";

/// A value that was used, by its hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsedValue {
    #[serde(rename = "_id")]
    pub(super) id: Binary,
    pub(super) expires_at: DateTime,
}

impl TryFrom<SessionDocument> for ProviderSession {
    type Error = Fault;

    fn try_from(document: SessionDocument) -> Result<Self, Fault> {
        let (session, user_id) = (document.session_id(), document.user());
        let share = readable(document.provider, "provider's share of a session")?;
        Ok(Self {
            session,
            user_id,
            provider: share.name,
            subject: share.subject,
            sealed_tokens: share.sealed_tokens.bytes,
        })
    }
}

/// That session, if it began at a provider and did not end.
fn not_ended(session: SessionId) -> Document {
    present(doc! { "_id": id(session.as_uuid()), "provider.name": { "$exists": true }, "ended_at": null })
}

/// Gives and takes the mapped roles. False when the user had just those.
fn apply_roles(user: &mut UserDocument, mapped: &[Role], granted: &[Role], at: Timestamp) -> bool {
    let kept = user.roles.iter().filter(|role| !mapped.contains(role));
    let mut roles: Vec<Role> = kept.chain(granted).cloned().collect();
    roles.sort();
    roles.dedup();
    if roles == user.roles {
        return false;
    }
    user.roles = roles;
    user.touch(at);
    true
}

/// Joins the user to a team, in whatever role they have there, or takes them out. False when nothing was to be done.
fn apply_team(user: &mut UserDocument, team: &Team, granted: bool) -> bool {
    let team = id(team.id.as_uuid());
    let is_in = user.teams.iter().any(|membership| membership.team == team);
    if is_in && !granted {
        user.teams.retain(|membership| membership.team != team);
    } else if granted && !is_in {
        user.teams.push(MembershipDocument { team, role: Role::member() });
    }
    is_in != granted
}

/// The only thing asked for of a session that is about to end.
#[derive(Deserialize)]
struct SessionName {
    #[serde(rename = "_id")]
    id: Uuid,
}

impl MongoStore {
    /// Hands out one session whose tokens are due, that which waited longest.
    async fn lease_one(&self, lease: &RenewalLease) -> Result<Option<ProviderSession>, Fault> {
        let at = moment(lease.due_at);
        let due = doc! {
            "provider.renew_at": { "$exists": true, "$lte": at }, "ended_at": null,
            "expires_at": { "$gt": at }, "credential_expires_at": { "$gt": at },
        };
        let leased = doc! {
            "$set": { "provider.renew_at": moment(lease.until) }, "$inc": { "ledger.revision": 1_i64 },
        };
        let documents = self.documents::<SessionDocument>();
        let session = documents.find_one_and_update(present(due), leased);
        let session = session.sort(doc! { "provider.renew_at": 1 }).projection(doc! { "retired": 0 });
        session.return_document(ReturnDocument::After).await?.map(ProviderSession::try_from).transpose()
    }

    /// Ends a session. False when it was not open.
    async fn end_at_provider(&self, session: Uuid, reason: EndReason, event: &AuditEvent) -> Result<bool, Fault> {
        let ended = self
            .change::<SessionDocument, _>(session, |draft| {
                if !session::end(draft, reason, event.at) {
                    return Ok(Decision::Leave(false));
                }
                // Each of the sessions owes the one line there is of them all.
                draft.owe(Effect::audit(event));
                Ok(Decision::Write(true))
            })
            .await?;
        Ok(ended.unwrap_or(false))
    }

    /// Which of these teams there are.
    async fn named_teams(&self, names: &[String]) -> Result<Vec<Team>, Fault> {
        if names.is_empty() { Ok(Vec::new()) } else { self.teams(doc! { "name": { "$in": names.to_vec() } }).await }
    }
}

#[async_trait]
impl ProviderStore for MongoStore {
    async fn use_once(&self, value: &SecretHash, expires_at: Timestamp) -> Result<StateUse, StoreError> {
        self.calls
            .run("use_once", move || async move {
                let used = UsedValue { id: hash(value), expires_at: moment(expires_at) };
                match self.collection(USED_VALUES).insert_one(used).await {
                    Ok(_) => Ok(StateUse::First),
                    Err(error) if is_taken(&error) => Ok(StateUse::Again),
                    Err(error) => Err(Fault::from(error)),
                }
            })
            .await
    }

    async fn start_provider_session(
        &self,
        new: &NewProviderSession,
        event: &AuditEvent,
    ) -> Result<Started, StoreError> {
        self.calls
            .run("start_provider_session", move || async move {
                let started = self
                    .change::<UserDocument, _>(id(new.session.user_id.as_uuid()), |draft| {
                        if !session::begin(draft, &new.session) {
                            return Ok(Decision::Leave(Started::UserNotActive));
                        }
                        let document = SessionDocument::of_provider(new, draft.next_revision());
                        draft.owe(Effect::BeginSession(Box::new(document)));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(Started::Started))
                    })
                    .await?;
                Ok(started.unwrap_or(Started::UserNotActive))
            })
            .await
    }

    async fn find_provider_session(&self, session: SessionId) -> Result<Option<ProviderSession>, StoreError> {
        self.calls
            .run("find_provider_session", move || async move {
                let documents = self.documents::<SessionDocument>();
                let found = documents.find_one(not_ended(session));
                let found = found.projection(doc! { "retired": 0 }).await?;
                found.map(ProviderSession::try_from).transpose()
            })
            .await
    }

    async fn lease_renewals(&self, lease: &RenewalLease) -> Result<Vec<ProviderSession>, StoreError> {
        self.calls
            .run("lease_renewals", move || async move {
                let mut leased = Vec::new();
                while leased.len() < lease.limit as usize {
                    match self.lease_one(lease).await {
                        Ok(Some(session)) => leased.push(session),
                        // What is leased already is nobody else's to renew.
                        Err(_) if !leased.is_empty() => break,
                        Ok(None) => break,
                        Err(fault) => return Err(fault),
                    }
                }
                Ok(leased)
            })
            .await
    }

    async fn save_provider_tokens(
        &self,
        session: SessionId,
        sealed_tokens: &[u8],
        renew_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("save_provider_tokens", move || async move {
                let mut set = doc! { "provider.sealed_tokens": binary(sealed_tokens) };
                let mut update = doc! { "$inc": { "ledger.revision": 1_i64 } };
                match renew_at {
                    Some(renew_at) => _ = set.insert("provider.renew_at", moment(renew_at)),
                    None => _ = update.insert("$unset", doc! { "provider.renew_at": "" }),
                }
                update.insert("$set", set);
                let done = self.documents::<SessionDocument>().update_one(not_ended(session), update).await?;
                Ok::<_, Fault>(done.matched_count == 1)
            })
            .await
    }

    async fn end_provider_sessions(
        &self,
        provider: &str,
        subject: &Subject,
        reason: EndReason,
        event: &AuditEvent,
    ) -> Result<Vec<SessionId>, StoreError> {
        let (name, value) = match subject {
            Subject::Session(session) => ("provider.session", session),
            Subject::Person(person) => ("provider.subject", person),
        };
        let open = doc! {
            "provider.name": sparse(provider), name: sparse(value), "ended_at": null,
            "expires_at": { "$gt": moment(event.at) },
        };
        let open = &open;
        let sessions = self.calls.run("end_provider_sessions", move || async move {
            let sessions = self.collection::<SessionName>(SessionDocument::COLLECTION);
            self.all(sessions.find(open.clone()).projection(doc! { "_id": 1 })).await
        });
        let mut ended = Vec::new();
        // One call each: what was ended stays so, whatever becomes of the next.
        for SessionName { id } in sessions.await? {
            let end = self.calls.run("end_provider_sessions", move || self.end_at_provider(id, reason, event));
            if end.await? {
                ended.push(SessionId::from_uuid(uuid::Uuid::from_bytes(id.bytes())));
            }
        }
        Ok(ended)
    }

    async fn list_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        self.calls
            .run("list_identities", move || async move {
                let documents = self.documents::<UserDocument>();
                let user = documents.find_one(present(doc! { "_id": id(user.as_uuid()) }));
                let identities = user.await?.map(|user| user.identities).unwrap_or_default();
                let identities = identities.into_iter().map(|one| (one.issuer, one.subject));
                let mut identities: Vec<_> = identities.collect();
                identities.sort();
                let identities = identities.into_iter();
                Ok::<_, Fault>(identities.map(|(issuer, subject)| ExternalIdentity { issuer, subject }).collect())
            })
            .await
    }

    async fn unlink_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("unlink_identity", move || async move {
                let unlinked = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        let identity = IdentityDocument::of(identity);
                        let is_last_way_in = draft.password_hash.is_none() && draft.identities.len() == 1;
                        if is_last_way_in || !draft.identities.contains(&identity) {
                            return Ok(Decision::Leave(false));
                        }
                        draft.identities.retain(|kept| *kept != identity);
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(unlinked.unwrap_or(false))
            })
            .await
    }

    async fn apply_groups(
        &self,
        user: UserId,
        mapped: &GroupGrants,
        granted: &GroupGrants,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("apply_groups", move || async move {
                let teams = self.named_teams(&mapped.teams).await?;
                let applied = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        let mut changed = apply_roles(draft, &mapped.roles, &granted.roles, event.at);
                        for team in &teams {
                            let is_granted = granted.teams.iter().any(|name| name == team.name.as_str());
                            changed |= apply_team(draft, team, is_granted);
                        }
                        if !changed {
                            return Ok(Decision::Leave(false));
                        }
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(applied.unwrap_or(false))
            })
            .await
    }
}
