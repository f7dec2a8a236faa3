package render

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// place is a spot of a message that differs from reader to reader.
type place byte

// The places. The letters stand in markers.
const (
	placeNone        place = 0
	placeUnsubscribe place = 'u'
	placePreferences place = 'p'
	placeView        place = 'v'
	placeName        place = 'n'
	placeReason      place = 'r'
	placeTo          place = 'T' // header field To, from its colon on
	placeMessageID   place = 'M'
	placeListUnsub   place = 'L' // value of List-Unsubscribe
)

// personal names the functions of templates that stand for a reader.
var personal = map[string]place{
	"unsubscribeURL": placeUnsubscribe,
	"preferencesURL": placePreferences,
	"viewURL":        placeView,
	"name":           placeName,
	"reason":         placeReason,
}

func (p place) url() bool {
	return p == placeUnsubscribe || p == placePreferences || p == placeView
}

// function is the name templates know the place by.
func (p place) function() string {
	for f, q := range personal {
		if p == q {
			return f
		}
	}
	return "?"
}

// piece is fixed text and the place behind it; the last piece of a text has
// none.
type piece struct {
	text  string
	place place
}

// marks makes and finds the markers of one render.
type marks struct{ nonce string }

// newMarks has 128 random bits or more; nothing that was written before the
// render can hold them.
func newMarks() marks { return marks{rand.Text()} }

// print is the marker as templates get it. The "<" comes out of html/template
// as &lt; in text and quoted attributes, as %3c in a link, as something
// else in scripts and as ZgotmplZ in style sheets; the "=" comes out changed
// in a query and in an unquoted attribute.
func (m marks) print(p place) string { return "<" + m.nonce + "=" + string(p) + ";" }

// cut takes a text apart at its markers. open are the spellings of "<" that
// are right for its kind; check looks at what stands around a marker: the
// text since the start or the marker before, and the text behind.
func (m marks) cut(s string, open []string, check func(x piece, open, after string) error) ([]piece, error) {
	var pieces []piece
	for {
		i := strings.Index(s, m.nonce)
		if i < 0 {
			return append(pieces, piece{text: s}), nil
		}
		before, after := s[:i], s[i+len(m.nonce):]
		if len(after) < 3 || after[0] != '=' || after[2] != ';' {
			return nil, fmt.Errorf("a personal value stands where it must not: %s", around(before))
		}
		p := place(after[1])
		after = after[3:]
		found := ""
		for _, o := range open {
			if strings.HasSuffix(before, o) {
				found = o
			}
		}
		if found == "" {
			return nil, fmt.Errorf("%s stands where its value would be changed or cut: %s", p.function(), around(before))
		}
		x := piece{strings.TrimSuffix(before, found), p}
		if err := check(x, found, after); err != nil {
			return nil, fmt.Errorf("%w: %s", err, around(x.text))
		}
		pieces = append(pieces, x)
		s = after
	}
}

// around quotes the end of the text before a marker, for the editor to find.
func around(before string) string {
	const most = 60
	if len(before) > most {
		before = before[len(before)-most:]
	}
	return fmt.Sprintf("behind %q", strings.ToValidUTF8(before, ""))
}

// cutHTML takes HTML apart. A URL may stand in text or be the whole of a
// link, a fragment behind it aside; the other values stand in text and in
// quoted attributes that hold words.
func (m marks) cutHTML(s string) ([]piece, error) {
	var at spot
	return m.cut(s, []string{"&lt;", "%3c"}, func(x piece, open, after string) error {
		at.read(x.text)
		if open == "&lt;" {
			return at.refuses(x.place)
		}
		if !x.place.url() {
			return fmt.Errorf("%s stands in a link", x.place.function())
		}
		if !strings.HasSuffix(x.text, `="`) || !strings.HasPrefix(after, `"`) && !strings.HasPrefix(after, "#") {
			return fmt.Errorf("%s stands within another link instead of alone", x.place.function())
		}
		return at.refuses(x.place)
	})
}

// cutText takes plain text apart. URLs and the reason stand alone on their
// line: the one must not be broken, the other brings its own line breaks.
func (m marks) cutText(s string) ([]piece, error) {
	pieces, err := m.cut("\n"+s, []string{"<"}, func(x piece, _, after string) error {
		alone := strings.HasSuffix(x.text, "\n") && strings.HasPrefix(after, "\n")
		if x.place != placeName && !alone {
			return fmt.Errorf("%s must stand alone on its line of the text part", x.place.function())
		}
		return nil
	})
	if err == nil {
		pieces[0].text = pieces[0].text[1:]
	}
	return pieces, err
}

// count is how often a place occurs.
func count(pieces []piece, p place) int {
	n := 0
	for _, x := range pieces {
		if x.place == p {
			n++
		}
	}
	return n
}
