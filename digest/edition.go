package digest

import "time"

// CatchUp says which missed slots are still answered.
type CatchUp string

// The ways to catch up.
const (
	CatchUpLatest CatchUp = "latest" // only the last missed slot, within MaxLateness
	CatchUpAll    CatchUp = "all"    // each one within MaxLateness
	CatchUpNone   CatchUp = "none"   // only slots met on time
)

// Arrangement is the order in which an edition takes stories, and shows those
// of one section.
type Arrangement string

// The arrangements there are. What an editor pinned comes first in both.
const (
	Newest Arrangement = "newest"
	Ranked Arrangement = "ranked" // by how many sources tell it and how fresh it is
)

// ZoneReader as a digest's time zone means each reader's own.
const ZoneReader = "reader"

// Date is a day of the Gregorian calendar without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// String is the ISO 8601 form, 2026-12-24.
func (d Date) String() string {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// Compare is -1, 0 or +1 as d is before, the same as or after e.
func (d Date) Compare(e Date) int {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).
		Compare(time.Date(e.Year, e.Month, e.Day, 0, 0, 0, 0, time.UTC))
}

// DateRange is a run of days, both ends included.
type DateRange struct{ From, To Date }

// Contains says whether d lies in the range.
func (r DateRange) Contains(d Date) bool {
	return d.Compare(r.From) >= 0 && d.Compare(r.To) <= 0
}

// Digest is a recurring publication as the editor's config describes it.
type Digest struct {
	Name        string // the key in the config, stable: links and List-Id carry it
	Title       string
	About       string // what it is, in a line for readers; empty: its categories say it
	Schedule    string // five cron fields, read on the wall clock of TimeZone
	TimeZone    string // IANA name, or ZoneReader
	HomeZone    string // IANA name used for readers without a zone when TimeZone is ZoneReader; empty: UTC
	Language    string // BCP 47
	Lists       []string
	Categories  []string // in the editor's order
	MaxArticles int
	MinArticles int
	// At most so many of one section, and of one source; zero: no limit.
	MaxPerCategory int
	MaxPerSource   int
	Order          Arrangement   // empty: Newest
	HalfLife       time.Duration // of a story's freshness where Order is Ranked; zero: DefaultHalfLife
	Subject        string        // text/template over the edition
	Layout         string        // of the mail: "standard", "brief", or one of the editor's own; empty: the publication's
	CatchUp        CatchUp
	MaxLateness    time.Duration
	FreshUntil     time.Duration // a delivery expires so long after its own instant
	Skip           []DateRange   // no slot falls on these local days
	Archive        Archiving     // whether its editions can be read on the web
}

// DefaultHalfLife is the age at which a story counts half of what it counts
// when it is new.
const DefaultHalfLife = 12 * time.Hour

// SlotState says what became of a due moment.
type SlotState string

// The states of a slot.
const (
	SlotOwed      SlotState = "owed"
	SlotPublished SlotState = "published"
	SlotSkipped   SlotState = "skipped" // Reason says why
)

// Slot is a due moment of a digest in one zone. The same row exists once in
// the database: (Digest, Key, Zone) is unique.
type Slot struct {
	Digest    string
	Key       string    // one edition answers all slots with one (Digest, Key); see SlotKey
	LocalTime time.Time // the wall clock as the schedule names it, zoneless: read its fields in UTC
	Zone      string    // IANA name
	Instant   time.Time // when it is due; may differ from LocalTime in a gap
	LocalDate Date      // the local day the slot belongs to
	Daily     bool      // the digest fires at most once a local day, so LocalDate is unique too
	State     SlotState
	Reason    string // for a skipped slot
}

// SlotKey names the edition that answers a slot: the wall clock with its
// offset where the digest has one zone (an hour repeated in autumn gives two
// keys), the bare wall clock where each reader's zone opens the same edition.
func SlotKey(d Digest, wall, instant time.Time, loc *time.Location) string {
	if d.TimeZone == ZoneReader {
		return wall.Format(sharedKey)
	}
	return instant.In(loc).Format("2006-01-02T15:04Z07:00")
}

// SharedKey says whether a key names an edition that each reader's zone opens:
// the other half of SlotKey.
func SharedKey(key string) bool {
	_, ok := SharedWall(key)
	return ok
}

// SharedWall is the wall clock, zoneless, that the key of such an edition names.
func SharedWall(key string) (wall time.Time, ok bool) {
	wall, err := time.Parse(sharedKey, key)
	return wall, err == nil
}

// sharedKey is a wall clock that is read in many zones.
const sharedKey = "2006-01-02T15:04"

// Cadence is a schedule in the words of a reader: on which days and when. It
// is frozen with an edition for the line that says why a reader gets it.
type Cadence struct {
	Weekdays     []time.Weekday // sorted from Sunday; seven: daily; empty: too irregular to say
	Hour, Minute int            // wall clock
	Zone         string         // IANA name, or ZoneReader
}

// EditionKind says why an edition exists.
type EditionKind string

// The kinds of edition.
const (
	KindSlot  EditionKind = "slot"  // answers a slot
	KindExtra EditionKind = "extra" // published by hand: numbered, moves the window
	KindProof EditionKind = "proof" // for one address: no number, no archive, no history
)

// EditionState is the state of an edition.
type EditionState string

// The states of an edition. Claims need one that is sending.
const (
	EditionOpen      EditionState = "open"    // published, not yet rendered and looked at
	EditionSending   EditionState = "sending" // deliveries may be claimed
	EditionHeld      EditionState = "held"    // stopped, HeldReason says why
	EditionDone      EditionState = "done"    // no delivery is left to do
	EditionAbandoned EditionState = "abandoned"
)

// HeldByPreflight begins the reason of an edition that is held because a mail
// of it breaks a rule. Such a hold ends when the rule is kept.
const HeldByPreflight = "preflight: "

var editionMoves = map[EditionState][]EditionState{
	EditionOpen:    {EditionSending, EditionHeld, EditionAbandoned},
	EditionSending: {EditionHeld, EditionDone, EditionAbandoned},
	EditionHeld:    {EditionSending, EditionDone, EditionAbandoned},
	// A resend of what was in doubt, or a later zone of the same edition,
	// brings a finished edition back.
	EditionDone: {EditionSending},
}

// EditionStates lists every state of an edition.
func EditionStates() []EditionState {
	return []EditionState{EditionOpen, EditionSending, EditionHeld, EditionDone, EditionAbandoned}
}

// May says whether an edition may go from s to next.
func (s EditionState) May(next EditionState) bool { return contains(editionMoves[s], next) }

// Edition is one issue of a digest.
type Edition struct {
	ID         EditionID
	Digest     string // the digest's name
	Title      string // the digest's title at the time
	Kind       EditionKind
	Number     int    // counts slot and extra editions of the digest from 1; zero: none
	Slot       string // SlotKey, or the instant of an extra or proof
	Instant    time.Time
	Zone       string // the zone its dates are shown in
	Language   string
	WindowFrom time.Time // articles first seen after this ...
	WindowTo   time.Time // ... and not after this
	State      EditionState
	HeldReason string
	ConfigHash string
	KeyID      byte // the token key its links and Message-IDs are made with
	Cadence    Cadence
	Subject    string    // the digest's subject template at the time
	Layout     string    // the digest's layout at the time; empty: the publication's
	Categories []string  // the digest's at the time, in the editor's order; empty: all there are
	ExpiresAt  time.Time // nothing queued is sent after this
	Published  time.Time
}

// Variant is what a group of readers gets in one edition. Readers with one
// signature share one render.
type Variant struct {
	ID         VariantID
	Edition    EditionID
	Signature  string
	Reason     string   // why nobody gets it ("below min_articles: 0 of 1"); empty: it is sent
	Language   string   // BCP 47
	Zone       string   // IANA name its times are shown in
	Categories []string // what its readers chose; nil: all of the digest's
	Default    bool     // the digest's own choice, shown by the archive
	Stories    []Told   // in order

	// Corrections are owed to its readers: they had what was wrong.
	Corrections []Correction
}

// Correction says what an edition told wrong, to those who read it there. It
// never changes; to correct a correction, make another one.
type Correction struct {
	ID    CorrectionID
	Story StoryID
	Title string // of the story, as it was told wrong
	URL   string // where it is told so
	Text  string // what was wrong and what is right, one plain line
	At    time.Time
	Wrong []ArticleID // the tellings that are wrong; only where an edition is decided
}

// Reach is whom a correction reaches.
type Reach struct {
	Readers int  // who had the error
	Waiting int  // mails with the error that are still to go: their readers are told of it later
	Again   bool // it was said before, in the same words
}

// LeftOut says why a candidate story is not in a variant.
type LeftOut struct {
	Story  StoryID
	Title  string
	Reason string // one sentence: "over max_articles (10)"
}

func contains[T comparable](list []T, x T) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}
