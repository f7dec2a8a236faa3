-- Imports of readers that were begun and not ended: a file that is imported
-- again goes on where the last import of it was stopped.
CREATE TABLE imports (
    list    text        NOT NULL,
    content bytea       NOT NULL, -- SHA-256 of the file
    lines   integer     NOT NULL, -- those that are in
    counts  jsonb       NOT NULL, -- what became of them
    begun   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (list, content)
);
