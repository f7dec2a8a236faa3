package store_test

import (
	"errors"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
	"courant/store/storetest"
)

func TestConditionOfAnEmptyDatabaseMakesNothing(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 { // the first would have made what the second finds
		c, err := s.Condition(t.Context(), time.Now)
		if err != nil || c.Schema != 0 || c.Known == 0 || !c.MayMake || c.ReadOnly || c.Place == "" || c.Major < 14 || c.Version == "" {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Condition(t.Context(), time.Now); err != nil || c.Schema != c.Known {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestConditionHoldsTheClocksAgainstEachOther(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	slow := func() time.Time { return time.Now().Add(-time.Hour) }
	c, err := n.Condition(t.Context(), slow)
	if err != nil || c.Ahead < 59*time.Minute || c.Ahead > 61*time.Minute || c.Latency <= 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestKeysAreComparedWithoutBeingRegistered(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ring := &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key('a')}, Suppression: key('s')}
	ask := func(k *digest.Keyring, want bool, wantErr error) {
		t.Helper()
		known, err := n.KnowsKeys(t.Context(), k)
		if known != want || !errors.Is(err, wantErr) {
			t.Errorf("known %v, %v; want %v, %v", known, err, want, wantErr)
		}
	}
	ask(ring, false, nil)
	ask(nil, false, nil)
	if err := n.CheckKeys(t.Context(), ring); err != nil {
		t.Fatal(err)
	}
	ask(ring, true, nil)
	ask(nil, true, nil)
	ask(&digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key('x')}, Suppression: key('s')}, false, store.ErrOtherKeys)
	ask(&digest.Keyring{Current: 2, Tokens: map[byte][]byte{2: key('b')}, Suppression: key('s')}, true, nil)
	if got := n.one(`SELECT count(*) FROM keys`); got != "2" {
		t.Errorf("%s keys are registered", got)
	}
}

func TestActiveReadersAreThoseWhoCouldGetTheDigest(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.Lists = []string{"readers", "friends"}
	ids := n.subscribe("ann@example.org", "left@example.org", "gone@example.org", "off@example.org", "blocked@example.org")
	if _, err := n.AddReader(t.Context(), "friends", nil, row(1, "ann@example.org"), "by hand"); err != nil {
		t.Fatal(err)
	}
	n.do(`INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, 'morning', now()), ($2, 'evening', now())`, ids[1], ids[0])
	if err := n.EraseReader(t.Context(), hash("gone@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	if err := n.RemoveReader(t.Context(), "readers", hash("off@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	n.do(`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, 'hard' FROM readers WHERE id = $1`, ids[4])
	if got, err := n.ActiveReaders(t.Context(), n.digest); err != nil || got != 1 {
		t.Errorf("%d active readers, %v", got, err)
	}
}
