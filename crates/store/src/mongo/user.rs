//! Accounts and their outside identities.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::credential::PasswordHash;
use doorward_identity::mail::NewMail;
use doorward_identity::session::EndReason;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{
    EmailKey, ExternalIdentity, NewUser, PasswordChange, Role, User, UserContext, UserQuery, UserStore,
};
use doorward_identity::{StoreError, UserId};
use mongodb::bson::{Document, doc};

use super::aggregate::{Decision, Draft, id, present};
use super::effect::Effect;
use super::fault::is_taken;
use super::team::TeamDocument;
use super::user_document::{IdentityDocument, MembershipDocument, UserDocument, folded, identity_key};
use super::values::sparse;
use super::{MongoStore, code, password};
use crate::fault::Fault;

impl MongoStore {
    /// One account.
    async fn find_one_user(&self, query: Document) -> Result<Option<User>, Fault> {
        self.documents::<UserDocument>().find_one(present(query)).await?.map(User::try_from).transpose()
    }

    /// A new account as it is first written, in the first team and domain where they are there and active.
    async fn first_of(&self, new: &NewUser, event: &AuditEvent) -> Result<UserDocument, Fault> {
        let mut draft = Draft::new(UserDocument::of(&new.user));
        draft.identities.extend(new.identity.as_ref().map(IdentityDocument::of));
        if let Some(name) = &new.team {
            let active = present(doc! { "name": name, "is_active": true });
            let team = self.documents::<TeamDocument>().find_one(active).await?;
            draft.teams.extend(team.map(|team| MembershipDocument { team: team.id, role: Role::member() }));
        }
        if let Some(key) = &new.domain {
            let domains = self.tree().await?;
            draft.domains.extend(domains.active(key));
        }
        if let Some(first) = &new.code {
            code::put(&mut draft, first);
        }
        draft.owe(Effect::audit(event));
        Ok(draft.into_first())
    }
}

#[async_trait]
impl UserStore for MongoStore {
    async fn insert_user(&self, new: &NewUser, event: &AuditEvent) -> Result<Inserted, StoreError> {
        self.calls
            .run("insert_user", move || async move {
                let document = self.first_of(new, event).await?;
                Ok(if self.insert(&document).await? { Inserted::Inserted } else { Inserted::Taken })
            })
            .await
    }

    async fn find_user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.calls
            .run("find_user", move || async move { self.find_one_user(doc! { "_id": id(user.as_uuid()) }).await })
            .await
    }

    async fn find_user_by_email(&self, email: &EmailKey) -> Result<Option<User>, StoreError> {
        self.calls
            .run(
                "find_user_by_email",
                move || async move { self.find_one_user(doc! { "email_key": email.as_str() }).await },
            )
            .await
    }

    async fn find_user_by_identity(&self, identity: &ExternalIdentity) -> Result<Option<User>, StoreError> {
        self.calls
            .run("find_user_by_identity", move || async move {
                self.find_one_user(doc! { "identities.key": sparse(identity_key(identity)) }).await
            })
            .await
    }

    async fn link_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        event: &AuditEvent,
    ) -> Result<Inserted, StoreError> {
        self.calls
            .run("link_identity", move || async move {
                let linked = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        let identity = IdentityDocument::of(identity);
                        // The unique index keeps accounts apart, not the identities of one.
                        if draft.identities.contains(&identity) {
                            return Ok(Decision::Leave(Inserted::Taken));
                        }
                        draft.identities.push(identity);
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(Inserted::Inserted))
                    })
                    .await;
                match linked {
                    Err(Fault::Document(error)) if is_taken(&error) => Ok(Inserted::Taken),
                    linked => Ok(linked?.unwrap_or(Inserted::Taken)),
                }
            })
            .await
    }

    async fn find_context(&self, user: UserId) -> Result<Option<UserContext>, StoreError> {
        self.calls
            .run("find_context", move || async move {
                let found =
                    self.documents::<UserDocument>().find_one(present(doc! { "_id": id(user.as_uuid()) })).await?;
                match found {
                    Some(found) => Ok(Some(self.context_of(found).await?)),
                    None => Ok(None),
                }
            })
            .await
    }

    async fn save_user(&self, user: &User, event: &AuditEvent) -> Result<Saved, StoreError> {
        self.calls
            .run("save_user", move || async move {
                let saved = self
                    .change::<UserDocument, _>(id(user.id.as_uuid()), |draft| {
                        if draft.version != user.version {
                            return Ok(Decision::Leave(Saved::Stale));
                        }
                        if draft.email_key != user.email.key().as_str() {
                            code::drop_all(draft, event.at);
                        }
                        draft.take(user);
                        draft.version += 1;
                        if !user.is_active() {
                            let before = draft.next_revision();
                            draft.owe(Effect::end_sessions(user.id, before, None, EndReason::UserDisabled, event.at));
                        }
                        draft.owe(Effect::announce(ChangeSubject::User(user.id), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(Saved::Saved))
                    })
                    .await;
                match saved {
                    Err(Fault::Document(error)) if is_taken(&error) => Ok(Saved::Taken),
                    saved => Ok(saved?.unwrap_or(Saved::Stale)),
                }
            })
            .await
    }

    async fn replace_password_hash(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("replace_password_hash", move || async move {
                let replaced = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        if draft.password_hash.as_deref() != Some(old.expose()) {
                            return Ok(Decision::Leave(false));
                        }
                        draft.password_hash = Some(new.expose().to_owned());
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(replaced.unwrap_or(false))
            })
            .await
    }

    async fn change_password(&self, change: &PasswordChange<'_>, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("change_password", move || async move {
                let changed = self
                    .change::<UserDocument, _>(id(change.user.as_uuid()), |draft| {
                        if !password::change(draft, change, event.at) {
                            return Ok(Decision::Leave(false));
                        }
                        draft.owe(Effect::announce(ChangeSubject::User(change.user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(changed.unwrap_or(false))
            })
            .await
    }

    async fn contest_sign_up(&self, user: UserId) -> Result<(), StoreError> {
        self.calls
            .run("contest_sign_up", move || async move {
                self.change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                    if draft.email_verified_at.is_some() {
                        return Ok(Decision::Leave(()));
                    }
                    draft.sign_up_contested = true;
                    Ok(Decision::Write(()))
                })
                .await?;
                Ok(())
            })
            .await
    }

    async fn verify_email(&self, user: UserId, email: &EmailKey, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("verify_email", move || async move {
                let verified = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        if draft.email_key != email.as_str() || draft.email_verified_at.is_some() {
                            return Ok(Decision::Leave(false));
                        }
                        password::mark_verified(draft, event.at);
                        password::take_away(draft, event.at);
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(verified.unwrap_or(false))
            })
            .await
    }

    async fn delete_user(
        &self,
        user: UserId,
        farewell: Option<&NewMail>,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("delete_user", move || async move {
                let deleted = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        code::drop_all(draft, event.at);
                        draft.owe(Effect::RemoveSessions { user: id(user.as_uuid()) });
                        if let Some(farewell) = farewell {
                            draft.owe(Effect::put_mail(farewell));
                        }
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Remove(true))
                    })
                    .await?;
                Ok(deleted.unwrap_or(false))
            })
            .await
    }

    async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, StoreError> {
        self.calls
            .run("list_users", move || async move {
                let mut filter = present(Document::new());
                if let Some(after) = query.after {
                    filter.insert("_id", doc! { "$gt": id(after.as_uuid()) });
                }
                if let Some(search) = &query.search {
                    // A pattern ends at a NUL and has a longest length; no text that is kept has the one or comes near the other.
                    if search.contains('\0') || search.len() > LONGEST_SEARCH {
                        return Ok(Vec::new());
                    }
                    filter.insert("search_text", doc! { "$regex": literally(&folded(search)) });
                }
                let documents = self.documents::<UserDocument>();
                let users = documents.find(filter).sort(doc! { "_id": 1 });
                let users = self.all(users.limit(query.limit.into())).await?;
                users.into_iter().map(User::try_from).collect()
            })
            .await
    }
}

/// Longer than any e-mail and name together.
const LONGEST_SEARCH: usize = 4096;

/// The pattern that stands for a text itself.
fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if r".^$*+?()[]{}\|".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
