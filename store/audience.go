package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// material gathers what the edition is decided from. The audience goes into a
// temporary table and is grouped by the database: only the groups come here.
func (p *publication) material(ctx context.Context) (digest.Material, error) {
	m := digest.Material{Digest: p.order.Digest, Edition: p.edition}
	fill := p.fillAudience
	if p.order.Kind == digest.KindProof {
		fill = p.fillProof
	}
	if err := fill(ctx); err != nil {
		return m, err
	}
	if p.order.Kind != digest.KindProof {
		if err := p.fillReturned(ctx); err != nil {
			return m, err
		}
	}
	var oldest *time.Time
	if err := p.tx.GetContext(ctx, &oldest, `SELECT min(since) FROM audience`); err != nil {
		return m, fmt.Errorf("read the oldest window: %w", err)
	}
	var err error
	if err = p.newsSince(ctx, &m, oldest); err != nil {
		return m, err
	}
	if m.Corrections, err = p.corrections(ctx); err != nil {
		return m, err
	}
	if err := p.fillPast(ctx, m); err != nil {
		return m, err
	}
	if m.Groups, err = p.group(ctx, m); err != nil || !p.looking {
		return m, err
	}
	if m.OnLists, err = p.onLists(ctx); err != nil {
		return m, err
	}
	if m.Brought, err = p.brought(ctx); err != nil {
		return m, err
	}
	began, err := p.listsBegan(ctx)
	m.Firsts = firstDays(p.order.Digest.Lists, began)
	return m, err
}

// onLists counts the audience by list.
func (p *publication) onLists(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		List    string
		Readers int
	}
	err := p.tx.SelectContext(ctx, &rows, `
		SELECT s.list, count(*) AS readers
		FROM audience a
		JOIN subscriptions s ON s.reader_id = a.reader_id
		WHERE s.list = ANY ($1::text[]) AND s.state = 'active'
		GROUP BY s.list`, textArray(p.order.Digest.Lists))
	if err != nil {
		return nil, fmt.Errorf("count the readers by list: %w", err)
	}
	on := make(map[string]int, len(rows))
	for _, r := range rows {
		on[r.List] = r.Readers
	}
	return on, nil
}

// newsSince reads what there is to tell: the articles of the widest window,
// what editors decided, and what was told before.
func (p *publication) newsSince(ctx context.Context, m *digest.Material, oldest *time.Time) (err error) {
	since := p.edition.WindowFrom
	if oldest != nil && oldest.Before(since) {
		since = *oldest
	}
	if m.Candidates, err = selectCandidates(ctx, p.tx, since, p.edition.WindowTo, p.order.Digest.Categories); err != nil {
		return err
	}
	if err := p.marks(ctx, m); err != nil {
		return err
	}
	if err := p.returnedNews(ctx, m); err != nil {
		return err
	}
	if p.looking {
		if m.Older, err = p.older(ctx, since, m.Candidates); err != nil {
			return err
		}
	}
	m.Sent, err = p.toldBefore(ctx, m.Candidates)
	return err
}

// foldsWithin is how far apart two tellings of one event lie at most.
const foldsWithin = 72 * time.Hour

// foldsBack is from when on what was told or dropped is compared with the
// candidates: a reader's window may begin a week ago, and what it begins with
// was perhaps told then by another digest.
func (p *publication) foldsBack(candidates []digest.Candidate) time.Time {
	first := p.order.Now
	for _, c := range candidates {
		if c.FirstSeen.Before(first) {
			first = c.FirstSeen
		}
	}
	if last := p.order.Now.Add(-mostFoldsBack); first.Before(last) {
		first = last // a pin may be of any age
	}
	return first.Add(-foldsWithin)
}

// mostFoldsBack bounds what is compared; a digest of each month looks back so
// far.
const mostFoldsBack = 35 * 24 * time.Hour

// older counts the articles that came in since the digest's last edition and
// that no edition will carry, because they count from before the window: a
// source that is polled for the first time brings mostly such. Rows are
// numbered as they come in, so only the newest of them are read.
func (p *publication) older(ctx context.Context, since time.Time, candidates []digest.Candidate) (n int, err error) {
	var pinned []int64
	for _, c := range candidates {
		if !c.FirstSeen.After(since) {
			pinned = append(pinned, int64(c.ID))
		}
	}
	err = p.tx.GetContext(ctx, &n, `
		SELECT count(*)
		FROM articles a
		WHERE a.id > COALESCE((
				SELECT max(t.article_id)
				FROM edition_stories es
				JOIN article_story t ON t.story_id = es.story_id
				WHERE es.edition_id = (SELECT max(e.id) FROM editions e WHERE e.digest = $1 AND e.kind <> 'proof')), 0)
		  AND a.first_seen <= $2 AND a.withdrawn IS NULL AND a.id <> ALL (COALESCE($4::bigint[], '{}'))
		  AND `+ofCategories+`
		  AND NOT EXISTS (SELECT 1 FROM article_story t WHERE t.article_id = a.id)`,
		p.order.Digest.Name, since, textArray(p.order.Digest.Categories), pq.Array(pinned))
	if err != nil {
		return 0, fmt.Errorf("count the articles before the window: %w", err)
	}
	return n, nil
}

// fillAudience lists who gets the edition: active on one of the digest's
// lists, not gone, not paused, not suppressed, and due by frequency. Since is
// where the reader's window begins: the last edition of the digest the reader
// had, else the first one published since the reader came, else the edition's
// own window.
//
// Who is paused or suppressed is judged as of the edition's moment, which lies
// ahead where the edition is only planned.
//
// Of an edition that is out in other zones, only those are listed who have no
// delivery of it yet; where it follows readers who moved, only those of them who
// were on a list before they did.
//
// The queries stay on whole sets: a million readers take seconds, not a query
// each. Where only one reader is asked for, each set is narrowed to that one.
func (p *publication) fillAudience(ctx context.Context) error {
	recent, err := p.recent(ctx)
	if err != nil {
		return err
	}
	if err := p.fillMembers(ctx, recent); err != nil {
		return err
	}
	if err := p.lookFurtherBack(ctx, recent); err != nil {
		return err
	}
	return p.keepWhoIsDue(ctx)
}

// fillMembers lists who may be in the audience, and since when: most had the
// digest's last edition, so that one is read as a whole.
//
// In the readers' order, as all the tables are written: they are merged then,
// and no hash of a million rows is jumped about in, which took twice the time.
func (p *publication) fillMembers(ctx context.Context, recent []int64) error {
	zones, err := p.knownZones(ctx)
	if err != nil {
		return err
	}
	_, err = p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE audience ON COMMIT DROP AS
		WITH recent AS MATERIALIZED (
			SELECT window_from, published
			FROM editions
			WHERE id = ANY ($12::bigint[])
		), subscribed AS (
			SELECT s.reader_id, min(s.since) AS since
			FROM subscriptions s
			WHERE s.list = ANY ($3::text[]) AND s.state = 'active'
			  AND ($7::bigint IS NULL OR s.reader_id = $7)
			  AND (NOT $9 OR EXISTS (SELECT 1 FROM moves m WHERE m.reader_id = s.reader_id AND m.at > s.since))
			GROUP BY s.reader_id
		), had AS (
			SELECT d.reader_id, v.window_to, e.local_date AS last_day
			FROM deliveries d
			JOIN variants v ON v.id = d.variant_id
			JOIN editions e ON e.id = d.edition_id
			WHERE d.edition_id = $2 AND `+hadState+`
			  AND ($7::bigint IS NULL OR d.reader_id = $7)
		)
		SELECT r.id AS reader_id, r.language, `+zoneColumn+` AS zone, COALESCE(c.categories, '{}') AS categories,
		       c.frequency, c.weekday, s.since AS joined, h.last_day,
		       COALESCE(h.window_to,
		                (SELECT min(recent.window_from) FROM recent WHERE recent.published >= s.since),
		                $13::timestamptz) AS since
		FROM subscribed s
		JOIN readers r ON r.id = s.reader_id
		LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = $1
		LEFT JOIN had h ON h.reader_id = r.id
		WHERE r.email IS NOT NULL
		  AND ($4 = '' OR `+zoneColumn+` = $4)
		  AND c.left_at IS NULL
		  AND (c.paused_until IS NULL OR c.paused_until <= $8::timestamptz)
		  AND NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > $8))
		  AND (NOT $11 OR NOT EXISTS (SELECT 1 FROM deliveries y WHERE y.edition_id = $10 AND y.reader_id = r.id))
		ORDER BY r.id`,
		p.order.Digest.Name, firstOf(recent), textArray(p.order.Digest.Lists), p.zone, homeZone(p.order.Digest), textArray(zones), p.reader, p.moment(),
		p.order.Moved, p.id, p.order.Moved || p.joined, pq.Array(recent), p.edition.WindowFrom)
	if err != nil {
		return fmt.Errorf("list the members: %w", err)
	}
	return p.learn(ctx, "audience")
}

// lookFurtherBack finds for who had not the last edition the one before that
// ended last, one reader by one or all at once as the planner finds best.
func (p *publication) lookFurtherBack(ctx context.Context, recent []int64) error {
	if len(recent) < 2 {
		return nil
	}
	_, err := p.tx.ExecContext(ctx, `
		UPDATE audience a
		SET since = earlier.window_to, last_day = earlier.last_day
		FROM (
			SELECT m.reader_id, max(v.window_to) AS window_to, max(e.local_date) AS last_day
			FROM audience m
			JOIN deliveries d ON d.reader_id = m.reader_id
			JOIN editions e ON e.id = d.edition_id
			JOIN variants v ON v.id = d.variant_id
			WHERE m.last_day IS NULL AND d.edition_id = ANY ($1::bigint[]) AND `+hadState+`
			GROUP BY m.reader_id
		) earlier
		WHERE earlier.reader_id = a.reader_id`, pq.Array(recent[1:]))
	if err != nil {
		return fmt.Errorf("look for members' last editions: %w", err)
	}
	return nil
}

// keepWhoIsDue leaves only those in the audience whose frequency says so.
func (p *publication) keepWhoIsDue(ctx context.Context) error {
	_, err := p.tx.ExecContext(ctx, `
		DELETE FROM audience
		WHERE CASE frequency
		      WHEN 'daily' THEN last_day IS NULL OR last_day < $1::date
		      WHEN 'weekly' THEN
		          CASE WHEN weekday IS NULL THEN last_day IS NULL OR last_day <= $1::date - 7
		          -- the last such weekday on or before the edition's day
		          ELSE COALESCE(last_day, (joined AT TIME ZONE zone)::date - 1)
		               < $1::date - mod(EXTRACT(DOW FROM $1::date)::integer - weekday + 7, 7)
		          END
		      ELSE true
		      END IS NOT TRUE`, p.localDay())
	if err != nil {
		return fmt.Errorf("list the audience: %w", err)
	}
	return nil
}

// hadState says of delivery d that its reader had the mail, or may have. What
// was in doubt and sent again may have come the first time. Most often it is
// the first word.
const hadState = `(d.state IN ('accepted', 'bounced', 'complained', 'in doubt', 'sending', 'claimed') OR d.resends > 0)`

// recent lists the digest's editions that a reader's last one is looked for
// in, the one whose window ends last first. Editions of a digest that comes
// once a month lie further back than lookBack, and who had no mail of the last
// one has a claim to its stories, too.
func (p *publication) recent(ctx context.Context) (ids []int64, err error) {
	err = p.tx.SelectContext(ctx, &ids, `
		SELECT e.id
		FROM (
			SELECT id, published, window_to, row_number() OVER (ORDER BY id DESC) AS place
			FROM editions
			WHERE digest = $1 AND kind <> 'proof' AND id <> $2
		) e
		WHERE e.published > $3::timestamptz - $4::interval OR e.place <= $5
		ORDER BY e.window_to DESC, e.id DESC`,
		p.order.Digest.Name, p.id, p.order.Now, fmt.Sprintf("%d hours", int(lookBack.Hours())), lookBackEditions)
	if err != nil {
		return nil, fmt.Errorf("list the digest's last editions: %w", err)
	}
	return ids, nil
}

func firstOf(ids []int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	return ids[0]
}

// learn tells the planner of a table that was just made. Autovacuum never sees
// a temporary one. A sample of 3,000 rows says enough of it.
func (p *publication) learn(ctx context.Context, table string) error {
	if p.reader != nil {
		return nil // of one row
	}
	_, err := p.tx.ExecContext(ctx, `
		SET LOCAL default_statistics_target = 10;
		ANALYZE `+table+`;
		SET LOCAL default_statistics_target TO DEFAULT`)
	if err != nil {
		return fmt.Errorf("analyze the %s: %w", table, err)
	}
	return nil
}

// moment is when the edition goes out: its instant where that lies ahead, else
// now.
func (p *publication) moment() time.Time {
	if p.edition.Instant.After(p.order.Now) {
		return p.edition.Instant
	}
	return p.order.Now
}

// zoneColumn is the zone a reader's mail is shown in: in a digest of readers'
// zones the reader's own where it is known, else the digest's.
const zoneColumn = `CASE WHEN r.time_zone = ANY ($6::text[]) THEN r.time_zone ELSE $5 END`

// knownZones lists the zones that readers have and that both Go and Postgres
// know; none where the digest has a zone of its own.
func (p *publication) knownZones(ctx context.Context) ([]string, error) {
	if p.order.Digest.TimeZone != digest.ZoneReader {
		return nil, nil
	}
	var names, known []string
	err := p.tx.SelectContext(ctx, &names, `
		SELECT name FROM pg_timezone_names
		WHERE name IN (SELECT DISTINCT time_zone FROM readers WHERE time_zone <> '')`)
	if err != nil {
		return nil, fmt.Errorf("read readers' zones: %w", err)
	}
	for _, name := range names {
		if _, err := time.LoadLocation(name); err == nil {
			known = append(known, name)
		}
	}
	return known, nil
}

// localDay is the local day of the edition, for frequencies.
func (p *publication) localDay() string {
	if p.order.Kind == digest.KindSlot {
		return p.order.Slot.LocalDate.String()
	}
	loc, err := time.LoadLocation(p.edition.Zone)
	if err != nil {
		loc = time.UTC
	}
	return digest.DateOf(p.edition.Instant.In(loc)).String()
}

// fillProof makes an audience of one, whose past does not count but for what
// has to be corrected of it.
func (p *publication) fillProof(ctx context.Context) error {
	_, err := p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE audience ON COMMIT DROP AS
		SELECT r.id AS reader_id, r.language, $2::text AS zone, '{}'::text[] AS categories, $3::timestamptz AS since
		FROM readers r
		WHERE lower(r.email) = lower($1)`, p.order.Address, homeZone(p.order.Digest), p.edition.WindowFrom)
	if err != nil {
		return fmt.Errorf("find the proof's reader: %w", err)
	}
	return nil
}

// ofCategories asks of an article whether it is in one of the categories $3, in
// whatever case its publisher writes them; of no categories every article is.
const ofCategories = `(cardinality($3::text[]) = 0 OR a.categories && $3
	       OR EXISTS (SELECT 1 FROM unnest(a.categories) AS its, unnest($3) AS asked WHERE lower(its) = lower(asked)))`

// selectCandidates reads the articles of the categories first seen within
// (from, to], newest first. No categories means all.
func selectCandidates(ctx context.Context, q sqlx.QueryerContext, from, to time.Time, categories []string) ([]digest.Candidate, error) {
	var rows []articleRow
	err := sqlx.SelectContext(ctx, q, &rows, articleQuery+`
		WHERE a.first_seen > $1 AND a.first_seen <= $2 AND a.withdrawn IS NULL AND `+ofCategories+`
		ORDER BY a.first_seen DESC, a.id
		LIMIT 5000`, from, to, textArray(categories))
	if err != nil {
		return nil, fmt.Errorf("read candidate articles: %w", err)
	}
	candidates := make([]digest.Candidate, len(rows))
	for i, r := range rows {
		candidates[i] = r.candidate()
	}
	return candidates, nil
}

// toldBefore reads, for folding, the stories that any edition told lately, and
// those of any age that were told from an address that a candidate has, too: a
// second source that brings a piece a week later brings no news.
func (p *publication) toldBefore(ctx context.Context, candidates []digest.Candidate) ([]digest.Story, error) {
	var addresses []string
	for _, c := range candidates {
		if c.Story == 0 {
			addresses = append(addresses, c.Canonical)
		}
	}
	var rows []articleRow
	err := p.tx.SelectContext(ctx, &rows, articleQuery+`
		WHERE s.story_id IN (
			SELECT es.story_id FROM edition_stories es JOIN editions e ON e.id = es.edition_id
			WHERE e.published > $1 AND e.kind <> 'proof'
			UNION
			SELECT t.story_id
			FROM articles o
			JOIN article_story t ON t.article_id = o.id
			JOIN edition_stories es ON es.story_id = t.story_id
			JOIN editions e ON e.id = es.edition_id
			WHERE o.canonical = ANY ($2::text[]) AND e.kind <> 'proof')
		ORDER BY s.story_id, a.id`, p.foldsBack(candidates), pq.Array(addresses))
	if err != nil {
		return nil, fmt.Errorf("read sent stories: %w", err)
	}
	var stories []digest.Story
	for _, r := range rows {
		c := r.candidate()
		if len(stories) == 0 || stories[len(stories)-1].ID != c.Story {
			stories = append(stories, digest.Story{ID: c.Story})
		}
		last := &stories[len(stories)-1]
		last.Articles = append(last.Articles, c.Article)
	}
	return stories, nil
}

// Material gathers what an edition ordered like this would be decided from,
// and changes nothing: for plan and preview.
func (s *Store) Material(ctx context.Context, o digest.Order) (digest.Material, error) {
	return s.foresee(ctx, o, nil, (*publication).material)
}

// MaterialFor is Material with one reader for an audience: quick, however many
// others there are. No group means that the reader is not due.
func (s *Store) MaterialFor(ctx context.Context, o digest.Order, reader digest.ReaderID) (digest.Material, error) {
	return s.foresee(ctx, o, (*int64)(&reader), (*publication).material)
}

// Renew reads the news of a material again and keeps its groups, which take
// the time: an editor who reloads a preview looks for an article, not for a
// reader who came a minute ago. Only where a story of an earlier edition is told
// anew must be asked again who had it.
func (s *Store) Renew(ctx context.Context, o digest.Order, m digest.Material) (digest.Material, error) {
	return s.foresee(ctx, o, nil, func(p *publication, ctx context.Context) (digest.Material, error) {
		renewed := digest.Material{Digest: o.Digest, Edition: p.edition, Groups: m.Groups}
		var oldest *time.Time
		for _, g := range m.Groups {
			for _, id := range g.Returned {
				p.returned = append(p.returned, int64(id))
			}
			if oldest == nil || g.Since.Before(*oldest) {
				oldest = &g.Since
			}
		}
		if err := p.newsSince(ctx, &renewed, oldest); err != nil {
			return renewed, err
		}
		same := func(a, b digest.Known) bool { return a.ID == b.ID && a.Newest.Equal(b.Newest) }
		if o.Known != nil && !slices.EqualFunc(o.Known(m), o.Known(renewed), same) {
			return p.material(ctx)
		}
		var err error
		renewed.Corrections, err = p.corrections(ctx)
		return renewed, err
	})
}

// NewsMark is a word that changes when what a digest would tell of the time
// since may do so: articles that came in or were corrected, what editors marked,
// and editions that were published. It reads an index and the rows since then, so it may be
// asked every second.
func (s *Store) NewsMark(ctx context.Context, name string, since time.Time) (mark string, err error) {
	// A row has another xmin after each change.
	err = s.db.GetContext(ctx, &mark, `
		SELECT concat_ws(' ',
		    (SELECT max(id) FROM articles),
		    (SELECT md5(string_agg(a.id || ' ' || a.xmin, ',' ORDER BY a.id)) FROM articles a WHERE a.first_seen >= $2),
		    (SELECT max(id) FROM article_marks),
		    (SELECT count(*) FROM article_marks WHERE ended_at IS NULL),
		    (SELECT max(id) FROM editions WHERE digest = $1 AND kind <> 'proof'))`, name, since)
	if err != nil {
		return "", fmt.Errorf("look for news: %w", err)
	}
	return mark, nil
}

// foresee begins a publication, looks, and takes all of it back.
func (s *Store) foresee(
	ctx context.Context, o digest.Order, reader *int64, look func(*publication, context.Context) (digest.Material, error),
) (m digest.Material, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		p := publication{tx: tx, order: o, looking: true, reader: reader}
		if err := p.spread(ctx); err != nil {
			return err
		}
		if answered, err := p.begin(ctx); err != nil || answered {
			m = digest.Material{Digest: o.Digest, Edition: p.edition, Answered: answered}
			return errors.Join(err, tx.Rollback())
		}
		if m, err = look(&p, ctx); err != nil {
			return err
		}
		return tx.Rollback()
	})
	if errors.Is(err, sql.ErrTxDone) {
		err = nil
	}
	return m, err
}
