-- People and who they are at outside issuers.

create table users (
    id                uuid        not null constraint users_pkey primary key,
    email             text        not null,
    -- What addresses are compared by; byte-exact, whatever the database's collation.
    email_key         text        collate "C" not null constraint users_email_key_unique unique,
    email_verified_at timestamptz,
    name              text,
    avatar_url        text,
    password_hash     text,
    roles             jsonb       not null,
    status            text        not null constraint users_status_known check (status in ('active', 'disabled')),
    -- E-mail and name in lower case, for search.
    search_text       text        not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    last_signin_at    timestamptz,
    version           bigint      not null
);

create table user_identities (
    issuer  text collate "C" not null,
    subject text collate "C" not null,
    user_id uuid not null constraint user_identities_user_fkey references users (id) on delete cascade,
    constraint user_identities_pkey primary key (issuer, subject)
);
create index user_identities_by_user on user_identities (user_id);
