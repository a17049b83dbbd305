-- Signing keys (the private half sealed) and the audit log.

create table signing_keys (
    kid            text    not null primary key,
    ordinal        integer not null unique,
    algorithm      text    not null,
    public_jwk     text    not null,
    sealed_private blob    not null,
    created_at     integer not null,
    activates_at   integer not null
) strict;

-- Append-only. No foreign keys: a line outlives those it names.
create table audit_events (
    id         blob    not null primary key,
    at         integer not null,
    action     text    not null,
    actor_kind text    not null check (actor_kind in ('user', 'command_line', 'system')),
    actor_id   blob,
    subject    text,
    detail     text,
    address    text,
    request_id text,
    check ((actor_kind = 'user') = (actor_id is not null))
) strict;
create index audit_events_by_subject on audit_events (subject, id);
create index audit_events_by_action on audit_events (action, id);
