package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// PushStore is what the way in for articles needs of the rows.
type PushStore interface {
	// Push keeps the articles, all or none, and says what became of each, in
	// their order.
	Push(ctx context.Context, p digest.Push) ([]digest.Pushed, error)
	// Withdraw takes the source's article at an address out of what editions
	// choose from; digest.ErrNotFound where the source has none there.
	Withdraw(ctx context.Context, source, address string, at time.Time) (digest.Withdrawal, error)
	// ListArticles lists what a sieve lets through, the newest first.
	ListArticles(ctx context.Context, sieve digest.ArticleSieve) ([]digest.ListedArticle, error)
}

// PushToken lets a publisher's system in, and says whose articles it sends.
type PushToken struct {
	Source digest.Source
	Sum    [sha256.Size]byte // of the token: what is compared has one length
}

// Push is the way in for articles that publishers' own systems send.
type Push struct {
	Tokens []PushToken
	// Read reads the articles of a body. Its error is about the JSON, the faults
	// are about what it says.
	Read           func(body []byte) ([]digest.Article, []digest.ArticleFault, error)
	Store          PushStore
	Now            func() time.Time // nil: time.Now
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For is believed
	Counted        func(created int)
}

// The limits of a push.
const (
	MostPushed   = 500     // articles in one request
	MostPushBody = 5 << 20 // bytes
	maxBadPushes = 20      // tokens that are wrong, of one network in a minute
	pushTimeout  = 20 * time.Second
	mostListed   = 500
)

// pushing is a Push at work.
type pushing struct {
	Push
	log    *slog.Logger
	origin http.CrossOriginProtection
	bad    *limiter
}

func newPushing(p Push, log *slog.Logger) *pushing {
	if p.Now == nil {
		p.Now = time.Now
	}
	return &pushing{Push: p, log: log, bad: &limiter{max: maxBadPushes, window: time.Minute}}
}

// problem is an error for programs, RFC 9457. Errors names each fault by a
// JSON Pointer, as its section 3 does.
type problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Errors []problemFault `json:"errors,omitempty"`
}

type problemFault struct {
	Pointer string `json:"pointer"`
	Line    int    `json:"line,omitempty"`
	Detail  string `json:"detail"`
}

// refuse answers with a problem. about:blank says that the status tells its
// kind, RFC 9457 section 4.2.1.
func refuse(w http.ResponseWriter, status int, detail string, faults ...problemFault) {
	body, err := json.Marshal(problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Errors: faults})
	if err != nil {
		body = []byte("{}") // texts and numbers always marshal
	}
	write(w, status, "application/problem+json", append(body, '\n'))
}

// tell writes what a program asked for.
func tell(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the answer could not be written")
		return
	}
	write(w, status, "application/json", append(text, '\n'))
}

// articles answers at /api/articles: the holder of a token, for its source.
func (p *pushing) articles(w http.ResponseWriter, r *http.Request) {
	// No browser has business here: what it sends by itself carries no token, and
	// a page that knows one must not use it for others.
	if err := p.origin.Check(r); err != nil {
		refuse(w, http.StatusForbidden, "pages of other origins may not use this address")
		return
	}
	source, ok := p.admit(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pushTimeout)
	defer cancel()
	switch r.Method {
	case http.MethodPost:
		p.take(ctx, w, r, source)
	case http.MethodDelete:
		p.withdraw(ctx, w, r, source)
	default:
		p.list(ctx, w, r, source)
	}
}

// admit finds out whose token a request carries (RFC 6750 section 2.1). Every
// token is compared whole, so that the time tells nothing. A network that
// sent many wrong ones is not listened to for a while, be the next one right
// or wrong: an answer would tell which it is.
func (p *pushing) admit(w http.ResponseWriter, r *http.Request) (digest.Source, bool) {
	from, at := clientNetwork(r, p.TrustedProxies), p.Now()
	if wait := seconds(p.bad.wait(from, at)); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		refuse(w, http.StatusTooManyRequests, fmt.Sprintf("too many requests of this address had no valid token; wait %d seconds", wait))
		return digest.Source{}, false
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	var source digest.Source
	found := 0
	for _, t := range p.Tokens {
		if match := subtle.ConstantTimeCompare(sum[:], t.Sum[:]); match == 1 {
			source, found = t.Source, match
		}
	}
	if found == 1 && strings.EqualFold(scheme, "Bearer") {
		return source, true
	}
	if scheme != "" {
		p.bad.allow(from, at)
		p.log.Warn("a push had no valid token", "method", r.Method, "from", from.Addr().String())
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="courant"`) // RFC 6750 section 3
	refuse(w, http.StatusUnauthorized, "this needs the token of a source that is pushed, as in Authorization: Bearer TOKEN")
	return digest.Source{}, false
}

// pushedArticle is what became of one article.
type pushedArticle struct {
	URL    string            `json:"url"`
	ID     digest.ArticleID  `json:"id"`
	Status digest.PushStatus `json:"status"`
	Note   string            `json:"note,omitempty"`
}

// keptNote says why an article stays as it was, and what can be done.
const keptNote = "an edition told this story, which stays as readers had it; `courant articles correct URL TEXT` tells them of a mistake"

// take keeps the articles of a request.
func (p *pushing) take(ctx context.Context, w http.ResponseWriter, r *http.Request, source digest.Source) {
	articles, ok := p.read(w, r)
	if !ok {
		return
	}
	results, err := p.Store.Push(ctx, digest.Push{Source: source, Articles: articles, At: p.Now()})
	if err != nil {
		p.away(w, r, source, err)
		return
	}
	status, counts := http.StatusOK, map[digest.PushStatus]int{}
	told := struct {
		Source   string          `json:"source"`
		Articles []pushedArticle `json:"articles"`
	}{source.Name, make([]pushedArticle, len(results))}
	for i, x := range results {
		counts[x.Status]++
		told.Articles[i] = pushedArticle{URL: x.URL, ID: x.ID, Status: x.Status}
		switch x.Status {
		case digest.PushCreated:
			status = http.StatusCreated // RFC 9110 section 15.3.2
		case digest.PushKept:
			told.Articles[i].Note = keptNote
		}
	}
	if p.Counted != nil {
		p.Counted(counts[digest.PushCreated])
	}
	p.log.Info("articles pushed", "source", source.Name, "articles", len(results), "created", counts[digest.PushCreated],
		"updated", counts[digest.PushUpdated], "unchanged", counts[digest.PushUnchanged], "kept", counts[digest.PushKept])
	tell(w, status, told)
}

// read reads a request's articles, or says all that is wrong with them.
func (p *pushing) read(w http.ResponseWriter, r *http.Request) ([]digest.Article, bool) {
	if !isJSON(r) {
		w.Header().Set("Accept", "application/json") // RFC 9110 section 15.5.16
		refuse(w, http.StatusUnsupportedMediaType, "send JSON in UTF-8, as it is: Content-Type: application/json, without Content-Encoding")
		return nil, false
	}
	if !onlyAsked(w, r) {
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MostPushBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d MB; send the articles in several requests", MostPushBody>>20))
		return nil, false
	case err != nil:
		refuse(w, http.StatusBadRequest, "the body did not come whole")
		return nil, false
	}
	articles, faults, err := p.Read(body)
	var fault digest.ArticleFault
	switch {
	case errors.As(err, &fault):
		refuse(w, http.StatusBadRequest, fmt.Sprintf("line %d: %s", fault.Line, fault.Said))
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
	case len(faults) > 0:
		refuse(w, http.StatusUnprocessableEntity, counted(len(faults))+"; nothing was kept", pointed(faults)...)
	default:
		return articles, true
	}
	return nil, false
}

func counted(faults int) string {
	if faults == 1 {
		return "there is a fault in the articles"
	}
	return fmt.Sprintf("there are %d faults in the articles", faults)
}

// pointed are faults with JSON Pointers in the form of a fragment, RFC 6901
// section 6, as the examples of RFC 9457 have them.
func pointed(faults []digest.ArticleFault) []problemFault {
	list := make([]problemFault, len(faults))
	for i, f := range faults {
		list[i] = problemFault{Pointer: (&url.URL{Fragment: f.Pointer}).String(), Line: f.Line, Detail: f.Said}
		if f.Pointer == "" {
			list[i].Pointer = "#"
		}
	}
	return list
}

// isJSON says whether a body is what is read here. A form, which a stranger's
// page could send without being asked, is not.
func isJSON(r *http.Request) bool {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := parameters["charset"]
	coding := r.Header.Get("Content-Encoding")
	return err == nil && media == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
		(coding == "" || strings.EqualFold(coding, "identity"))
}

// onlyAsked refuses parameters that nobody reads: a slip must not look like
// success.
func onlyAsked(w http.ResponseWriter, r *http.Request, names ...string) bool {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the query cannot be read; percent-encode its values")
		return false
	}
	for name := range values {
		if !slices.Contains(names, name) {
			takes := "takes no parameters"
			if len(names) > 0 {
				takes = "takes " + strings.Join(names, ", ")
			}
			refuse(w, http.StatusBadRequest, fmt.Sprintf("%s %s, and not %q", r.Method, takes, digest.PlainLine(name, 60)))
			return false
		}
	}
	return true
}

// away says that the rows can't be reached. The log has the reason.
func (p *pushing) away(w http.ResponseWriter, r *http.Request, source digest.Source, err error) {
	p.log.Error("the desk's articles were not answered", "method", r.Method, "source", source.Name, "error", err)
	w.Header().Set("Retry-After", "10")
	refuse(w, http.StatusServiceUnavailable, "the database does not answer; nothing was kept, send the same again later")
}

// withdraw takes an article back.
func (p *pushing) withdraw(ctx context.Context, w http.ResponseWriter, r *http.Request, source digest.Source) {
	if !onlyAsked(w, r, "url") {
		return
	}
	address := r.URL.Query().Get("url")
	if _, err := digest.CanonicalURL(address); err != nil {
		refuse(w, http.StatusBadRequest, "name the article by its whole address, percent-encoded: ?url=https%3A%2F%2Fexample.com%2Fstory")
		return
	}
	x, err := p.Store.Withdraw(ctx, source.Name, address, p.Now())
	switch {
	case errors.Is(err, digest.ErrNotFound):
		refuse(w, http.StatusNotFound, "this source has no article at that address")
		return
	case err != nil:
		p.away(w, r, source, err)
		return
	}
	told := struct {
		URL    string           `json:"url"`
		ID     digest.ArticleID `json:"id"`
		Status string           `json:"status"`
		Told   bool             `json:"told"`
		Note   string           `json:"note,omitempty"`
	}{URL: x.URL, ID: x.ID, Status: "withdrawn", Told: x.Told}
	if x.Told {
		told.Note = "readers had it before; `courant articles correct URL TEXT` tells them of a mistake"
	}
	p.log.Info("article withdrawn", "source", source.Name, "article", x.ID, "told", x.Told)
	tell(w, http.StatusOK, told)
}

// listedArticle is how an article of the source stands.
type listedArticle struct {
	URL        string            `json:"url"`
	ID         digest.ArticleID  `json:"id"`
	Title      string            `json:"title"`
	Categories []string          `json:"categories"`
	Points     []string          `json:"points"`
	PointsFrom digest.PointsFrom `json:"points_from"`
	FirstSeen  time.Time         `json:"first_seen"`
	Status     string            `json:"status"`
	Editions   int               `json:"editions"`
}

// list says how the source's articles stand.
func (p *pushing) list(ctx context.Context, w http.ResponseWriter, r *http.Request, source digest.Source) {
	if !onlyAsked(w, r, "since", "limit") {
		return
	}
	sieve := digest.ArticleSieve{Source: source.Name, Limit: 100}
	query := r.URL.Query()
	if s := query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > mostListed {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("limit is a number from 1 to %d", mostListed))
			return
		}
		sieve.Limit = n
	}
	if s := query.Get("since"); s != "" {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			refuse(w, http.StatusBadRequest, "since is a time of RFC 3339, as in 2026-11-22T09:30:00Z, percent-encoded")
			return
		}
		sieve.Since = at
	}
	list, err := p.Store.ListArticles(ctx, sieve)
	if err != nil {
		p.away(w, r, source, err)
		return
	}
	tell(w, http.StatusOK, struct {
		Source   string          `json:"source"`
		Articles []listedArticle `json:"articles"`
	}{source.Name, listed(list)})
}

func listed(list []digest.ListedArticle) []listedArticle {
	out := make([]listedArticle, len(list))
	for i, a := range list {
		out[i] = listedArticle{
			URL: a.URL, ID: a.ID, Title: a.Title, Categories: append([]string{}, a.AllCategories()...), Points: append([]string{}, a.Points...),
			PointsFrom: a.PointsFrom, FirstSeen: a.FirstSeen.UTC(), Status: a.Standing(), Editions: a.Told,
		}
	}
	return out
}
