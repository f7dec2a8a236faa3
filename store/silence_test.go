package store_test

import (
	"strings"
	"testing"

	"courant/store"
	"courant/store/storetest"
)

// Nothing is refused and no line breaks: what is sent is taken, and no answer
// comes.
func TestSilentDatabaseIsAway(t *testing.T) {
	t.Parallel()
	f := storetest.Forward(t, storetest.DSN(t))
	s := storetest.Open(t, f.DSN)
	f.Hush()
	// By a line that is there already, then by new ones.
	for range 2 {
		err := s.Ping(t.Context())
		if err == nil || !store.Away(err) {
			t.Fatalf("a silent database: %v", err)
		}
		if !strings.Contains(err.Error(), "silent") && !strings.Contains(err.Error(), "bad connection") {
			t.Errorf("it says %v", err)
		}
		t.Log(err)
	}
	f.Speak()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the database answers again: %v", err)
	}
	if _, err := s.Installation(t.Context()); err != nil {
		t.Error(err)
	}
}

// A fan-out or a migration takes its time, and is not taken for silence.
func TestLongStatementIsNotTakenForSilence(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	tx, err := n.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(0x636f7572616e74)); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		_, err := n.Migrate(t.Context())
		migrated <- err
	}()
	if _, err := tx.Exec(`SELECT pg_sleep(18)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Errorf("a migration that waited for long: %v", err)
	}
}
