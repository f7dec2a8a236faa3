package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"courant/digest"
)

// Probe asks a public address what a mailbox provider will ask it: a one-click
// POST. Its token names reader 0, which nobody ever is: the rows count from 1.
// So the whole way is gone, through proxies to the database, and nobody leaves.
// Only pages that hold our keys answer it so.
type Probe struct {
	URL      string
	Keys     *digest.Keyring // nil: none yet, so no pages of ours can answer
	Own      []netip.Addr    // addresses of this machine
	Now      func() time.Time
	Roots    *x509.CertPool // who signs certificates; nil: whom the system trusts
	Resolver *net.Resolver  // who knows names; nil: the system's
}

// certificateNotice is how long before its end a certificate is looked at.
const certificateNotice = 14 * 24 * time.Hour

// Findings says where the public address leads, how its TLS is, and whether a
// one-click POST comes through, at each of its addresses.
func (p Probe) Findings(ctx context.Context) []digest.Finding {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" {
		return []digest.Finding{{What: "public address", Subject: p.URL, State: digest.FindingWrong, Text: "is no address", Next: "write url like https://news.example.com"}}
	}
	addresses, lead := p.resolve(ctx, u.Hostname())
	findings := []digest.Finding{lead}
	if len(addresses) == 0 {
		return findings
	}
	visits := make([]visit, len(addresses))
	for i, a := range addresses {
		visits[i] = p.visit(ctx, u, a)
	}
	if u.Scheme == "https" {
		findings = append(findings, p.certificate(u.Hostname(), visits))
	}
	return append(findings, p.health(visits), p.oneClick(visits))
}

// Answers says whether the pages at the address are those of this keyring.
func (p Probe) Answers(ctx context.Context, host netip.AddrPort) bool {
	u := &url.URL{Scheme: "http", Host: host.String()}
	return p.visit(ctx, u, host.Addr()).post == nil
}

// resolve finds the addresses behind the host's name.
func (p Probe) resolve(ctx context.Context, host string) ([]netip.Addr, digest.Finding) {
	f := digest.Finding{What: "public address", Subject: host}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, f.OK("an address by itself, no name")
	}
	resolver := p.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip", host)
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		f = f.Wrong("DNS knows no address for it", "publish an A record, and an AAAA record where the server has IPv6")
		f.Records = []digest.DNSRecord{{Name: host, Type: "A", Value: "192.0.2.1"}}
		if at := slices.IndexFunc(p.Own, public); at >= 0 {
			f.Records[0] = addressRecord(host, p.Own[at])
		}
		return nil, f
	case err != nil:
		return nil, f.Wrong("DNS does not answer", "check /etc/resolv.conf, and try again")
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	found = slices.Compact(found)
	text := "leads to " + joined(found)
	if !slices.ContainsFunc(found, public) && host != "localhost" {
		return found, f.Wrong(text+", which readers elsewhere cannot reach", "publish the address that the world sees")
	}
	if slices.ContainsFunc(found, func(a netip.Addr) bool { return slices.Contains(p.Own, a) }) {
		text += ", this machine: what stands between it and the world was not passed"
	}
	return found, f.OK(text)
}

func addressRecord(host string, a netip.Addr) digest.DNSRecord {
	kind := "A"
	if a.Is6() {
		kind = "AAAA"
	}
	return digest.DNSRecord{Name: host, Type: kind, Value: a.String()}
}

// public says whether the world can reach an address.
func public(a netip.Addr) bool {
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a)
}

func joined(addresses []netip.Addr) string {
	var names []string
	for _, a := range addresses {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}

// visit is what one address of the public host answered.
type visit struct {
	address      netip.Addr
	get, post    error // nil: as it should be
	certificates []*x509.Certificate
}

// away says that there is no way there from this machine, which says nothing
// of the way others have.
func (v visit) away() bool {
	return errors.Is(v.get, syscall.ENETUNREACH) || errors.Is(v.get, syscall.EHOSTUNREACH) && v.address.Is6()
}

func (p Probe) visit(ctx context.Context, u *url.URL, at netip.Addr) visit {
	v := visit{address: at}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, net.JoinHostPort(at.String(), port))
		},
		TLSClientConfig:   &tls.Config{RootCAs: p.Roots, MinVersion: tls.VersionTLS12, Time: p.Now},
		ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	base := strings.TrimSuffix(u.String(), "/")
	var state *tls.ConnectionState
	if state, v.get = ask(ctx, client, http.MethodGet, base+"/healthz", "", healthAnswer); state != nil {
		v.certificates = state.PeerCertificates
	}
	if p.Keys == nil {
		v.post = &strayAnswer{"there is no secret file yet, so no pages of this config can answer", "start `courant serve`, then check again"}
		return v
	}
	_, v.post = ask(ctx, client, http.MethodPost, base+"/u/"+p.token(), "List-Unsubscribe=One-Click", oneClickAnswer)
	return v
}

// token is a genuine one for the rows' nobody. It names an edition, since one
// that names neither is a preview's, which never gets as far as the rows.
func (p Probe) token() string {
	return p.Keys.LinkToken(p.Keys.Current, digest.Token{Purpose: digest.PurposeOneClick, Ref: digest.Ref{Edition: 1}})
}

// strayAnswer is an answer that pages of ours would not give, and what to do.
type strayAnswer struct{ text, next string }

func (e *strayAnswer) Error() string { return e.text }

// ask makes one request as a mailbox provider does: no cookie, no referrer, no
// redirect followed (RFC 8058 sections 3.1 and 3.2).
func ask(ctx context.Context, client *http.Client, method, address, body, want string) (*tls.ConnectionState, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Courant check")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close() // only read from
	got, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return resp.TLS, unreachable(err)
	}
	return resp.TLS, judgeAnswer(resp, string(got), want)
}

// judgeAnswer says what stands in the way of an answer that isn't ours.
func judgeAnswer(resp *http.Response, got, want string) error {
	said := fmt.Sprintf("answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	status := resp.StatusCode
	switch {
	case status == http.StatusOK && got == want:
		return nil
	case status == http.StatusOK:
		return &strayAnswer{"another server answers there", "lead the proxy to `listen`, and url to the proxy"}
	case status >= 300 && status < 400:
		// RFC 8058 section 3.1 forbids it: a redirected POST often arrives as GET.
		to := digest.PlainLine(resp.Header.Get("Location"), 200)
		return &strayAnswer{said + ", a redirect to " + to, "set url to the address it ends at, or take the redirect away: mailbox providers follow none"}
	case status == http.StatusServiceUnavailable && got == "not ready\n":
		return &strayAnswer{"Courant answers, but its database is away", "start the database; `courant serve` finds it again by itself"}
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests:
		return &strayAnswer{said, "take login, puzzle and rate limit off this path at the proxy: mailbox providers come by machine"}
	case status == http.StatusNotFound && resp.Header.Get("Content-Security-Policy") == pagePolicy:
		return &strayAnswer{"a Courant with other keys answers there", "give both the same secret_file, or lead url to this one"}
	case status == http.StatusMethodNotAllowed, status == http.StatusNotImplemented:
		return &strayAnswer{said, "let the proxy pass POST on"}
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout, status == http.StatusServiceUnavailable:
		return &strayAnswer{said, "start `courant serve`, and lead the proxy to `listen`"}
	}
	return &strayAnswer{said, "lead the proxy to `listen`, path included"}
}

// unreachable says a network's error in words, and what to do.
func unreachable(err error) error {
	var stranger x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	var op *net.OpError
	wrong := func(text, next string) error { return fmt.Errorf("%w%w", &strayAnswer{text, next}, hidden{err}) }
	switch {
	case errors.As(err, &stranger):
		return wrong("nobody known signed its certificate", "let the server send the whole chain (fullchain.pem), of an authority that everyone trusts")
	case errors.As(err, &name):
		return wrong("its certificate is for another name", "get a certificate for the name in url")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return wrong("its certificate has ended, or has not begun", "renew it, and look why it was not renewed by itself")
	case errors.As(err, &timeout) && timeout.Timeout():
		return wrong("nobody answers in time", "open the port in the firewall, and start `courant serve` and the proxy")
	case errors.Is(err, syscall.ECONNREFUSED):
		return wrong("the connection is refused", "start `courant serve` and the proxy before it")
	case errors.As(err, &op) && op.Op == "dial":
		return wrong("cannot be reached: "+op.Err.Error(), "start `courant serve` and the proxy before it")
	}
	return wrong(brokenOff(err), "open the address in a browser, and look into the log of the proxy")
}

// brokenOff says how an answer came to nothing. The error's own words are those
// of a library, and hold an address with a token.
func brokenOff(err error) string {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "does not begin with TLS there"
	case errors.As(err, &alert):
		return "the server ends TLS before it begins"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server hangs up before its answer is complete"
	}
	return "what answers there is no HTTP that can be read, or has no end"
}

// hidden keeps an error for errors.Is, without its words.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

// certificate judges the TLS of all addresses by the worst.
func (p Probe) certificate(host string, visits []visit) digest.Finding {
	f := digest.Finding{What: "TLS", Subject: host}
	var end time.Time
	for _, v := range visits {
		if len(v.certificates) == 0 {
			continue
		}
		if at := v.certificates[0].NotAfter; end.IsZero() || at.Before(end) {
			end = at
		}
	}
	for _, v := range visits {
		if len(v.certificates) == 0 && !v.away() {
			return f.Wrong(v.address.String()+": "+v.get.Error(), nextOf(v.get))
		}
	}
	if end.IsZero() {
		return f.Look("could not be tried from here", "check it from another machine")
	}
	left := end.Sub(p.Now())
	text := fmt.Sprintf("certificate and chain are good until %s, %d days", end.UTC().Format(time.DateOnly), int(left.Hours()/24))
	if left < certificateNotice {
		return f.Look(text, "renew it, and look why it was not renewed by itself")
	}
	return f.OK(text)
}

func (p Probe) health(visits []visit) digest.Finding {
	f := digest.Finding{What: "pages", Subject: p.URL + "/healthz"}
	return p.together(f, visits, "answers ok", func(v visit) error { return v.get })
}

// oneClick is the row that mailbox providers look at.
func (p Probe) oneClick(visits []visit) digest.Finding {
	f := digest.Finding{What: "one-click", Subject: p.URL}
	f = p.together(f, visits, "a POST is answered 200, without a redirect, by pages with our keys", func(v visit) error { return v.post })
	if f.State == digest.FindingWrong && p.Keys != nil {
		f.Next += fmt.Sprintf("; try it from elsewhere, it changes nobody: curl -i -d List-Unsubscribe=One-Click %s/u/%s", strings.TrimSuffix(p.URL, "/"), p.token())
	}
	return f
}

// together makes one finding of what all addresses answered.
func (p Probe) together(f digest.Finding, visits []visit, fine string, answer func(visit) error) digest.Finding {
	var good, away []netip.Addr
	for _, v := range visits {
		err := answer(v)
		switch {
		case err == nil:
			good = append(good, v.address)
		case v.away():
			away = append(away, v.address)
		default:
			text, next := v.address.String()+": "+err.Error(), nextOf(err)
			var connect *net.OpError
			if errors.As(err, &connect) && connect.Op == "dial" && public(v.address) {
				next += "; if it can be reached from elsewhere, this network does not lead to its own public address"
			}
			return f.Wrong(text, next)
		}
	}
	switch {
	case len(good) == 0:
		return f.Look("could not be tried from here: there is no way to "+joined(away), "check it from another machine")
	case len(away) > 0:
		fine += "; " + joined(away) + " could not be tried from here"
	case len(visits) > 1:
		fine += fmt.Sprintf(", at each of %d addresses", len(visits))
	}
	return f.OK(fine)
}

func nextOf(err error) string {
	var stray *strayAnswer
	if errors.As(err, &stray) {
		return stray.next
	}
	return "open the address in a browser, and see what is there"
}
