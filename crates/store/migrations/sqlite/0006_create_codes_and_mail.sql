-- Who people are in more detail, the codes mailed to them, and the mail itself. Nothing that was there changes its
-- meaning: a process of the release before may go on working until it is replaced.

alter table users add column first_name text;
alter table users add column last_name text;
alter table users add column phone text;
-- When all sessions were last ended together.
alter table users add column signed_out_at integer;
-- When the password was last changed or reset: a sign-in with the one before begins no session any more.
alter table users add column password_changed_at integer;
-- Whether somebody else than who signed up wanted the address before it was confirmed.
alter table users add column sign_up_contested integer not null default 0;

-- For credentials that others made: they do not name their session.
create index sessions_by_credential on sessions (credential_hash);

-- At most one live code for each purpose. Used up or guessed at too often it has no attempts left.
create table one_time_codes (
    user_id            blob    not null references users (id) on delete cascade,
    purpose            text    not null,
    digest             blob    not null,
    -- The address the code goes to, where it is not yet the account's.
    new_email          text,
    attempts_left      integer not null,
    expires_at         integer not null,
    -- What a right code gave: the right to choose a password, once. Whoever is about to use it leases it.
    grant_hash         blob,
    grant_expires_at   integer,
    grant_leased_until integer,
    primary key (user_id, purpose),
    check ((grant_hash is null) = (grant_expires_at is null))
) strict, without rowid;
create index one_time_codes_by_expiry on one_time_codes (expires_at);

-- The outbox. No foreign key: the last letter outlives the account it is about.
create table mail (
    id            blob    not null primary key,
    user_id       blob,
    kind          text    not null,
    recipient     text    not null,
    -- Thrown away when the mail is over.
    sealed_letter blob,
    state         text    not null check (state in ('waiting', 'abandoned', 'expired')),
    attempts      integer not null,
    -- When it is tried next. Whoever tries it moves this on first.
    due_at        integer not null,
    created_at    integer not null,
    expires_at    integer not null,
    reason        text,
    check ((sealed_letter is null) = (state = 'expired'))
) strict;
create index mail_by_user on mail (user_id, kind) where user_id is not null;
create index mail_due on mail (due_at, id) where state = 'waiting';
create index mail_to_expire on mail (expires_at) where state = 'waiting';
create index mail_by_age on mail (created_at, state);
