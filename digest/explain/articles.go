package explain

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// Article is an article as --json gives it: the fields of extract first.
type Article struct {
	URL         string            `json:"url"`
	Title       string            `json:"title"`
	Category    string            `json:"category"`
	Categories  []string          `json:"categories"`
	Points      []string          `json:"points"`
	PointsFrom  digest.PointsFrom `json:"points_from"`
	Site        string            `json:"site"`
	Attribution string            `json:"attribution"`
	Author      string            `json:"author"`
	Published   *time.Time        `json:"published"`
	Language    string            `json:"language"`
	Image       string            `json:"image"`
	ID          digest.ArticleID  `json:"id"`
	Source      string            `json:"source"`
	FirstSeen   time.Time         `json:"first_seen"`
	Status      string            `json:"status"` // waiting, told or withdrawn
	Withdrawn   *time.Time        `json:"withdrawn"`
	Story       digest.StoryID    `json:"story"` // 0: none yet
	Editions    int               `json:"editions"`
}

// Articles are articles as objects.
func Articles(list []digest.ListedArticle) []Article {
	out := make([]Article, len(list))
	for i, a := range list {
		out[i] = articleOf(a)
	}
	return out
}

func articleOf(a digest.ListedArticle) Article {
	return Article{
		URL: a.URL, Title: a.Title, Category: a.Category, Categories: append([]string{}, a.AllCategories()...),
		Points: append([]string{}, a.Points...), PointsFrom: a.PointsFrom, Site: a.Site, Attribution: a.Attribution, Author: a.Author,
		Published: utcOrNull(a.Published), Language: a.Language, Image: a.Image.URL, ID: a.ID, Source: a.Source,
		FirstSeen: a.FirstSeen.UTC(), Status: a.Standing(), Withdrawn: utcOrNull(a.Withdrawn), Story: a.Story, Editions: a.Told,
	}
}

// Recorded is everything known of an article, as --json gives it.
type Recorded struct {
	Article
	ImageAlt    string           `json:"image_alt"`
	ImageWidth  int              `json:"image_width"`
	ImageHeight int              `json:"image_height"`
	GUID        string           `json:"guid"`
	Lead        string           `json:"lead"`
	Tellings    []ArticleTelling `json:"tellings"`
	Also        []AlsoTold       `json:"also"`
	Corrections []CorrectionTold `json:"corrections"`
	Marks       []ArticleMark    `json:"marks"`
}

// ArticleMark is a pin or a drop of an editor, in force or past.
type ArticleMark struct {
	Kind    digest.MarkKind `json:"kind"`
	Digest  string          `json:"digest"` // empty: every one
	Until   *time.Time      `json:"until"`
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
	Ended   *time.Time      `json:"ended"`
	EndedBy string          `json:"ended_by"`
}

// ArticleTelling is an edition that had the article's story to tell.
type ArticleTelling struct {
	Digest    string           `json:"digest"`
	Edition   *int             `json:"edition"` // its number; null: a proof
	Published time.Time        `json:"published"`
	Carried   bool             `json:"carried"`
	Readers   int              `json:"readers"`
	Title     string           `json:"title"`   // as it was told
	Article   digest.ArticleID `json:"article"` // that stood for the story
	LeftOut   string           `json:"left_out"`
}

// AlsoTold is another telling of the same story.
type AlsoTold struct {
	ID     digest.ArticleID `json:"id"`
	Source string           `json:"source"`
	URL    string           `json:"url"`
	Title  string           `json:"title"`
}

// CorrectionTold is a correction of the story.
type CorrectionTold struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Records are article records as objects.
func Records(list []digest.ArticleRecord) []Recorded {
	out := make([]Recorded, len(list))
	for i, r := range list {
		out[i] = recordOf(r)
	}
	return out
}

func recordOf(r digest.ArticleRecord) Recorded {
	out := Recorded{
		Article: articleOf(r.ListedArticle), ImageAlt: r.Image.Alt, ImageWidth: r.Image.Width, ImageHeight: r.Image.Height, GUID: r.GUID, Lead: r.Lead,
		Tellings: []ArticleTelling{}, Also: []AlsoTold{}, Corrections: []CorrectionTold{}, Marks: []ArticleMark{},
	}
	for _, t := range r.Tellings {
		told := ArticleTelling{
			Digest: t.Digest, Published: t.Published.UTC(), Carried: t.Carried, Readers: t.Readers, Title: t.Told.Title, Article: t.Told.Article, LeftOut: t.LeftOut,
		}
		if t.Number > 0 {
			told.Edition = &t.Number
		}
		out.Tellings = append(out.Tellings, told)
	}
	for _, o := range r.Others {
		out.Also = append(out.Also, AlsoTold{o.ID, o.Source, o.URL, o.Title})
	}
	for _, c := range r.Corrections {
		out.Corrections = append(out.Corrections, CorrectionTold{c.At.UTC(), c.Text})
	}
	for _, m := range r.Marks {
		out.Marks = append(out.Marks, ArticleMark{m.Kind, m.Digest, utcOrNull(m.Until), m.By, m.At.UTC(), utcOrNull(m.Ended), m.EndedBy})
	}
	return out
}

// WriteArticles sets a list of articles for people, one a line and its address
// below it.
func WriteArticles(w io.Writer, list []digest.ListedArticle, look Look) error {
	var ids, sources, categories, points []string
	for _, a := range list {
		ids, sources = append(ids, strconv.Itoa(int(a.ID))), append(sources, a.Source)
		categories, points = append(categories, strings.Join(a.AllCategories(), ", ")), append(points, pointsOf(a))
	}
	s := &sheet{look: look}
	id, source, category, point := widest(8, ids...), widest(20, sources...), widest(24, categories...), widest(16, points...)
	for i, a := range list {
		s.line(id+2,
			piece{faint, pad(ids[i], id) + "  " + stamp(a.FirstSeen) + "  "}, piece{standingTone(a), pad(a.Standing(), 9) + "  "},
			piece{text: pad(sources[i], source) + "  "}, piece{section, pad(categories[i], category) + "  "},
			piece{text: pad(points[i], point) + "  "}, piece{strong, a.Title})
		s.line(id+2, piece{faint, strings.Repeat(" ", id+2) + a.URL})
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// pointsOf says how many points an article has, and whose they are.
func pointsOf(a digest.ListedArticle) string {
	if len(a.Points) == 0 {
		return string(digest.PointsNone)
	}
	return strconv.Itoa(len(a.Points)) + " " + string(a.PointsFrom)
}

func standingTone(a digest.ListedArticle) tone {
	switch {
	case !a.Withdrawn.IsZero():
		return bad
	case a.Told > 0:
		return good
	}
	return warning
}

// WriteRecord sets everything known of one article for people.
func WriteRecord(w io.Writer, r digest.ArticleRecord, look Look) error {
	s := &sheet{look: look}
	s.line(0, piece{strong, r.Title}, piece{faint, "  article "}, piece{text: strconv.Itoa(int(r.ID))})
	published, withdrawn := "", ""
	if !r.Published.IsZero() {
		published = stamp(r.Published)
	}
	if !r.Withdrawn.IsZero() {
		withdrawn = stamp(r.Withdrawn) + ", by its publisher: no edition chooses it any more"
	}
	for _, fact := range []struct{ name, value string }{
		{"url", r.URL}, {"source", r.Source}, {"categories", strings.Join(r.AllCategories(), ", ")}, {"site", r.Site}, {"attribution", r.Attribution},
		{"author", r.Author}, {"language", r.Language}, {"published", published}, {"first seen", stamp(r.FirstSeen)}, {"withdrawn", withdrawn},
		{"image", imageOf(r.Image)}, {"guid", r.GUID},
	} {
		if fact.value != "" {
			s.line(15, piece{faint, "  " + pad(fact.name, 11) + "  "}, piece{text: fact.value})
		}
	}
	s.line(15, piece{faint, "  " + pad("points", 11) + "  "}, piece{text: pointsWord(r.PointsFrom)})
	for _, p := range r.Points {
		s.line(17, piece{text: strings.Repeat(" ", 15) + "• " + p})
	}
	for _, m := range r.Marks {
		s.mark(m)
	}
	s.recordedStory(r)
	_, err := w.Write(s.out.Bytes())
	return err
}

// mark sets what an editor decided, and faintly what is past.
func (s *sheet) mark(m digest.Mark) {
	name, tone := "pinned", good
	if m.Kind == digest.MarkDrop {
		name, tone = "dropped", bad
	}
	words := "for " + cmp.Or(m.Digest, "every digest")
	if !m.Until.IsZero() {
		words += " until " + stamp(m.Until)
	}
	past := ""
	if !m.Ended.IsZero() {
		tone, past = faint, "; taken back by "+m.EndedBy+", "+stamp(m.Ended)
	}
	s.line(15, piece{tone, "  " + pad(name, 11) + "  "}, piece{text: words}, piece{faint, ", by " + m.By + ", " + stamp(m.At) + past})
}

func imageOf(i digest.Image) string {
	text := i.URL
	if i.Width > 0 && i.Height > 0 {
		text += fmt.Sprintf(" (%d x %d)", i.Width, i.Height)
	}
	if i.Alt != "" {
		text += " “" + i.Alt + "”"
	}
	return text
}

// recordedStory sets what became of the article's story.
func (s *sheet) recordedStory(r digest.ArticleRecord) {
	if r.Story == 0 {
		s.line(15, piece{faint, "  " + pad("story", 11) + "  "}, piece{text: "none yet: no edition had it to tell"})
		return
	}
	s.line(15, piece{faint, "  " + pad("story", 11) + "  "}, piece{text: strconv.Itoa(int(r.Story))})
	for _, t := range r.Tellings {
		name := t.Digest + " (proof)"
		if t.Number > 0 {
			name = fmt.Sprintf("%s/%d", t.Digest, t.Number)
		}
		row := []piece{{faint, "  " + pad("edition", 11) + "  "}, {strong, name}, {faint, "  " + stamp(t.Published)}}
		if t.Carried {
			row = append(row, piece{text: "  told to " + times(t.Readers, "reader")})
		}
		if t.LeftOut != "" {
			row = append(row, piece{warning, "  left out: " + t.LeftOut})
		}
		s.line(15, row...)
		if t.Carried && (t.Told.Title != r.Title || t.Told.Article != r.ID) {
			s.line(15, piece{faint, strings.Repeat(" ", 15) + "as “" + t.Told.Title + "” of " + cmp.Or(t.Told.Source, "another source")})
		}
	}
	for _, o := range r.Others {
		s.line(15, piece{faint, "  " + pad("also at", 11) + "  "}, piece{text: o.Source + ": " + o.URL})
	}
	for _, c := range r.Corrections {
		s.line(15, piece{faint, "  " + pad("correction", 11) + "  "}, piece{text: c.Text}, piece{faint, "  " + stamp(c.At)})
	}
}
