-- The schema of Courant. Words are those of package digest; the CHECKs make
-- wrong rows impossible and leave the rest of the code free to race.

-- A person with an address. An erased reader keeps its row as a tombstone:
-- links of any age name it, and the keyed hash keeps the address off imports.
CREATE TABLE readers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      text,
    email_hash bytea       NOT NULL UNIQUE,
    name       text        NOT NULL DEFAULT '',
    language   text        NOT NULL DEFAULT '',
    time_zone  text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    left_at    timestamptz, -- said "everything": no list, old or new, brings them back
    erased_at  timestamptz,
    CONSTRAINT readers_erased CHECK ((email IS NULL) = (erased_at IS NOT NULL)),
    CONSTRAINT readers_email CHECK (email ~ '^[^[:space:][:cntrl:]<>"]+@[^[:space:][:cntrl:]<>"@]+$'),
    CONSTRAINT readers_name CHECK (name !~ '[[:cntrl:]]')
);
CREATE INDEX readers_by_zone ON readers (time_zone);

-- The audience: who is on which list.
CREATE TABLE subscriptions (
    reader_id bigint      NOT NULL REFERENCES readers,
    list      text        NOT NULL,
    state     text        NOT NULL,
    consent   text        NOT NULL DEFAULT '',
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at  timestamptz,
    PRIMARY KEY (reader_id, list),
    CONSTRAINT subscriptions_state CHECK (state IN ('pending', 'active', 'unsubscribed')),
    CONSTRAINT subscriptions_ended CHECK ((state = 'unsubscribed') = (ended_at IS NOT NULL))
);
-- With the reader, so that "is this reader on that list" is one look-up by
-- either index, whatever the statistics say after a large import.
CREATE INDEX subscriptions_by_list ON subscriptions (list, state, reader_id);

-- What a reader chose for a digest. No row: every edition, all categories.
CREATE TABLE choices (
    reader_id    bigint      NOT NULL REFERENCES readers,
    digest       text        NOT NULL,
    left_at      timestamptz,
    frequency    text        NOT NULL DEFAULT 'every',
    weekday      smallint,
    categories   text[],
    paused_until timestamptz,
    paused_why   text        NOT NULL DEFAULT '',
    own          boolean     NOT NULL DEFAULT false, -- the reader's own doing: no file changes it
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (reader_id, digest),
    CONSTRAINT choices_frequency CHECK (frequency IN ('every', 'daily', 'weekly')),
    CONSTRAINT choices_weekday CHECK (weekday IS NULL OR weekday BETWEEN 0 AND 6 AND frequency = 'weekly'),
    CONSTRAINT choices_categories CHECK (categories IS NULL OR cardinality(categories) > 0)
);

-- Append-only: what "why" and the proof of consent read.
CREATE TABLE reader_events (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reader_id bigint      NOT NULL REFERENCES readers,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind      text        NOT NULL,
    data      jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX reader_events_by_reader ON reader_events (reader_id, id);

CREATE TABLE sources (
    name          text PRIMARY KEY,
    kind          text    NOT NULL,
    url           text    NOT NULL,
    category      text    NOT NULL DEFAULT '',
    active        boolean NOT NULL DEFAULT true, -- still in the config
    address       text    NOT NULL DEFAULT '',   -- where a permanent redirect led
    moved_to      text    NOT NULL DEFAULT '',
    etag          text    NOT NULL DEFAULT '',
    last_modified text    NOT NULL DEFAULT '',
    next_poll     timestamptz,
    not_before    timestamptz,
    last_poll     timestamptz,
    last_success  timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    error         text    NOT NULL DEFAULT '',
    gone          boolean NOT NULL DEFAULT false,
    CONSTRAINT sources_kind CHECK (kind IN ('feed', 'page'))
);

CREATE TABLE articles (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       text        NOT NULL,
    guid         text,
    url          text        NOT NULL,
    canonical    text        NOT NULL,
    title        text        NOT NULL,
    category     text        NOT NULL DEFAULT '',
    points       text[]      NOT NULL DEFAULT '{}',
    points_from  text        NOT NULL,
    site         text        NOT NULL DEFAULT '',
    attribution  text        NOT NULL DEFAULT '',
    author       text        NOT NULL DEFAULT '',
    published    timestamptz,
    first_seen   timestamptz NOT NULL,
    language     text        NOT NULL DEFAULT '',
    image_url    text        NOT NULL DEFAULT '',
    image_alt    text        NOT NULL DEFAULT '',
    image_width  integer     NOT NULL DEFAULT 0,
    image_height integer     NOT NULL DEFAULT 0,
    lead         text        NOT NULL DEFAULT '',
    CONSTRAINT articles_points_from CHECK (points_from IN ('page', 'feed', 'description', 'lead', 'model', 'none')),
    CONSTRAINT articles_points CHECK ((points_from = 'none') = (cardinality(points) = 0)),
    CONSTRAINT articles_title CHECK (title !~ '[[:cntrl:]]'),
    CONSTRAINT articles_canonical UNIQUE (source, canonical)
);
CREATE UNIQUE INDEX articles_guid ON articles (source, guid) WHERE guid IS NOT NULL;
CREATE INDEX articles_first_seen ON articles (first_seen);

-- A story's id never changes once it was sent.
CREATE TABLE stories (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE article_story (
    article_id bigint PRIMARY KEY REFERENCES articles,
    story_id   bigint NOT NULL REFERENCES stories
);
CREATE INDEX article_story_by_story ON article_story (story_id);

-- Up to which instant the slots of a digest are recorded. Nothing before the
-- first row is ever owed: a new digest does not back-fill.
CREATE TABLE timetables (
    digest  text PRIMARY KEY,
    through timestamptz NOT NULL
);

CREATE TABLE slots (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest     text        NOT NULL,
    slot       text        NOT NULL, -- names the edition that answers it
    zone       text        NOT NULL,
    local_time timestamp   NOT NULL, -- the wall clock of the schedule
    local_date date        NOT NULL,
    daily      boolean     NOT NULL, -- at most one a local day
    instant    timestamptz NOT NULL,
    state      text        NOT NULL,
    reason     text        NOT NULL DEFAULT '',
    edition_id bigint,
    decided_at timestamptz,
    CONSTRAINT slots_once UNIQUE (digest, slot, zone),
    CONSTRAINT slots_state CHECK (state IN ('owed', 'published', 'skipped')),
    CONSTRAINT slots_reason CHECK ((state = 'skipped') = (reason <> '')),
    CONSTRAINT slots_edition CHECK ((state = 'published') = (edition_id IS NOT NULL))
);
CREATE INDEX slots_owed ON slots (digest, instant) WHERE state = 'owed';

CREATE TABLE editions (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    digest      text        NOT NULL,
    title       text        NOT NULL,
    kind        text        NOT NULL,
    number      integer,
    slot        text        NOT NULL,
    local_date  date        NOT NULL,
    daily       boolean     NOT NULL DEFAULT false,
    instant     timestamptz NOT NULL,
    zone        text        NOT NULL,
    language    text        NOT NULL,
    lists       text[]      NOT NULL,
    categories  text[]      NOT NULL, -- what the digest offered
    window_from timestamptz NOT NULL,
    window_to   timestamptz NOT NULL,
    subject     text        NOT NULL,
    cadence     jsonb       NOT NULL,
    state       text        NOT NULL,
    held_reason text        NOT NULL DEFAULT '',
    config_hash text        NOT NULL,
    key_id      smallint    NOT NULL,
    published   timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT editions_kind CHECK (kind IN ('slot', 'extra', 'proof')),
    CONSTRAINT editions_state CHECK (state IN ('open', 'sending', 'held', 'done', 'abandoned')),
    CONSTRAINT editions_held CHECK ((state = 'held') = (held_reason <> '')),
    CONSTRAINT editions_number CHECK ((kind = 'proof') = (number IS NULL)),
    CONSTRAINT editions_window CHECK (window_from <= window_to),
    CONSTRAINT editions_slot UNIQUE (digest, slot),
    CONSTRAINT editions_numbered UNIQUE (digest, number)
);
-- A digest that fires at most once a local day has one edition that day,
-- whatever became of its schedule or zone in between.
CREATE UNIQUE INDEX editions_daily ON editions (digest, local_date) WHERE daily;
CREATE INDEX editions_unfinished ON editions (id) WHERE state IN ('open', 'sending', 'held');
CREATE INDEX editions_by_digest ON editions (digest, id);

CREATE TABLE variants (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edition_id bigint      NOT NULL REFERENCES editions,
    signature  text        NOT NULL,
    reason     text, -- why nobody gets it; NULL: it is sent
    language   text        NOT NULL,
    zone       text        NOT NULL,
    categories text[],
    shown      boolean     NOT NULL DEFAULT false, -- the digest's own choice: what the archive shows
    window_to  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (edition_id, signature)
);

-- How an edition tells a story: frozen, the same in every variant.
CREATE TABLE edition_stories (
    edition_id bigint NOT NULL REFERENCES editions,
    story_id   bigint NOT NULL REFERENCES stories,
    told       jsonb  NOT NULL,
    PRIMARY KEY (edition_id, story_id)
);

CREATE TABLE variant_stories (
    variant_id bigint   NOT NULL REFERENCES variants,
    story_id   bigint   NOT NULL REFERENCES stories,
    position   smallint NOT NULL,
    PRIMARY KEY (variant_id, position),
    UNIQUE (variant_id, story_id)
);
CREATE INDEX variant_stories_by_story ON variant_stories (story_id);

CREATE TABLE variant_left_out (
    variant_id bigint NOT NULL REFERENCES variants,
    story_id   bigint NOT NULL REFERENCES stories,
    reason     text   NOT NULL CHECK (reason <> ''),
    PRIMARY KEY (variant_id, story_id)
);

-- The ledger: one row per edition and reader, and the proof that one mail
-- went out. Partitioned so that old editions go by dropping a table.
--
-- No index names the state, so that the three updates of a row's life stay
-- within its page (HOT); the free space for them is the fill factor. What
-- comes back to queued carries a not_before and is found by that index.
CREATE TABLE deliveries (
    edition_id bigint   NOT NULL,
    reader_id  bigint   NOT NULL,
    variant_id bigint   NOT NULL,
    state      text     NOT NULL DEFAULT 'queued',
    attempts   smallint NOT NULL DEFAULT 0,
    resends    smallint NOT NULL DEFAULT 0, -- how often it was in doubt and sent again
    not_before timestamptz,
    lane       bigint,
    fence      bigint,
    seq        integer, -- the number of the lane's claim it came with
    intent_at  timestamptz,
    recalled   boolean  NOT NULL DEFAULT false, -- the reader left while it was sending: its intent is not renewed
    settled_at timestamptz,
    reply      text,
    class      text,
    message_id text,
    PRIMARY KEY (edition_id, reader_id),
    CONSTRAINT deliveries_state CHECK (state IN ('queued', 'claimed', 'sending', 'accepted', 'refused', 'in doubt',
        'bounced', 'complained', 'cancelled', 'expired')),
    CONSTRAINT deliveries_lane CHECK ((state IN ('claimed', 'sending')) = (lane IS NOT NULL)
        AND (lane IS NULL) = (fence IS NULL) AND (lane IS NULL) = (seq IS NULL)),
    CONSTRAINT deliveries_not_before CHECK (not_before IS NULL OR state = 'queued'),
    CONSTRAINT deliveries_deferred CHECK (state <> 'queued' OR attempts = 0 OR not_before IS NOT NULL),
    CONSTRAINT deliveries_intent CHECK (state NOT IN ('sending', 'accepted', 'in doubt', 'bounced', 'complained')
        OR intent_at IS NOT NULL AND message_id IS NOT NULL),
    CONSTRAINT deliveries_settled CHECK (state NOT IN ('accepted', 'refused', 'in doubt', 'cancelled', 'expired', 'bounced', 'complained')
        OR settled_at IS NOT NULL),
    CONSTRAINT deliveries_refused CHECK (state <> 'refused' OR reply IS NOT NULL)
) PARTITION BY RANGE (edition_id);
CREATE INDEX deliveries_by_reader ON deliveries (reader_id, edition_id);
CREATE INDEX deliveries_due ON deliveries (not_before) WHERE not_before IS NOT NULL;

-- One connection of one process. Its lease runs by the database's clock;
-- whoever takes its rows over moves the fence on first.
CREATE TABLE lanes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner       text        NOT NULL,
    host        text        NOT NULL,
    boot        text        NOT NULL,
    journal     text        NOT NULL,
    lease_until timestamptz NOT NULL,
    fence       bigint      NOT NULL DEFAULT 1
);
CREATE INDEX lanes_by_owner ON lanes (owner);

-- Addresses that get no mail, by keyed hash.
CREATE TABLE suppressions (
    email_hash bytea PRIMARY KEY,
    reason     text        NOT NULL,
    since      timestamptz NOT NULL DEFAULT clock_timestamp(),
    until      timestamptz,
    detail     text        NOT NULL DEFAULT '',
    CONSTRAINT suppressions_reason CHECK (reason IN ('hard', 'soft', 'complaint', 'erased', 'operator'))
);

CREATE TABLE corrections (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    story_id   bigint      NOT NULL REFERENCES stories,
    correction text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Returned mail. The hash makes the same report count once.
CREATE TABLE reports (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       bytea       NOT NULL UNIQUE,
    kind       text        NOT NULL,
    via        text        NOT NULL DEFAULT '',
    edition_id bigint,
    reader_id  bigint,
    recipients jsonb       NOT NULL,
    effect     text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT reports_kind CHECK (kind IN ('bounce', 'complaint', 'unsubscribe', 'auto-reply', 'other')),
    CONSTRAINT reports_token CHECK (effect = 'none' OR reader_id IS NOT NULL)
);
CREATE INDEX reports_by_reader ON reports (reader_id);

-- Fingerprints of the keys this database was used with, so that a host with
-- another secret file is told before it makes hashes nobody can match.
CREATE TABLE keys (
    kind        text        NOT NULL CHECK (kind IN ('token', 'suppression')),
    id          smallint    NOT NULL,
    fingerprint bytea       NOT NULL,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, id)
);

-- Names this database: a process keeps its journal under it, so that one
-- database's journal is never taken for another's.
CREATE TABLE installation (
    id   text    NOT NULL DEFAULT gen_random_uuid()::text,
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole)
);
INSERT INTO installation DEFAULT VALUES;
