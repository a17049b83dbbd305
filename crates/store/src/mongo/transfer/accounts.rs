//! Accounts and sessions, which hold more than themselves, as records and back.

use doorward_identity::code::CodePurpose;
use doorward_identity::user::{EmailAddress, ExternalIdentity};

use super::values::{bytes, date, ledger, maybe, time, uuid};
use crate::fault::{Fault, readable};
use crate::letter::letter_of;
use crate::mongo::aggregate::id;
use crate::mongo::mail::MailDocument;
use crate::mongo::session_document::{ProviderDocument, RetiredDocument, SessionDocument};
use crate::mongo::user_document::{
    CodeDocument, GrantDocument, IdentityDocument, MembershipDocument, UserDocument, search_text,
};
use crate::mongo::values::binary;
use crate::transfer::record;

/// The revision that an account has which was moved in, and that counts as the one that began its sessions.
const MOVED_IN: i64 = 1;

/// An account as a document; `mail` is what brings its codes, as far as it has not left.
pub(super) fn user_document(user: &record::User, mail: &[MailDocument]) -> Result<UserDocument, Fault> {
    let email: EmailAddress = readable(user.email.parse().ok(), "e-mail address")?;
    let role = |text: &String| readable(text.parse().ok(), "role");
    let membership = |membership: &record::Membership| {
        Ok(MembershipDocument { team: id(&membership.team_id), role: role(&membership.role)? })
    };
    let identity = |identity: &record::Identity| {
        let (issuer, subject) = (identity.issuer.clone(), identity.subject.clone());
        IdentityDocument::of(&ExternalIdentity { issuer, subject })
    };
    Ok(UserDocument {
        id: id(&user.id),
        email: user.email.clone(),
        email_key: email.key().as_str().to_owned(),
        email_verified_at: user.email_verified_at.map(date),
        name: user.name.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        phone: user.phone.clone(),
        avatar_url: user.avatar_url.clone(),
        password_hash: user.password_hash.clone(),
        roles: user.roles.iter().map(role).collect::<Result<_, _>>()?,
        status: user.status.clone(),
        search_text: search_text(&user.email, user.name.as_deref()),
        created_at: date(user.created_at),
        updated_at: date(user.updated_at),
        last_signin_at: user.last_signin_at.map(date),
        signed_out_at: user.signed_out_at.map(date),
        password_changed_at: user.password_changed_at.map(date),
        sign_up_contested: user.sign_up_contested,
        version: user.version,
        identities: user.identities.iter().map(identity).collect(),
        teams: user.teams.iter().map(membership).collect::<Result<_, Fault>>()?,
        domains: user.domains.iter().map(|assignment| id(&assignment.domain_id)).collect(),
        codes: user.codes.iter().map(|code| code_document(code, &user.id, mail)).collect::<Result<_, _>>()?,
        ledger: ledger(),
    })
}

fn code_document(code: &record::Code, user: &uuid::Uuid, mail: &[MailDocument]) -> Result<CodeDocument, Fault> {
    let letter = letter_of(readable(CodePurpose::parse(&code.purpose), "purpose of a code")?);
    let brings_it = |mail: &&MailDocument| mail.user_id == Some(id(user)) && mail.kind == letter.as_str();
    let grant = code.grant_hash.as_deref().zip(code.grant_expires_at).map(|(hash, expires_at)| GrantDocument {
        hash: binary(hash),
        expires_at: date(expires_at),
        leased_until: code.grant_leased_until.map(date),
    });
    Ok(CodeDocument {
        purpose: code.purpose.clone(),
        digest: binary(&code.digest),
        new_email: code.new_email.clone(),
        attempts_left: code.attempts_left,
        expires_at: date(code.expires_at),
        // What has left cannot be dropped any more.
        mail: mail.iter().rfind(brings_it).map_or_else(|| id(&uuid::Uuid::nil()), |mail| mail.id),
        grant,
    })
}

impl TryFrom<UserDocument> for record::User {
    type Error = Fault;

    fn try_from(user: UserDocument) -> Result<Self, Fault> {
        let membership = |membership: MembershipDocument| record::Membership {
            team_id: uuid(membership.team),
            role: membership.role.as_str().to_owned(),
        };
        let identity =
            |identity: IdentityDocument| record::Identity { issuer: identity.issuer, subject: identity.subject };
        let record = Self {
            id: uuid(user.id),
            email: user.email,
            email_verified_at: maybe(user.email_verified_at)?,
            name: user.name,
            first_name: user.first_name,
            last_name: user.last_name,
            phone: user.phone,
            avatar_url: user.avatar_url,
            password_hash: user.password_hash,
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            status: user.status,
            created_at: time(user.created_at)?,
            updated_at: time(user.updated_at)?,
            last_signin_at: maybe(user.last_signin_at)?,
            signed_out_at: maybe(user.signed_out_at)?,
            password_changed_at: maybe(user.password_changed_at)?,
            sign_up_contested: user.sign_up_contested,
            version: user.version,
            identities: user.identities.into_iter().map(identity).collect(),
            teams: user.teams.into_iter().map(membership).collect(),
            domains: user.domains.into_iter().map(|id| record::Assignment { domain_id: uuid(id) }).collect(),
            codes: user.codes.into_iter().map(record::Code::try_from).collect::<Result<_, _>>()?,
        };
        Ok(record.in_order())
    }
}

impl TryFrom<CodeDocument> for record::Code {
    type Error = Fault;

    fn try_from(code: CodeDocument) -> Result<Self, Fault> {
        let (hash, expires_at, leased_until) = match code.grant {
            Some(grant) => (Some(bytes(grant.hash)), Some(grant.expires_at), grant.leased_until),
            None => (None, None, None),
        };
        Ok(Self {
            purpose: code.purpose,
            digest: bytes(code.digest),
            new_email: code.new_email,
            attempts_left: code.attempts_left,
            expires_at: time(code.expires_at)?,
            grant_hash: hash,
            grant_expires_at: maybe(expires_at)?,
            grant_leased_until: maybe(leased_until)?,
        })
    }
}

impl TryFrom<&record::Session> for SessionDocument {
    type Error = Fault;

    fn try_from(session: &record::Session) -> Result<Self, Fault> {
        let share = |share: &record::ProviderShare| ProviderDocument {
            name: share.provider.clone(),
            subject: share.subject.clone(),
            session: share.provider_session.clone(),
            sealed_tokens: binary(&share.sealed_tokens),
            renew_at: share.renew_at.map(date),
        };
        let retired = |(index, token): (i64, &record::RetiredToken)| {
            // Their place is their generation.
            let hash = (token.generation == index).then(|| binary(&token.refresh_hash));
            let hash = readable(hash, "generation of a refresh token")?;
            Ok(RetiredDocument { hash, salt: binary(&token.salt), retired_at: date(token.retired_at) })
        };
        Ok(Self {
            id: id(&session.id),
            user_id: id(&session.user_id),
            user_revision: MOVED_IN,
            surface: session.surface.clone(),
            method: session.method.clone(),
            created_at: date(session.created_at),
            last_seen_at: date(session.last_seen_at),
            authenticated_at: date(session.authenticated_at),
            expires_at: date(session.expires_at),
            ended_at: session.ended_at.map(date),
            end_reason: session.end_reason.clone(),
            address: session.address.clone(),
            user_agent: session.user_agent.clone(),
            credential_hash: binary(&session.credential_hash),
            credential_expires_at: date(session.credential_expires_at),
            refresh_generation: session.refresh_generation,
            retired: (0..).zip(&session.retired).map(retired).collect::<Result<_, Fault>>()?,
            provider: session.provider.as_ref().map(share),
            ledger: ledger(),
        })
    }
}

impl TryFrom<SessionDocument> for record::Session {
    type Error = Fault;

    fn try_from(session: SessionDocument) -> Result<Self, Fault> {
        let share = |share: ProviderDocument| {
            Ok::<_, Fault>(record::ProviderShare {
                provider: share.name,
                subject: share.subject,
                provider_session: share.session,
                sealed_tokens: bytes(share.sealed_tokens),
                renew_at: maybe(share.renew_at)?,
            })
        };
        let retired = |(generation, token): (i64, RetiredDocument)| {
            Ok(record::RetiredToken {
                generation,
                refresh_hash: bytes(token.hash),
                salt: bytes(token.salt),
                retired_at: time(token.retired_at)?,
            })
        };
        Ok(Self {
            id: uuid(session.id),
            user_id: uuid(session.user_id),
            surface: session.surface,
            method: session.method,
            created_at: time(session.created_at)?,
            last_seen_at: time(session.last_seen_at)?,
            authenticated_at: time(session.authenticated_at)?,
            expires_at: time(session.expires_at)?,
            ended_at: maybe(session.ended_at)?,
            end_reason: session.end_reason,
            address: session.address,
            user_agent: session.user_agent,
            credential_hash: bytes(session.credential_hash),
            refresh_generation: session.refresh_generation,
            credential_expires_at: time(session.credential_expires_at)?,
            retired: (0..).zip(session.retired).map(retired).collect::<Result<_, Fault>>()?,
            provider: session.provider.map(share).transpose()?,
        })
    }
}
