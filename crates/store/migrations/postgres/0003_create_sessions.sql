-- Sessions, their refresh tokens, failed sign-ins, and the log by which nodes hear of changes.

create table sessions (
    id                 uuid        not null constraint sessions_pkey primary key,
    user_id            uuid        not null constraint sessions_user_fkey references users (id) on delete cascade,
    surface            text        not null,
    method             text        not null,
    created_at         timestamptz not null,
    last_seen_at       timestamptz not null,
    expires_at         timestamptz not null,
    ended_at           timestamptz,
    end_reason         text,
    address            text,
    user_agent         text,
    refresh_hash       bytea       not null,
    refresh_generation bigint      not null,
    refresh_expires_at timestamptz not null,
    constraint sessions_end_has_reason check ((ended_at is null) = (end_reason is null))
);
create index sessions_by_user_address on sessions (user_id, address);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_end on sessions (ended_at) where ended_at is not null;

-- Every refresh token that was replaced: to tell reuse, and to repeat the way to its successor for a moment.
create table retired_refresh_tokens (
    session_id   uuid        not null
        constraint retired_refresh_tokens_session_fkey references sessions (id) on delete cascade,
    refresh_hash bytea       not null,
    generation   bigint      not null,
    salt         bytea       not null,
    retired_at   timestamptz not null,
    constraint retired_refresh_tokens_pkey primary key (session_id, refresh_hash)
);

create table signin_throttles (
    name          text        collate "C" not null constraint signin_throttles_pkey primary key,
    known         boolean     not null,
    attempts      bigint      not null,
    blocked_until timestamptz not null,
    updated_at    timestamptz not null
);
create index signin_throttles_to_sweep on signin_throttles (updated_at) where not known;

create table changes (
    seq     bigint      not null generated always as identity constraint changes_pkey primary key,
    at      timestamptz not null,
    kind    text        not null constraint changes_kind_known check (kind in ('session', 'user', 'directory', 'keys')),
    subject uuid
);
create index changes_to_sweep on changes (at);
