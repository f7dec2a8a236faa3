-- What editors decided by hand: a pinned story leads its section, a dropped one
-- is not chosen. Rows are ended, never deleted: who did what, and when, stays
-- known.
CREATE TABLE article_marks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    article_id bigint      NOT NULL REFERENCES articles,
    kind       text        NOT NULL CHECK (kind IN ('pin', 'drop')),
    digest     text        NOT NULL DEFAULT '', -- empty: every one
    until      timestamptz,
    set_by     text        NOT NULL,
    set_at     timestamptz NOT NULL,
    ended_by   text,
    ended_at   timestamptz,
    CONSTRAINT article_marks_until CHECK ((kind = 'pin') = (until IS NOT NULL)),
    CONSTRAINT article_marks_ended CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX article_marks_in_force ON article_marks (article_id, kind, digest) WHERE ended_at IS NULL;
