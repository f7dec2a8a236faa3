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
)

// pageRow is digest.FullPage as the database has it.
type pageRow struct {
	Page    string
	Reading []byte
	Tries   int
	Again   *time.Time
	Mine    bool
}

func (r pageRow) page() (digest.FullPage, error) {
	p := digest.FullPage{Page: r.Page, Tries: r.Tries, Again: orZero(r.Again)}
	if r.Reading != nil {
		p.Reading = &digest.Article{}
		if err := json.Unmarshal(r.Reading, p.Reading); err != nil {
			return p, fmt.Errorf("read what page %s said: %w", r.Page, err)
		}
	}
	return p, nil
}

// ClaimPage tells what is remembered of a page. It is mine where it may be
// asked for now and nobody else does: then it is kept from others until it is
// saved or the lease is over. The source's own claim is prolonged with it.
func (s *Store) ClaimPage(ctx context.Context, source, page string, now time.Time, lease time.Duration) (p digest.FullPage, mine bool, err error) {
	r, err := s.claimPage(ctx, source, page, now, lease)
	if errors.Is(err, sql.ErrNoRows) {
		// Another's row came between our look and our insertion.
		r, err = s.claimPage(ctx, source, page, now, lease)
	}
	if err != nil {
		return p, false, fmt.Errorf("claim page %s: %w", page, err)
	}
	p, err = r.page()
	return p, r.Mine, err
}

func (s *Store) claimPage(ctx context.Context, source, page string, now time.Time, lease time.Duration) (r pageRow, err error) {
	err = s.db.GetContext(ctx, &r, `
		WITH claimed AS (
			INSERT INTO pages AS p (page, tries, again, asked)
			VALUES ($1, 1, $2::timestamptz + $3 * interval '1 microsecond', $2)
			ON CONFLICT (page) DO UPDATE
			SET tries = p.tries + 1, again = EXCLUDED.again, asked = EXCLUDED.asked
			WHERE p.reading IS NULL AND p.again <= $2
			RETURNING page, reading, tries, again
		), prolonged AS (
			UPDATE sources
			SET polling_until = clock_timestamp() + $5 * interval '1 microsecond'
			WHERE name = $4 AND polling_until IS NOT NULL
		)
		SELECT page, reading, tries, again, true AS mine FROM claimed
		UNION ALL
		SELECT page, reading, tries, again, false FROM pages
		WHERE page = $1 AND NOT EXISTS (SELECT 1 FROM claimed)
		LIMIT 1`, identity(page), now, lease.Microseconds(), source, pollLease.Microseconds())
	return r, err
}

// SavePage keeps what came of a page that was claimed.
func (s *Store) SavePage(ctx context.Context, p digest.FullPage) error {
	var reading *string
	if p.Reading != nil {
		text, err := json.Marshal(p.Reading)
		if err != nil {
			return fmt.Errorf("write down page %s: %w", p.Page, err)
		}
		plain := string(text)
		reading = &plain
	}
	_, err := s.db.ExecContext(ctx, `
		UPDATE pages
		SET reading = $2::json, tries = $3, again = $4
		WHERE page = $1`, identity(p.Page), reading, p.Tries, zeroNull(p.Again))
	if err != nil {
		return fmt.Errorf("keep page %s: %w", p.Page, err)
	}
	return nil
}

// OwedPages lists articles of a source, the newest first, that wait for their
// page and may have it now. What was told, or first seen before since, waits
// for nothing any more.
func (s *Store) OwedPages(ctx context.Context, source string, since, now time.Time, most int) ([]digest.Article, error) {
	var rows []articleRow
	err := s.db.SelectContext(ctx, &rows, articleQuery+`
		LEFT JOIN pages p ON p.page = a.page
		WHERE a.source = $1 AND a.page <> '' AND a.first_seen > $2 AND s.story_id IS NULL
		  AND (p.page IS NULL OR p.reading IS NOT NULL OR p.again IS NULL OR p.again <= $3)
		ORDER BY a.first_seen DESC, a.id
		LIMIT $4`, source, since, now, most)
	if err != nil {
		return nil, fmt.Errorf("list pages that %s waits for: %w", source, err)
	}
	articles := make([]digest.Article, len(rows))
	for i, r := range rows {
		articles[i] = r.candidate().Article
	}
	return articles, nil
}

// settlePages says of known articles which page they wait for now. Unlike
// their text this is no matter of what was told.
func settlePages(ctx context.Context, tx *sqlx.Tx, doc string) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE articles k
		SET page = a.page
		FROM jsonb_to_recordset($1) AS a (id bigint, page text)
		WHERE k.id = a.id AND k.page <> a.page`, doc)
	if err != nil {
		return fmt.Errorf("settle pages: %w", err)
	}
	return nil
}

// keepPages is how long a page is remembered. Its articles are known for good
// and never ask for it again; what is left are new articles that link to it.
const keepPages = 14 * 24 * time.Hour

// ForgetPages removes pages that were asked for long ago, and silences of
// servers that are over, and says how many of the former.
func (s *Store) ForgetPages(ctx context.Context, r Retention) (int, error) {
	age := (keepPages - r.Ahead).Microseconds()
	n, err := s.inPortions(ctx, emptyMost, func(tx *sqlx.Tx) (int, error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM held_servers WHERE until < now() - interval '1 day'`); err != nil {
			return 0, err
		}
		return affected(tx.ExecContext(ctx, `
			DELETE FROM pages
			WHERE page IN (
				SELECT page FROM pages
				WHERE asked < `+before+`
				LIMIT $2
				FOR UPDATE SKIP LOCKED)`, age, emptyMost))
	})
	if err != nil {
		return n, fmt.Errorf("forget old pages: %w", err)
	}
	return n, nil
}
