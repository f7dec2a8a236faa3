package digest

import (
	"strconv"
	"strings"
	"time"
)

// Archiving says whether the editions of a digest can be read on the web.
type Archiving string

// The ways to archive.
const (
	ArchiveNoindex Archiving = "noindex" // anyone may read them, search engines are asked to leave them out
	ArchiveIndex   Archiving = "index"   // search engines, too
	ArchiveNone    Archiving = "none"    // nobody, beyond the links in mails
)

// Open says whether the archive shows the digest; the zero value does not.
func (a Archiving) Open() bool { return a == ArchiveIndex || a == ArchiveNoindex }

// Archived is an edition as the archive lists it: by its digest's own choice of
// stories, which is frozen.
type Archived struct {
	ID       EditionID
	Digest   string
	Title    string // the digest's title at the time
	Number   int
	Language string
	Day      Date      // the local day it was for
	Appeared time.Time // when its mails began to go
	Changed  time.Time // when what it shows changed last: it appeared, or a story of it was corrected or withdrawn
	Stories  int
	Leads    []Told // the first stories, in order
}

// Remark is what became known of a story after an edition had told it. What was
// told stays as it was.
type Remark struct {
	Story     StoryID
	Title     string // of the story, as the edition told it
	URL       string
	Text      string // of a correction; empty: the publisher took the article back
	At        time.Time
	Withdrawn bool
}

// archiveRoot is where the archive begins on the web.
const archiveRoot = "/a/"

// The ends of addresses in the archive.
const (
	ArchiveTextSuffix = ".txt"
	archiveFeedName   = "/feed.atom"
)

// ArchivePath is where the archive of a digest stands below the public address.
func ArchivePath(name string) string { return archiveRoot + name }

// EditionPath is where an edition stands in the archive; with ArchiveTextSuffix
// behind it, its text version.
func EditionPath(name string, number int) string {
	return archiveRoot + name + "/" + strconv.Itoa(number)
}

// FeedPath is where a digest's feed of editions stands.
func FeedPath(name string) string { return archiveRoot + name + archiveFeedName }

// ParseEditionName reads the last part of EditionPath: the number, and whether
// the text version is meant. Each edition has one address, so no other spelling
// of a number is taken.
func ParseEditionName(s string) (number int, text, ok bool) {
	s, text = strings.CutSuffix(s, ArchiveTextSuffix)
	number, err := strconv.Atoi(s)
	if err != nil || number < 1 || strconv.Itoa(number) != s || number > 1<<31-1 {
		return 0, false, false
	}
	return number, text, true
}
