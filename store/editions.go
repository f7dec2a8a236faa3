package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// publishLock serialises publications: two digests that come due in the same
// minute must not hand the same story to the same reader.
const publishLock = 0x7075626c697368 // "publish"

// lookBack is how far back a reader's last edition is looked for: a weekly
// reader's lies seven days behind.
const lookBack = 10 * 24 * time.Hour

// lookBackEditions is how many of the digest's editions are looked at in any
// case.
const lookBackEditions = 4

// partitionSpan is how many editions share one partition of the ledger.
const partitionSpan = 64

// Publish makes one edition: edition, variants and one queued delivery per
// reader, in one transaction, from what compose decides. The edition is open:
// it waits for its first render. When the digest's slot was answered before,
// that edition comes back and nothing changes; a later zone of a digest in
// readers' zones joins the edition of the earlier ones. When no variant has
// enough stories nothing is published: the slot is recorded as skipped and
// the edition comes back without an ID and with the reason.
func (s *Store) Publish(ctx context.Context, o digest.Order, compose func(digest.Material) (digest.Composition, error)) (digest.Edition, error) {
	id, err := s.nextEdition(ctx)
	if err != nil {
		return digest.Edition{}, err
	}
	var e digest.Edition
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		p := publication{tx: tx, order: o, id: id}
		e, err = p.run(ctx, compose)
		return err
	})
	if err != nil {
		return digest.Edition{}, fmt.Errorf("publish %s: %w", o.Digest.Name, err)
	}
	return e, nil
}

// nextEdition draws an id and makes sure that its partition is there. A gap
// in the ids after a failure does no harm.
func (s *Store) nextEdition(ctx context.Context) (digest.EditionID, error) {
	var id int64
	if err := s.db.GetContext(ctx, &id, `SELECT nextval(pg_get_serial_sequence('editions', 'id'))`); err != nil {
		return 0, fmt.Errorf("number the edition: %w", err)
	}
	from, name := id-id%partitionSpan, partitionOf(digest.EditionID(id))
	// Asked of the table, not by to_regclass: that answers from a cache which
	// does not hear of a table made while this waited for the lock.
	const made = `SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace)`
	var there bool
	if err := s.db.GetContext(ctx, &there, made, name); err != nil {
		return 0, fmt.Errorf("look for partition %s: %w", name, err)
	}
	if there {
		return digest.EditionID(id), nil
	}
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		// Made beside the table and then attached, which locks less than
		// CREATE TABLE ... PARTITION OF while other editions are being sent.
		_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(publishLock))
		if err == nil {
			err = tx.GetContext(ctx, &there, made, name)
		}
		if err != nil || there {
			return err
		}
		// A row is written three times after its birth and grows by its
		// Message-ID and the reply. With room for all that on its page no update
		// touches an index (one in eight does at 30, one in four at 50), and a
		// delivery costs a sixth less of the write-ahead log.
		_, err = tx.ExecContext(ctx, fmt.Sprintf(`
			CREATE TABLE %[1]s (LIKE deliveries INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
			  WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.1);
			ALTER TABLE deliveries ATTACH PARTITION %[1]s FOR VALUES FROM (%[2]d) TO (%[3]d)`,
			name, from, from+partitionSpan))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("make partition %s: %w", name, err)
	}
	return digest.EditionID(id), nil
}

// partitionOf names the part of the ledger that holds an edition's rows.
func partitionOf(id digest.EditionID) string {
	return fmt.Sprintf("deliveries_%d", id-id%partitionSpan)
}

// publication is one run of Publish inside its transaction.
type publication struct {
	tx      *sqlx.Tx
	order   digest.Order
	looking bool   // it is only foreseen: no lock that a real one would wait for
	reader  *int64 // looks at this reader only; nil: at all, as every publication that counts
	id      digest.EditionID
	edition digest.Edition
	joined  bool // a later zone of an edition that is out
	zone    string
	expires time.Time
	stories []digest.StoryID // by index into the composition

	forgotten []digest.StoryID // everybody counts as having had them
	returned  []int64          // stories that never came to some of the audience
}

// run tells the publication in order.
func (p *publication) run(ctx context.Context, compose func(digest.Material) (digest.Composition, error)) (digest.Edition, error) {
	if _, err := p.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(publishLock)); err != nil {
		return p.edition, fmt.Errorf("wait for other publications: %w", err)
	}
	if err := p.spread(ctx); err != nil {
		return p.edition, err
	}
	answered, err := p.begin(ctx)
	if err != nil || answered {
		return p.edition, err
	}
	// An empty slot expires nothing: the savepoint takes it back.
	if _, err := p.tx.ExecContext(ctx, `SAVEPOINT before_expiry`); err != nil {
		return p.edition, fmt.Errorf("savepoint: %w", err)
	}
	if err := p.expirePrevious(ctx); err != nil {
		return p.edition, err
	}
	m, err := p.material(ctx)
	if err != nil {
		return p.edition, err
	}
	if p.order.Moved && len(m.Groups) == 0 {
		return p.skip(ctx, "nobody moved past it")
	}
	c, err := compose(m)
	if err != nil {
		return p.edition, fmt.Errorf("compose: %w", err)
	}
	if empty, reason := nothingToSend(c); empty {
		return p.skip(ctx, reason)
	}
	for _, step := range []func(context.Context, digest.Composition) error{
		p.writeEdition, p.writeStories, p.writeVariants, p.writeAwaited, p.answerSlot,
	} {
		if err := step(ctx, c); err != nil {
			return p.edition, err
		}
	}
	return p.edition, nil
}

// spread lets sorts and hashes of a million readers stay in memory. One process
// of the server works on it: what several may share is done sooner by one that
// merges than by three that hash, and the others have mails to send.
func (p *publication) spread(ctx context.Context) error {
	if _, err := p.tx.ExecContext(ctx, `SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0`); err != nil {
		return fmt.Errorf("ask for memory: %w", err)
	}
	return nil
}

// nothingToSend says whether nobody would get a mail, and why not. Without
// readers the digest's own choice decides, so that the archive goes on.
func nothingToSend(c digest.Composition) (bool, string) {
	reason, readers := "no articles", false
	for _, v := range c.Variants {
		switch {
		case v.Reason == "" && len(v.Groups) > 0:
			return false, ""
		case v.Reason != "" && (v.Default || len(v.Groups) > 0 && reason == "no articles"):
			reason = v.Reason
		}
		readers = readers || len(v.Groups) > 0
	}
	if readers {
		return true, reason
	}
	for _, v := range c.Variants {
		if v.Default && v.Reason == "" {
			return false, ""
		}
	}
	return true, reason
}

// begin draws up the edition: its window, its number, its zone. It says
// whether the slot was answered before.
func (p *publication) begin(ctx context.Context) (answered bool, err error) {
	o := p.order
	d := o.Digest
	p.edition = digest.Edition{
		ID: p.id, Digest: d.Name, Title: d.Title, Kind: o.Kind, Language: d.Language, Subject: d.Subject, Layout: d.Layout, Categories: d.Categories,
		Cadence: o.Cadence, ConfigHash: o.ConfigHash, KeyID: o.KeyID, State: digest.EditionOpen,
		Published: o.Now.UTC().Truncate(time.Microsecond), WindowTo: o.Now, Instant: o.Now, Zone: homeZone(d),
		Slot: o.Now.UTC().Format("2006-01-02T15:04:05.000000Z"),
	}
	if o.Kind == digest.KindProof {
		// Two proofs within a microsecond would share a slot.
		p.edition.Slot = fmt.Sprintf("proof %d", p.id)
	}
	if o.Kind == digest.KindSlot {
		p.edition.Slot, p.edition.Instant = o.Slot.Key, o.Slot.Instant
		if d.TimeZone == digest.ZoneReader {
			p.zone = o.Slot.Zone
		}
		if answered, err = p.findAnswer(ctx); err != nil || answered {
			return answered, err
		}
	}
	fresh := d.FreshUntil
	if fresh <= 0 {
		fresh = 24 * time.Hour
	}
	p.expires = p.edition.Instant.Add(fresh)
	if o.Moved {
		p.expires = o.Now.Add(fresh) // their own instant is their arrival
	}
	p.edition.ExpiresAt = p.expires
	if p.joined {
		return false, nil
	}
	return false, p.numberAndWindow(ctx)
}

func homeZone(d digest.Digest) string {
	if d.TimeZone != digest.ZoneReader && d.TimeZone != "" {
		return d.TimeZone
	}
	if d.HomeZone != "" {
		return d.HomeZone
	}
	return "UTC"
}

// findAnswer looks for the edition that answers the slot, or the local day of
// a digest that fires once a day, whatever schedule made that edition. An
// earlier zone's edition is joined.
func (p *publication) findAnswer(ctx context.Context) (answered bool, err error) {
	slot := p.order.Slot
	lock := " FOR UPDATE"
	if p.looking {
		lock = ""
	}
	state, err := p.slotState(ctx, lock)
	switch {
	case err != nil:
		return false, err
	case state == digest.SlotSkipped:
		p.none("the slot was skipped before")
		return true, nil
	case state == digest.SlotOwed && p.order.Moved:
		p.none("who moved is there when the slot is answered")
		return true, nil
	}
	row := editionRow{}
	err = p.tx.GetContext(ctx, &row, editionQuery+`
		WHERE e.digest = $1 AND (e.slot = $2 OR $3 AND e.kind = 'slot' AND e.local_date = $4::date) ORDER BY e.slot = $2 DESC LIMIT 1`+lock,
		slot.Digest, slot.Key, slot.Daily, slot.LocalDate.String())
	if errors.Is(err, sql.ErrNoRows) {
		never, err := p.neverDue(ctx)
		if err != nil || !never {
			return false, err
		}
		p.none("it was due before the digest's terms counted")
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the slot's edition: %w", err)
	}
	if p.edition, err = row.edition(); err != nil {
		return false, err
	}
	p.id = p.edition.ID
	if p.joins(state) {
		p.joined = true
		p.edition.WindowTo, p.edition.Instant = p.order.Now, slot.Instant
		return false, nil
	}
	if state == "" || p.looking {
		return true, nil
	}
	return true, p.answerSlot(ctx, digest.Composition{})
}

// slotState is what the rows say of the slot; empty: nothing.
func (p *publication) slotState(ctx context.Context, lock string) (state digest.SlotState, err error) {
	slot := p.order.Slot
	err = p.tx.GetContext(ctx, &state, `
		SELECT state FROM slots WHERE digest = $1 AND slot = $2 AND zone = $3`+lock,
		slot.Digest, slot.Key, slot.Zone)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read slot: %w", err)
	}
	return state, nil
}

// none answers the order without an edition.
func (p *publication) none(reason string) {
	p.edition = digest.Edition{Digest: p.order.Slot.Digest, Slot: p.order.Slot.Key, HeldReason: reason}
}

// joins says whether the edition that is out is still to be brought to those
// whom the slot is for: to a later zone, to readers who came to an earlier one,
// or to all whom it had not reached when its digest left readers' zones.
func (p *publication) joins(state digest.SlotState) bool {
	switch {
	case p.edition.State == digest.EditionAbandoned:
		return false
	case p.order.Moved:
		return true
	}
	return state != digest.SlotPublished && (p.zone != "" || digest.SharedKey(p.edition.Slot))
}

// neverDue says whether readers moved to where a slot without an edition had
// been due before the digest's terms counted: nobody is owed that.
func (p *publication) neverDue(ctx context.Context) (never bool, err error) {
	if !p.order.Moved {
		return false, nil
	}
	err = p.tx.GetContext(ctx, &never, `
		SELECT NOT EXISTS (SELECT 1 FROM timetables WHERE digest = $1 AND since < $2)`, p.order.Slot.Digest, p.order.Slot.Instant)
	if err != nil {
		return false, fmt.Errorf("read since when %s has its schedule: %w", p.order.Slot.Digest, err)
	}
	return never, nil
}

// numberAndWindow reads where the digest's last edition ended.
func (p *publication) numberAndWindow(ctx context.Context) error {
	var last struct {
		Number   int
		WindowTo *time.Time
		Seen     *time.Time
	}
	err := p.tx.GetContext(ctx, &last, `
		SELECT COALESCE(max(number), 0) AS number, max(window_to) AS window_to, (SELECT max(first_seen) FROM articles) AS seen
		FROM editions
		WHERE digest = $1 AND kind <> 'proof'`, p.order.Digest.Name)
	if err != nil {
		return fmt.Errorf("read the last edition: %w", err)
	}
	// Whatever is here was seen, even if a clock that was set back says that
	// it will be seen tomorrow.
	if last.Seen != nil && last.Seen.After(p.edition.WindowTo) {
		p.edition.WindowTo = *last.Seen
	}
	p.edition.WindowFrom = p.order.FirstWindow
	if last.WindowTo != nil {
		p.edition.WindowFrom = *last.WindowTo
	}
	if p.edition.WindowFrom.After(p.edition.WindowTo) {
		p.edition.WindowFrom = p.edition.WindowTo
	}
	if p.order.Kind != digest.KindProof {
		p.edition.Number = last.Number + 1
	}
	return nil
}

// expirePrevious ends what is still queued of the digest's last editions, in
// readers' zones only of this zone: yesterday's news is not sent beside
// today's.
func (p *publication) expirePrevious(ctx context.Context) error {
	if p.order.Kind == digest.KindProof {
		return nil
	}
	_, err := p.tx.ExecContext(ctx, `
		UPDATE deliveries d
		SET state = 'expired', not_before = NULL, settled_at = clock_timestamp(),
		    reply = 'a later edition of the digest was published'
		FROM variants v JOIN editions e ON e.id = v.edition_id
		WHERE e.digest = $1 AND e.kind <> 'proof' AND e.id <> $2 AND e.state IN ('open', 'sending', 'held')
		  AND ($3 = '' OR v.zone = $3)
		  AND d.edition_id = e.id AND d.variant_id = v.id AND d.state = 'queued'`,
		p.order.Digest.Name, p.id, p.zone)
	if err != nil {
		return fmt.Errorf("expire the last edition's queue: %w", err)
	}
	// What is claimed now and comes back to queued is too late as well.
	_, err = p.tx.ExecContext(ctx, `
		UPDATE variants v
		SET expires_at = LEAST(v.expires_at, clock_timestamp())
		FROM editions e
		WHERE e.id = v.edition_id AND e.digest = $1 AND e.kind <> 'proof' AND e.id <> $2
		  AND e.state IN ('open', 'sending', 'held') AND ($3 = '' OR v.zone = $3)`,
		p.order.Digest.Name, p.id, p.zone)
	if err != nil {
		return fmt.Errorf("close the last edition: %w", err)
	}
	return nil
}

// skip records that nothing is sent.
func (p *publication) skip(ctx context.Context, reason string) (digest.Edition, error) {
	p.edition = digest.Edition{Digest: p.order.Digest.Name, Slot: p.edition.Slot, Kind: p.order.Kind, HeldReason: reason}
	if _, err := p.tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT before_expiry`); err != nil {
		return p.edition, fmt.Errorf("take the expiry back: %w", err)
	}
	if p.order.Kind != digest.KindSlot {
		return p.edition, nil
	}
	_, err := p.tx.ExecContext(ctx, `
		UPDATE slots
		SET state = 'skipped', reason = $4, decided_at = clock_timestamp()
		WHERE digest = $1 AND slot = $2 AND zone = $3 AND state = 'owed'`,
		p.order.Slot.Digest, p.order.Slot.Key, p.order.Slot.Zone, reason)
	if err != nil {
		return p.edition, fmt.Errorf("record the empty slot: %w", err)
	}
	return p.edition, nil
}

func (p *publication) writeEdition(ctx context.Context, _ digest.Composition) error {
	if p.joined {
		// One that is held stays held. The zone's variants are rendered when the
		// first of them is sent.
		_, err := p.tx.ExecContext(ctx, `
			UPDATE editions
			SET state = CASE state WHEN 'done' THEN 'sending' ELSE state END, finished_at = NULL,
			    window_to = GREATEST(window_to, $2)
			WHERE id = $1`, p.id, p.edition.WindowTo)
		if err != nil {
			return fmt.Errorf("reopen edition %d for zone %s: %w", p.id, p.zone, err)
		}
		return nil
	}
	e := p.edition
	cadence, err := json.Marshal(cadenceJSON(e.Cadence))
	if err != nil {
		return fmt.Errorf("write cadence: %w", err)
	}
	date := p.localDate()
	var number *int
	if e.Number > 0 {
		number = &e.Number
	}
	began, err := p.listsBegan(ctx)
	if err != nil {
		return err
	}
	_, err = p.tx.ExecContext(ctx, `
		INSERT INTO editions (id, digest, title, kind, number, slot, local_date, daily, instant, zone, language,
		                      lists, categories, window_from, window_to, subject, cadence, state, config_hash, key_id, published, layout, recorded, lists_began)
		VALUES ($1, $2, $3, $4, $5, $6, $7::date, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 'open', $18, $19, $20, $21, true, $22)`,
		e.ID, e.Digest, e.Title, string(e.Kind), number, e.Slot, date.String(),
		p.order.Kind == digest.KindSlot && p.order.Slot.Daily, e.Instant, e.Zone, e.Language,
		textArray(p.order.Digest.Lists), textArray(p.order.Digest.Categories), e.WindowFrom, e.WindowTo,
		e.Subject, cadence, e.ConfigHash, int(e.KeyID), e.Published, e.Layout, began)
	if err != nil {
		return fmt.Errorf("write edition: %w", err)
	}
	return nil
}

// localDate is the day that the edition is of.
func (p *publication) localDate() digest.Date {
	if p.order.Kind == digest.KindSlot {
		return p.order.Slot.LocalDate
	}
	if loc, err := time.LoadLocation(p.edition.Zone); err == nil {
		return digest.DateOf(p.edition.Instant.In(loc))
	}
	return digest.DateOf(p.edition.Published)
}

// listsBegan is on which local day the digest first went to each of its lists,
// this edition included; a list that another was merged into has its days, too.
func (p *publication) listsBegan(ctx context.Context) (days pq.StringArray, err error) {
	err = p.tx.GetContext(ctx, &days, `
		WITH RECURSIVE known AS (
			SELECT list, at, list AS was FROM unnest($2::text[]) WITH ORDINALITY AS u (list, at)
			UNION
			SELECT k.list, k.at, m.list FROM known k JOIN merges m ON m.into_list = k.was
		), began AS (
			SELECT k.at, LEAST(min(e.local_date), $3::date) AS day
			FROM known k
			LEFT JOIN editions e ON e.digest = $1 AND e.kind <> 'proof' AND k.was = ANY (e.lists)
			GROUP BY k.at
		)
		SELECT COALESCE(array_agg(day ORDER BY at), '{}') FROM began`,
		p.order.Digest.Name, textArray(p.order.Digest.Lists), p.localDate().String())
	if err != nil {
		return nil, fmt.Errorf("look when the digest began: %w", err)
	}
	return days, nil
}

// firstDays are the days of lists_began by list.
func firstDays(lists, began []string) map[string]digest.Date {
	days := map[string]digest.Date{}
	for i, list := range lists {
		if i >= len(began) {
			break // from before they were kept
		}
		if t, err := time.Parse(time.DateOnly, began[i]); err == nil {
			days[list] = digest.DateOf(t)
		}
	}
	return days
}

// textArray is a text[] that is never NULL.
func textArray(list []string) any {
	if list == nil {
		list = []string{}
	}
	return pq.Array(list)
}

// writeStories gives new stories their ids, ties their articles to them and
// freezes how the edition tells them.
func (p *publication) writeStories(ctx context.Context, c digest.Composition) error {
	fresh := 0
	for _, f := range c.Stories {
		if f.Told.Story == 0 {
			fresh++
		}
	}
	var ids []digest.StoryID
	err := p.tx.SelectContext(ctx, &ids, `
		INSERT INTO stories (created_at)
		SELECT clock_timestamp() FROM generate_series(1, $1)
		RETURNING id`, fresh)
	if err != nil {
		return fmt.Errorf("write stories: %w", err)
	}
	var articles, owners, known []int64
	var told []string
	for _, f := range c.Stories {
		if f.Told.Story == 0 {
			f.Told.Story, ids = ids[0], ids[1:]
		}
		p.stories = append(p.stories, f.Told.Story)
		for _, a := range f.Articles {
			articles, owners = append(articles, int64(a)), append(owners, int64(f.Told.Story))
		}
		b, err := json.Marshal(toldJSON(f.Told))
		if err != nil {
			return fmt.Errorf("freeze story: %w", err)
		}
		known, told = append(known, int64(f.Told.Story)), append(told, string(b))
	}
	_, err = p.tx.ExecContext(ctx, `
		INSERT INTO article_story (article_id, story_id)
		SELECT * FROM unnest($1::bigint[], $2::bigint[])
		ON CONFLICT (article_id) DO NOTHING`, pq.Array(articles), pq.Array(owners))
	if err != nil {
		return fmt.Errorf("tie articles to stories: %w", err)
	}
	_, err = p.tx.ExecContext(ctx, `
		INSERT INTO edition_stories (edition_id, story_id, told)
		SELECT $1, u.story, u.told::jsonb FROM unnest($2::bigint[], $3::text[]) AS u (story, told)
		ON CONFLICT (edition_id, story_id) DO NOTHING`, p.id, pq.Array(known), pq.Array(told))
	if err != nil {
		return fmt.Errorf("freeze stories: %w", err)
	}
	return nil
}

// writeVariants writes the drafts, their stories and what they left out, and
// fans the deliveries out.
func (p *publication) writeVariants(ctx context.Context, c digest.Composition) error {
	ids, err := p.writeDrafts(ctx, c)
	if err != nil {
		return err
	}
	if err := p.writeContents(ctx, c, ids); err != nil {
		return err
	}
	var groups, variants, thin, tooThin []int64
	for i, d := range c.Variants {
		for _, g := range d.Groups {
			if d.Reason == "" {
				groups, variants = append(groups, g), append(variants, ids[i])
			} else {
				thin, tooThin = append(thin, g), append(tooThin, ids[i])
			}
		}
	}
	if err := p.writeUnserved(ctx, thin, tooThin); err != nil {
		return err
	}
	return p.fanOut(ctx, groups, variants)
}

// writeUnserved notes who gets nothing, because the variants are too thin to be
// sent: nobody could say it later, when choices, limits and pasts are others.
func (p *publication) writeUnserved(ctx context.Context, groups, variants []int64) error {
	if len(groups) == 0 {
		return nil
	}
	_, err := p.tx.ExecContext(ctx, `
		INSERT INTO unserved AS x (edition_id, bucket, readers, variants)
		SELECT $1, f.reader_id / 1024, array_agg(f.reader_id), array_agg(f.variant_id)
		FROM `+readersOfGroups+` f
		GROUP BY f.reader_id / 1024
		ON CONFLICT (edition_id, bucket) DO UPDATE
		SET readers = x.readers || EXCLUDED.readers, variants = x.variants || EXCLUDED.variants`,
		p.id, pq.Array(groups), pq.Array(variants))
	if err != nil {
		return fmt.Errorf("note who gets nothing: %w", err)
	}
	return nil
}

// fanOut queues one delivery for each reader of the groups. A reader who moved
// from zone to zone has a row already and keeps it. A later zone's rows lie
// behind the claims of the first pass, so they carry a not_before, by which
// they are found.
func (p *publication) fanOut(ctx context.Context, groups, variants []int64) error {
	conflict := ``
	if p.joined {
		conflict = `ON CONFLICT (edition_id, reader_id) DO NOTHING`
	}
	result, err := p.tx.ExecContext(ctx, `
		INSERT INTO deliveries (edition_id, reader_id, variant_id, not_before)
		SELECT $1, f.reader_id, f.variant_id, CASE WHEN $4 THEN clock_timestamp() END
		FROM `+readersOfGroups+` f
		ORDER BY f.reader_id
		`+conflict, p.id, pq.Array(groups), pq.Array(variants), p.joined)
	if err != nil {
		return fmt.Errorf("fan out: %w", err)
	}
	return p.analyze(ctx, result)
}

// analyze tells the planner of a large edition before the first claim: until
// the next autovacuum it would take the edition for a handful of rows.
func (p *publication) analyze(ctx context.Context, fanOut sql.Result) error {
	n, err := fanOut.RowsAffected()
	if err != nil {
		return fmt.Errorf("count the fan-out: %w", err)
	}
	if n < 1000 {
		return nil
	}
	if _, err := p.tx.ExecContext(ctx, `ANALYZE `+partitionOf(p.id)); err != nil {
		return fmt.Errorf("analyze the ledger: %w", err)
	}
	return nil
}

// writeDrafts gives the drafts their rows. A later zone of an edition finds
// those that its own come out the same as.
func (p *publication) writeDrafts(ctx context.Context, c digest.Composition) ([]int64, error) {
	var signatures, reasons, languages, zones, categories []string
	var shown []bool
	bySignature := make(map[string]int64, len(c.Variants))
	for _, d := range c.Variants {
		if _, twice := bySignature[d.Signature]; twice {
			continue
		}
		bySignature[d.Signature] = 0
		b, err := json.Marshal(d.Categories)
		if err != nil {
			return nil, fmt.Errorf("write a variant's categories: %w", err)
		}
		signatures, reasons, categories = append(signatures, d.Signature), append(reasons, d.Reason), append(categories, string(b))
		languages, zones, shown = append(languages, d.Language), append(zones, d.Zone), append(shown, d.Default && !p.joined)
	}
	var rows []struct {
		ID        int64
		Signature string
	}
	// An array of lists of different lengths is none in Postgres; null stays NULL.
	err := p.tx.SelectContext(ctx, &rows, `
		INSERT INTO variants (edition_id, signature, reason, language, zone, categories, shown, window_to, expires_at)
		SELECT $1, u.signature, NULLIF(u.reason, ''), u.language, u.zone,
		       CASE WHEN u.categories <> 'null' THEN ARRAY(SELECT jsonb_array_elements_text(u.categories::jsonb)) END, u.shown, $8, $9
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
		     AS u (signature, reason, language, zone, categories, shown)
		ON CONFLICT (edition_id, signature) DO UPDATE
		SET expires_at = CASE WHEN $10 THEN GREATEST(variants.expires_at, EXCLUDED.expires_at) ELSE variants.expires_at END
		RETURNING id, signature`,
		p.id, pq.Array(signatures), pq.Array(reasons), pq.Array(languages), pq.Array(zones), pq.Array(categories), pq.BoolArray(shown),
		p.edition.WindowTo, p.expires, p.order.Moved)
	if err != nil {
		return nil, fmt.Errorf("write variants: %w", err)
	}
	for _, r := range rows {
		bySignature[r.Signature] = r.ID
	}
	ids := make([]int64, len(c.Variants))
	for i, d := range c.Variants {
		ids[i] = bySignature[d.Signature]
	}
	return ids, nil
}

// writeContents writes what each draft tells, leaves out and corrects: for all
// of them at once, since a hundred choices make a hundred drafts.
func (p *publication) writeContents(ctx context.Context, c digest.Composition, ids []int64) error {
	var tells, stories, positions, leaves, left, brings, corrections []int64
	var reasons []string
	for i, d := range c.Variants {
		for at, index := range d.Stories {
			tells, stories, positions = append(tells, ids[i]), append(stories, int64(p.stories[index])), append(positions, int64(at+1))
		}
		for index, reason := range d.LeftOut {
			leaves, left, reasons = append(leaves, ids[i]), append(left, int64(p.stories[index])), append(reasons, reason)
		}
		for _, made := range d.Corrections {
			brings, corrections = append(brings, ids[i]), append(corrections, int64(made.ID))
		}
	}
	for _, part := range []struct {
		what, query string
		args        []any
	}{
		{"the variants' stories", `
			INSERT INTO variant_stories (variant_id, story_id, position)
			SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[])
			ON CONFLICT DO NOTHING`, []any{pq.Array(tells), pq.Array(stories), pq.Array(positions)}},
		{"what the variants left out", `
			INSERT INTO variant_left_out (variant_id, story_id, reason)
			SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[])
			ON CONFLICT DO NOTHING`, []any{pq.Array(leaves), pq.Array(left), pq.Array(reasons)}},
		{"the variants' corrections", `
			INSERT INTO variant_corrections (variant_id, correction_id)
			SELECT * FROM unnest($1::bigint[], $2::bigint[])
			ON CONFLICT DO NOTHING`, []any{pq.Array(brings), pq.Array(corrections)}},
	} {
		if _, err := p.tx.ExecContext(ctx, part.query, part.args...); err != nil {
			return fmt.Errorf("write %s: %w", part.what, err)
		}
	}
	return nil
}

// answerSlot marks the slot as published, by this edition.
func (p *publication) answerSlot(ctx context.Context, _ digest.Composition) error {
	if p.order.Kind != digest.KindSlot {
		return nil
	}
	slot := p.order.Slot
	_, err := p.tx.ExecContext(ctx, `
		INSERT INTO slots (digest, slot, zone, local_time, local_date, daily, instant, state, edition_id, decided_at)
		VALUES ($1, $2, $3, $4, $5::date, $6, $7, 'published', $8, clock_timestamp())
		ON CONFLICT (digest, slot, zone) DO UPDATE
		SET state = 'published', edition_id = EXCLUDED.edition_id, decided_at = clock_timestamp()
		WHERE slots.state = 'owed'`,
		slot.Digest, slot.Key, slot.Zone, slot.LocalTime.Format("2006-01-02T15:04:05"), slot.LocalDate.String(),
		slot.Daily, slot.Instant, p.edition.ID)
	if err != nil {
		return fmt.Errorf("answer the slot: %w", err)
	}
	return nil
}
