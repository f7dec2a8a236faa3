-- Readers who came to another zone and of whom a clock has not seen yet whether
-- a digest of readers' zones passed them by: at their old place it was still to
-- come, at the new one it was over. A row goes once a clock has looked at it.
CREATE TABLE moves (
    reader_id bigint  PRIMARY KEY REFERENCES readers ON DELETE CASCADE,
    taken     boolean NOT NULL DEFAULT false -- a clock is looking at it
);

-- By the row itself, so that no way of changing a zone can forget it.
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moves (reader_id) VALUES (NEW.id)
    ON CONFLICT (reader_id) DO UPDATE SET taken = false;
    RETURN NULL;
END $$;
CREATE TRIGGER readers_move AFTER UPDATE OF time_zone ON readers
    FOR EACH ROW WHEN (OLD.time_zone <> NEW.time_zone AND NEW.email IS NOT NULL)
    EXECUTE FUNCTION note_move();
