package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// hadQuery asks where the stories $2 were sent to the reader $1. It begins at
// the reader's own deliveries, by deliveries_by_reader, and looks the stories
// up in what each of them told: neither the size of the ledger nor the number
// of an edition's variants counts. Materialized, because the planner takes the
// other way round where stories are few, through all variants that told them.
const hadQuery = `
	WITH mine AS MATERIALIZED (
		SELECT d.edition_id, d.variant_id
		FROM deliveries d
		WHERE d.reader_id = $1
		  AND (d.state IN ('queued', 'claimed', 'sending', 'accepted', 'in doubt', 'bounced', 'complained') OR d.resends > 0)
	)
	SELECT vs.story_id, e.title, e.digest, v.zone, COALESCE(e.number, 0) AS number, e.instant, e.published
	FROM mine
	JOIN variant_stories vs ON vs.variant_id = mine.variant_id AND vs.story_id = ANY ($2::bigint[])
	JOIN variants v ON v.id = mine.variant_id AND v.reason IS NULL
	JOIN editions e ON e.id = mine.edition_id AND e.kind <> 'proof'
	ORDER BY e.published, e.id`

// hadRow is one telling of a story to the reader.
type hadRow struct {
	StoryID            digest.StoryID
	Title, Digest      string
	Zone               string
	Number             int
	Instant, Published time.Time
}

// where is the edition in the words of a reason.
func (r hadRow) where() string {
	told := digest.Edition{Digest: r.Digest, Title: r.Title, Number: r.Number}
	return told.Where(inZone(r.Instant, r.Zone))
}

// readHad says of each story that was already sent to the reader where that
// was.
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
	var rows []hadRow
	if err := tx.SelectContext(ctx, &rows, hadQuery, a.Reader.ID, pq.Array(sent)); err != nil {
		return fmt.Errorf("read where stories were sent: %w", err)
	}
	byStory := map[digest.StoryID][]hadRow{}
	for _, r := range rows {
		byStory[r.StoryID] = append(byStory[r.StoryID], r)
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		for j := range e.LeftOut {
			if l := &e.LeftOut[j]; strings.HasPrefix(l.Reason, digest.AlreadySent) {
				l.Reason = sentBefore(l.Reason, e.Edition, byStory[l.Story])
			}
		}
	}
	return nil
}

// sentBefore adds to the reason where the story was last told before the
// edition; tellings stand in order of time.
func sentBefore(reason string, e digest.Edition, tellings []hadRow) string {
	for _, r := range slices.Backward(tellings) {
		if !r.Published.After(e.Published) {
			return digest.AlreadySent + r.where()
		}
	}
	return reason
}

// inZone is an instant on a zone's clock; UTC where the zone is unknown here.
func inZone(at time.Time, zone string) time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return at.UTC()
	}
	return at.In(loc)
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
		Title     string
		Shown, At string // the article that stands for it, and its source
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT e.id AS edition_id, es.story_id, a.title, es.told->>'title' AS shown, es.told->>'source' AS at
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
		e := byEdition[r.EditionID]
		e.LeftOut = append(e.LeftOut, digest.LeftOut{Story: r.StoryID, Title: r.Title, Reason: fmt.Sprintf("folded into %q at %s", r.Shown, r.At)})
	}
	return nil
}
