-- Sessions, their refresh tokens, failed sign-ins, and the log by which nodes hear of changes.

create table sessions (
    id                 blob    not null primary key,
    user_id            blob    not null references users (id) on delete cascade,
    surface            text    not null,
    method             text    not null,
    created_at         integer not null,
    last_seen_at       integer not null,
    expires_at         integer not null,
    ended_at           integer,
    end_reason         text,
    address            text,
    user_agent         text,
    refresh_hash       blob    not null,
    refresh_generation integer not null,
    refresh_expires_at integer not null,
    check ((ended_at is null) = (end_reason is null))
) strict;
create index sessions_by_user_address on sessions (user_id, address);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_end on sessions (ended_at) where ended_at is not null;

-- Every refresh token that was replaced: to tell reuse, and to repeat the way to its successor for a moment.
create table retired_refresh_tokens (
    session_id   blob    not null references sessions (id) on delete cascade,
    refresh_hash blob    not null,
    generation   integer not null,
    salt         blob    not null,
    retired_at   integer not null,
    primary key (session_id, refresh_hash)
) strict, without rowid;

create table signin_throttles (
    name          text    not null primary key,
    known         integer not null check (known in (0, 1)),
    attempts      integer not null,
    blocked_until integer not null,
    updated_at    integer not null
) strict, without rowid;
create index signin_throttles_to_sweep on signin_throttles (updated_at) where not known;

create table changes (
    seq     integer not null primary key autoincrement,
    at      integer not null,
    kind    text    not null check (kind in ('session', 'user', 'directory', 'keys')),
    subject blob
) strict;
create index changes_to_sweep on changes (at);
