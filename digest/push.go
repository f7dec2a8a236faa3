package digest

import (
	"fmt"
	"time"
)

// Push is what a publisher's own system, or an editor with a file, hands in:
// the articles of one source as their publisher wants them told.
type Push struct {
	Source   Source
	Articles []Article // the one to stand first first
	At       time.Time
	DryRun   bool // say what would become of them, and keep nothing
}

// PushStatus is what became of a pushed article.
type PushStatus string

// What can become of one.
const (
	PushCreated   PushStatus = "created"   // it was not known; the next edition may carry it
	PushUpdated   PushStatus = "updated"   // it was known otherwise, and no reader had it
	PushUnchanged PushStatus = "unchanged" // it was known like this
	PushKept      PushStatus = "kept"      // an edition told it: it stays as it was told
)

// PushStatuses are all of them, in the order in which they are counted.
func PushStatuses() []PushStatus {
	return []PushStatus{PushCreated, PushUpdated, PushUnchanged, PushKept}
}

// Pushed is what became of one article of a Push.
type Pushed struct {
	URL    string
	ID     ArticleID // 0 where nothing was kept
	Status PushStatus
}

// Withdrawal is what became of an article that its publisher took back.
type Withdrawal struct {
	URL  string
	ID   ArticleID
	Told bool // an edition told it before: those readers have it
}

// ArticleFault is what is wrong in one place of a document of articles.
type ArticleFault struct {
	Pointer string // the place as a JSON Pointer, RFC 6901; empty: the whole document
	Line    int    // counted from 1
	Said    string // what is wrong, and what is right
}

func (f ArticleFault) Error() string {
	if f.Pointer == "" {
		return f.Said
	}
	return fmt.Sprintf("%s: %s", f.Pointer, f.Said)
}

// BackfillAfter is how old a piece is that comes with no edition when it is
// first pushed: an archive that is filled in is no news.
const BackfillAfter = 7 * 24 * time.Hour

// ArticleSieve picks articles. The zero value is all of them.
type ArticleSieve struct {
	Source     string
	Category   string
	Since      time.Time // first seen after it
	PointsFrom PointsFrom
	Limit      int // 0: all
}

// ListedArticle is an article as a list shows it.
type ListedArticle struct {
	Candidate
	Withdrawn time.Time // zero: it was not
	Told      int       // the editions that told its story
}

// Telling is an edition that told the story of an article, or could have.
type Telling struct {
	Edition   EditionID
	Digest    string
	Kind      EditionKind
	Number    int // 0: a proof
	Published time.Time
	Told      Told
	Carried   bool   // by at least one of its variants
	Readers   int    // who had it
	LeftOut   string // why variants left it out; empty: none did
}

// ArticleRecord is everything that is known of one article.
type ArticleRecord struct {
	ListedArticle
	Tellings    []Telling // the newest first
	Others      []Article // of the same story, by id
	Corrections []Correction
	Marks       []Mark // of the article itself, the latest first
}

// Claimed are the articles as the source's own, dated for selection. The order
// of the document decides between articles that come together, as in a feed.
func (p Push) Claimed() []Article {
	claimed := make([]Article, len(p.Articles))
	for i, a := range p.Articles {
		a.Source = p.Source.Name
		if all := p.Source.AllCategories(); len(all) > 0 {
			a.Category, a.Categories = all[0], all
		}
		a.FirstSeen = p.At.Add(-time.Duration(i) * time.Microsecond)
		if !a.Published.IsZero() && p.At.Sub(a.Published) > BackfillAfter {
			a.FirstSeen = a.Published
		}
		claimed[i] = a
	}
	return claimed
}

// Standing is how the article stands, in the words of lists: withdrawn, told,
// or waiting for an edition to choose it.
func (a ListedArticle) Standing() string {
	switch {
	case !a.Withdrawn.IsZero():
		return "withdrawn"
	case a.Told > 0:
		return "told"
	}
	return "waiting"
}
