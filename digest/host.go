package digest

import (
	"errors"
	"time"
)

// Host is a data_dir that works a database, as both know it.
type Host struct {
	ID      string // random; what the data_dir keeps
	Name    string // of the machine, for people
	DataDir string
	FoundAt string    // what and where the database was when it began; empty: can't be told
	Pulse   int64     // counts on while it delivers
	Seen    time.Time // its last pulse, by the database's clock
}

// ErrNotAdopted says that a host may not send what a database holds: the
// database is a copy, or may be one, until an operator says otherwise.
var ErrNotAdopted = errors.New("not adopted")
