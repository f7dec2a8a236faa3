package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"courant/digest"
	"courant/templates"
)

// atomFeed is the editions of a digest, RFC 4287 section 4.1.1.
type atomFeed struct {
	XMLName   xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language  string      `xml:"xml:lang,attr"`
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Subtitle  string      `xml:"subtitle,omitempty"`
	Updated   string      `xml:"updated"`
	Author    string      `xml:"author>name"`
	Generator string      `xml:"generator"`
	Links     []atomLink  `xml:"link"`
	Entries   []atomEntry `xml:"entry"`
}

// atomEntry is an edition, section 4.1.2.
type atomEntry struct {
	ID        string     `xml:"id"`
	Title     string     `xml:"title"`
	Published string     `xml:"published"`
	Updated   string     `xml:"updated"`
	Links     []atomLink `xml:"link"`
	Content   atomHTML   `xml:"content"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

// atomHTML is escaped HTML, section 3.1.1.2.
type atomHTML struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

const (
	atomType = "application/atom+xml"
	htmlType = "text/html"
)

// feed lists the newest editions of a digest for feed readers.
func (h *handler) feed(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	d, ok := h.archived(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	list, err := h.Archive.ArchivedEditions(ctx, d.Name, 0, editionsInFeed, storiesInFeed)
	if err != nil {
		h.away(w, r, fmt.Errorf("list the feed: %w", err))
		return
	}
	f, changed := h.atom(d, list)
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(f); err != nil {
		h.away(w, r, fmt.Errorf("write the feed: %w", err))
		return
	}
	keepable(w, r, atomType+"; charset=utf-8", b.Bytes(), changed, keepLists)
}

// atom is the feed, and when anything in it changed last.
func (h *handler) atom(d Publication, list []digest.Archived) (f atomFeed, changed time.Time) {
	t := h.ownLanguage(d)
	f = atomFeed{
		Language: t.Tag, ID: h.feedID(d.Name, 0), Title: d.Title, Subtitle: d.About, Author: h.Name, Generator: "Courant",
		Links: []atomLink{
			{"self", atomType, h.URL + digest.FeedPath(d.Name)},
			{"alternate", htmlType, h.URL + digest.ArchivePath(d.Name)},
		},
	}
	for _, a := range list {
		if a.Changed.After(changed) {
			changed = a.Changed
		}
		at := h.URL + digest.EditionPath(a.Digest, a.Number)
		f.Entries = append(f.Entries, atomEntry{
			ID: h.feedID(a.Digest, a.Number), Title: t.FormatDate(dayOf(a.Day)) + ": " + h.listed(t, a).Lead,
			Published: a.Appeared.UTC().Format(time.RFC3339), Updated: a.Changed.UTC().Format(time.RFC3339),
			Links:   []atomLink{{"alternate", htmlType, at}, {"alternate", "text/plain", at + digest.ArchiveTextSuffix}},
			Content: atomHTML{"html", headlines(t, a)},
		})
	}
	// An empty feed has a date, too: section 4.1.1 wants one.
	f.Updated = time.Unix(0, 0).UTC().Format(time.RFC3339)
	if !changed.IsZero() {
		f.Updated = changed.UTC().Format(time.RFC3339)
	}
	return f, changed
}

// headlines is what an edition tells, as HTML.
func headlines(t templates.PageTexts, a digest.Archived) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<ul dir=\"%s\">", t.Direction)
	for _, s := range a.Leads {
		fmt.Fprintf(&b, "<li><bdi>%s</bdi></li>", template.HTMLEscapeString(digest.PlainLine(s.Title, maxHeadline)))
	}
	b.WriteString("</ul>")
	return b.String()
}

// feedID names a feed, or an entry of it, for good: section 4.2.6. It is a UUID
// made of what never changes, so a site that moves keeps its readers' marks.
func (h *handler) feedID(name string, number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "courant feed\x00%s\x00%s\x00%d", h.ID, name, number))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, RFC 9562 section 5.8
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
