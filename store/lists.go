package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"
)

// Lists counts the readers of every list that has, or had, some.
func (s *Store) Lists(ctx context.Context) ([]digest.ListCount, error) {
	var list []digest.ListCount
	err := s.db.SelectContext(ctx, &list, `
		SELECT s.list,
		       count(*) FILTER (WHERE s.state = 'active' AND x.email_hash IS NULL) AS active,
		       count(*) FILTER (WHERE s.state = 'active' AND x.email_hash IS NOT NULL) AS suppressed,
		       count(*) FILTER (WHERE s.state = 'pending') AS pending,
		       count(*) FILTER (WHERE s.state = 'unsubscribed') AS unsubscribed
		FROM subscriptions s
		JOIN readers r ON r.id = s.reader_id
		LEFT JOIN suppressions x ON x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp())
		GROUP BY s.list
		ORDER BY s.list`)
	if err != nil {
		return nil, fmt.Errorf("count the readers of the lists: %w", err)
	}
	return list, nil
}

// ListWeeks tells what came and went on a list in each of the last weeks, the
// running one last. Digests are those of the list. It counts by the rows as
// they are: who left and came back later counts as of the coming back.
func (s *Store) ListWeeks(ctx context.Context, list string, digests []string, weeks int) ([]digest.ListWeek, error) {
	var rows []struct {
		Week                                              time.Time
		Joined, LeftList, LeftDigest, Suppressed, Readers int
	}
	err := s.db.SelectContext(ctx, &rows, listWeeksQuery, list, textArray(digests), weeks)
	if err != nil {
		return nil, fmt.Errorf("count the weeks of %s: %w", list, err)
	}
	told := make([]digest.ListWeek, len(rows))
	for i, r := range rows {
		told[i] = digest.ListWeek{
			List: list, Week: digest.DateOf(r.Week), Joined: r.Joined, Left: r.LeftList, LeftDigest: r.LeftDigest, Suppressed: r.Suppressed, Readers: r.Readers,
		}
	}
	return told, nil
}

// listWeeksQuery brings each reader of list $1 down to the weeks of joining,
// ending and suppression, and sums these up: a million rows are read once.
// "On" is the balance of all weeks up to one.
const listWeeksQuery = `
	WITH weeks AS (
		SELECT this - n * interval '7 days' AS week
		FROM date_trunc('week', now() AT TIME ZONE 'UTC') AS this, generate_series(0, $3::integer - 1) AS n
	), members AS (
		SELECT date_trunc('week', s.since AT TIME ZONE 'UTC') AS joined,
		       date_trunc('week', s.ended_at AT TIME ZONE 'UTC') AS ended,
		       CASE WHEN x.since < COALESCE(s.ended_at, 'infinity') THEN date_trunc('week', GREATEST(x.since, s.since) AT TIME ZONE 'UTC') END AS suppressed
		FROM subscriptions s
		JOIN readers r ON r.id = s.reader_id
		LEFT JOIN suppressions x ON x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > now()) AND x.reason <> 'erased'
		WHERE s.list = $1 AND s.state <> 'pending'
	), moved AS (
		SELECT joined AS week, count(*) AS joined, 0 AS ended, 0 AS suppressed, count(*) AS balance FROM members GROUP BY joined
		UNION ALL
		SELECT ended, 0, count(*), 0, -count(*) FILTER (WHERE suppressed IS NULL) FROM members WHERE ended IS NOT NULL GROUP BY ended
		UNION ALL
		SELECT suppressed, 0, 0, count(*), -count(*) FROM members WHERE suppressed IS NOT NULL GROUP BY suppressed
	), left_digests AS (
		SELECT date_trunc('week', c.left_at AT TIME ZONE 'UTC') AS week, count(DISTINCT c.reader_id) AS readers
		FROM choices c
		JOIN subscriptions s ON s.reader_id = c.reader_id AND s.list = $1 AND s.state = 'active'
		WHERE c.digest = ANY ($2::text[]) AND c.left_at IS NOT NULL
		GROUP BY 1
	)
	SELECT w.week,
	       COALESCE(sum(m.joined) FILTER (WHERE m.week = w.week), 0)::bigint AS joined,
	       COALESCE(sum(m.ended) FILTER (WHERE m.week = w.week), 0)::bigint AS left_list,
	       COALESCE((SELECT d.readers FROM left_digests d WHERE d.week = w.week), 0) AS left_digest,
	       COALESCE(sum(m.suppressed) FILTER (WHERE m.week = w.week), 0)::bigint AS suppressed,
	       COALESCE(sum(m.balance), 0)::bigint AS readers
	FROM weeks w
	LEFT JOIN moved m ON m.week <= w.week
	GROUP BY w.week
	ORDER BY w.week`
