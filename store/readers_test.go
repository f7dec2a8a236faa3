package store_test

import (
	"strings"
	"testing"

	"courant/digest"
)

func TestReadersComePageByPage(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.imports(crowd(0, 25)...)
	seen := map[string]bool{}
	for after, pages := digest.ReaderID(0), 0; ; pages++ {
		page, err := n.Readers(t.Context(), "readers", after, 10)
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			seen[l.Address] = true
		}
		after = page[len(page)-1].ID
	}
	if len(seen) != 25 {
		t.Errorf("%d readers on all pages", len(seen))
	}
}

func TestRemovedReaderGetsOnlyWhatOtherListsBring(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.digest.Lists = []string{"readers", "friends"}
	ids := n.subscribe("one@example.org", "both@example.org")
	if _, err := n.AddReader(ctx, "friends", nil, row(1, "both@example.org"), "by hand"); err != nil {
		t.Fatal(err)
	}
	edition := n.publish()
	for range 2 { // twice is once
		for _, a := range []string{"one@example.org", "both@example.org"} {
			if err := n.RemoveReader(ctx, "readers", hash(a), n.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	n.wantState(edition, ids[0], digest.Cancelled)
	n.wantState(edition, ids[1], digest.Queued)
	is(t, n.RemoveReader(ctx, "readers", hash("nobody@example.org"), n.now), digest.ErrNotFound)
	is(t, n.RemoveReader(ctx, "strangers", hash("one@example.org"), n.now), digest.ErrNotFound)
}

func TestErasedReaderIsATombstone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	r := row(1, "secret.person@example.org")
	r.Name, r.Zone, r.Frequency = "Secret Person", "Europe/Oslo", digest.Daily
	n.imports(r)
	reader, err := n.FindReader(ctx, r.Hash)
	if err != nil {
		t.Fatal(err)
	}
	id, l := reader.ID, n.lane()
	first := n.publish()
	ref := digest.Ref{Edition: first, Reader: id}
	n.claim(l, first)
	n.accept(l, ref)
	report := hardBounce(ref, "5.2.2")
	report.Recipients[0].Address, report.Recipients[0].Class = "Secret.Person@example.org", digest.ClassSoft
	report.Recipients[0].Said = "<secret.person@example.org> is full"
	stray := report
	stray.Ref, stray.Hash = digest.Ref{}, hash("stray")
	for _, r := range []digest.Report{report, stray} {
		if _, err := n.Report(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Leave(ctx, ref, digest.Leaving{At: n.now, How: "page", Reason: "Secret reason", Weekly: true}); err != nil {
		t.Fatal(err)
	}
	second := n.publish()
	if state, _ := n.delivery(second, id); state != "" && state != digest.Queued {
		t.Fatalf("second delivery is %s", state)
	}

	if err := n.EraseReader(ctx, r.Hash, n.now); err != nil {
		t.Fatal(err)
	}
	is(t, n.EraseReader(ctx, r.Hash, n.now), digest.ErrNotFound)
	if state, _ := n.delivery(second, id); state == digest.Queued {
		t.Error("what waited is still queued")
	}
	dump := n.one(`
		SELECT concat((SELECT json_agg(x) FROM readers x), (SELECT json_agg(x) FROM subscriptions x),
			(SELECT json_agg(x) FROM choices x), (SELECT json_agg(x) FROM reader_events x),
			(SELECT json_agg(x) FROM suppressions x), (SELECT json_agg(x) FROM reports x),
			(SELECT json_agg(x) FROM deliveries x))`)
	for _, secret := range []string{"secret", "oslo"} {
		if strings.Contains(strings.ToLower(dump), secret) {
			t.Errorf("%q is still in the rows: %s", secret, dump)
		}
	}
	if got, err := n.FindReader(ctx, r.Hash); err != nil || got.ID != id || got.Address != "" {
		t.Errorf("tombstone is %+v, %v", got, err)
	}
	_, err = n.Standing(ctx, ref)
	is(t, err, digest.ErrNotFound)
	is(t, n.Leave(ctx, ref, digest.Leaving{At: n.now}), digest.ErrNotFound)
	is(t, n.Undo(ctx, ref, n.now), digest.ErrNotFound)
}
