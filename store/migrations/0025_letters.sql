-- Mails to one person outside any edition: a sign-up to confirm, a link that
-- was asked for. A row is written for each time somebody asks, also where no
-- mail goes out, so that nothing can be told from how long it takes. The
-- address goes once the link is of no use any more; the hash stays for a while,
-- for the budgets and for who said "this was not me".
--
--   queued -> claimed -> sending -> accepted | refused | in doubt (-> queued, once)
--   queued, claimed -> cancelled | expired
CREATE TABLE letters (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text        NOT NULL,
    reader_id   bigint      REFERENCES readers ON DELETE SET NULL,
    address     text,
    email_hash  bytea       NOT NULL,
    language    text        NOT NULL DEFAULT '',
    sign_ups    jsonb       NOT NULL DEFAULT '[]',
    key_id      smallint    NOT NULL,
    network     bytea, -- keyed hash of who asked
    state       text        NOT NULL DEFAULT 'queued',
    said        text        NOT NULL DEFAULT '', -- the server's words, or why it was not sent
    attempts    smallint    NOT NULL DEFAULT 0,
    resends     smallint    NOT NULL DEFAULT 0, -- how often it was in doubt and sent again
    not_before  timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner       text, -- the process that sends it
    fence       bigint      NOT NULL DEFAULT 0,
    lease_until timestamptz,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    settled_at  timestamptz,
    used_at     timestamptz,
    disowned_at timestamptz, -- "this was not me"
    CONSTRAINT letters_kind CHECK (kind IN ('confirm', 'manage', 'address', 'moved', 'export', 'erase')),
    CONSTRAINT letters_state CHECK (state IN ('queued', 'claimed', 'sending', 'accepted', 'refused', 'in doubt', 'cancelled', 'expired')),
    CONSTRAINT letters_address CHECK (address IS NOT NULL OR state NOT IN ('queued', 'claimed', 'sending')),
    CONSTRAINT letters_owner CHECK ((state IN ('claimed', 'sending')) = (owner IS NOT NULL) AND (owner IS NULL) = (lease_until IS NULL))
);
CREATE INDEX letters_due ON letters (not_before) WHERE state = 'queued';
CREATE INDEX letters_open ON letters (owner) WHERE state IN ('claimed', 'sending', 'in doubt');
CREATE INDEX letters_by_address ON letters (email_hash, made_at);
CREATE INDEX letters_by_network ON letters (network, made_at) WHERE network IS NOT NULL;
CREATE INDEX letters_by_age ON letters (made_at);
CREATE INDEX letters_by_reader ON letters (reader_id) WHERE reader_id IS NOT NULL;

-- Sign-ups that wait for their confirmation are looked for by age.
CREATE INDEX subscriptions_pending ON subscriptions (since) WHERE state = 'pending';
