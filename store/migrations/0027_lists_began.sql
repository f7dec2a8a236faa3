-- On which local day the digest of an edition first went to each of its lists,
-- in the order of lists: before that nobody got it, however long on the list.
-- Empty in editions from before this column.
ALTER TABLE editions ADD COLUMN lists_began date[] NOT NULL DEFAULT '{}';
