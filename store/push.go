package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// errDryRun rolls a transaction back that was only tried.
var errDryRun = errors.New("only tried")

// Push keeps articles that were handed in, all or none, and says what became
// of each. The publisher's word is authoritative: while no edition told it, an
// article becomes what the last push says, also where that says less. A known
// article keeps its ID, and its FirstSeen unless it was withdrawn in between.
// Pushes and polls of one source wait for each other.
func (s *Store) Push(ctx context.Context, p digest.Push) (results []digest.Pushed, err error) {
	articles := p.Claimed()
	for i := range articles {
		articles[i].Title = digest.PlainLine(articles[i].Title, mostTitle)
		articles[i].GUID, articles[i].Canonical = identity(articles[i].GUID), canonicalOf(articles[i])
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		if results, err = push(ctx, tx, p, articles); err == nil && p.DryRun {
			return errDryRun
		}
		return err
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, fmt.Errorf("keep the articles of %s: %w", p.Source.Name, err)
	}
	return results, nil
}

func push(ctx context.Context, tx *sqlx.Tx, p digest.Push, articles []digest.Article) ([]digest.Pushed, error) {
	last, err := lastWindow(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := claimSource(ctx, tx, p.Source, p.At); err != nil {
		return nil, err
	}
	known, err := matchPushed(ctx, tx, p.Source.Name, articles)
	if err != nil {
		return nil, err
	}
	fresh, seen := splitArticles(p.Source.Name, articles, known)
	standings, err := standingsOf(ctx, tx, seen)
	if err != nil {
		return nil, err
	}
	newNews(last, fresh, seen, standings)
	if _, err := insertArticles(ctx, tx, fresh); err != nil {
		return nil, err
	}
	if len(fresh) > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE sources SET listened = 0 WHERE name = $1`, p.Source.Name); err != nil {
			return nil, fmt.Errorf("count the source's silence anew: %w", err)
		}
	}
	if err := overwriteArticles(ctx, tx, seen, standings); err != nil {
		return nil, err
	}
	return pushedAs(ctx, tx, p, articles, known, standings)
}

// claimSource takes the source's row, which is the lock that all writers of
// its articles hold. A process that polls nothing may be the first to name the
// source. A push is what a poll is elsewhere: the source was heard of.
func claimSource(ctx context.Context, tx *sqlx.Tx, src digest.Source, at time.Time) error {
	all := src.AllCategories()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO sources AS s (name, kind, url, category, categories) VALUES ($1, $2, $3, $4, $5::text[])
		ON CONFLICT (name) DO UPDATE SET active = true`,
		src.Name, src.Kind, src.URL, first(all), textArray(all))
	if err != nil {
		return fmt.Errorf("take the source: %w", err)
	}
	if src.Kind != digest.SourcePush {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE sources
		SET kind = $2, url = $3, category = $4, categories = $5::text[],
		    first_poll = COALESCE(first_poll, $6), last_poll = $6, last_success = $6,
		    failures = 0, failing_since = NULL, error = '', gone = false
		WHERE name = $1`, src.Name, src.Kind, src.URL, first(all), textArray(all), at)
	if err != nil {
		return fmt.Errorf("keep when the source was heard of: %w", err)
	}
	return nil
}

// Listening counts for the sources that articles of theirs could come since it
// was last said, if that was within digest.ListenGap. Several processes that
// listen count the time once.
func (s *Store) Listening(ctx context.Context, sources []string, at time.Time) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE sources
		SET listened = listened + CASE
		        WHEN listening_at BETWEEN $2::timestamptz - $3 * interval '1 second' AND $2 THEN extract(epoch FROM $2 - listening_at)::bigint
		        ELSE 0 END,
		    listening_at = $2
		WHERE name = ANY ($1::text[]) AND kind = 'push' AND active
		  AND (listening_at IS NULL OR listening_at NOT BETWEEN $2::timestamptz - interval '1 second' AND $2::timestamptz + $3 * interval '1 second')`,
		textArray(sources), at, digest.ListenGap.Seconds())
	if err != nil {
		return fmt.Errorf("count how long pushes could come: %w", err)
	}
	return nil
}

// pushStanding is how a known article stands to what is pushed of it.
type pushStanding struct {
	ID        int64
	Told      bool // readers had it
	Withdrawn bool
	Same      bool // it is as it is pushed
}

// toldByEdition says of an article k whether an edition that counts carried
// its story.
const toldByEdition = `EXISTS (
	SELECT 1
	FROM article_story t
	JOIN variant_stories vs ON vs.story_id = t.story_id
	JOIN variants v ON v.id = vs.variant_id
	JOIN editions e ON e.id = v.edition_id
	WHERE t.article_id = k.id AND v.reason IS NULL AND e.kind <> 'proof')`

// pushedColumns are what a push says of an article.
const pushedColumns = `url, canonical, title, category, categories, terms, points, points_from, site, attribution, author, published, language,
	image_url, image_alt, image_width, image_height, lead`

// pushedOf are pushedColumns of one table.
func pushedOf(table string) string {
	columns := strings.Split(pushedColumns, ",")
	for i, c := range columns {
		columns[i] = table + "." + strings.TrimSpace(c)
	}
	return strings.Join(columns, ", ")
}

func standingsOf(ctx context.Context, tx *sqlx.Tx, seen []articleText) (map[int64]pushStanding, error) {
	if len(seen) == 0 {
		return nil, nil
	}
	doc, err := json.Marshal(seen)
	if err != nil {
		return nil, fmt.Errorf("write articles down: %w", err)
	}
	var rows []pushStanding
	err = tx.SelectContext(ctx, &rows, `
		SELECT k.id, `+toldByEdition+` AS told, k.withdrawn IS NOT NULL AS withdrawn,
		       (`+pushedOf("k")+`) IS NOT DISTINCT FROM (`+pushedOf("a")+`) AS same
		FROM jsonb_to_recordset($1) AS a `+articleColumns+`
		JOIN articles k ON k.id = a.id`, string(doc))
	if err != nil {
		return nil, fmt.Errorf("look at known articles: %w", err)
	}
	standings := make(map[int64]pushStanding, len(rows))
	for _, r := range rows {
		standings[r.ID] = r
	}
	return standings, nil
}

// newNews moves what becomes news by this push behind the last window, in one
// go so that its order stays: new articles, and those that come back untold.
func newNews(last time.Time, fresh, seen []articleText, standings map[int64]pushStanding) {
	var news []articleText
	var places []*articleText
	for _, list := range [][]articleText{fresh, seen} {
		for i := range list {
			if st := standings[list[i].ID]; list[i].ID == 0 || st.Withdrawn && !st.Told {
				news, places = append(news, list[i]), append(places, &list[i])
			}
		}
	}
	behind(last, news)
	for i := range news {
		*places[i] = news[i]
	}
}

// overwriteArticles makes known articles what was pushed of them, unless an
// edition told them. All of them are out again.
func overwriteArticles(ctx context.Context, tx *sqlx.Tx, seen []articleText, standings map[int64]pushStanding) error {
	var changed []articleText
	var back []int64
	for _, a := range seen {
		st := standings[a.ID]
		if !st.Told && (!st.Same || st.Withdrawn) {
			changed = append(changed, a)
		}
		if st.Told && st.Withdrawn {
			back = append(back, a.ID)
		}
	}
	if len(back) > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE articles SET withdrawn = NULL WHERE id = ANY ($1)`, pq.Array(back)); err != nil {
			return fmt.Errorf("bring articles back: %w", err)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	doc, err := json.Marshal(changed)
	if err != nil {
		return fmt.Errorf("write articles down: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE articles k
		SET (`+pushedColumns+`) = ROW (`+pushedOf("a")+`),
		    first_seen = CASE WHEN k.withdrawn IS NULL THEN k.first_seen ELSE a.first_seen END,
		    withdrawn = NULL
		FROM jsonb_to_recordset($1) AS a `+articleColumns+`
		WHERE k.id = a.id`, string(doc))
	if err != nil {
		return fmt.Errorf("correct known articles: %w", err)
	}
	return nil
}

// pushedAs says what became of each article, in the order they came in.
func pushedAs(
	ctx context.Context, tx *sqlx.Tx, p digest.Push, articles []digest.Article, known []digest.ArticleID, standings map[int64]pushStanding,
) ([]digest.Pushed, error) {
	kept, err := matchArticles(ctx, tx, p.Source.Name, articles)
	if err != nil {
		return nil, err
	}
	results := make([]digest.Pushed, len(articles))
	for i, a := range articles {
		results[i] = digest.Pushed{URL: a.URL, ID: kept[i], Status: digest.PushCreated}
		if known[i] == 0 {
			if p.DryRun {
				results[i].ID = 0
			}
			continue
		}
		results[i].ID = known[i]
		switch st := standings[int64(known[i])]; {
		case st.Withdrawn && !st.Told:
		case st.Same:
			results[i].Status = digest.PushUnchanged
		case st.Told:
			results[i].Status = digest.PushKept
		default:
			results[i].Status = digest.PushUpdated
		}
	}
	return results, nil
}

// Withdraw takes the source's article at an address out of what editions
// choose from. Doing it twice is doing it once. digest.ErrNotFound where the
// source has no such article.
func (s *Store) Withdraw(ctx context.Context, source, address string, at time.Time) (digest.Withdrawal, error) {
	canonical, err := digest.CanonicalURL(address)
	if err != nil {
		return digest.Withdrawal{}, fmt.Errorf("withdraw %s: %w", address, err)
	}
	var row struct {
		ID   int64
		URL  string
		Told bool
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		// An edition that is being made has chosen already, and tells it.
		if _, err := lastWindow(ctx, tx); err != nil {
			return err
		}
		return tx.GetContext(ctx, &row, `
			UPDATE articles k
			SET withdrawn = COALESCE(k.withdrawn, $3)
			WHERE k.source = $1 AND k.canonical = $2
			RETURNING k.id, k.url, `+toldByEdition+` AS told`, source, identity(canonical), at)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return digest.Withdrawal{}, digest.ErrNotFound
	}
	if err != nil {
		return digest.Withdrawal{}, fmt.Errorf("withdraw the article at %s: %w", canonical, err)
	}
	return digest.Withdrawal{URL: row.URL, ID: digest.ArticleID(row.ID), Told: row.Told}, nil
}
