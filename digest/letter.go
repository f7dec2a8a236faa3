package digest

import (
	"errors"
	"slices"
	"time"
)

// LetterID names a letter.
type LetterID int64

// LetterKind says what a letter is for. Its link does that and nothing else.
type LetterKind string

// The kinds of letters.
const (
	LetterConfirm LetterKind = "confirm" // a sign-up is to be confirmed
	LetterManage  LetterKind = "manage"  // the link to one's choices, asked for by address
	LetterAddress LetterKind = "address" // a change of address is to be confirmed, at the new one
	LetterMoved   LetterKind = "moved"   // the address was changed, told at the old one
	LetterExport  LetterKind = "export"  // the link to all that is kept of a reader
	LetterErase   LetterKind = "erase"   // the link to the button that erases
)

// LetterKinds lists every kind.
func LetterKinds() []LetterKind {
	return []LetterKind{LetterConfirm, LetterManage, LetterAddress, LetterMoved, LetterExport, LetterErase}
}

// Lasts is how long the link of a letter works, and so how long it is worth
// sending.
func (k LetterKind) Lasts() time.Duration {
	switch k {
	case LetterConfirm:
		return 7 * 24 * time.Hour
	case LetterExport, LetterErase:
		return time.Hour
	}
	return 24 * time.Hour
}

// Purpose is what the token of a letter's link may be used for.
func (k LetterKind) Purpose() Purpose {
	switch k {
	case LetterConfirm:
		return PurposeConfirm
	case LetterManage:
		return PurposeManage
	case LetterAddress:
		return PurposeAddress
	case LetterMoved:
		return PurposeMoved
	case LetterExport:
		return PurposeExport
	}
	return PurposeErase
}

// Path is where the link of a letter leads, below the public address.
func (k LetterKind) Path() string {
	switch k {
	case LetterConfirm:
		return "/c/"
	case LetterManage:
		return "/m/"
	case LetterAddress, LetterMoved:
		return "/n/"
	case LetterExport:
		return "/x/"
	}
	return "/e/"
}

// Letter is a mail to one person outside any edition, and the row that its
// link names. The row is authoritative for kind, time and use; its states are
// those of deliveries, from Queued to Refused, InDoubt, Cancelled and Expired.
type Letter struct {
	ID        LetterID
	Kind      LetterKind
	Reader    ReaderID // zero: nobody we know yet, or one who was erased
	Address   string   // where it goes; empty: forgotten
	Language  string   // BCP 47; empty: the publication's
	SignUps   []SignUp // of LetterConfirm: what is to be confirmed, by list
	KeyID     byte     // the token key, so that each try makes the same links
	State     DeliveryState
	Attempts  int
	MadeAt    time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero: not used
	Over      bool      // its time is over by the database's clock
	Owner     string    // who sends it, while it is claimed or sending ...
	Fence     int64     // ... and which of its claims that is
}

// Usable says whether the link still does what it is for.
func (l Letter) Usable() bool { return !l.Over && l.UsedAt.IsZero() && l.State != Cancelled }

// Ref is the letter where a delivery's is asked for: no edition has number zero.
func (l LetterID) Ref() Ref { return Ref{Reader: ReaderID(l)} }

// SignUp is what somebody asks for at a list, before it is confirmed. Nothing
// in it is free text: names of the config, and codes that were looked up.
type SignUp struct {
	List       string
	Digests    []string // those of the list that are wanted, in its order
	Categories []string // nil: all
	Frequency  Frequency
	Zone       string // IANA name; empty: the digest's
	Language   string // BCP 47; empty: the digest's
	How        string // "page", "form", "api"
	Text       string // which version of the text was consented to
}

// Equal says whether two sign-ups ask for the same.
func (s SignUp) Equal(o SignUp) bool {
	return s.List == o.List && slices.Equal(s.Digests, o.Digests) && (s.Categories == nil) == (o.Categories == nil) &&
		slices.Equal(s.Categories, o.Categories) && s.Frequency == o.Frequency && s.Zone == o.Zone && s.Language == o.Language
}

// Offer is a list with the digests that it brings.
type Offer struct {
	List    string
	Digests []OfferedDigest
}

// OfferedDigest is a digest as an offer names it.
type OfferedDigest struct {
	Name       string
	Categories []string
}

// Brings finds a digest of the list.
func (o Offer) Brings(name string) (OfferedDigest, bool) {
	i := slices.IndexFunc(o.Digests, func(d OfferedDigest) bool { return d.Name == name })
	if i < 0 {
		return OfferedDigest{}, false
	}
	return o.Digests[i], true
}

// ErrChanged says that what was to be done is not what was shown any more.
var ErrChanged = errors.New("changed meanwhile")

// LetterAsk asks for a letter.
type LetterAsk struct {
	Kind     LetterKind
	Reader   ReaderID // zero: whoever has the address
	Address  string   // as ParseAddress gives it
	Hash     []byte   // Keyring.AddressHash of it
	Language string
	SignUp   SignUp // of LetterConfirm
	KeyID    byte
	Network  []byte // Keyring.NetworkHash of who asks; nil: a reader whom a link let in, whom no budget of networks holds up
	Budgets  LetterBudgets
	// Wait is how long an address that said "this was not me" is left in peace.
	Wait time.Duration
}

// LetterBudgets is how many letters strangers can have sent. A zero budget
// bounds nothing.
type LetterBudgets struct {
	PerAddress, PerNetwork, InAll Budget
}

// ErrLetterBudget says that a network, or all together, asked for too many
// letters. It never depends on the address.
var ErrLetterBudget = errors.New("too many letters were asked for")

// LetterOutcome is what became of one try to send a letter.
type LetterOutcome struct {
	Letter    Letter
	Outcome   Outcome
	Withdrawn bool          // nothing was tried: it goes back
	RetryIn   time.Duration // of one that goes back
}

// LetterTally is how many letters are in a state.
type LetterTally struct {
	Kind     LetterKind
	State    DeliveryState
	N        int
	Deferred int           // of queued ones: tried before
	Next     time.Duration // of queued ones: until the first of them is due
	Said     string        // what a server said last
}
