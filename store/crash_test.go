package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
)

// tripwire lets a process die at one of its statements, as far as the database
// can tell: its connections are gone, and nothing is said any more.
type tripwire struct {
	driver.Connector
	at    int  // the statement, counted from 1
	after bool // it dies when the statement was answered; else before it is sent

	mu      sync.Mutex
	said    []string // the statements
	tripped bool
}

var errDied = errors.New("the process died")

// Connect implements driver.Connector.
func (w *tripwire) Connect(ctx context.Context) (driver.Conn, error) {
	if w.dead() {
		return nil, errDied
	}
	c, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &wiredConn{c.(pqConn), w}, nil
}

func (w *tripwire) dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tripped
}

// step is one statement of a connection.
func (w *tripwire) step(c driver.Conn, statement string, act func() error) error {
	w.mu.Lock()
	if w.tripped {
		w.mu.Unlock()
		return errDied
	}
	w.said = append(w.said, statement)
	dies := len(w.said) == w.at
	w.tripped = dies
	w.mu.Unlock()
	var err error
	if !dies || w.after {
		err = act()
	}
	if !dies {
		return err
	}
	return errors.Join(errDied, err, c.Close())
}

// pqConn is what database/sql asks of lib/pq's connections.
type pqConn interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.NamedValueChecker
}

type wiredConn struct {
	pqConn
	wire *tripwire
}

// QueryContext implements driver.QueryerContext.
func (c *wiredConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.wire.step(c.pqConn, query, func() error {
		rows, err = c.pqConn.QueryContext(ctx, query, args)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// ExecContext implements driver.ExecerContext.
func (c *wiredConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.wire.step(c.pqConn, query, func() error {
		result, err = c.pqConn.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

// BeginTx implements driver.ConnBeginTx.
func (c *wiredConn) BeginTx(ctx context.Context, opts driver.TxOptions) (tx driver.Tx, err error) {
	err = c.wire.step(c.pqConn, "BEGIN", func() error {
		tx, err = c.pqConn.BeginTx(ctx, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wiredTx{tx, c}, nil
}

type wiredTx struct {
	driver.Tx
	conn *wiredConn
}

// Commit implements driver.Tx.
func (t wiredTx) Commit() error { return t.conn.wire.step(t.conn.pqConn, "COMMIT", t.Tx.Commit) }

// Rollback implements driver.Tx. Of a dead process the server rolls back by
// itself.
func (t wiredTx) Rollback() error {
	if t.conn.wire.dead() {
		return nil
	}
	return t.Tx.Rollback()
}

// whatPublishingWrites is all that a publication may leave behind.
const whatPublishingWrites = `
	SELECT concat_ws(' | ',
	    (SELECT string_agg(concat(number, state, slot, window_from, window_to), ',' ORDER BY id) FROM editions),
	    (SELECT count(*) FROM stories), (SELECT count(*) FROM article_story),
	    (SELECT string_agg(concat(e.number, '/', s.told), ',' ORDER BY s.edition_id, s.story_id) FROM edition_stories s JOIN editions e ON e.id = s.edition_id),
	    (SELECT string_agg(concat(e.number, v.signature, v.reason, v.expires_at), ',' ORDER BY v.id) FROM variants v JOIN editions e ON e.id = v.edition_id),
	    (SELECT count(*) FROM variant_stories), (SELECT string_agg(reason, ',' ORDER BY variant_id, story_id) FROM variant_left_out),
	    (SELECT count(*) FROM variant_corrections),
	    (SELECT string_agg(concat(e.number, ':', d.reader_id, d.state), ',' ORDER BY e.id, d.reader_id) FROM deliveries d JOIN editions e ON e.id = d.edition_id),
	    (SELECT string_agg(concat(slot, state, reason), ',' ORDER BY instant) FROM slots))`

// TestPublicationThatDiesAtAnyStatementLeavesNothingOrAll lets the publishing
// process die before and after each statement it makes, and another one publish
// again: nothing is half there, and the slot has one edition.
func TestPublicationThatDiesAtAnyStatementLeavesNothingOrAll(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org", "cy@example.org")
	n.do(`INSERT INTO choices (reader_id, digest, categories) VALUES ($1, 'morning', '{World}')`, ids[2])
	n.do(`ALTER TABLE editions ALTER COLUMN id RESTART WITH 60`) // and a new partition on the way
	slot := n.slot(1, "Europe/Berlin")
	n.answer(slot)
	nothing, whole := 0, 0
	for k := 1; ; k++ {
		reached := false
		for _, after := range []bool{false, true} {
			slot = nextDay(n, slot)
			died, wasWhole := n.dieAt(t, slot, k, after)
			reached = reached || died
			if wasWhole {
				whole++
			} else if died {
				nothing++
			}
		}
		if !reached {
			break
		}
	}
	// The commit that was answered is the only death that leaves an edition.
	if whole != 1 || nothing < 30 {
		t.Errorf("%d deaths left nothing and %d a whole edition", nothing, whole)
	}
}

// nextDay is the slot of the day after.
func nextDay(n *newsroom, s digest.Slot) digest.Slot {
	loc, err := time.LoadLocation(s.Zone)
	if err != nil {
		n.t.Fatal(err)
	}
	s.LocalTime, s.Instant = s.LocalTime.AddDate(0, 0, 1), s.Instant.AddDate(0, 0, 1)
	s.LocalDate, s.Key = digest.DateOf(s.LocalTime), digest.SlotKey(n.digest, s.LocalTime, s.Instant, loc)
	return s
}

// dieAt publishes the slot's edition in a process that dies at its k-th
// statement, and then in one that lives. It says whether there was such a
// statement, and whether the edition was there when the first one was dead.
func (n *newsroom) dieAt(t *testing.T, slot digest.Slot, k int, after bool) (died, whole bool) {
	t.Helper()
	if err := n.OweSlots(t.Context(), n.digest.Name, []digest.Slot{slot}, slot.Instant); err != nil {
		t.Fatal(err)
	}
	// One reader had the last edition and is owed a correction, the others'
	// mails wait still.
	n.now = slot.Instant.Add(-time.Hour)
	n.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE state = 'queued' AND reader_id = (SELECT min(id) FROM readers)`)
	if _, _, err := n.Correct(t.Context(), fmt.Sprintf("https://example.com/story-%d", n.told), "It was two.", n.now); err != nil {
		t.Fatal(err)
	}
	n.report(2)
	wire := &tripwire{at: k, after: after}
	dying, err := store.OpenThrough(t.Context(), n.dsn, func(c driver.Connector) driver.Connector { wire.Connector = c; return wire })
	if err != nil {
		t.Fatal(err)
	}
	before := n.one(whatPublishingWrites)
	_, err = dying.Publish(t.Context(), n.order(slot), correcting)
	_ = dying.Close() // whatever it says, it is dead
	where := fmt.Sprintf("statement %d, answered %v: %s", k, after, strings.TrimSpace(lastOf(wire.said)))
	if wire.tripped != (err != nil) {
		t.Fatalf("%s: died %v, but %v", where, wire.tripped, err)
	}
	left := n.one(whatPublishingWrites)
	e, err := n.Publish(t.Context(), n.order(slot), correcting)
	if err != nil {
		t.Fatalf("%s: the next process: %v", where, err)
	}
	there := n.one(whatPublishingWrites)
	if left != before && left != there {
		t.Errorf("%s left\n%s\nbefore there was\n%s\nand the whole is\n%s", where, left, before, there)
	}
	if again, err := n.Publish(t.Context(), n.order(slot), correcting); err != nil || again.ID != e.ID || n.one(whatPublishingWrites) != there {
		t.Errorf("%s: a third process made %+v, %v", where, again, err)
	}
	n.wantTally(e.ID, "3 queued")
	if got := n.one(`SELECT count(*) FROM variant_corrections vc JOIN variants v ON v.id = vc.variant_id WHERE v.edition_id = $1`, e.ID); got == "0" {
		t.Errorf("%s: nobody is told the correction", where)
	}
	if got := n.one(`SELECT count(*) FROM deliveries WHERE state = 'queued'`); got != "3" {
		t.Errorf("%s: %s deliveries wait", where, got)
	}
	n.do(`UPDATE editions SET state = 'sending' WHERE id = $1`, e.ID)
	return wire.tripped, wire.tripped && left == there
}

func lastOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// correcting is publishNew with the corrections that groups are owed.
func correcting(m digest.Material) (digest.Composition, error) {
	c, err := publishNew(m)
	for i, g := range m.Groups {
		for _, known := range m.Corrections {
			for _, id := range g.Owed {
				if id == known.ID {
					c.Variants[i].Corrections = append(c.Variants[i].Corrections, known)
				}
			}
		}
	}
	return c, err
}
