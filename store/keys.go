package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// CheckKeys compares the keyring with the keys that this database was used
// with, by their fingerprints, and registers those it sees for the first time.
// A keyring with another suppression key would not recognise who left, and one
// with another token key of a known id would not recognise its own links: the
// error says so, and nothing is registered.
func (s *Store) CheckKeys(ctx context.Context, k *digest.Keyring) error {
	prints := fingerprints(k)
	return s.tx(ctx, func(tx *sqlx.Tx) error {
		for _, p := range prints {
			var registered []byte
			// The update that changes nothing returns the row there is, also
			// when another process has just made it.
			err := tx.GetContext(ctx, &registered, `
				INSERT INTO keys (kind, id, fingerprint)
				VALUES ($1, $2, $3)
				ON CONFLICT (kind, id) DO UPDATE SET kind = EXCLUDED.kind
				RETURNING fingerprint`, p.kind, p.id, p.sum)
			if err != nil {
				return fmt.Errorf("check keys: %w", err)
			}
			if !bytes.Equal(registered, p.sum) {
				return fmt.Errorf("secret_file is not the one this database was used with (its %s key %d is another): "+
					"put the file of the first host in its place, or name it in secret_file", p.kind, p.id)
			}
		}
		return nil
	})
}

type fingerprint struct {
	kind string
	id   int
	sum  []byte
}

// fingerprints lists the keys in one order for all processes. The keys are
// random, so their hash gives nothing away.
func fingerprints(k *digest.Keyring) []fingerprint {
	prints := []fingerprint{{"suppression", 0, sumOf(k.Suppression)}}
	for id, key := range k.Tokens {
		prints = append(prints, fingerprint{"token", int(id), sumOf(key)})
	}
	slices.SortFunc(prints, func(a, b fingerprint) int { return a.id - b.id })
	return prints
}

func sumOf(key []byte) []byte {
	sum := sha256.Sum256(append([]byte("courant fingerprint\x00"), key...))
	return sum[:]
}
