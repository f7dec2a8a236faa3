-- Lists that were merged into others. Rows of a merged list move portion by
-- portion; what names the old list (a leaving that is taken back, an edition of
-- long ago) finds through this where its readers are now.
CREATE TABLE merges (
    list      text        PRIMARY KEY,
    into_list text        NOT NULL,
    begun     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended     timestamptz, -- NULL: rows are still to move
    CONSTRAINT merges_other CHECK (list <> into_list)
);
