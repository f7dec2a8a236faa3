package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"courant/digest/smtpsink"
	"courant/store"
	"courant/store/storetest"
)

// readersOfAnOutage are so many readers with a digest each, and a database that
// the test stops and starts.
func readersOfAnOutage(t *testing.T, readers int) (d *desk, database *storetest.Stoppable, header, page []string) {
	t.Helper()
	d = newDesk(t, smtpsink.Options{})
	database = storetest.NewStoppable(t)
	d.dsn = database.DSN()
	d.configure()
	d.must("migrate")
	opened, err := store.Open(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	d.store = opened
	t.Cleanup(func() { _ = opened.Close() }) // its lines were cut, as they should be
	var list strings.Builder
	list.WriteString("email\n")
	for i := range readers {
		fmt.Fprintf(&list, "reader%d@example.org\n", i)
	}
	d.must("readers", "import", d.write("readers.csv", list.String()))
	d.tell("Harbour closes for repairs")
	d.must("send", "morning")
	for i := range readers {
		h, p, _ := d.links(t, fmt.Sprintf("reader%d@example.org", i))
		header, page = append(header, h), append(page, p)
	}
	return d, database, header, page
}

// post sends a form as a mailbox provider does, without anything else. Zero: no
// answer came.
func post(address string, form url.Values) (status int, body string) {
	resp, err := http.PostForm(address, form)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

var oneClick = url.Values{"List-Unsubscribe": {"One-Click"}}

// TestLeavingOutlivesTheDatabaseAndTheProcess has readers leave while the
// database is stopped, kills the process that told them so, starts the database
// and publishes: none of them is mailed.
func TestLeavingOutlivesTheDatabaseAndTheProcess(t *testing.T) {
	t.Parallel()
	const readers, leave = 24, 16
	d, database, header, page := readersOfAnOutage(t, readers)
	p := d.start("serve", "--only", "web")
	d.ready(p)
	database.Stop()
	for i := range leave {
		switch {
		case i%4 == 3:
			status, body := post(page[i], url.Values{"do": {"leave"}})
			if status != http.StatusOK || !strings.Contains(body, "We have noted that you leave") {
				t.Errorf("the button of reader %d: %d\n%s", i, status, body)
			}
		default:
			for range 2 {
				if status, body := post(header[i], oneClick); status != http.StatusOK {
					t.Errorf("the one-click of reader %d: %d\n%s", i, status, body)
				}
			}
		}
	}
	if status, body, _ := d.stranger(t, header[leave][len("http://"+d.listen):]); status != http.StatusServiceUnavailable || !strings.Contains(body, `value="leave"`) {
		t.Errorf("the page without a database: %d\n%s", status, body)
	}
	_ = p.signal(syscall.SIGKILL)

	database.Start()
	d.tell("Market hall sold to the city")
	d.must("send", "morning")
	for i := range readers {
		want := 2
		if i < leave {
			want = 1
		}
		address := fmt.Sprintf("reader%d@example.org", i)
		if got := len(d.sink.To(address)); got != want {
			t.Errorf("%s has %d mails, want %d (%s)", address, got, want, d.stands(t, address))
		}
	}
	if left, err := filepath.Glob(filepath.Join(d.dir, "data", "spool", "*", "*")); err != nil || len(left) != 1 || filepath.Base(left[0]) != "lock" {
		t.Errorf("in the spool is left %v, %v", left, err)
	}
}

// TestProcessThatAnswersReadersBringsTheirLeavingsByItself sends nothing.
func TestProcessThatAnswersReadersBringsTheirLeavingsByItself(t *testing.T) {
	t.Parallel()
	d, database, header, _ := readersOfAnOutage(t, 2)
	d.ready(d.start("serve", "--only", "web"))
	database.Stop()
	if status, body := post(header[0], oneClick); status != http.StatusOK {
		t.Fatalf("%d\n%s", status, body)
	}
	database.Start()
	d.until("the leaving to reach the rows", func() bool { return strings.Contains(d.stands(t, "reader0@example.org"), "morning left") })
	if got := d.stands(t, "reader1@example.org"); strings.Contains(got, "left") {
		t.Errorf("who did nothing: %s", got)
	}
}

// TestFullDiskIsNoPromise wants 503 where neither database nor disk take it.
func TestFullDiskIsNoPromise(t *testing.T) {
	t.Parallel()
	d, database, header, _ := readersOfAnOutage(t, 2)
	d.ready(d.start("serve", "--only", "web"))
	database.Stop()
	spools, err := filepath.Glob(filepath.Join(d.dir, "data", "journal", "*"))
	if err != nil || len(spools) != 1 {
		t.Fatalf("%v, %v", spools, err)
	}
	dir := filepath.Join(d.dir, "data", "spool", filepath.Base(spools[0]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(dir, "records")
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Fatal(err)
	}
	if status, body := post(header[0], oneClick); status != http.StatusServiceUnavailable {
		t.Errorf("on a full disk: %d\n%s", status, body)
	}
	// What is applied meanwhile moves it.
	if err := os.Remove(full); err != nil {
		if err := os.Remove(filepath.Join(dir, "applying")); err != nil {
			t.Fatal(err)
		}
	}
	if status, body := post(header[0], oneClick); status != http.StatusOK {
		t.Errorf("with room: %d\n%s", status, body)
	}
	database.Start()
	d.until("the leaving to reach the rows", func() bool { return strings.Contains(d.stands(t, "reader0@example.org"), "morning left") })
}

// TestKillInAStormOfLeavingsLosesNone kills the process while it answers many
// at once, with the database there, gone, and coming back. Who was told 200 has
// left.
func TestKillInAStormOfLeavingsLosesNone(t *testing.T) {
	t.Parallel()
	const readers = 120
	d, database, header, _ := readersOfAnOutage(t, readers)
	told := make([]bool, readers)
	for round, away := range []bool{true, false, true} {
		p := d.start("serve", "--only", "web,deliver")
		d.ready(p)
		if away {
			database.Stop()
		}
		var storm sync.WaitGroup
		var answered atomic.Int64
		half := make(chan struct{})
		for i := round * readers / 3; i < (round+1)*readers/3; i++ {
			storm.Go(func() {
				if status, _ := post(header[i], oneClick); status == http.StatusOK {
					told[i] = true
				}
				if answered.Add(1) == readers/6 {
					close(half)
				}
			})
		}
		<-half
		_ = p.signal(syscall.SIGKILL)
		storm.Wait()
		if away {
			database.Start()
		}
	}
	d.must("deliver", "--drain")
	n := 0
	for i, ok := range told {
		if address := fmt.Sprintf("reader%d@example.org", i); ok {
			n++
			if got := d.stands(t, address); !strings.Contains(got, "morning left") {
				t.Errorf("%s was told 200 and has not left: %s", address, got)
			}
		}
	}
	if n < readers/3 {
		t.Errorf("only %d of %d were told 200", n, readers)
	}
}
