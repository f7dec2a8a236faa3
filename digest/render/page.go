package render

import (
	"errors"
	"fmt"
	"html/template"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"courant/digest"
	"courant/templates"
)

// Longer than these nothing is shown: they hold off sources gone mad, not
// writers. Bytes.
const (
	maxName   = 120
	maxTitle  = 500
	maxPoint  = 1000
	maxLink   = 2000
	maxPoints = 10
	maxAlso   = 6
)

// longHeadline is how many columns a headline may take in the large type: more
// would fill a phone with nothing else.
const longHeadline = 120

// column is how wide text and images are on the page, in pixels.
const column = 520

// page is an edition as templates see it: nothing in it differs between the
// readers of a variant.
type page struct {
	Lang          string        // of the furniture, BCP 47
	Dir           string        // of the furniture: "ltr" or "rtl"
	Publication   string        // its name
	Home          string        // address of the publication's pages
	Sender        string        // the address mails come from
	PostalAddress string        // on one line
	Title         string        // of the digest
	Date          string        // the edition's day, long
	Head          string        // of the window: title and date, short enough for a tab
	Number        int           // zero: none
	Between       string        // what stands between the names of a list: ", "
	Logo          image         // in the place of the publication's name; no URL: none
	Preheader     string        // what inboxes show behind the subject
	Padding       template.HTML // blanks that keep the mail's first words out of the preheader
	Corrections   []correction  // owed to the readers of this mail
	Sections      []section     // of all stories, the lead in the first
	Lead          story         // the first of them
	Contents      *contents     // below the lead; nil: none is needed
	Others        []section     // of all stories but the lead, as a page that has it on top needs them
	More          int           // stories left out for size
	Web           bool          // this is the page, not the mail
	Zone          string        // the place whose time stories show, where it is not the reader's own; empty: say nothing
	Personal      bool          // there is a reader: personal functions have values
	Archive       *archive      // this is the edition in the archive; nil: it is a reader's
}

// archive is what stands around an edition in the archive.
type archive struct {
	Address string // of this edition
	Text    string // address of its text version
	List    string // address of all editions of the digest
	Feed    string // address of the Atom feed of them
}

// section is the stories of one category, which may have no name.
type section struct {
	Name    string
	ID      string // anchor of its heading
	Stories []story
}

// correction is what an earlier edition told wrong.
type correction struct{ Title, URL, Text string }

// story is a story as templates see it: everything is one plain line, and a
// link is empty where it would not be safe.
type story struct {
	Title      string
	URL        string
	Host       string // where URL leads
	ID         string // anchor
	Kicker     string // of the lead: its category
	By         string // whose story it is and where it was read
	Time       string // when it was published; empty: unknown
	Language   string // of its words; empty: unknown
	Dir        string // of its words: "ltr" or "rtl"
	Turned     bool   // its headline or a point runs the other way: see direction
	Points     []string
	PointsFrom digest.PointsFrom // "page", "feed", "description", "lead", "model" or "none"
	Picked     string            // key of the text that says what stands in for key points; empty: they are the publisher's
	Image      image             // no URL: none
	Also       []also            // where else it is told
	Lead       bool              // it is the first of the mail
	Long       bool              // the headline needs a smaller type
	Ruled      bool              // a line keeps it apart from the story above
	Deep       bool              // its headline is below a section's
	Page       *page             // the mail it stands in
}

// image is sized for the page; a height that is not known is zero.
type image struct {
	URL, Alt      string
	Width, Height int
}

type also struct{ Name, URL string }

// setting is what times and words of one variant are set in.
type setting struct {
	style  *style
	layout *layout
	lang   *templates.Language
	script *script // of the edition's language; nil: unknown
	loc    *time.Location
	day    time.Time // the edition's local day, at noon UTC
}

func (r *Renderer) setting(e digest.Edition, v digest.Variant) (setting, error) {
	zone := v.Zone
	if zone == "" {
		zone = e.Zone
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == digest.ZoneReader {
		return setting{}, fmt.Errorf("%q is not a time zone to show times in", zone)
	}
	style := r.style(e)
	lang := style.texts.Match(v.Language, e.Language)
	return setting{style, r.layout(style, e), lang, scriptOf(lang.Tag), loc, localDay(e, loc)}, nil
}

// localDay is the day an edition is for. A slot's key begins with it: where
// each reader's zone opens the edition, its instant may fall on another day of
// this zone than the wall clock the slot names.
func localDay(e digest.Edition, loc *time.Location) time.Time {
	day := e.Instant.In(loc)
	if e.Instant.IsZero() {
		day = e.Published.In(loc)
	}
	if e.Kind == digest.KindSlot && len(e.Slot) >= len(time.DateOnly) {
		if d, err := time.Parse(time.DateOnly, e.Slot[:len(time.DateOnly)]); err == nil {
			day = d
		}
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, time.UTC)
}

func (r *Renderer) page(e digest.Edition, v digest.Variant, s setting) (*page, error) {
	if len(v.Stories) == 0 {
		return nil, errors.New("the variant has no stories")
	}
	p := &page{
		Lang: s.lang.Tag, Dir: s.lang.Direction,
		Publication: plain(r.c.Name, maxName), Home: r.c.URL + "/", Sender: r.from.Address,
		PostalAddress: r.c.PostalAddress,
		Title:         plain(e.Title, maxTitle), Date: s.lang.FormatLong(s.day), Number: e.Number,
		Between: s.lang.Between, Logo: s.style.logo,
	}
	if p.Title == "" {
		p.Title = p.Publication
	}
	p.Head = head(p.Title, p.Date)
	for i, t := range v.Stories {
		st := s.story(t, e)
		st.ID, st.Page = "a"+strconv.Itoa(i+1), p
		category := plain(t.Category, maxName)
		if i == 0 {
			st.Lead, st.Kicker, st.Image = true, category, leadImage(t.Image)
			p.Lead = st
		} else {
			st.Image = smallImage(t.Image)
			p.Others = add(p.Others, category, st)
		}
		p.Sections = add(p.Sections, category, st)
	}
	if err := p.nameSections(s.lang); err != nil {
		return nil, err
	}
	for _, c := range v.Corrections {
		p.Corrections = append(p.Corrections, correction{plain(c.Title, maxTitle), link(c.URL), plain(c.Text, maxPoint)})
	}
	p.Zone = s.place(p, e)
	p.Contents = p.contents()
	p.Preheader = p.preheader()
	p.Padding = padding(p.Preheader)
	return p, nil
}

// nameSections settles which sections have a heading. Stories without a
// category get one where they would seem to belong to what stands above them.
// Below a lead that has its category's name, all stories of one category need
// no other, and the section that goes on with it says so.
func (p *page) nameSections(l *templates.Language) error {
	rest, err := l.Say("mail.other")
	if err != nil {
		return err
	}
	for i := range p.Sections {
		if i > 0 && p.Sections[i].Name == "" {
			p.Sections[i].Name = rest
		}
	}
	alone := len(p.Others) == 1 && p.Others[0].Name == p.Lead.Kicker
	for i := range p.Others {
		s := &p.Others[i]
		s.ID = "s" + strconv.Itoa(i+1)
		switch {
		case alone:
			s.Name = ""
		case s.Name == "":
			s.Name = rest
		case s.Name == p.Lead.Kicker:
			if s.Name, err = l.Say("mail.more_in", "category", s.Name); err != nil {
				return err
			}
		}
		for k := range s.Stories {
			s.Stories[k].Deep = s.Name != ""
			s.Stories[k].Ruled = k > 0 || s.Name == ""
		}
	}
	return nil
}

// head is a title for a window's bar, where the day must not be pushed out.
func head(title, date string) string {
	const most = 70 // characters: no tab or list of windows shows more
	room := most - utf8.RuneCountInString(" · "+date)
	if r := []rune(title); len(r) > room {
		title = strings.TrimRight(string(r[:room-1]), " ") + "…"
	}
	return title + " · " + date
}

// Editions get a table of contents from this many stories on, and one that
// names headlines up to that many: a longer one would only put the edition off.
// A longer edition names its sections, or the first headlines if it has none.
const (
	contentsFrom   = 8
	headlinesUpTo  = 13
	headlinesFirst = 10
)

// contents is what stands in an edition below its lead: by headlines, or by
// sections.
type contents struct {
	Headlines []story
	More      int // headlines that are not in the list
	Sections  []section
}

// contents is the table of contents of the stories shown.
func (p *page) contents() *contents {
	var c contents
	for _, s := range p.Others {
		c.Headlines = append(c.Headlines, s.Stories...)
	}
	shown := len(c.Headlines) + 1
	switch {
	case shown < contentsFrom:
		return nil
	case shown <= headlinesUpTo:
		return &c
	case len(p.Others) < 2: // no sections to name
		c.More = len(c.Headlines) - headlinesFirst
		c.Headlines = c.Headlines[:headlinesFirst]
		return &c
	}
	return &contents{Sections: p.Others}
}

// add puts a story into the section of its category; sections stand in the
// order of their first story.
func add(sections []section, category string, s story) []section {
	for i := range sections {
		if sections[i].Name == category {
			sections[i].Stories = append(sections[i].Stories, s)
			return sections
		}
	}
	return append(sections, section{Name: category, Stories: []story{s}})
}

func (p *page) stories() int {
	n := 0
	for _, s := range p.Sections {
		n += len(s.Stories)
	}
	return n
}

// first is the page with n stories only, and the rest counted: the lead, and
// of each section as many as of the others, so that the last one does not go
// for the tail of the first.
func (p *page) first(n int) *page {
	q := *p
	q.Sections, q.Others = nil, nil
	q.More = p.stories() - n
	kept := map[string]bool{p.Lead.ID: true}
	for round := 0; len(kept) < min(n, p.stories()); round++ {
		for _, s := range p.Others {
			if round < len(s.Stories) && len(kept) < n {
				kept[s.Stories[round].ID] = true
			}
		}
	}
	q.Sections, q.Others = only(p.Sections, kept), only(p.Others, kept)
	q.Contents = q.contents()
	return &q
}

// only is what is left of sections when they keep those stories.
func only(sections []section, kept map[string]bool) []section {
	var left []section
	for _, s := range sections {
		var stories []story
		for _, st := range s.Stories {
			if kept[st.ID] {
				stories = append(stories, st)
			}
		}
		if s.Stories = stories; len(stories) > 0 {
			left = append(left, s)
		}
	}
	return left
}

// bare is the page with the lead's headline and nothing else of it.
func (p *page) bare() *page {
	q := p.first(1)
	q.Lead = story{Title: p.Lead.Title, URL: p.Lead.URL, Host: p.Lead.Host, By: p.Lead.By, ID: p.Lead.ID, Lead: true, Page: p}
	q.Sections = []section{{Stories: []story{q.Lead}}}
	q.Preheader, q.Padding, q.Corrections = "", "", nil
	return q
}

// preheader is the lead's points, or the next headlines where it has none,
// cut near 140 characters, which is what inboxes show at most.
func (p *page) preheader() string {
	if len(p.Lead.Points) > 0 {
		return clip(strings.Join(p.Lead.Points, " "), 140)
	}
	var words []string
	for _, s := range p.Others {
		for _, st := range s.Stories {
			words = append(words, st.Title)
		}
	}
	return clip(strings.Join(words, " · "), 140)
}

// padding is what cannot be seen and takes room, or inboxes would show the
// masthead behind a short preheader.
func padding(preheader string) template.HTML {
	const most = 150
	return template.HTML(strings.Repeat("&#847;&zwnj;&nbsp;", max(20, (most-utf8.RuneCountInString(preheader))/2)))
}

// picked is the key of the text that tells readers what stands in for the
// publisher's key points; empty: they are the publisher's. A description with
// more than one point was filled up with first sentences.
func picked(t digest.Told) string {
	switch {
	case t.PointsFrom == digest.PointsDescription && len(t.Points) > 1:
		return "mail.points_filled"
	case t.PointsFrom == digest.PointsDescription:
		return "mail.points_description"
	case t.PointsFrom == digest.PointsLead:
		return "mail.points_lead"
	case t.PointsFrom == digest.PointsModel:
		return "mail.points_model"
	}
	return ""
}

func (s setting) story(t digest.Told, e digest.Edition) story {
	st := story{
		Title: plain(t.Title, maxTitle), URL: link(t.URL), By: s.by(t), Time: s.published(t.Published, e),
		Language: languageTag(t.Language), PointsFrom: t.PointsFrom,
	}
	st.Picked = picked(t)
	known := []*script{s.script, s.script}
	if st.Language != s.lang.Tag {
		known[1] = scriptOf(st.Language)
	}
	st.Host = host(st.URL, known...)
	if ip, err := netip.ParseAddr(st.Host); err == nil && ip.Unmap().IsLoopback() && t.Site != "" && !looksLikeHost(t.Site) {
		st.Host = plain(t.Site, maxName) // the reader's own machine: nobody else's name is taken
	}
	if st.Title == "" {
		st.Title = st.Host
	}
	st.Long = width(st.Title) > longHeadline
	for _, p := range t.Points[:min(len(t.Points), maxPoints)] {
		if p = plain(p, maxPoint); p != "" {
			st.Points = append(st.Points, p)
		}
	}
	st.directed(known[1], s.lang.Direction)
	for _, a := range t.Also[:min(len(t.Also), maxAlso)] {
		name, to := plain(a.Source, maxName), link(a.URL)
		if leads := host(to, known...); name == "" || looksLikeHost(name) {
			name = leads // a name that could be a host must be the one it leads to
		}
		if to != "" {
			st.Also = append(st.Also, also{name, to})
		}
	}
	return st
}

// by names whose story it is: the source as the editor's config names it, or
// another's story by way of it.
func (s setting) by(t digest.Told) string {
	site, whose := plain(t.Source, maxName), plain(t.Attribution, maxName)
	if site == "" {
		site = plain(t.Site, maxName)
	}
	if whose == "" || strings.EqualFold(whose, site) {
		return site
	}
	if site == "" {
		return whose
	}
	both, err := s.lang.Say("mail.via", "attribution", whose, "site", site)
	if err != nil {
		return whose
	}
	return both
}

// published is the time of a story: the clock on the edition's own day, the
// day as well before it. Times of the future are not believed.
func (s setting) published(t time.Time, e digest.Edition) string {
	if t.IsZero() || !e.Published.IsZero() && t.After(e.Published) {
		return ""
	}
	t = t.In(s.loc)
	clock := s.lang.FormatClock(t.Hour(), t.Minute())
	switch {
	case digest.DateOf(t) == digest.DateOf(s.day):
		return clock
	case t.Year() == s.day.Year():
		return s.lang.FormatShort(t) + s.lang.Between + clock
	}
	return s.lang.FormatDate(t)
}

// place is whose time it is that the stories show. Readers of a digest that
// comes by each one's own clock see their own; the others may be anywhere.
func (s setting) place(p *page, e digest.Edition) string {
	if e.Zone == digest.ZoneReader || e.Cadence.Zone == digest.ZoneReader {
		return ""
	}
	for _, section := range p.Sections {
		for _, st := range section.Stories {
			if st.Time != "" {
				return s.lang.City(s.loc.String())
			}
		}
	}
	return ""
}

// leadImage takes an image that is worth its room; small ones are logos or
// open pixels.
func leadImage(i digest.Image) image {
	const smallest = 200
	if i.Width > 0 && i.Width < smallest || i.Height > 0 && i.Height < smallest/2 {
		return image{}
	}
	return sized(i, column)
}

// smallImage takes an image that can stand beside a headline: what would be a
// strip or a tower there cannot.
func smallImage(i digest.Image) image {
	const room, smallest = 120, 100
	if i.Width > 0 && i.Width < smallest || i.Height > 0 && i.Height < smallest/2 ||
		i.Width > 0 && i.Height > 0 && (2*i.Height > 3*i.Width || i.Width > 3*i.Height) {
		return image{}
	}
	return sized(i, room)
}

// sized is an image in the room it gets, in its own proportions.
func sized(i digest.Image, room int) image {
	out := image{URL: link(i.URL), Alt: plain(i.Alt, maxTitle), Width: room}
	if i.Width > 0 {
		out.Width = min(room, i.Width)
		out.Height = i.Height * out.Width / i.Width
	}
	return out
}

// plain is s as one line of at most max bytes, with what would stop the
// checks behind the templates taken out: a headline that quotes html/template's
// word for danger must not hold up an edition.
func plain(s string, max int) string {
	return clip(strings.ReplaceAll(digest.PlainLine(s, 1<<20), "ZgotmplZ", "Zgotmpl-Z"), max)
}

// clip cuts s to max bytes, at a blank if one is near, and shows that it did.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	s = digest.PlainLine(s, max-len("…"))
	if i := strings.LastIndexByte(s, ' '); i > max*3/4 {
		s = s[:i]
	}
	return strings.TrimRight(s, " ,;:.·") + "…"
}

// link is s as it may stand in a mail: http or https with a host and no
// password, every byte that RFC 3986 does not allow percent-encoded, in just
// the way html/template does, so that both parts show the same. Empty if it
// cannot be.
func link(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	if !ascii(u.Host) {
		host, err := idna.Lookup.ToASCII(u.Hostname())
		if err != nil {
			return ""
		}
		s = strings.Replace(s, u.Host, host+portOf(u), 1)
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~!#$&*+,/:;=?@[]", c) >= 0:
			b = append(b, c)
		case c == '%' && i+2 < len(s) && hexDigit(s[i+1]) && hexDigit(s[i+2]):
			b = append(b, c)
		default:
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	if len(b) > maxLink || strings.Contains(string(b), "ZgotmplZ") {
		return ""
	}
	return string(b)
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// languageTag lets through what looks like BCP 47.
func languageTag(s string) string {
	if len(s) < 2 || len(s) > 35 || s != plain(s, 35) || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}) {
		return ""
	}
	return s
}
