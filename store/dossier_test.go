package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

func TestDossierHasAllThatIsKept(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	r := row(1, "ann@example.org")
	r.Name, r.Zone, r.Language, r.Frequency, r.Categories = "Ann", "Europe/Oslo", "nb", digest.Daily, []string{"World"}
	n.imports(r)
	l := n.lane()
	e := n.publish()
	ref := digest.Ref{Edition: e, Reader: 1}
	n.claim(l, e)
	n.accept(l, ref)
	report := hardBounce(ref, "5.2.2")
	report.Recipients[0].Class = digest.ClassSoft
	if _, err := n.Report(ctx, report); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Pause(ctx, 1, digest.Pause{At: n.now, Until: n.now.Add(48 * time.Hour), Digests: []string{"morning"}, How: "editor", Why: "on holiday"}); err != nil {
		t.Fatal(err)
	}
	d, err := n.Dossier(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"address":"ann@example.org","name":"Ann","language":"nb","time_zone":"Europe/Oslo"`,
		`"subscriptions":[{"list":"readers","state":"active","consent":"import of a test"`,
		`"choices":[{"digest":"morning","frequency":"daily","categories":["World"],"paused_until":"`, `"paused_why":"on holiday"`,
		`"kind":"imported","list":"readers","how":"import of a test"`, `"kind":"paused","digest":"morning","how":"editor"`,
		`"mails":[{"digest":"morning","title":"Morning Brief","edition":1,`, `"state":"bounced"`, `"kind":"bounce","recipients":[{"address":"`,
	} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("%s is not in\n%s", want, doc)
		}
	}
	if !d.Rests("morning").Equal(n.now.Add(48*time.Hour)) || !d.Rests("evening").IsZero() {
		t.Errorf("rests until %s", d.Rests("morning"))
	}
	if err := n.Erase(ctx, 1, n.now); err != nil {
		t.Fatal(err)
	}
	is(t, n.Erase(ctx, 1, n.now), digest.ErrNotFound)
	is(t, n.Erase(ctx, 99, n.now), digest.ErrNotFound)
	_, err = n.Dossier(ctx, 99)
	is(t, err, digest.ErrNotFound)
	d, err = n.Dossier(ctx, 1)
	if err != nil || d.ErasedAt.IsZero() || d.Reader.Address != "" || len(d.Choices) != 0 {
		t.Errorf("of an erased reader there is %+v, %v", d, err)
	}
	if doc, err = json.Marshal(d); err != nil || strings.Contains(string(doc), "ann@") || strings.Contains(string(doc), "Oslo") || strings.Contains(string(doc), "holiday") {
		t.Errorf("of an erased reader there is %s, %v", doc, err)
	}
}

func TestPauseHoldsBackAndEnds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n, ref := waiting(t)
	rest := func(until time.Time, want string, digests ...string) {
		t.Helper()
		changed, err := n.Pause(ctx, ref.Reader, digest.Pause{At: n.now, Until: until, Digests: digests, How: "editor"})
		if err != nil || strings.Join(changed, " ") != want {
			t.Errorf("changed %v, %v; want %s", changed, err, want)
		}
	}
	until := time.Now().Add(72 * time.Hour)
	rest(until, "evening morning", "morning", "evening")
	rest(until, "", "morning")
	n.wantState(ref.Edition, ref.Reader, digest.Cancelled)
	if next := n.publish(); n.one(`SELECT count(*) FROM deliveries WHERE edition_id = $1`, next) != "0" {
		t.Error("an edition goes to who paused")
	}
	rest(time.Time{}, "morning", "morning")
	rest(time.Time{}, "", "morning")
	if next := n.publish(); n.one(`SELECT count(*) FROM deliveries WHERE edition_id = $1`, next) != "1" {
		t.Error("no edition goes to who paused no more")
	}
	if got := n.one(`SELECT string_agg(kind || ' ' || (data ->> 'digest'), ', ' ORDER BY id) FROM reader_events WHERE kind <> 'imported'`); got != "paused evening, paused morning, resumed morning" {
		t.Errorf("the events are %s", got)
	}
	// It brings nobody back to a digest that was left.
	n.leave(ref, digest.Leaving{At: n.now})
	rest(time.Now().Add(time.Hour), "morning", "morning")
	if got := n.one(`SELECT left_at IS NOT NULL FROM choices WHERE digest = 'morning'`); got != "true" {
		t.Error("a pause took a leaving back")
	}
	if err := n.Erase(ctx, ref.Reader, n.now); err != nil {
		t.Fatal(err)
	}
	_, err := n.Pause(ctx, ref.Reader, digest.Pause{At: n.now, Until: until, Digests: []string{"morning"}})
	is(t, err, digest.ErrNotFound)
}
