package ingest

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"

	"golang.org/x/net/dns/dnsmessage"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestSpecialAddressesAreRefused(t *testing.T) {
	t.Parallel()
	private := []string{"127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "198.18.0.1", "198.19.255.255",
		"192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "::1", "fc00::1", "fd12::1", "fec0::1", "2001:db8::1", "2001::1", "100::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::808:808", "2002:7f00:1::1", "2002:808:808::1", "::127.0.0.1"}
	never := []string{"169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fe80::1", "fe80::1%eth0", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1", "fd00:ec2::254"}
	public := []string{"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450::1"}
	for _, s := range private {
		if a := netip.MustParseAddr(s); refused(a, false) == nil || refused(a, true) != nil {
			t.Errorf("%s: %v, allowed: %v", s, refused(a, false), refused(a, true))
		}
	}
	for _, s := range never {
		if a := netip.MustParseAddr(s); refused(a, false) == nil || refused(a, true) == nil {
			t.Errorf("%s: %v, allowed: %v", s, refused(a, false), refused(a, true))
		}
	}
	for _, s := range public {
		if err := refused(netip.MustParseAddr(s), false); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestRefusedAddressesAreNamedWithWhatHelps(t *testing.T) {
	t.Parallel()
	const open, inside, never = "needs allow_private_sources", "only an address in the config itself may be inside", "no source may be there"
	for address, want := range map[string][3]string{ // how it is named, what helps, and what helps where private sources are allowed
		"127.0.0.1":          {"(127.0.0.1), which is this machine itself", open, "cannot be reached"},
		"[::ffff:127.0.0.1]": {"(127.0.0.1), which is this machine itself", open, "cannot be reached"},
		"[::1]":              {"(::1), which is this machine itself", open, ""},
		"0.0.0.0":            {"(0.0.0.0), which is no host's", never, never},
		"[::]":               {"(::), which is no host's", never, never},
		"[fe80::1]":          {"(fe80::1), which is good on one cable only", never, never},
		"169.254.169.254":    {"(169.254.169.254), which is good on one cable only", never, never},
		"224.0.0.1":          {"(224.0.0.1), which is that of many hosts", never, never},
		"10.0.0.1":           {"(10.0.0.1); ", open, ""},
	} {
		for i, allowed := range []bool{false, true} {
			if want[1+i] == "" {
				continue
			}
			f := &Fetcher{AllowPrivate: allowed, Pace: -1}
			_, err := f.Extract(t.Context(), "http://"+address+":1/feed.xml", Options{})
			if err == nil || !strings.Contains(err.Error(), want[1+i]) || want[1+i] != "cannot be reached" && !strings.Contains(err.Error(), want[0]) {
				t.Errorf("%s, allowed %v: %v", address, allowed, err)
			}
		}
	}
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(302, "Location", "http://localhost:1/")})
	in, _, _ := room(s)
	if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), inside) || strings.Contains(r.Err.Error(), open) {
		t.Errorf("%+v", r)
	}
}

// canary listens on loopback and counts who comes.
func canary(t *testing.T) (address string, visitors *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	visitors = &atomic.Int32{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			visitors.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), visitors
}

func TestCanaryInsideSeesNothing(t *testing.T) {
	t.Parallel()
	address, visitors := canary(t)
	_, port, _ := net.SplitHostPort(address)
	f := &Fetcher{Pace: -1}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "[::]", "127.0.0.1.", "LOCALHOST", "user:pass@127.0.0.1"} {
		url := "http://" + host + ":" + port + "/feed.xml"
		if _, err := f.Extract(t.Context(), url, Options{}); err == nil {
			t.Errorf("%s was fetched", url)
		}
	}
	if n := visitors.Load(); n != 0 {
		t.Errorf("the canary saw %d visitors", n)
	}
}

// names is a name server that answers each question with the next of the
// addresses, the last for good: how a name is bound anew between two looks.
func names(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-ended })
	go func() {
		defer close(ended)
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if m.Questions[0].Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[0]).As4()},
				}}
				if len(addresses) > 1 {
					addresses = addresses[1:]
				}
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(reply, from) // who asks again is answered again
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestNamesThatLeadInsideAreRefusedWhenConnectedTo(t *testing.T) {
	t.Parallel()
	address, visitors := canary(t)
	_, port, _ := net.SplitHostPort(address)
	f := &Fetcher{Pace: -1, resolver: names(t, "127.0.0.1")}
	if _, err := f.Extract(t.Context(), "http://gazette.example:"+port+"/feed.xml", Options{}); err == nil || !strings.Contains(err.Error(), "private or special address (127.0.0.1)") {
		t.Error(err)
	}
	// Bound anew: what was inside and allowed is link-local at the next look.
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	in, _, _ := room(s)
	in.Fetcher.resolver = names(t, "127.0.0.1", "169.254.169.254")
	in.Sources[0].URL = strings.Replace(s.URL, "127.0.0.1", "gazette.example", 1) + "/feed.xml"
	if r := fetchOne(t, in); r.Status != StatusRead {
		t.Errorf("%+v", r)
	}
	s.CloseClientConnections() // or the old connection would be used, to where it was allowed
	in.Fetcher.open.(*http.Transport).CloseIdleConnections()
	if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "169.254.169.254") {
		t.Errorf("%+v", r)
	}
	if n := visitors.Load(); n != 0 {
		t.Errorf("the canary saw %d visitors", n)
	}
}

func TestRedirectsInsideAreRefusedEvenWherePrivateSourcesAreAllowed(t *testing.T) {
	t.Parallel()
	address, visitors := canary(t)
	_, port, _ := net.SplitHostPort(address)
	for _, location := range []string{"http://" + address + "/", "http://localhost:" + port + "/", "http://[::ffff:127.0.0.1]:" + port + "/", "//" + address + "/x", "http://169.254.169.254/latest/meta-data/"} {
		s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(302, "Location", location)})
		in, _, _ := room(s)
		if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "private or special address") {
			t.Errorf("%s: %+v", location, r)
		}
	}
	if n := visitors.Load(); n != 0 {
		t.Errorf("the canary saw %d visitors", n)
	}
}

func TestItemsAndFeedLinksDoNotLeadInside(t *testing.T) {
	t.Parallel()
	address, visitors := canary(t)
	s := newSite(t, map[string]http.HandlerFunc{
		"/feed.xml": send("text/xml", rssHead+`<item><title>Story</title><link>http://`+address+`/admin</link><guid>1</guid></item></channel></rss>`),
		"/page":     send("text/html", `<html><head><link rel="alternate" type="application/rss+xml" href="http://`+address+`/feed"></head><body><h1>x</h1>`),
	})
	in, _, _ := room(s)
	in.Sources = append(in.Sources, digest.Source{Name: "Page", Kind: digest.SourceFeed, URL: s.URL + "/page"})
	results, err := in.FetchNow(t.Context())
	if err != nil || results[0].Status != StatusRead || len(results[0].Warnings) != 1 || results[1].Status != StatusFailed {
		t.Errorf("%+v %v", results, err)
	}
	if n := visitors.Load(); n != 0 {
		t.Errorf("the canary saw %d visitors", n)
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	t.Parallel()
	// Go never asks the environment's proxy for loopback, so no server here
	// could tell; the transports themselves must not have one.
	f := &Fetcher{}
	f.setUp()
	for _, through := range []http.RoundTripper{f.open, f.strict} {
		if through.(*http.Transport).Proxy != nil {
			t.Error("a proxy is asked for")
		}
	}
}

func TestBombsStayWithinBounds(t *testing.T) {
	// Not parallel: it measures what the process holds.
	zeros := func(w http.ResponseWriter, head string, size int) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, head)
		chunk := []byte(strings.Repeat("bomb ", 1<<14))
		for range size / len(chunk) {
			if _, err := z.Write(chunk); err != nil {
				return
			}
		}
		z.Close()
	}
	var entities strings.Builder
	entities.WriteString(`<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "bombbombbomb">`)
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&entities, `<!ENTITY a%d "%s">`, i, strings.Repeat(fmt.Sprintf("&a%d;", i-1), 10))
	}
	entities.WriteString(`]><rss version="2.0"><channel><title>&a11;</title>` + rssItem(1, "<description>&a11;</description>") + `</channel></rss>`)
	s := newSite(t, map[string]http.HandlerFunc{
		"/feed.xml": func(w http.ResponseWriter, _ *http.Request) {
			zeros(w, wholeFeed(1)[:len(wholeFeed(1))-len("</channel></rss>")]+"<!--", 200<<20)
		},
		"/giant": func(w http.ResponseWriter, _ *http.Request) {
			zeros(w, wholeFeed(1)[:len(wholeFeed(1))-len("</channel></rss>")]+"<item><title>", 200<<20)
		},
		"/text":    func(w http.ResponseWriter, _ *http.Request) { zeros(w, "", 200<<20) },
		"/page":    func(w http.ResponseWriter, _ *http.Request) { zeros(w, bridgePage("", ""), 200<<20) },
		"/entites": send("text/xml", entities.String()),
	})
	in, store, _ := room(s)
	in.Sources = append(in.Sources, digest.Source{Name: "Page", Kind: digest.SourcePage, URL: s.URL + "/page"}, digest.Source{Name: "Entities", Kind: digest.SourceFeed, URL: s.URL + "/entites"},
		digest.Source{Name: "Giant", Kind: digest.SourceFeed, URL: s.URL + "/giant"}, digest.Source{Name: "Text", Kind: digest.SourceFeed, URL: s.URL + "/text"})
	// With the collector kept close behind, what the heap holds is what is in
	// use.
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	debug.FreeOSMemory()
	peak := heapPeak()
	results, err := in.FetchNow(t.Context())
	used := peak() >> 20
	if err != nil {
		t.Fatal(err)
	}
	if results[4].Status != StatusFailed {
		t.Errorf("%+v", results[4])
	}
	for _, r := range results[:4] {
		if r.Status != StatusRead || r.Added != 1 {
			t.Errorf("%+v", r)
		}
	}
	if len(results[0].Warnings) == 0 || len(results[1].Warnings) == 0 {
		t.Errorf("no warning: %+v", results)
	}
	for _, a := range store.articles {
		if len(a.Title)+len(a.Lead) > 2000 {
			t.Errorf("%d bytes of title and lead", len(a.Title)+len(a.Lead))
		}
	}
	t.Logf("%d MB were held", used)
	if used > 50 {
		t.Errorf("%d MB were held", used)
	}
}

// heapPeak watches the heap until the function it returns is called, which
// says by how many bytes it grew at most.
func heapPeak() func() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	start, highest := sample[0].Value.Uint64(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-stop:
				return
			case <-every.C:
				metrics.Read(sample)
				highest = max(highest, sample[0].Value.Uint64())
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return max(highest, start) - start
	}
}

func TestHostileFeedGivesPlainTextOnly(t *testing.T) {
	t.Parallel()
	const evil = `&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&lt;svg onload=alert(3)&gt;&lt;a href="javascript:alert(4)"&gt;x&lt;/a&gt;`
	data := rssHead + `<item><title>` + evil + `Bridge closes</title><link>javascript:alert(5)</link><guid isPermaLink="false">1</guid></item>` +
		`<item><title>Bridge closes ` + evil + `</title><link>https://gazette.example/2</link><category>` + evil + `City</category><author>` + evil + `Ann</author><description>` + evil + bridgeLead + `</description><enclosure type="image/png" url="javascript:alert(6)"/></item></channel></rss>`
	e := feed(t, data)
	out, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"alert", "script", "onerror", "\\u003c"} {
		if strings.Contains(string(out), word) {
			t.Errorf("%s in %s", word, out)
		}
	}
}
