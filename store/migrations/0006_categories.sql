-- An article may have several categories; category stays the main one. What a
-- source says in the config does, too.
ALTER TABLE sources ADD COLUMN categories text[] NOT NULL DEFAULT '{}';
UPDATE sources SET categories = ARRAY[category] WHERE category <> '';

-- terms are what the publisher files the article under, in the publisher's
-- words: from them categories are found again when the config's rules change.
ALTER TABLE articles ADD COLUMN categories text[] NOT NULL DEFAULT '{}',
                     ADD COLUMN terms      jsonb  NOT NULL DEFAULT '[]';
UPDATE articles a
SET categories = ARRAY[a.category],
    -- Where the config gave the category, what the publisher said was not kept.
    terms = CASE WHEN EXISTS (SELECT 1 FROM sources s WHERE s.name = a.source AND s.category <> '') THEN '[]'
            ELSE jsonb_build_array(jsonb_build_object('text', a.category, 'from', 'feed')) END
WHERE a.category <> '';
ALTER TABLE sources ADD CONSTRAINT sources_categories CHECK (category = COALESCE(categories[1], ''));
ALTER TABLE articles ADD CONSTRAINT articles_categories CHECK (category = COALESCE(categories[1], '')),
                     ADD CONSTRAINT articles_terms CHECK (jsonb_typeof(terms) = 'array');
