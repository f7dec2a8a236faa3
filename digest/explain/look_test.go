package explain

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"

	"courant/digest"
)

// strangers are titles as the world writes them, and as it should not.
func strangers() []string {
	return []string{
		"A ferry that has been late every day since March is on time for the first time, and nobody who waits at the quay believes it",
		"港口新桥提前一年开通，市民称赞工程质量，专家预计每年将为通勤者节省数百万小时的时间",
		"ميناء المدينة يفتح جسره الجديد قبل الموعد بعام كامل ويوفر على الناس ساعات من الانتظار",
		"גשר חדש נפתח",
		"Family 👨‍👩‍👧‍👦 of four 🏳️‍🌈 crosses the Ångström bridge",
		"Z" + strings.Repeat("\u0301", 80) + "algo",
		"\x1b[2J\x1b]0;owned\a\x9b31mRed\r\nSubject: forged\x00",
		"Invoice \u202egpj.exe\u2066 of\u200f the\ufeff day",
		"Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
		"\xff\xfe broken bytes",
	}
}

func strangePlan() []Planned {
	p := Planned{Digest: "morning", title: "Morning Brief\x1b[31m", Zone: "Asia/Tokyo", Slot: instant("2026-03-29T22:00:00Z"), Readers: 3, Variants: 1, own: 8}
	p.Local = p.Slot.In(zone(p.Zone))
	categories := []string{"World", "国际", "عالم", "A category whose name is much too long for a column"}
	for i, title := range strangers() {
		p.Articles = append(p.Articles, PlannedArticle{Title: title, Category: categories[i%4], PointsFrom: digest.PointsLead, source: "Wire", rank: "number 1 of 9 by newness"})
		p.LeftOut = append(p.LeftOut, NotPlanned{title, "already sent"})
	}
	return []Planned{p}
}

func strangeAccount() digest.Account {
	e := digest.Entry{Edition: digest.Edition{Digest: "morning", Title: "朝刊", Number: 1, Zone: "Asia/Tokyo", Instant: instant("2026-03-29T22:00:00Z")},
		State: digest.Bounced, Reply: "550-5.7.1 \x1b[31mblocked\r\n550 see \u202ehttps://example.net/"}
	for _, title := range strangers() {
		e.Stories = append(e.Stories, digest.Told{Title: title, Category: "World"})
		e.LeftOut = append(e.LeftOut, digest.LeftOut{Title: title, Reason: "over max_articles (10)"})
	}
	return digest.Account{Reader: digest.Reader{Address: "anna@example.org", Name: "Anna \x1b[1mA"}, Entries: []digest.Entry{e}}
}

func TestStrangeTitlesStandInTheirColumns(t *testing.T) {
	t.Parallel()
	for name, look := range looks() {
		golden(t, "strange-plan"+name+".txt", set(t, func(w io.Writer) error { return WritePlan(w, strangePlan(), look) }))
		golden(t, "strange-why"+name+".txt", set(t, func(w io.Writer) error { return WriteWhy(w, strangeAccount(), look) }))
	}
}

// ours are the only escape sequences that may be written.
var ours = regexp.MustCompile(`\x1b\[(0|1|2|31|32|33|36)m`)

func TestNothingOfStrangersReachesTheTerminalRaw(t *testing.T) {
	t.Parallel()
	for _, look := range looks() {
		for _, b := range [][]byte{
			set(t, func(w io.Writer) error { return WritePlan(w, strangePlan(), look) }),
			set(t, func(w io.Writer) error { return WriteWhy(w, strangeAccount(), look) }),
		} {
			if look.Color {
				b = ours.ReplaceAll(b, nil)
			}
			for _, r := range string(b) {
				if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
					t.Errorf("%U is written with %+v", r, look)
				}
			}
		}
	}
}

func TestNoLineIsLongerThanTheTerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{24, 33, 60, 80, 109} {
		look := Look{Width: columns}
		for _, b := range [][]byte{
			set(t, func(w io.Writer) error { return WritePlan(w, strangePlan(), look) }),
			set(t, func(w io.Writer) error { return WriteWhy(w, strangeAccount(), look) }),
			set(t, func(w io.Writer) error { return WriteWhy(w, account(), look) }),
		} {
			for line := range strings.Lines(string(b)) {
				if w := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); w > columns {
					t.Errorf("%d columns in %d: %s", w, columns, line)
				}
			}
		}
	}
}

func TestNothingIsCutWhateverTheWidth(t *testing.T) {
	t.Parallel()
	plan, account := strangePlan(), account()
	all := func(look Look) string {
		var b bytes.Buffer
		b.Write(set(t, func(w io.Writer) error { return WritePlan(w, plan, look) }))
		b.Write(set(t, func(w io.Writer) error { return WriteWhy(w, account, look) }))
		return strings.Join(strings.Fields(ours.ReplaceAllString(b.String(), "")), "")
	}
	whole := all(Look{})
	for _, look := range []Look{{Width: 1}, {Width: 40}, {Width: 80, Color: true}, {Width: 300}} {
		if all(look) != whole {
			t.Errorf("something is missing with %+v", look)
		}
	}
}

func FuzzLineKeepsItsWidthAndItsText(f *testing.F) {
	for i, s := range strangers() {
		f.Add(s, s, 24+i, i%2 == 0)
	}
	f.Add("a ", "b", 30, true)
	f.Fuzz(func(t *testing.T, a, b string, columns int, colour bool) {
		s := &sheet{look: Look{Color: colour, Width: columns}}
		s.line(6, piece{faint, "  - "}, piece{strong, a}, piece{text: b})
		out := s.out.String()
		if colour {
			out = ours.ReplaceAllString(out, "")
		}
		if strings.ContainsRune(out, '\x1b') {
			t.Fatalf("an escape came through: %q", out)
		}
		for line := range strings.Lines(out) {
			if w := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); columns > 0 && w > max(narrowestLine, columns) {
				t.Fatalf("%d columns in %d: %q", w, columns, line)
			}
		}
		squeeze := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, " ", ""), "\n", "") }
		if got, want := squeeze(out), squeeze("-"+legible(a)+legible(b)); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}
