-- Under which schedule and zone the slots of a digest are recorded, and since
-- when those count. Where the config has others by now, they count from the
-- moment they took force. Empty: recorded before these columns were there.
ALTER TABLE timetables
    ADD COLUMN terms text        NOT NULL DEFAULT '',
    ADD COLUMN since timestamptz NOT NULL DEFAULT '-infinity';
