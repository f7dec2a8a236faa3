package digest

import "time"

// ListCount is how many readers a list has, by how they stand to it. A reader
// is in exactly one of the counts.
type ListCount struct {
	List         string
	Active       int // get its digests
	Suppressed   int // on the list, but the address gets no mail
	Pending      int // have yet to confirm
	Unsubscribed int // left, or were taken off; also those whose address is forgotten
}

// ListWeek is what came and went on a list in one week.
type ListWeek struct {
	List       string
	Week       Date // its Monday; the week is one of UTC
	Joined     int  // came onto the list
	Left       int  // left the list or everything, or were taken off
	LeftDigest int  // stayed on the list, and left one of its digests
	Suppressed int  // bounced for good, complained, were barred
	Readers    int  // who got its digests at the week's end
}

// Merge is what one portion of the merging of two lists did.
type Merge struct {
	Moved int // were on the one list only
	Both  int // were on both
	Ended int // of Both: had left one of the two, and so leave the other
	Left  int // on the list that is merged, and still to come
}

// Pause lets digests rest for a reader.
type Pause struct {
	At      time.Time
	Until   time.Time // zero: they go on at once
	Digests []string
	How     string // "page", "editor", "api"
	Why     string // what a reader is shown beside it; empty: nothing
	Own     bool   // the reader's own wish: no file changes these choices any more
}
