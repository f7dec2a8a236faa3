-- An article that its publisher took back: no edition chooses it any more. What
-- was told of it stays.
ALTER TABLE articles ADD COLUMN withdrawn timestamptz;
