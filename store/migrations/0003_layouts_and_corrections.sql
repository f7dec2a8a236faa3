-- Which layout an edition was published in: frozen, as its subject is. Empty:
-- the publication's.
ALTER TABLE editions ADD COLUMN layout text NOT NULL DEFAULT '';

-- A correction is words for readers, and never changes.
ALTER TABLE corrections ADD CONSTRAINT corrections_said CHECK (correction <> '' AND correction !~ '[[:cntrl:]]');
CREATE INDEX corrections_by_time ON corrections (at);

-- The corrections a variant brought to its readers: who had the variant is
-- owed them no more.
CREATE TABLE variant_corrections (
    variant_id    bigint NOT NULL REFERENCES variants ON DELETE CASCADE,
    correction_id bigint NOT NULL REFERENCES corrections,
    PRIMARY KEY (variant_id, correction_id)
);
CREATE INDEX variant_corrections_by_correction ON variant_corrections (correction_id);
