-- For how long articles of a source that is pushed could have come since its
-- newest did, in seconds, and when that was counted last: time in which nobody
-- listened is nobody's silence.
ALTER TABLE sources
    ADD COLUMN listened     bigint NOT NULL DEFAULT 0,
    ADD COLUMN listening_at timestamptz,
    ADD CONSTRAINT sources_listened CHECK (listened >= 0);
