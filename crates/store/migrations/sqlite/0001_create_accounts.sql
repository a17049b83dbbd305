-- People and who they are at outside issuers. Times are milliseconds since 1970, ids are 16 bytes.

create table users (
    id                blob    not null primary key,
    email             text    not null,
    -- What addresses are compared by.
    email_key         text    not null unique,
    email_verified_at integer,
    name              text,
    avatar_url        text,
    password_hash     text,
    roles             text    not null check (json_valid(roles)),
    status            text    not null check (status in ('active', 'disabled')),
    -- E-mail and name in lower case, for search.
    search_text       text    not null,
    created_at        integer not null,
    updated_at        integer not null,
    last_signin_at    integer,
    version           integer not null
) strict;

create table user_identities (
    issuer  text not null,
    subject text not null,
    user_id blob not null references users (id) on delete cascade,
    primary key (issuer, subject)
) strict, without rowid;
create index user_identities_by_user on user_identities (user_id);
