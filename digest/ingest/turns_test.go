package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/store/storetest"
)

// counterDesk is a server of one host that is served one at a time, or notes
// that it was not: who came while another was there, and how soon after.
type counterDesk struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	there  int
	most   int
	ended  time.Time
	gaps   map[string]time.Duration // since the last answer, by path
	agents []string
	come   chan string   // told of each request; nil: nobody listens
	hold   chan struct{} // a request stays until it is told; nil: none does
	delay  time.Duration
	pages  map[string]http.HandlerFunc
}

func newCounterDesk(t *testing.T) *counterDesk {
	t.Helper()
	d := &counterDesk{t: t, gaps: map[string]time.Duration{}, pages: map[string]http.HandlerFunc{}}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *counterDesk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.there++
	d.most = max(d.most, d.there)
	d.gaps[r.URL.Path] = time.Since(d.ended)
	d.agents = append(d.agents, r.UserAgent())
	page, come, hold, delay := d.pages[r.URL.Path], d.come, d.hold, d.delay
	d.mu.Unlock()
	if come != nil {
		come <- r.UserAgent()
	}
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}
	if delay > 0 {
		<-time.After(delay)
	}
	// Before the answer is whole: who has read it may come again.
	d.mu.Lock()
	d.there--
	d.ended = time.Now()
	d.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

// crew are rooms as several processes have them: each with a store and a
// fetcher of its own, on one database.
func crew(t *testing.T, n int, sources ...digest.Source) []*Ingest {
	t.Helper()
	dsn := storetest.DSN(t)
	var all []*Ingest
	for i := range n {
		s := storetest.Open(t, dsn)
		all = append(all, &Ingest{Store: s, Sources: sources, Fetcher: &Fetcher{UserAgent: fmt.Sprint("process ", i), AllowPrivate: true, Turns: s}})
	}
	return all
}

func (d *counterDesk) sources(n int) (all []digest.Source) {
	for i := range n {
		path := fmt.Sprintf("/%d.xml", i)
		d.pages[path] = send("text/xml", wholeFeed(i))
		all = append(all, digest.Source{Name: fmt.Sprint("Paper ", i), Kind: digest.SourceFeed, URL: d.URL + path})
	}
	return all
}

func (d *counterDesk) oneAtATime(requests int) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.most != 1 || len(d.agents) != requests {
		d.t.Errorf("%d requests, want %d, and %d at the same time", len(d.agents), requests, d.most)
	}
}

// Several processes that poll all sources of one server ask it one after the
// other, whoever comes first.
func TestProcessesAskServerOneAtATime(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	d.delay = 25 * time.Millisecond
	all := crew(t, 3, d.sources(40)...)
	var polls sync.WaitGroup
	for _, in := range all {
		polls.Go(func() {
			results, err := in.FetchNow(context.Background())
			if err != nil {
				t.Error(err)
			}
			for _, r := range results {
				if r.Status != StatusRead {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	polls.Wait()
	d.oneAtATime(3 * 40)
	if agents := slices.Compact(slices.Clone(d.agents)); len(agents) < 6 {
		t.Errorf("one kept the others out: %q", agents)
	}
}

// Who is alone keeps its turns in memory. Who comes in the middle of its
// request waits for the end of it.
func TestProcessThatComesLaterWaitsForTheRequestUnderWay(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	all := crew(t, 2, d.sources(1)...)
	d.come, d.hold = make(chan string), make(chan struct{})
	var polls sync.WaitGroup
	poll := func(in *Ingest) {
		polls.Go(func() {
			if results, err := in.FetchNow(context.Background()); err != nil || results[0].Err != nil {
				t.Error(results, err)
			}
		})
	}
	poll(all[0])
	if by := <-d.come; by != "process 0" {
		t.Fatal(by)
	}
	poll(all[1])
	// The second knows that the first has seen it, and wants its turn.
	all[1].Fetcher.setUp()
	for q := all[1].Fetcher.queue; !q.here(); {
		<-time.After(time.Millisecond)
	}
	select {
	case by := <-d.come:
		t.Fatal(by, "asked while another was answered")
	case <-time.After(5 * turnAgain):
	}
	d.hold <- struct{}{}
	if by := <-d.come; by != "process 1" {
		t.Error(by)
	}
	d.hold <- struct{}{}
	polls.Wait()
	d.oneAtATime(2)
}

// The pause before a page is kept after whoever asked last, and after one
// that has left.
func TestPauseBeforePagesIsKeptBetweenProcesses(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	feed := func(n int) http.HandlerFunc {
		return send("text/xml", strings.ReplaceAll(rssHead+rssItem(n, "")+"</channel></rss>", "https://gazette.example/", d.URL+"/story/"))
	}
	var sources []digest.Source
	for n := range 4 {
		d.pages[fmt.Sprintf("/%d.xml", n)] = feed(n)
		d.pages[fmt.Sprintf("/story/%d", n)] = send("text/html", pointedPage)
		sources = append(sources, digest.Source{Name: fmt.Sprint("Paper ", n), Kind: digest.SourceFeed, URL: fmt.Sprintf("%s/%d.xml", d.URL, n)})
	}
	all := crew(t, 3, sources...)
	for _, in := range all {
		in.Fetcher.Pace = 300 * time.Millisecond
	}
	var polls sync.WaitGroup
	for i, in := range all[:2] {
		polls.Go(func() {
			if _, err := in.FetchNow(context.Background(), sources[i].Name, sources[i+1].Name); err != nil {
				t.Error(err)
			}
		})
	}
	polls.Wait()
	if _, err := all[2].FetchNow(t.Context(), sources[3].Name); err != nil {
		t.Error(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.most != 1 {
		t.Errorf("%d at the same time", d.most)
	}
	for n := range 4 {
		if gap, asked := d.gaps[fmt.Sprintf("/story/%d", n)]; !asked || gap < 295*time.Millisecond {
			t.Errorf("page %d was asked for %s after the last answer, %v", n, gap, asked)
		}
	}
}

// What a server says to one process binds the next request of the other.
func TestRetryAfterBindsTheOtherProcessAtOnce(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	all := crew(t, 2, d.sources(2)...)
	d.pages["/0.xml"] = status(429, "Retry-After", "7200")
	d.come, d.hold = make(chan string), make(chan struct{})
	ended := make(chan Result)
	for i, in := range all {
		go func() {
			results, err := in.FetchNow(context.Background(), fmt.Sprint("Paper ", i))
			if err != nil {
				t.Error(err)
			}
			ended <- results[0]
		}()
		if i == 0 {
			<-d.come
		}
	}
	d.hold <- struct{}{}
	for range 2 {
		if r := <-ended; r.Source == "Paper 1" && r.Status != StatusHeld {
			t.Errorf("%+v", r)
		}
	}
	d.oneAtATime(1)
}

// A process that dies in the middle holds its server no longer than its lease,
// and one that stood still beyond it asks nobody any more.
func TestServersOfDeadProcessesAreFreeAfterTheLease(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	all := crew(t, 2, d.sources(1)...)
	for _, in := range all {
		in.Fetcher.lease = 2 * time.Second
	}
	// Its lease is never extended, as if it stood still.
	all[0].Fetcher.Turns = standstill{all[0].Fetcher.Turns}
	d.come, d.hold = make(chan string), make(chan struct{})
	dead := make(chan error)
	go func() {
		_, err := all[0].FetchNow(context.Background())
		dead <- err
	}()
	<-d.come
	begun := time.Now()
	live := make(chan error)
	go func() {
		results, err := all[1].FetchNow(context.Background())
		if err == nil {
			err = results[0].Err
		}
		live <- err
	}()
	if by := <-d.come; by != "process 1" || time.Since(begun) < time.Second {
		t.Errorf("%s after %s", by, time.Since(begun))
	}
	if err := <-dead; !errors.Is(err, errTurn) || !errors.Is(err, errStore) {
		t.Errorf("who lost the lease was told %v", err)
	}
	d.hold <- struct{}{}
	if err := <-live; err != nil {
		t.Error(err)
	}
	states, err := all[1].Store.SourceStates(t.Context())
	if err != nil || states[0].Failures != 0 {
		t.Errorf("%+v %v", states, err)
	}
	// When the dead one asked last nobody knows, so it may have been then.
	if q := all[1].Fetcher.queue; q.died.IsZero() {
		t.Error("the death was not noticed")
	}
}

// standstill is a process whose beats are not heard.
type standstill struct{ Turns }

func (s standstill) RenewAsker(ctx context.Context, _ digest.AskerID, _ time.Duration) (digest.Asker, error) {
	<-ctx.Done()
	return digest.Asker{}, ctx.Err()
}

// A process that is alone asks the rows for no turn, and leaves nothing behind.
func TestProcessThatIsAloneNeedsNoRows(t *testing.T) {
	t.Parallel()
	d := newCounterDesk(t)
	all := crew(t, 1, d.sources(30)...)
	in := all[0]
	count := &askedRows{Turns: in.Fetcher.Turns}
	in.Fetcher.Turns = count
	if _, err := in.FetchNow(t.Context()); err != nil {
		t.Error(err)
	}
	count.mu.Lock()
	defer count.mu.Unlock()
	if count.turns != 0 || count.came != 1 || count.left != 1 {
		t.Errorf("%d turns, came %d times, left %d times", count.turns, count.came, count.left)
	}
}

// askedRows counts what the rows are asked.
type askedRows struct {
	Turns
	mu                sync.Mutex
	turns, came, left int
}

func (c *askedRows) add(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

func (c *askedRows) TakeTurn(ctx context.Context, id digest.AskerID, server string, waiting time.Duration) (digest.Turn, error) {
	c.add(&c.turns)
	return c.Turns.TakeTurn(ctx, id, server, waiting)
}

func (c *askedRows) JoinAskers(ctx context.Context, lease time.Duration) (digest.Asker, error) {
	c.add(&c.came)
	return c.Turns.JoinAskers(ctx, lease)
}

func (c *askedRows) LeaveAskers(ctx context.Context, id digest.AskerID, rested map[string]time.Duration) error {
	c.add(&c.left)
	return c.Turns.LeaveAskers(ctx, id, rested)
}

func (s standstill) LeaveAskers(context.Context, digest.AskerID, map[string]time.Duration) error {
	return errors.New("it is dead")
}

// How long a server has rested is known to who comes later, and to who asks
// beside another.
func TestProcessesTellEachOtherHowLongServersRested(t *testing.T) {
	t.Parallel()
	all := crew(t, 3)
	const gazette = "gazette.example"
	for _, in := range all {
		in.Fetcher.Pace = time.Hour
		defer in.Fetcher.attend()()
	}
	has := func(i int, server string) (gives func(asked bool)) {
		t.Helper()
		if _, err := all[i].Fetcher.queue.take(t.Context(), server); err != nil {
			t.Fatal(err)
		}
		return func(asked bool) { all[i].Fetcher.queue.give(server, asked) }
	}
	has(0, gazette)(true)
	all[0].Fetcher.queue.leave(0)
	stays := has(1, "else.example")
	if all[1].Fetcher.untilPage(gazette) <= 0 {
		t.Error("who came later does not know")
	}
	has(2, "other.example")(true)
	has(1, "other.example")(false)
	if all[1].Fetcher.untilPage("other.example") <= 0 {
		t.Error("who asks beside does not know")
	}
	stays(false)
}
