package store_test

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

// hardBounce is a report of a dead mailbox with the status.
func hardBounce(ref digest.Ref, status string) digest.Report {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v %s", ref, status))
	return digest.Report{
		Kind: digest.ReportBounce, Ref: ref, Via: "return path", Hash: sum[:], At: time.Now(),
		Recipients: []digest.ReportRecipient{{
			Address: "somebody.else@example.net", Status: status, Class: digest.ClassHard, Said: "no such mailbox",
		}},
	}
}

// sent is a newsroom with one reader, one edition accepted and one waiting.
func sent(t *testing.T) (n *newsroom, first, second digest.Ref) {
	t.Helper()
	n = newNewsroom(t)
	id := n.subscribe("ann@example.org")[0]
	first = digest.Ref{Edition: n.publish(), Reader: id}
	l := n.lane()
	n.claim(l, first.Edition)
	n.accept(l, first)
	second = digest.Ref{Edition: n.publish(), Reader: id}
	n.wantState(second.Edition, id, digest.Queued)
	return n, first, second
}

func (n *newsroom) wantEffect(r digest.Report, want digest.ReportEffect) {
	n.t.Helper()
	got, err := n.Report(n.t.Context(), r)
	if err != nil || got != want {
		n.t.Errorf("effect of %s is %q, %v, want %q", r.Kind, got, err, want)
	}
}

func TestHardBounceSuppressesAndCancels(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"5.1.1", "5.1.0", "5.1.3", "5.1.6", "5.1.10", ""} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			n, first, second := sent(t)
			n.wantEffect(hardBounce(first, status), digest.EffectSuppressed)
			n.wantState(first.Edition, first.Reader, digest.Bounced)
			n.wantState(second.Edition, second.Reader, digest.Cancelled)
			if got := n.one(`SELECT reason FROM suppressions WHERE email_hash = $1`, hash("ann@example.org")); got != "hard" {
				t.Errorf("reason is %s", got)
			}
		})
	}
}

func TestSameReportCountsOnce(t *testing.T) {
	t.Parallel()
	n, first, _ := sent(t)
	r := hardBounce(first, "5.1.1")
	effects := make([]digest.ReportEffect, 8)
	var wg sync.WaitGroup
	for i := range effects {
		wg.Go(func() {
			var err error
			if effects[i], err = n.Report(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	count := map[digest.ReportEffect]int{}
	for _, e := range effects {
		count[e]++
	}
	if count[digest.EffectSuppressed] != 1 || count[digest.EffectDuplicate] != 7 {
		t.Errorf("effects %v", count)
	}
}

func TestDoubtfulBounceTakesTwoDays(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"5.1.2", "5.4.4", "5.2.1"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			n, first, second := sent(t)
			r := hardBounce(first, status)
			n.wantEffect(r, digest.EffectBounced)
			r.Hash = hash("the same day")
			n.wantEffect(r, digest.EffectNone)
			n.wantState(second.Edition, second.Reader, digest.Queued)
			r.Hash, r.At = hash("the next day"), r.At.Add(24*time.Hour)
			n.wantEffect(r, digest.EffectSuppressed)
			n.wantState(second.Edition, second.Reader, digest.Cancelled)
		})
	}
}

func TestOtherBouncesSuppressNobody(t *testing.T) {
	t.Parallel()
	for _, class := range []digest.Class{
		digest.ClassSoft, digest.ClassBlocked, digest.ClassThrottled, digest.ClassContent, digest.ClassUnknown,
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			n, first, second := sent(t)
			r := hardBounce(first, "5.7.1")
			r.Recipients[0].Class = class
			n.wantEffect(r, digest.EffectBounced)
			n.wantState(first.Edition, first.Reader, digest.Bounced)
			n.wantState(second.Edition, second.Reader, digest.Queued)
			if got := n.one(`SELECT count(*) FROM suppressions`); got != "0" {
				t.Error("an address was suppressed")
			}
		})
	}
}

func TestComplaintEndsEverything(t *testing.T) {
	t.Parallel()
	n, first, second := sent(t)
	n.wantEffect(hardBounce(first, "5.2.1"), digest.EffectBounced)
	n.wantEffect(digest.Report{Kind: digest.ReportComplaint, Ref: first, Hash: hash("arf"), At: n.now}, digest.EffectSuppressed)
	n.wantState(first.Edition, first.Reader, digest.Complained)
	n.wantState(second.Edition, second.Reader, digest.Cancelled)
	if got := n.one(`SELECT state FROM subscriptions`); got != "unsubscribed" {
		t.Errorf("subscription is %s", got)
	}
	if got := n.one(`SELECT reason FROM suppressions`); got != "complaint" {
		t.Errorf("reason is %s", got)
	}
	is(t, n.Undo(t.Context(), first, n.now), digest.ErrNotFound)
}

func TestMailedUnsubscribeLeavesTheDigest(t *testing.T) {
	t.Parallel()
	n, first, second := sent(t)
	n.wantEffect(digest.Report{Kind: digest.ReportUnsubscribe, Ref: first, Hash: hash("mail"), At: n.now}, digest.EffectLeft)
	n.wantState(second.Edition, second.Reader, digest.Cancelled)
	st, err := n.Standing(t.Context(), first)
	if err != nil || !st.LeftAt.Equal(n.now) {
		t.Errorf("standing %+v, %v", st, err)
	}
	if err := n.Undo(t.Context(), first, n.now); err != nil {
		t.Error(err)
	}
}

func TestReportWithoutOurTokenChangesNoReader(t *testing.T) {
	t.Parallel()
	n, first, second := sent(t)
	r := hardBounce(digest.Ref{}, "5.1.1")
	r.Recipients[0].Address = "ann@example.org"
	n.wantEffect(r, digest.EffectNone)
	r.Ref, r.Hash = digest.Ref{Edition: first.Edition, Reader: 4711}, hash("stranger")
	n.wantEffect(r, digest.EffectNone)
	n.wantState(first.Edition, first.Reader, digest.Accepted)
	n.wantState(second.Edition, second.Reader, digest.Queued)
	if got := n.one(`SELECT count(*) FROM reports`); got != "2" {
		t.Errorf("%s reports recorded", got)
	}
}

func TestAutoReplyIsRecordedOnly(t *testing.T) {
	t.Parallel()
	n, first, _ := sent(t)
	for _, kind := range []digest.ReportKind{digest.ReportAutoReply, digest.ReportOther} {
		n.wantEffect(digest.Report{Kind: kind, Ref: first, Hash: hash(string(kind)), At: n.now}, digest.EffectNone)
	}
	n.wantState(first.Edition, first.Reader, digest.Accepted)
}

func TestReportOutlivesTheLedgersRow(t *testing.T) {
	t.Parallel()
	n, first, _ := sent(t)
	n.do(`DELETE FROM deliveries WHERE edition_id = $1`, first.Edition)
	r := hardBounce(first, "5.1.1")
	r.At = time.Time{} // a report without a date
	n.wantEffect(r, digest.EffectSuppressed)
}

func TestHostileWordsInAReportAreKeptAsOneLine(t *testing.T) {
	t.Parallel()
	n, first, _ := sent(t)
	r := hardBounce(first, "5.1.1\x00")
	r.Recipients[0].Said = "no\x00such\r\nmailbox \xff"
	n.wantEffect(r, digest.EffectSuppressed)
	if _, reply := n.delivery(first.Edition, first.Reader); reply != "5.1.1 no such mailbox \uFFFD" {
		t.Errorf("reply %q", reply)
	}
}

// doubt is a newsroom with one delivery in doubt.
func doubt(t *testing.T) (*newsroom, digest.Lane, digest.Ref) {
	t.Helper()
	n, e, ids := sendingTo(t, 1)
	lane, ref := n.lane(), digest.Ref{Edition: e, Reader: ids[0]}
	n.claim(lane, e)
	if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != 1 {
		t.Fatal(granted, err)
	}
	n.settle(lane, ref, doubtful)
	return n, lane, ref
}

// about is a report of a kind that has no recipients.
func about(ref digest.Ref, kind digest.ReportKind) digest.Report {
	return digest.Report{Kind: kind, Ref: ref, Via: "message-id", Hash: hash(string(kind)), At: time.Now(),
		Recipients: []digest.ReportRecipient{{Address: "reader0@example.org", Class: digest.ClassSoft, Status: "4.2.2", Said: "full"}}}
}

// Whatever comes back proves that a relay took the mail: the doubt is over, and
// a resend that waits, or is in the hands of a lane, is not sent.
func TestReportEndsADoubtAndItsResend(t *testing.T) {
	t.Parallel()
	for kind, want := range map[digest.ReportKind]digest.DeliveryState{
		digest.ReportBounce: digest.Bounced, digest.ReportComplaint: digest.Complained, digest.ReportUnsubscribe: digest.Accepted,
		digest.ReportAutoReply: digest.Accepted, digest.ReportOther: digest.Accepted,
	} {
		for _, waits := range []string{"in doubt", "queued again", "claimed again"} {
			t.Run(string(kind)+", "+waits, func(t *testing.T) {
				t.Parallel()
				n, lane, ref := doubt(t)
				var again []digest.Work
				if waits != "in doubt" {
					if resent, err := n.ResendDoubtful(t.Context()); err != nil || resent != 1 {
						t.Fatal(resent, err)
					}
				}
				if waits == "claimed again" {
					var err error
					if again, err = n.ClaimDue(t.Context(), lane, 9, 9); err != nil || len(again) != 1 {
						t.Fatal(again, err)
					}
				}
				if _, err := n.Report(t.Context(), about(ref, kind)); err != nil {
					t.Fatal(err)
				}
				n.wantState(ref.Edition, ref.Reader, want)
				if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != 0 {
					t.Errorf("the resend was granted: %v, %v", granted, err)
				}
				if err := n.Release(t.Context(), lane, refs(again)); err != nil {
					t.Error(err)
				}
				if resent, err := n.ResendDoubtful(t.Context()); err != nil || resent != 0 {
					t.Errorf("resent %d, %v", resent, err)
				}
				if work, err := n.ClaimDue(t.Context(), lane, 10, 9); err != nil || len(work) != 0 {
					t.Errorf("claimed %v, %v", work, err)
				}
				n.wantState(ref.Edition, ref.Reader, want)
			})
		}
	}
}

// A relay that takes a mail, returns it and never answers: the report is here
// before the doubt is.
func TestReportThatCameBeforeTheDoubtEndsIt(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		for kind, want := range map[digest.ReportKind]digest.DeliveryState{
			digest.ReportBounce: digest.Bounced, digest.ReportAutoReply: digest.Accepted,
		} {
			n, e, ids := sendingTo(t, 2)
			lane := n.lane()
			work := n.claim(lane, e)
			if _, err := n.intend(t.Context(), lane, refs(work)...); err != nil {
				t.Fatal(err)
			}
			ref := digest.Ref{Edition: e, Reader: ids[0]}
			if _, err := n.Report(t.Context(), about(ref, kind)); err != nil {
				t.Fatal(err)
			}
			n.wantState(e, ids[0], digest.Sending)
			for _, w := range work {
				n.settle(lane, w.Ref, doubtful)
			}
			if hold {
				if got, err := n.FinishEditions(t.Context(), false); err != nil || len(got) != 1 {
					t.Errorf("finished %v, %v", got, err)
				}
				n.wantState(e, ids[1], digest.InDoubt)
			} else {
				if resent, err := n.ResendDoubtful(t.Context()); err != nil || resent != 1 {
					t.Errorf("resent %d, %v; want the one without a report", resent, err)
				}
				n.wantState(e, ids[1], digest.Queued)
			}
			n.wantState(e, ids[0], want)
		}
	}
}

// What is in doubt is no news any more once the next edition is out.
func TestDoubtIsNotResentBesideTheNextEdition(t *testing.T) {
	t.Parallel()
	n, _, ref := doubt(t)
	n.publish()
	if resent, err := n.ResendDoubtful(t.Context()); err != nil || resent != 0 {
		t.Errorf("resent %d, %v", resent, err)
	}
	if resent, stay, err := n.ResendDoubts(t.Context(), ref.Edition, 0); err != nil || resent != 0 || stay != 1 {
		t.Errorf("resent %d at an operator's word, %d stay, %v", resent, stay, err)
	}
	n.wantState(ref.Edition, ref.Reader, digest.InDoubt)
}
