package web

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"courant/digest"
)

// behindTLS puts a site behind a proxy with a certificate, which the probe
// trusts. What the proxy does is the test's.
func behindTLS(t *testing.T, w *world, proxy func(site http.Handler) http.Handler) (Probe, *httptest.Server) {
	t.Helper()
	site := w.Config.Handler
	if proxy != nil {
		site = proxy(site)
	}
	server := httptest.NewUnstartedServer(site)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return Probe{URL: server.URL, Keys: w.keys, Roots: roots, Now: time.Now}, server
}

func probed(t *testing.T, p Probe) map[string]digest.Finding {
	t.Helper()
	rows := map[string]digest.Finding{}
	for _, f := range p.Findings(t.Context()) {
		if _, twice := rows[f.What]; twice {
			t.Errorf("two rows of %s", f.What)
		}
		if (f.State == digest.FindingOK) != (f.Next == "") {
			t.Errorf("%s is %s, next %q", f.What, f.State, f.Next)
		}
		rows[f.What] = f
	}
	return rows
}

func TestProbeGoesTheWholeWayAndNobodyLeaves(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, _ := behindTLS(t, w, nil)
	for what, want := range map[string]string{"public address": "an address by itself", "TLS": "are good until", "pages": "answers ok", "one-click": "answered 200"} {
		if f := probed(t, p)[what]; f.State != digest.FindingOK || !strings.Contains(f.Text, want) {
			t.Errorf("%s: %+v", what, f)
		}
	}
	if got := w.rows.written(); len(got) > 0 {
		t.Errorf("the probe wrote %q", got)
	}
	// It went as far as the rows: without them it is not answered 200.
	w.rows.change(func(r *rows) { r.away = errors.New("away") })
	if f := probed(t, p)["one-click"]; f.State != digest.FindingWrong {
		t.Errorf("without a store: %+v", f)
	}
	at := netip.MustParseAddrPort(w.Listener.Addr().String())
	w.rows.change(func(r *rows) { r.away = nil })
	if !(Probe{Keys: w.keys}).Answers(t.Context(), at) {
		t.Error("our own pages are not known")
	}
	if (Probe{Keys: &digest.Keyring{Current: 2, Tokens: map[byte][]byte{2: key(7)}, Suppression: w.keys.Suppression}}).Answers(t.Context(), at) {
		t.Error("pages with other keys are taken for ours")
	}
}

// What stands in the way between a mailbox provider and the pages.
func TestProbeSeesWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	answer := func(code int, body string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(code)
				_, _ = io.WriteString(w, body) // a proxy that does not care
			})
		}
	}
	rows := map[string]struct {
		proxy     func(http.Handler) http.Handler
		says, do  string
		pagesFine bool
	}{
		"a redirect": {func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://www.example.com"+r.URL.Path, http.StatusMovedPermanently)
			})
		}, "a redirect to https://www.example.com/", "set url to the address it ends at", false},
		"a redirect of POST only": {func(site http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					http.Redirect(w, r, "/login", http.StatusSeeOther)
					return
				}
				site.ServeHTTP(w, r)
			})
		}, "answers 303", "set url", true},
		"no POST": {func(site http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					http.Error(w, "no", http.StatusMethodNotAllowed)
					return
				}
				site.ServeHTTP(w, r)
			})
		}, "answers 405", "pass POST on", true},
		"a lost path": {func(site http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/u/") {
					http.NotFound(w, r)
					return
				}
				site.ServeHTTP(w, r)
			})
		}, "answers 404", "path included", true},
		"a login":  {answer(http.StatusUnauthorized, "who are you"), "answers 401", "take login", false},
		"a puzzle": {answer(http.StatusForbidden, "are you human"), "answers 403", "puzzle", false},
		"a header without end": {func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Long", strings.Repeat("x", 11<<20))
			})
		}, "no HTTP that can be read", "log of the proxy", false},
		"a line that is cut": {func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, "hangs up before", "log of the proxy", false},
		"another server": {answer(http.StatusOK, "It works!"), "another server", "lead the proxy", false},
		"nothing behind": {answer(http.StatusBadGateway, "bad gateway"), "answers 502", "courant serve", false},
		"a fault":        {answer(http.StatusInternalServerError, "oops"), "answers 500", "lead the proxy", false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := behindTLS(t, open(t), row.proxy)
			found := probed(t, p)
			f := found["one-click"]
			if f.State != digest.FindingWrong || !strings.Contains(f.Text, row.says) || !strings.Contains(f.Next, row.do) {
				t.Errorf("%+v", f)
			}
			if strings.Contains(f.Text, "net/http") || strings.Contains(f.Text, "http2") || strings.Contains(f.Text, "EOF") {
				t.Errorf("speaks to programmers: %s", f.Text)
			}
			if !strings.Contains(f.Next, "curl -i -d List-Unsubscribe=One-Click "+p.URL+"/u/") {
				t.Errorf("no way to try it from elsewhere: %s", f.Next)
			}
			if fine := found["pages"].State == digest.FindingOK; fine != row.pagesFine {
				t.Errorf("pages: %+v", found["pages"])
			}
		})
	}
}

func TestProbeTellsOtherKeysNoKeysAndAnAbsentDatabase(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.Health = func(context.Context) error { return errors.New("away") } })
	p, _ := behindTLS(t, w, nil)
	if f := probed(t, p)["pages"]; f.State != digest.FindingWrong || !strings.Contains(f.Text, "database is away") {
		t.Errorf("%+v", f)
	}
	p.Keys = &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key(8)}, Suppression: key(9)}
	if f := probed(t, p)["one-click"]; f.State != digest.FindingWrong || !strings.Contains(f.Text, "other keys") {
		t.Errorf("%+v", f)
	}
	p.Keys = nil
	if f := probed(t, p)["one-click"]; f.State != digest.FindingWrong || !strings.Contains(f.Text, "no secret file") || strings.Contains(f.Next, "curl") {
		t.Errorf("%+v", f)
	}
}

func TestProbeJudgesCertificates(t *testing.T) {
	t.Parallel()
	w := open(t)
	good, server := behindTLS(t, w, nil)
	end := server.Certificate().NotAfter
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Probe)
		state  digest.FindingState
		says   string
	}{
		"soon over":  {func(p *Probe) { p.Now = func() time.Time { return end.Add(-5 * 24 * time.Hour) } }, digest.FindingLook, "5 days"},
		"over":       {func(p *Probe) { p.Now = func() time.Time { return end.Add(time.Hour) } }, digest.FindingWrong, "has ended"},
		"unknown":    {func(p *Probe) { p.Roots = x509.NewCertPool() }, digest.FindingWrong, "nobody known signed"},
		"other name": {func(p *Probe) { p.URL = "https://localhost:" + port }, digest.FindingWrong, "for another name"},
	} {
		p := good
		c.change(&p)
		if f := probed(t, p)["TLS"]; f.State != c.state || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	server.Close()
	found := probed(t, good)
	if f := found["one-click"]; f.State != digest.FindingWrong || !strings.Contains(f.Text, "refused") || !strings.Contains(f.Next, "courant serve") {
		t.Errorf("%+v", f)
	}
}

func TestProbeAsksEachAddressOfTheName(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, server := behindTLS(t, w, nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p.URL = "https://example.com:" + port // a name of httptest's certificate
	for name, c := range map[string]struct {
		addresses []string
		own       string
		address   digest.FindingState
		says      string
		oneClick  digest.FindingState
	}{
		"inside":        {[]string{"127.0.0.1"}, "", digest.FindingWrong, "cannot reach", digest.FindingOK},
		"one is deaf":   {[]string{"127.0.0.1", "127.0.0.2"}, "", digest.FindingWrong, "127.0.0.1, 127.0.0.2", digest.FindingWrong},
		"nobody's name": {nil, "198.51.100.7", digest.FindingWrong, "knows no address", ""},
	} {
		p.Resolver = knows(t, c.addresses)
		if c.own != "" {
			p.Own = []netip.Addr{netip.MustParseAddr(c.own)}
		}
		found := probed(t, p)
		if f := found["public address"]; f.State != c.address || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %+v", name, f)
		}
		if f := found["one-click"]; f.State != c.oneClick {
			t.Errorf("%s: %+v", name, f)
		}
		if f := found["public address"]; c.own != "" && (len(f.Records) != 1 || f.Records[0] != (digest.DNSRecord{Name: "example.com", Type: "A", Value: c.own})) {
			t.Errorf("%s: to publish %+v", name, f.Records)
		}
	}
}

// An address there is no way to from here says nothing of the way others have.
func TestProbeDoubtsWhatItCannotTry(t *testing.T) {
	t.Parallel()
	noWay := unreachable(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)})
	deaf := unreachable(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
	six, four := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("198.51.100.1")
	p := Probe{URL: "https://news.example.com", Now: time.Now}
	for name, c := range map[string]struct {
		visits []visit
		state  digest.FindingState
		says   string
	}{
		"one of two":  {[]visit{{address: six, get: noWay, post: noWay}, {address: four}}, digest.FindingOK, "2001:db8::1 could not be tried"},
		"the only":    {[]visit{{address: six, get: noWay, post: noWay}}, digest.FindingLook, "could not be tried"},
		"both answer": {[]visit{{address: six}, {address: four}}, digest.FindingOK, "each of 2 addresses"},
		"hairpin":     {[]visit{{address: four, get: deaf, post: deaf}}, digest.FindingWrong, "refused"},
	} {
		f := p.oneClick(c.visits)
		if f.State != c.state || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %+v", name, f)
		}
		if name == "hairpin" && !strings.Contains(f.Next, "does not lead to its own public address") {
			t.Errorf("%s: %s", name, f.Next)
		}
	}
	if f := p.certificate("x", []visit{{address: six, get: noWay}}); f.State != digest.FindingLook {
		t.Errorf("%+v", f)
	}
}

// knows is the resolver of a name server on loopback with one name, example.com.
func knows(t *testing.T, addresses []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
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
			if len(addresses) == 0 {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, a := range addresses {
				if m.Questions[0].Type == dnsmessage.TypeA {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
					})
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
