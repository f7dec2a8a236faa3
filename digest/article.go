package digest

import "time"

// SourceKind says how a source is read.
type SourceKind string

// The kinds of source.
const (
	SourceFeed   SourceKind = "feed"   // RSS, RDF, Atom or JSON Feed
	SourcePage   SourceKind = "page"   // one article page
	SourceFolder SourceKind = "folder" // a directory of pages, texts and feeds
	SourcePush   SourceKind = "push"   // a publisher's own system sends its articles; never polled
)

// Source is where Courant has articles from, as the editor's config names it.
type Source struct {
	Name       string // unique within the config
	Kind       SourceKind
	URL        string   // http or https; a folder's absolute path; empty: articles are pushed
	Category   string   // wins over what the feed or page says; empty: theirs
	Categories []string // where the editor gave several: all of them, Category first; nil: only Category
	Points     PointRule
	Prefix     string // a folder's: the address below which its files are published; empty: each names its own
}

// SourceState is what Courant remembers of a source between two polls. The
// zero value is a source that was never polled.
type SourceState struct {
	Source       Source
	ETag         string        // sent back exactly, RFC 9110 section 13.1.2
	LastModified string        // sent back exactly, RFC 9110 section 13.1.3
	Validated    string        // the address that gave both and alone gets them back; empty: where the source is asked
	TTL          time.Duration // how long the feed last asked to be left alone; 0: it didn't
	NextPoll     time.Time     // not before, by Courant's own schedule; zero: at once
	NotBefore    time.Time     // not before, by the server's Retry-After; binds every fetch
	FirstPoll    time.Time     // zero: never; kept by the store
	LastPoll     time.Time
	LastSuccess  time.Time // zero: never
	Failures     int       // in a row
	FailingSince time.Time // the first of those failures; zero: none; kept by the store
	Error        string    // of the last poll; empty after a success
	Gone         bool      // 410 was answered: never polled again, RFC 9110 section 15.5.11
	MovedTo      string    // target of a permanent redirect seen once; stored as the address when seen twice
	Address      string    // where to poll instead of Source.URL; empty: Source.URL
	Seen         string    // a folder's files as they were when they were read, packed; empty: none were

	// What the store knows beside it; SavePoll leaves it alone.
	Newest   time.Time       // when its newest article was first seen; zero: it has none
	Listened time.Duration   // of a source that is pushed: how long an article could have come since the last new one
	Told     SourceCondition // what the operator was last told of it: SourceSilent, SourceDead, or nothing
	ToldAt   time.Time       // when that was; zero: never
}

// PointsFrom says where an article's key points come from, so that lead
// sentences are never passed off as the publisher's own points.
type PointsFrom string

// The origins of key points, best first.
const (
	PointsPage        PointsFrom = "page"        // the publisher's list on the page or in the text
	PointsFeed        PointsFrom = "feed"        // a list near the top of the feed item's own HTML
	PointsDescription PointsFrom = "description" // the publisher's description
	PointsLead        PointsFrom = "lead"        // first sentences of the body
	PointsModel       PointsFrom = "model"       // a language model, checked against the article
	PointsNone        PointsFrom = "none"        // nothing fit to show
)

// Image is an article's lead image. Zero sizes are unknown.
type Image struct {
	URL           string
	Alt           string
	Width, Height int // pixels
}

// Article is one piece as one source tells it. All strings are plain text:
// no markup, no control characters, white space collapsed.
type Article struct {
	ID          ArticleID
	Source      string // the source's name in the config
	GUID        string // the feed's own identity; may be empty
	URL         string // absolute http or https, as a reader should open it
	Canonical   string // CanonicalURL of URL or of the page's own canonical link: the article's identity
	Title       string
	Category    string   // the main one; empty: none
	Categories  []string // all of them, Category first; nil: only Category
	Terms       []Term   // what the publisher files it under, in the publisher's words; kept so that rules can be applied again
	Points      []string // plain sentences without bullets, at most a handful
	PointsFrom  PointsFrom
	Site        string // where it was read ("SOFREP")
	Attribution string // whose story it is ("Business Insider"); empty: the site's own
	Author      string
	Published   time.Time // as the publisher says; zero: unknown
	FirstSeen   time.Time // when Courant first saw it: selection goes by this
	Language    string    // BCP 47; empty: unknown
	Image       Image
	Lead        string // the first sentences of the body, for folding; at most 600 bytes
	Text        string // the body as far as it was read, at most 8000 bytes; never kept, so empty in what the rows give
	Page        string // FullPage.Page that is still to be read for it; empty: none
}

// Candidate is an article up for selection. Story is zero while the article
// belongs to no story yet.
type Candidate struct {
	Article
	Story StoryID
}

// Story is one event as told by one or several articles.
type Story struct {
	ID       StoryID
	Articles []Article // the one shown first
}

// Also names another telling of a story: "also at Source".
type Also struct {
	Source string
	URL    string
}

// Told is a story as an edition tells it: frozen when the edition is
// published, so that mail, web view and archive show the same for ever.
type Told struct {
	Story       StoryID
	Article     ArticleID
	URL         string
	Title       string
	Points      []string
	PointsFrom  PointsFrom
	Category    string   // the section it stands in
	Categories  []string // all of them; nil: only Category
	Source      string   // the source's name in the config
	Site        string
	Attribution string
	Author      string
	Published   time.Time // zero: unknown
	Language    string
	Image       Image
	Also        []Also
}
