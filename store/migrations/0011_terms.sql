-- Under which schedule and zone the slots of a digest are recorded. Where the
-- config has others by now, they count from the moment they took force. Empty:
-- recorded before this column was there.
ALTER TABLE timetables ADD COLUMN terms text NOT NULL DEFAULT '';
