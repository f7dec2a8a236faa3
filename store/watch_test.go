package store_test

import (
	"testing"
	"time"

	"courant/digest"
)

func TestSharesTellWhatTheRowsHaveInCommon(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 8)
	lane := n.lane()
	work := n.claim(lane, e)
	refuse := func(w digest.Work, code int, status, text string, v digest.Verdict) {
		o := digest.Outcome{Verdict: v, Reply: digest.Reply{Code: code, Status: status, Text: text}}
		if code >= 400 {
			o.Class = digest.Classify(code, status, text)
		}
		n.settle(lane, w.Ref, o)
	}
	if _, err := n.intend(t.Context(), lane, refs(work)[:6]...); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		refuse(work[i], 250, "2.0.0", "ok", digest.VerdictAccepted)
	}
	refuse(work[2], 550, "5.1.1", "user unknown", digest.VerdictRefused)
	refuse(work[3], 451, "4.7.1", "slow down", digest.VerdictDeferred)
	refuse(work[4], 0, "", "", digest.VerdictInDoubt)
	shares, err := n.Shares(t.Context(), []digest.EditionID{e})
	if err != nil {
		t.Fatal(err)
	}
	p := digest.Progress{Shares: shares, At: time.Now()}
	want := digest.Tally{digest.Accepted: 2, digest.Refused: 1, digest.Queued: 1, digest.InDoubt: 1, digest.Sending: 1, digest.Claimed: 2}
	if p.Tally().String() != want.String() || p.Deferred() != 1 {
		t.Errorf("%s, %d deferred", p.Tally(), p.Deferred())
	}
	if got := p.Sum(func(s digest.Share) bool { return s.Lane == lane.ID }); got != 3 {
		t.Errorf("the lane has %d in hand", got)
	}
	for _, s := range shares {
		switch {
		case s.Deferred && (s.Attempts != 1 || s.Next.IsZero() || s.Said != "451 4.7.1 slow down" || s.Class != digest.ClassThrottled):
			t.Errorf("deferred: %+v", s)
		case s.State == digest.Refused && s.Said != "550 5.1.1 user unknown":
			t.Errorf("refused: %+v", s)
		case s.State == digest.Accepted && (s.Said != "" || s.Lately != 2 || s.First.IsZero() || s.Last.Before(s.First)):
			t.Errorf("accepted: %+v", s)
		case s.Waiting.IsZero():
			t.Errorf("since when? %+v", s)
		}
	}
	n.do(`UPDATE deliveries SET settled_at = now() - interval '1 minute' WHERE state = 'accepted'`)
	if shares, err = n.Shares(t.Context(), []digest.EditionID{e}); err != nil {
		t.Fatal(err)
	}
	for _, s := range shares {
		if s.State == digest.Accepted && s.Lately != 0 {
			t.Errorf("what was settled a minute ago was settled lately: %+v", s)
		}
	}
}

func TestUnderwayAreTheUnfinishedTheLatestAndTheRecent(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	old, last := n.publish(), n.publish()
	n.do(`UPDATE editions SET state = 'done', finished_at = now(), published = now() - interval '9 days' WHERE id IN ($1, $2)`, old, last)
	ids := func(since time.Duration) (list []digest.EditionID) {
		t.Helper()
		editions, err := n.Underway(t.Context(), time.Now().Add(-since))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range editions {
			list = append(list, p.Edition.ID)
			if done := p.Edition.State == digest.EditionDone; done == p.Finished.IsZero() || p.At.IsZero() {
				t.Errorf("%+v", p)
			}
		}
		return list
	}
	if got := ids(time.Hour); len(got) != 1 || got[0] != last {
		t.Errorf("editions %v, want the digest's last, %d", got, last)
	}
	if got := ids(10 * 24 * time.Hour); len(got) != 2 {
		t.Errorf("editions %v of the last ten days", got)
	}
	n.do(`UPDATE editions SET state = 'held', held_reason = 'r', finished_at = NULL WHERE id = $1`, old)
	if got := ids(time.Hour); len(got) != 2 {
		t.Errorf("editions %v: one is held", got)
	}
}

func TestProcessesAreThoseWithLanes(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.join("one", 3, time.Minute)
	n.join("two", 1, time.Minute)
	n.letLeaseRunOut("two")
	list, err := n.Processes(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if p := list[0]; p.Owner != "one" || len(p.Lanes) != 3 || p.Lease <= 0 || p.Lease > time.Minute {
		t.Errorf("%+v", p)
	}
	if p := list[1]; p.Owner != "two" || p.Lease > 0 {
		t.Errorf("%+v", p)
	}
}

func TestLedgerIsReadPageByPageAndEachRowOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.multitude(2500)
	e, err := n.Edition(t.Context(), n.publish())
	if err != nil {
		t.Fatal(err)
	}
	n.publish() // which expires the first one's rows; its own are not asked for
	n.do(`UPDATE deliveries SET state = 'refused', reply = '550 no', class = 'hard', settled_at = now() WHERE edition_id = $1 AND reader_id % 10 = 0`, e.ID)
	for _, c := range []struct {
		sieve digest.Sieve
		want  int
	}{
		{digest.Sieve{}, 2500}, {digest.Sieve{State: digest.Refused}, 250}, {digest.Sieve{State: digest.Expired}, 2250}, {digest.Sieve{Class: digest.ClassHard}, 250},
		{digest.Sieve{State: digest.Queued, Deferred: true}, 0}, {digest.Sieve{Reader: 77}, 1}, {digest.Sieve{Reader: 77, State: digest.Refused}, 0},
	} {
		seen := map[digest.ReaderID]bool{}
		for after := digest.ReaderID(0); ; {
			page, err := n.Ledger(t.Context(), e, c.sieve, after, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				if seen[r.Reader] || r.Edition != e.ID || r.Address == "" || r.Number != e.Number {
					t.Errorf("%+v", r)
				}
				seen[r.Reader] = true
			}
			if len(page) < 100 {
				break
			}
			after = page[len(page)-1].Reader
		}
		if len(seen) != c.want {
			t.Errorf("%+v: %d rows, want %d", c.sieve, len(seen), c.want)
		}
	}
	n.do(`UPDATE readers SET email = NULL, erased_at = now() WHERE id = 5`)
	if page, err := n.Ledger(t.Context(), e, digest.Sieve{Reader: 5}, 0, 1); err != nil || len(page) != 1 || page[0].Address != "" {
		t.Errorf("of an erased reader: %+v, %v", page, err)
	}
}

func TestEditionsAreFoundByNumberDigestAndTime(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	first, second := n.publish(), n.publish()
	for _, c := range []struct {
		name   string
		number int
		since  time.Time
		want   []digest.EditionID
	}{
		{"", 0, time.Time{}, []digest.EditionID{second, first}}, {"morning", 1, time.Time{}, []digest.EditionID{first}}, {"", 2, time.Time{}, []digest.EditionID{second}},
		{"evening", 0, time.Time{}, nil}, {"", 0, n.now, []digest.EditionID{second}}, {"", 0, time.Now().Add(time.Hour), nil},
	} {
		list, err := n.EditionsWhere(t.Context(), c.name, c.number, c.since)
		if err != nil || len(list) != len(c.want) {
			t.Errorf("%+v: %+v, %v", c, list, err)
			continue
		}
		for i := range list {
			if list[i].ID != c.want[i] {
				t.Errorf("%+v: number %d is %d", c, i, list[i].ID)
			}
		}
	}
}
