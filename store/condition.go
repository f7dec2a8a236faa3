package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// Condition is how a database is, looked at without changing it.
type Condition struct {
	Version  string        // of the server, as it names itself
	Major    int           // of Version
	Schema   int           // version of the schema; 0: none yet
	Known    int           // version this program brings it to
	Place    string        // the schema; empty: the search_path leads to none
	MayMake  bool          // this role may make tables there
	ReadOnly bool          // a replica, or told to be
	Durable  bool          // what is committed survives a power cut
	Latency  time.Duration // of the fastest round trip
	Ahead    time.Duration // its clock less ours
}

// Condition looks at the database. It makes nothing: not even the table that
// holds the version. now is the clock that the database's is held against.
func (s *Store) Condition(ctx context.Context, now func() time.Time) (Condition, error) {
	files, err := migrationFiles()
	if err != nil {
		return Condition{}, err
	}
	c := Condition{Known: len(files)}
	err = s.db.GetContext(ctx, &c, `
		SELECT current_setting('server_version') AS version,
		       current_setting('server_version_num')::integer / 10000 AS major,
		       COALESCE(current_schema(), '') AS place,
		       COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_make,
		       current_setting('transaction_read_only') = 'on' AS read_only,
		       current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
		           AND current_setting('synchronous_commit') <> 'off' AS durable`)
	if err != nil {
		return c, fmt.Errorf("look at the database: %w", err)
	}
	if c.Schema, err = s.schema(ctx); err != nil {
		return c, err
	}
	return c, s.clock(ctx, now, &c)
}

// schema is the version of the schema, 0 where there is none.
func (s *Store) schema(ctx context.Context) (version int, err error) {
	var there bool
	err = s.db.GetContext(ctx, &there, `
		SELECT EXISTS (
			SELECT 1 FROM pg_tables
			WHERE schemaname = current_schema() AND tablename = 'schema_versions')`)
	if err != nil || !there {
		return 0, err
	}
	if err := s.db.GetContext(ctx, &version, `SELECT COALESCE(max(version), 0) FROM schema_versions`); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// clock asks for the time a few times and believes the fastest answer: in the
// middle of its round trip the two clocks were read at the same moment, give
// or take half of it.
func (s *Store) clock(ctx context.Context, now func() time.Time, c *Condition) error {
	for range 3 {
		var theirs time.Time
		ours, start := now(), time.Now()
		if err := s.db.GetContext(ctx, &theirs, `SELECT clock_timestamp()`); err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		if took := time.Since(start); c.Latency == 0 || took < c.Latency {
			c.Latency, c.Ahead = took, theirs.Sub(ours.Add(took/2))
		}
	}
	return nil
}

// ErrOtherKeys means that a database was used with another secret file.
var ErrOtherKeys = errors.New("the database was used with another secret file")

// KnowsKeys says whether the database was used with this keyring before. A nil
// keyring asks whether it was used with any. ErrOtherKeys when it was used
// with another. Nothing is registered.
func (s *Store) KnowsKeys(ctx context.Context, k *digest.Keyring) (bool, error) {
	var rows []struct {
		Kind        string
		ID          int
		Fingerprint []byte
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT kind, id, fingerprint FROM keys`); err != nil {
		return false, fmt.Errorf("look at the keys: %w", err)
	}
	if k == nil {
		return len(rows) > 0, nil
	}
	registered := map[fingerprintOf]string{}
	for _, r := range rows {
		registered[fingerprintOf{r.Kind, r.ID}] = string(r.Fingerprint)
	}
	known := false
	for _, p := range fingerprints(k) {
		sum, there := registered[fingerprintOf{p.kind, p.id}]
		if there && sum != string(p.sum) {
			return false, ErrOtherKeys
		}
		known = known || there
	}
	return known, nil
}

// fingerprintOf names a key.
type fingerprintOf struct {
	kind string
	id   int
}

// ActiveReaders counts who could get a digest: active on one of its lists, not
// gone from it, not suppressed. Pauses and frequencies are not looked at.
func (s *Store) ActiveReaders(ctx context.Context, d digest.Digest) (n int, err error) {
	err = s.db.GetContext(ctx, &n, `
		SELECT count(DISTINCT r.id)
		FROM subscriptions s
		JOIN readers r ON r.id = s.reader_id
		LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = $1
		WHERE s.list = ANY ($2::text[]) AND s.state = 'active'
		  AND r.email IS NOT NULL
		  AND c.left_at IS NULL
		  AND NOT EXISTS (
		      SELECT 1 FROM suppressions x
		      WHERE x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp()))`,
		d.Name, pq.Array(d.Lists))
	if err != nil {
		return 0, fmt.Errorf("count the readers of %s: %w", d.Name, err)
	}
	return n, nil
}
