package storetest

import (
	"context"
	"testing"

	"courant/store"
)

// New is a store on an empty, migrated schema of its own. It is closed and the
// schema dropped when the test ends.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, DSN(t))
}

// Open is a store on the schema of dsn, migrated, for tests that want several
// or need the connection string too. It is closed when the test ends.
func Open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Migrate(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return s
}
