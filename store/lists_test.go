package store_test

import (
	"testing"
	"time"

	"courant/digest"
)

func TestListsAreCountedByHowReadersStand(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.subscribe("ann@example.org", "gone@example.org", "bounced@example.org", "erased@example.org", "waits@example.org")
	n.onto("weekend", row(1, "ann@example.org"))
	if err := n.RemoveReader(ctx, "readers", hash("gone@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	n.imports(inState(1, "bounced@example.org", digest.ImportBounced))
	if err := n.EraseReader(ctx, hash("erased@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	n.do(`UPDATE subscriptions SET state = 'pending' WHERE reader_id = (SELECT id FROM readers WHERE email = 'waits@example.org')`)
	lists, err := n.Lists(ctx)
	if err != nil || len(lists) != 2 || lists[0] != (digest.ListCount{List: "readers", Active: 1, Suppressed: 1, Pending: 1, Unsubscribed: 2}) ||
		lists[1] != (digest.ListCount{List: "weekend", Active: 1}) {
		t.Errorf("lists %+v, %v", lists, err)
	}
}

func TestWeeksOfAListTellWhatCameAndWent(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	ids := n.subscribe("old@example.org", "left@example.org", "digest@example.org", "bounced@example.org", "new@example.org", "waits@example.org")
	ago := func(weeks int, set string, ids ...digest.ReaderID) {
		t.Helper()
		for _, id := range ids {
			n.do(set, id, weeks)
		}
	}
	ago(8, `UPDATE subscriptions SET since = now() - $2 * interval '7 days' WHERE reader_id = $1`, ids[:4]...)
	ago(2, `UPDATE subscriptions SET state = 'unsubscribed', ended_at = now() - $2 * interval '7 days' WHERE reader_id = $1`, ids[1])
	ago(1, `INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, 'morning', now() - $2 * interval '7 days')`, ids[2])
	ago(1, `INSERT INTO suppressions (email_hash, reason, since) SELECT email_hash, 'hard', now() - $2 * interval '7 days' FROM readers WHERE id = $1`, ids[3])
	n.do(`UPDATE subscriptions SET state = 'pending' WHERE reader_id = $1`, ids[5])
	weeks, err := n.ListWeeks(ctx, "readers", []string{"morning"}, 4)
	if err != nil || len(weeks) != 4 {
		t.Fatalf("%+v, %v", weeks, err)
	}
	for i, want := range []digest.ListWeek{{Readers: 4}, {Left: 1, Readers: 3}, {LeftDigest: 1, Suppressed: 1, Readers: 2}, {Joined: 1, Readers: 3}} {
		got := weeks[i]
		monday := time.Date(got.Week.Year, got.Week.Month, got.Week.Day, 0, 0, 0, 0, time.UTC)
		if got.List != "readers" || monday.Weekday() != time.Monday {
			t.Errorf("week %d is %+v", i, got)
		}
		got.List, got.Week = "", digest.Date{}
		if got != want {
			t.Errorf("week %d is %+v, want %+v", i, got, want)
		}
	}
}
