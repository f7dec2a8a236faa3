-- By which rules an article's canonical address was made. Rows of lesser rules
-- are written anew by the program, which knows the rules.
ALTER TABLE articles ADD COLUMN canonical_form smallint NOT NULL DEFAULT 1;
CREATE INDEX articles_canonical_form ON articles (canonical_form);
