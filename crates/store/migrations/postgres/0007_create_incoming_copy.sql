-- The mark of a copy that fills this store and is not whole yet: at most one row. Until it is gone nothing is served.

create table incoming_copy (
    only_row boolean not null constraint incoming_copy_pkey primary key
        constraint incoming_copy_one_row check (only_row),
    -- What the store it comes from is called, without secrets.
    source   text    not null,
    -- How far it is.
    position text    not null
);
