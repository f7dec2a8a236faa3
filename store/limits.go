package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// leaseQuery gives a part of a relay's limits away, in one statement: it locks
// the limits, ages what was spent to the slot now, takes in what comes back,
// and spends what every limit still has room for.
//
// The count slides: it holds the slot now and the 240 before, so that no
// stretch of the limit's length ever has more than the limit; what was spent
// is free again after the length and at most a 240th more. A bucket that
// refills evenly would let twice the limit through in its first stretch.
//
// What comes back leaves the newest slots first: that is where it was spent.
//
// What was spent belongs to the time alone: how many messages a limit has comes
// with each request, so that a limit that is changed forgets nothing, and hosts
// whose limits differ see what all of them spent.
const leaseQuery = `
	WITH held AS MATERIALIZED (
		SELECT a.messages, l.per_ms, l.slot, l.spent
		FROM relay_limits l
		JOIN unnest($2::integer[], $3::bigint[]) AS a (messages, per_ms) ON a.per_ms = l.per_ms
		WHERE l.relay = $1
		ORDER BY l.per_ms
		FOR UPDATE OF l
	), aged AS MATERIALIZED (
		SELECT h.messages, h.per_ms, s.slot, c.ms,
		       ARRAY(SELECT COALESCE(h.spent[i - LEAST(s.slot - h.slot, 241)::integer], 0) FROM generate_series(1, 241) AS i ORDER BY i) AS spent
		FROM held h
		CROSS JOIN LATERAL (SELECT h.per_ms * 0 + EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS ms) c
		CROSS JOIN LATERAL (SELECT GREATEST(h.slot, floor(c.ms * 240 / h.per_ms)::bigint) AS slot) s
	), kept AS MATERIALIZED (
		SELECT a.messages, a.per_ms, a.slot, a.ms,
		       ARRAY(
			SELECT (y.n - GREATEST(0, LEAST(y.n, $5::integer - y.newer)))::integer
			FROM (
				SELECT u.n, u.i, COALESCE(sum(u.n) OVER (ORDER BY u.i ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS newer
				FROM unnest(a.spent) WITH ORDINALITY AS u (n, i)
			) y
			ORDER BY y.i) AS spent
		FROM aged a
	), judged AS MATERIALIZED (
		SELECT k.messages, k.per_ms, k.slot, k.spent,
		       k.messages - (SELECT sum(n) FROM unnest(k.spent) AS n) AS free,
		       (k.slot + 242 - ` + holdsUp + `) * k.per_ms / 240.0 - k.ms AS wait_ms
		FROM kept k
	), lease AS MATERIALIZED (
		-- Nothing before all limits are in the table: what is spent of one must be spent of each.
		SELECT CASE WHEN count(*) < $6::integer THEN 0 ELSE GREATEST(0, LEAST($4::integer, min(free))) END::integer AS messages, count(*) AS known,
		       COALESCE(max(wait_ms) FILTER (WHERE free < 1), 0) AS wait_ms,
		       COALESCE((array_agg(j.messages ORDER BY wait_ms DESC) FILTER (WHERE free < 1))[1], 0) AS by_messages,
		       COALESCE((array_agg(j.per_ms ORDER BY wait_ms DESC) FILTER (WHERE free < 1))[1], 0) AS by_ms
		FROM judged j
	), written AS (
		UPDATE relay_limits l
		SET slot = j.slot, spent = (j.spent[1] + g.messages) || j.spent[2:]
		FROM judged j, lease g
		WHERE l.relay = $1 AND l.per_ms = j.per_ms
	)
	SELECT messages, known, wait_ms, by_messages, by_ms FROM lease`

// holdsUp is the place of the slot that must slide out before a limit of
// k.messages has room: the first at which those since hold all of it. Where
// more was spent than the limit has, since it was lowered, it is not the oldest.
const holdsUp = `COALESCE((
			SELECT min(y.i)
			FROM (SELECT u.i, sum(u.n) OVER (ORDER BY u.i) AS newer FROM unnest(k.spent) WITH ORDINALITY AS u (n, i)) y
			WHERE y.newer >= k.messages), 241)`

// LeaseBudget asks for leave to hand up to want messages to a relay, by all of
// its limits and the database's clock, and gives back what was leased before
// and not used. Whoever leases spends: what a process that dies has leased is
// lost, which is the safe side.
func (s *Store) LeaseBudget(ctx context.Context, relay string, budgets []digest.Budget, want, back int) (digest.Lease, error) {
	messages, per := narrowest(budgets)
	st, err := s.stmt(ctx, leaseQuery)
	if err != nil {
		return digest.Lease{}, err
	}
	for first := true; ; first = false {
		var row struct {
			Messages, Known, ByMessages int
			ByMs                        int64
			WaitMs                      float64
		}
		if err := st.GetContext(ctx, &row, relay, pq.Array(messages), pq.Array(per), want, back, len(per)); err != nil {
			return digest.Lease{}, fmt.Errorf("lease a part of the limits of %s: %w", relay, err)
		}
		if row.Known >= len(per) {
			by := digest.Budget{Messages: row.ByMessages, Per: time.Duration(row.ByMs) * time.Millisecond}
			return digest.Lease{Messages: row.Messages, Wait: time.Duration(max(row.WaitMs, 0) * float64(time.Millisecond)), By: by}, nil
		}
		if !first {
			return digest.Lease{}, fmt.Errorf("lease a part of the limits of %s: they are not in the database", relay)
		}
		back = 0 // the limits that were there have it
		if err := s.knowLimits(ctx, relay, per); err != nil {
			return digest.Lease{}, err
		}
	}
}

// narrowest are the limits by their times: of several with the same time the
// narrowest counts.
func narrowest(budgets []digest.Budget) (messages, per []int64) {
	for _, b := range budgets {
		ms := max(b.Per.Milliseconds(), 1)
		if i := slices.Index(per, ms); i >= 0 {
			messages[i] = min(messages[i], int64(b.Messages))
			continue
		}
		messages, per = append(messages, int64(b.Messages)), append(per, ms)
	}
	return messages, per
}

// knowLimits writes limits down that were never spent from.
func (s *Store) knowLimits(ctx context.Context, relay string, per []int64) error {
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO relay_limits (relay, per_ms)
		SELECT $1, a.per_ms FROM unnest($2::bigint[]) AS a (per_ms)
		ON CONFLICT DO NOTHING`, relay, pq.Array(per))
	if err != nil {
		return fmt.Errorf("write the limits of %s down: %w", relay, err)
	}
	return nil
}

// Spent reads how a relay's limits stand, by the database's clock, and spends
// nothing.
func (s *Store) Spent(ctx context.Context, relay string, budgets []digest.Budget) ([]digest.Spending, error) {
	var rows []struct {
		PerMs, Slot int64
		Spent       pq.Int64Array
		Ms          float64
	}
	messages, per := narrowest(budgets)
	if len(per) == 0 {
		return nil, nil
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT per_ms, slot, spent, EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS ms
		FROM relay_limits
		WHERE relay = $1 AND per_ms = ANY ($2::bigint[])`, relay, pq.Array(per))
	if err != nil {
		return nil, fmt.Errorf("read what is spent of the limits of %s: %w", relay, err)
	}
	list := make([]digest.Spending, len(per))
	for i := range per {
		list[i].Budget = digest.Budget{Messages: int(messages[i]), Per: time.Duration(per[i]) * time.Millisecond}
		for _, r := range rows {
			if r.PerMs != per[i] {
				continue
			}
			for at := len(r.Spent) - 1; at >= 0; at-- {
				// A slot is held until 241 others have begun: see leaseQuery.
				back := float64(r.Slot-int64(at)+241)*float64(r.PerMs)/240 - r.Ms
				if r.Spent[at] > 0 && back > 0 {
					list[i].Spent = append(list[i].Spent, digest.Spent{Messages: int(r.Spent[at]), Back: time.Duration(back * float64(time.Millisecond))})
				}
			}
		}
	}
	return list, nil
}
