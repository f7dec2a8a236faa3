package digest

import "time"

// Order asks for one edition.
type Order struct {
	Digest      Digest
	Kind        EditionKind
	Slot        Slot      // for KindSlot
	Moved       bool      // for KindSlot: only for readers who came to the slot's zone after it was due there
	Address     string    // for KindProof: the only reader
	Now         time.Time // the instant of an extra or proof, and the end of the window
	FirstWindow time.Time // where the window of a digest's first edition begins
	ConfigHash  string
	KeyID       byte
	Cadence     Cadence
	// Known lists the stories there are that the candidates of a material tell,
	// so that only what readers had of those is looked up. The material has no
	// groups yet. Nil: any that was told lately may be among them.
	Known func(Material) []Known
}

// Known is a story that candidates tell and that there was before.
type Known struct {
	ID     StoryID
	Newest time.Time // when the last of its candidates was first seen; zero: it is told whatever a reader's window
}

// Group is the readers of an edition's audience who must be treated alike:
// same choices, same zone, same stories had, same window.
type Group struct {
	Key        int64    // names the group within one publication
	Categories []string // sorted; nil: all of the digest's
	Language   string   // BCP 47; empty: the digest's
	Zone       string   // IANA name
	Since      time.Time
	Had        []StoryID      // of the candidates' stories, sorted
	Returned   []StoryID      // that an edition of theirs left out because another mail was to tell them, and it never came: they may be older than the window; sorted
	Owed       []CorrectionID // of stories they had before it was made, sorted: oldest first
	Readers    int
}

// Material is all that publishing an edition is decided from.
type Material struct {
	Digest      Digest
	Edition     Edition     // Number, window and instant are set, ID is not
	Candidates  []Candidate // articles of the digest's categories, newest first; and what is pinned, however old
	Sent        []Story     // stories any digest sent in the last 72 hours, for folding
	Marks       []Mark      // of editors, in force for the digest at the edition's moment
	Dropped     []Story     // what was dropped of the last 72 hours, sent or not, for folding; ID is zero where there is none
	Groups      []Group
	Corrections []Correction    // those lately made, that a group may be owed
	Older       int             // articles of its categories that came in since the digest's last edition, but lie before every window; only where publishing is foreseen
	Firsts      map[string]Date // the digest's first day for each of its lists; only where publishing is foreseen
	OnLists     map[string]int  // readers of the audience by list; only where publishing is foreseen
	Brought     int             // readers who came to the slot's zone with the edition, which they have by another one; only where publishing is foreseen
	Answered    bool            // Edition answers the slot already, or tells in HeldReason why it was skipped; there is nothing to decide
}

// Draft is a variant before it has a row.
type Draft struct {
	Signature  string
	Groups     []int64 // keys of the groups that get it
	Reason     string  // why nobody gets it; empty: it is sent
	Language   string
	Zone       string
	Categories []string
	Default    bool
	Stories    []int          // indexes into Composition.Stories, in order
	LeftOut    map[int]string // index into Composition.Stories -> reason

	Corrections []Correction // brought to its readers
}

// Fold is one story of a composition: a known one, or one to be made.
type Fold struct {
	Told     Told        // Told.Story is zero for a new story
	Articles []ArticleID // every candidate article that tells it
	Why      string      // what was folded into what, and why; empty for a single article
	Rank     string      // why it stands where it does among the others; empty: by newness
	Ties     []string    // by Articles: what ties the article to the story; empty: nothing but the story it had; nil: not told
}

// Composition is what publish decided from a Material: pure, so the same
// material gives the same composition.
type Composition struct {
	Stories  []Fold
	Variants []Draft
}
