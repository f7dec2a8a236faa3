package deliver_test

import (
	"strings"
	"sync"
	"testing"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

// judge finds what it is told to find, and remembers what it was shown.
type judge struct {
	mu    sync.Mutex
	finds []digest.Finding
	shown []string // the mails
	whole int
}

func (j *judge) look(mail []byte, _ digest.Edition, _ digest.Variant, _ digest.Recipient, whole bool) []digest.Finding {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shown = append(j.shown, string(mail))
	if whole {
		j.whole++
	}
	return j.finds
}

func wrong(rule string) digest.Finding {
	return digest.Finding{What: rule, Subject: "html"}.Wrong("there is no link to unsubscribe", "Put one in.")
}

func TestMailThatBreaksARuleHoldsTheEdition(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 5), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	j := &judge{finds: []digest.Finding{wrong("unsubscribe-link"), wrong("b"), wrong("c"), wrong("d")}}
	engine := n.engine(sink, 2)
	engine.Judge = j.look
	left := drain(t, engine)
	got, err := n.Edition(t.Context(), e.ID)
	if err != nil || got.State != digest.EditionHeld || left.Held != 5 || sink.Count() > 0 {
		t.Errorf("edition %s, left %+v, %d mails, %v", got.State, left, sink.Count(), err)
	}
	for _, want := range []string{digest.HeldByPreflight, "no link to unsubscribe (unsubscribe-link, html)", "1 more", "Put one in.", "courant resume morning/1"} {
		if !strings.Contains(got.HeldReason, want) {
			t.Errorf("the reason does not say %q: %s", want, got.HeldReason)
		}
	}
	if len(j.shown) != 1 || j.whole != 1 || !strings.Contains(j.shown[0], "To: "+address(0)) {
		t.Errorf("judged %d mails, %d of them whole: %q", len(j.shown), j.whole, j.shown)
	}

	// Mended, another process finds out at its start; everybody is mailed once.
	engine = n.engine(sink, 2)
	engine.Judge = (&judge{finds: []digest.Finding{digest.Finding{What: "contrast"}.Look("pale", "Darken it.")}}).look
	drain(t, engine)
	n.wantTally(e, digest.Tally{digest.Accepted: 5})
	if sink.Count() != 5 {
		t.Errorf("%d mails for 5 readers", sink.Count())
	}
}

func TestHoldOfAnotherIsNotEndedByAStart(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 2), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	if _, err := n.MoveEdition(t.Context(), e.ID, digest.EditionHeld, "an editor said stop"); err != nil {
		t.Fatal(err)
	}
	engine := n.engine(sink, 1)
	engine.Judge = (&judge{}).look
	drain(t, engine)
	if got, err := n.Edition(t.Context(), e.ID); err != nil || got.State != digest.EditionHeld || sink.Count() > 0 {
		t.Errorf("edition %s, %d mails, %v", got.State, sink.Count(), err)
	}
}

func TestResumeJudgesAnew(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 3), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	j := &judge{finds: []digest.Finding{wrong("unsubscribe-link")}}
	engine := n.engine(sink, 1)
	engine.Judge = j.look
	drain(t, engine)
	if err := engine.Resume(t.Context(), e.ID); err == nil || !strings.Contains(err.Error(), "no link to unsubscribe") {
		t.Errorf("resumed what is still wrong: %v", err)
	}
	if got, err := n.Edition(t.Context(), e.ID); err != nil || got.State != digest.EditionHeld {
		t.Errorf("edition %s, %v", got.State, err)
	}
	j.finds = nil
	if err := engine.Resume(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	drain(t, engine)
	n.wantTally(e, digest.Tally{digest.Accepted: 3})
	if err := engine.Resume(t.Context(), e.ID); err == nil {
		t.Error("resumed what is done")
	}
}

func TestEditionThatIsUnderWayIsJudgedByTheProcessThatTakesItOn(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 4), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	if _, err := n.MoveEdition(t.Context(), e.ID, digest.EditionSending, ""); err != nil {
		t.Fatal(err)
	}
	engine := n.engine(sink, 1)
	engine.Judge = (&judge{finds: []digest.Finding{wrong("unsubscribe-link")}}).look
	if _, err := engine.Drain(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got, err := n.Edition(t.Context(), e.ID); err != nil || got.State != digest.EditionHeld || sink.Count() > 0 {
		t.Errorf("edition %s (%s), %d mails, %v", got.State, got.HeldReason, sink.Count(), err)
	}
}

func TestSameContentAsTheLastEditionIsHeld(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 3), smtpsink.Start(t, smtpsink.Options{})
	start := func() *deliver.Engine {
		engine := n.engine(sink, 1)
		engine.Judge = (&judge{}).look
		return engine
	}
	first := n.publish()
	drain(t, start())
	n.wantTally(first, digest.Tally{digest.Accepted: 3})
	n.add(3, 1) // who has nothing of it yet is no reason
	again := n.publish()
	drain(t, start())
	got, err := n.Edition(t.Context(), again.ID)
	if err != nil || got.State != digest.EditionHeld || !strings.Contains(got.HeldReason, "3 readers would get the same headlines") || sink.Count() != 3 {
		t.Errorf("edition %s (%s), %d mails, %v", got.State, got.HeldReason, sink.Count(), err)
	}
	drain(t, start()) // a start does not let it go
	if got, err := n.Edition(t.Context(), again.ID); err != nil || got.State != digest.EditionHeld {
		t.Errorf("edition %s, %v", got.State, err)
	}
	if err := start().Resume(t.Context(), again.ID); err != nil { // an editor does
		t.Fatal(err)
	}
	drain(t, start())
	n.wantTally(again, digest.Tally{digest.Accepted: 4})

	proof := n.order(digest.KindProof, address(0))
	drain(t, start())
	n.wantTally(proof, digest.Tally{digest.Accepted: 1})
}
