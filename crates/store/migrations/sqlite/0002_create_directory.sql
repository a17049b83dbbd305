-- Teams, domains and who belongs to them.

create table teams (
    id           blob    not null primary key,
    name         text    not null unique,
    external_ref text    unique,
    is_active    integer not null check (is_active in (0, 1)),
    created_at   integer not null,
    version      integer not null
) strict;

create table team_memberships (
    user_id blob not null references users (id) on delete cascade,
    team_id blob not null references teams (id) on delete cascade,
    role    text not null,
    primary key (user_id, team_id)
) strict, without rowid;
create index team_memberships_by_team on team_memberships (team_id);

create table domains (
    id               blob    not null primary key,
    key              text    not null unique,
    name             text    not null,
    parent_domain_id blob    references domains (id),
    is_active        integer not null check (is_active in (0, 1)),
    created_at       integer not null,
    version          integer not null
) strict;
create index domains_by_parent on domains (parent_domain_id);

-- One row. Whoever moves a domain writes it first, so that two moves cannot close a cycle together.
create table domain_tree (
    only_row integer not null default 1 primary key check (only_row = 1),
    moves    integer not null
) strict;
insert into domain_tree (moves) values (0);

create table user_domains (
    user_id   blob not null references users (id) on delete cascade,
    domain_id blob not null references domains (id) on delete cascade,
    primary key (user_id, domain_id)
) strict, without rowid;
create index user_domains_by_domain on user_domains (domain_id);

-- What a configuration's seeds have once made; it is not made again.
create table seeds (
    kind text not null check (kind in ('team', 'domain')),
    key  text not null,
    primary key (kind, key)
) strict, without rowid;
