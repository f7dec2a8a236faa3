package digest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Dossier is all that is kept of one reader: what an operator looks at, and
// what a reader may have (GDPR, articles 15 and 20).
type Dossier struct {
	At              time.Time // of the reading, by the database's clock
	Reader          Reader
	Known           time.Time // since when
	LeftAt          time.Time // left everything; zero: has not
	ErasedAt        time.Time // the address was erased or forgotten; zero: it is there
	Suppressed      string    // why the address gets no mail; empty: it does
	SuppressedAt    time.Time
	SuppressedUntil time.Time      // zero: for ever
	Subscriptions   []Subscription // by list
	Choices         []Choices      // by digest
	Events          []Event        // oldest first
	Mails           []Mailed       // oldest first, as far as the ledger is kept
	Returned        []Returned     // oldest first
}

// Mailed is one edition's mail to the reader, or what became of it.
type Mailed struct {
	Edition   EditionID
	Digest    string
	Title     string // of the digest
	Number    int    // zero: a proof
	Published time.Time
	State     DeliveryState
	SettledAt time.Time // zero: not settled
	Reply     string
	MessageID string
}

// Returned is a mail that came back about the reader.
type Returned struct {
	At         time.Time
	Kind       ReportKind
	Recipients []ReportRecipient
}

// Rests says until when a digest rests for the reader; zero: it doesn't.
func (d Dossier) Rests(digest string) time.Time {
	i := slices.IndexFunc(d.Choices, func(c Choices) bool { return c.Digest == digest && c.PausedUntil.After(d.At) })
	if i < 0 {
		return time.Time{}
	}
	return d.Choices[i].PausedUntil
}

// FrequencyWord is the choice as files of readers have it: "every", "daily",
// "weekly", "weekly:monday".
func (c Choices) FrequencyWord() string {
	switch {
	case c.Frequency == "":
		return string(EveryEdition)
	case c.Frequency == Weekly && c.OnWeekday:
		return string(c.Frequency) + ":" + strings.ToLower(c.Weekday.String())
	}
	return string(c.Frequency)
}

// The machine-readable form. Times are UTC; what does not apply is left out.
type (
	dossierJSON struct {
		ExportedAt       time.Time          `json:"exported_at"`
		Address          string             `json:"address"`
		Name             string             `json:"name,omitempty"`
		Language         string             `json:"language,omitempty"`
		TimeZone         string             `json:"time_zone,omitempty"`
		KnownSince       time.Time          `json:"known_since"`
		LeftEverythingAt time.Time          `json:"left_everything_at,omitzero"`
		ErasedAt         time.Time          `json:"erased_at,omitzero"`
		Suppressed       *suppressedJSON    `json:"suppressed,omitempty"`
		Subscriptions    []subscriptionJSON `json:"subscriptions"`
		Choices          []choicesJSON      `json:"choices"`
		Events           []eventJSON        `json:"events"`
		Mails            []mailedJSON       `json:"mails"`
		Returned         []returnedJSON     `json:"returned"`
	}
	suppressedJSON struct {
		Reason string    `json:"reason"`
		Since  time.Time `json:"since"`
		Until  time.Time `json:"until,omitzero"`
	}
	subscriptionJSON struct {
		List    string            `json:"list"`
		State   SubscriptionState `json:"state"`
		Consent string            `json:"consent"`
		Since   time.Time         `json:"since"`
		EndedAt time.Time         `json:"ended_at,omitzero"`
	}
	choicesJSON struct {
		Digest      string    `json:"digest"`
		Frequency   string    `json:"frequency"`
		Categories  []string  `json:"categories"` // null: all
		LeftAt      time.Time `json:"left_at,omitzero"`
		PausedUntil time.Time `json:"paused_until,omitzero"`
		PausedWhy   string    `json:"paused_why,omitempty"`
		Since       time.Time `json:"since"`
	}
	eventJSON struct {
		At     time.Time `json:"at"`
		Kind   EventKind `json:"kind"`
		Digest string    `json:"digest,omitempty"`
		List   string    `json:"list,omitempty"`
		Merged string    `json:"merged,omitempty"`
		From   string    `json:"from,omitempty"`
		To     string    `json:"to,omitempty"`
		How    string    `json:"how,omitempty"`
		Reason string    `json:"reason,omitempty"`
	}
	mailedJSON struct {
		Digest    string        `json:"digest"`
		Title     string        `json:"title"`
		Edition   int           `json:"edition,omitempty"`
		Published time.Time     `json:"published_at"`
		State     DeliveryState `json:"state"`
		SettledAt time.Time     `json:"settled_at,omitzero"`
		Reply     string        `json:"reply,omitempty"`
		MessageID string        `json:"message_id,omitempty"`
	}
	returnedJSON struct {
		At         time.Time       `json:"at"`
		Kind       ReportKind      `json:"kind"`
		Recipients []recipientJSON `json:"recipients"`
	}
	recipientJSON struct {
		Address string `json:"address,omitempty"`
		Status  string `json:"status,omitempty"`
		Class   Class  `json:"class,omitempty"`
		Said    string `json:"said,omitempty"`
	}
)

// MarshalJSON is the form that a reader is given and that `courant readers
// show --json` prints: one object, the same for both.
func (d Dossier) MarshalJSON() ([]byte, error) {
	doc := dossierJSON{
		ExportedAt: d.At.UTC(), Address: d.Reader.Address, Name: d.Reader.Name, Language: d.Reader.Language, TimeZone: d.Reader.Zone,
		KnownSince: d.Known.UTC(), LeftEverythingAt: utc(d.LeftAt), ErasedAt: utc(d.ErasedAt),
		Subscriptions: []subscriptionJSON{}, Choices: []choicesJSON{}, Events: []eventJSON{}, Mails: []mailedJSON{}, Returned: []returnedJSON{},
	}
	if d.Suppressed != "" {
		doc.Suppressed = &suppressedJSON{d.Suppressed, d.SuppressedAt.UTC(), utc(d.SuppressedUntil)}
	}
	for _, s := range d.Subscriptions {
		doc.Subscriptions = append(doc.Subscriptions, subscriptionJSON{s.List, s.State, s.Consent, s.Since.UTC(), utc(s.EndedAt)})
	}
	for _, c := range d.Choices {
		doc.Choices = append(doc.Choices, choicesJSON{c.Digest, c.FrequencyWord(), c.Categories, utc(c.LeftAt), utc(c.PausedUntil), c.PausedWhy, c.Since.UTC()})
	}
	for _, e := range d.Events {
		doc.Events = append(doc.Events, eventJSON{e.At.UTC(), e.Kind, e.Digest, e.List, e.Merged, e.From, e.To, e.How, e.Reason})
	}
	for _, m := range d.Mails {
		doc.Mails = append(doc.Mails, mailedJSON{m.Digest, m.Title, m.Number, m.Published.UTC(), m.State, utc(m.SettledAt), m.Reply, m.MessageID})
	}
	for _, r := range d.Returned {
		doc.Returned = append(doc.Returned, r.json())
	}
	return json.Marshal(doc)
}

func (r Returned) json() returnedJSON {
	doc := returnedJSON{r.At.UTC(), r.Kind, []recipientJSON{}}
	for _, c := range r.Recipients {
		doc.Recipients = append(doc.Recipients, recipientJSON(c))
	}
	return doc
}

// utc leaves the zero time what it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
