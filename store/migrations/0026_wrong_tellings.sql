-- The articles that were told wrong: only who was told one of them had the
-- error. Another source may tell the same event right. Until now all tellings
-- that were out counted.
ALTER TABLE corrections ADD COLUMN wrong bigint[];
UPDATE corrections c
SET wrong = ARRAY(
    SELECT DISTINCT (es.told ->> 'article')::bigint
    FROM edition_stories es JOIN editions e ON e.id = es.edition_id
    WHERE es.story_id = c.story_id AND e.kind <> 'proof' AND e.published <= c.at);
ALTER TABLE corrections ALTER COLUMN wrong SET NOT NULL;
