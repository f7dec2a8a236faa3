package store_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"courant/digest"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func TestKeysOfAnotherSecretFileAreRefused(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ring := &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key('a')}, Suppression: key('s')}
	check := func(k *digest.Keyring, why string) {
		t.Helper()
		err := n.CheckKeys(t.Context(), k)
		if why == "" && err != nil {
			t.Error(err)
		}
		if why != "" && (err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "secret_file")) {
			t.Errorf("error %v, want one that says %q", err, why)
		}
	}
	check(ring, "")
	check(ring, "")
	check(&digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key('a')}, Suppression: key('x')}, "suppression key")
	check(&digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key('x'), 2: key('b')}, Suppression: key('s')}, "token key 1")
	// The refused file left no trace: its second key is still free.
	check(&digest.Keyring{Current: 2, Tokens: map[byte][]byte{1: key('a'), 2: key('c')}, Suppression: key('s')}, "")
	// A host may hold fewer keys.
	check(ring, "")
	if got := n.one(`SELECT string_agg(fingerprint::text, '') FROM keys`); strings.Contains(got, "6161616161") {
		t.Error("the key itself is in the database")
	}
}

func TestHostsThatStartTogetherAgreeOnKeys(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	failed := make([]bool, 8)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() {
			k := &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key(byte(i)), 2: key('b')}, Suppression: key(byte(i % 2))}
			failed[i] = n.CheckKeys(t.Context(), k) != nil
		})
	}
	wg.Wait()
	ok := 0
	for _, f := range failed {
		if !f {
			ok++
		}
	}
	if ok != 1 {
		t.Errorf("%d of 8 different secret files were taken", ok)
	}
}
