package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// readHad says of each story that was already sent to the reader where that
// was. The deliveries are found by the stories: variant_stories_by_story, then
// the ledger's primary key, so the size of the ledger does not count.
func readHad(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	var sent []int64
	for _, e := range a.Entries {
		for _, l := range e.LeftOut {
			if strings.HasPrefix(l.Reason, digest.AlreadySent) {
				sent = append(sent, int64(l.Story))
			}
		}
	}
	if len(sent) == 0 {
		return nil
	}
	var rows []struct {
		StoryID            digest.StoryID
		EditionID          digest.EditionID
		Title, Digest      string
		Zone               string
		Number             int
		Instant, Published time.Time
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT vs.story_id, e.id AS edition_id, e.title, e.digest, v.zone, COALESCE(e.number, 0) AS number, e.instant, e.published
		FROM variant_stories vs
		JOIN variants v ON v.id = vs.variant_id
		JOIN editions e ON e.id = v.edition_id
		JOIN deliveries d ON d.edition_id = e.id AND d.variant_id = v.id AND d.reader_id = $1
		WHERE vs.story_id = ANY ($2::bigint[]) AND v.reason IS NULL AND e.kind <> 'proof'
		  AND (d.state IN ('queued', 'claimed', 'sending', 'accepted', 'in doubt', 'bounced', 'complained') OR d.resends > 0)
		ORDER BY e.published, e.id`, a.Reader.ID, pq.Array(sent))
	if err != nil {
		return fmt.Errorf("read where stories were sent: %w", err)
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		for j := range e.LeftOut {
			l := &e.LeftOut[j]
			if !strings.HasPrefix(l.Reason, digest.AlreadySent) {
				continue
			}
			// The last telling before this edition: rows stand in that order.
			for _, r := range rows {
				if r.StoryID == l.Story && r.EditionID != e.Edition.ID && !r.Published.After(e.Edition.Published) {
					told := digest.Edition{Digest: r.Digest, Title: r.Title, Number: r.Number}
					l.Reason = digest.AlreadySent + told.Where(inZone(r.Instant, r.Zone)) + strings.TrimPrefix(cutWhere(l.Reason), digest.AlreadySent)
				}
			}
		}
	}
	return nil
}

// inZone is an instant on a zone's clock; UTC where the zone is unknown here.
func inZone(at time.Time, zone string) time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return at.UTC()
	}
	return at.In(loc)
}

// cutWhere takes off a reason what an earlier row said of where a story was
// sent.
func cutWhere(reason string) string {
	if strings.HasPrefix(reason, digest.AlreadySent+" on ") {
		return digest.AlreadySent
	}
	return reason
}

// readFolded adds the articles that another one stood for: those of a story
// that had come in by the edition, in its categories.
func readFolded(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	editions := make([]int64, 0, len(a.Entries))
	byEdition := map[digest.EditionID]*digest.Entry{}
	for i := range a.Entries {
		if e := &a.Entries[i]; e.Variant != 0 {
			editions = append(editions, int64(e.Edition.ID))
			byEdition[e.Edition.ID] = e
		}
	}
	var rows []struct {
		EditionID digest.EditionID
		StoryID   digest.StoryID
		ArticleID digest.ArticleID
		Title     string
		Told      []byte
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT e.id AS edition_id, es.story_id, a.id AS article_id, a.title, es.told
		FROM editions e
		JOIN edition_stories es ON es.edition_id = e.id
		JOIN article_story t ON t.story_id = es.story_id
		JOIN articles a ON a.id = t.article_id
		WHERE e.id = ANY ($1::bigint[])
		  AND a.first_seen > e.window_from AND a.first_seen <= e.window_to AND (a.withdrawn IS NULL OR a.withdrawn > e.published)
		  AND a.id <> (es.told->>'article')::bigint
		  AND (cardinality(e.categories) = 0
		       OR EXISTS (SELECT 1 FROM unnest(a.categories) AS its, unnest(e.categories) AS asked WHERE lower(its) = lower(asked)))
		ORDER BY e.id, a.id`, pq.Array(editions))
	if err != nil {
		return fmt.Errorf("read folded articles: %w", err)
	}
	for _, r := range rows {
		told, err := parseTold(r.Told)
		if err != nil {
			return err
		}
		e := byEdition[r.EditionID]
		e.LeftOut = append(e.LeftOut, digest.LeftOut{Story: r.StoryID, Title: r.Title, Reason: fmt.Sprintf("folded into %q at %s", told.Title, told.Source)})
	}
	return nil
}
