package ingest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"courant/digest"
)

// newspapers are a thousand sources, each on a host of its own, that all lead
// to one server. It answers after 50 ms: a feed of 100 KB, or a page of it.
func newspapers(tb testing.TB, items, page string) (*Ingest, *atomic.Int64) {
	answered := &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond)
		answered.Add(1)
		switch {
		case r.URL.Path == "/robots.txt":
			http.NotFound(w, r)
		case strings.HasPrefix(r.URL.Path, "/story"):
			fmt.Fprint(w, page)
		default:
			fmt.Fprint(w, rssHead, strings.ReplaceAll(items, "gazette.example", r.Host), "</channel></rss>")
		}
	}))
	tb.Cleanup(server.Close)
	dialer := &net.Dialer{}
	in := &Ingest{Store: &counter{}, Fetcher: &Fetcher{dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, server.Listener.Addr().String())
	}}}
	for i := range 1000 {
		in.Sources = append(in.Sources, digest.Source{Name: fmt.Sprint("paper ", i), Kind: digest.SourceFeed, URL: fmt.Sprintf("http://paper-%d.example/feed.xml", i)})
	}
	return in, answered
}

// counter is a store that only counts what comes in.
type counter struct {
	rows
	articles atomic.Int64
}

func (c *counter) Known(_ context.Context, _ string, articles []digest.Article) ([]bool, error) {
	return make([]bool, len(articles)), nil
}

func (c *counter) SavePoll(_ context.Context, _ digest.SourceState, articles []digest.Article) (int, error) {
	c.articles.Add(int64(len(articles)))
	return len(articles), nil
}

func (c *counter) OwedPages(context.Context, string, time.Time, time.Time, int) ([]digest.Article, error) {
	return nil, nil
}

// hundredKB are a feed's items as today's systems write them: the whole
// article, with pictures and its furniture.
func hundredKB(points string) string {
	var b strings.Builder
	for n := range 25 {
		body := points + strings.Repeat(`<p class="wp-block-paragraph">`+bridgeLead+` <a href="https://gazette.example/tag/x" rel="tag">More</a></p><figure class="wp-block-image"><img src="https://gazette.example/i.jpg" srcset="https://gazette.example/i-300.jpg 300w, https://gazette.example/i-1024.jpg 1024w" alt="x"></figure>`, 9)
		b.WriteString(strings.Replace(rssItem(n, "<pubDate>"+time.Now().Add(-time.Hour).Format(time.RFC1123Z)+"</pubDate><content:encoded><![CDATA["+body+"]]></content:encoded>"), "https://gazette.example/", "http://gazette.example/story/", 1))
	}
	return b.String()
}

func benchmarkPolls(b *testing.B, items, page string, most int64) {
	b.Logf("a feed has %d KB", len(items)>>10)
	for b.Loop() {
		in, answered := newspapers(b, items, page)
		before := processorTime()
		results, err := in.FetchNow(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range results {
			if r.Status != StatusRead || r.Articles == 0 {
				b.Fatalf("%+v", r)
			}
		}
		if got := answered.Load(); got > most {
			b.Errorf("%d requests", got)
		}
		b.ReportMetric((processorTime() - before).Seconds(), "cpu-s/op")
		b.ReportMetric(float64(answered.Load()), "requests/op")
		b.ReportMetric(residentMB(), "peak-MB")
	}
}

func BenchmarkPollThousandSources(b *testing.B) {
	b.Run("points in the feed", func(b *testing.B) {
		benchmarkPolls(b, hundredKB("<h3>Key points</h3>"+listOf("<ul>", bridgePoints...)), "", 1000)
	})
	b.Run("three pages each", func(b *testing.B) {
		items := hundredKB("")
		items = items[:strings.Index(items, "<item>")] + strings.Join(strings.SplitAfterN(items, "</item>", 4)[:3], "")
		benchmarkPolls(b, items, pointedPage, 5000)
	})
	// A first start where no feed has points: the articles wait in memory while
	// twenty pages of each host are read, one a second.
	b.Run("twenty long pages each", func(b *testing.B) {
		long := strings.Replace(pointedPage, "</article>", strings.Repeat("<p>"+bridgeLead+"</p>", 40)+"</article>", 1)
		benchmarkPolls(b, hundredKB(""), long, 22_000)
	})
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentMB is the most memory this process had, the test's own server
// included; 0 where the system doesn't say.
func residentMB() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, peak, _ := strings.Cut(string(text), "VmHWM:")
	var kb float64
	if _, err := fmt.Sscan(peak, &kb); err != nil {
		return 0
	}
	return kb / 1024
}
