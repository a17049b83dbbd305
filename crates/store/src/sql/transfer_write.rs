//! Moving in: the records of a page, many rows a statement. What is there already is an error: a page is written once.

use doorward_identity::user::EmailAddress;
use sqlx::QueryBuilder;
use sqlx::query_builder::Separated;
use sqlx::types::Json;
use uuid::Uuid;

use super::user_row::search_text;
use super::{Connection, Db};
use crate::fault::{Fault, readable};
use crate::transfer::Page;
use crate::transfer::record::{
    AuditEvent, Domain, Mail, ProviderShare, Seed, Session, SigningKey, Team, Throttle, UsedValue, User,
};

/// Most values in one statement: SQLite takes 32,766, PostgreSQL twice as many.
const MOST_VALUES: usize = 30_000;

/// Removes all that moves; what hangs on a row goes with it.
pub(super) const CLEAR: [&str; 10] = [
    "delete from audit_events",
    "delete from used_values",
    "delete from signin_throttles",
    "delete from sessions",
    "delete from users",
    "delete from mail",
    "delete from signing_keys",
    "delete from seeds",
    "delete from domains",
    "delete from teams",
];

/// Writes a page.
pub(super) async fn write(connection: &mut Connection, page: &Page) -> Result<(), Fault> {
    match page {
        Page::Teams(records) => teams(connection, records).await,
        Page::Domains(records) => domains(connection, records).await,
        Page::Seeds(records) => seeds(connection, records).await,
        Page::SigningKeys(records) => signing_keys(connection, records).await,
        Page::Mail(records) => mail(connection, records).await,
        Page::Users(records) => {
            users(connection, records).await?;
            what_hangs_on_users(connection, records).await
        }
        Page::Sessions(records) => {
            sessions(connection, records).await?;
            what_hangs_on_sessions(connection, records).await
        }
        Page::Throttles(records) => throttles(connection, records).await,
        Page::UsedValues(records) => used_values(connection, records).await,
        Page::AuditEvents(records) => audit_events(connection, records).await,
    }
}

/// A row being written.
type Values<'a> = Separated<'a, Db, &'static str>;

/// Inserts rows by as few statements as may be. `into` names a table and its columns.
async fn insert<R>(
    connection: &mut Connection,
    into: &'static str,
    rows: &[R],
    values: impl Fn(&mut Values<'_>, &R),
) -> Result<(), Fault> {
    let columns = into.matches(',').count() + 1;
    for some in rows.chunks(MOST_VALUES / columns) {
        let mut statement = QueryBuilder::<Db>::new(format!("insert into {into} "));
        statement.push_values(some, |mut row, record| values(&mut row, record));
        // Of another length each time: not worth remembering.
        statement.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn teams(connection: &mut Connection, teams: &[Team]) -> Result<(), Fault> {
    const INTO: &str = "teams (id, name, external_ref, is_active, created_at, version)";
    insert(connection, INTO, teams, |row, team| {
        row.push_bind(team.id)
            .push_bind(&team.name)
            .push_bind(&team.external_ref)
            .push_bind(team.is_active)
            .push_bind(team.created_at)
            .push_bind(team.version);
    })
    .await
}

async fn domains(connection: &mut Connection, domains: &[Domain]) -> Result<(), Fault> {
    const INTO: &str = "domains (id, key, name, parent_domain_id, is_active, created_at, version)";
    insert(connection, INTO, domains, |row, domain| {
        row.push_bind(domain.id)
            .push_bind(&domain.key)
            .push_bind(&domain.name)
            .push_bind(domain.parent_domain_id)
            .push_bind(domain.is_active)
            .push_bind(domain.created_at)
            .push_bind(domain.version);
    })
    .await
}

async fn seeds(connection: &mut Connection, seeds: &[Seed]) -> Result<(), Fault> {
    insert(connection, "seeds (kind, key)", seeds, |row, seed| {
        row.push_bind(&seed.kind).push_bind(&seed.key);
    })
    .await
}

async fn signing_keys(connection: &mut Connection, keys: &[SigningKey]) -> Result<(), Fault> {
    const INTO: &str = "signing_keys (kid, ordinal, algorithm, public_jwk, sealed_private, created_at, activates_at)";
    insert(connection, INTO, keys, |row, key| {
        row.push_bind(&key.kid)
            .push_bind(key.ordinal)
            .push_bind(&key.algorithm)
            .push_bind(&key.public_jwk)
            .push_bind(&key.sealed_private)
            .push_bind(key.created_at)
            .push_bind(key.activates_at);
    })
    .await
}

async fn mail(connection: &mut Connection, mail: &[Mail]) -> Result<(), Fault> {
    const INTO: &str = "mail (id, user_id, kind, recipient, sealed_letter, state, attempts, due_at, created_at,
        expires_at, reason)";
    insert(connection, INTO, mail, |row, mail| {
        row.push_bind(mail.id)
            .push_bind(mail.user_id)
            .push_bind(&mail.kind)
            .push_bind(&mail.recipient)
            .push_bind(&mail.sealed_letter)
            .push_bind(&mail.state)
            .push_bind(mail.attempts)
            .push_bind(mail.due_at)
            .push_bind(mail.created_at)
            .push_bind(mail.expires_at)
            .push_bind(&mail.reason);
    })
    .await
}

async fn users(connection: &mut Connection, users: &[User]) -> Result<(), Fault> {
    const INTO: &str =
        "users (id, email, email_key, search_text, email_verified_at, name, first_name, last_name, phone,
        avatar_url, password_hash, roles, status, created_at, updated_at, last_signin_at, signed_out_at,
        password_changed_at, sign_up_contested, version)";
    let mut rows: Vec<(&User, EmailAddress)> = Vec::with_capacity(users.len());
    for user in users {
        rows.push((user, readable(user.email.parse().ok(), "e-mail address")?));
    }
    insert(connection, INTO, &rows, |row, (user, email)| {
        row.push_bind(user.id)
            .push_bind(&user.email)
            .push_bind(email.key().as_str())
            .push_bind(search_text(email, user.name.as_deref()))
            .push_bind(user.email_verified_at)
            .push_bind(&user.name)
            .push_bind(&user.first_name)
            .push_bind(&user.last_name)
            .push_bind(&user.phone)
            .push_bind(&user.avatar_url)
            .push_bind(&user.password_hash)
            .push_bind(Json(&user.roles))
            .push_bind(&user.status)
            .push_bind(user.created_at)
            .push_bind(user.updated_at)
            .push_bind(user.last_signin_at)
            .push_bind(user.signed_out_at)
            .push_bind(user.password_changed_at)
            .push_bind(user.sign_up_contested)
            .push_bind(user.version);
    })
    .await
}

async fn what_hangs_on_users(connection: &mut Connection, users: &[User]) -> Result<(), Fault> {
    const CODES: &str = "one_time_codes (user_id, purpose, digest, new_email, attempts_left, expires_at, grant_hash,
        grant_expires_at, grant_leased_until)";
    let identities = of_each(users, |user| (user.id, &user.identities));
    insert(connection, "user_identities (issuer, subject, user_id)", &identities, |row, (user, identity)| {
        row.push_bind(&identity.issuer).push_bind(&identity.subject).push_bind(*user);
    })
    .await?;
    let teams = of_each(users, |user| (user.id, &user.teams));
    insert(connection, "team_memberships (user_id, team_id, role)", &teams, |row, (user, membership)| {
        row.push_bind(*user).push_bind(membership.team_id).push_bind(&membership.role);
    })
    .await?;
    let domains = of_each(users, |user| (user.id, &user.domains));
    insert(connection, "user_domains (user_id, domain_id)", &domains, |row, (user, assignment)| {
        row.push_bind(*user).push_bind(assignment.domain_id);
    })
    .await?;
    let codes = of_each(users, |user| (user.id, &user.codes));
    insert(connection, CODES, &codes, |row, (user, code)| {
        row.push_bind(*user)
            .push_bind(&code.purpose)
            .push_bind(&code.digest)
            .push_bind(&code.new_email)
            .push_bind(code.attempts_left)
            .push_bind(code.expires_at)
            .push_bind(&code.grant_hash)
            .push_bind(code.grant_expires_at)
            .push_bind(code.grant_leased_until);
    })
    .await
}

/// What hangs on records, each with the id it hangs on.
fn of_each<R, T>(records: &[R], list: impl Fn(&R) -> (Uuid, &Vec<T>)) -> Vec<(Uuid, &T)> {
    let with_owner = |record| {
        let (owner, children) = list(record);
        children.iter().map(move |child| (owner, child))
    };
    records.iter().flat_map(with_owner).collect()
}

async fn sessions(connection: &mut Connection, sessions: &[Session]) -> Result<(), Fault> {
    const INTO: &str = "sessions (id, user_id, surface, method, created_at, last_seen_at, authenticated_at, expires_at,
        ended_at, end_reason, address, user_agent, credential_hash, refresh_generation, credential_expires_at)";
    insert(connection, INTO, sessions, |row, session| {
        row.push_bind(session.id)
            .push_bind(session.user_id)
            .push_bind(&session.surface)
            .push_bind(&session.method)
            .push_bind(session.created_at)
            .push_bind(session.last_seen_at)
            .push_bind(session.authenticated_at)
            .push_bind(session.expires_at)
            .push_bind(session.ended_at)
            .push_bind(&session.end_reason)
            .push_bind(&session.address)
            .push_bind(&session.user_agent)
            .push_bind(&session.credential_hash)
            .push_bind(session.refresh_generation)
            .push_bind(session.credential_expires_at);
    })
    .await
}

async fn what_hangs_on_sessions(connection: &mut Connection, sessions: &[Session]) -> Result<(), Fault> {
    const RETIRED: &str = "retired_refresh_tokens (session_id, generation, refresh_hash, salt, retired_at)";
    const SHARES: &str = "provider_sessions (session_id, provider, subject, provider_session, sealed_tokens, renew_at)";
    let retired = of_each(sessions, |session| (session.id, &session.retired));
    insert(connection, RETIRED, &retired, |row, (session, token)| {
        row.push_bind(*session)
            .push_bind(token.generation)
            .push_bind(&token.refresh_hash)
            .push_bind(&token.salt)
            .push_bind(token.retired_at);
    })
    .await?;
    let shares: Vec<(Uuid, &ProviderShare)> =
        sessions.iter().filter_map(|session| Some((session.id, session.provider.as_ref()?))).collect();
    insert(connection, SHARES, &shares, |row, (session, share)| {
        row.push_bind(*session)
            .push_bind(&share.provider)
            .push_bind(&share.subject)
            .push_bind(&share.provider_session)
            .push_bind(&share.sealed_tokens)
            .push_bind(share.renew_at);
    })
    .await
}

async fn throttles(connection: &mut Connection, throttles: &[Throttle]) -> Result<(), Fault> {
    const INTO: &str = "signin_throttles (name, known, attempts, blocked_until, updated_at)";
    insert(connection, INTO, throttles, |row, throttle| {
        row.push_bind(&throttle.name)
            .push_bind(throttle.known)
            .push_bind(throttle.attempts)
            .push_bind(throttle.blocked_until)
            .push_bind(throttle.updated_at);
    })
    .await
}

async fn used_values(connection: &mut Connection, values: &[UsedValue]) -> Result<(), Fault> {
    insert(connection, "used_values (hash, expires_at)", values, |row, value| {
        row.push_bind(&value.hash).push_bind(value.expires_at);
    })
    .await
}

async fn audit_events(connection: &mut Connection, events: &[AuditEvent]) -> Result<(), Fault> {
    const INTO: &str = "audit_events (id, at, action, actor_kind, actor_id, subject, detail, address, request_id)";
    insert(connection, INTO, events, |row, event| {
        row.push_bind(event.id)
            .push_bind(event.at)
            .push_bind(&event.action)
            .push_bind(&event.actor_kind)
            .push_bind(event.actor_id)
            .push_bind(&event.subject)
            .push_bind(&event.detail)
            .push_bind(&event.address)
            .push_bind(&event.request_id);
    })
    .await
}
