-- Sessions that began through an outside provider, and what counts only once. A cookie's handle takes the place of a
-- refresh token, so the columns of a session say what either is: its credential.

alter table sessions rename column refresh_hash to credential_hash;
alter table sessions rename column refresh_expires_at to credential_expires_at;
-- When the person proved who they are, if that was not when the session began: a provider may have remembered them.
alter table sessions add column authenticated_at timestamptz;

create table provider_sessions (
    session_id       uuid        not null constraint provider_sessions_pkey primary key
        constraint provider_sessions_session_fkey references sessions (id) on delete cascade,
    provider         text        collate "C" not null,
    subject          text        collate "C" not null,
    -- The provider's own session, for its back-channel logout.
    provider_session text        collate "C",
    sealed_tokens    bytea       not null,
    -- When the tokens are to be renewed; null when they cannot be. Whoever renews them moves it on first.
    renew_at         timestamptz
);
create index provider_sessions_by_subject on provider_sessions (provider, subject);
create index provider_sessions_by_provider_session on provider_sessions (provider, provider_session)
    where provider_session is not null;
create index provider_sessions_to_renew on provider_sessions (renew_at) where renew_at is not null;

-- Values that count once (a state, a logout token's id), by their hash.
create table used_values (
    hash       bytea       not null constraint used_values_pkey primary key,
    expires_at timestamptz not null
);
create index used_values_by_expiry on used_values (expires_at);
