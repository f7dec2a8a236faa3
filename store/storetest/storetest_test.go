package storetest_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	_ "github.com/lib/pq"

	"courant/store/storetest"
)

// asChild makes the test binary another test process of the same run.
const asChild = "COURANT_STORETEST_CHILD"

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// schemaOf is the schema that dsn leads to, as the server sees it.
func schemaOf(t testing.TB, db *sql.DB) string {
	t.Helper()
	var schema string
	if err := db.QueryRow("SELECT current_schema()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func exists(t testing.TB, db *sql.DB, schema string) bool {
	t.Helper()
	var found bool
	if err := db.QueryRow("SELECT to_regnamespace($1) IS NOT NULL", schema).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEachTestHasASchemaOfItsOwn(t *testing.T) {
	t.Parallel()
	first, second := open(t, storetest.DSN(t)), open(t, storetest.DSN(t))
	for _, db := range []*sql.DB{first, second} {
		if _, err := db.Exec("CREATE TABLE editions (id int)"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSchemaEndsWithItsTest(t *testing.T) {
	t.Parallel()
	db := open(t, storetest.DSN(t))
	var schema string
	t.Run("a test", func(t *testing.T) {
		its := open(t, storetest.DSN(t))
		if schema = schemaOf(t, its); !exists(t, db, schema) {
			t.Error("no schema while the test runs")
		}
	})
	if exists(t, db, schema) {
		t.Errorf("schema %s is left", schema)
	}
}

func TestNewStoreIsMigrated(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	storetest.Open(t, dsn)
	var tables int
	query := "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename IN ('readers', 'editions')"
	if err := open(t, dsn).QueryRow(query).Scan(&tables); err != nil || tables != 2 {
		t.Errorf("%d tables, %v", tables, err)
	}
	if err := storetest.New(t).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// A child is another test process; it says what its test was given.
type child struct {
	cmd          *exec.Cmd
	dsn, outcome string
}

// spawn runs TestChild in another process up to the moment it has its schema,
// or to its end.
func spawn(t testing.TB, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(self, "-test.run=^TestChild$", "-test.v")}
	c.cmd.Env = append(append(os.Environ(), asChild+"=1"), env...)
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		c.cmd.Process.Kill()
		c.cmd.Wait()
	})
	for lines := bufio.NewScanner(out); c.dsn == "" && lines.Scan(); {
		if dsn, ok := strings.CutPrefix(lines.Text(), "has "); ok {
			c.dsn = dsn
		}
		c.outcome += lines.Text() + "\n"
	}
	return c
}

// TestChild is a test of another process: it holds a schema until its input
// ends.
func TestChild(t *testing.T) {
	if os.Getenv(asChild) == "" {
		t.Skip("only as a child of the other tests")
	}
	fmt.Println("has", storetest.DSN(t))
	bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestProcessesShareTheServerAndKeepTheirSchemas(t *testing.T) {
	t.Parallel()
	db := open(t, storetest.DSN(t))
	first, second := spawn(t), spawn(t)
	one, two := schemaOf(t, open(t, first.dsn)), schemaOf(t, open(t, second.dsn))
	if one == two || !exists(t, db, one) || !exists(t, db, two) {
		t.Errorf("schemas %s and %s", one, two)
	}
}

func TestNextRunDropsWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	db := open(t, dsn)
	killed := spawn(t)
	left := schemaOf(t, open(t, killed.dsn))
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed.cmd.Wait()
	awaitUnlocked(t, db, left)
	spawn(t)
	if exists(t, db, left) {
		t.Errorf("schema %s is left", left)
	}
	if !exists(t, db, schemaOf(t, db)) {
		t.Error("the schema of a living test was dropped")
	}
}

// awaitUnlocked waits until the server has noticed the end of the process that
// held schema, by asking for the lock that it held.
func awaitUnlocked(t *testing.T, db *sql.DB, schema string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	run := strings.Split(schema, "_")[1]
	for _, act := range []string{"pg_advisory_lock", "pg_advisory_unlock"} {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("SELECT %s(%d, %s)", act, 0x636f7572, run)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerOfItsOwnMayBeKilled(t *testing.T) {
	t.Parallel()
	server := storetest.Server(t)
	db := open(t, server.DSN())
	if _, err := db.Exec("CREATE TABLE deliveries AS SELECT 1 AS id"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := server.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	var id int
	if err := open(t, server.DSN()).QueryRow("SELECT id FROM deliveries").Scan(&id); err != nil {
		t.Error(err)
	}
	if err := open(t, storetest.DSN(t)).Ping(); err != nil {
		t.Errorf("the shared server went with it: %v", err)
	}
}

func TestServerElsewhereMayBeNamed(t *testing.T) {
	t.Parallel()
	server := storetest.Server(t)
	for _, sslmode := range []string{"", " sslmode=disable"} {
		elsewhere := strings.TrimSuffix(server.DSN(), " sslmode=disable") + sslmode
		c := spawn(t, "COURANT_TEST_DATABASE="+elsewhere)
		if !strings.HasPrefix(c.dsn, strings.TrimSuffix(elsewhere, sslmode)) {
			t.Errorf("the test got %q: %s", c.dsn, c.outcome)
		}
	}
}
