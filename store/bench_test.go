package store_test

import (
	"testing"
	"time"

	"courant/digest"
)

// multitude subscribes many readers, past the import.
func (n *newsroom) multitude(readers int) {
	n.t.Helper()
	n.do(`INSERT INTO readers (email, email_hash)
	      SELECT 'reader' || i || '@example.org', sha256(i::text::bytea) FROM generate_series(1, $1) AS i`, readers)
	n.do(`INSERT INTO subscriptions (reader_id, list, state) SELECT id, 'readers', 'active' FROM readers`)
	n.do(`ANALYZE readers, subscriptions`)
}

// BenchmarkClaimAndSettle1000 is what the ledger costs for 1,000 mails: claims
// of 256, an intent for each 64 that carries the verdicts of the 64 before.
func BenchmarkClaimAndSettle1000(b *testing.B) {
	n := newNewsroom(b)
	n.multitude(200_000)
	lane := n.lane()
	var e digest.EditionID
	var after digest.ReaderID
	left := 0
	b.ResetTimer()
	for b.Loop() {
		if left < 1000 {
			b.StopTimer()
			if e > 0 {
				n.do(`UPDATE editions SET state = 'done' WHERE id = $1`, e)
			}
			e, after, left = n.publish(), 0, 200_000
			b.StartTimer()
		}
		var settle []digest.Settlement
		for claimed := 0; claimed < 1000; claimed += 250 {
			work, err := n.ClaimFresh(b.Context(), lane, 0, e, after, 250)
			if err != nil || len(work) != 250 {
				b.Fatalf("claimed %d, %v", len(work), err)
			}
			after, left = work[249].Reader, left-250
			for run := range 5 {
				settle = commitRun(b, n, lane, work[50*run:50*(run+1)], settle)
			}
		}
		commitRun(b, n, lane, nil, settle)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "mails/s")
}

// commitRun asks for the next run-ahead and settles the last one.
func commitRun(b *testing.B, n *newsroom, lane digest.Lane, work []digest.Work, settle []digest.Settlement) []digest.Settlement {
	b.Helper()
	var intents []digest.Intent
	if len(work) > 0 {
		in := digest.Intent{Lane: lane, Refs: refs(work)}
		for range work {
			in.MessageIDs = append(in.MessageIDs, "<abcdefghijklmnopqrstuvwxyz234567abcdefghijkl@news.example.com>")
		}
		intents = append(intents, in)
	}
	granted, settled, err := n.Commit(b.Context(), intents, settle)
	if err != nil || len(granted) != len(work) || len(settled) != len(settle) {
		b.Fatalf("granted %d of %d, settled %d of %d, %v", len(granted), len(work), len(settled), len(settle), err)
	}
	next := make([]digest.Settlement, len(granted))
	for i, ref := range granted {
		next[i] = digest.Settlement{Lane: lane, Ref: ref.Ref, Outcome: accepted}
	}
	return next
}

// BenchmarkPublish100000 composes, publishes and fans out to 100,000 readers
// who had the edition before.
func BenchmarkPublish100000(b *testing.B) {
	n := newNewsroom(b)
	n.multitude(100_000)
	n.do(`UPDATE subscriptions SET since = '2025-12-01'`)
	for b.Loop() {
		b.StopTimer()
		n.report(3)
		n.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE state = 'queued'`)
		n.do(`UPDATE editions SET state = 'done'`)
		n.do(`ANALYZE deliveries`)
		n.now = n.now.Add(time.Minute)
		b.StartTimer()
		e, err := n.Publish(b.Context(), digest.Order{
			Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-time.Hour), KeyID: 1,
		}, publishNew)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		n.wantTally(e.ID, "100000 queued")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "readers/s")
}

// BenchmarkPreviewAmong100000 is what a preview waits for: everybody once, then
// the news at each load, or one reader.
func BenchmarkPreviewAmong100000(b *testing.B) {
	n := newNewsroom(b)
	n.multitude(100_000)
	n.do(`UPDATE subscriptions SET since = '2025-12-01'`)
	n.publish()
	n.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE state = 'queued'`)
	n.do(`ANALYZE deliveries`)
	n.report(20)
	n.now = n.now.Add(time.Hour)
	o := digest.Order{Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-time.Hour)}
	m, err := n.Material(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	for name, look := range map[string]func() (digest.Material, error){
		"everybody":  func() (digest.Material, error) { return n.Material(b.Context(), o) },
		"load":       func() (digest.Material, error) { return n.Renew(b.Context(), o, m) },
		"one reader": func() (digest.Material, error) { return n.MaterialFor(b.Context(), o, 77_777) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m, err := look()
				if err != nil || len(m.Groups) != 1 || len(m.Candidates) == 0 {
					b.Fatalf("%+v, %v", m, err)
				}
			}
		})
	}
}

// BenchmarkWatchAMillion is what a look at an edition of a million costs: its
// shares, for status and a scrape, and a page of its ledger.
func BenchmarkWatchAMillion(b *testing.B) {
	n := newNewsroom(b)
	n.multitude(1_000_000)
	e, err := n.Edition(b.Context(), n.publish())
	if err != nil {
		b.Fatal(err)
	}
	n.do(`UPDATE deliveries
	      SET state = CASE WHEN reader_id % 100 = 0 THEN 'refused' ELSE 'accepted' END, settled_at = now() - interval '1 hour', intent_at = now(),
	          message_id = 'm', reply = '250 2.0.0 ok', class = CASE WHEN reader_id % 100 = 0 THEN 'hard' END
	      WHERE reader_id <= 600000`)
	n.do(`ANALYZE deliveries`)
	b.Run("shares", func(b *testing.B) {
		for b.Loop() {
			shares, err := n.Shares(b.Context(), []digest.EditionID{e.ID})
			if err != nil || len(shares) != 3 {
				b.Fatalf("%+v, %v", shares, err)
			}
		}
	})
	b.Run("page of 1000 refused", func(b *testing.B) {
		for b.Loop() {
			page, err := n.Ledger(b.Context(), e, digest.Sieve{State: digest.Refused}, 300_000, 1000)
			if err != nil || len(page) != 1000 {
				b.Fatalf("%d rows, %v", len(page), err)
			}
		}
	})
}

// BenchmarkWalkPastHeldDomain claims 250 deliveries where nine of ten belong to
// a mail domain that is left alone, fresh ones and due ones; "all" is the same
// claim with nothing held.
func BenchmarkWalkPastHeldDomain(b *testing.B) {
	n := newNewsroom(b)
	n.do(`INSERT INTO readers (email, email_hash)
	      SELECT 'reader' || i || CASE WHEN i % 10 > 0 THEN '@big.example' ELSE '@d' || i % 1000 || '.example' END, sha256(i::text::bytea)
	      FROM generate_series(1, 200000) AS i`)
	n.do(`INSERT INTO subscriptions (reader_id, list, state) SELECT id, 'readers', 'active' FROM readers`)
	n.do(`ANALYZE readers, subscriptions`)
	e, lane := n.publish(), n.lane()
	held := digest.DomainChoice{Except: []string{"big.example"}}
	var after digest.ReaderID
	var due time.Time
	for name, claim := range map[string]func() ([]digest.Work, error){
		"all": func() ([]digest.Work, error) {
			work, err := n.ClaimFresh(b.Context(), lane, 0, e, after, 250)
			if len(work) > 0 {
				after = work[len(work)-1].Reader
			}
			return work, err
		},
		"fresh": func() ([]digest.Work, error) {
			w, err := n.WalkFresh(b.Context(), lane, 0, e, after, 250, held)
			after = w.Through
			return w.Work, err
		},
		"due": func() ([]digest.Work, error) {
			w, err := n.WalkDue(b.Context(), lane, 0, due, 250, held)
			due = w.Until
			return w.Work, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			got := 0
			for b.Loop() {
				work, err := claim()
				if err != nil {
					b.Fatal(err)
				}
				if got += len(work); len(work) == 0 {
					b.StopTimer()
					after, due = 0, time.Time{}
					n.do(`UPDATE deliveries SET state = 'queued', lane = NULL, fence = NULL, seq = NULL,
					      not_before = CASE WHEN $1 THEN clock_timestamp() END`, name == "due")
					n.do(`VACUUM deliveries`)
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(got)/b.Elapsed().Seconds(), "claims/s")
		})
	}
}
