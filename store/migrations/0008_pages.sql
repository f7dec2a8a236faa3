-- Who polls: a source is one process's until it has saved the poll, or this
-- moment has come. And what the feed asked for, which a 304 doesn't repeat.
ALTER TABLE sources
    ADD COLUMN polling_until timestamptz,
    ADD COLUMN ttl           bigint NOT NULL DEFAULT 0; -- seconds

-- Servers that asked to be left alone (Retry-After), whoever they said it to.
CREATE TABLE held_servers (
    server text PRIMARY KEY, -- host:port
    until  timestamptz NOT NULL
);

-- The full pages behind feeds' items. A row is written before the page is
-- asked for: a process that dies in between asks once too little, not too
-- often. Without a reading it is tried again; without a time, too, it was given
-- up.
CREATE TABLE pages (
    page    text PRIMARY KEY, -- the canonical address of the link
    reading json,
    tries   integer     NOT NULL,
    again   timestamptz,
    asked   timestamptz NOT NULL,
    CONSTRAINT pages_tries CHECK (tries >= 0),
    CONSTRAINT pages_reading CHECK (reading IS NULL OR again IS NULL)
);
CREATE INDEX pages_asked ON pages (asked);

-- The page that an article without points of its own waits for.
ALTER TABLE articles ADD COLUMN page text NOT NULL DEFAULT '';
CREATE INDEX articles_page ON articles (source, first_seen DESC) WHERE page <> '';
