-- Teams, domains and who belongs to them.

create table teams (
    id           uuid        not null constraint teams_pkey primary key,
    name         text        collate "C" not null constraint teams_name_unique unique,
    external_ref text        collate "C" constraint teams_external_ref_unique unique,
    is_active    boolean     not null,
    created_at   timestamptz not null,
    version      bigint      not null
);

create table team_memberships (
    user_id uuid not null constraint team_memberships_user_fkey references users (id) on delete cascade,
    team_id uuid not null constraint team_memberships_team_fkey references teams (id) on delete cascade,
    role    text not null,
    constraint team_memberships_pkey primary key (user_id, team_id)
);
create index team_memberships_by_team on team_memberships (team_id);

create table domains (
    id               uuid        not null constraint domains_pkey primary key,
    key              text        collate "C" not null constraint domains_key_unique unique,
    name             text        not null,
    parent_domain_id uuid        constraint domains_parent_fkey references domains (id),
    is_active        boolean     not null,
    created_at       timestamptz not null,
    version          bigint      not null
);
create index domains_by_parent on domains (parent_domain_id);

-- One row. Whoever moves a domain writes it first, so that two moves cannot close a cycle together.
create table domain_tree (
    only_row boolean not null default true constraint domain_tree_pkey primary key
        constraint domain_tree_one_row check (only_row),
    moves    bigint  not null
);
insert into domain_tree (moves) values (0);

create table user_domains (
    user_id   uuid not null constraint user_domains_user_fkey references users (id) on delete cascade,
    domain_id uuid not null constraint user_domains_domain_fkey references domains (id) on delete cascade,
    constraint user_domains_pkey primary key (user_id, domain_id)
);
create index user_domains_by_domain on user_domains (domain_id);

-- What a configuration's seeds have once made; it is not made again.
create table seeds (
    kind text not null constraint seeds_kind_known check (kind in ('team', 'domain')),
    key  text collate "C" not null,
    constraint seeds_pkey primary key (kind, key)
);
