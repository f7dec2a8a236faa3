-- A story that an edition left out, because another one that was not done yet
-- told it to the same readers: had, as far as one could know. To whom of them
-- that mail never came, the digest's next edition gives the story after all,
-- though it came in before the window of that.
CREATE TABLE awaited (
    edition_id bigint NOT NULL, -- that left it out, or went on behind it
    story_id   bigint NOT NULL REFERENCES stories,
    teller     bigint NOT NULL, -- the edition that was about to tell it
    PRIMARY KEY (edition_id, story_id, teller)
);
