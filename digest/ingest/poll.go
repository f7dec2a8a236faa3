package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"courant/digest"
)

// Status says how a poll ended.
type Status string

// The ends of a poll.
const (
	StatusRead      Status = "read"      // a new document came and was read
	StatusUnchanged Status = "unchanged" // 304: nothing new, which is success
	StatusHeld      Status = "held"      // the server asked to be left alone; nothing was sent
	StatusGone      Status = "gone"      // 410: never asked again
	StatusFailed    Status = "failed"
)

// Result is what one poll of one source came to.
type Result struct {
	Source   string
	Status   Status
	Local    bool // a folder was looked at, as it is each minute
	Files    int  // in it that can be articles
	Articles int  // in the document, or in what is new in a folder
	Added    int  // new to Courant
	Warnings []string
	Err      error     // for StatusFailed, StatusGone and StatusHeld: one sentence that names the source
	Next     time.Time // when it is asked again by Courant's own schedule; zero: never

	rulings rulings
}

// poll asks one source once. It returns the source's new state and the
// articles to be kept; nothing is stored yet. Where the server asked to be
// left alone or said that it is gone, it is not asked.
func (in *Ingest) poll(ctx context.Context, state digest.SourceState) (digest.SourceState, []digest.Article, Result) {
	if state.Source.Kind == digest.SourceFolder {
		return in.pollFolder(ctx, state)
	}
	now := in.Fetcher.now()
	state.Source = in.configured(state.Source)
	result := Result{Source: state.Source.Name}
	if state.Gone {
		result.Status, result.Err = StatusGone, fmt.Errorf("source %s: its server said that it is gone for good; take it out of the config", state.Source.Name)
		return state, nil, result
	}
	var e Extraction
	var a *answer
	var held *heldError
	var err error
	if now.Before(state.NotBefore) {
		err = &heldError{state.NotBefore}
	} else {
		e, a, err = in.ask(ctx, state)
	}
	if errors.As(err, &held) {
		state.NotBefore, state.NextPoll = held.until, held.until
		result.Status, result.Next = StatusHeld, held.until
		result.Err = fmt.Errorf("source %s: its server %w; Courant waits until then", state.Source.Name, held)
		return state, nil, result
	}
	state = settleState(state, a, e.ttl, err, now)
	result.Next, result.Warnings = state.NextPoll, e.Warnings
	result.rulings = rulings{rule: state.Source.Points, unruled: e.unruled}
	switch {
	case err != nil:
		result.Status, result.Err = StatusFailed, fmt.Errorf("source %s: %w", state.Source.Name, err)
		if state.Gone {
			result.Status = StatusGone
		}
		state.Error = err.Error()
	case a.status == http.StatusNotModified:
		result.Status = StatusUnchanged
	default:
		result.Status, result.Articles = StatusRead, len(e.Articles)
		return state, in.claim(state, e.Articles, now), result
	}
	return state, nil, result
}

// settleState is a source's state after an answer (nil: none came).
func settleState(state digest.SourceState, a *answer, ttl time.Duration, err error, now time.Time) digest.SourceState {
	state.LastPoll = now
	if a != nil && a.header != nil {
		if until := retryAfter(&http.Response{StatusCode: a.status, Header: a.header}, now); !until.IsZero() {
			state.NotBefore = until
		}
	}
	if err != nil {
		state.Failures++
		gone := a != nil && a.status == http.StatusGone
		// RFC 9110 section 15.5.11 ends the resource that was asked for, and
		// nothing that led there: a redirect may lead elsewhere tomorrow.
		state.Gone = gone && !a.led && state.Address == ""
		state.NextPoll = now.Add(spread(backOff(state.Failures), state.Source.Name, now))
		if state.NotBefore.After(state.NextPoll) {
			state.NextPoll = state.NotBefore
		}
		if state.Gone {
			state.NextPoll = time.Time{}
		}
		if (gone || state.Failures >= lostAfter) && state.Address != "" {
			// What was permanent has come to an end: back to what the editor wrote.
			state.Address, state.MovedTo, state.ETag, state.LastModified, state.Validated = "", "", "", "", ""
		}
		return state
	}
	state.Failures, state.Error, state.NotBefore = 0, "", time.Time{}
	if a.status == http.StatusOK {
		state.TTL, state.ETag, state.LastModified, state.Validated = ttl, "", "", ""
	}
	state.NextPoll = now.Add(spread(interval(a.header, state.TTL), state.Source.Name, now))
	// RFC 9110 section 15.4.5: a 304 may bring new ones. Half a document has
	// none, or the other half would never be read.
	if !a.broken {
		state.ETag = first(validator(a.header.Get("ETag")), state.ETag)
		state.LastModified = first(validator(a.header.Get("Last-Modified")), state.LastModified)
		if state.Validated = ""; state.ETag != "" || state.LastModified != "" {
			state.Validated = a.address
		}
	}
	switch {
	case a.moved == "":
		state.MovedTo = ""
	case a.moved == state.MovedTo:
		// Seen twice: one mistake of a server's operator moves nobody.
		state.Address, state.MovedTo = a.moved, ""
	default:
		state.MovedTo = a.moved
	}
	return state
}

// lostAfter is after how many failures in a row an address that a permanent
// redirect led to is given up.
const lostAfter = 3

// validator is one that can be sent back exactly as it came: RFC 9110 section
// 5.5 allows no control characters, and the rows hold nothing but UTF-8. One
// that can't be is forgotten, which costs a document and never an article.
func validator(s string) string {
	odd := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError }
	if len(s) > 4096 || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}

// address is where a source is asked.
func address(state digest.SourceState) string {
	return first(state.Address, state.Source.URL)
}

// ask fetches and reads a source. The error is a sentence without the
// source's name.
func (in *Ingest) ask(ctx context.Context, state digest.SourceState) (Extraction, *answer, error) {
	f, at := in.Fetcher, address(state)
	// Even where a permanent redirect led elsewhere, private networks are open
	// to what the editor wrote alone: names change where they lead.
	r := request{
		address: at, origin: state.Source.URL, max: maxFeedBytes, accept: acceptFeed,
		etag: state.ETag, lastModified: state.LastModified, validated: state.Validated,
	}
	if state.Source.Kind == digest.SourcePage {
		r.max, r.accept, r.obey = maxPageBytes, acceptPage, true
		if err := f.allowed(ctx, at, r.origin); err != nil {
			return Extraction{}, nil, fmt.Errorf("%s: %w", at, plainError(err))
		}
	}
	a, e, err := f.document(ctx, r, at, Options{Rule: state.Source.Points})
	switch {
	case a == nil:
		return Extraction{}, nil, fmt.Errorf("%s: %w", at, plainError(err))
	case a.status == http.StatusNotModified && !a.asked:
		return Extraction{}, a, fmt.Errorf("%s answered 304 Not Modified although nothing was known of it; check the address in a browser", at)
	case a.status == http.StatusNotModified:
		return Extraction{}, a, nil
	case a.status == http.StatusGone && (a.led || at != state.Source.URL):
		return Extraction{}, a, fmt.Errorf("%s led to %s, which is gone for good (410); Courant tries again later: give the address it should lead to", state.Source.URL, first(a.address, at))
	case a.status != http.StatusOK:
		return Extraction{}, a, fmt.Errorf("%s %s", at, answered(a.status))
	case err != nil:
		return e, a, err
	}
	if state.Source.Kind == digest.SourcePage && e.Kind == KindFeed {
		e.Warnings = append(e.Warnings, at+" is a feed; write feed: instead of page: in the config")
	}
	if state.Source.Kind == digest.SourceFeed && e.Kind != KindFeed {
		return in.discover(ctx, state, e, a)
	}
	return e, a, nil
}

// discover follows a page to the feed it names, where an editor gave the
// page's address for the feed's.
func (in *Ingest) discover(ctx context.Context, state digest.SourceState, e Extraction, a *answer) (Extraction, *answer, error) {
	at := address(state)
	links := feedLinks(e.page, e.address)
	if len(links) == 0 {
		return Extraction{}, a, fmt.Errorf("%s is a page and names no feed; give the feed's address, or list it as a page instead", at)
	}
	var failed error
	var last *answer
	for _, link := range links[:min(len(links), maxFeedsTried)] {
		found, b, err := in.feedOf(ctx, state, link)
		if err == nil {
			found.Warnings = append(found.Warnings, fmt.Sprintf("%s is a page; its feed %s was read instead: put that address into the config", at, link))
			return found, b, nil
		}
		if failed == nil {
			failed, last = fmt.Errorf("%s is a page, and %w", at, err), b
		}
		var held *heldError
		if errors.As(err, &held) || ctx.Err() != nil {
			break // the same server would be asked again
		}
	}
	return Extraction{}, last, failed
}

// maxFeedsTried is how many of the feeds that a page names are asked for.
const maxFeedsTried = 3

// feedOf reads one feed that a page names. The error goes on a sentence about
// the page.
func (in *Ingest) feedOf(ctx context.Context, state digest.SourceState, link string) (Extraction, *answer, error) {
	b, found, err := in.Fetcher.document(ctx, request{address: link, origin: state.Source.URL, max: maxFeedBytes, accept: acceptFeed}, link, Options{Rule: state.Source.Points})
	if b == nil {
		return Extraction{}, nil, fmt.Errorf("its feed %s: %w", link, plainError(err))
	}
	// The validators are the feed's, and the next poll asks the page again:
	// it must not send them there.
	b.led, b.moved = true, ""
	b.header.Del("ETag")
	b.header.Del("Last-Modified")
	switch {
	case b.status == http.StatusGone:
		return Extraction{}, b, fmt.Errorf("its feed %s is gone for good (410); give another address, or list it as a page instead", link)
	case b.status != http.StatusOK:
		return Extraction{}, b, fmt.Errorf("its feed %s %s", link, answered(b.status))
	case err != nil || found.Kind != KindFeed:
		return Extraction{}, b, fmt.Errorf("%s, which it names as its feed, is none; give the feed's address", link)
	}
	return found, b, nil
}

// claim makes a document's articles the source's own: its name, and when they
// count as first seen. An item that says nothing is left out.
//
// On the first poll that ever succeeded, what was published in the past
// counts from then, so that a new source doesn't flood the next edition with
// what is old; afterwards everything new counts from now, because publishers'
// dates can't be trusted to say what is new.
func (in *Ingest) claim(state digest.SourceState, articles []digest.Article, now time.Time) []digest.Article {
	kept := articles[:0:0]
	for _, a := range articles {
		if !usable(a) {
			continue
		}
		a.Source = state.Source.Name
		// Publishers put the newest first: the order of the document decides
		// between articles that were first seen by the same poll.
		a.FirstSeen = now.Add(-time.Duration(len(kept)) * time.Microsecond)
		if state.LastSuccess.IsZero() && !a.Published.IsZero() && a.Published.Before(now) {
			a.FirstSeen = a.Published
		}
		kept = append(kept, a)
	}
	return kept
}

// answered is an answer's status as a sentence's end, with the next step.
func answered(status int) string {
	s := fmt.Sprintf("answered %d %s; ", status, http.StatusText(status))
	switch {
	case status == http.StatusGone:
		return s + "it is gone for good: take it out of the config"
	case status == http.StatusNotFound:
		return s + "check the address"
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		return s + "its server does not want to be read by Courant: ask the publisher"
	case status == http.StatusTooManyRequests || status >= 500:
		return s + "Courant tries again later"
	}
	return s + "check the address in a browser"
}

// plainError says a network's error so that an editor knows what to do.
func plainError(err error) error {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	var held *heldError
	var op *net.OpError
	switch {
	case errors.As(err, &held):
		return held
	case errors.Is(err, errTurn):
		return err
	case errors.Is(err, errSlow):
		return fmt.Errorf("%w; Courant tries again later", errSlow)
	case errors.Is(err, errCoding):
		return fmt.Errorf("%w; tell the publisher", rootOf(err, errCoding))
	case errors.Is(err, errPrivate):
		var r *inward
		if !errors.As(err, &r) {
			r = &inward{}
		}
		return fmt.Errorf("%w; %s", rootOf(err, errPrivate), r.next())
	case errors.Is(err, errRobots):
		return fmt.Errorf("%w; ask the publisher, or use their feed", errRobots)
	case errors.Is(err, errRedirects), errors.Is(err, errDowngrade), errors.Is(err, errScheme):
		return fmt.Errorf("%w; give the address it should lead to", err)
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("there is no host %s; check the address", name.Name)
	case errors.As(err, &certificate):
		return fmt.Errorf("its certificate is not valid (%w); tell the publisher", certificate.Err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("did not answer in time; Courant tries again later")
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("cannot be reached (%w); Courant tries again later", op.Err)
	}
	var bad *url.Error
	if errors.As(err, &bad) {
		err = bad.Err
	}
	return fmt.Errorf("%w; Courant tries again later", err)
}

// rootOf unwraps an error to the one that wraps target directly, which names
// the address.
func rootOf(err, target error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || inner == target {
			return err
		}
		err = inner
	}
}
