package explain

import (
	"io"
	"testing"
	"time"

	"courant/digest"
)

func TestListsAreShown(t *testing.T) {
	t.Parallel()
	list := Lists([]ListStanding{
		{List: "readers", Title: "All readers", Digests: []string{"morning", "evening"}, Confirm: true}, {List: "friends", Title: "Friends", Digests: []string{}},
	}, []digest.ListCount{{List: "old", Active: 2100, Suppressed: 4, Unsubscribed: 55}, {List: "readers", Active: 12345, Suppressed: 31, Pending: 12, Unsubscribed: 890}})
	golden(t, "lists.jsonl", lines(t, list))
	weeks := []digest.ListWeek{
		{List: "readers", Week: digest.Date{Year: 2026, Month: 11, Day: 9}, Joined: 300, Left: 12, LeftDigest: 7, Suppressed: 3, Readers: 12000},
		{List: "readers", Week: digest.Date{Year: 2026, Month: 11, Day: 16}, Readers: 12000},
	}
	golden(t, "lists-weeks.jsonl", lines(t, Weeks(weeks)))
	for name, look := range looks() {
		golden(t, "lists"+name+".txt", set(t, func(w io.Writer) error { return WriteLists(w, list, look) }))
		golden(t, "lists-weeks"+name+".txt", set(t, func(w io.Writer) error { return WriteWeeks(w, weeks, look) }))
	}
}

func TestDossierIsShown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	d := digest.Dossier{
		At: at.AddDate(0, 0, 22), Reader: digest.Reader{Address: "ann@example.org", Name: "Ann", Language: "de", Zone: "Europe/Berlin"}, Known: at,
		Suppressed: "hard (5.1.1 no such user)", SuppressedAt: at.AddDate(0, 0, 21),
		Subscriptions: []digest.Subscription{{List: "readers", State: digest.SubscriptionActive, Consent: "import of readers.csv", Since: at}},
		Choices:       []digest.Choices{{Digest: "morning", Frequency: digest.Weekly, Weekday: time.Monday, OnWeekday: true, PausedUntil: at.AddDate(0, 1, 0)}},
		Events: []digest.Event{
			{At: at, Kind: digest.EventImported, List: "readers", How: "import of readers.csv"}, {At: at.Add(time.Hour), Kind: digest.EventPaused, Digest: "morning", How: "page", Reason: "too much"},
		},
		Mails: []digest.Mailed{{Digest: "morning", Number: 1, Published: at, State: digest.Accepted, Reply: "250 2.0.0 Ok"}},
	}
	for i := range 10 {
		d.Mails = append(d.Mails, digest.Mailed{Digest: "morning", Number: i + 2, Published: at.AddDate(0, 0, i+1), State: digest.Bounced, Reply: "550 5.1.1 no such user"})
	}
	golden(t, "dossier.json", lines(t, []digest.Dossier{d}))
	for name, look := range looks() {
		golden(t, "dossier"+name+".txt", set(t, func(w io.Writer) error { return WriteDossier(w, d, look) }))
	}
	gone := digest.Dossier{At: d.At, Known: at, ErasedAt: at, Suppressed: "erased", SuppressedAt: at}
	golden(t, "dossier-erased.txt", set(t, func(w io.Writer) error { return WriteDossier(w, gone, Look{}) }))
}
