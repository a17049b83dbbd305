-- Sessions that began through an outside provider, and what counts only once. A cookie's handle takes the place of a
-- refresh token, so the columns of a session say what either is: its credential.

alter table sessions rename column refresh_hash to credential_hash;
alter table sessions rename column refresh_expires_at to credential_expires_at;
-- When the person proved who they are, if that was not when the session began: a provider may have remembered them.
alter table sessions add column authenticated_at integer;

create table provider_sessions (
    session_id       blob    not null primary key references sessions (id) on delete cascade,
    provider         text    not null,
    subject          text    not null,
    -- The provider's own session, for its back-channel logout.
    provider_session text,
    sealed_tokens    blob    not null,
    -- When the tokens are to be renewed; null when they cannot be. Whoever renews them moves it on first.
    renew_at         integer
) strict;
create index provider_sessions_by_subject on provider_sessions (provider, subject);
create index provider_sessions_by_provider_session on provider_sessions (provider, provider_session)
    where provider_session is not null;
create index provider_sessions_to_renew on provider_sessions (renew_at) where renew_at is not null;

-- Values that count once (a state, a logout token's id), by their hash.
create table used_values (
    hash       blob    not null primary key,
    expires_at integer not null
) strict, without rowid;
create index used_values_by_expiry on used_values (expires_at);
