package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// Two serve and a fetch, killed in the middle and started again, never ask one
// server for two things at once.
func TestProcessesAskOneServerOneAtATime(t *testing.T) {
	t.Parallel()
	const sources = 15
	var mu sync.Mutex
	there, most, asked := 0, 0, 0
	come := make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		there, asked = there+1, asked+1
		most = max(most, there)
		mu.Unlock()
		come <- struct{}{}
		select {
		case <-time.After(60 * time.Millisecond):
		case <-r.Context().Done():
		}
		mu.Lock()
		there--
		mu.Unlock()
		fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>Gazette</title><item><title>Harbour %[2]s opens again</title><link>http://%[1]s%[2]s/harbour</link><description><![CDATA[%[3]s]]></description></item></channel></rss>`,
			r.Host, r.URL.Path, threePoints)
	}))
	t.Cleanup(server.Close)
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for i := range sources {
		d.source(fmt.Sprintf(`{name: Paper %d, feed: "%s/%d", category: World}`, i, server.URL, i))
	}
	first := d.start("serve", "--only", "fetch")
	<-come
	d.inside = freeAddress(t)
	second := d.start("serve", "--only", "fetch")
	if r := d.try("fetch"); r.code != exitDone {
		t.Errorf("%+v", r)
	}
	// Killed with a request in hand, which the system ends for it.
	killed := d.start("fetch")
	for range len(come) {
		<-come
	}
	<-come
	if err := killed.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-killed.done
	if r := d.try("fetch"); r.code != exitDone {
		t.Errorf("%+v", r)
	}
	for _, p := range []*process{first, second} {
		if err := p.signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if most != 1 || asked < 3*sources {
		t.Errorf("%d requests, %d at the same time", asked, most)
	}
}

// Who stops a fetch hears how far it came, in one line, and nothing is lost.
func TestFetchThatIsStoppedSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.feed.put(item{"Harbour opens again", "/1", threePoints})
	d.configure()
	come := make(chan struct{}, 10)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		come <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	d.source(fmt.Sprintf(`{name: Slow, feed: "%s/feed", category: World}`, slow.URL))
	p := d.start("fetch")
	<-come
	d.until("the other is polled", func() bool { return strings.Contains(p.log.String(), "Wire: read") })
	err := p.signal(syscall.SIGTERM)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("it ended with %v", err)
	}
	log := p.log.String()
	if !strings.Contains(log, "courant: told to stop: 1 of 2 sources were polled and what they brought is kept") || strings.Contains(log, "cancel") || strings.Contains(log, "Slow") {
		t.Errorf("it says\n%s", log)
	}
	if s := d.sourcesOf(); s["Slow"].Condition != "new" || s["Wire"].Articles != 1 {
		t.Errorf("%+v", s)
	}
}

// A source whose server asked for a pause is awake and not asked, and who
// wakes it hears until when.
func TestWakeSaysUntilWhenSourceIsHeld(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	d.source(fmt.Sprintf(`{name: Gazette, feed: "%s/feed", category: World}`, server.URL))
	if r := d.try("fetch", "Gazette"); r.code != exitFailed {
		t.Errorf("%+v", r)
	}
	if r := d.try("fetch"); r.code != exitDone || !strings.Contains(r.stdout, "Gazette: held") {
		t.Errorf("%+v", r)
	}
	for _, args := range [][]string{{"sources", "wake", "Gazette"}, {"fetch", "Gazette"}} {
		r := d.try(args...)
		if r.code != exitFailed || !strings.Contains(r.stderr, "asked to be left alone until "+time.Now().Add(2*time.Hour).UTC().Format("2006-01-02T")) && !strings.Contains(r.stderr, "asked to be left alone until "+time.Now().UTC().Format("2006-01-02T")) {
			t.Errorf("%q: %+v", args, r)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}
