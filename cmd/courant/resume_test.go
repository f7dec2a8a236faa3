package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
)

// With in_doubt: hold an operator decides: what is sent again has the same
// Message-ID, goes to who still wants it, and once.
func TestOperatorDecidesOnWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	const readers = 6
	// Nothing is heard of the mails to four of them, the first time.
	var rules []smtpsink.Rule
	for _, to := range []string{"reader1@example.org", "reader2@example.org", "reader3@example.org", "reader4@example.org"} {
		rules = append(rules, smtpsink.Rule{At: smtpsink.AtRecorded, To: to, First: 1, Do: cut})
	}
	d := newDesk(t, smtpsink.Options{Script: smtpsink.Rules(rules...)})
	d.extra = "in_doubt: hold\n"
	id := d.crowd(readers)
	d.must("deliver", "--drain")
	d.wantTally(id, digest.Tally{digest.Accepted: 2, digest.InDoubt: 4})
	d.must("readers", "remove", "reader3@example.org")
	if out := d.must("resume", "morning/1", "--in-doubt", "accepted", "--reader", "reader4@example.org"); !strings.Contains(out, "morning/1: 1 count as accepted") {
		t.Errorf("resume says %s", out)
	}
	if out := d.must("resume", "morning/1", "--in-doubt", "resend"); !strings.Contains(out, "morning/1: 2 are queued to be sent once more, 1 stay in doubt") {
		t.Errorf("resume says %s", out)
	}
	d.must("deliver", "--drain")
	d.wantTally(id, digest.Tally{digest.Accepted: 5, digest.InDoubt: 1})
	if missed, extra := d.copies(readers); missed != 0 || extra != 2 {
		t.Errorf("%d missed, %d copies, want the two that were sent again", missed, extra)
	}
	if out := d.must("resume", "--in-doubt", "resend"); !strings.Contains(out, "0 are queued to be sent once more, 1 stay in doubt") {
		t.Errorf("resume says %s", out)
	}
	d.must("resume", "--in-doubt", "accepted")
	if out := d.must("resume", "--in-doubt", "accepted"); !strings.Contains(out, "nothing is in doubt") {
		t.Errorf("resume says %s", out)
	}
	d.wantTally(id, digest.Tally{digest.Accepted: readers})
}

func TestHeldEditionGoesOnAtAWord(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	id := d.crowd(3)
	if _, err := d.store.MoveEdition(t.Context(), id, digest.EditionHeld, "an editor said stop"); err != nil {
		t.Fatal(err)
	}
	if r := d.try("deliver", "--drain"); r.code != exitFailed || d.sink.Count() > 0 {
		t.Errorf("exit %d, %d mails of a held edition", r.code, d.sink.Count())
	}
	if out := d.must("resume", "morning"); !strings.Contains(out, "morning/1: goes on; it was held: an editor said stop") {
		t.Errorf("resume says %s", out)
	}
	d.must("deliver", "--drain")
	d.wantTally(id, digest.Tally{digest.Accepted: 3})
	if out := d.must("resume"); !strings.Contains(out, "nothing is held") {
		t.Errorf("resume says %s", out)
	}
	for _, args := range [][]string{{"resume", "--in-doubt", "forget"}, {"resume", "--reader", "a@example.org"}, {"resume", "a", "b"}} {
		if r := d.try(args...); r.code != exitMisused {
			t.Errorf("%q: exit %d", args, r.code)
		}
	}
}

// What a domain complained of is mended: at a person's word its mail goes, also
// what lanes had given back, and a serve that runs heeds it.
func TestDomainThatIsLeftAloneGoesOnAtAWord(t *testing.T) {
	t.Parallel()
	const readers = 8
	d := newDesk(t, smtpsink.Options{})
	id := d.crowd(readers)
	c := digest.Circuit{Domain: "example.org", Class: digest.ClassBlocked, Said: "550 5.7.1 we do not want <reader1@example.org>"}
	if _, err := d.store.OpenCircuit(t.Context(), c, []time.Duration{time.Hour}); err != nil {
		t.Fatal(err)
	}
	give := func(i, attempts int, class string) {
		d.query(`WITH u AS (UPDATE deliveries SET not_before = clock_timestamp() + interval '1 hour', attempts = $2, class = NULLIF($3, '')
			WHERE reader_id = (SELECT id FROM readers WHERE email = $1) RETURNING 1) SELECT count(*)::text FROM u`, fmt.Sprintf("reader%d@example.org", i), attempts, class)
	}
	give(0, 0, "blocked")
	give(1, 0, "throttled")
	give(2, 1, "throttled") // its own deferral
	give(3, 0, "")          // nothing of a circuit's
	d.start("serve", "--only", "deliver")
	d.until("a process at work", func() bool { return d.query(`SELECT count(*)::text FROM lanes`) != "0" })
	out := d.must("status")
	if !strings.Contains(out, "! example.org blocked since") || !strings.Contains(out, "8 wait, next try in 59 min") || strings.Contains(out, "reader1@") {
		t.Errorf("status says\n%s", out)
	}
	if out := d.must("status", "--json"); !strings.Contains(out, `{"kind":"domain","domain":"example.org","class":"blocked","said":"550 5.7.1 we do not want`) || !strings.Contains(out, `"waiting":8}`) {
		t.Errorf("status --json says\n%s", out)
	}
	if out := d.must("resume", "--domain", "elsewhere.example"); !strings.Contains(out, "elsewhere.example is not left alone") || d.sink.Count() != 0 {
		t.Errorf("resume says %s", out)
	}
	if out := d.must("resume", "--domain", "Example.ORG"); out != "example.org is sent to again; 2 that were given back are due now\n" {
		t.Errorf("resume says %s", out)
	}
	if err := d.sink.Wait(t.Context(), readers-2); err != nil {
		t.Fatal(err)
	}
	d.until("verdicts", func() bool { return d.query(`SELECT count(*)::text FROM deliveries WHERE state = 'accepted'`) == "6" })
	d.wantTally(id, digest.Tally{digest.Accepted: readers - 2, digest.Queued: 2})
	if out := d.must("status"); strings.Contains(out, "left alone") {
		t.Errorf("status says\n%s", out)
	}
	for _, args := range [][]string{{"resume", "--domain", ""}, {"resume", "morning", "--domain", "a.example"}, {"resume", "--domain", "a.example", "--in-doubt", "resend"}} {
		if r := d.try(args...); r.code != exitMisused {
			t.Errorf("%q: exit %d", args, r.code)
		}
	}
}
