//! One-time codes and the grants they give. They are part of their user's document, so that guesses, new codes and
//! changes of the account go one after another.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::code::{CodeEffect, CodeGuess, CodeStore, NewCode, Redemption};
use doorward_identity::user::EmailAddress;
use doorward_identity::{StoreError, UserId};
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use mongodb::bson::{DateTime, Document, doc};

use super::MongoStore;
use super::aggregate::{Decision, Draft, id};
use super::change::COUNTERS;
use super::effect::Effect;
use super::fault::is_taken;
use super::password;
use super::user_document::{CodeDocument, GrantDocument, UserDocument};
use super::values::{hash, moment};
use crate::fault::{Fault, readable};

/// Writes that put a code in the place of another: the account, the former mail, the mail, the audit line, and that the
/// account owes no more.
const WRITES_OF_A_CODE: u32 = 5;
/// Writes that count a wrong guess.
const WRITES_OF_A_GUESS: u32 = 1;

/// Puts a code in the place of the last one, and its mail into the outbox. True when there was a last one. A grant that
/// it gave stays: anybody may ask for a code, and must not stop by it who has proved themselves already.
pub(super) fn put(draft: &mut Draft<UserDocument>, code: &NewCode) -> bool {
    let former = draft.codes.iter().position(|former| former.purpose == code.purpose.as_str());
    let former = former.map(|place| draft.codes.swap_remove(place));
    if let Some(former) = &former {
        draft.owe(Effect::DropMail { mail: former.mail, at: moment(code.mail.created_at) });
    }
    let replaces = former.is_some();
    draft.codes.push(CodeDocument {
        purpose: code.purpose.as_str().to_owned(),
        digest: hash(&code.digest),
        new_email: code.new_email.as_ref().map(|email| EmailAddress::as_str(email).to_owned()),
        attempts_left: code.attempts.into(),
        expires_at: moment(code.expires_at),
        mail: id(code.mail.id.as_uuid()),
        grant: former.and_then(|former| former.grant),
    });
    draft.owe(Effect::put_mail(&code.mail));
    replaces
}

/// Drops every code and grant of a user, and the letters that would bring them.
pub(super) fn drop_all(draft: &mut Draft<UserDocument>, at: Timestamp) {
    for code in std::mem::take(&mut draft.codes) {
        draft.owe(Effect::DropMail { mail: code.mail, at: moment(at) });
    }
}

/// Forgets codes that are over, and so are the grants they gave. Answers how many.
pub(super) fn forget_over(draft: &mut Draft<UserDocument>, before: DateTime) -> Decision<u64> {
    let had = draft.codes.len();
    draft.codes.retain(|code| {
        code.expires_at >= before || code.grant.as_ref().is_some_and(|grant| grant.expires_at >= before)
    });
    let forgotten = (had - draft.codes.len()) as u64;
    if forgotten == 0 { Decision::Leave(0) } else { Decision::Write(forgotten) }
}

/// Whether the grant counts: it is not over, or was reserved before it was.
pub(super) fn is_granted(user: &UserDocument, grant: &SecretHash, at: Timestamp) -> bool {
    let at = moment(at);
    let mut grants = user.codes.iter().filter_map(|code| code.grant.as_ref()).filter(|given| is(given, grant));
    grants.any(|given| given.expires_at > at || given.leased_until.is_some_and(|until| until > at))
}

fn is(given: &GrantDocument, grant: &SecretHash) -> bool {
    SecretHash::from_slice(&given.hash.bytes).as_ref() == Some(grant)
}

/// The grant, if a code of the user gave it.
fn grant_of<'u>(user: &'u mut UserDocument, grant: &SecretHash) -> Option<&'u mut GrantDocument> {
    user.codes.iter_mut().filter_map(|code| code.grant.as_mut()).find(|given| is(given, grant))
}

/// Whether the code's mail goes where the code belongs: to the account's address as it is now, or to the one that
/// somebody wants instead.
fn is_addressed(code: &NewCode, user: &UserDocument) -> bool {
    code.new_email.is_some() || code.mail.recipient.key().as_str() == user.email_key
}

/// Judges a guess and does what the right code does. `None`, and nothing changed, when there is no code to compare it
/// with. `is_free` says whether the address that somebody wants instead of theirs belongs to nobody.
fn redeem(
    draft: &mut Draft<UserDocument>,
    guess: &CodeGuess,
    event: &AuditEvent,
    is_free: bool,
) -> Result<Decision<Option<Redemption>>, Fault> {
    let at = moment(event.at);
    let is_active = draft.is_active();
    let Some(code) = draft.code_for(guess.purpose).filter(|code| is_active && code.attempts_left > 0) else {
        return Ok(Decision::Leave(None));
    };
    code.attempts_left -= 1;
    if SecretHash::from_slice(&code.digest.bytes) != Some(guess.digest) {
        return Ok(Decision::Write(Some(Redemption::Wrong)));
    }
    if code.expires_at <= at {
        return Ok(Decision::Write(Some(Redemption::Late)));
    }
    code.attempts_left = 0;
    let new_email = code.new_email.as_ref().map(|text| readable(text.parse().ok(), "e-mail address")).transpose()?;
    let mail = code.mail;
    // A move drops the letters of all codes.
    if !is_free || !matches!(guess.effect, CodeEffect::ChangeEmail { .. }) {
        draft.owe(Effect::DropMail { mail, at });
    }
    match &guess.effect {
        CodeEffect::UseUp => {}
        CodeEffect::VerifyEmail => password::mark_verified(draft, event.at),
        CodeEffect::Grant { grant, until } => give_grant(draft, guess, grant, *until),
        CodeEffect::ChangeEmail { .. } if !is_free => return Ok(Decision::Write(Some(Redemption::Taken))),
        CodeEffect::ChangeEmail { notice } => {
            draft.move_to(readable(new_email.as_ref(), "code's address")?);
            draft.email_verified_at = Some(at);
            draft.touch(event.at);
            drop_all(draft, event.at);
            draft.owe(Effect::put_mail(notice));
        }
    }
    draft.owe(Effect::announce(ChangeSubject::User(guess.user), event.at));
    draft.owe(Effect::audit(event));
    Ok(Decision::Write(Some(Redemption::Redeemed { new_email })))
}

fn give_grant(draft: &mut Draft<UserDocument>, guess: &CodeGuess, grant: &SecretHash, until: Timestamp) {
    let grant = GrantDocument { hash: hash(grant), expires_at: moment(until), leased_until: None };
    if let Some(code) = draft.code_for(guess.purpose) {
        code.grant = Some(grant);
    }
}

impl MongoStore {
    /// Writes where nobody looks: an answer about nobody takes as long as one about somebody, disk included.
    async fn write_in_vain(&self, times: u32, event: &AuditEvent) -> Result<(), Fault> {
        // One of many places, so that callers do not wait for each other there.
        let place = doc! { "_id": format!("in_vain_{}", event.id.as_uuid().as_bytes()[15]) };
        for _ in 0..times {
            let counters = self.collection::<Document>(COUNTERS);
            match counters.update_one(place.clone(), doc! { "$inc": { "last": 1_i64 } }).upsert(true).await {
                Err(error) if !is_taken(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Judges a guess, as [`redeem`] does.
    async fn judge(&self, guess: &CodeGuess, event: &AuditEvent) -> Result<Option<Redemption>, Fault> {
        let user = id(guess.user.as_uuid());
        let judged = self.change::<UserDocument, _>(user, |draft| redeem(draft, guess, event, true)).await;
        let judged = match judged {
            // The unique index says so: nothing was written, and the code is used up without the move.
            Err(Fault::Document(error)) if is_taken(&error) => {
                self.change::<UserDocument, _>(user, |draft| redeem(draft, guess, event, false)).await
            }
            judged => judged,
        };
        Ok(judged?.flatten())
    }
}

#[async_trait]
impl CodeStore for MongoStore {
    async fn issue_code(&self, code: &NewCode, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("issue_code", move || async move {
                let issued = self
                    .change::<UserDocument, _>(id(code.user.as_uuid()), |draft| {
                        if !draft.is_active() || !is_addressed(code, draft) {
                            return Ok(Decision::Leave(None));
                        }
                        let replaces = put(draft, code);
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(Some(replaces)))
                    })
                    .await?
                    .flatten();
                // The first write is what the account's is, the others what it owes.
                let others = match issued {
                    Some(true) => 0,
                    Some(false) => 1,
                    None => {
                        self.write_in_vain(1, event).await?;
                        WRITES_OF_A_CODE - 1
                    }
                };
                self.calls.run_end("settle", || self.write_in_vain(others, event)).await;
                Ok(issued.is_some())
            })
            .await
    }

    async fn redeem_code(&self, guess: &CodeGuess, event: &AuditEvent) -> Result<Redemption, StoreError> {
        self.calls
            .run("redeem_code", move || async move {
                let Some(redemption) = self.judge(guess, event).await? else {
                    self.write_in_vain(WRITES_OF_A_GUESS, event).await?;
                    return Ok(Redemption::Wrong);
                };
                Ok(redemption)
            })
            .await
    }

    async fn claim_grant(
        &self,
        user: UserId,
        grant: &SecretHash,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("claim_grant", move || async move {
                let (at, until) = (moment(at), moment(until));
                let claimed = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        let is_active = draft.is_active();
                        let grant = grant_of(draft, grant).filter(|grant| {
                            is_active && grant.expires_at > at && grant.leased_until.is_none_or(|leased| leased <= at)
                        });
                        let Some(grant) = grant else { return Ok(Decision::Leave(false)) };
                        grant.leased_until = Some(until);
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(claimed.unwrap_or(false))
            })
            .await
    }

    async fn release_grant(&self, user: UserId, grant: &SecretHash) -> Result<(), StoreError> {
        self.calls
            .run("release_grant", move || async move {
                self.change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                    let Some(grant) = grant_of(draft, grant) else { return Ok(Decision::Leave(())) };
                    grant.leased_until = None;
                    Ok(Decision::Write(()))
                })
                .await?;
                Ok(())
            })
            .await
    }
}
