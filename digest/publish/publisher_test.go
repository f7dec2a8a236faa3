package publish

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// press answers orders and remembers the last one.
type press struct {
	order   digest.Order
	edition digest.Edition
	err     error
}

func (p *press) Publish(_ context.Context, o digest.Order, compose func(digest.Material) (digest.Composition, error)) (digest.Edition, error) {
	p.order = o
	if _, err := compose(digest.Material{Digest: o.Digest}); err != nil {
		return digest.Edition{}, err
	}
	return p.edition, p.err
}

func publisher(p *press, log *bytes.Buffer) Publisher {
	return Publisher{
		Store: p, Now: func() time.Time { return noon }, ConfigHash: "c0ffee", KeyID: 3,
		Log:         slog.New(slog.NewTextHandler(log, nil)),
		Cadence:     func(digest.Digest) digest.Cadence { return digest.Cadence{Hour: 7} },
		FirstWindow: func(_ digest.Digest, now time.Time) (time.Time, error) { return now.Add(-24 * time.Hour), nil },
	}
}

func TestOrdersNameAllThatAnEditionIsMadeWith(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning"}
	slot := digest.Slot{Digest: "morning", Key: "2026-03-02T07:00Z", Instant: noon.Add(-5 * time.Hour)}
	shared := digest.Order{
		Digest: d, Now: noon, FirstWindow: noon.Add(-24 * time.Hour), ConfigHash: "c0ffee", KeyID: 3, Cadence: digest.Cadence{Hour: 7},
	}
	answers, extra, proof := shared, shared, shared
	answers.Kind, answers.Slot, answers.FirstWindow = digest.KindSlot, slot, slot.Instant.Add(-24*time.Hour)
	extra.Kind = digest.KindExtra
	proof.Kind, proof.Address = digest.KindProof, "desk@example.com"
	for name, c := range map[string]struct {
		want digest.Order
		do   func(Publisher) (digest.Edition, error)
	}{
		"slot":  {answers, func(p Publisher) (digest.Edition, error) { return p.Slot(t.Context(), d, slot) }},
		"extra": {extra, func(p Publisher) (digest.Edition, error) { return p.Extra(t.Context(), d) }},
		"proof": {proof, func(p Publisher) (digest.Edition, error) { return p.Proof(t.Context(), d, "desk@example.com") }},
	} {
		var log bytes.Buffer
		p := &press{edition: digest.Edition{ID: 12, Digest: "morning", Number: 4}}
		e, err := c.do(publisher(p, &log))
		if err != nil || e.ID != 12 {
			t.Errorf("%s: edition %d, %v", name, e.ID, err)
		}
		if p.order.Known == nil {
			t.Errorf("%s: nobody says which stories are told again", name)
		}
		p.order.Known = nil // functions do not compare
		if !reflect.DeepEqual(p.order, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, p.order, c.want)
		}
		if !strings.Contains(log.String(), `msg="edition published" digest=morning`) || strings.Contains(log.String(), "desk@") {
			t.Errorf("%s: the log says %s", name, log.String())
		}
	}
}

func TestEmptySlotIsSaidWithItsReason(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := &press{edition: digest.Edition{HeldReason: "below min_articles: 0 of 1"}}
	e, err := publisher(p, &log).Slot(t.Context(), digest.Digest{Name: "morning"}, digest.Slot{Key: "2026-03-02T07:00Z"})
	if err != nil || e.ID != 0 {
		t.Errorf("edition %d, %v", e.ID, err)
	}
	const want = `msg="nothing to publish" digest=morning kind=slot slot=2026-03-02T07:00Z reason="below min_articles: 0 of 1"`
	if !strings.Contains(log.String(), want) {
		t.Errorf("the log says %s, want %s", log.String(), want)
	}
}

func TestFailuresOfAPublicationAreHandedOn(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	var log bytes.Buffer
	if _, err := publisher(&press{err: away}, &log).Extra(t.Context(), digest.Digest{Name: "morning"}); !errors.Is(err, away) {
		t.Errorf("error %v, want the store's", err)
	}
	p := publisher(&press{}, &log)
	p.FirstWindow = func(digest.Digest, time.Time) (time.Time, error) { return time.Time{}, away }
	if _, err := p.Extra(t.Context(), digest.Digest{Name: "morning"}); !errors.Is(err, away) {
		t.Errorf("error %v, want that of the schedule", err)
	}
	if log.Len() > 0 {
		t.Errorf("a failure is both returned and logged: %s", log.String())
	}
}

func TestProofOfWhatWasSeenIsThatVariantForItsOneAddress(t *testing.T) {
	t.Parallel()
	seen := material(article(1, "World", 1), article(2, "Sport", 2))
	seen.Digest.Categories, seen.Digest.MinArticles = []string{"World", "Sport"}, 1
	seen.Groups = []digest.Group{{Key: 4, Categories: []string{"Sport"}, Since: seen.Edition.WindowFrom, Readers: 9}}
	shown, err := Preview(seen)
	if err != nil || len(shown) != 2 {
		t.Fatalf("%d variants, %v", len(shown), err)
	}
	for _, s := range shown {
		c, err := only(seen, s.Variant.Signature, []digest.Group{{Key: 1, Readers: 1}})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, story := range s.Variant.Stories {
			told = append(told, story.Title)
		}
		if len(c.Variants) != 1 || !slices.Equal(titles(c, c.Variants[0]), told) || !slices.Equal(c.Variants[0].Groups, []int64{1}) || !c.Variants[0].Default {
			t.Errorf("of %q the proof is %+v", told, c.Variants)
		}
	}
	p := publisher(&press{edition: digest.Edition{ID: 12}}, &bytes.Buffer{})
	if _, err := p.ProofOf(t.Context(), seen, "another", "me@example.com"); err == nil || !strings.Contains(err.Error(), "look at the edition again") {
		t.Errorf("a variant that is not there: %v", err)
	}
}
