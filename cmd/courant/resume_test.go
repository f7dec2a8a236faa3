package main

import (
	"strings"
	"testing"

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
