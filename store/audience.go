package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	var oldest *time.Time
	if err := p.tx.GetContext(ctx, &oldest, `SELECT min(since) FROM audience`); err != nil {
		return m, fmt.Errorf("read the oldest window: %w", err)
	}
	var err error
	if err = p.newsSince(ctx, &m, oldest); err != nil {
		return m, err
	}
	if p.order.Kind != digest.KindProof {
		if m.Corrections, err = p.corrections(ctx); err != nil {
			return m, err
		}
		if err := p.fillHad(ctx, m); err != nil {
			return m, err
		}
	}
	if m.Groups, err = p.group(ctx, len(m.Corrections) > 0); err != nil || !p.looking {
		return m, err
	}
	m.OnLists, err = p.onLists(ctx)
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
// what editors decided, and what was told lately.
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
	if p.looking {
		if m.Older, err = p.older(ctx, since, m.Candidates); err != nil {
			return err
		}
	}
	m.Sent, err = sentStories(ctx, p.tx, p.order.Now.Add(-72*time.Hour))
	return err
}

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
// Of an edition that follows readers who moved, only those are listed who were
// on a list before they did and have no delivery of it yet.
//
// The queries stay on whole sets: a million readers take seconds, not a query
// each. Where only one reader is asked for, each set is narrowed to that one.
func (p *publication) fillAudience(ctx context.Context) error {
	d := p.order.Digest
	zones, err := p.knownZones(ctx)
	if err != nil {
		return err
	}
	_, err = p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE audience ON COMMIT DROP AS
		WITH recent AS (
			SELECT e.id, e.window_from, e.published, e.local_date
			FROM editions e
			WHERE e.digest = $1 AND e.kind <> 'proof' AND e.id <> $2 AND e.published > $3::timestamptz - $4::interval
		), had AS (
			SELECT d.reader_id, max(v.window_to) AS window_to, max(r.local_date) AS last_day
			FROM recent r
			JOIN deliveries d ON d.edition_id = r.id
			JOIN variants v ON v.id = d.variant_id
			WHERE (d.state IN ('claimed', 'sending', 'accepted', 'in doubt', 'bounced', 'complained') OR d.resends > 0)
			  AND ($11::bigint IS NULL OR d.reader_id = $11)
			GROUP BY d.reader_id
		), subscribed AS (
			SELECT s.reader_id, min(s.since) AS since
			FROM subscriptions s
			WHERE s.list = ANY ($5::text[]) AND s.state = 'active'
			  AND ($11::bigint IS NULL OR s.reader_id = $11)
			  AND (NOT $13 OR EXISTS (SELECT 1 FROM moves m WHERE m.reader_id = s.reader_id AND m.at > s.since))
			GROUP BY s.reader_id
		), due AS (
			SELECT r.id AS reader_id, r.language, `+zoneColumn+` AS zone, c.categories, c.frequency, c.weekday,
			       s.since AS joined, h.window_to, h.last_day
			FROM subscribed s
			JOIN readers r ON r.id = s.reader_id
			LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = $1
			LEFT JOIN had h ON h.reader_id = r.id
			WHERE r.email IS NOT NULL
			  AND c.left_at IS NULL
			  AND (c.paused_until IS NULL OR c.paused_until <= $12::timestamptz)
			  AND NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > $12))
		)
		SELECT reader_id, language, zone, categories, NULL::bigint[] AS had, NULL::bigint AS grp,
		       COALESCE(window_to,
		                (SELECT min(recent.window_from) FROM recent WHERE recent.published >= joined),
		                $8::timestamptz) AS since
		FROM due
		WHERE ($6 = '' OR zone = $6)
		  AND (NOT $13 OR NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.edition_id = $2 AND x.reader_id = due.reader_id))
		  AND CASE frequency
		      WHEN 'daily' THEN last_day IS NULL OR last_day < $7::date
		      WHEN 'weekly' THEN
		          CASE WHEN weekday IS NULL THEN last_day IS NULL OR last_day <= $7::date - 7
		          -- the last such weekday on or before the edition's day
		          ELSE COALESCE(last_day, (joined AT TIME ZONE zone)::date - 1)
		               < $7::date - mod(EXTRACT(DOW FROM $7::date)::integer - weekday + 7, 7)
		          END
		      ELSE true
		      END`,
		d.Name, p.id, p.order.Now, fmt.Sprintf("%d hours", int(lookBack.Hours())), textArray(d.Lists),
		p.zone, p.localDay(), p.edition.WindowFrom, homeZone(d), textArray(zones),
		p.reader, p.moment(), p.order.Moved)
	if err != nil {
		return fmt.Errorf("list the audience: %w", err)
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
const zoneColumn = `CASE WHEN r.time_zone = ANY ($10::text[]) THEN r.time_zone ELSE $9 END`

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

// fillProof makes an audience of one, whose past does not count.
func (p *publication) fillProof(ctx context.Context) error {
	_, err := p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE audience ON COMMIT DROP AS
		SELECT r.id AS reader_id, r.language, $2::text AS zone, NULL::text[] AS categories, NULL::bigint[] AS had,
		       NULL::bigint AS grp, $3::timestamptz AS since
		FROM readers r
		WHERE lower(r.email) = lower($1)`, p.order.Address, homeZone(p.order.Digest), p.edition.WindowFrom)
	if err != nil {
		return fmt.Errorf("find the proof's reader: %w", err)
	}
	return nil
}

// fillHad notes for each reader which candidate stories came before, in
// whatever digest. A story queued in another digest's live edition counts as
// had too: two digests due in the same minute would otherwise both carry it.
func (p *publication) fillHad(ctx context.Context, m digest.Material) error {
	var known []int64
	for _, c := range m.Candidates {
		if c.Story != 0 {
			known = append(known, int64(c.Story))
		}
	}
	// A new article may fold into a story that was sent before.
	for _, s := range m.Sent {
		known = append(known, int64(s.ID))
	}
	for _, s := range m.Dropped {
		known = append(known, int64(s.ID))
	}
	// Who had what was wrong is owed the correction, until a variant brought it.
	all, made := known, []int64{}
	for _, c := range m.Corrections {
		all, made = append(all[:len(all):len(all)], int64(c.Story)), append(made, int64(c.ID))
	}
	if len(all) == 0 {
		return nil
	}
	_, err := p.tx.ExecContext(ctx, `
		WITH told AS (
			SELECT DISTINCT v.id, v.edition_id
			FROM variant_stories vs
			JOIN variants v ON v.id = vs.variant_id
			JOIN editions e ON e.id = v.edition_id
			WHERE vs.story_id = ANY ($1::bigint[]) AND v.reason IS NULL AND e.kind <> 'proof'
			UNION
			SELECT v.id, v.edition_id
			FROM variant_corrections vc
			JOIN variants v ON v.id = vc.variant_id
			WHERE vc.correction_id = ANY ($4::bigint[])
		), had AS (
			SELECT d.reader_id, array_agg(d.variant_id ORDER BY d.variant_id) AS variants
			FROM told t
			JOIN editions e ON e.id = t.edition_id
			JOIN deliveries d ON d.edition_id = t.edition_id AND d.variant_id = t.id
			WHERE ($3::bigint IS NULL OR d.reader_id = $3)
			  AND (d.state IN ('claimed', 'sending', 'accepted', 'in doubt', 'bounced', 'complained')
			       OR d.resends > 0 -- was in doubt: the first copy may have come
			       OR d.state = 'queued' AND e.digest <> $2 AND e.state IN ('open', 'sending', 'held'))
			GROUP BY d.reader_id
		)
		UPDATE audience a SET had = h.variants FROM had h WHERE h.reader_id = a.reader_id`,
		pq.Array(all), p.order.Digest.Name, p.reader, pq.Array(made))
	if err != nil {
		return fmt.Errorf("read what readers had: %w", err)
	}
	if len(known) == 0 {
		return nil
	}
	return p.fillForgotten(ctx, known)
}

// group names the groups and reads them. Readers of one group share choices,
// zone, window and past.
func (p *publication) group(ctx context.Context, corrected bool) ([]digest.Group, error) {
	_, err := p.tx.ExecContext(ctx, `
		WITH groups AS (
			SELECT row_number() OVER () AS grp, language, zone, categories, had, since
			FROM audience
			GROUP BY language, zone, categories, had, since
		)
		UPDATE audience a
		SET grp = g.grp
		FROM groups g
		WHERE a.language = g.language AND a.zone = g.zone AND a.since = g.since
		  AND COALESCE(a.categories, '{}') = COALESCE(g.categories, '{}') AND COALESCE(a.had, '{}') = COALESCE(g.had, '{}')`)
	if err != nil {
		return nil, fmt.Errorf("group the audience: %w", err)
	}
	var rows []struct {
		Grp        int64
		Language   string
		Zone       string
		Categories pq.StringArray
		Had        pq.Int64Array
		Owed       pq.Int64Array
		Since      time.Time
		Readers    int
	}
	err = p.tx.SelectContext(ctx, &rows, `
		SELECT a.grp, a.language, a.zone, a.categories, a.since, count(*) AS readers,
		       (SELECT array_agg(DISTINCT vs.story_id ORDER BY vs.story_id)
		        FROM variant_stories vs WHERE vs.variant_id = ANY (a.had)) AS had,
		       CASE WHEN $1 THEN (
		           SELECT array_agg(c.id ORDER BY c.id)
		           FROM corrections c
		           WHERE c.at > $2::timestamptz - $3::interval AND c.at <= $2
		             AND EXISTS (
		                 SELECT 1
		                 FROM variant_stories vs
		                 JOIN variants v ON v.id = vs.variant_id
		                 JOIN editions e ON e.id = v.edition_id
		                 WHERE vs.variant_id = ANY (a.had) AND vs.story_id = c.story_id AND e.published <= c.at)
		             AND NOT EXISTS (
		                 SELECT 1 FROM variant_corrections vc WHERE vc.variant_id = ANY (a.had) AND vc.correction_id = c.id))
		       END AS owed
		FROM audience a
		GROUP BY a.grp, a.language, a.zone, a.categories, a.since, a.had
		ORDER BY a.grp`, corrected, p.edition.Published, correctionsCount)
	if err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	groups := make([]digest.Group, len(rows))
	for i, r := range rows {
		groups[i] = digest.Group{Key: r.Grp, Language: r.Language, Zone: r.Zone, Categories: r.Categories, Since: r.Since, Readers: r.Readers}
		for _, id := range r.Had {
			groups[i].Had = append(groups[i].Had, digest.StoryID(id))
		}
		for _, id := range r.Owed {
			groups[i].Owed = append(groups[i].Owed, digest.CorrectionID(id))
		}
	}
	return groups, nil
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

// sentStories reads the stories that any edition published since then told,
// for folding.
func sentStories(ctx context.Context, q sqlx.QueryerContext, since time.Time) ([]digest.Story, error) {
	var rows []articleRow
	err := sqlx.SelectContext(ctx, q, &rows, articleQuery+`
		WHERE s.story_id IN (
			SELECT es.story_id FROM edition_stories es JOIN editions e ON e.id = es.edition_id
			WHERE e.published > $1 AND e.kind <> 'proof')
		ORDER BY s.story_id, a.id`, since)
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
// reader who came a minute ago.
func (s *Store) Renew(ctx context.Context, o digest.Order, m digest.Material) (digest.Material, error) {
	return s.foresee(ctx, o, nil, func(p *publication, ctx context.Context) (digest.Material, error) {
		renewed := digest.Material{Digest: o.Digest, Edition: p.edition, Groups: m.Groups}
		var oldest *time.Time
		for _, g := range m.Groups {
			if oldest == nil || g.Since.Before(*oldest) {
				oldest = &g.Since
			}
		}
		return renewed, p.newsSince(ctx, &renewed, oldest)
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
