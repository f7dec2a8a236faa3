package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
	"courant/store/storetest"
)

// The ledger in other shapes than the one that was built, for docs/delivery.md,
// "Chosen by measurement". What a shape needs beyond the schema is made in its
// own database and dies with it.
//
//	go test ./store -run '^$' -bench 'Shapes|Room' -benchtime 1x

// bench is a newsroom with a Postgres of its own, so that what Postgres used
// is what the benchmark used.
type bench struct {
	*newsroom
	b      *testing.B
	server interface{ PID() int }
	lane   digest.Lane
	seq    int
}

const benchReaders = 50_000

// newBench has readers and a part of the ledger, shaped by a statement before
// anything is in it; %s is the part's name.
func newBench(b *testing.B, shape string) *bench {
	server := storetest.Server(b)
	n := newNewsroomAt(b, server.DSN())
	n.subscribe("first@example.org")
	n.publish()
	n.do(`DELETE FROM subscriptions`)
	part := n.one(`SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'deliveries'::regclass`)
	if shape != "" {
		n.do(strings.ReplaceAll(shape, "%s", part))
	}
	n.multitude(benchReaders)
	n.do(`CHECKPOINT`)
	return &bench{newsroom: n, b: b, server: server, lane: n.lane()}
}

// ways are the acts that differ between shapes.
type ways struct {
	claim  func(after digest.ReaderID) []digest.Work
	commit func(intents []digest.Intent, settlements []digest.Settlement)
	end    func()
}

// asBuilt is the ledger by its methods.
func (n *bench) asBuilt() ways {
	return ways{
		claim: func(after digest.ReaderID) []digest.Work {
			work, err := n.ClaimFresh(n.b.Context(), n.lane, n.seq, n.edition(), after, 256)
			if err != nil {
				n.b.Fatal(err)
			}
			return work
		},
		commit: func(intents []digest.Intent, settlements []digest.Settlement) {
			granted, settled, err := n.Commit(n.b.Context(), intents, settlements)
			if err != nil || len(settled) != len(settlements) || len(intents) > 0 && len(granted) != len(intents[0].Refs) {
				n.b.Fatalf("granted %d, settled %d of %d, %v", len(granted), len(settled), len(settlements), err)
			}
		},
		end: func() {},
	}
}

func (n *bench) edition() (e digest.EditionID) {
	if err := n.db.QueryRow(`SELECT max(id) FROM editions`).Scan(&e); err != nil {
		n.b.Fatal(err)
	}
	return e
}

// changed is a query with parts of it replaced, each of which must be there.
func (n *bench) changed(query string, pairs ...string) *sql.Stmt {
	n.b.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(query, pairs[i]) {
			n.b.Fatalf("%q is not in %s", pairs[i], query)
		}
		query = strings.ReplaceAll(query, pairs[i], pairs[i+1])
	}
	st, err := n.db.Prepare(query)
	if err != nil {
		n.b.Fatal(err)
	}
	n.b.Cleanup(func() { st.Close() })
	return st
}

func (n *bench) run(st *sql.Stmt, want int, args ...any) {
	n.b.Helper()
	rows, err := st.Query(args...)
	if err != nil {
		n.b.Fatal(err)
	}
	got := 0
	for rows.Next() {
		got++
	}
	if err := rows.Close(); err != nil || rows.Err() != nil || got != want {
		n.b.Fatalf("%d rows of %d, %v, %v", got, want, err, rows.Err())
	}
}

// committing is a commit by another statement.
func (n *bench) committing(st *sql.Stmt) func([]digest.Intent, []digest.Settlement) {
	return func(intents []digest.Intent, settlements []digest.Settlement) {
		want := len(settlements)
		for _, in := range intents {
			want += len(in.Refs)
		}
		n.run(st, want, store.CommitArgs(intents, settlements)...)
	}
}

// The verdict log: what is folded into the ledger later.
const (
	verdictTable = `
	CREATE TABLE verdicts (edition_id bigint, reader_id bigint, lane bigint, fence bigint, seq integer,
	    state text, attempts bigint, reply text, class text, retry_ms bigint, at timestamptz)`
	updateVerdicts = `
		UPDATE deliveries d
		SET state = u.state, attempts = d.attempts + u.attempts, reply = NULLIF(u.reply, ''), class = NULLIF(u.class, ''),
		    not_before = CASE WHEN u.state = 'queued' THEN clock_timestamp() + u.retry_ms * interval '1 millisecond' END,
		    settled_at = CASE WHEN u.state <> 'queued' THEN clock_timestamp() END,
		    lane = NULL, fence = NULL, seq = NULL
		FROM unnest($`
	insertVerdicts = `
		INSERT INTO verdicts AS u
		SELECT u.*, clock_timestamp()
		FROM unnest($`
	verdictMatch = `
		WHERE d.edition_id = u.edition_id AND d.reader_id = u.reader_id AND d.lane = u.lane AND d.fence = u.fence AND d.seq = u.seq
		  AND d.state = 'sending'
		  AND u.lane = ANY`
	foldVerdicts = `
	UPDATE deliveries d
	SET state = u.state, attempts = d.attempts + u.attempts, reply = NULLIF(u.reply, ''), class = NULLIF(u.class, ''),
	    settled_at = u.at, lane = NULL, fence = NULL, seq = NULL
	FROM verdicts u
	WHERE d.edition_id = u.edition_id AND d.reader_id = u.reader_id`
)

// logged settles by appending, and folds at the end.
func (n *bench) logged(pairs ...string) ways {
	n.do(verdictTable)
	w := n.asBuilt()
	w.commit = n.committing(n.changed(store.CommitQuery, append([]string{
		updateVerdicts, insertVerdicts, verdictMatch, "\n\t\tWHERE u.lane = ANY"}, pairs...)...))
	w.end = func() { n.do(foldVerdicts) }
	return w
}

// The claim by ranges: a lane owns the readers from one to another, and their
// rows stay as they are until the intent.
const (
	rangeTable = `CREATE TABLE ranges (edition_id bigint, lane bigint, fence bigint, seq integer, above bigint, through bigint, PRIMARY KEY (lane, seq))`
	rangeClaim = `
	WITH picked AS MATERIALIZED (
		SELECT d.edition_id, d.reader_id, d.variant_id, d.attempts, d.resends
		FROM deliveries d
		WHERE d.edition_id = $4 AND d.reader_id > $5 AND d.state = 'queued' AND d.not_before IS NULL
		ORDER BY d.reader_id
		LIMIT $6
	),` + store.ClaimHeld + `, claimed AS (
		SELECT * FROM picked
	), owned AS (
		INSERT INTO ranges
		SELECT $4, $1, $2, $3, $5, max(reader_id) FROM picked WHERE EXISTS (SELECT 1 FROM held)
	)` + store.ClaimRead
	grantSet   = `SET state = 'sending', intent_at`
	grantMatch = `AND d.lane = u.lane AND d.fence = u.fence AND d.seq = u.seq
		  AND d.state IN ('claimed', 'sending')`
	rangeSet   = `SET state = 'sending', lane = u.lane, fence = u.fence, seq = u.seq, intent_at`
	rangeMatch = `AND (d.state = 'queued' AND d.not_before IS NULL OR d.state = 'sending' AND d.lane = u.lane AND d.fence = u.fence)
		  AND EXISTS (SELECT 1 FROM ranges g WHERE g.lane = u.lane AND g.seq = u.seq AND g.fence = u.fence)`
)

func (n *bench) claimRanges(w ways) ways {
	st := n.changed(rangeClaim)
	w.claim = func(after digest.ReaderID) (work []digest.Work) {
		rows, err := st.Query(int64(n.lane.ID), n.lane.Fence, n.seq, int64(n.edition()), int64(after), 256)
		if err != nil {
			n.b.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var w digest.Work
			var rest [8]any
			if err := rows.Scan(&w.Edition, &w.Reader, &rest[0], &rest[1], &rest[2], &rest[3], &rest[4], &rest[5], &rest[6], &rest[7], new(any)); err != nil {
				n.b.Fatal(err)
			}
			w.Seq = n.seq
			work = append(work, w)
		}
		return work
	}
	return w
}

// BenchmarkLedgerShapes carries 50,000 deliveries from queued to accepted.
func BenchmarkLedgerShapes(b *testing.B) {
	for _, shape := range []struct {
		name string
		ways func(n *bench) ways
	}{
		{"built", (*bench).asBuilt},
		{"verdicts in a commit of their own", func(n *bench) ways {
			w := n.asBuilt()
			both := w.commit
			w.commit = func(intents []digest.Intent, settlements []digest.Settlement) {
				both(nil, settlements)
				both(intents, nil)
			}
			return w
		}},
		{"verdict log, folded at the end", func(n *bench) ways { return n.logged() }},
		{"claims by ranges", func(n *bench) ways {
			n.do(rangeTable)
			w := n.claimRanges(n.asBuilt())
			w.commit = n.committing(n.changed(store.CommitQuery, grantSet, rangeSet, grantMatch, rangeMatch))
			return w
		}},
		{"claims by ranges, verdict log", func(n *bench) ways {
			n.do(rangeTable)
			return n.claimRanges(n.logged(grantSet, rangeSet, grantMatch, rangeMatch))
		}},
	} {
		b.Run(shape.name, func(b *testing.B) {
			n := newBench(b, "")
			w := shape.ways(n)
			for b.Loop() {
				n.carry(w, 32)
			}
		})
	}
}

// BenchmarkRunAheadShapes is the same by the length of an intent.
func BenchmarkRunAheadShapes(b *testing.B) {
	for _, each := range []int{1, 4, 16, 32, 64, 128} {
		b.Run(strconv.Itoa(each), func(b *testing.B) {
			n := newBench(b, "")
			for b.Loop() {
				n.carry(n.asBuilt(), each)
			}
		})
	}
}

// BenchmarkRoomAndIndexes is the same by what the pages and indexes are like.
func BenchmarkRoomAndIndexes(b *testing.B) {
	for _, shape := range []struct{ name, sql string }{
		{"built", ``},
		{"fillfactor 15", `ALTER TABLE %s SET (fillfactor = 15)`},
		{"fillfactor 20", `ALTER TABLE %s SET (fillfactor = 20)`},
		{"fillfactor 25", `ALTER TABLE %s SET (fillfactor = 25)`},
		{"fillfactor 50", `ALTER TABLE %s SET (fillfactor = 50)`},
		{"fillfactor 70", `ALTER TABLE %s SET (fillfactor = 70)`},
		{"fillfactor 100", `ALTER TABLE %s SET (fillfactor = 100)`},
		{"index of the open", `CREATE INDEX ON %s (edition_id, reader_id) WHERE state IN ('queued', 'claimed', 'sending')`},
		{"index of the state", `CREATE INDEX ON %s (edition_id, state)`},
		{"index of the due left out", `DROP INDEX deliveries_due`},
		{"index of the reader left out", `DROP INDEX deliveries_by_reader`},
	} {
		b.Run(shape.name, func(b *testing.B) {
			n := newBench(b, shape.sql)
			for b.Loop() {
				n.carry(n.asBuilt(), 32)
			}
		})
	}
}

// carry publishes and takes the edition through, with claims of 256 and run
// after run, and reports what a delivery cost.
func (n *bench) carry(w ways, each int) {
	b := n.b
	b.StopTimer()
	n.do(`UPDATE editions SET state = 'done'`)
	n.publish()
	n.do(`CHECKPOINT`) // the first change of a page after it is written whole
	before, began, spent := n.one(`SELECT pg_current_wal_lsn()`), time.Now(), n.postgresTime()
	b.StartTimer()
	var settle []digest.Settlement
	var after digest.ReaderID
	done := 0
	for {
		n.seq++
		work := w.claim(after)
		if len(work) == 0 {
			break
		}
		after, done = work[len(work)-1].Reader, done+len(work)
		for len(work) > 0 {
			now := work[:min(each, len(work))]
			work = work[len(now):]
			w.commit([]digest.Intent{n.intentFor(now)}, settle)
			settle = n.accepted(now)
		}
	}
	w.commit(nil, settle)
	w.end()
	b.StopTimer()
	took := time.Since(began)
	if done < benchReaders {
		b.Fatalf("claimed %d", done)
	}
	n.wantTally(n.edition(), fmt.Sprintf("%d accepted", done))
	b.ReportMetric(float64(done)/took.Seconds(), "rows/s")
	b.ReportMetric((n.postgresTime()-spent).Seconds()/float64(done)*1000, "pg-s/1k")
	wal, err := strconv.ParseFloat(n.one(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)`, before), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(wal/float64(done), "wal-B/row")
	size, err := strconv.ParseFloat(n.one(`SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'deliveries'::regclass`), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(size/float64(done), "B/row")
	n.hot()
	b.StartTimer()
}

func (n *bench) intentFor(work []digest.Work) digest.Intent {
	in := digest.Intent{Lane: n.lane, Seq: n.seq, Refs: refs(work)}
	for range work {
		in.MessageIDs = append(in.MessageIDs, "<abcdefghijklmnopqrstuvwxyz234567abcdefghijkl@news.example.com>")
	}
	return in
}

func (n *bench) accepted(work []digest.Work) []digest.Settlement {
	list := make([]digest.Settlement, len(work))
	for i, w := range work {
		list[i] = digest.Settlement{Lane: n.lane, Seq: w.Seq, Ref: w.Ref, Outcome: accepted}
	}
	return list
}

// hot reports the share of updates that stayed within their page and touched
// no index. The figures reach the view when their connection has been idle.
func (n *bench) hot() {
	const query = `
	SELECT sum(n_tup_upd), 100.0 * sum(n_tup_hot_upd) / NULLIF(sum(n_tup_upd), 0)
	FROM pg_stat_user_tables WHERE relname LIKE 'deliveries%'`
	var updates, hot sql.NullFloat64
	for last := -1.0; last != updates.Float64; {
		last = updates.Float64
		n.do(`SELECT pg_stat_force_next_flush(), pg_sleep(1.2)`)
		if err := n.db.QueryRow(query).Scan(&updates, &hot); err != nil {
			n.b.Fatal(err)
		}
	}
	n.b.ReportMetric(hot.Float64, "hot-%")
}

// postgresTime is the CPU time of the server and its backends, from /proc.
func (n *bench) postgresTime() (total time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		pid := filepath.Base(filepath.Dir(path))
		if string(f[1]) != strconv.Itoa(n.server.PID()) && pid != strconv.Itoa(n.server.PID()) {
			continue
		}
		for _, field := range f[11:13] {
			ticks, _ := strconv.Atoi(string(field))
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}
