package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// mixed subscribes readers, every other one at slow.example.
func mixed(t testing.TB, readers int) (*newsroom, digest.EditionID) {
	t.Helper()
	n := newNewsroom(t)
	addresses := make([]string, readers)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("reader%d@%s", i, []string{"slow.example", "quick.example"}[i%2])
	}
	n.subscribe(addresses...)
	return n, n.publish()
}

func domains(work []digest.Work) (list []string) {
	for _, w := range work {
		if d := digest.DomainOf(w.Address); !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	slices.Sort(list)
	return list
}

func TestWalkLeavesOutOrTakesOneDomain(t *testing.T) {
	t.Parallel()
	n, e := mixed(t, 40)
	l := n.lane()
	w, err := n.WalkFresh(t.Context(), l, 1, e, 0, 15, digest.DomainChoice{Except: []string{"slow.example", "other.example"}})
	if err != nil || len(w.Work) != 15 || w.End || w.Through != w.Work[14].Reader || strings.Join(domains(w.Work), " ") != "quick.example" {
		t.Fatalf("%d of %v through %d, %v", len(w.Work), domains(w.Work), w.Through, err)
	}
	rest, err := n.WalkFresh(t.Context(), l, 2, e, w.Through, 15, digest.DomainChoice{Except: []string{"slow.example"}})
	if err != nil || len(rest.Work) != 5 || rest.Through <= rest.Work[4].Reader-1 {
		t.Fatalf("%d through %d, %v", len(rest.Work), rest.Through, err)
	}
	end, err := n.WalkFresh(t.Context(), l, 3, e, rest.Through, 15, digest.DomainChoice{Except: []string{"slow.example"}})
	if err != nil || !end.End || len(end.Work) != 0 {
		t.Fatalf("%+v, %v", end, err)
	}
	slow, err := n.WalkFresh(t.Context(), l, 4, e, 0, 12, digest.DomainChoice{Only: "slow.example"})
	if err != nil || len(slow.Work) != 12 || strings.Join(domains(slow.Work), " ") != "slow.example" || slow.Through != slow.Work[11].Reader {
		t.Fatalf("%d of %v, %v", len(slow.Work), domains(slow.Work), err)
	}
	slow, err = n.WalkFresh(t.Context(), l, 5, e, slow.Through, 12, digest.DomainChoice{Only: "slow.example"})
	if err != nil || len(slow.Work) != 8 {
		t.Fatalf("%d, %v", len(slow.Work), err)
	}
	n.wantTally(e, "40 claimed")
}

func TestDueIsClaimedByDomain(t *testing.T) {
	t.Parallel()
	n, e := mixed(t, 40)
	n.do(`UPDATE deliveries SET not_before = clock_timestamp() - interval '1 minute'`)
	l := n.lane()
	for _, c := range []struct {
		choice digest.DomainChoice
		n, got int
		only   string
	}{
		{digest.DomainChoice{Except: []string{"slow.example"}}, 15, 15, "quick.example"},
		{digest.DomainChoice{Only: "slow.example"}, 3, 3, "slow.example"},
		{digest.DomainChoice{Only: "nowhere.example"}, 3, 0, ""},
		{digest.DomainChoice{Except: []string{"slow.example"}}, 15, 5, "quick.example"},
		{digest.DomainChoice{Only: "slow.example"}, 30, 17, "slow.example"},
	} {
		w, err := n.WalkDue(t.Context(), l, 1, time.Time{}, c.n, c.choice)
		if err != nil || len(w.Work) != c.got || strings.Join(domains(w.Work), " ") != c.only || w.End || w.Until.IsZero() != (c.got == c.n) {
			t.Errorf("%+v: %d of %v until %s, %v", c.choice, len(w.Work), domains(w.Work), w.Until, err)
		}
	}
	if w, err := n.WalkDue(t.Context(), l, 1, time.Now(), 10, digest.DomainChoice{Only: "slow.example"}); err != nil || !w.End || len(w.Work) > 0 {
		t.Errorf("%+v, %v", w, err)
	}
	n.wantTally(e, "40 claimed")
}

func TestLaneThatIsLostWalksNowhere(t *testing.T) {
	t.Parallel()
	n, e := mixed(t, 4)
	l := n.join("gone", 1, time.Hour)[0]
	n.letLeaseRunOut("gone")
	for _, c := range []digest.DomainChoice{{Only: "slow.example"}, {Except: []string{"slow.example"}}} {
		_, err := n.WalkFresh(t.Context(), l, 1, e, 0, 5, c)
		is(t, err, digest.ErrLaneLost)
	}
	n.wantTally(e, "4 queued")
}

func TestDomainsAreComparedAsTheLedgerWritesThem(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, address := range []string{"a@Slow.Example", "\"b@c\"@slow.example", "d@ÉCOLE.example", "e@xn--cole-9oa.Example"} {
		want := digest.DomainOf(address)
		got := n.one(`SELECT lower(substring($1 FROM '[^@]*$') COLLATE "C")`, address)
		if got != want {
			t.Errorf("%s: the ledger says %q, the program %q", address, got, want)
		}
	}
}

func TestCircuitWaitsLongerEachTimeAndIsOpenedOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	c := digest.Circuit{Domain: "slow.example", Class: digest.ClassThrottled, Said: "451 4.7.1 slow down"}
	waits := []time.Duration{time.Minute, time.Hour}
	for i, want := range []time.Duration{time.Minute, time.Hour, time.Hour} {
		for again := range 2 { // another process comes to the same conclusion
			opened, err := n.OpenCircuit(t.Context(), c, waits)
			if err != nil || opened != (again == 0) {
				t.Fatalf("opened %v, %v", opened, err)
			}
		}
		list, err := n.Circuits(t.Context())
		if err != nil || len(list) != 1 || list[0].Openings != i+1 || list[0].Left > want || list[0].Left < want-20*time.Second || list[0].Said != c.Said {
			t.Fatalf("%+v, %v", list, err)
		}
		if ok, err := n.ProbeCircuit(t.Context(), c.Domain, time.Minute); ok || err != nil {
			t.Errorf("a probe before its time: %v, %v", ok, err)
		}
		n.do(`UPDATE circuits SET open_until = clock_timestamp()`)
		for again := range 2 {
			if ok, err := n.ProbeCircuit(t.Context(), c.Domain, time.Minute); ok != (again == 0) || err != nil {
				t.Errorf("probe %d: %v, %v", again, ok, err)
			}
		}
	}
	if err := n.EndProbe(t.Context(), c.Domain); err != nil {
		t.Error(err)
	}
	if ok, err := n.ProbeCircuit(t.Context(), c.Domain, time.Minute); !ok || err != nil {
		t.Errorf("a probe after one that told nothing: %v, %v", ok, err)
	}
	if err := n.CloseCircuit(t.Context(), c.Domain); err != nil {
		t.Error(err)
	}
	if list, err := n.Circuits(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestDeliveriesOfAClosedDomainAreDeferredAndSayWhy(t *testing.T) {
	t.Parallel()
	n, _ := mixed(t, 10)
	c := digest.Circuit{Domain: "slow.example", Class: digest.ClassBlocked, Said: "554 5.7.1 go away"}
	if _, err := n.OpenCircuit(t.Context(), c, []time.Duration{time.Hour}); err != nil {
		t.Fatal(err)
	}
	left, err := n.Remainder(t.Context())
	if err != nil || left.Due != 5 || left.Deferred != 5 || left.Next < 59*time.Minute || left.Said != c.Said {
		t.Errorf("%+v, %v", left, err)
	}
	if got := n.why("reader0@slow.example").Entries; len(got) != 1 || got[0].Reply != c.Said || time.Until(got[0].NotBefore) < 59*time.Minute {
		t.Errorf("%+v", got)
	}
	if got := n.why("reader1@quick.example").Entries; len(got) != 1 || got[0].Reply != "" || !got[0].NotBefore.IsZero() {
		t.Errorf("%+v", got)
	}
}

// What waits for its mail domain is told as deferred wherever it is counted or
// listed, although its rows are not touched; and so is what came back from a
// lane with the domain's words and no attempt.
func TestWhatWaitsForItsDomainIsCountedAsDeferred(t *testing.T) {
	t.Parallel()
	n, e := mixed(t, 10)
	n.do(`UPDATE deliveries SET not_before = now() + interval '5 minutes', class = 'throttled', reply = '451 slow down'
	      WHERE reader_id = (SELECT max(reader_id) FROM deliveries)`) // at quick.example
	edition, err := n.Edition(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	want := func(deferred, slow int) {
		t.Helper()
		shares, err := n.Shares(t.Context(), []digest.EditionID{e})
		p := digest.Progress{Shares: shares}
		if err != nil || p.Deferred() != deferred || p.Tally().String() != "10 queued" {
			t.Errorf("%d deferred of %s, %v; want %d", p.Deferred(), p.Tally(), err, deferred)
		}
		if got := p.Sum(func(s digest.Share) bool {
			return s.Deferred && s.Class == digest.ClassBlocked && s.Said == "554 5.7.1 go away" && !s.Next.IsZero() && !s.Waiting.IsZero()
		}); got != slow {
			t.Errorf("%d wait for their domain, want %d: %+v", got, slow, shares)
		}
		rows, err := n.Ledger(t.Context(), edition, digest.Sieve{State: digest.Queued, Deferred: true}, 0, 100)
		if err != nil || len(rows) != deferred {
			t.Errorf("%d rows are listed as deferred, %v; want %d", len(rows), err, deferred)
		}
		for _, r := range rows {
			if !r.Deferred || r.NotBefore.Before(time.Now()) || r.Reply == "" || r.Class == "" {
				t.Errorf("%+v", r)
			}
		}
	}
	want(1, 0)
	c := digest.Circuit{Domain: "slow.example", Class: digest.ClassBlocked, Said: "554 5.7.1 go away"}
	if _, err := n.OpenCircuit(t.Context(), c, []time.Duration{time.Hour}); err != nil {
		t.Fatal(err)
	}
	want(6, 5)
	n.do(`UPDATE circuits SET open_until = clock_timestamp()`)
	want(1, 0)
}

func TestResumedDomainGoesAtOnceAndWhatWasTriedKeepsItsTime(t *testing.T) {
	t.Parallel()
	n, e := mixed(t, 10) // 0, 2, 4, 6, 8 at slow.example
	c := digest.Circuit{Domain: "slow.example", Class: digest.ClassBlocked, Said: "550 5.7.1 no"}
	for _, domain := range []string{"slow.example", "quick.example"} {
		c.Domain = domain
		if _, err := n.OpenCircuit(t.Context(), c, []time.Duration{time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	give := func(reader, attempts int, class string) {
		n.do(`UPDATE deliveries SET not_before = clock_timestamp() + interval '1 hour', attempts = $2, class = NULLIF($3, '')
			WHERE reader_id = (SELECT id FROM readers WHERE email LIKE $1)`, fmt.Sprintf("reader%d@%%", reader), attempts, class)
	}
	give(0, 0, "blocked")
	give(2, 0, "throttled")
	give(4, 1, "throttled") // tried itself
	give(6, 0, "")          // waits for something else
	give(1, 0, "blocked")   // another domain's
	list, err := n.LeftAlone(t.Context())
	if err != nil || len(list) != 2 || list[1].Domain != "slow.example" || list[1].Waiting != 5 || time.Since(list[1].Since) > time.Minute || list[1].Left < 59*time.Minute {
		t.Fatalf("%+v, %v", list, err)
	}
	for again := range 2 {
		closed, due, err := n.ResumeDomain(t.Context(), "slow.example")
		if err != nil || closed != (again == 0) || due != 2*(1-again) {
			t.Errorf("closed %v, %d due, %v", closed, due, err)
		}
	}
	if at := n.one(`SELECT string_agg(substring(r.email FROM 'reader([0-9]+)'), ' ' ORDER BY r.email) FROM deliveries d JOIN readers r ON r.id = d.reader_id
		WHERE d.not_before > clock_timestamp()`); at != "1 4 6" {
		t.Errorf("those that still wait: %s", at)
	}
	if left := n.one(`SELECT string_agg(domain, ' ') FROM circuits`); left != "quick.example" {
		t.Errorf("left alone: %s", left)
	}
	n.wantTally(e, "10 queued")
}
