package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// What an edition leaves out because another mail is about to tell it counts as
// had only until it is known what became of that mail. It is refused, or
// expires, or is called off: then the reader is given the story after all, by
// the next edition of a digest whose window had passed it. Else nobody would
// ever tell it.

// writeAwaited notes what the edition takes for had by mails that are not
// settled: what its variants leave out, and what is on its way in the digest's
// own last editions, behind which the windows of their readers begin.
func (p *publication) writeAwaited(ctx context.Context, _ digest.Composition) error {
	if p.order.Kind == digest.KindProof {
		return nil
	}
	_, err := p.tx.ExecContext(ctx, `
		WITH live AS MATERIALIZED (
			SELECT e.id, e.digest = $2 AS own
			FROM editions e
			WHERE e.state IN ('open', 'sending', 'held') AND e.kind <> 'proof' AND e.id <> $1
		), telling AS MATERIALIZED (
			SELECT DISTINCT vs.story_id, l.id AS teller, l.own
			FROM live l
			JOIN variants v ON v.edition_id = l.id AND v.reason IS NULL
			JOIN variant_stories vs ON vs.variant_id = v.id
		)
		INSERT INTO awaited (edition_id, story_id, teller)
		SELECT $1, t.story_id, t.teller
		FROM telling t
		WHERE NOT t.own
		  AND EXISTS (
			SELECT 1 FROM variants v JOIN variant_left_out o ON o.variant_id = v.id
			WHERE v.edition_id = $1 AND v.reason IS NULL AND o.story_id = t.story_id AND o.reason = $3)
		UNION
		SELECT $1, t.story_id, t.teller
		FROM telling t
		WHERE t.own AND t.teller IN (SELECT d.edition_id FROM deliveries d JOIN live l ON l.id = d.edition_id AND l.own WHERE d.state IN ('claimed', 'sending'))
		ON CONFLICT DO NOTHING`, p.id, p.order.Digest.Name, digest.AlreadySent)
	if err != nil {
		return fmt.Errorf("note what readers are still to get: %w", err)
	}
	return nil
}

// settlesWithin is by how much the clocks of the database and of whoever
// publishes may differ.
const settlesWithin = time.Hour

// fillReturned finds the readers of the audience to whom a story never came that
// an edition of theirs left out for one on its way. Most editions await nothing,
// and of those that did only the last can have failed since the reader's window
// begins: an earlier failure was looked at by the edition before.
func (p *publication) fillReturned(ctx context.Context) error {
	recent, err := p.recent(ctx)
	if err != nil {
		return err
	}
	recent = append(recent, int64(p.id)) // which a later zone joins
	var tellers []struct {
		ID       int64
		Live     bool
		Own      bool
		Finished *time.Time
	}
	err = p.tx.SelectContext(ctx, &tellers, `
		SELECT e.id, e.state IN ('open', 'sending', 'held') AS live, e.digest = $2 AS own, e.finished_at AS finished
		FROM editions e
		WHERE e.id IN (SELECT teller FROM awaited WHERE edition_id = ANY ($1::bigint[]))
		ORDER BY e.id`, pq.Array(recent), p.order.Digest.Name)
	if err != nil {
		return fmt.Errorf("list the editions that were on their way: %w", err)
	}
	if len(tellers) == 0 {
		return nil
	}
	_, err = p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE returned (reader_id bigint, story_id bigint, PRIMARY KEY (reader_id, story_id)) ON COMMIT DROP`)
	if err != nil {
		return fmt.Errorf("make room for what never came: %w", err)
	}
	for _, t := range tellers {
		until := "infinity"
		if t.Finished != nil && !t.Live {
			until = t.Finished.Add(settlesWithin).UTC().Format(time.RFC3339Nano)
		}
		_, err := p.tx.ExecContext(ctx, `
			INSERT INTO returned (reader_id, story_id)
			SELECT a.reader_id, w.story_id
			FROM audience a
			JOIN deliveries d ON d.edition_id = $1 AND d.reader_id = a.reader_id AND NOT `+hadState+` AND NOT (d.state = 'queued' AND $2)
			JOIN variant_stories t ON t.variant_id = d.variant_id
			JOIN awaited w ON w.teller = $1 AND w.story_id = t.story_id AND w.edition_id = ANY ($4::bigint[])
			WHERE a.since < $3::timestamptz
			  AND `+passedBy+` AND NOT `+toldElsewhere+`
			ON CONFLICT DO NOTHING`, t.ID, t.Live, until, pq.Array(recent), digest.AlreadySent, digest.BeforeWindow, p.order.Digest.Name, t.Own)
		if err != nil {
			return fmt.Errorf("find to whom edition %d never came: %w", t.ID, err)
		}
	}
	if err := p.tx.SelectContext(ctx, &p.returned, `SELECT DISTINCT story_id FROM returned ORDER BY story_id`); err != nil {
		return fmt.Errorf("list what never came: %w", err)
	}
	return nil
}

// passedBy says of story w of reader a that an edition which the reader had left
// it out for the teller, or went on behind the teller, an edition of its own
// digest; and that neither that one nor any since decided on it.
const passedBy = `
	EXISTS (
		SELECT 1
		FROM deliveries d
		LEFT JOIN variant_left_out o ON o.variant_id = d.variant_id AND o.story_id = w.story_id
		WHERE d.edition_id = w.edition_id AND d.reader_id = a.reader_id AND ` + hadState + ` AND ($8 OR o.reason = $5))
	AND NOT EXISTS (
		SELECT 1
		FROM deliveries d
		LEFT JOIN variant_left_out o ON o.variant_id = d.variant_id AND o.story_id = w.story_id
		LEFT JOIN variant_stories s ON s.variant_id = d.variant_id AND s.story_id = w.story_id
		WHERE d.edition_id = ANY ($4::bigint[]) AND d.edition_id >= w.edition_id AND d.reader_id = a.reader_id AND ` + hadState + `
		  AND (s.story_id IS NOT NULL OR o.reason NOT IN ($5, $6)))`

// toldElsewhere says of story w of reader a that another mail told it, or is
// about to.
const toldElsewhere = `
	EXISTS (
		SELECT 1
		FROM variant_stories s
		JOIN variants v ON v.id = s.variant_id AND v.reason IS NULL
		JOIN editions e ON e.id = v.edition_id AND e.kind <> 'proof'
		JOIN deliveries d ON d.edition_id = v.edition_id AND d.reader_id = a.reader_id AND d.variant_id = v.id
		WHERE s.story_id = w.story_id
		  AND (` + hadState + ` OR d.state = 'queued' AND e.digest <> $7 AND e.state IN ('open', 'sending', 'held')))`

// returnedNews adds the articles of what never came to the candidates.
func (p *publication) returnedNews(ctx context.Context, m *digest.Material) error {
	if len(p.returned) == 0 {
		return nil
	}
	var rows []articleRow
	err := p.tx.SelectContext(ctx, &rows, articleQuery+`
		WHERE s.story_id = ANY ($1::bigint[]) AND a.withdrawn IS NULL AND a.first_seen <= $2 AND `+ofCategories+`
		ORDER BY a.first_seen DESC, a.id`, pq.Array(p.returned), p.edition.WindowTo, textArray(p.order.Digest.Categories))
	if err != nil {
		return fmt.Errorf("read the articles of what never came: %w", err)
	}
	addCandidates(m, rows)
	return nil
}
