package main

import (
	"database/sql"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
	"courant/store/storetest"
)

// A copy of the database is started beside the live one, on a host of its own,
// while the live one sends: not a mail leaves it until an operator says so.
func TestCopyBesideTheLiveDatabaseSendsNothingUntilAdopted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pg_dump", "psql"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not here; make need brings it with Postgres", name)
		}
	}
	const readers = 300
	live := newDesk(t, smtpsink.Options{})
	server := live.ownPostgres()
	id := live.crowd(readers)
	live.must("readers", "add", "late@example.org")
	copied := emptyBeside(t, server.DSN())
	dump := exec.CommandContext(t.Context(), "/bin/sh", "-ec", `pg_dump "$0" | psql -q -v ON_ERROR_STOP=1 "$1"`, server.DSN(), copied)
	if out, err := dump.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	other := newDesk(t, smtpsink.Options{})
	other.dsn = copied
	other.store = storetest.Open(t, other.dsn)
	other.extra = "secret_file: " + filepath.Join(live.dir, "data", "secret") + "\n"
	other.configure()
	serve := live.start("serve", "--only", "deliver")
	beside := other.start("serve")
	other.until("the copy to be seen", func() bool { return strings.Contains(beside.log.String(), "not adopted") })
	if err := live.sink.Wait(t.Context(), readers); err != nil {
		t.Fatal(err)
	}
	sentence(t, other.try("deliver", "--drain"), exitFailed, "not adopted", "does not know", filepath.Join(live.dir, "data"), "courant adopt")
	// Whoever looks is told, and no edition is made that only an adoption would send.
	sentence(t, other.try("send", "morning"), exitFailed, "not adopted", "courant adopt")
	if list, err := other.store.Underway(t.Context(), time.Time{}); err != nil || len(list) != 1 {
		t.Errorf("%d editions in a copy, want the one that was copied (%v)", len(list), err)
	}
	if out := other.must("status"); !strings.Contains(out, "! Not adopted") || strings.Contains(out, "start `courant serve`") {
		t.Errorf("status says %s", out)
	}
	if out := other.must("status", "--json"); !strings.Contains(out, `"kind":"adoption","adopted":false`) {
		t.Errorf("status --json says %s", out)
	}
	if out := live.must("status"); strings.Contains(out, "Not adopted") {
		t.Errorf("status of the original says %s", out)
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	live.wantTally(id, digest.Tally{digest.Accepted: readers})
	if n := other.sink.Connections(); n > 0 {
		t.Errorf("%d connections from a copy that was not adopted", n)
	}
	if out := other.must("check"); !strings.Contains(out, "not adopted") {
		t.Errorf("check says %s", out)
	}
	other.wantTally(id, digest.Tally{digest.Queued: readers})
	// The operator decides that the copy goes on, without what went out; the
	// process that waits needs no restart.
	if out := other.must("adopt", "--give-up"); !strings.Contains(out, "1 editions are given up") || !strings.Contains(out, "nothing is open") {
		t.Errorf("adopt says %s", out)
	}
	other.tell("Bridge opens a year early")
	other.must("send", "morning")
	if got := other.sink.Count(); got != readers+1 {
		t.Errorf("%d mails from the copy, want one for each reader it has", got)
	}
	if err := beside.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// emptyBeside makes an empty database beside the one at dsn.
func emptyBeside(t *testing.T, dsn string) string {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // one statement, nothing to flush
	if _, err := db.ExecContext(t.Context(), `CREATE DATABASE copied`); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`dbname='?\w+'?`).ReplaceAllString(dsn, "dbname=copied")
}

// What hosts that share a database must name alike, and what only looks alike.
func TestAddressOfADatabaseIsTheSameOnAllItsHosts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ database, want string }{
		{"postgres://a:secret@db.example.com/courant?sslmode=require", "db.example.com/courant"},
		{"postgres://b:other@db.example.com/courant", "db.example.com/courant"},
		{"postgres://db.example.com:5433/courant", "db.example.com:5433/courant"},
		{"postgres://localhost/courant", "mail-1:localhost/courant"},
		{"postgres://127.0.0.1:5432/courant", "mail-1:127.0.0.1:5432/courant"},
		{"postgres://courant@/courant?host=%2Fvar%2Flib%2Fcourant%2Fpostgres%2Frun", "mail-1:/var/lib/courant/postgres/run/courant"},
		{"", "mail-1:/var/lib/courant/postgres/run/courant"},
	} {
		c := Config{Database: secret{value: row.database}, DataDir: "/var/lib/courant"}
		if got := c.databaseAt("mail-1"); got != row.want {
			t.Errorf("%s is at %s, want %s", row.database, got, row.want)
		}
	}
}
