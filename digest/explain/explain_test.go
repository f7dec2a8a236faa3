package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var morning = digest.Digest{Name: "morning", Title: "Morning Brief", TimeZone: "Europe/Berlin", Categories: []string{"Military", "World"}}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is said:\n%s", file, got)
	}
}

// lines is the --json form: an object a line.
func lines[T any](t *testing.T, objects []T) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, o := range objects {
		if err := json.NewEncoder(&b).Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func slot(at string) digest.Slot {
	return digest.Slot{Digest: "morning", Key: at, Zone: "Europe/Berlin", Instant: instant(at), State: digest.SlotOwed}
}

func candidate(id digest.ArticleID, title, source string) digest.Candidate {
	return digest.Candidate{Article: digest.Article{
		ID: id, Title: title, Source: source, FirstSeen: instant("2026-03-28T05:10:00Z").Add(-time.Duration(id) * time.Hour),
	}}
}

// looks are the ways an answer is set, by what their golden files add to the
// name.
func looks() map[string]Look {
	return map[string]Look{"": {}, "-narrow": {Width: 60}, "-wide": {Width: 160}, "-coloured": {Color: true, Width: 80}}
}

func set(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// coming is a week around a change of the clock.
func coming() []Coming {
	m := digest.Material{
		Edition: digest.Edition{WindowFrom: instant("2026-03-27T06:00:00Z")},
		Candidates: []digest.Candidate{
			candidate(1, "Fleet leaves harbour", "Navy wire"), candidate(2, "Ships set sail", "Coast paper"),
			candidate(3, "Vote in Geneva", "World wire"), candidate(4, "Königswahl in Köln", "World wire"),
		},
		Groups: []digest.Group{{Key: 1, Readers: 900}, {Key: 2, Readers: 80}, {Key: 3, Readers: 20}},
	}
	skipped := slot("2026-03-30T05:00:00Z")
	skipped.State, skipped.Reason = digest.SlotSkipped, "skip: 2026-03-30 in the config"
	return []Coming{
		{Digest: morning, Slot: slot("2026-03-29T01:00:00Z"), Remark: "02:30 does not exist on 29 March 2026; sent at 03:00", Material: m},
		{Digest: morning, Slot: skipped, Material: m},
		{Digest: morning, Slot: slot("2026-03-31T05:00:00Z"), Material: m, Warnings: []string{"months without a day 31 have no edition"}},
		{Digest: digest.Digest{Name: "evening", Title: "Evening Brief"}, Slot: digest.Slot{Zone: "UTC", Instant: instant("2026-03-31T18:00:00Z")}},
	}
}

func compose(m digest.Material) (digest.Composition, error) {
	if len(m.Candidates) == 0 {
		return digest.Composition{Variants: []digest.Draft{{Default: true, Reason: "below min_articles: 0 of 1"}}}, nil
	}
	told := func(i int, category string, from digest.PointsFrom) digest.Told {
		c := m.Candidates[i]
		return digest.Told{Article: c.ID, Title: c.Title, Source: c.Source, URL: "https://example.com/" + c.Source, Category: category, PointsFrom: from}
	}
	return digest.Composition{
		Stories: []digest.Fold{
			{Told: told(0, "Military", digest.PointsPage), Articles: []digest.ArticleID{1, 2}, Why: "folded", Rank: "pinned by an editor"},
			{Told: told(2, "World", digest.PointsLead), Articles: []digest.ArticleID{3}, Rank: "by rank 0.87 (1 source, freshness 0.87)"},
			{Told: told(3, "World", digest.PointsNone), Articles: []digest.ArticleID{4}},
		},
		Variants: []digest.Draft{
			{Default: true, Groups: []int64{1}, Stories: []int{0, 1}, LeftOut: map[int]string{2: "dropped by an editor"}},
			{Groups: []int64{2}, Stories: []int{0}, LeftOut: map[int]string{1: "already sent", 2: "already sent"}},
			{Groups: []int64{3}, Reason: "below min_articles: 0 of 1"},
		},
	}, nil
}

func TestPlanTellsWhatEachSlotWouldCarry(t *testing.T) {
	t.Parallel()
	plan, err := Plan(coming(), compose)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", lines(t, plan))
	for name, look := range looks() {
		golden(t, "plan"+name+".txt", set(t, func(w io.Writer) error { return WritePlan(w, plan, look) }))
	}
}

func TestPlanNamesTheSlotThatCannotBeComposed(t *testing.T) {
	t.Parallel()
	broken := errors.New("the subject is broken")
	_, err := Plan(coming(), func(digest.Material) (digest.Composition, error) { return digest.Composition{}, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "of morning") {
		t.Errorf("error %v", err)
	}
}

func TestEmptyPlanSaysSo(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WritePlan(&b, nil, Look{}); err != nil || b.String() != "no slot is due in that time\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// account is a reader to whom a good deal happened.
func account() digest.Account {
	edition := func(number int, at string) digest.Edition {
		return digest.Edition{
			ID: digest.EditionID(number + 40), Digest: "morning", Title: "Morning Brief", Kind: digest.KindSlot, Number: number,
			Instant: instant(at), Zone: "Europe/Berlin",
		}
	}
	proof := edition(0, "2026-03-05T09:30:00Z")
	proof.Kind = digest.KindProof
	stories := []digest.Told{
		{Title: "Fleet leaves harbour", URL: "https://example.com/fleet", Category: "Military", PointsFrom: digest.PointsPage},
		{Title: "Vote in Geneva", URL: "https://example.com/vote", Category: "World", PointsFrom: digest.PointsLead},
	}
	left := []digest.LeftOut{
		{Title: "Cup final", Reason: "category Sport is not among the reader's"}, {Title: "Königswahl in Köln", Reason: "already sent on 2026-02-27 in Evening Brief no. 7"},
		{Title: "Ships set sail", Reason: `folded into "Fleet leaves harbour" at Navy wire`}, {Title: "Lighthouse for sale", Reason: "over max_articles (2)"},
		{Title: "Old news", Reason: "first seen before this reader's window"}, {Title: "Vote in Bern", Reason: "over max_per_category (2)"},
		{Title: "Rumour at sea", Reason: "dropped by an editor"},
	}
	const accepted = "250 2.0.0 OK queued as 4F1"
	return digest.Account{
		Reader:        digest.Reader{Address: "anna@example.org"},
		Subscriptions: []digest.Subscription{{List: "readers", State: digest.SubscriptionActive, Consent: "import of readers.csv", Since: instant("2026-01-01T10:00:00Z")}},
		Choices: []digest.Choices{{Digest: "morning", Frequency: digest.Weekly, Weekday: time.Monday, Categories: []string{"Military", "World"},
			PausedUntil: instant("2026-04-01T00:00:00Z")}},
		Suppressed: "soft (mailbox full)", SuppressedAt: instant("2026-03-09T06:10:00Z"),
		Entries: []digest.Entry{
			{Edition: edition(12, "2026-03-02T06:00:00Z"), State: digest.Accepted, Reply: accepted, Stories: stories, LeftOut: left},
			{Edition: edition(11, "2026-02-27T06:00:00Z"), Reason: "paused until 2026-03-01 00:00 UTC", Stories: stories[:1], LeftOut: left[:1]},
			{Edition: edition(13, "2026-03-03T06:00:00Z"), Reason: "reads it weekly, and this was not the week's edition", Stories: stories},
			{Edition: edition(14, "2026-03-04T06:00:00Z"), State: digest.Queued, Attempts: 2, NotBefore: instant("2026-03-04T06:20:00Z"),
				Reply: "451 4.7.1 greylisted"},
			{Edition: proof, State: digest.Accepted, Reply: accepted, Resends: 1},
			{Edition: edition(15, "2026-03-06T06:00:00Z"), State: digest.InDoubt},
			{Edition: edition(16, "2026-03-07T06:00:00Z"), State: digest.Expired, Reply: "a later edition of the digest was published",
				Reason: "a later edition of the digest was published", Stories: stories[1:]},
			{Edition: edition(17, "2026-03-09T06:00:00Z"), State: digest.Refused, Reply: "552 5.2.2 mailbox full", Stories: stories[:1], LeftOut: left[1:2]},
		},
		Skipped: []digest.Slot{{Digest: "morning", Zone: "Europe/Berlin", Instant: instant("2026-03-05T06:00:00Z"),
			State: digest.SlotSkipped, Reason: "below min_articles: 0 of 1"}},
	}
}

func TestWhyTellsEveryEditionAndWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	golden(t, "why.json", lines(t, Why(account())))
	for name, look := range looks() {
		golden(t, "why"+name+".txt", set(t, func(w io.Writer) error { return WriteWhy(w, account(), look) }))
	}
}

func TestWhyOfAnErasedReaderShowsNoAddress(t *testing.T) {
	t.Parallel()
	a := digest.Account{Erased: true, LeftAt: instant("2026-01-01T10:00:00Z")}
	var b bytes.Buffer
	if err := WriteWhy(&b, a, Look{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "why-erased.txt", b.Bytes())
}

func TestNoAnswerIsWithoutAStateOrAReason(t *testing.T) {
	t.Parallel()
	for _, state := range append(digest.DeliveryStates(), "") {
		n := Why(digest.Account{Entries: []digest.Entry{{State: state, Attempts: 0}}})[0]
		settled := state == digest.Accepted || state == digest.Refused || state == digest.Bounced || state == digest.Complained ||
			state == digest.Cancelled || state == digest.Expired
		if n.Reason == "" && !settled {
			t.Errorf("%q is left without a word", state)
		}
	}
}

func TestEmptyListsAreListsInJSON(t *testing.T) {
	t.Parallel()
	plan, err := Plan(coming()[1:2], compose)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{lines(t, plan), lines(t, Why(digest.Account{Entries: []digest.Entry{{}}}))} {
		for _, key := range []string{"articles", "left_out"} {
			if !strings.Contains(string(b), `"`+key+`":[]`) {
				t.Errorf("%s is no empty list in %s", key, b)
			}
		}
	}
}

func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

func TestPreviewNamesItsMailsAndFiles(t *testing.T) {
	t.Parallel()
	at := instant("2026-03-29T22:00:00Z").In(zone("Asia/Tokyo"))
	full := Preview{
		Digest: "morning", Title: "Morning Brief", Local: at, Zone: "Asia/Tokyo",
		Notes: []string{"what is here now goes out on Sun 29 March 2026, 07:00; this edition will carry what comes in later"},
		Mails: []PreviewMail{
			{Subject: "Morning Brief: Fleet leaves harbour", Readers: 900, Own: true, Language: "en", Articles: 5, Files: []string{"out/morning.eml", "out/morning.html"}},
			{Subject: "朝刊: \x1b[31m港口新桥提前一年开通", Readers: 1, Language: "ja", Only: []string{"Military", "World"}, Articles: 1, Files: []string{"out/morning-2.eml"}},
			{Subject: "Morning Brief: nobody's", Own: true, Articles: 2},
		},
	}
	one := Preview{
		Digest: "morning", Local: at, Zone: "Asia/Tokyo",
		Mails:   []PreviewMail{{Subject: "Fleet leaves harbour", For: "anna@example.org", Readers: 1, Language: "en", Articles: 5}},
		LeftOut: []digest.LeftOut{{Title: "Cup final", Reason: "category Sport is not among the reader's"}, {Title: "Fleet", Reason: "already sent"}},
	}
	nothing := Preview{Digest: "morning", Title: "Morning Brief", Local: at, Zone: "Asia/Tokyo", Nothing: "nothing would be sent: below min_articles: 1 of 2",
		LeftOut: []digest.LeftOut{{Title: "Cup final", Reason: "below min_articles: 1 of 2"}}}
	for name, look := range looks() {
		golden(t, "preview"+name+".txt", set(t, func(w io.Writer) error {
			return errors.Join(WritePreview(w, full, look), WritePreview(w, one, look), WritePreview(w, nothing, look))
		}))
	}
}

func TestPlanSaysWhatGoesToSomeReadersOnly(t *testing.T) {
	t.Parallel()
	plan, err := Plan(coming()[:1], func(m digest.Material) (digest.Composition, error) {
		composed, err := compose(m)
		composed.Variants[1].Stories = []int{0, 2}
		return composed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-some.txt", set(t, func(w io.Writer) error { return WritePlan(w, plan, Look{Width: 80}) }))
}
