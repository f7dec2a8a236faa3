package templates

import (
	"strings"
	"testing"
)

func TestSpanishSaysEBeforeTheSoundI(t *testing.T) {
	t.Parallel()
	l := load(t).Match("es")
	for last, want := range map[string]string{
		"Internacional": "Ciencia e Internacional", "Historia": "Ciencia e Historia", "Índices": "Ciencia e Índices",
		"Hielo": "Ciencia y Hielo", "Mundo": "Ciencia y Mundo", "Yates": "Ciencia y Yates",
	} {
		if got := l.List([]string{"Ciencia", last}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := load(t).Match("en").List([]string{"A", "India"}); got != "A and India" {
		t.Error(got)
	}
}

func TestOneOClockIsSingularWhereItIs(t *testing.T) {
	t.Parallel()
	c := load(t)
	for tag, want := range map[string][2]string{"es": {"a la 1:00", "a las 13:00"}, "pt": {"à 1h00", "às 13h00"}} {
		for i, hour := range []int{1, 13} {
			l := c.Match(tag)
			got, err := l.Say("mail.reason_no_since", "digest", "D", "days", "x", "time", l.FormatClock(hour, 0), "place", "p", "n", hour)
			if err != nil || !strings.Contains(got, want[i]) {
				t.Errorf("%s: %q, want %q, %v", tag, got, want[i], err)
			}
		}
	}
}

func TestWordingHasPluralForms(t *testing.T) {
	t.Parallel()
	c, err := load(t).With(map[string]map[string]string{"en": {"mail.more": "{n} stories more", "mail.more.one": "one story more"}})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{1: "one story more", 2: "2 stories more"} {
		if got, err := c.Match("en").Say("mail.more", "n", n); got != want || err != nil {
			t.Errorf("%d: %q, want %q, %v", n, got, want, err)
		}
	}
	for text, want := range map[string]string{
		"Go on at {foo}": "has the place {foo}, which nothing fills: the places are {host}",
		"More":           "needs the places {host}",
	} {
		_, err := load(t).With(map[string]map[string]string{"en": {"mail.read_more": text}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
