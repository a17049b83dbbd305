//! Documents that are their record field by field.

use super::values::{bytes, date, ledger, time, uuid};
use crate::fault::Fault;
use crate::mongo::aggregate::id;
use crate::mongo::audit::AuditDocument;
use crate::mongo::domain::DomainDocument;
use crate::mongo::key::KeyDocument;
use crate::mongo::mail::MailDocument;
use crate::mongo::provider::UsedValue;
use crate::mongo::team::TeamDocument;
use crate::mongo::throttle::ThrottleDocument;
use crate::mongo::values::binary;
use crate::transfer::record;

impl From<&record::Team> for TeamDocument {
    fn from(team: &record::Team) -> Self {
        Self {
            id: id(&team.id),
            name: team.name.clone(),
            external_ref: team.external_ref.clone(),
            is_active: team.is_active,
            created_at: date(team.created_at),
            version: team.version,
            ledger: ledger(),
        }
    }
}

impl TryFrom<TeamDocument> for record::Team {
    type Error = Fault;

    fn try_from(team: TeamDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: uuid(team.id),
            name: team.name,
            external_ref: team.external_ref,
            is_active: team.is_active,
            created_at: time(team.created_at)?,
            version: team.version,
        })
    }
}

impl From<&record::Domain> for DomainDocument {
    fn from(domain: &record::Domain) -> Self {
        Self {
            id: id(&domain.id),
            key: domain.key.clone(),
            name: domain.name.clone(),
            parent: domain.parent_domain_id.as_ref().map(id),
            is_active: domain.is_active,
            created_at: date(domain.created_at),
            version: domain.version,
        }
    }
}

impl TryFrom<DomainDocument> for record::Domain {
    type Error = Fault;

    fn try_from(domain: DomainDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: uuid(domain.id),
            key: domain.key,
            name: domain.name,
            parent_domain_id: domain.parent.map(uuid),
            is_active: domain.is_active,
            created_at: time(domain.created_at)?,
            version: domain.version,
        })
    }
}

impl From<&record::SigningKey> for KeyDocument {
    fn from(key: &record::SigningKey) -> Self {
        Self {
            id: key.kid.clone(),
            ordinal: key.ordinal,
            algorithm: key.algorithm.clone(),
            public_jwk: key.public_jwk.clone(),
            sealed_private: binary(&key.sealed_private),
            created_at: date(key.created_at),
            activates_at: date(key.activates_at),
            ledger: ledger(),
        }
    }
}

impl TryFrom<KeyDocument> for record::SigningKey {
    type Error = Fault;

    fn try_from(key: KeyDocument) -> Result<Self, Fault> {
        Ok(Self {
            kid: key.id,
            ordinal: key.ordinal,
            algorithm: key.algorithm,
            public_jwk: key.public_jwk,
            sealed_private: bytes(key.sealed_private),
            created_at: time(key.created_at)?,
            activates_at: time(key.activates_at)?,
        })
    }
}

impl From<&record::Mail> for MailDocument {
    fn from(mail: &record::Mail) -> Self {
        Self {
            id: id(&mail.id),
            user_id: mail.user_id.as_ref().map(id),
            kind: mail.kind.clone(),
            recipient: mail.recipient.clone(),
            sealed_letter: mail.sealed_letter.as_deref().map(binary),
            state: mail.state.clone(),
            attempts: mail.attempts,
            due_at: date(mail.due_at),
            created_at: date(mail.created_at),
            expires_at: date(mail.expires_at),
            reason: mail.reason.clone(),
        }
    }
}

impl TryFrom<MailDocument> for record::Mail {
    type Error = Fault;

    fn try_from(mail: MailDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: uuid(mail.id),
            user_id: mail.user_id.map(uuid),
            kind: mail.kind,
            recipient: mail.recipient,
            sealed_letter: mail.sealed_letter.map(bytes),
            state: mail.state,
            attempts: mail.attempts,
            due_at: time(mail.due_at)?,
            created_at: time(mail.created_at)?,
            expires_at: time(mail.expires_at)?,
            reason: mail.reason,
        })
    }
}

impl From<&record::Throttle> for ThrottleDocument {
    fn from(throttle: &record::Throttle) -> Self {
        let updated_at = date(throttle.updated_at);
        Self {
            id: throttle.name.clone(),
            known: throttle.known,
            attempts: throttle.attempts,
            blocked_until: date(throttle.blocked_until),
            updated_at,
            forget_at: (!throttle.known).then_some(updated_at),
            ledger: ledger(),
        }
    }
}

impl TryFrom<ThrottleDocument> for record::Throttle {
    type Error = Fault;

    fn try_from(throttle: ThrottleDocument) -> Result<Self, Fault> {
        Ok(Self {
            name: throttle.id,
            known: throttle.known,
            attempts: throttle.attempts,
            blocked_until: time(throttle.blocked_until)?,
            updated_at: time(throttle.updated_at)?,
        })
    }
}

impl From<&record::UsedValue> for UsedValue {
    fn from(value: &record::UsedValue) -> Self {
        Self { id: binary(&value.hash), expires_at: date(value.expires_at) }
    }
}

impl TryFrom<UsedValue> for record::UsedValue {
    type Error = Fault;

    fn try_from(value: UsedValue) -> Result<Self, Fault> {
        Ok(Self { hash: bytes(value.id), expires_at: time(value.expires_at)? })
    }
}

impl From<&record::AuditEvent> for AuditDocument {
    fn from(event: &record::AuditEvent) -> Self {
        Self {
            id: id(&event.id),
            at: date(event.at),
            action: event.action.clone(),
            actor_kind: event.actor_kind.clone(),
            actor_id: event.actor_id.as_ref().map(id),
            subject: event.subject.clone(),
            detail: event.detail.clone(),
            address: event.address.clone(),
            request_id: event.request_id.clone(),
        }
    }
}

impl TryFrom<AuditDocument> for record::AuditEvent {
    type Error = Fault;

    fn try_from(event: AuditDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: uuid(event.id),
            at: time(event.at)?,
            action: event.action,
            actor_kind: event.actor_kind,
            actor_id: event.actor_id.map(uuid),
            subject: event.subject,
            detail: event.detail,
            address: event.address,
            request_id: event.request_id,
        })
    }
}
