package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var screenshots = flag.String("screenshots", "", "leave the README's pictures in this `directory`")

// openHall is a temporary directory that other accounts may pass, since root's
// Postgres runs as one of them. It must be empty at the end.
func openHall(t *testing.T) string {
	t.Helper()
	hall, err := os.MkdirTemp("", "courant-test-hall-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(hall, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(hall); err != nil {
			t.Error(err)
		}
	})
	return hall
}

// runDemo runs the demo with hall as the place for temporary files.
func runDemo(t *testing.T, hall string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(context.WithoutCancel(t.Context()), path, append([]string{"demo"}, args...)...)
	c.Env = append(os.Environ(), "TMPDIR="+hall, "TZ=Europe/Berlin", "COURANT_CLOCK=0s")
	c.Dir = hall
	p := &process{Cmd: c, t: t, log: &lockedBuffer{}, done: make(chan error, 1)}
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }()
	t.Cleanup(func() {
		// Gone already in most tests.
		_ = p.Process.Kill()
		if t.Failed() {
			t.Logf("courant demo:\n%s", p.log)
		}
	})
	return p
}

// startDemo runs the demo until it names its inbox page.
func startDemo(t *testing.T, hall string, args ...string) (p *process, page string) {
	t.Helper()
	p = runDemo(t, hall, args...)
	address := regexp.MustCompile(`(?m)^ +(http://127\.0\.0\.1:\d+/)$`)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if m := address.FindStringSubmatch(p.log.String()); m != nil {
			return p, m[1]
		}
		select {
		case err := <-p.done:
			t.Fatalf("the demo ended early: %v\n%s", err, p.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("the demo names no inbox page\n%s", p.log)
	return nil, ""
}

// interrupt is Ctrl-C. The demo ends well, and nothing of it is left: no
// process that works in hall or names it, and no file.
func (p *process) interrupt(hall string) {
	p.t.Helper()
	if err := p.signal(syscall.SIGINT); err != nil {
		p.t.Errorf("after Ctrl-C: %v\n%s", err, p.log)
	}
	// The shell that guarded Postgres ends a moment after it.
	left := processesIn(p.t, hall)
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = processesIn(p.t, hall) {
		time.Sleep(20 * time.Millisecond)
	}
	if len(left) > 0 {
		p.t.Errorf("processes are left:\n%s", strings.Join(left, "\n"))
	}
}

func wantEmpty(t *testing.T, hall string) {
	t.Helper()
	left, err := os.ReadDir(hall)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left in the temporary directory", entry.Name())
	}
}

// processesIn are the processes that have a directory in their command line,
// work in it, or hold a file of it open.
func processesIn(t testing.TB, dir string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, proc := range all {
		// A process may end while it is looked at; then it is none that is left.
		line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if err != nil {
			continue
		}
		said := string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if proc != fmt.Sprintf("/proc/%d", os.Getpid()) && (strings.Contains(said, dir) || strings.HasPrefix(cwd, dir)) {
			found = append(found, filepath.Base(proc)+" "+said)
		}
	}
	return found
}

// TestDemoShowsADigestAndWhoLeftIsSkipped is a stranger's first minutes.
func TestDemoShowsADigestAndWhoLeftIsSkipped(t *testing.T) {
	t.Parallel()
	browser := openBrowser(t)
	hall := openHall(t)
	p, page := startDemo(t, hall, "--port", "0")
	v := openWindow(t, browser, hostOf(t, page))
	if status := v.open(page); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	v.wants("Morning Brief no. 1", "5 mails, 1 reader without", "550 5.1.1 there is no such mailbox")
	v.sound("inbox")

	v.choose("anna@example.org")
	v.looksAtTheMail()
	v.takesPictures()
	v.leaves("anna@example.org", browser)

	v.open(page)
	v.load(chromedp.Click(chromedp.CSS(`form[action$="next"] button`)))
	v.wants("Morning Brief no. 2", "left morning on", "reads it weekly", "the address gets no mail since")
	if got := v.carriers("Morning Brief no. 2"); slices.Contains(got, "anna@example.org") || !slices.Contains(got, "bruno@example.org") {
		t.Errorf("no. 2 went to %s", got)
	}
	v.sound("inbox-skipped")

	// The third batch is the last; then an edition has nothing to carry.
	v.load(chromedp.Click(chromedp.CSS(`form[action$="next"] button`)))
	v.wants("Morning Brief no. 3")
	v.load(chromedp.Click(chromedp.CSS(`form[action$="next"] button`)))
	v.wants("Morning Brief: no edition", "No mail went out")

	v.do(chromedp.Navigate("about:blank")) // an open page would ask on for news
	p.interrupt(hall)
	wantEmpty(t, hall)
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// choose opens the newest mail to an address from the list.
func (v *visit) choose(address string) {
	v.Helper()
	link := ask[string](v, fmt.Sprintf(`[...document.querySelectorAll("nav.list a.row")].find(a => a.textContent.includes(%q)).href`, address))
	if status := v.open(link); status != http.StatusOK {
		v.Fatalf("mail to %s: status %d", address, status)
	}
}

// carriers are the readers who have a mail of a round.
func (v *visit) carriers(round string) []string {
	v.Helper()
	return ask[[]string](v, fmt.Sprintf(`[...document.querySelectorAll("section.group")].filter(g => g.querySelector("h2")?.textContent === %q)
		.flatMap(g => [...g.querySelectorAll("a.row .to bdi")].map(b => b.textContent))`, round))
}

// looksAtTheMail goes through all views of the chosen mail.
func (v *visit) looksAtTheMail() {
	v.Helper()
	v.spares = append(v.spares, "/favicon.ico") // which a frame that is opened by itself may not have
	back, frame := v.at(), ask[string](v, `document.querySelector("iframe").src`)
	if sandbox := ask[string](v, `document.querySelector("iframe").getAttribute("sandbox")`); strings.Contains(sandbox, "allow-scripts") || strings.Contains(sandbox, "same-origin") {
		v.Errorf("the frame may do %s", sandbox)
	}
	for view, said := range map[string]string{
		"text": "Unsubscribe", "headers": "List-Unsubscribe-Post", "source": "Content-Transfer-Encoding: quoted-printable",
	} {
		v.load(chromedp.Click(chromedp.CSS(`nav.tabs a[href*="view=` + view + `"]`)))
		v.wants(said)
		v.sound("inbox-" + view)
	}
	v.hosts = append(v.hosts, ask[string](v, `new URL([...document.querySelectorAll("nav.links a")][0].href).host`)) // pictures come from the press
	v.open(frame)
	v.wants("Morning Brief", "Port Ellery", "No. 1", "Unsubscribe")
	if broken := ask[[]string](v, `[...document.images].filter(i => !i.complete || i.naturalWidth === 0).map(i => i.src)`); len(broken) > 0 {
		v.Errorf("pictures do not show: %s", broken)
	}
	v.open(back)
}

func (v *visit) at() string { return ask[string](v, `location.href`) }

// leaves goes where the mail's own link leads and says yes there.
func (v *visit) leaves(address string, browser context.Context) {
	v.Helper()
	link := ask[string](v, `[...document.querySelectorAll(".outs a")].find(a => a.textContent === "Leave as this reader").href`)
	reader := openWindow(v.T, browser, hostOf(v.T, link))
	reader.open(link)
	reader.wants("Morning Brief")
	reader.press("leave")
	reader.wants("You have left Morning Brief", address[:1]+"…")
}

// takesPictures leaves the README's pictures where the flag says: the inbox
// page, and the digest in both of its palettes.
func (v *visit) takesPictures() {
	v.Helper()
	if *screenshots == "" {
		return
	}
	page := v.at()
	frame := ask[string](v, `document.querySelector("iframe").src.replace(/[?].*/, "")`)
	v.takesPicture("inbox.png", page, 1280, 860, 1)
	for _, scheme := range []string{"light", "dark"} {
		v.takesPicture("digest-"+scheme+".png", frame+"?scheme="+scheme, 660, 1240, 1.5)
	}
	v.open(page)
}

// takesPicture shows what a window of that size does, with so many pixels to
// a CSS pixel.
func (v *visit) takesPicture(name, link string, width, height int64, scale float64) {
	v.Helper()
	v.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
	v.open(link)
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	// The frame is drawn by itself after the page: a picture is one when it
	// stays the same for a second.
	var png []byte
	for same := 0; same < 4; same++ {
		again, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			v.Fatal(err)
		}
		if !bytes.Equal(again, png) {
			same = 0
		}
		png = again
		time.Sleep(250 * time.Millisecond)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name), png, 0o644); err != nil {
		v.Fatal(err)
	}
}

// TestKeptDemoGoesOnWhereItEnded keeps a demo, works with its directory from
// outside, and starts it again.
func TestKeptDemoGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	keep := filepath.Join(hall, "kept")
	p, page := startDemo(t, hall, "--port", "0", "--keep", keep)
	first := getPage(t, page+"mail/1/mail.eml")
	if r := tryIn(t, hall, "demo", "--port", "0", "--keep", keep); r.code != exitFailed || !strings.Contains(r.stderr, "another demo runs there") {
		t.Errorf("a second demo in the directory: exit %d, %s", r.code, r.stderr)
	}
	// What the demo wrote is an installation like any other.
	if r := tryIn(t, hall, "--config", filepath.Join(keep, "courant.yaml"), "why", "frida@example.org"); r.code != exitDone || !strings.Contains(r.stdout, "550 5.1.1") {
		t.Errorf("why: exit %d, %s%s", r.code, r.stdout, r.stderr)
	}
	p.interrupt(hall)

	p, page = startDemo(t, hall, "--port", "0", "--keep", keep)
	if again := getPage(t, page+"mail/1/mail.eml"); again != first {
		t.Error("the first mail is not what it was")
	}
	if said := getPage(t, page); !strings.Contains(said, "Morning Brief no. 1") || strings.Contains(said, "no. 2") {
		t.Errorf("the kept demo does not show its one edition:\n%s", said)
	}
	publishNext(t, page)
	if said := getPage(t, page); !strings.Contains(said, "Morning Brief no. 2") {
		t.Errorf("there is no second edition:\n%s", said)
	}
	// What was told is on disk by now: a demo that is killed goes on, too.
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	p, page = startDemo(t, hall, "--port", "0", "--keep", keep)
	if said := getPage(t, page); !strings.Contains(said, "Morning Brief no. 2") || !strings.Contains(said, "9 mails") {
		t.Errorf("after a kill -9 the kept demo shows\n%s", said)
	}
	p.interrupt(hall)
}

// TestKilledDemoForgetsNoMailItAccepted kills kept demos in the middle of an
// edition. What the ledger says was accepted is on the page afterwards, and
// what was not sent yet is.
func TestKilledDemoForgetsNoMailItAccepted(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	keep := filepath.Join(hall, "kept")
	for _, mails := range []int{1, 3} {
		if err := os.RemoveAll(keep); err != nil {
			t.Fatal(err)
		}
		p := runDemo(t, hall, "--port", "0", "--keep", keep)
		for deadline := time.Now().Add(time.Minute); countKept(keep) < mails && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.done
		p, page := startDemo(t, hall, "--port", "0", "--keep", keep)
		said := getPage(t, page)
		for _, want := range []string{"Morning Brief no. 1", "1 reader without", "550 5.1.1"} {
			if !strings.Contains(said, want) {
				t.Errorf("killed after %d mails, the page does not say %q:\n%s", mails, want, said)
			}
		}
		for _, reader := range []string{"anna", "bruno", "chloe", "dalia", "emil"} {
			if !regexp.MustCompile(`<bdi>` + reader + `@example.org</bdi></span> <span class="state good">accepted</span></span>\s*(<span class="reason"[^<]*</span>\s*)?</a>`).MatchString(said) {
				t.Errorf("killed after %d mails, %s has no accepted mail on the page", mails, reader)
			}
		}
		p.interrupt(hall)
	}
}

// countKept counts the mails that a kept demo wrote down.
func countKept(keep string) int {
	text, err := os.ReadFile(filepath.Join(keep, demoMails))
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte{'\n'})
}

// TestSweepSparesWhatDemosWereToldToKeep has kept demos and strangers' files
// where temporary directories lie.
func TestSweepSparesWhatDemosWereToldToKeep(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	kept, notes := filepath.Join(hall, "courant-demo-mine"), filepath.Join(hall, "courant-demo-notes")
	p, _ := startDemo(t, hall, "--port", "0", "--keep", kept)
	p.interrupt(hall)
	if err := errors.Join(os.Mkdir(notes, 0o755), os.WriteFile(filepath.Join(notes, demoLock), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	p, _ = startDemo(t, hall, "--port", "0")
	p.interrupt(hall)
	for _, path := range []string{filepath.Join(kept, "courant.yaml"), filepath.Join(notes, demoLock)} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestImpatienceLeavesNothingEither presses Ctrl-C more than once.
func TestImpatienceLeavesNothingEither(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	p, _ := startDemo(t, hall, "--port", "0")
	for range 3 {
		// Gone already after the first one on a quick machine.
		if err := p.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond)
	}
	select {
	case err := <-p.done:
		if err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	case <-time.After(45 * time.Second):
		t.Fatal("the demo does not end")
	}
	wantEmpty(t, hall)
}

// TestNextDemoTakesAwayWhatAKilledOneLeft kills a demo without warning.
func TestNextDemoTakesAwayWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	killed, _ := startDemo(t, hall, "--port", "0")
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-killed.done
	// Another's directory of that name, and one without a lock, are left alone.
	strange := filepath.Join(hall, "courant-demo-strange")
	if err := os.Mkdir(strange, 0o700); err != nil {
		t.Fatal(err)
	}
	running, page := startDemo(t, hall, "--port", "0")
	last, _ := startDemo(t, hall, "--port", "0")
	getPage(t, page) // the one that runs was not swept by the next
	last.interrupt(filepath.Join(hall, "nothing"))
	running.interrupt(hall)
	if err := os.Remove(strange); err != nil {
		t.Error(err)
	}
	wantEmpty(t, hall)
}

func TestDemoRefusesWhatItCannotKeepOrOpen(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	foreign := filepath.Join(hall, "foreign")
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "courant.yaml"), []byte("name: Example News\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, c := range []struct {
		code int
		said string
		args []string
	}{
		{exitFailed, "files that are no demo's; name a new or an empty directory", []string{"--keep", foreign}},
		{exitFailed, "name another --port", []string{"--port", port}},
		{exitMisused, "ports go from 0", []string{"--port", "70000"}},
		{exitMisused, "ports go from 0", []string{"--port=-1"}},
		{exitMisused, "leave --config out", []string{"--config", "courant.yaml"}},
		{exitMisused, "takes other arguments", []string{"now"}},
		{exitFailed, "not a directory", []string{"--keep", filepath.Join(foreign, "courant.yaml")}},
	} {
		if r := tryIn(t, hall, append([]string{"demo"}, c.args...)...); r.code != c.code || !strings.Contains(r.stderr, c.said) {
			t.Errorf("demo %s: exit %d, %s", c.args, r.code, r.stderr)
		}
	}
	if text, err := os.ReadFile(filepath.Join(foreign, "courant.yaml")); err != nil || string(text) != "name: Example News\n" {
		t.Errorf("the other config is %q, %v", text, err)
	}
}

// tryIn runs the program to its end with hall as the place for temporary files.
func tryIn(t *testing.T, hall string, args ...string) result {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), path, args...)
	c.Env, c.Dir = append(os.Environ(), "TMPDIR="+hall, "COURANT_CLOCK=0s"), hall
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

func getPage(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, resp.Status, err)
	}
	return string(text)
}

// publishNext presses the button of the inbox page.
func publishNext(t *testing.T, page string) {
	t.Helper()
	resp, err := http.Post(page+"next", "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("publish the next edition: %s, %v", resp.Status, err)
	}
}
