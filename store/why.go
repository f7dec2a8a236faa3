package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Why gathers what the rows tell about one reader and the editions whose
// instant lies in [from, to): those of the reader's lists, with or without a
// delivery, and proofs sent to the reader; and the slots that no edition
// answered. digest.ErrNotFound when no reader has the hash; an erased one has.
func (s *Store) Why(ctx context.Context, hash []byte, from, to time.Time) (digest.Account, error) {
	a := digest.Account{From: from, To: to}
	// One snapshot for all that follows: states that move on in between would
	// contradict each other.
	snapshot := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	err := s.txOf(ctx, snapshot, func(tx *sqlx.Tx) error {
		for _, read := range []func(context.Context, *sqlx.Tx, *digest.Account) error{
			readPerson(hash), readSubscriptions, readChoices, readEvents, readEntries, readOpenings, readHad, readFolded, readSkipped,
		} {
			if err := read(ctx, tx, &a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return digest.Account{}, fmt.Errorf("gather what a reader got: %w", err)
	}
	for i := range a.Entries {
		a.Entries[i].Reason = reasonOf(a, a.Entries[i])
	}
	for i := range a.Entries {
		e := &a.Entries[i].Edition
		e.Zone, e.Instant = a.Turn(a.Entries[i])
	}
	return a, nil
}

// reasonOf says why there was no mail, or not yet; empty where there was one,
// and where the reply tells it all.
func reasonOf(a digest.Account, e digest.Entry) string {
	switch e.State {
	case "":
		return a.Missed(e)
	case digest.Cancelled, digest.Expired:
		return e.Reply
	case digest.Queued, digest.Claimed:
		return e.Edition.HeldReason
	}
	return ""
}

// readPerson finds the reader, or what is left of one.
func readPerson(hash []byte) func(context.Context, *sqlx.Tx, *digest.Account) error {
	return func(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
		var row struct {
			readerRow
			LeftAt, ErasedAt, SuppressedAt *time.Time
			Suppressed                     string
			Now                            time.Time
			Following                      bool
		}
		err := tx.GetContext(ctx, &row, `
			SELECT clock_timestamp() AS now, EXISTS (SELECT 1 FROM moves m WHERE m.reader_id = r.id) AS following, r.id, r.email, r.name, r.language, r.time_zone, r.left_at, r.erased_at, x.since AS suppressed_at,
			       COALESCE(x.reason || CASE WHEN x.detail <> '' THEN ' (' || x.detail || ')' ELSE '' END, '') AS suppressed
			FROM readers r
			LEFT JOIN suppressions x ON x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp())
			WHERE r.email_hash = $1`, hash)
		if err != nil {
			return fmt.Errorf("find reader: %w", found(err))
		}
		a.Reader, a.Erased, a.LeftAt = row.reader(), row.ErasedAt != nil, orZero(row.LeftAt)
		a.Suppressed, a.SuppressedAt = row.Suppressed, orZero(row.SuppressedAt)
		a.At, a.Following, a.Zone = row.Now, row.Following, knownZone(a.Reader.Zone)
		return nil
	}
}

// readSubscriptions reads the lists, also those the reader is off by now: what
// counts is how it was when an edition was published.
func readSubscriptions(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	var rows []struct {
		List, Consent string
		State         digest.SubscriptionState
		Since         time.Time
		EndedAt       *time.Time
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT list, state, consent, since, ended_at
		FROM subscriptions
		WHERE reader_id = $1
		ORDER BY list`, a.Reader.ID)
	if err != nil {
		return fmt.Errorf("read subscriptions: %w", err)
	}
	a.EndedAt = map[string]time.Time{}
	for _, r := range rows {
		a.Subscriptions = append(a.Subscriptions, digest.Subscription{
			Reader: a.Reader.ID, List: r.List, State: r.State, Consent: r.Consent, Since: r.Since, EndedAt: orZero(r.EndedAt),
		})
		if r.EndedAt != nil {
			a.EndedAt[r.List] = *r.EndedAt
		}
	}
	return nil
}

func readChoices(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	chosen, err := choicesOf(ctx, tx, []int64{int64(a.Reader.ID)})
	a.Choices = chosen[a.Reader.ID]
	return err
}

// readEvents reads the whole history: a leaving that was taken back is nowhere
// else.
func readEvents(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	var rows []struct {
		ID   int64
		At   time.Time
		Kind digest.EventKind
		Data []byte
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT id, at, kind, data
		FROM reader_events
		WHERE reader_id = $1
		ORDER BY id`, a.Reader.ID)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	for _, r := range rows {
		var d eventData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return fmt.Errorf("read event %d: %w", r.ID, err)
		}
		a.Events = append(a.Events, digest.Event{
			ID: r.ID, At: r.At, Kind: r.Kind, Digest: d.Digest, List: d.List, How: d.How, Reason: d.Reason, Undoes: d.Undoes, Merged: d.Merged,
			From: knownZone(d.From), To: knownZone(d.To),
		})
		if d.Before != nil {
			chosen := d.Before.choices(a.Reader.ID, d.Digest)
			a.Events[len(a.Events)-1].Before = &chosen
		}
	}
	return nil
}

// entriesQuery asks for the editions of [$2, $3) and what they meant for the
// reader $1. Of the ledger it takes one row an edition, by the primary key, or
// the reader's rows by deliveries_by_reader. Where each zone opens the edition
// at its own instant, that of the reader's counts.
const entriesQuery = `
	SELECT e.id, e.digest, e.title, e.kind, COALESCE(e.number, 0) AS number, e.slot,
	       COALESCE(sl.instant, e.instant) AS instant, COALESCE(dv.zone, e.zone) AS zone, e.zone AS home, e.language,
	       e.window_from, e.window_to, e.subject, e.cadence, e.state, e.held_reason, e.config_hash, e.key_id, e.published,
	       e.lists, e.lists_began, COALESCE(d.state, '') AS delivery_state, COALESCE(d.reply, '') AS reply,
	       COALESCE(d.message_id, '') AS message_id, COALESCE(d.attempts, 0) AS attempts, COALESCE(d.resends, 0) AS resends,
	       d.not_before, d.settled_at, COALESCE(d.variant_id, v.id, 0) AS variant_id, COALESCE(v.reason, '') AS empty, e.recorded,
	       d.state IS NULL AND NOT ` + ledgerKept + ` AS gone,
	       x.open_until, COALESCE(x.said, '') AS said
	FROM editions e
	LEFT JOIN deliveries d ON d.edition_id = e.id AND d.reader_id = $1
	LEFT JOIN variants dv ON dv.id = d.variant_id
	LEFT JOIN slots sl ON sl.digest = e.digest AND sl.slot = e.slot AND sl.zone = dv.zone
	LEFT JOIN choices c ON c.reader_id = $1 AND c.digest = e.digest
	LEFT JOIN LATERAL (
		SELECT n.variant_id
		FROM unserved x, unnest(x.readers, x.variants) WITH ORDINALITY AS n (reader_id, variant_id, at)
		WHERE x.edition_id = e.id AND x.bucket = $1::bigint / 1024 AND n.reader_id = $1 AND d.state IS NULL
		ORDER BY n.at DESC
		LIMIT 1
	) n ON true
	LEFT JOIN LATERAL (
		SELECT v.id, CASE WHEN v.id = n.variant_id OR NOT e.recorded THEN v.reason END AS reason
		FROM variants v
		WHERE v.edition_id = e.id AND d.state IS NULL
		ORDER BY v.id IS NOT DISTINCT FROM n.variant_id DESC, v.reason IS NOT NULL DESC, v.categories IS NOT DISTINCT FROM c.categories DESC, v.shown DESC, v.id
		LIMIT 1
	) v ON true
	LEFT JOIN readers r ON r.id = $1 AND d.state = 'queued'
	LEFT JOIN circuits x ON x.domain = ` + domainOf + ` AND x.open_until > clock_timestamp()
	WHERE e.instant >= $2
	  AND e.instant < $3
	  AND (d.state IS NOT NULL
	       OR e.kind <> 'proof' AND e.lists && ARRAY(
	          SELECT s.list FROM subscriptions s WHERE s.reader_id = $1
	          UNION ALL
	          SELECT h.data ->> 'merged' FROM reader_events h WHERE h.reader_id = $1 AND h.kind = 'merged'))
	ORDER BY e.instant, e.id`

// readEntries reads the editions. Where the reader has no delivery, the
// variant is the one that was too thin to be sent, as publishing has written
// down; of an edition from before that was done, the one for these choices.
func readEntries(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	var rows []struct {
		editionRow
		Lists, ListsBegan    pq.StringArray
		DeliveryState        digest.DeliveryState
		Reply, MessageID     string
		Attempts, Resends    int
		NotBefore, SettledAt *time.Time
		VariantID            digest.VariantID
		Empty                string
		Recorded             bool
		Gone                 bool
		OpenUntil            *time.Time
		Said                 string
		Home                 string
	}
	err := tx.SelectContext(ctx, &rows, entriesQuery, a.Reader.ID, a.From, a.To)
	if err != nil {
		return fmt.Errorf("read editions: %w", err)
	}
	for _, r := range rows {
		edition, err := r.edition()
		if err != nil {
			return err
		}
		// The mail waits for its domain, whoever's mail the domain spoke of.
		if r.OpenUntil != nil && (r.NotBefore == nil || r.NotBefore.Before(*r.OpenUntil)) {
			r.NotBefore, r.Reply = r.OpenUntil, r.Said
		}
		a.Entries = append(a.Entries, digest.Entry{
			Edition: edition, Lists: r.Lists, Firsts: firstDays(r.Lists, r.ListsBegan), State: r.DeliveryState, Reply: r.Reply, Attempts: r.Attempts, Resends: r.Resends,
			NotBefore: orZero(r.NotBefore), SettledAt: orZero(r.SettledAt), MessageID: r.MessageID, Variant: r.VariantID,
			Empty: r.Empty, Recorded: r.Recorded, Gone: r.Gone, Home: r.Home,
		})
	}
	return readContents(ctx, tx, a.Entries)
}

// readContents reads what the entries' variants told and left out.
func readContents(ctx context.Context, tx *sqlx.Tx, entries []digest.Entry) error {
	variants := make([]int64, len(entries))
	byVariant := map[digest.VariantID]*digest.Entry{}
	for i := range entries {
		variants[i] = int64(entries[i].Variant)
		byVariant[entries[i].Variant] = &entries[i]
	}
	var rows []struct {
		VariantID digest.VariantID
		StoryID   digest.StoryID
		Told      []byte // null where it was left out: the title is enough
		Title     string
		Reason    string
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT v.id AS variant_id, c.story_id, CASE WHEN c.reason = '' THEN t.told END AS told, t.told->>'title' AS title, c.reason
		FROM variants v
		JOIN (
			SELECT variant_id, story_id, position, '' AS reason FROM variant_stories
			WHERE variant_id = ANY ($1::bigint[])
			UNION ALL
			SELECT variant_id, story_id, 0, reason FROM variant_left_out
			WHERE variant_id = ANY ($1::bigint[])
		) c ON c.variant_id = v.id
		JOIN edition_stories t ON t.edition_id = v.edition_id AND t.story_id = c.story_id
		ORDER BY v.id, c.position, c.story_id`, pq.Array(variants))
	if err != nil {
		return fmt.Errorf("read stories: %w", err)
	}
	for _, r := range rows {
		e := byVariant[r.VariantID]
		if r.Reason != "" {
			e.LeftOut = append(e.LeftOut, digest.LeftOut{Story: r.StoryID, Title: r.Title, Reason: r.Reason})
			continue
		}
		told, err := parseTold(r.Told)
		if err != nil {
			return err
		}
		e.Stories = append(e.Stories, told)
	}
	return nil
}

// readSkipped reads the slots without an edition, of digests that are for the
// reader's lists by their editions; a digest that never had an edition may be.
// Where each zone has its slot, it is that of the reader's.
func readSkipped(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	var rows []struct {
		slotRow
		DecidedAt *time.Time
		Home      string
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT s.digest, s.slot, s.zone, s.local_time, s.local_date, s.daily, s.instant, s.state, s.reason, s.decided_at,
		       COALESCE((SELECT e.zone FROM editions e WHERE e.digest = s.digest ORDER BY e.id DESC LIMIT 1), '') AS home
		FROM slots s
		WHERE s.state = 'skipped'
		  AND s.instant >= $2
		  AND s.instant < $3
		  AND (NOT EXISTS (SELECT 1 FROM editions e WHERE e.digest = s.digest AND e.kind <> 'proof')
		       OR EXISTS (
		           SELECT 1 FROM editions e
		           WHERE e.digest = s.digest AND e.kind <> 'proof'
		             AND e.lists && ARRAY(SELECT u.list FROM subscriptions u WHERE u.reader_id = $1)))
		ORDER BY s.instant, s.digest, s.zone`, a.Reader.ID, a.From, a.To)
	if err != nil {
		return fmt.Errorf("read skipped slots: %w", err)
	}
	for _, r := range rows {
		if a.Concerns(r.slot(), orZero(r.DecidedAt), r.Home) {
			a.Skipped = append(a.Skipped, r.slot())
		}
	}
	return nil
}
