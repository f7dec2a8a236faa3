-- Whose the validators are (ETag, Last-Modified). Behind a redirect they are
-- those of the address it led to, and no other gets them. Empty: the address
-- that the source is asked at.
ALTER TABLE sources ADD COLUMN validated text NOT NULL DEFAULT '';
