package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"courant/digest"
	"courant/templates"
)

// ArchiveStore is what the archive needs of the rows.
type ArchiveStore interface {
	// ArchivedEditions lists editions of a digest, the newest first: at most n,
	// with at most leads stories each, and only those with a number below before,
	// if it is not zero.
	ArchivedEditions(ctx context.Context, name string, before, n, leads int) ([]digest.Archived, error)
	// ArchivedEdition is an edition by the digest's own choice, what became known
	// of it since, and when that changed last; digest.ErrNotFound where the
	// archive has none of the number.
	ArchivedEdition(ctx context.Context, name string, number int) (digest.Edition, digest.Variant, []digest.Remark, time.Time, error)
}

// Publication is a digest as the public pages know it.
type Publication struct {
	digest.Digest
	Cadence digest.Cadence // when it comes, as far as that can be said
}

// How much the archive shows at once, and for how long others may keep it.
// What an edition tells is frozen, but a correction must not take long to show.
const (
	editionsPerPage = 30
	editionsInFeed  = 30
	leadsShown      = 3
	storiesInFeed   = 100
	keepLists       = time.Minute
	keepEditions    = 10 * time.Minute
)

type homePage struct {
	frame
	Digests []offer
}

// offer is a digest on the home page.
type offer struct {
	ID, List, Title, When, SignUp string
	About                         template.HTML
	Latest                        *listedEdition
}

type archivePage struct {
	frame
	Digest, When, SignUp string
	About                template.HTML
	Months               []month
	Older, Newest        string
}

// month is the editions of one month.
type month struct {
	ID, Name string
	Editions []listedEdition
}

// listedEdition is an edition in a list, called by its first story.
type listedEdition struct {
	Path, Lead, Language string
	Others               []headline
	Day, Number, More    string
}

type headline struct{ Title, Language string }

// keepable sends what names no reader, and may be kept by anyone for a while.
// Conditional and partial requests are answered as RFC 9110 sections 13 and 14
// have it.
func keepable(w http.ResponseWriter, r *http.Request, mediaType string, body []byte, changed time.Time, keep time.Duration) {
	sum := sha256.Sum256(body)
	set := w.Header().Set
	set("Content-Type", mediaType)
	set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	set("Cache-Control", "public, max-age="+strconv.Itoa(int(keep.Seconds())))
	http.ServeContent(w, r, "", changed, bytes.NewReader(body))
}

// showPublic is show for pages that are the same for everyone.
func (h *handler) showPublic(w http.ResponseWriter, r *http.Request, name string, data any) {
	var b bytes.Buffer
	if err := h.pages[name].Execute(&b, data); err != nil {
		h.Log.Error("page not rendered", "page", name, "error", err)
		plain(w, http.StatusInternalServerError, "Something went wrong on our side. Please try again later.\n")
		return
	}
	keepable(w, r, "text/html; charset=utf-8", b.Bytes(), time.Time{}, keepLists)
}

// mayIndex lets search engines keep an answer.
func mayIndex(w http.ResponseWriter) { w.Header().Del("X-Robots-Tag") }

// lost is the page for addresses that lead nowhere, with ways to what there is:
// the archive of a digest, and the home page.
func (h *handler) lost(w http.ResponseWriter, r *http.Request, key string, d digest.Digest) {
	t := h.language(r, d.Language)
	p := noticePage{frame: h.frame(t, t.Plain(key+".title")), Message: t.HTML(key+".text", "digest", d.Title), Digest: d.Title}
	if d.Name != "" {
		p.List = h.base + digest.ArchivePath(d.Name)
	}
	if slices.ContainsFunc(h.Digests, h.offered) {
		p.Home = h.base + "/"
	}
	h.show(w, http.StatusNotFound, "notice", p)
}

// offered says whether strangers may know of a digest.
func (h *handler) offered(p Publication) bool {
	return h.Archive != nil && p.Archive.Open() || h.signUp(p.Name) != ""
}

// signUp is the path of the page that signs readers up; empty: there is none.
func (h *handler) signUp(name string) string {
	if h.SignUp == nil {
		return ""
	}
	path := h.SignUp(name)
	if path == "" {
		return ""
	}
	return h.base + path
}

// archived finds the digest of an address among those in the archive. Of one
// that is kept out a stranger learns as little as of one that never was.
func (h *handler) archived(w http.ResponseWriter, r *http.Request) (Publication, bool) {
	i := slices.IndexFunc(h.Digests, func(p Publication) bool { return p.Name == r.PathValue("digest") && p.Archive.Open() })
	if i < 0 || h.Archive == nil {
		h.lost(w, r, "notice.digest", digest.Digest{})
		return Publication{}, false
	}
	if h.Digests[i].Archive == digest.ArchiveIndex {
		mayIndex(w)
	}
	return h.Digests[i], true
}

// home lists the digests.
func (h *handler) home(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	t := h.language(r, "")
	p := homePage{frame: h.frame(t, t.Plain("home.title"))}
	p.Canonical = h.URL + "/"
	for i, d := range h.Digests {
		if !h.offered(d) {
			continue
		}
		o := offer{ID: "d" + strconv.Itoa(i+1), Title: d.Title, About: about(t, d), When: when(t, d.Cadence), SignUp: h.signUp(d.Name)}
		if d.Archive.Open() && h.Archive != nil {
			o.List = h.base + digest.ArchivePath(d.Name)
			latest, err := h.Archive.ArchivedEditions(ctx, d.Name, 0, 1, leadsShown)
			if err != nil {
				h.away(w, r, fmt.Errorf("list the latest editions: %w", err))
				return
			}
			for _, a := range latest {
				o.Latest = h.listed(t, a)
			}
		}
		p.Index = p.Index || d.Archive == digest.ArchiveIndex
		p.Digests = append(p.Digests, o)
	}
	if p.Index {
		mayIndex(w)
	}
	w.Header().Set("Vary", "Accept-Language") // RFC 9110 section 12.5.5
	h.showPublic(w, r, "home", p)
}

// about is what a digest is, in the editor's words or by its categories.
func about(t templates.PageTexts, d Publication) template.HTML {
	if d.About != "" {
		return template.HTML(`<span dir="auto">` + template.HTMLEscapeString(d.About) + `</span>`) // escaped just here
	}
	return t.HTML("home.about", "categories", t.List(d.Categories))
}

// when says when a digest comes; empty where that is too irregular to say.
func when(t templates.PageTexts, c digest.Cadence) string {
	days, err := t.Days(c.Weekdays)
	if err != nil || days == "" {
		return ""
	}
	place := t.City(c.Zone)
	if c.Zone == digest.ZoneReader {
		if place, err = t.Say("mail.your_time"); err != nil {
			return ""
		}
	}
	words, err := t.Say("page.home.when", "days", days, "time", t.FormatClock(c.Hour, c.Minute), "place", place, "n", c.Hour)
	if err != nil {
		return ""
	}
	return words
}

// listed is an edition in words.
func (h *handler) listed(t templates.PageTexts, a digest.Archived) *listedEdition {
	e := listedEdition{
		Path: h.base + digest.EditionPath(a.Digest, a.Number), Lead: a.Title, Language: a.Language,
		Day: t.FormatDate(dayOf(a.Day)), Number: t.Plain("archive.number", "n", strconv.Itoa(a.Number)),
	}
	for i, s := range a.Leads {
		title := headline{digest.PlainLine(s.Title, maxHeadline), s.Language}
		if i == 0 && title.Title != "" {
			e.Lead, e.Language = title.Title, title.Language
		} else if title.Title != "" {
			e.Others = append(e.Others, title)
		}
	}
	if more := a.Stories - len(a.Leads); more > 0 {
		if words, err := t.Say("page.archive.more", "n", more); err == nil {
			e.More = words
		}
	}
	return &e
}

// maxHeadline is how many bytes of a headline a list shows.
const maxHeadline = 300

func dayOf(d digest.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }

// archive lists the editions of a digest by month, page by page. A page begins
// below a number, so that it stays what it is when editions come out.
func (h *handler) archive(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	d, ok := h.archived(w, r)
	if !ok {
		return
	}
	before := 0
	if s := r.URL.Query().Get("before"); s != "" {
		if before, _, ok = digest.ParseEditionName(s); !ok {
			h.lost(w, r, "notice.missing", d.Digest)
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	list, err := h.Archive.ArchivedEditions(ctx, d.Name, before, editionsPerPage+1, leadsShown)
	if err != nil {
		h.away(w, r, fmt.Errorf("list the archive: %w", err))
		return
	}
	t := h.ownLanguage(d)
	path := h.base + digest.ArchivePath(d.Name)
	p := archivePage{frame: h.frame(t, t.Plain("archive.title", "digest", d.Title)), Digest: d.Title, About: about(t, d), When: when(t, d.Cadence), SignUp: h.signUp(d.Name)}
	p.Index, p.Home = d.Archive == digest.ArchiveIndex, h.base+"/"
	p.Feed, p.FeedTitle = h.base+digest.FeedPath(d.Name), t.Plain("archive.feed", "digest", d.Title)
	p.Canonical = h.URL + digest.ArchivePath(d.Name)
	if before > 0 {
		p.Newest = path
		p.Canonical += "?before=" + strconv.Itoa(before)
	}
	if len(list) > editionsPerPage {
		list = list[:editionsPerPage]
		p.Older = path + "?before=" + strconv.Itoa(list[len(list)-1].Number)
	}
	p.Months = h.months(t, list)
	h.showPublic(w, r, "archive", p)
}

// ownLanguage is the digest's: its pages are the same for everyone.
func (h *handler) ownLanguage(d Publication) templates.PageTexts {
	return templates.PageTexts{Language: h.texts.Match(d.Language, h.Language)}
}

func (h *handler) months(t templates.PageTexts, list []digest.Archived) (months []month) {
	for _, a := range list {
		id := fmt.Sprintf("m%04d-%02d", a.Day.Year, a.Day.Month)
		// Editions that were sent out of turn may go back and forth between months.
		i := slices.IndexFunc(months, func(m month) bool { return m.ID == id })
		if i < 0 {
			name := t.Plain("archive.month", "month", t.Months[a.Day.Month-1], "year", strconv.Itoa(a.Day.Year))
			months, i = append(months, month{ID: id, Name: name}), len(months)
		}
		months[i].Editions = append(months[i].Editions, *h.listed(t, a))
	}
	return months
}

// edition shows one edition, as HTML or as text.
func (h *handler) edition(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	d, ok := h.archived(w, r)
	if !ok {
		return
	}
	number, text, ok := digest.ParseEditionName(r.PathValue("edition"))
	if !ok {
		h.lost(w, r, "notice.number", d.Digest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	e, v, since, changed, err := h.Archive.ArchivedEdition(ctx, d.Name, number)
	if errors.Is(err, digest.ErrNotFound) {
		h.lost(w, r, "notice.number", d.Digest)
		return
	}
	var body []byte
	if err == nil {
		body, err = h.Edition(e, v, since, text)
	}
	if err != nil {
		h.away(w, r, fmt.Errorf("show an edition: %w", err))
		return
	}
	if text {
		keepable(w, r, "text/plain; charset=utf-8", body, changed, keepEditions)
		return
	}
	w.Header().Set("Content-Security-Policy", h.viewPolicy)
	keepable(w, r, "text/html; charset=utf-8", body, changed, keepEditions)
}
