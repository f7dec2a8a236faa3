package digest

import (
	"errors"
	"time"
)

// MarkKind says what an editor wants of a story.
type MarkKind string

// The marks an editor may set.
const (
	MarkPin  MarkKind = "pin"  // it leads its section, and the limits of the digest don't shut it out
	MarkDrop MarkKind = "drop" // no edition chooses it
)

// PinHolds is how long a pin holds that was given no end: until weekly readers
// have had it, too.
const PinHolds = 7 * 24 * time.Hour

// ErrDropped is returned for a pin of what an editor dropped.
var ErrDropped = errors.New("dropped by an editor")

// Mark is an editor's word on an article, and so on the story it tells. A drop
// wins over a pin.
type Mark struct {
	Kind    MarkKind
	Article ArticleID
	Story   StoryID   // the article's; zero: none yet
	Digest  string    // the digest it holds for; empty: every one
	Until   time.Time // a pin holds so long; zero: for good, as a drop does
	By      string    // who set it
	At      time.Time
	Ended   time.Time // when it was taken back; zero: it was not
	EndedBy string
}

// InForce says whether the mark counts for a digest at a moment.
func (m Mark) InForce(digest string, at time.Time) bool {
	return (m.Digest == "" || m.Digest == digest) && !m.At.After(at) &&
		(m.Until.IsZero() || m.Until.After(at)) && (m.Ended.IsZero() || m.Ended.After(at))
}
