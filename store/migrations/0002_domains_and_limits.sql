-- What several processes must know of each other while they deliver: which
-- mail domains take nothing now, and what is spent of the relays' limits.

-- A mail domain that is left alone. Its deliveries stay as they are, queued;
-- whoever asks what is due counts them as deferred while open_until is ahead.
-- After that one process at a time sends one mail to see: the probe.
CREATE TABLE circuits (
    domain      text        PRIMARY KEY,
    class       text        NOT NULL,
    said        text        NOT NULL, -- the server's words
    openings    integer     NOT NULL DEFAULT 1, -- in a row, without an accepted mail in between
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    open_until  timestamptz NOT NULL,
    probe_until timestamptz, -- somebody sends the probe; NULL: nobody
    CONSTRAINT circuits_domain CHECK (domain <> '' AND domain !~ '[[:cntrl:][:space:]@]'),
    CONSTRAINT circuits_class CHECK (class IN ('throttled', 'blocked')),
    CONSTRAINT circuits_openings CHECK (openings > 0)
);

-- The readers of one mail domain, in the order of a claim. lower is told to
-- look at ASCII only, whatever the database's locale: so does digest.DomainOf.
CREATE INDEX readers_by_domain ON readers (lower(substring(email FROM '[^@]*$') COLLATE "C"), id);

-- What was spent lately of a relay's limit for so long a time: spent[1] in the
-- slot now, spent[2] in the one before, and so on. A slot is a 240th of the
-- time, and slots are counted from 1970. How many messages the limit has is not
-- kept: it comes with each request, so a limit that is changed forgets nothing.
CREATE TABLE relay_limits (
    relay    text      NOT NULL,
    per_ms   bigint    NOT NULL,
    slot     bigint    NOT NULL DEFAULT 0,
    spent    integer[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (relay, per_ms),
    CONSTRAINT relay_limits_positive CHECK (per_ms > 0)
) WITH (fillfactor = 50);
