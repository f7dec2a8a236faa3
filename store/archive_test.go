package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// shelf is what the archive lists of the digest, as numbers.
func (n *newsroom) shelf() string {
	n.t.Helper()
	list, err := n.ArchivedEditions(n.t.Context(), n.digest.Name, 0, 100, 3)
	if err != nil {
		n.t.Fatal(err)
	}
	s := ""
	for _, a := range list {
		_, v, _, _, err := n.ArchivedEdition(n.t.Context(), n.digest.Name, a.Number)
		if err != nil || len(v.Stories) != a.Stories || v.Stories[0].Title != a.Leads[0].Title {
			n.t.Errorf("edition %d is listed and shown as %+v, %v", a.Number, v, err)
		}
		s += fmt.Sprint(a.Number, " ")
	}
	return strings.TrimSpace(s)
}

// draft publishes an edition that waits for its first render.
func (n *newsroom) draft() digest.Edition {
	n.t.Helper()
	id := n.publish()
	n.do(`UPDATE editions SET state = 'open', appeared = NULL WHERE id = $1`, int64(id))
	e, err := n.Edition(n.t.Context(), id)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

func (n *newsroom) move(e digest.Edition, to digest.EditionState, reason string) {
	n.t.Helper()
	moved, err := n.MoveEdition(n.t.Context(), e.ID, to, reason)
	if err != nil || !moved {
		n.t.Fatalf("edition %d is not %s: %v", e.ID, to, err)
	}
}

func TestEditionAppearsInTheArchiveWhenItsMailsMayGo(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ada@example.org", "bo@example.org")
	e := n.draft()
	wants := func(what, want string) {
		t.Helper()
		if got := n.shelf(); got != want {
			t.Errorf("%s: the archive lists %q, want %q", what, got, want)
		}
	}
	wants("open", "")
	if _, _, _, _, err := n.ArchivedEdition(t.Context(), n.digest.Name, e.Number); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("an open edition is shown: %v", err)
	}
	n.move(e, digest.EditionHeld, "a mail breaks a rule")
	wants("held before it was sent", "")
	n.move(e, digest.EditionSending, "")
	wants("sending", "1")
	n.move(e, digest.EditionHeld, "the operator holds it")
	wants("held before a mail went out", "")
	n.move(e, digest.EditionSending, "")
	n.do(`UPDATE deliveries SET state = 'accepted', attempts = 1, intent_at = now(), settled_at = now(), message_id = 'x' WHERE edition_id = $1 AND reader_id = (SELECT min(reader_id) FROM deliveries)`, int64(e.ID))
	n.move(e, digest.EditionHeld, "the operator holds it")
	wants("held when a reader had it", "1")
	n.move(e, digest.EditionAbandoned, "")
	wants("abandoned when a reader had it", "1")

	given := n.draft()
	n.move(given, digest.EditionAbandoned, "")
	wants("abandoned unsent", "1")
	later := n.draft()
	n.move(later, digest.EditionSending, "")
	n.move(later, digest.EditionDone, "")
	wants("done", "3 1")
	if list, err := n.ArchivedEditions(t.Context(), n.digest.Name, 3, 1, 0); err != nil || len(list) != 1 || list[0].Number != 1 {
		t.Errorf("before 3 stand %+v, %v", list, err)
	}
	if list, err := n.ArchivedEditions(t.Context(), "evening", 0, 10, 1); err != nil || len(list) != 0 {
		t.Errorf("another digest has %+v, %v", list, err)
	}
}

func TestProofsNeverAppearInTheArchive(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ada@example.org")
	n.report(1)
	e, err := n.Publish(t.Context(), digest.Order{
		Digest: n.digest, Kind: digest.KindProof, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
	}, oneVariant)
	if err != nil {
		t.Fatal(err)
	}
	n.move(e, digest.EditionSending, "")
	n.move(e, digest.EditionDone, "")
	if got := n.shelf(); got != "" {
		t.Errorf("a proof is listed: %s", got)
	}
	var appeared bool
	if err := n.db.QueryRow(`SELECT appeared IS NOT NULL FROM editions WHERE id = $1`, int64(e.ID)).Scan(&appeared); err != nil || appeared {
		t.Errorf("a proof appeared: %v, %v", appeared, err)
	}
}

func TestArchiveTellsWhatBecameKnownSince(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ada@example.org")
	n.publish() // Story 1
	n.publish() // Story 2
	n.now = n.now.Add(time.Hour)
	if _, _, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two, not one.", n.now); err != nil {
		t.Fatal(err)
	}
	withdrawn := n.now.Add(time.Minute)
	if _, err := n.Withdraw(t.Context(), "wire", "https://example.com/story-1", withdrawn); err != nil {
		t.Fatal(err)
	}
	_, v, since, changed, err := n.ArchivedEdition(t.Context(), n.digest.Name, 1)
	if err != nil || len(since) != 2 || since[0].Text != "It was two, not one." || since[0].Withdrawn || !since[1].Withdrawn || since[1].Title != "Story 1" {
		t.Fatalf("what is known since: %+v, %v", since, err)
	}
	if v.Stories[0].Title != "Story 1" || len(v.Stories[0].Points) == 0 {
		t.Errorf("what was told has changed: %+v", v.Stories)
	}
	list, err := n.ArchivedEditions(t.Context(), n.digest.Name, 0, 10, 1)
	if err != nil || len(list) != 2 || !list[1].Changed.Equal(changed) || !list[0].Changed.Equal(list[0].Appeared) {
		t.Errorf("listed as %+v, shown as changed at %s, %v", list, changed, err)
	}
	if _, _, since, _, err = n.ArchivedEdition(t.Context(), n.digest.Name, 2); err != nil || len(since) != 0 {
		t.Errorf("another edition has %+v, %v", since, err)
	}
}
