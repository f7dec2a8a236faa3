-- When a reader moved. Who comes onto a list later than that, or in the same
-- import, was not there to be passed by.
ALTER TABLE moves ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();

CREATE OR REPLACE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moves (reader_id) VALUES (NEW.id)
    ON CONFLICT (reader_id) DO UPDATE SET taken = false, at = EXCLUDED.at;
    RETURN NULL;
END $$;
