package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// everything is a sum over all rows of all tables.
func (d *desk) everything() string {
	d.t.Helper()
	tables := d.query(`SELECT string_agg(format('SELECT %L AS name, count(*) AS n, md5(string_agg(t::text, E''\n'' ORDER BY t::text)) AS sum FROM %I t',
		table_name, table_name), ' UNION ALL ') FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`)
	return d.query(`SELECT string_agg(name || ' ' || n || ' ' || COALESCE(sum, ''), E'\n' ORDER BY name) FROM (` + tables + `) t`)
}

// unchanged runs an act that must leave every row as it was.
func (d *desk) unchanged(act func()) {
	d.t.Helper()
	before := d.everything()
	act()
	if after := d.everything(); after != before {
		d.t.Errorf("rows changed from\n%s\nto\n%s", before, after)
	}
}

// berlin is the local day of the desk's next slot.
func berlin(t testing.TB) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(zone)
	slot := time.Date(now.Year(), now.Month(), now.Day(), 7, 0, 0, 0, zone)
	if !slot.After(now) {
		slot = slot.AddDate(0, 0, 1)
	}
	return slot
}

// newPreviewDesk has two articles and a reader.
func newPreviewDesk(t *testing.T) *desk {
	d := newDesk(t, smtpsink.Options{})
	d.extra = "  flash: {title: Flash, time_zone: Europe/Berlin, lists: [readers], categories: [World]}\n" +
		"  sunday: {title: Sunday, schedule: \"0 7 * * *\", time_zone: UTC, lists: [readers], categories: [World], min_articles: 9}\n"
	d.configure()
	d.must("readers", "add", "ann@example.org", "--name", "Ann")
	d.tell("Harbour closes for repairs")
	d.tell("Bridge opens a year early")
	return d
}

func (d *desk) read(name string) string {
	d.t.Helper()
	b, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// personal are the tokens of links and the Message-ID.
var personal = regexp.MustCompile(`(/[puv]/)[\w-]+`)

func TestPreviewWritesTheMailsThatWouldBeSent(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.must("readers", "add", "bob@example.org", "--language", "de")
	d.must("readers", "add", "cy@example.org", "--language", "de")
	out := filepath.Join(d.dir, "proofs", "today")
	var said string
	d.unchanged(func() { said = d.must("preview", "flash", "--out", out) })
	for _, want := range []string{"1 reader, the digest's own choice · 2 articles", "2 readers · 2 articles · de", out + "/flash.eml\n", out + "/flash-2.txt\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("preview does not say %q:\n%s", want, said)
		}
	}
	d.must("send", "flash")
	for address, name := range map[string]string{"ann@example.org": "flash", "bob@example.org": "flash-2"} {
		eml := d.read("proofs/today/" + name + ".eml")
		msg, err := mail.ReadMessage(strings.NewReader(eml))
		if err != nil {
			t.Fatal(err)
		}
		sent := d.sink.To(address)[0].Body
		real, err := mail.ReadMessage(bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"From", "Reply-To", "Subject", "List-Id", "List-Unsubscribe-Post"} {
			if msg.Header.Get(field) == "" || msg.Header.Get(field) != real.Header.Get(field) {
				t.Errorf("%s of %s is %q, was sent as %q", field, name, msg.Header.Get(field), real.Header.Get(field))
			}
		}
		if !strings.HasSuffix(msg.Header.Get("Message-Id"), "@preview.invalid>") {
			t.Errorf("%s has the Message-ID %s", name, msg.Header.Get("Message-Id"))
		}
		if msg.Header.Get("Dkim-Signature") != "" {
			t.Errorf("%s is signed", name)
		}
		html := d.read("proofs/today/" + name + ".html")
		if html != htmlPart(t, []byte(eml)) {
			t.Errorf("%s.html is not the mail's part", name)
		}
		// But for what is a reader's own, it is the mail that went out.
		reason := regexp.MustCompile(`>[^<]*Flash[^<]*</p>`)
		plain := func(s string) string { return reason.ReplaceAllString(personal.ReplaceAllString(s, "$1"), "") }
		if got, want := plain(html), plain(htmlPart(t, sent)); got != want {
			t.Errorf("%s is not what was sent:\n%s\n%s", name, got, want)
		}
		text := d.read("proofs/today/" + name + ".txt")
		if !strings.Contains(text, "Harbour closes for repairs") || strings.Contains(text, "=C3") || strings.Contains(text, "<") {
			t.Errorf("%s.txt:\n%s", name, text)
		}
	}
	// Another preview may take the place of this one.
	d.must("preview", "morning", "--out", out)
	d.must("preview", "morning", "--out", out)
}

func TestPreviewTakesThePlaceOfWhatBearsItsNamesAndOpensNoneOfIt(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	out := filepath.Join(d.dir, "proofs")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("diary.txt", "dear diary")
	if err := os.Symlink(filepath.Join(d.dir, "diary.txt"), filepath.Join(out, "flash.txt")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(out, "flash.eml"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("preview", "flash", "--out", out)
	if d.read("diary.txt") != "dear diary" {
		t.Error("the preview wrote through a link")
	}
	files, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode() != 0o644 || !strings.HasPrefix(f.Name(), "flash.") || info.Size() == 0 {
			t.Errorf("%s is %v, %v", f.Name(), info, err)
		}
	}
	if err := errors.Join(os.Remove(filepath.Join(out, "flash.html")), os.Mkdir(filepath.Join(out, "flash.html"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if r := d.try("preview", "flash", "--out", out); r.code != 1 || !strings.Contains(r.stderr, "flash.html is a directory; move it away") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestLinksOfAPreviewChangeNothing(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.must("preview", "morning", "--for", "ann@example.org", "--out", d.dir)
	eml := []byte(d.read("morning.eml"))
	serve := d.start("serve", "--only", "web")
	d.ready(serve)
	inBody := regexp.MustCompile(`http://` + regexp.QuoteMeta(d.listen) + `/[pv]/[\w-]+`)
	links := append(inBody.FindAllString(htmlPart(t, eml), -1), unsubscribeLink(t, eml))
	if len(links) < 3 {
		t.Fatalf("links %q", links)
	}
	d.unchanged(func() {
		for _, link := range links {
			for _, ask := range []func() (*http.Response, error){
				func() (*http.Response, error) { return http.Get(link) },
				func() (*http.Response, error) {
					return http.Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
				},
			} {
				if page := answered200(t, ask); page != "" && !strings.Contains(page, "This is a preview") {
					t.Errorf("%s answers\n%s", link, page)
				}
			}
		}
	})
}

// answered200 is the body of an answer that is fine; empty where the method
// is not for that address.
func answered200(t *testing.T, ask func() (*http.Response, error)) string {
	t.Helper()
	resp, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusMethodNotAllowed {
		return ""
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s\n%s", resp.Request.URL.Path, resp.Status, b)
	}
	return string(b)
}

func TestPreviewForOneReaderIsThatReadersMailOrTheReason(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	slot := berlin(t)
	tomorrow := strings.ToLower(slot.AddDate(0, 0, 1).Weekday().String())
	d.must("readers", "import", d.write("readers.csv", "email,language,frequency,categories\n"+
		"bob@example.org,de,,\nweekly@example.org,,weekly:"+tomorrow+",\nleft@example.org,,,\ndead@example.org,,,\n"+
		"paused@example.org,,,\nsoon@example.org,,,\nnone@example.org,,,Sport\n"))
	db := d.query
	db(`INSERT INTO choices (reader_id, digest, left_at) SELECT id, 'morning', now() FROM readers WHERE email = 'left@example.org' RETURNING 'x'`)
	db(`INSERT INTO reader_events (reader_id, at, kind, data) SELECT id, now(), 'left', '{"digest":"morning"}' FROM readers WHERE email = 'left@example.org' RETURNING 'x'`)
	db(`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, 'hard' FROM readers WHERE email = 'dead@example.org' RETURNING 'x'`)
	db(`INSERT INTO choices (reader_id, digest, paused_until) SELECT id, 'morning', $1::timestamptz + interval '1 hour' FROM readers WHERE email = 'paused@example.org' RETURNING 'x'`, slot)
	db(`INSERT INTO choices (reader_id, digest, paused_until) SELECT id, 'morning', $1::timestamptz - interval '1 second' FROM readers WHERE email = 'soon@example.org' RETURNING 'x'`, slot)
	for address, want := range map[string]string{
		"ann@example.org":      "ann@example.org · 2 articles · en",
		"ANN@Example.org":      " · 2 articles · en",
		"bob@example.org":      "bob@example.org · 2 articles · de",
		"soon@example.org":     "soon@example.org · 2 articles · en",
		"stranger@example.org": "stranger@example.org is no reader: this is what a new one without choices would get",
		"weekly@example.org":   "would get nothing of it: reads it weekly, and this was not the week's edition",
		"left@example.org":     "would get nothing of it: left morning on ",
		"dead@example.org":     "would get nothing of it: the address gets no mail since ",
		"paused@example.org":   "would get nothing of it: paused until ",
		"none@example.org":     "would get nothing of it: below min_articles: 0 of 1",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			said := d.must("preview", "morning", "--for", address, "--out", dir)
			if !strings.Contains(said, want) {
				t.Errorf("preview does not say %q:\n%s", want, said)
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if nothing := strings.Contains(want, "nothing"); nothing != (len(files) == 0) {
				t.Errorf("%d files", len(files))
			}
			if len(files) > 0 {
				eml, err := os.ReadFile(filepath.Join(dir, "morning.eml"))
				if err != nil || !strings.Contains(strings.ToLower(string(eml)), strings.ToLower(address)) {
					t.Errorf("the mail is not to the reader, %v", err)
				}
			}
		})
	}
	sentence(t, d.try("preview", "morning", "--for", "nobody"), exitMisused, "--for nobody")
}

func TestPreviewTakesTheSlotAtOrAfterATime(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.extra += "  skipping: {title: Skipping, schedule: \"0 7 * * *\", time_zone: Europe/Berlin, lists: [readers], categories: [World], skip: [" +
		berlin(t).Format("2006-01-02") + "]}\n"
	d.configure()
	next := berlin(t)
	after := next.AddDate(0, 0, 1)
	const day = "Mon 2 January 2006, 15:04 Europe/Berlin"
	for _, c := range []struct {
		digest, at string
		want       time.Time
		note       string
	}{
		{"morning", "", next, ""},
		{"morning", "07:00", next, ""},
		{"morning", next.Format("2006-01-02 15:04"), next, ""},
		{"morning", next.UTC().Format(time.RFC3339), next, ""},
		{"morning", next.Format("2006-01-02T15:04"), next, ""},
		{"morning", next.Add(time.Minute).Format("2006-01-02 15:04"), after, "what is here now goes out on " + next.Format("Mon 2 January 2006, 15:04")},
		{"morning", after.Format("2006-01-02"), after, "this edition will carry what comes in later"},
	} {
		args := []string{"preview", c.digest, "--out", d.dir}
		if c.at != "" {
			args = append(args, "--at", c.at)
		}
		said := d.must(args...)
		if !strings.Contains(said, c.want.Format(day)) || !strings.Contains(said, c.note) || !strings.Contains(said, "2 articles") {
			t.Errorf("%s --at %q says\n%s", c.digest, c.at, said)
		}
		eml := d.read(c.digest + ".eml")
		if want := "Date: " + c.want.Format("Mon, 2 Jan 2006 15:04:05 -0700"); !strings.Contains(eml, want) {
			t.Errorf("--at %q: no %q", c.at, want)
		}
	}
	// A day that the config leaves out is passed over, and that is said.
	said := d.must("preview", "skipping", "--out", d.dir)
	if !strings.Contains(said, after.Format(day)) || !strings.Contains(said, "nothing goes out on "+next.Format("Mon 2 January 2006, 15:04")+": skip: ") {
		t.Errorf("it says\n%s", said)
	}
	following := "the next slots are " + next.Format("2006-01-02 15:04")
	sentence(t, d.try("preview", "morning", "--at", "2020-01-01"), exitMisused, "has passed", following)
	sentence(t, d.try("preview", "morning", "--at", "noonish"), exitMisused, "noonish", following)
	sentence(t, d.try("preview", "flash", "--at", "07:00"), exitMisused, "flash has no schedule", "courant send flash")
}

func TestPreviewOfNothingSaysWhy(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.unchanged(func() {
		// Without --out as well: there is no page to wait on.
		said := d.must("preview", "sunday")
		if !strings.Contains(said, "nothing would be sent: below min_articles: 2 of 9; `courant fetch` polls the sources now") ||
			!strings.Contains(said, "- Harbour closes for repairs") {
			t.Errorf("it says\n%s", said)
		}
	})
	sentence(t, d.try("preview", "mornin"), exitMisused, `no digest "mornin"`, `did you mean "morning"?`)
	sentence(t, d.try("preview"), exitMisused, "preview DIGEST")
	sentence(t, d.try("preview", "morning", "--port", "70000"), exitMisused, "--port")
	sentence(t, d.try("preview", "morning", "--out", d.write("file", "")+"/below"), exitFailed, "--out")
}

// page waits for the address of a preview's page.
func (d *desk) page(p *process) string {
	d.t.Helper()
	address := regexp.MustCompile(`(?m)^http://127\.0\.0\.1:\d+/$`)
	d.until("the address of the page", func() bool { return address.MatchString(p.log.String()) })
	return address.FindString(p.log.String())
}

func (d *desk) get(address string) string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%s", resp.Status, b)
}

func TestPreviewPageShowsWhatIsThereAtEachLoad(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.must("readers", "add", "bob@example.org", "--language", "de")
	p := d.start("preview", "morning")
	page := d.page(p)
	has := func(path string, words ...string) {
		t.Helper()
		got := d.get(page + path)
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("/%s lacks %q:\n%s", path, w, got)
			}
		}
	}
	d.unchanged(func() {
		has("", "200 OK", "Morning Brief, preview", "Nothing is published, and sent only to whom you say.", "2 mails", "1 reader, the digest&#39;s own choice", "Morning Brief: ")
		has("mail/variant-1?view=text", "Harbour closes for repairs", "Unsubscribe", page+"p/")
		has("mail/variant-2?view=text", "Abbestellen")
		has("mail/variant-1/mail.eml", "Message-ID: <")
		has("mail/variant-3", "404")
		link := unsubscribeLink(t, []byte(d.get(page+"mail/variant-1/mail.eml")))
		if got := d.get(link); !strings.Contains(got, "This is a preview") || !strings.HasPrefix(link, page) {
			t.Errorf("%s answers\n%s", link, got)
		}
	})
	d.tell("Market hall sold to the city")
	has("", "Morning Brief: ", "2 mails")
	has("mail/variant-1?view=text", "Market hall sold to the city")
	d.withConfig("title: Morning Brief", "title: The Early Edition", func() { has("", "The Early Edition, preview", "The Early Edition: ") })
	d.withConfig("max_articles: 10", "max_articles: ten", func() { has("", "This is the last good state", "max_articles", "2 mails") })
	d.withConfig("min_articles: 1", "min_articles: 5", func() { has("", "nothing would be sent: below min_articles: 3 of 5") })
	has("", "2 mails")
	if err := p.signal(syscall.SIGINT); err != nil {
		t.Errorf("Ctrl-C ended it with %v\n%s", err, p.log)
	}
}

func TestPreviewPageOfOneReaderFollowsThatReader(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	p := d.start("preview", "morning", "--for", "ann@example.org")
	page := d.page(p)
	if got := d.get(page); !strings.Contains(got, "to <bdi>ann@example.org</bdi>") || !strings.Contains(got, "1 mail<") {
		t.Errorf("the page\n%s", got)
	}
	d.must("readers", "remove", "ann@example.org")
	if got := d.get(page); !strings.Contains(got, "ann@example.org would get nothing of it: off the list readers since") {
		t.Errorf("the page\n%s", got)
	}
}

func TestPreviewOfReadersZonesGoesByTheReadersClock(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.extra += "  roaming: {title: Roaming, schedule: \"0 7 * * *\", time_zone: reader, lists: [readers], categories: [World]}\n"
	d.configure()
	d.must("readers", "add", "yuki@example.org", "--time-zone", "Asia/Tokyo")
	d.must("readers", "add", "lou@example.org", "--time-zone", "America/New_York")
	for address, zone := range map[string]string{"yuki@example.org": "Asia/Tokyo", "lou@example.org": "America/New_York"} {
		said := d.must("preview", "roaming", "--for", address, "--at", "07:00", "--out", d.dir)
		if !strings.Contains(said, ", 07:00 "+zone) || !strings.Contains(said, address+" · ") {
			t.Errorf("preview for %s:\n%s", address, said)
		}
	}
	said := d.must("preview", "roaming", "--out", d.dir)
	if !strings.Contains(said, "this is the edition for readers in ") || !strings.Contains(said, "  1 reader, the digest's own choice") && !strings.Contains(said, "1 reader · ") {
		t.Errorf("preview for all:\n%s", said)
	}
}
