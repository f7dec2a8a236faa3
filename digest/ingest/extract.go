package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// Kind says what an input turned out to be.
type Kind string

// The kinds of input.
const (
	KindPage Kind = "page" // HTML, one article
	KindText Kind = "text" // plain text, one article
	KindFeed Kind = "feed" // RSS, RDF, Atom or JSON Feed
)

// Extraction is what Courant sees in a page, a text or a feed. It marshals
// to the line that "courant extract --json" prints.
type Extraction struct {
	Input    string // the file or address, as it was given
	Kind     Kind
	Title    string // the feed's title, else the headline
	Articles []digest.Article
	Warnings []string

	// Explanations are as many as articles if Options asked for them, else none.
	Explanations []Explanation

	unruled map[string]bool // articles of which a rule's selector found no points, by identity
	page    []byte          // the page, for autodiscovery
	address *url.URL
	astray  string        // what a text says its address is, where that is none
	ttl     time.Duration // how long a feed asks to be left alone
}

// Options tell what is known of an input besides its bytes. The zero value
// is a file of unknown origin.
type Options struct {
	Address     string           // where it was fetched from in the end; empty: unknown
	ContentType string           // the header of that name; empty: unknown
	Now         time.Time        // dates after it are not believed; zero: all are
	Rule        digest.PointRule // where the source's key points stand; zero: the usual ways find them
	Explain     bool             // say how each article's points were chosen
}

var errNothing = errors.New("the file is empty")

// Extract reads a page, a text or a feed. Which of them it is, the bytes
// say. It is pure: no clock, no network. An error means that there is nothing
// to read; damage that leaves something is a warning.
func Extract(input string, data []byte, opts Options) (Extraction, error) {
	e := Extraction{Input: input}
	if opts.Now.IsZero() {
		opts.Now = time.Unix(1<<40, 0)
	}
	address, err := pageAddress(opts.Address)
	if err != nil {
		return e, err
	}
	how := reading{now: opts.Now, explaining: opts.Explain}
	if how.rule, err = newRule(opts.Rule); err != nil {
		return e, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return e, fmt.Errorf("%s: %w; check that it was saved or fetched whole", input, errNothing)
	}
	text, warning := toUTF8(data, opts.ContentType)
	if warning != "" {
		e.Warnings = append(e.Warnings, warning)
	}
	if bytes.Contains(text, []byte("\x1b[")) {
		text = colour.ReplaceAll(text, nil) // XML readers drop the first character alone
	}
	kind, ok := sniff(text, opts.ContentType)
	if !ok {
		return e, fmt.Errorf("%s is neither a page nor a text nor a feed; Courant reads HTML, plain text, RSS, Atom and JSON Feed", input)
	}
	e.Kind = kind
	if kind == KindFeed {
		return e, e.readFeed(text, address, how)
	}
	var a digest.Article
	var made choice
	var warnings []string
	if kind == KindPage {
		a, made, warnings = readPage(text, address, how)
		e.page, e.address = text, address
	} else {
		a, made, warnings = readText(text, how)
		e.astray = made.astray
	}
	e.Title, e.Warnings = a.Title, append(e.Warnings, warnings...)
	e.keep(a, made, how)
	if kind == KindPage && how.rule.picks() && !made.ruled() {
		e.Warnings = append(e.Warnings, how.rule.warning(made.pages[0].trial))
	}
	return e, nil
}

// colour is what a program wrote for a terminal (ECMA-48 section 5.4).
var colour = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]`)

// reading is how a document is read.
type reading struct {
	now        time.Time
	rule       *rule // nil: none
	explaining bool  // all reasons are recorded, not only what decides
}

// choice is how an article came by its points.
type choice struct {
	pages       []*page  // what was looked through for them, in this order
	description string   // that was to stand in for them
	fallback    fallback // what stands in for them; zero: nothing had to
	astray      string   // what a text says its address is, where that is none
}

// keep takes an article in.
func (e *Extraction) keep(a digest.Article, made choice, how reading) {
	e.Articles = append(e.Articles, a)
	if how.rule.picks() && !made.ruled() {
		if e.unruled == nil {
			e.unruled = map[string]bool{}
		}
		e.unruled[identity(a)] = true
	}
	if how.explaining {
		e.Explanations = append(e.Explanations, made.explain(a, how))
	}
}

// RuleNote says of a feed how many of its items a rule's selector picked
// nothing of: their points stand on their full pages then, or the rule is
// wrong. Empty: none, or there is no such rule.
func (e Extraction) RuleNote() string {
	if e.Kind != KindFeed || len(e.unruled) == 0 {
		return ""
	}
	return fmt.Sprintf("the rule's css picks nothing of the HTML of %d of %d items; when the source is polled, it is tried on their full pages", len(e.unruled), len(e.Articles))
}

// identity is what an article is known by within a document.
func identity(a digest.Article) string { return first(a.Canonical, a.GUID) }

// ruled says that a rule found the points.
func (c choice) ruled() bool {
	return slices.ContainsFunc(c.pages, func(p *page) bool { return p.trial != nil && len(p.trial.points) > 0 })
}

// points looks for key points: what a rule picks comes before what is found
// the usual ways, wherever it stands.
func (c choice) points() []string {
	var points []string
	for _, p := range c.pages {
		if len(points) == 0 {
			points = p.rulePoints()
		}
	}
	for _, p := range c.pages {
		if len(points) > 0 && !p.explaining {
			break
		}
		if found := p.keyPoints(); len(points) == 0 {
			points = found
		}
	}
	return points
}

// pageAddress parses what an input's address is said to be. Empty is no
// mistake: files have none.
func pageAddress(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not a web address", s)
	}
	return u, nil
}

var (
	feedRoot = regexp.MustCompile(`(?i)<(?:rss|rdf:rdf|(?:[\w-]{1,20}:)?feed|channel)[\s>]`)
	pageRoot = regexp.MustCompile(`(?i)<(?:!doctype\s+html|html|head|body)[\s>]`)
	pageTag  = regexp.MustCompile(`(?i)<(?:p|div|a\s+href|article|section|h[1-6]|ul|li|table|span|br|meta|title|script|main|figure|img\s)[\s/>=]|</(?:p|div|a|li|h[1-6]|span)>`)
	itemTag  = regexp.MustCompile(`(?i)<(?:item|entry)[\s>]`)
	jsonFeed = regexp.MustCompile(`"(?:version|items|home_page_url|feed_url)"\s*:`)
)

// sniff tells what a text is. The header decides only between a page and a
// text: feeds are served under any type, and pages where a feed should be.
func sniff(text []byte, contentType string) (Kind, bool) {
	if binary(text) {
		return "", false
	}
	const window = 64 << 10
	start := text[:min(len(text), window)]
	page := pageRoot.FindIndex(start)
	beforePage := start
	if page != nil {
		beforePage = start[:page[0]]
	}
	switch {
	case feedRoot.Match(beforePage):
		return KindFeed, true
	case bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")) && jsonFeed.Match(start):
		return KindFeed, true
	case page != nil:
		return KindPage, true
	case itemTag.Match(start) && bytes.Contains(start, []byte("<title")):
		return KindFeed, true
	}
	media, _, _ := mime.ParseMediaType(contentType)
	switch {
	case media == "text/plain":
		return KindText, true
	case strings.Contains(media, "html") || len(pageTag.FindAllIndex(start, 2)) == 2:
		return KindPage, true
	}
	return KindText, true
}

// binary tells images, archives and the like by their control characters.
func binary(text []byte) bool {
	start := text[:min(len(text), 4096)]
	control := 0
	for _, c := range start {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			control++
		}
	}
	return control*50 > len(start) || bytes.HasPrefix(start, []byte("%PDF-"))
}

type extractionJSON struct {
	Input    string        `json:"input"`
	Kind     Kind          `json:"kind"`
	Title    string        `json:"title"`
	Articles []articleJSON `json:"articles"`
	Warnings []string      `json:"warnings"`
}

type articleJSON struct {
	URL         string            `json:"url"`
	Title       string            `json:"title"`
	Category    string            `json:"category"`
	Categories  []string          `json:"categories"`
	Points      []string          `json:"points"`
	PointsFrom  digest.PointsFrom `json:"points_from"`
	Site        string            `json:"site"`
	Attribution string            `json:"attribution"`
	Author      string            `json:"author"`
	Published   string            `json:"published"`
	Language    string            `json:"language"`
	Image       string            `json:"image"`
	Explain     *explanationJSON  `json:"explain,omitempty"`
}

// MarshalJSON writes the form that design.md section 6 fixes: lists are
// never null, what is unknown is an empty string.
func (e Extraction) MarshalJSON() ([]byte, error) {
	out := extractionJSON{Input: e.Input, Kind: e.Kind, Title: e.Title, Articles: []articleJSON{}, Warnings: append([]string{}, e.Warnings...)}
	for i, a := range e.Articles {
		published := ""
		if !a.Published.IsZero() {
			published = a.Published.UTC().Format(time.RFC3339)
		}
		out.Articles = append(out.Articles, articleJSON{URL: a.URL, Title: a.Title, Category: a.Category,
			Categories: append([]string{}, a.AllCategories()...), Points: append([]string{}, a.Points...),
			PointsFrom: a.PointsFrom, Site: a.Site, Attribution: a.Attribution, Author: a.Author, Published: published, Language: a.Language, Image: a.Image.URL})
		if i < len(e.Explanations) {
			out.Articles[i].Explain = e.Explanations[i].json()
		}
	}
	return json.Marshal(out)
}
