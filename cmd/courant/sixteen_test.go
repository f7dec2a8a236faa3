package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// TestSixteenServesAtOneSlotMakeOneEdition starts the built program sixteen
// times over one database. All of them find the same slot due and stand before
// the publication together, which is held shut until the last has come.
func TestSixteenServesAtOneSlotMakeOneEdition(t *testing.T) {
	t.Parallel()
	const processes, readers = 16, 20
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.feed.put(item{"Harbour opens its gate", "/gate", "The mole is mended."})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	y, m, day := time.Now().In(berlin).Date()
	slot := time.Date(y, m, day+1, 7, 0, 0, 0, berlin)
	d.offset = time.Until(slot.Add(time.Minute))
	d.must("fetch")
	var list strings.Builder
	list.WriteString("email\n")
	for i := range readers {
		fmt.Fprintf(&list, "reader%d@example.org\n", i)
	}
	d.must("readers", "import", d.write("list.csv", list.String()))
	// A clock has looked at the digest before, so that the slot is owed.
	d.query(`INSERT INTO timetables (digest, through) VALUES ('morning', $1) RETURNING digest`, slot.Add(-time.Hour))

	gate := d.shutGate()
	var all []*process
	for range processes {
		all = append(all, d.start("serve", "--only", "schedule,deliver"))
	}
	gate.wait(processes)
	gate.open()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := d.sink.Wait(ctx, readers); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range all {
		if err := <-p.done; err != nil {
			t.Errorf("a process ended with %v\n%s", err, p.log)
		}
		if strings.Contains(p.log.String(), "level=ERROR") {
			t.Errorf("a process had trouble:\n%s", p.log)
		}
	}
	want := slot.Format("2006-01-02T15:04Z07:00")
	if got := d.query(`SELECT string_agg(digest || ' ' || slot || ' ' || state, ', ') FROM editions`); got != "morning "+want+" done" && got != "morning "+want+" sending" {
		t.Errorf("editions %s, want one of %s", got, want)
	}
	if got := d.query(`SELECT count(*) || ' of ' || count(DISTINCT reader_id) || ' ' || string_agg(DISTINCT state, ' ') FROM deliveries`); got != "20 of 20 accepted" {
		t.Errorf("deliveries: %s", got)
	}
	if got := d.query(`SELECT string_agg(slot || ' ' || state, ', ') FROM slots`); got != want+" published" {
		t.Errorf("slots: %s", got)
	}
	for i := range readers {
		if n := len(d.sink.To(fmt.Sprintf("reader%d@example.org", i))); n != 1 {
			t.Errorf("reader %d has %d mails", i, n)
		}
	}
}

// gate holds publications back: it has the lock that each of them takes first.
type gate struct {
	t    testing.TB
	conn *sql.Conn
}

const gateKey = `(31654262977688424::bigint # hashtext(current_schema()))`

func (d *desk) shutGate() *gate {
	d.t.Helper()
	db, err := sql.Open("postgres", d.dsn)
	if err != nil {
		d.t.Fatal(err)
	}
	g := &gate{t: d.t}
	d.t.Cleanup(func() { _ = db.Close() }) // and the lock with it
	if g.conn, err = db.Conn(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	if _, err := g.conn.ExecContext(d.t.Context(), `SELECT pg_advisory_lock(`+gateKey+`)`); err != nil {
		d.t.Fatal(err)
	}
	return g
}

// wait waits until so many stand before the gate.
func (g *gate) wait(processes int) {
	g.t.Helper()
	n := 0
	for deadline := time.Now().Add(2 * time.Minute); n < processes; <-time.After(50 * time.Millisecond) {
		err := g.conn.QueryRowContext(g.t.Context(), `
			SELECT count(DISTINCT pid) FROM pg_locks
			WHERE locktype = 'advisory' AND objsubid = 1 AND NOT granted
			  AND (classid::bigint << 32) | objid::bigint = `+gateKey).Scan(&n)
		if err != nil {
			g.t.Fatal(err)
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%d of %d processes wait to publish", n, processes)
		}
	}
}

func (g *gate) open() {
	g.t.Helper()
	if _, err := g.conn.ExecContext(g.t.Context(), `SELECT pg_advisory_unlock(`+gateKey+`)`); err != nil {
		g.t.Fatal(err)
	}
}
