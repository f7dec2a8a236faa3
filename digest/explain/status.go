package explain

import (
	"maps"
	"slices"
	"time"

	"courant/digest"
)

// Situation is what the rows and the process beside us tell of now.
type Situation struct {
	At        time.Time
	Editions  []digest.Progress // oldest first
	Processes []digest.Process
	Relays    []digest.RelayCount  // of the process at desk_listen; nil: none answered
	Config    ConfigInForce        // of that process, too
	Limits    []digest.Submission  // of all relays of this host's config
	Domains   []digest.LeftAlone   // mail domains that take nothing now
	Letters   []digest.LetterTally // under way, and those of the last day that failed
	Sources   []digest.SourceState
	Movers    digest.Movers     // who came to another zone, and no clock has looked at it
	Doubt     string            // why this host may not send before an operator says so; empty: it may
	Slots     []digest.Slot     // the next of each digest; of one in readers' zones the first of them
	Titles    map[string]string // of digests
}

// ConfigInForce is the config that a process works by.
type ConfigInForce struct {
	Hash  string // empty: nobody tells
	File  string // the hash of the one in the file
	OK    bool   // the process did not refuse what is in the file
	Since time.Time
}

// fault is what to say of the config; empty: nothing.
func (c ConfigInForce) fault() string {
	switch {
	case c.Hash == "":
	case !c.OK:
		return "The process at desk_listen refused the config as it was saved last, and works by the one before, in force since " +
			c.Since.Format("2 January, 15:04 UTC") + ": its log says which line"
	case c.Hash != c.File:
		return "The process at desk_listen works by another config, in force since " + c.Since.Format("2 January, 15:04 UTC") +
			": it takes what is saved within seconds, or at SIGHUP; if this stays, it was started with another file"
	}
	return ""
}

// Going says whether anything is under way: an edition that is about to be sent
// or is being sent. One that is held waits for a person.
func (s Situation) Going() bool {
	return slices.ContainsFunc(s.Editions, func(p digest.Progress) bool {
		return p.Edition.State == digest.EditionOpen || p.Edition.State == digest.EditionSending
	})
}

// eta is how long an edition takes at the rate of now and by the relays'
// limits, which the editions before it spend as well; limited: they decide.
func (s Situation) eta(of digest.Progress) (left time.Duration, limited, ok bool) {
	left, ok = of.ETA()
	if of.Edition.State != digest.EditionSending {
		return 0, false, false
	}
	n := 0
	for _, p := range s.Editions {
		if p.Edition.State == digest.EditionSending {
			n += p.Tally().Unfinished() - p.Deferred()
		}
		if p.Edition.ID == of.Edition.ID {
			break
		}
	}
	// What takes less than a moment is the relays' pace, and the rate knows it.
	if held := digest.HeldUp(s.Limits, n); held > max(left, heldUpFor) && of.Tally().Unfinished() > of.Deferred() {
		return held, true, true
	}
	return left, false, ok
}

// heldUpFor is from when on a spent limit is told: one of a second is always
// spent while mail goes out.
const heldUpFor = 5 * time.Second

// deferredState is queued with attempts behind it, which people want told apart.
const deferredState = "deferred"

// EditionStatus is one edition of a status, as --json gives it.
type EditionStatus struct {
	Kind         string         `json:"kind"` // "edition"
	Digest       string         `json:"digest"`
	Edition      *int           `json:"edition"` // its number; null: a proof
	State        string         `json:"state"`
	HeldReason   string         `json:"held_reason"`
	Slot         time.Time      `json:"slot"`
	Published    time.Time      `json:"published"`
	Finished     *time.Time     `json:"finished"`
	Total        int            `json:"total"`
	Deliveries   map[string]int `json:"deliveries"` // by state, all states; deferred ones are not in queued
	Rate         float64        `json:"rate"`       // a second, over the last ten
	ETA          *float64       `json:"eta_seconds"`
	LastAccepted *time.Time     `json:"last_accepted"`
	Said         []Said         `json:"said"`
	Moved        *MovedStatus   `json:"moved"` // null: nobody moved while it opened from zone to zone
}

// MovedStatus counts who moved to another zone while an edition of readers'
// zones opened.
type MovedStatus struct {
	Before   int `json:"before"`   // had it by the zone they left: it does not come again
	Ahead    int `json:"ahead"`    // got it at its hour in the zone they came to
	Followed int `json:"followed"` // got it after they had come to a zone where its hour was over
	Without  int `json:"without"`  // have none so far; courant why says why
}

// MoversStatus is who moved to another zone and waits for the next look at the
// clock, which brings what passed by on the way.
type MoversStatus struct {
	Kind    string    `json:"kind"` // "movers"
	Readers int       `json:"readers"`
	Since   time.Time `json:"since"` // when the first of them moved
	Zones   []string  `json:"zones"` // where they are now; empty: the digest's own
}

// AdoptionStatus says that this host may not send what the database holds.
type AdoptionStatus struct {
	Kind    string `json:"kind"` // "adoption"
	Adopted bool   `json:"adopted"`
	Reason  string `json:"reason"`
}

// Said is what the servers said about deliveries that were not accepted, and
// about how many.
type Said struct {
	State      string       `json:"state"` // deferred, refused or in doubt
	Class      digest.Class `json:"class"`
	Deliveries int          `json:"deliveries"`
	Attempts   int          `json:"attempts"` // the most that one of them has behind it
	Next       *time.Time   `json:"next"`     // when the first of them is tried again
	Reply      string       `json:"reply"`    // for one of them, without addresses
}

// ProcessStatus is a process at work.
type ProcessStatus struct {
	Kind    string  `json:"kind"` // "process"
	Owner   string  `json:"owner"`
	Host    string  `json:"host"`
	Lanes   int     `json:"lanes"`
	InHands int     `json:"in_hands"`
	Lease   float64 `json:"lease_seconds"` // negative: over, others take its rows
}

// RelayStatus is what a relay did for the process at desk_listen since that
// started.
type RelayStatus struct {
	Kind     string                 `json:"kind"` // "relay"
	Relay    string                 `json:"relay"`
	Attempts map[digest.Verdict]int `json:"attempts"`
	Rate     *float64               `json:"rate"` // accepted a second since the last look; null: this is the first
}

// ConfigStatus is the config by which the process at desk_listen works.
type ConfigStatus struct {
	Kind  string    `json:"kind"` // "config"
	OK    bool      `json:"ok"`   // false: what is in the file was refused
	Hash  string    `json:"hash"` // as editions keep it
	File  string    `json:"file"` // the hash of what is in the file
	Since time.Time `json:"since"`
}

// LimitStatus is how a limit of a relay stands, over all processes.
type LimitStatus struct {
	Kind    string     `json:"kind"` // "limit"
	Relay   string     `json:"relay"`
	Limit   string     `json:"limit"` // as in the config, 14000/day
	Spent   int        `json:"spent"`
	Reached bool       `json:"reached"`
	Next    *time.Time `json:"next"` // when a mail may go again; null: now
}

// DomainStatus is a mail domain that is left alone.
type DomainStatus struct {
	Kind     string       `json:"kind"` // "domain"
	Domain   string       `json:"domain"`
	Class    digest.Class `json:"class"`
	Said     string       `json:"said"` // the server's words
	Since    time.Time    `json:"since"`
	Openings int          `json:"openings"`   // in a row
	Next     time.Time    `json:"next_probe"` // when one mail may try; in the past: with the next claim
	Probing  bool         `json:"probing"`    // one is trying
	Waiting  int          `json:"waiting"`    // deliveries
}

// LetterStatus is how many letters of a kind are in a state.
type LetterStatus struct {
	Kind     string               `json:"kind"` // "letters"
	Letter   digest.LetterKind    `json:"letter"`
	State    digest.DeliveryState `json:"state"`
	Letters  int                  `json:"letters"`
	Deferred int                  `json:"deferred"` // of queued ones
	Next     *time.Time           `json:"next"`     // of queued ones: when the first goes out
	Said     string               `json:"said"`     // the server's words for one of them
}

// SlotStatus is the next slot of a digest.
type SlotStatus struct {
	Kind   string    `json:"kind"` // "slot"
	Digest string    `json:"digest"`
	Slot   time.Time `json:"slot"`
	Local  time.Time `json:"local"`
	Zone   string    `json:"zone"`
}

// SourceTrouble is a source that is not up. Those that are have no line:
// `courant sources` tells of all.
type SourceTrouble struct {
	Kind      string                 `json:"kind"` // "source"
	Source    string                 `json:"source"`
	Condition digest.SourceCondition `json:"condition"`
	Since     *time.Time             `json:"since"`
	Error     string                 `json:"error"`
}

// troubled are the sources that need a look.
func (s Situation) troubled() (list []SourceTrouble) {
	for _, state := range s.Sources {
		switch c := state.Condition(s.At); c {
		case digest.SourceDead, digest.SourceSilent, digest.SourceFailing:
			list = append(list, SourceTrouble{"source", state.Source.Name, c, utcOrNull(state.TroubleSince(s.At)), state.Error})
		}
	}
	return list
}

// Status is a situation as objects: editions, processes, relays,
// limits, domains, letters, sources in trouble, readers who moved, the config, slots.
func Status(s Situation) []any {
	var list []any
	for _, p := range s.Editions {
		list = append(list, s.editionStatus(p))
	}
	for _, p := range s.Processes {
		list = append(list, ProcessStatus{"process", p.Owner, p.Host, len(p.Lanes), s.inHands(p), p.Lease.Round(time.Millisecond).Seconds()})
	}
	for _, r := range s.Relays {
		n := RelayStatus{Kind: "relay", Relay: r.Relay, Attempts: r.Attempts}
		if r.Rate >= 0 {
			n.Rate = &r.Rate
		}
		list = append(list, n)
	}
	for _, r := range s.Limits {
		for _, l := range r.Limits {
			n := LimitStatus{Kind: "limit", Relay: r.Relay, Limit: l.String(), Spent: l.Total(), Reached: l.Next() > 0}
			if n.Reached {
				n.Next = utcOrNull(s.At.Add(l.Next()).Truncate(time.Millisecond))
			}
			list = append(list, n)
		}
	}
	for _, d := range s.Domains {
		list = append(list, DomainStatus{"domain", d.Domain, d.Class, digest.WithoutAddresses(d.Said), d.Since.UTC(), d.Openings,
			s.At.Add(d.Left).UTC().Truncate(time.Millisecond), d.Probing, d.Waiting})
	}
	for _, l := range s.Letters {
		n := LetterStatus{Kind: "letters", Letter: l.Kind, State: l.State, Letters: l.N, Deferred: l.Deferred, Said: digest.WithoutAddresses(l.Said)}
		if l.State == digest.Queued {
			n.Next = utcOrNull(s.At.Add(l.Next).Truncate(time.Millisecond))
		}
		list = append(list, n)
	}
	for _, t := range s.troubled() {
		list = append(list, t)
	}
	if m := s.Movers; m.Readers > 0 {
		list = append(list, MoversStatus{"movers", m.Readers, m.Since.UTC(), m.Zones})
	}
	if s.Doubt != "" {
		list = append(list, AdoptionStatus{"adoption", false, s.Doubt})
	}
	if c := s.Config; c.Hash != "" {
		list = append(list, ConfigStatus{"config", c.OK, c.Hash, c.File, c.Since.UTC()})
	}
	for _, slot := range s.Slots {
		list = append(list, SlotStatus{"slot", slot.Digest, slot.Instant.UTC(), slot.Instant.In(zoneOf(slot.Zone)), slot.Zone})
	}
	return list
}

func (s Situation) inHands(of digest.Process) int {
	n := 0
	for _, p := range s.Editions {
		n += p.InHands(of)
	}
	return n
}

func (s Situation) editionStatus(p digest.Progress) EditionStatus {
	e := p.Edition
	n := EditionStatus{
		Kind: "edition", Digest: e.Digest, State: string(e.State), HeldReason: e.HeldReason, Slot: e.Instant.UTC(), Published: e.Published.UTC(),
		Finished: utcOrNull(p.Finished), Total: p.Tally().Total(), Deliveries: byState(p), Rate: p.Rate(),
		LastAccepted: utcOrNull(p.LastAccepted()), Said: []Said{},
	}
	if e.Number > 0 {
		n.Edition = &e.Number
	}
	if p.Moved != (digest.Travelled{}) {
		n.Moved = &MovedStatus{p.Moved.Before, p.Moved.Ahead, p.Moved.Followed, p.Moved.Without}
	}
	if left, _, ok := s.eta(p); ok {
		seconds := left.Seconds()
		n.ETA = &seconds
	}
	for _, c := range p.Complaints() {
		said := Said{State: string(c.State), Class: c.Class, Deliveries: c.N, Attempts: c.Attempts, Reply: digest.WithoutAddresses(c.Said)}
		if c.Deferred {
			said.State, said.Next = deferredState, utcOrNull(c.Next)
		}
		n.Said = append(n.Said, said)
	}
	return n
}

// byState counts all states, deferred apart from queued.
func byState(p digest.Progress) map[string]int {
	counts := map[string]int{deferredState: p.Deferred()}
	for _, state := range digest.DeliveryStates() {
		counts[string(state)] = 0
	}
	for state, n := range maps.All(p.Tally()) {
		counts[string(state)] = n
	}
	counts[string(digest.Queued)] -= p.Deferred()
	return counts
}

func utcOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func zoneOf(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
