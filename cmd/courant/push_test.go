package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"courant/digest/ingest"
	"courant/digest/smtpsink"
)

// cmsToken is what the publishing system of these tests shows.
const cmsToken = "the-token-of-the-newsroom-cms"

// newPressRoom is a desk whose config has a source that is pushed.
func newPressRoom(t *testing.T) *desk {
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.write("cms.token", cmsToken+"\n")
	d.sourced("  - {name: Newsroom CMS, push: true, token_file: cms.token, category: World}\n")
	return d
}

// sourced puts sources behind the config's.
func (d *desk) sourced(lines string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("courant.yaml", strings.Replace(string(text), "lists:\n", lines+"lists:\n", 1))
}

// ask sends a request to the desk.
func (d *desk) ask(method, path, body string) (status int, answer string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, "http://"+d.inside+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+cmsToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// wants pushes and wants an answer with some words.
func (d *desk) wants(method, path, body string, status int, words ...string) string {
	d.t.Helper()
	got, answer := d.ask(method, path, body)
	for _, w := range words {
		if !strings.Contains(answer, w) {
			d.t.Errorf("%s %s %.80s: no %q in %s", method, path, body, w, answer)
		}
	}
	if got != status {
		d.t.Errorf("%s %s %.80s: %d, want %d: %s", method, path, body, got, status, answer)
	}
	return answer
}

// waits until the desk answers, after the pages do.
func (d *desk) deskReady(p *process) {
	d.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if status, _ := d.ask("GET", "/healthz", ""); status == http.StatusOK {
			return
		}
	}
	d.t.Fatalf("the desk does not answer\n%s", p.log)
}

func pushed(url, title string, points ...string) string {
	text, err := json.Marshal(map[string]any{"url": url, "title": title, "points": append([]string{}, points...)})
	if err != nil {
		return ""
	}
	return string(text)
}

func TestPushedPieceGoesOutWithItsOwnPoints(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.must("readers", "add", "ann@example.org")
	d.must("fetch") // makes the sources known
	p := d.start("serve", "--only", "web")
	d.deskReady(p)
	d.until("it counts how long it listens", func() bool {
		return d.query(`SELECT count(*) FROM sources WHERE kind = 'push' AND listening_at IS NOT NULL`) == "1"
	})
	const at = "https://news.example.com/fund"
	d.wants("POST", "/api/articles", pushed(at, "Fund reaches 48 million", "It has reached 48 million.", "Half of it goes north."), 201, `"status":"created"`)
	d.wants("POST", "/api/articles", pushed(at, "Fund reaches 48 million", "It has reached 48 million.", "Half of it goes north."), 200, `"status":"unchanged"`)
	d.wants("POST", "/api/articles", pushed("http://www.news.example.com/fund?utm_source=x", "Fund reaches 38 million", "It has reached 38 million."), 200, `"status":"updated"`)
	d.wants("POST", "/api/articles", "["+pushed("https://news.example.com/gone", "Never to be told", "x y")+"]", 201)
	d.wants("DELETE", "/api/articles?url=https%3A%2F%2Fnews.example.com%2Fgone", "", 200, `"status":"withdrawn","told":false`)
	d.must("send", "morning")
	mails := d.sink.To("ann@example.org")
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	body := string(mails[0].Body)
	if !strings.Contains(body, "It has reached 38 million.") || strings.Contains(body, "48 million") || strings.Contains(body, "Never to be told") {
		t.Errorf("the mail:\n%s", body)
	}
	d.wants("POST", "/api/articles", pushed(at, "Fund reaches 58 million"), 200, `"status":"kept"`, "courant articles correct")
	d.wants("GET", "/api/articles", "", 200, `"status":"told","editions":1`, `"status":"withdrawn"`, `"title":"Fund reaches 38 million"`)
	d.must("articles", "correct", at, "It is 58 million.")
	if out := d.must("fetch"); strings.Contains(out, "Newsroom") {
		t.Errorf("a source that pushes is polled: %s", out)
	}
	sentence(t, d.try("fetch", "Newsroom CMS"), exitFailed, "is pushed")
	if log := p.log.String(); strings.Contains(log, cmsToken) || !strings.Contains(log, "articles pushed") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestPushesAtOnceAndAcrossAKillMakeOneArticleEach(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	p := d.start("serve", "--only", "web")
	d.deskReady(p)
	var batch []string
	for i := range 200 {
		batch = append(batch, pushed(fmt.Sprintf("https://news.example.com/%d", i), fmt.Sprintf("Piece %d", i), "A point."))
	}
	body := "[" + strings.Join(batch, ",") + "]"
	push := func(times int) (created int) {
		var all sync.WaitGroup
		var mu sync.Mutex
		for range times {
			all.Go(func() {
				_, answer := d.ask("POST", "/api/articles", body)
				mu.Lock()
				defer mu.Unlock()
				created += strings.Count(answer, `"created"`)
			})
		}
		all.Wait()
		return created
	}
	// The process dies while it is pushed to: nothing of a push is kept, or all.
	var killed sync.WaitGroup
	killed.Go(func() { push(4) })
	if err := p.signal(syscall.SIGKILL); err == nil {
		t.Error("a killed process ended well")
	}
	killed.Wait()
	before := len(strings.Fields(d.ids()))
	if before != 0 && before != 200 {
		t.Errorf("%d articles of 200 were kept", before)
	}
	p = d.start("serve", "--only", "web")
	d.deskReady(p)
	if created := push(4); created != 200-before {
		t.Errorf("%d created after %d", created, before)
	}
	if after := len(strings.Fields(d.ids())); after != 200 {
		t.Errorf("%d articles", after)
	}
}

// ids are the articles of the press room.
func (d *desk) ids() string {
	d.t.Helper()
	list, err := d.store.Articles(d.t.Context(), time.Time{}, nil)
	if err != nil {
		return "" // no schema yet
	}
	var all []string
	for _, a := range list {
		all = append(all, fmt.Sprint(a.ID))
	}
	return strings.Join(all, " ")
}

func TestPushToAnAwayDatabaseKeepsNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	p := d.start("serve", "--only", "web")
	d.deskReady(p)
	d.change(`ALTER TABLE articles RENAME TO away`)
	d.wants("POST", "/api/articles", pushed("https://news.example.com/a", "A"), 503, "nothing was kept")
	d.change(`ALTER TABLE away RENAME TO articles`)
	d.wants("POST", "/api/articles", pushed("https://news.example.com/a", "A"), 201, `"created"`)
}

// change does something to the rows behind the program's back.
func (d *desk) change(query string) {
	d.t.Helper()
	db, err := sql.Open("postgres", d.dsn)
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close() // one statement, nothing to flush
	if _, err := db.ExecContext(d.t.Context(), query); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
}

// Nothing alive comes from any field of a push into a mail.
func TestHostilePushReachesNobodyAlive(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.must("readers", "add", "ann@example.org")
	p := d.start("serve", "--only", "web")
	d.deskReady(p)
	const hostile = `<script>alert(1)</script><img src=x onerror=alert(2)>"'><svg onload=alert(3)>&lt;script&gt;alert(4)&lt;/script&gt;{{.Evil}} words enough to be read by somebody`
	fields := map[string]any{"url": "https://news.example.com/a?x=%22%3E%3Cscript%3E", "points": []string{hostile + " one", "שלום לכולם, זו ידיעה חדשה", hostile + " two"},
		"image": map[string]any{"url": "https://news.example.com/a.jpg?\"onload=alert(5)", "alt": hostile, "width": 1200, "height": 600}, "description": hostile,
		"body": "<p>" + hostile + "</p>", "published": "2026-01-02T03:04:05Z"}
	for _, name := range []string{"title", "category", "site", "attribution", "author"} {
		fields[name] = "Words " + hostile[:120] + " words"
	}
	fields["guid"] = hostile
	fields["published"] = time.Now().UTC().Format(time.RFC3339)
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	d.wants("POST", "/api/articles", string(text), 201)
	d.must("send", "morning")
	mails := d.sink.To("ann@example.org")
	if len(mails) != 1 {
		t.Fatalf("%d mails; the edition is held?\n%s", len(mails), d.must("status"))
	}
	body := bytes.ReplaceAll(mails[0].Body, []byte("=\r\n"), nil)
	for _, alive := range []string{"<script", "onerror=", "onload=3Dalert", "<svg", "<img src=3Dx", "javascript:"} {
		if bytes.Contains(bytes.ToLower(body), []byte(alive)) {
			t.Errorf("%q is in the mail:\n%s", alive, body)
		}
	}
}

// TestRequestsOfTheDocsWorkAsPrinted runs each curl of docs/api.md by a shell.
func TestRequestsOfTheDocsWorkAsPrinted(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not here; apt-get install curl")
	}
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	d := newPressRoom(t)
	p := d.start("serve", "--only", "web")
	d.deskReady(p)
	blocks, _ := docPage{"docs/api.md", string(page)}.blocks()
	var answers []string
	for _, b := range blocks {
		if b.language != "sh" || !strings.Contains(b.text, "curl") {
			continue
		}
		c := exec.CommandContext(t.Context(), "sh", "-e", "-c", strings.ReplaceAll(b.text, "127.0.0.1:8081", d.inside))
		c.Dir = d.dir
		out, err := c.Output()
		if err != nil {
			t.Errorf("%s\n%v %s", b.text, err, out)
		}
		answers = append(answers, string(out))
	}
	want := []string{`{"source":"Newsroom CMS","articles":[{"url":"https://example.com/flood-fund","id":1,"status":"created"}]}`, `"status":"withdrawn","told":false`, `"status":"withdrawn","editions":0`}
	if len(answers) != len(want) {
		t.Fatalf("%d requests are printed, the test knows %d", len(answers), len(want))
	}
	for i, w := range want {
		if !strings.Contains(answers[i], w) {
			t.Errorf("no %s in %s", w, answers[i])
		}
	}
	example := regexp.MustCompile(`(?s)-d '(\{.*?\})'`).FindSubmatch(page)
	if _, faults, err := ingest.ReadPush(example[1], ingest.PushOptions{Now: time.Now()}); err != nil || len(faults) > 0 {
		t.Errorf("%v %v", faults, err)
	}
}
