package digest

import (
	"slices"
	"testing"
)

func TestReplyMeansWhatPostmastersSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code   int
		status string
		text   string
		want   Class
	}{
		{550, "5.1.1", "", ClassHard}, {550, "5.1.0", "", ClassHard}, {550, "5.1.3", "", ClassHard}, {550, "5.1.6", "", ClassHard},
		{550, "5.1.10", "", ClassHard}, {550, "5.1.2", "", ClassHard}, {550, "5.4.4", "", ClassHard}, {550, "5.2.1", "", ClassHard},
		{550, "", "User unknown in virtual mailbox table", ClassHard}, {554, "", "no such user here", ClassHard},
		{550, "5.5.0", "user unknown", ClassHard}, {550, "", "Recipient address rejected: undeliverable address", ClassHard},
		{452, "4.2.2", "", ClassSoft}, {552, "5.2.2", "", ClassSoft}, {552, "", "over quota", ClassSoft}, {552, "", "", ClassSoft},
		{550, "", "mailbox is full", ClassSoft}, {450, "", "mailbox full", ClassSoft},
		{550, "5.7.1", "user unknown", ClassBlocked}, {550, "5.7.26", "", ClassBlocked}, {550, "5.7.515", "", ClassBlocked},
		{554, "", "rejected as spam", ClassBlocked}, {554, "", "blocked using zen", ClassBlocked}, {550, "", "DMARC policy", ClassBlocked},
		{421, "4.7.0", "", ClassThrottled}, {450, "4.7.1", "", ClassThrottled}, {450, "", "Greylisted, see you", ClassThrottled},
		{451, "", "too many messages, slow down", ClassThrottled}, {454, "", "", ClassThrottled}, {454, "4.4.2", "throttling failure", ClassThrottled},
		{451, "", "", ClassTransient}, {421, "", "closing", ClassTransient}, {450, "4.2.0", "", ClassTransient}, {0, "", "", ClassTransient},
		{0, "", "connection reset by peer", ClassTransient},
		{552, "5.3.4", "", ClassContent}, {550, "5.2.3", "", ClassContent}, {554, "5.6.0", "", ClassContent}, {550, "5.5.2", "", ClassContent},
		{535, "5.7.8", "", ClassConfiguration}, {530, "5.7.0", "", ClassConfiguration}, {534, "", "", ClassConfiguration},
		{550, "", "", ClassUnknown}, {554, "5.0.0", "transaction failed", ClassUnknown}, {571, "", "", ClassUnknown},
	} {
		if got := Classify(c.code, c.status, c.text); got != c.want {
			t.Errorf("%d %s %q is %s, want %s", c.code, c.status, c.text, got, c.want)
		}
	}
}

func TestOnlyAMailboxThatIsNamedIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"5.1.1", "5.1.10", ""} {
		if !GoneAtOnce(status) {
			t.Errorf("%q waits for a second day", status)
		}
	}
	for _, status := range []string{"5.1.2", "5.4.4", "5.2.1"} {
		if GoneAtOnce(status) {
			t.Errorf("%q is gone at once", status)
		}
	}
}

func TestOutcomeReadsAsOneLine(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Outcome{
		"accepted at dot: 250 2.0.0 OK":           {Verdict: VerdictAccepted, Stage: StageDot, Reply: Reply{250, "2.0.0", "OK"}},
		"deferred at connect: connection refused": {Verdict: VerdictDeferred, Stage: StageConnect, Fault: "connection refused"},
		"in doubt":                {Verdict: VerdictInDoubt},
		"refused at rcpt: 550 no": {Verdict: VerdictRefused, Stage: StageRcpt, Reply: Reply{Code: 550, Text: "no"}, Fault: "unsaid"},
	} {
		if got := o.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (Outcome{Fault: "reset"}).Said(); got != "reset" {
		t.Errorf("said %q", got)
	}
}

func TestSettlementKeepsTheFourEndings(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[Verdict]DeliveryState{
		VerdictAccepted: Accepted, VerdictDeferred: Queued, VerdictRefused: Refused, VerdictInDoubt: InDoubt,
	} {
		s := Settlement{Outcome: Outcome{Verdict: verdict}}
		if got := s.State(); got != want || !Sending.May(got) {
			t.Errorf("%s settles as %s, want %s", verdict, got, want)
		}
		s.Withdrawn = true
		if got := s.State(); got != Queued {
			t.Errorf("withdrawn, %s settles as %s", verdict, got)
		}
	}
}

// TestDeliveryLaw writes the drawing of the package comment down once more.
func TestDeliveryLaw(t *testing.T) {
	t.Parallel()
	law := map[DeliveryState][]DeliveryState{
		Queued: {Claimed, Cancelled, Expired, Accepted, Bounced, Complained}, Claimed: {Sending, Queued, Refused, Cancelled, Expired, Accepted, Bounced, Complained},
		Sending: {Accepted, Refused, InDoubt, Queued}, InDoubt: {Accepted, Bounced, Complained, Queued},
		Accepted: {Bounced, Complained}, Bounced: {Complained},
	}
	for _, from := range DeliveryStates() {
		for _, to := range DeliveryStates() {
			if got, want := from.May(to), slices.Contains(law[from], to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
		}
		// What is final moves only by a report or a resend; what had the mail
		// may never be queued or cancelled as if nothing had happened.
		if from.Had() && from != Claimed && from.May(Cancelled) {
			t.Errorf("%s may be cancelled", from)
		}
		if from.Final() != (from != Queued && from != Claimed && from != Sending) {
			t.Errorf("%s is final: %v", from, from.Final())
		}
	}
	if DeliveryState("lost").May(Queued) || Queued.May("lost") {
		t.Error("a state that is none may move")
	}
}

func TestEditionLaw(t *testing.T) {
	t.Parallel()
	law := map[EditionState][]EditionState{
		EditionOpen: {EditionSending, EditionHeld, EditionAbandoned}, EditionSending: {EditionHeld, EditionDone, EditionAbandoned},
		EditionHeld: {EditionSending, EditionDone, EditionAbandoned}, EditionDone: {EditionSending},
	}
	for _, from := range EditionStates() {
		for _, to := range EditionStates() {
			if got, want := from.May(to), slices.Contains(law[from], to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
		}
	}
}

func TestTallyAddsUp(t *testing.T) {
	t.Parallel()
	tally := Tally{Queued: 1, Claimed: 2, Sending: 3, Accepted: 4, InDoubt: 5}
	if tally.Total() != 15 || tally.Unfinished() != 6 || tally.String() != "1 queued, 2 claimed, 3 sending, 4 accepted, 5 in doubt" {
		t.Errorf("%d %d %s", tally.Total(), tally.Unfinished(), tally)
	}
	if got := (Tally{Queued: 0}).String(); got != "nothing" {
		t.Errorf("empty it is %q", got)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(550, "5.1.1", "user unknown")
	f.Add(0, "", "")
	f.Fuzz(func(t *testing.T, code int, status, text string) {
		got := Classify(code, status, text)
		// A reply in the 400s never ends an address.
		if code >= 400 && code < 500 && status == "" && (got == ClassHard || got == ClassBlocked || got == ClassContent) {
			t.Errorf("%d %q is %s", code, text, got)
		}
		if got == "" {
			t.Errorf("%d %q %q has no class", code, status, text)
		}
	})
}
