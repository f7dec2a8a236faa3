package digest

// The identities of rows. Each is a type of its own so that the compiler
// refuses an edition where a reader belongs. Zero names no row.
type (
	// ReaderID names a reader; an erased reader keeps it as a tombstone.
	ReaderID int64
	// ArticleID names one article of one source.
	ArticleID int64
	// StoryID names a story; it never changes once the story was sent.
	StoryID int64
	// EditionID names an edition of any digest and kind.
	EditionID int64
	// VariantID names a variant of an edition.
	VariantID int64
	// CorrectionID names a correction of a story.
	CorrectionID int64
	// LaneID names a lane: one connection of one process.
	LaneID int64
)
