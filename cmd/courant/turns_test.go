package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
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
