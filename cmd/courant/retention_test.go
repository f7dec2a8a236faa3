package main

import (
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// A reader leaves everything, and a year later the ledger's rows and the
// address are gone, while the links of the old mail still work.
func TestServeRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.feed.put(item{title: "Harbour closes for repairs", path: "/harbour", html: points})
	d.must("readers", "import", d.write("readers.csv", "email,name\nann@example.org,Ann\nben@example.org,Ben\n"))
	d.must("fetch")
	d.must("send", "morning")
	_, page, view := d.links(t, "ann@example.org")
	web := d.start("serve", "--only", "web")
	d.ready(web)
	if got := d.answer(http.PostForm(page, url.Values{"do": {"everything"}})); !strings.Contains(got, "no more mail") {
		t.Logf("leaving is answered by %s", got)
	}
	if err := web.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	// The next edition begins another part of the ledger, a year later.
	db, err := sql.Open("postgres", d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`SELECT setval(pg_get_serial_sequence('editions', 'id'), 63)`); err != nil {
		t.Fatal(err)
	}
	d.offset = 398 * 24 * time.Hour
	d.feed.put(item{title: "Market hall sold to the city", path: "/market", html: strings.ReplaceAll(points, "harbour", "market")})
	d.must("fetch")
	d.must("send", "morning")
	if err := d.sink.Wait(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	d.offset, d.env = 401*24*time.Hour, []string{"COURANT_FIRST_REMOVAL=1ms"}
	serve := d.start("serve", "--only", "deliver,web")
	d.ready(serve)
	line := regexp.MustCompile(`msg="removed what is old" ledger_parts=1 addresses=1 letters=0 reports=0 articles=0`)
	for tick := time.NewTicker(20 * time.Millisecond); !line.MatchString(serve.log.String()); <-tick.C {
		if t.Context().Err() != nil || strings.Contains(serve.log.String(), "old stays") {
			t.Fatalf("nothing was removed:\n%s", serve.log)
		}
	}
	var known string
	var rows int
	err = db.QueryRow(`SELECT (SELECT string_agg(email, ' ') FROM readers), (SELECT count(*) FROM deliveries WHERE edition_id < 64)`).Scan(&known, &rows)
	if err != nil || known != "ben@example.org" || rows != 0 {
		t.Errorf("known are %s, %d old rows are there, %v", known, rows, err)
	}
	if got := d.answer(http.Get(page)); !strings.Contains(got, "not on our lists any more") {
		t.Errorf("the link to the choices shows %s", got)
	}
	if got := d.answer(http.Get(view)); !strings.Contains(got, "Harbour closes for repairs") {
		t.Errorf("the link to the edition shows %s", got)
	}
	if got := d.must("readers", "import", d.write("again.csv", "email\nann@example.org\n")); d.count(db, "email IS NOT NULL") != 1 {
		t.Errorf("an import brought the address back: %s", got)
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// answer is the body of an answer that is 200.
func (d *desk) answer(resp *http.Response, err error) string {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		d.t.Fatalf("%s, %v: %s", resp.Status, err, body)
	}
	return string(body)
}

func (d *desk) count(db *sql.DB, condition string) (n int) {
	d.t.Helper()
	if err := db.QueryRow(`SELECT count(*) FROM readers WHERE ` + condition).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}
