package digest

import "time"

// SourceCondition says how a source fares. It is for operators: no reader is
// ever told of it.
type SourceCondition string

// The conditions of a source, those that need a person last.
const (
	SourceUp      SourceCondition = "up"
	SourceNew     SourceCondition = "new"     // not polled yet
	SourceHeld    SourceCondition = "held"    // its server asked to be left alone for a while
	SourceFailing SourceCondition = "failing" // the last poll failed; it is tried again
	SourceSilent  SourceCondition = "silent"  // it answers, and brings nothing new for SilentAfter
	SourceDead    SourceCondition = "dead"    // gone for good (410), or nothing was read of it for DeadAfter
)

// When trouble with a source is said to the operator.
const (
	SilentAfter = 7 * 24 * time.Hour
	DeadAfter   = 7 * 24 * time.Hour
)

// ListenEvery is how often a process that takes pushed articles says that it
// does. Of two such moments that lie further apart than ListenGap, nobody is
// sure what was between.
const (
	ListenEvery = time.Minute
	ListenGap   = 3 * time.Minute
)

// Condition judges a source by what is remembered of it.
//
// A silence is measured up to the last poll that succeeded: while nobody asked,
// a source was not silent. A source that has never brought anything counts from
// its first poll. One page is one article, so a page is never silent.
func (s SourceState) Condition(now time.Time) SourceCondition {
	switch {
	case s.Source.Kind == SourcePush:
		return s.pushed()
	case s.Gone:
		return SourceDead
	case s.LastPoll.IsZero():
		return SourceNew
	case s.Failures > 0 && now.Sub(s.FailingSince) >= DeadAfter:
		return SourceDead
	case s.Failures > 0:
		return SourceFailing
	case s.NotBefore.After(now) && now.Sub(later(s.LastSuccess, s.FirstPoll)) >= DeadAfter:
		return SourceDead
	case s.NotBefore.After(now):
		return SourceHeld
	case s.Source.Kind != SourcePage && s.LastSuccess.Sub(s.QuietSince()) >= SilentAfter:
		return SourceSilent
	}
	return SourceUp
}

// pushed judges a source whose articles are sent to us: nobody is asked, so
// nothing can fail. Its silence is measured in time in which an article could
// have come: while nobody listened, it may have called in vain.
func (s SourceState) pushed() SourceCondition {
	switch {
	case s.QuietSince().IsZero():
		return SourceNew
	case s.Listened >= SilentAfter:
		return SourceSilent
	}
	return SourceUp
}

// QuietSince is when the source last brought a new article; where it never did,
// or those of its first poll were old, when it was first polled.
func (s SourceState) QuietSince() time.Time { return later(s.Newest, s.FirstPoll) }

// Trouble is what the operator is to be told of a source now, given what was
// told before: SourceSilent, SourceDead, or nothing. What fails or is held since
// is no end of a trouble: only an answer with something new is.
func (s SourceState) Trouble(now time.Time) SourceCondition {
	switch c := s.Condition(now); c {
	case SourceSilent, SourceDead:
		return c
	case SourceFailing, SourceHeld:
		return s.Told
	}
	return ""
}

// TroubleSince is when a trouble began: the last sign of life.
func (s SourceState) TroubleSince(now time.Time) time.Time {
	switch {
	case s.Condition(now) == SourceSilent:
		return s.QuietSince()
	case !s.FailingSince.IsZero():
		return s.FailingSince
	}
	return later(s.LastSuccess, s.FirstPoll)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// SourceChange is a trouble that began or ended.
type SourceChange struct {
	Source SourceState
	From   SourceCondition // empty: it was well
	To     SourceCondition // empty: it is well again
}

// SourceFigures are what a source brought in a stretch of time.
type SourceFigures struct {
	Source   string
	Since    time.Time          // where the stretch begins
	Articles int                // first seen in it
	Fresh    int                // of those, first seen by a poll after the first
	From     map[PointsFrom]int // of those, by the origin of their points
}

// PerDay is the mean of new articles a day, over the stretch or over what of it
// the source was known for; ok is false in its first day.
func (f SourceFigures) PerDay(known, now time.Time) (n float64, ok bool) {
	days := now.Sub(later(f.Since, known)).Hours() / 24
	if known.IsZero() || days < 1 {
		return 0, false
	}
	return float64(f.Fresh) / days, true
}

// Own is how many articles came with the publisher's own points.
func (f SourceFigures) Own() int { return f.From[PointsPage] + f.From[PointsFeed] }

// Fallback is how many came with a description, first sentences or a model's
// words in their place.
func (f SourceFigures) Fallback() int {
	return f.From[PointsDescription] + f.From[PointsLead] + f.From[PointsModel]
}
