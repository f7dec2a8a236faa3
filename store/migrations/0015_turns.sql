-- One server gets one request at a time, also where several processes ask. A
-- process is an asker while it asks anybody, under a lease by the database's
-- clock; one that is alone keeps the turns in its memory, and one that comes
-- waits until the others have seen it: from then on the turns are rows.
CREATE TABLE askers (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    until timestamptz NOT NULL,          -- the lease
    seen  bigint      NOT NULL DEFAULT 0 -- the last asker that this one knows of
);

-- A turn is its asker's until it is given back or the asker's lease is over.
-- Who waits is next, for as long as it goes on asking for the turn.
CREATE TABLE turns (
    server        text PRIMARY KEY,
    asker         bigint,
    waiter        bigint,
    waiting_until timestamptz,
    asked_at      timestamptz, -- the end of the last request
    CONSTRAINT turns_waiter CHECK ((waiter IS NULL) = (waiting_until IS NULL))
);
