package explain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"courant/digest"
)

// stateSkipped stands for a slot that no edition answered.
const stateSkipped = "skipped"

// Answer is what one edition, or one slot without an edition, meant for a
// reader, as --json gives it.
type Answer struct {
	Digest   string     `json:"digest"`
	Edition  *int       `json:"edition"` // its number; null: a proof, or no edition
	Slot     time.Time  `json:"slot"`    // the instant, UTC
	State    string     `json:"state"`   // of the delivery; "skipped": no edition; empty: no mail for this reader
	Reply    string     `json:"reply"`   // the server's words
	Reason   string     `json:"reason"`  // why there was no mail, or is none yet
	Articles []Got      `json:"articles"`
	LeftOut  []DidntGet `json:"left_out"`

	Zone  string `json:"zone"`  // whose clock the slot is read on: of readers' zones that by which it comes to this one
	Moved string `json:"moved"` // what moving to another zone had to do with the mail; empty: nothing

	Since string `json:"since"` // the day from which on the reader gets the digest, as the mail's footer says it; empty: no mail, or not known

	title  string
	toCome bool // it is ahead in the reader's zone
	kind   digest.EditionKind
}

// Got is an article that the mail told.
type Got struct {
	Title      string            `json:"title"`
	URL        string            `json:"url"`
	Category   string            `json:"category"`
	PointsFrom digest.PointsFrom `json:"points_from"`
}

// DidntGet is a story that was there and was not told.
type DidntGet struct {
	Title  string `json:"title"`
	Reason string `json:"reason"`
}

// Why tells the account of one reader in order of time.
func Why(a digest.Account) []Answer {
	answers := make([]Answer, 0, len(a.Entries)+len(a.Skipped))
	for _, e := range a.Entries {
		n := answer(e)
		n.Moved, n.toCome = a.Moved(e), a.ToCome(e)
		if e.State != "" {
			n.Since = began(a, e)
		}
		answers = append(answers, n)
	}
	for _, s := range a.Skipped {
		answers = append(answers, Answer{
			Digest: s.Digest, Slot: s.Instant.UTC(), State: stateSkipped, Reason: s.Reason,
			Articles: []Got{}, LeftOut: []DidntGet{}, title: s.Digest, Zone: s.Zone,
		})
	}
	slices.SortStableFunc(answers, func(a, b Answer) int {
		return cmp.Or(a.Slot.Compare(b.Slot), cmp.Compare(a.Digest, b.Digest))
	})
	return answers
}

// began is since when the reader gets the digest of an edition; empty: not known.
func began(a digest.Account, e digest.Entry) string {
	var to digest.Recipient
	if to.Since, to.First = a.Began(e.Lists, e.Firsts); to.Since.IsZero() {
		return ""
	}
	return to.Began(zoneOf(e.Edition.Zone)).Format(time.DateOnly)
}

func answer(e digest.Entry) Answer {
	n := Answer{
		Digest: e.Edition.Digest, Slot: e.Edition.Instant.UTC(), State: string(e.State), Reply: e.Reply, Reason: reason(e),
		Articles: []Got{}, LeftOut: []DidntGet{},
		title: cmp.Or(e.Edition.Title, e.Edition.Digest), Zone: e.Edition.Zone, kind: e.Edition.Kind,
	}
	if e.Edition.Number > 0 {
		n.Edition = &e.Edition.Number
	}
	// Where the reader was not to get the edition at all, that is the reason
	// for each of its stories, whatever the variant at hand says of them.
	whole := e.State == "" && e.Reason != e.Empty
	never := ""
	switch e.State {
	case "", digest.Cancelled, digest.Expired:
		never = cmp.Or(n.Reason, "the mail was "+string(e.State))
	case digest.Refused:
		never = "the server refused the mail: " + e.Reply
	}
	for _, t := range e.Stories {
		if never == "" {
			n.Articles = append(n.Articles, Got{t.Title, t.URL, t.Category, t.PointsFrom})
		} else {
			n.LeftOut = append(n.LeftOut, DidntGet{t.Title, never})
		}
	}
	for _, l := range e.LeftOut {
		if whole {
			l.Reason = n.Reason
		}
		n.LeftOut = append(n.LeftOut, DidntGet{l.Title, l.Reason})
	}
	return n
}

// reason adds to the rows' own words what their other columns tell.
func reason(e digest.Entry) string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.State == "":
		return "the rows do not tell why"
	case e.State == digest.Queued && e.Attempts > 0:
		return fmt.Sprintf("deferred after %s, tried again from %s", times(e.Attempts, "attempt"), stamp(e.NotBefore))
	case e.State == digest.Queued:
		return "waits for its turn"
	case e.State == digest.Claimed, e.State == digest.Sending:
		return "is being sent"
	case e.State == digest.InDoubt:
		return "handed over, but the server's answer was lost: it may have arrived"
	case e.Resends > 0:
		return fmt.Sprintf("was in doubt and sent again %s, with the same Message-ID", times(e.Resends, "time"))
	}
	return ""
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
