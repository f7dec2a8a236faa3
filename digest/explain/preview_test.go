package explain

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

func TestPreviewChoosesWhatToShowAndSaysWhatNot(t *testing.T) {
	t.Parallel()
	left := []digest.LeftOut{{Title: "Cup final", Reason: "over max_articles (2)"}}
	own, empty := Variant{Own: true, Readers: 5, LeftOut: left}, Variant{Own: true, Reason: "below min_articles: 0 of 1", LeftOut: left}
	some, thin := Variant{Readers: 3}, Variant{Readers: 1, Reason: "below min_articles: 1 of 2", LeftOut: left}
	many := []Variant{own}
	for range mostMails + 1 {
		many = append(many, some)
	}
	reader := Who{Address: "ann@example.org", Reader: true, Missed: "left morning on Monday"}
	for name, c := range map[string]struct {
		variants []Variant
		who      Who
		want     []int
		nothing  string
		notes    string
		left     bool
	}{
		"everybody":                   {[]Variant{own, some}, Who{}, []int{0, 1}, "", "", false},
		"some get nothing":            {[]Variant{own, some, thin}, Who{}, []int{0, 1}, "", "1 reader gets nothing: too little is left", false},
		"only others get something":   {[]Variant{empty, some}, Who{}, []int{1}, "", "the digest's own choice is too thin: below min_articles: 0 of 1", false},
		"nobody gets anything":        {[]Variant{empty, thin}, Who{}, nil, "nothing would be sent: below min_articles: 0 of 1; `courant fetch` polls the sources now", "", true},
		"too many":                    {many, Who{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, "", "6 readers get other variants", false},
		"a reader":                    {[]Variant{{Own: true}, {Readers: 1, LeftOut: left}}, reader, []int{1}, "", "", true},
		"a reader of the own choice":  {[]Variant{{Own: true, Readers: 1, LeftOut: left}}, reader, []int{0}, "", "", true},
		"a reader with too little":    {[]Variant{own, thin}[1:], reader, nil, "ann@example.org would get nothing of it: below min_articles: 1 of 2", "", true},
		"a reader who is not due":     {[]Variant{{Own: true}}, reader, nil, "ann@example.org would get nothing of it: left morning on Monday", "", false},
		"a stranger":                  {[]Variant{own, some}, Who{Address: "zoe@example.org"}, []int{0}, "", "zoe@example.org is no reader", true},
		"a stranger on an empty day":  {[]Variant{empty}, Who{Address: "zoe@example.org"}, nil, "nothing would be sent: below min_articles: 0 of 1", "zoe@example.org is no reader", true},
		"own choice without a reader": {[]Variant{{Own: true}}, Who{}, []int{0}, "", "", false},
	} {
		p := &Preview{}
		got := p.Choose(c.variants, c.who)
		if !slices.Equal(got, c.want) || !strings.HasPrefix(p.Nothing, c.nothing) || (p.Nothing != "") != (c.nothing != "") {
			t.Errorf("%s: chose %v of it, says %q", name, got, p.Nothing)
		}
		if notes := strings.Join(p.Notes, "\n"); !strings.HasPrefix(notes, c.notes) || (notes != "") != (c.notes != "") {
			t.Errorf("%s: notes %q", name, notes)
		}
		if (len(p.LeftOut) > 0) != c.left {
			t.Errorf("%s: left out %v", name, p.LeftOut)
		}
	}
}

func TestPreviewOfASlotThatIsOverSaysByWhat(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]digest.Edition{
		"no. 12 has answered that slot; `--at` shows a later one":              {ID: 40, Number: 12},
		"nothing will be published for that slot: the slot was skipped before": {HeldReason: "the slot was skipped before"},
	} {
		p := &Preview{}
		if p.Answered(e); p.Nothing != want {
			t.Errorf("says %q, want %q", p.Nothing, want)
		}
	}
}
