-- Since when an edition stands in the archive: from the moment its mails may
-- go, not before. One that is held or abandoned before any mail went out leaves
-- it again; one that some readers have stays, since they have its address.
ALTER TABLE editions ADD COLUMN appeared timestamptz;

-- Claims go from reader to reader, so the first rows of an edition tell.
CREATE FUNCTION mail_went_out(bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1
        FROM (SELECT state FROM deliveries WHERE edition_id = $1 ORDER BY reader_id LIMIT 1000) d
        WHERE d.state IN ('sending', 'accepted', 'in doubt', 'bounced', 'complained'))
$$;

-- By the row itself, so that no way of holding an edition can forget it.
CREATE FUNCTION note_appearance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('sending', 'done') THEN
        NEW.appeared := COALESCE(NEW.appeared, clock_timestamp());
    ELSIF NEW.appeared IS NOT NULL AND NEW.state IN ('held', 'abandoned') AND NOT mail_went_out(NEW.id) THEN
        NEW.appeared := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER editions_appearance BEFORE INSERT OR UPDATE OF state ON editions
    FOR EACH ROW WHEN (NEW.kind <> 'proof')
    EXECUTE FUNCTION note_appearance();

UPDATE editions e
SET appeared = e.published
WHERE e.kind <> 'proof' AND (e.state IN ('sending', 'done') OR e.state IN ('held', 'abandoned') AND mail_went_out(e.id));

-- A page of the archive, newest first.
CREATE INDEX editions_in_archive ON editions (digest, number DESC) WHERE appeared IS NOT NULL;
