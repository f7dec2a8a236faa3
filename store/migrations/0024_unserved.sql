-- Who was in the audience of an edition and got no mail of it, because too
-- little was left of what they chose and had not had, and by which variant. Not
-- a row for each: a digest of many readers with narrow choices would have more
-- of these than deliveries. A row stands for up to 1024 neighbours; a reader who
-- is in it twice, by two zones, counts by the last.
CREATE TABLE unserved (
    edition_id bigint   NOT NULL,
    bucket     bigint   NOT NULL, -- reader_id / 1024
    readers    bigint[] NOT NULL,
    variants   bigint[] NOT NULL,
    PRIMARY KEY (edition_id, bucket),
    CONSTRAINT unserved_pairs CHECK (cardinality(readers) = cardinality(variants))
);

-- Whether who got nothing of the edition is in unserved: it is of all from here on.
ALTER TABLE editions ADD COLUMN recorded boolean NOT NULL DEFAULT false;
