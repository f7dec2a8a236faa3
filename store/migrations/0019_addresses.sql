-- The articles of an address, whichever source brought them: a story that was
-- told from it is no news when another source brings it later.
CREATE INDEX articles_by_address ON articles (canonical);
