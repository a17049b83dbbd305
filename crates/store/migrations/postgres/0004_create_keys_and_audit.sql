-- Signing keys (the private half sealed) and the audit log.

create table signing_keys (
    kid            text        collate "C" not null constraint signing_keys_pkey primary key,
    ordinal        bigint      not null constraint signing_keys_ordinal_unique unique,
    algorithm      text        not null,
    public_jwk     text        not null,
    sealed_private bytea       not null,
    created_at     timestamptz not null,
    activates_at   timestamptz not null
);

-- Append-only. No foreign keys: a line outlives those it names.
create table audit_events (
    id         uuid        not null constraint audit_events_pkey primary key,
    at         timestamptz not null,
    action     text        not null,
    actor_kind text        not null constraint audit_events_actor_known check (actor_kind in ('user', 'command_line', 'system')),
    actor_id   uuid,
    subject    text        collate "C",
    detail     text,
    address    text,
    request_id text,
    constraint audit_events_user_has_id check ((actor_kind = 'user') = (actor_id is not null))
);
create index audit_events_by_subject on audit_events (subject, id);
create index audit_events_by_action on audit_events (action, id);
