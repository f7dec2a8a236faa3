package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Caps and patience. The caps count bytes after decompression.
const (
	maxFeedBytes = 10 << 20
	maxPageBytes = 5 << 20
	maxRedirects = 5

	dialTimeout   = 10 * time.Second
	tlsTimeout    = 10 * time.Second
	headerTimeout = 20 * time.Second
	wholeTimeout  = 60 * time.Second
)

// Fetcher gets documents over HTTP, politely and only from where it may. The
// zero value works; all fields are read when the first document is fetched.
// It is safe for concurrent use.
type Fetcher struct {
	UserAgent    string                               // see UserAgent; empty: "Courant"
	AllowPrivate bool                                 // sources may be in private networks
	Now          func() time.Time                     // nil: time.Now
	After        func(time.Duration) <-chan time.Time // nil: time.After; goes with Now
	Pace         time.Duration                        // between two pages of a host; 0: a second, negative: none
	Log          *slog.Logger                         // nil: silent
	Turns        Turns                                // whose turn it is among several processes; nil: no other one asks

	roots    *x509.CertPool // tests: who signs certificates
	resolver *net.Resolver  // tests: who knows names
	dial     dialing        // tests: how connections are made
	patience time.Duration  // tests: instead of wholeTimeout
	lease    time.Duration  // tests: instead of askerLease

	once    sync.Once
	open    http.RoundTripper // for the source itself
	strict  http.RoundTripper // for wherever it leads: never private
	places  places
	hostsMu sync.Mutex
	hosts   map[string]*host
	heard   map[string]time.Time // Retry-After by server, not kept in the rows yet
	robots  robotsCache
	queue   *queue // nil: without Turns
}

type dialing func(ctx context.Context, network, address string) (net.Conn, error)

// UserAgent is how Courant introduces itself: product, version and where its
// operator can be found.
func UserAgent(version, operator string) string {
	agent := "Courant"
	if version != "" {
		agent += "/" + version
	}
	if operator != "" {
		agent += " (+" + operator + ")"
	}
	return agent
}

// setUp makes the zero value work. Two transports keep two pools: a
// connection that was opened for a private source is never reused for a
// redirect, which the guard would not see then.
func (f *Fetcher) setUp() {
	f.once.Do(func() {
		f.open, f.strict = f.transport(f.AllowPrivate), f.transport(false)
		f.hosts, f.heard = map[string]*host{}, map[string]time.Time{}
		f.places = newPlaces()
		if f.Turns != nil {
			f.queue = newQueue(f)
		}
	})
}

// transport makes connections under the guard. Proxies from the environment
// are not used: behind one, the guard would see the proxy's address only.
func (f *Fetcher) transport(allowPrivate bool) http.RoundTripper {
	dial := f.dial
	if dial == nil {
		dial = f.guarded(allowPrivate)
	}
	return &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{RootCAs: f.roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           atOnce,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}
}

// guarded dials under the guard, and marks what is refused although private
// networks are open: it is refused because others lead there.
func (f *Fetcher) guarded(allowPrivate bool) dialing {
	dial := guardedDialer(allowPrivate, dialTimeout, f.resolver).DialContext
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		var r *inward
		if errors.As(err, &r) {
			r.led = f.AllowPrivate && !allowPrivate
		}
		return conn, err
	}
}

func (f *Fetcher) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// after is a clock's bell.
func (f *Fetcher) after(wait time.Duration) <-chan time.Time {
	if f.After == nil {
		return time.After(wait)
	}
	return f.After(wait)
}

func (f *Fetcher) log() *slog.Logger {
	if f.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return f.Log
}

// request is one document to get.
type request struct {
	address      string
	origin       string // the source's configured address; private networks are open to its host and port alone
	etag         string
	lastModified string
	validated    string // whose the two are: nobody else gets them; empty: address's
	max          int64
	accept       string
	paced        bool // a pause of its host's comes first
	obey         bool // robots.txt is asked about redirects, too
}

// answer is what came of a request. Its body counts against the places until
// release is called, which is never nil.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	cut     bool   // there was more than max, or should have been
	broken  bool   // the connection ended before the document did
	address string // where the body came from in the end
	moved   string // where permanent redirects led; empty: nowhere
	led     bool   // a redirect or a page led to it, so it speaks for itself alone
	asked   bool   // with validators, so it may be a 304
	release func()
}

var (
	errRedirects = errors.New("redirects more than 5 times")
	errDowngrade = errors.New("redirects from https to http")
	errScheme    = errors.New("redirects to what is no web address")
	errSlow      = errors.New("did not answer in time")
)

// get fetches a document, following redirects by the rules. It holds the
// host of each hop while it talks to it.
func (f *Fetcher) get(ctx context.Context, r request) (*answer, error) {
	f.setUp()
	at, err := url.Parse(r.address)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("%q is not a web address", r.address)
	}
	through := f.strict
	if origin, err := url.Parse(r.origin); err == nil && authority(origin) == authority(at) {
		through = f.open
	}
	ctx, p := f.patient(ctx)
	defer p.cancel()
	if r.validated == "" {
		r.validated = at.String()
	}
	moved, permanent := "", true
	for hop := 0; ; hop++ {
		a, next, err := f.hop(ctx, through, at, r, p)
		if err != nil {
			return nil, p.said(err)
		}
		if next == nil {
			a.moved, a.led = moved, hop > 0
			return a, nil
		}
		if err := f.mayFollow(ctx, hop, at, next, r); err != nil {
			return nil, err
		}
		if authority(next) != authority(at) {
			through = f.strict // what one host says of another is no permission
		}
		// RFC 9110 sections 15.4.2 and 15.4.9: only these two are for ever.
		permanent = permanent && (a.status == http.StatusMovedPermanently || a.status == http.StatusPermanentRedirect)
		if permanent {
			moved = next.String()
		}
		at = next
	}
}

// mayFollow says why a redirect is not followed; nil: it may be.
func (f *Fetcher) mayFollow(ctx context.Context, hop int, at, next *url.URL, r request) error {
	switch {
	case hop == maxRedirects:
		return errRedirects
	case next.Scheme != "http" && next.Scheme != "https" || next.Host == "":
		return errScheme
	case at.Scheme == "https" && next.Scheme == "http":
		return errDowngrade
	case r.obey:
		return f.allowed(ctx, next.String(), r.origin)
	}
	return nil
}

// authority is a URL's host and port, spelled in one way.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// server is what a pause, a turn and a Retry-After are about. A site's http and
// https are one server; other ports may well be other people's.
func server(u *url.URL) string {
	at := authority(u)
	if host, port, err := net.SplitHostPort(at); err == nil && (port == "80" || port == "443") {
		return host
	}
	return at
}

// hop makes one request. next is where it redirects to, nil: nowhere. The
// host's turn comes before a place, so that who waits for a host keeps nobody
// from others.
func (f *Fetcher) hop(ctx context.Context, through http.RoundTripper, at *url.URL, r request, p *patience) (a *answer, next *url.URL, err error) {
	key := server(at)
	h := f.host(key)
	l, err := f.enter(ctx, key, h, r.paced)
	if err != nil {
		return nil, nil, err
	}
	defer f.leave(key, h)
	defer p.endWith(l)()
	release, err := f.places.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.run()
	defer p.rest()
	defer func() {
		if a == nil || next != nil {
			release()
		}
	}()
	resp, err := f.send(ctx, through, at, r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if until := retryAfter(resp, f.now()); !until.IsZero() {
		f.hold(key, until)
	}
	if location := resp.Header.Get("Location"); location != "" && redirects(resp.StatusCode) {
		next, err = at.Parse(location)
		if err != nil {
			return nil, nil, errScheme
		}
		next.Fragment = ""
		return &answer{status: resp.StatusCode}, next, nil
	}
	a = &answer{status: resp.StatusCode, header: resp.Header, address: at.String(), release: release, asked: r.conditional(at)}
	if resp.StatusCode != http.StatusOK {
		return a, nil, nil
	}
	a.release, err = f.read(ctx, resp, r.max, a, p)
	if err != nil {
		release = a.release
		return nil, nil, fmt.Errorf("read %s: %w", at.Host, err)
	}
	return a, nil, nil
}

// send sends the request of a hop.
func (f *Fetcher) send(ctx context.Context, through http.RoundTripper, at *url.URL, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", at.Host, err)
	}
	req.URL.User = nil
	f.introduce(req, r, r.conditional(at))
	resp, err := through.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", at.Host, err)
	}
	return resp, nil
}

// conditional says whether an address gets the validators. They were said of
// one resource, RFC 9110 section 8.8: behind a redirect that leads elsewhere
// today, the same ETag or a later date would make another one's news unchanged.
func (r request) conditional(at *url.URL) bool {
	return (r.etag != "" || r.lastModified != "") && r.validated == at.String()
}

// introduce sets the request's headers. The validators go back byte for byte
// as they came, RFC 9110 section 13.1.
func (f *Fetcher) introduce(req *http.Request, r request, conditional bool) {
	agent := f.UserAgent
	if agent == "" {
		agent = UserAgent("", "")
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", r.accept)
	if conditional && r.etag != "" {
		req.Header.Set("If-None-Match", r.etag)
	}
	if conditional && r.lastModified != "" {
		req.Header.Set("If-Modified-Since", r.lastModified)
	}
}

// redirects tells the statuses that lead elsewhere. 300 and 305 are left out:
// no feed uses the one, and nobody should obey the other.
func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

const (
	acceptFeed = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.5"
	acceptPage = "text/html, application/xhtml+xml;q=0.9, text/plain;q=0.8, */*;q=0.5"
)

// document gets a document and reads it. Without an answer the error is the
// network's; with one it is about what came. What is not 200 is not read. Its
// bytes are let go before it returns.
func (f *Fetcher) document(ctx context.Context, r request, input string, o Options) (*answer, Extraction, error) {
	a, err := f.get(ctx, r)
	if err != nil {
		return nil, Extraction{Input: input}, err
	}
	defer func() {
		a.body = nil
		a.release()
	}()
	if a.status != http.StatusOK {
		return a, Extraction{Input: input}, nil
	}
	read, err := f.places.read(ctx)
	if err != nil {
		return nil, Extraction{Input: input}, err
	}
	defer read()
	o.Address, o.ContentType, o.Now = a.address, a.header.Get("Content-Type"), f.now()
	e, err := Extract(input, a.body, o)
	switch {
	case a.broken && err == nil:
		e.Warnings = append(e.Warnings, "the connection broke off; only the beginning of the document was read")
	case a.cut && err == nil:
		e.Warnings = append(e.Warnings, tooLong(r.max)+"; the rest was not read")
	case a.cut && !a.broken:
		err = fmt.Errorf("%w; %s, and no more is read", err, tooLong(r.max))
	}
	return a, e, err
}

// Extract fetches one address and reads it, as "courant extract URL" does.
// robots.txt is obeyed unless the address looks like a feed's.
func (f *Fetcher) Extract(ctx context.Context, address string, o Options) (Extraction, error) {
	defer f.attend()()
	r := request{address: address, origin: address, max: maxFeedBytes, accept: acceptFeed}
	if !looksLikeFeed(address) {
		if err := f.allowed(ctx, address, address); err != nil {
			return Extraction{Input: address}, fmt.Errorf("%s: %w", address, plainError(err))
		}
		r.max, r.accept, r.obey = maxPageBytes, acceptPage, true
	}
	a, e, err := f.document(ctx, r, address, o)
	switch {
	case a == nil:
		return e, fmt.Errorf("%s: %w", address, plainError(err))
	case a.status != http.StatusOK:
		return e, fmt.Errorf("%s %s", address, answered(a.status))
	}
	return e, err
}

// tooLong names the cap that a document hit.
func tooLong(most int64) string {
	return fmt.Sprintf("the document has more than %d MB when it is unpacked", most>>20)
}

// looksLikeFeed judges an address by its spelling, for want of anything else
// before the request.
func looksLikeFeed(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	path := strings.ToLower(u.Path)
	for _, mark := range []string{".xml", ".rss", ".rdf", ".atom", ".json", "/feed", "/rss", "/atom"} {
		if strings.HasSuffix(strings.TrimSuffix(path, "/"), mark) {
			return true
		}
	}
	return strings.Contains(u.RawQuery, "feed=")
}
