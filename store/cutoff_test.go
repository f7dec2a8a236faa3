package store_test

import (
	"testing"

	"courant/store"
	"courant/store/storetest"
)

// Whoever waits for a silent database hears at once that it is given up, and
// whoever comes later is not let in.
func TestCutOffEndsAllThatWaits(t *testing.T) {
	t.Parallel()
	f := storetest.Forward(t, storetest.DSN(t))
	s := storetest.Open(t, f.DSN)
	f.Hush()
	waits := make(chan error, 3)
	for range 3 {
		go func() { waits <- s.Ping(t.Context()) }()
	}
	s.CutOff()
	for range 3 {
		if err := <-waits; err == nil || !store.Away(err) {
			t.Errorf("a question that waited: %v", err)
		}
	}
	f.Speak()
	if err := s.Ping(t.Context()); err == nil || !store.Away(err) {
		t.Errorf("a question after the end: %v", err)
	}
}
