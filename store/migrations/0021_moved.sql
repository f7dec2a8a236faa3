-- A reader's move to another zone is a line of the reader's history, so that
-- "why" can tell by which zone's opening an edition came, also when the row in
-- moves is long gone.
CREATE OR REPLACE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved timestamptz := clock_timestamp();
BEGIN
    INSERT INTO moves (reader_id, at) VALUES (NEW.id, moved)
    ON CONFLICT (reader_id) DO UPDATE SET taken = false, at = EXCLUDED.at;
    INSERT INTO reader_events (reader_id, at, kind, data)
    VALUES (NEW.id, moved, 'moved', jsonb_build_object('from', OLD.time_zone, 'to', NEW.time_zone));
    RETURN NULL;
END $$;

-- Who moved while an edition was opening from zone to zone.
CREATE INDEX reader_events_moved ON reader_events (at) WHERE kind = 'moved';
