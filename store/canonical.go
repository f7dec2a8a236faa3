package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// renewals is how many articles get their canonical address anew in one
// transaction.
const renewals = 2000

// renewCanonicals writes the canonical addresses anew that were made by lesser
// rules, so that a known article stays known after an upgrade. A program of
// those rules may still be at work beside this one: what it adds meanwhile is
// written anew at the next start.
func renewCanonicals(ctx context.Context, conn *sqlx.Conn) error {
	for {
		n, err := renewSome(ctx, conn)
		if err != nil {
			return fmt.Errorf("renew canonical addresses: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
}

func renewSome(ctx context.Context, conn *sqlx.Conn) (n int, err error) {
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var rows []struct {
		ID                int64
		Source, Canonical string
	}
	err = tx.SelectContext(ctx, &rows, `
		SELECT id, source, canonical
		FROM articles
		WHERE canonical_form < $1
		ORDER BY id
		LIMIT $2
		FOR UPDATE`, digest.CanonicalForm, renewals)
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, tx.Rollback()
	}
	var ids []int64
	var renewed []string
	taken := map[[2]string]bool{}
	for _, r := range rows {
		ids = append(ids, r.ID)
		canonical := renewedCanonical(r.Canonical)
		// Two rows of one article, which lesser rules took for two: the first
		// is the one that is found from now on.
		if key := [2]string{r.Source, canonical}; taken[key] {
			canonical = r.Canonical
		} else {
			taken[key] = true
		}
		renewed = append(renewed, canonical)
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE articles a
		SET canonical_form = $3,
		    canonical = CASE
		        WHEN EXISTS (SELECT 1 FROM articles o WHERE o.source = a.source AND o.canonical = n.canonical AND o.id <> a.id)
		        THEN a.canonical
		        ELSE n.canonical
		    END
		FROM unnest($1::bigint[], $2::text[]) AS n (id, canonical)
		WHERE a.id = n.id`, pq.Array(ids), textArray(renewed), digest.CanonicalForm)
	if err != nil {
		return 0, err
	}
	return len(rows), tx.Commit()
}

// renewedCanonical is an address by the rules of today; what marks an article
// that shares it stays. One that is stored as its hash only can be made anew
// from nothing.
func renewedCanonical(stored string) string {
	if address, shared := digest.SharedAddress(stored); shared {
		return renewedCanonical(address) + stored[len(address):]
	}
	if strings.HasPrefix(stored, "sha256:") {
		return stored
	}
	if canonical, err := digest.CanonicalURL(stored); err == nil {
		return identity(canonical)
	}
	return stored
}
