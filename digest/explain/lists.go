package explain

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// ListStanding is a list of the config, or of the rows alone, with its readers.
type ListStanding struct {
	List         string   `json:"list"`
	Title        string   `json:"title"`
	Digests      []string `json:"digests"`    // that go to it
	Confirm      bool     `json:"confirm"`    // double opt-in
	Configured   bool     `json:"configured"` // false: only the rows know it
	Active       int      `json:"active"`
	Suppressed   int      `json:"suppressed"`
	Pending      int      `json:"pending"`
	Unsubscribed int      `json:"unsubscribed"`
}

// Lists joins the lists of the config with the counts of the rows. A list that
// the config no longer has comes last.
func Lists(configured []ListStanding, counts []digest.ListCount) []ListStanding {
	list := slices.Clone(configured)
	for i := range list {
		list[i].Configured = true
	}
	for _, c := range counts {
		i := slices.IndexFunc(list, func(s ListStanding) bool { return s.List == c.List })
		if i < 0 {
			i = len(list)
			list = append(list, ListStanding{List: c.List, Digests: []string{}})
		}
		list[i].Active, list[i].Suppressed, list[i].Pending, list[i].Unsubscribed = c.Active, c.Suppressed, c.Pending, c.Unsubscribed
	}
	return list
}

// WriteLists writes for people how many readers each list has.
func WriteLists(w io.Writer, list []ListStanding, look Look) error {
	s := &sheet{look: look}
	names := []string{"list"}
	for _, l := range list {
		names = append(names, l.List)
	}
	column := widest(32, names...)
	if len(list) > 0 {
		s.line(4, piece{faint, pad("list", column) + figures("active", "suppressed", "pending", "left") + "  digests"})
	}
	for _, l := range list {
		digests := piece{text: strings.Join(l.Digests, ", ")}
		switch {
		case !l.Configured:
			digests = piece{warning, "not in the config; `courant lists merge` moves its readers"}
		case len(l.Digests) == 0:
			digests = piece{warning, "no digest goes to it"}
		}
		s.line(column+2, piece{strong, pad(l.List, column)},
			piece{text: figures(strconv.Itoa(l.Active), strconv.Itoa(l.Suppressed), strconv.Itoa(l.Pending), strconv.Itoa(l.Unsubscribed)) + "  "}, digests)
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// figures sets cells of a table of numbers, each with the blanks before it.
func figures(cells ...string) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString("  " + left(c, 10))
	}
	return b.String()
}

// WeekOf is one week of a list, as --json gives it.
type WeekOf struct {
	List       string `json:"list"`
	Week       string `json:"week"` // its Monday
	Joined     int    `json:"joined"`
	Left       int    `json:"left"`
	LeftDigest int    `json:"left_digest"`
	Suppressed int    `json:"suppressed"`
	Readers    int    `json:"readers"`
}

// Weeks are the weeks of lists as objects.
func Weeks(weeks []digest.ListWeek) []WeekOf {
	list := make([]WeekOf, len(weeks))
	for i, w := range weeks {
		list[i] = WeekOf{w.List, w.Week.String(), w.Joined, w.Left, w.LeftDigest, w.Suppressed, w.Readers}
	}
	return list
}

// WriteWeeks writes the weeks of one list for people, the running one last.
func WriteWeeks(w io.Writer, weeks []digest.ListWeek, look Look) error {
	s := &sheet{look: look}
	for i, k := range weeks {
		if i == 0 {
			s.line(0, piece{strong, k.List})
			s.line(4, piece{faint, pad("week of", 10) + figures("joined", "left", "a digest", "suppressed", "readers")})
		}
		s.line(4, piece{text: k.Week.String() + figures(strconv.Itoa(k.Joined), strconv.Itoa(k.Left), strconv.Itoa(k.LeftDigest), strconv.Itoa(k.Suppressed), strconv.Itoa(k.Readers))})
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// ListedReader is a reader of a list, as --json gives it.
type ListedReader struct {
	Address    string     `json:"address"`
	Name       string     `json:"name"`
	TimeZone   string     `json:"time_zone"`
	Language   string     `json:"language"`
	State      string     `json:"state"`
	Since      time.Time  `json:"since"`
	Consent    string     `json:"consent"`
	Suppressed string     `json:"suppressed"` // why the address gets no mail; empty: it does
	Choices    []ChosenOf `json:"choices"`
}

// ChosenOf is what a reader chose for one digest.
type ChosenOf struct {
	Digest      string     `json:"digest"`
	Frequency   string     `json:"frequency"`
	Categories  []string   `json:"categories"` // null: all
	LeftAt      *time.Time `json:"left_at"`
	PausedUntil *time.Time `json:"paused_until"`
}

// Readers are the readers of a list as objects.
func Readers(page []digest.Listed) []ListedReader {
	list := make([]ListedReader, len(page))
	for i, l := range page {
		list[i] = ListedReader{l.Address, l.Name, l.Zone, l.Language, string(l.State), l.Since.UTC(), l.Consent, l.Suppressed, []ChosenOf{}}
		for _, c := range l.Choices {
			list[i].Choices = append(list[i].Choices, ChosenOf{c.Digest, c.FrequencyWord(), c.Categories, utcOrNull(c.LeftAt), utcOrNull(c.PausedUntil)})
		}
	}
	return list
}

// mostShown is how many of the last mails and events are shown to people.
const mostShown = 8

// WriteDossier writes for people what is kept of one reader: how they stand,
// what they chose, and the last of what happened.
func WriteDossier(w io.Writer, d digest.Dossier, look Look) error {
	s := &sheet{look: look}
	s.reader(digest.Account{
		Reader: d.Reader, Erased: !d.ErasedAt.IsZero(), LeftAt: d.LeftAt, Suppressed: d.Suppressed, SuppressedAt: d.SuppressedAt,
		Subscriptions: d.Subscriptions, Choices: d.Choices,
	})
	s.line(4, piece{faint, "  known since " + stamp(d.Known)})
	writeLately(s, d)
	_, err := w.Write(s.out.Bytes())
	return err
}

// writeLately writes the last events and mails.
func writeLately(s *sheet, d digest.Dossier) {
	if n := len(d.Events); n > 0 {
		s.line(0, piece{faint, "  what happened" + lastOf(n)})
		for _, e := range d.Events[max(0, n-mostShown):] {
			s.line(6, piece{text: "    " + stamp(e.At) + "  " + string(e.Kind) + spaced(e.List+e.Digest) + spaced(e.How) + within(e.Reason)})
		}
	}
	if n := len(d.Mails); n > 0 {
		s.line(0, piece{faint, "  mails" + lastOf(n)})
		for _, m := range d.Mails[max(0, n-mostShown):] {
			s.line(6, piece{text: fmt.Sprintf("    %s  %s %d  %s%s", stamp(m.Published), m.Digest, m.Number, m.State, within(m.Reply))})
		}
	}
}

func lastOf(n int) string {
	if n <= mostShown {
		return ""
	}
	return fmt.Sprintf(", the last %d of %d", mostShown, n)
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return "  " + s
}

func within(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
