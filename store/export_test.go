package store

import (
	"context"
	"database/sql/driver"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// The statement of Commit and the frame of a claim, for benchmarks that try
// other shapes of the ledger.
const (
	CommitQuery = commitQuery
	ClaimHeld   = claimHeld
	ClaimRead   = claimRead
)

// The queries of Why that look into the ledger, to have their plans shown.
const (
	EntriesQuery = entriesQuery
	HadQuery     = hadQuery
)

// CommitArgs are what Commit hands to its statement.
func CommitArgs(intents []digest.Intent, settlements []digest.Settlement) []any {
	return append(append(settleArgs(settlements), intentArgs(intents)...), pq.Array(lanesOf(intents, settlements)))
}

// InTransaction runs act as every method does that needs more than one
// statement.
func (s *Store) InTransaction(ctx context.Context, act func(*sqlx.Tx) error) error {
	return s.tx(ctx, act)
}

// OpenThrough is Open with all connections led through the test's hands.
func OpenThrough(ctx context.Context, dsn string, through func(driver.Connector) driver.Connector) (*Store, error) {
	connector, lines, err := watched(withSSLMode(dsn))
	if err != nil {
		return nil, err
	}
	return open(ctx, through(connector), lines)
}
