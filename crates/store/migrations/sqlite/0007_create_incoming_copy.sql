-- The mark of a copy that fills this store and is not whole yet: at most one row. Until it is gone nothing is served.

create table incoming_copy (
    only_row integer not null primary key check (only_row = 1),
    -- What the store it comes from is called, without secrets.
    source   text    not null,
    -- How far it is.
    position text    not null
) strict;
