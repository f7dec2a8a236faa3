-- The hosts that work this database: each by what it keeps in its data_dir,
-- too. A pulse counts on while the host delivers, here first and then there.
-- So a copy of the database is known by what is missing in it, or by where it
-- is: a host remembers more, or found the database elsewhere.
CREATE TABLE hosts (
    id       text PRIMARY KEY,
    name     text        NOT NULL, -- for people
    data_dir text        NOT NULL,
    found_at text        NOT NULL, -- what and where the database was when the host began; empty: can't be told
    pulse    bigint      NOT NULL DEFAULT 0,
    since    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT hosts_pulse CHECK (pulse >= 0)
) WITH (fillfactor = 50);
