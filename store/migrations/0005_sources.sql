-- Two kinds of source that have no address to ask: a folder that others put
-- files into, and what a publisher's own system pushes.
--
-- And how a source fares over time: since when it fails, and what the operator
-- was last told of it, so that a source which fell silent is said once, by one
-- process, also across restarts.
ALTER TABLE sources
    DROP CONSTRAINT sources_kind,
    ADD CONSTRAINT sources_kind CHECK (kind IN ('feed', 'page', 'folder', 'push')),
    ADD COLUMN first_poll    timestamptz,
    ADD COLUMN failing_since timestamptz,                -- the first of the failures in a row
    ADD COLUMN seen          bytea NOT NULL DEFAULT '',  -- a folder's files as they were when they were read
    ADD COLUMN told          text  NOT NULL DEFAULT '',  -- to the operator; empty: nothing, or that it is well again
    ADD COLUMN told_at       timestamptz,
    ADD CONSTRAINT sources_told CHECK (told IN ('', 'silent', 'dead')),
    ADD CONSTRAINT sources_told_at CHECK (told = '' OR told_at IS NOT NULL);

-- Of the past is known what the articles remember.
UPDATE sources s
SET first_poll = LEAST(s.last_poll, (SELECT min(a.first_seen) FROM articles a WHERE a.source = s.name)),
    failing_since = CASE WHEN s.failures > 0 THEN COALESCE(s.last_success, s.last_poll, clock_timestamp()) END;
ALTER TABLE sources
    ADD CONSTRAINT sources_failing_since CHECK ((failures > 0) = (failing_since IS NOT NULL));

-- A source's newest articles, and how many it brought with points of which
-- origin, are read from here alone.
CREATE INDEX articles_by_source ON articles (source, first_seen DESC) INCLUDE (points_from);
