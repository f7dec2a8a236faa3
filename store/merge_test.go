package store_test

import (
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// onto puts readers on another list.
func (n *newsroom) onto(list string, rows ...digest.ImportRow) {
	n.t.Helper()
	if _, err := n.ImportReaders(n.t.Context(), list, nil, rows, "import onto "+list); err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) merge(from, into string) (total digest.Merge) {
	n.t.Helper()
	for {
		m, err := n.MergeLists(n.t.Context(), from, into)
		if err != nil {
			n.t.Fatal(err)
		}
		total.Moved, total.Both, total.Ended = total.Moved+m.Moved, total.Both+m.Both, total.Ended+m.Ended
		if m.Left == 0 {
			return total
		}
	}
}

func TestMergedListsKeepThatSomebodyLeft(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.subscribe("both@example.org", "left-here@example.org", "left-there@example.org", "waits@example.org", "here@example.org")
	var rows []digest.ImportRow
	for i, a := range []string{"both@example.org", "left-here@example.org", "left-there@example.org", "waits@example.org", "there@example.org"} {
		rows = append(rows, row(i+1, a))
	}
	n.onto("weekend", rows...)
	for list, who := range map[string]string{"readers": "left-here@example.org", "weekend": "left-there@example.org"} {
		if err := n.RemoveReader(ctx, list, hash(who), n.now); err != nil {
			t.Fatal(err)
		}
	}
	n.do(`UPDATE subscriptions SET state = 'pending' WHERE list = 'weekend' AND reader_id = (SELECT id FROM readers WHERE email = 'waits@example.org')`)
	n.do(`UPDATE subscriptions SET since = '2020-02-02', consent = 'long ago' WHERE list = 'weekend' AND reader_id = (SELECT id FROM readers WHERE email = 'both@example.org')`)
	if m := n.merge("weekend", "readers"); m != (digest.Merge{Moved: 1, Both: 4, Ended: 2}) {
		t.Errorf("merged %+v", m)
	}
	states := n.one(`SELECT string_agg(r.email || ' ' || s.state, ', ' ORDER BY r.email) FROM subscriptions s JOIN readers r ON r.id = s.reader_id`)
	if want := "both@example.org active, here@example.org active, left-here@example.org unsubscribed, left-there@example.org unsubscribed, " +
		"there@example.org active, waits@example.org active"; states != want {
		t.Errorf("the lists are\n%s, want\n%s", states, want)
	}
	for who, want := range map[string]string{"both@example.org": "long ago, 2020", "there@example.org": "import onto weekend, ", "waits@example.org": "import of a test, "} {
		got := n.one(`SELECT consent || ', ' || EXTRACT(YEAR FROM since) FROM subscriptions JOIN readers r ON r.id = reader_id WHERE r.email = $1`, who)
		if !strings.HasPrefix(got, want) {
			t.Errorf("the consent of %s is %q, want %q", who, got, want)
		}
	}
	if got := n.one(`SELECT count(*) FROM reader_events WHERE kind = 'merged' AND data ->> 'merged' = 'weekend' AND data ->> 'list' = 'readers'`); got != "5" {
		t.Errorf("%s readers have it in their history", got)
	}
	// The next file brings nobody back.
	if got := n.imports(row(1, "left-there@example.org")); got.Left != 1 {
		t.Errorf("an import gives %+v", got)
	}
}

func TestMergeOfListsGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.onto("weekend", crowd(0, 12_000)...)
	first, err := n.MergeLists(t.Context(), "weekend", "readers")
	if err != nil || first.Moved != 5000 || first.Left != 7000 {
		t.Fatalf("the first portion is %+v, %v", first, err)
	}
	if n.one(`SELECT count(*) FROM merges WHERE ended IS NULL`) != "1" {
		t.Error("the merge is not known to be under way")
	}
	if m := n.merge("weekend", "readers"); m.Moved != 7000 {
		t.Errorf("the rest is %+v", m)
	}
	if m := n.merge("weekend", "readers"); m != (digest.Merge{}) {
		t.Errorf("nothing was left, and merged were %+v", m)
	}
	if got := n.one(`SELECT string_agg(DISTINCT list, ', ') || ' ' || count(*) FROM subscriptions`); got != "readers 12000" {
		t.Errorf("the lists are %s", got)
	}
	if got := n.one(`SELECT count(*) FROM reader_events WHERE kind = 'merged'`); got != "12000" {
		t.Errorf("%s events", got)
	}
	if n.one(`SELECT count(*) FROM merges WHERE ended IS NULL`) != "0" {
		t.Error("the merge is not over")
	}
}

// An edition that is on its way to a list reaches its readers also when they
// are on the other one by then, and none who left that.
func TestEditionUnderWayFollowsTheReadersOfAMergedList(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "gone@example.org")
	n.onto("all", row(1, "gone@example.org"))
	if err := n.RemoveReader(ctx, "all", hash("gone@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	e := n.publish()
	l := n.lane()
	n.merge("readers", "all")
	n.wantState(e, ids[0], digest.Queued)
	n.wantState(e, ids[1], digest.Cancelled)
	n.claim(l, e)
	granted, err := n.intend(ctx, l, digest.Ref{Edition: e, Reader: ids[0]})
	if err != nil || len(granted) != 1 {
		t.Errorf("granted %v, %v", granted, err)
	}
	// Of an edition for the old list, why still knows who was on it.
	n.do(`DELETE FROM deliveries`)
	n.do(`UPDATE editions SET lists = '{readers}', state = 'done'`)
	a, err := n.Why(ctx, hash("ann@example.org"), n.now.Add(-time.Hour), n.now.Add(time.Hour))
	if err != nil || len(a.Entries) != 1 || strings.Contains(a.Entries[0].Reason, "not on the list") {
		t.Errorf("why tells %+v, %v", a.Entries, err)
	}
}

func TestLeavingBeforeAMergeCanBeTakenBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "ben@example.org")
	n.onto("all", row(1, "ben@example.org"))
	if err := n.RemoveReader(ctx, "all", hash("ben@example.org"), n.now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	e := n.publish()
	for _, id := range ids {
		n.leave(digest.Ref{Edition: e, Reader: id}, digest.Leaving{At: n.now, How: "page", Everything: true})
	}
	n.merge("readers", "all")
	for _, id := range ids {
		n.undo(digest.Ref{Edition: e, Reader: id})
	}
	if got := n.one(`SELECT state FROM subscriptions WHERE reader_id = $1 AND list = 'all'`, ids[0]); got != "active" {
		t.Errorf("who took it back is %s", got)
	}
	if got := n.one(`SELECT state FROM subscriptions WHERE reader_id = $1 AND list = 'all'`, ids[1]); got != "unsubscribed" {
		t.Errorf("who had left the other list before is %s", got)
	}
}
