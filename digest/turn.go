package digest

import "time"

// AskerID names a process that asks servers for documents, for as long as it
// does so without a longer rest. A later one has a higher number.
type AskerID int64

// Asker is a process that asks servers, and what it must know of the others
// on its database before it may.
type Asker struct {
	ID      AskerID
	Others  int           // that are alive
	Unaware int           // of those, who don't know of this one yet: until they do, it asks nobody
	Newest  AskerID       // the last that came, alive or not
	Died    time.Duration // since one that died could have asked anybody last; 0: none died lately

	// What servers were asked by others lately, filled in when it comes: the
	// time since their last answer.
	Rested map[string]time.Duration
}

// Turn is a server's answer to who wants to ask it next.
type Turn struct {
	Mine   bool
	Rested time.Duration // since the last answer to anybody; 0: long
	Held   time.Time     // until when it asked to be left alone; zero: it didn't
}
