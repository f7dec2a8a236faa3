package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// statePage is an article page whose points stand in a script only.
func statePage(scripts ...string) string {
	page := bridgePage("", "")
	return strings.Replace(page, "</body>", strings.Join(scripts, "\n")+"</body>", 1)
}

func TestPointsInThePagesDataAreFound(t *testing.T) {
	t.Parallel()
	list := `["` + strings.Join(bridgePoints, `","`) + `"]`
	objects := `[{"id":1,"text":"` + strings.Join(bridgePoints, `"},{"id":2,"text":"`) + `"}]`
	markup := `"<ul><li>` + strings.Join(bridgePoints, `</li><li>`) + `</li></ul>"`
	rich := `{"nodeType":"document","content":[{"nodeType":"unordered-list","content":[{"nodeType":"list-item","content":[{"nodeType":"paragraph","content":[{"nodeType":"text","value":"` +
		strings.Join(bridgePoints, `"}]}]},{"nodeType":"list-item","content":[{"nodeType":"paragraph","content":[{"nodeType":"text","value":"`) + `"}]}]}]}]}`
	parted := strings.Replace(rich, "two main girders", `"},{"nodeType":"text","marks":["bold"],"value":"two main"},{"nodeType":"text","value":" girders`, 1)
	other := `{"headline":"Storm felled forty trees in the park of the castle","keyPoints":["The storm felled forty trees.","Two of the girders of a bridge broke."]}`
	ours := `{"article":{"headline":"` + bridgeTitle + `","keyPoints":%s},"related":[` + other + `]}`
	of := func(v string) string { return strings.Replace(ours, "%s", v, 1) }
	scripts := map[string]string{
		"next data":              `<script id="__NEXT_DATA__" type="application/json">{"props":{"pageProps":` + of(list) + `}}</script>`,
		"objects":                `<script type="application/json">` + of(objects) + `</script>`,
		"HTML in a string":       `<script type="application/json">` + of(markup) + `</script>`,
		"rich text":              `<script type="application/json">` + of(rich) + `</script>`,
		"rich text in pieces":    `<script type="application/json">` + of(parted) + `</script>`,
		"lines in a string":      `<script type="application/json">` + of(`"• `+strings.Join(bridgePoints, `\n• `)+`"`) + `</script>`,
		"assigned":               `<script>window.__PRELOADED_STATE__ = ` + of(list) + `;window.x={"a":1}</script>`,
		"assigned behind others": `<script>window.a={"b":[1]};window.__STATE__=` + of(list) + `;</script>`,
		"other names":            `<script type="application/json">` + strings.ReplaceAll(of(list), "keyPoints", "key_takeaways") + `</script>`,
		"weak name":              `<script type="application/json">` + strings.ReplaceAll(of(list), "keyPoints", "highlights") + `</script>`,
		"title of the list":      `<script type="application/json">` + of(`{"title":"Key points of this story","title2":"","items":`+list+`}`) + `</script>`,
		"no JSON around it":      `<script>var page={headline:undefined,"keyPoints":` + list + `,};</script>`,
		"a comma too many":       `<script>var page={headline:undefined,"keyPoints":` + strings.Replace(list, "]", ",]", 1) + `};</script>`,
		"JSON in a string":       `<script>self.__next_f.push([1,"` + strings.ReplaceAll(of(list), `"`, `\"`) + `"])</script>`,
		"parsed by a script":     `<script>window.s=JSON.parse("` + strings.ReplaceAll(of(list), `"`, `\"`) + `")</script>`,
		"cut off":                `<script type="application/json">` + strings.TrimSuffix(of(list), `}]}`) + `</script>`,
		"said twice":             `<script type="application/json">` + of(strings.Replace(list, "]", `,"`+bridgePoints[0]+`"]`, 1)) + `</script>`,
		"nested oddly":           `<script type="application/json">` + of(`["a",["b"],"`+strings.Join(bridgePoints, `","`)+`"]`) + `</script>`,
		"lists between them":     `<script type="application/json">` + of(`["`+strings.Join(bridgePoints, `",["See the ferries' times","of the old pier"],"`)+`"]`) + `</script>`,
		"each in a list":         `<script type="application/json">` + of(`[["`+strings.Join(bridgePoints, `"],["`)+`"]]`) + `</script>`,
		"with a call among them": `<script type="application/json">` + of(strings.Replace(list, "]", `,"Subscribe now to read more"]`, 1)) + `</script>`,
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := points(t, statePage(script))
			if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
				t.Errorf("from %s: %q", a.PointsFrom, a.Points)
			}
		})
	}
}

func TestPointsOfOtherArticlesInThePagesDataAreLeft(t *testing.T) {
	t.Parallel()
	list := `["` + strings.Join(bridgePoints, `","`) + `"]`
	foreign := `["The storm felled forty trees in the park.","The castle stays shut until Monday."]`
	scripts := map[string]string{
		"another headline":          `<script type="application/json">{"headline":"Storm felled forty trees in the park","keyPoints":` + list + `}</script>`,
		"another headline above":    `<script type="application/json">{"title":"Storm felled forty trees in the park","content":{"keyPoints":` + list + `}}</script>`,
		"no headline, other words":  `<script type="application/json">{"keyPoints":` + foreign + `}</script>`,
		"weak name, no headline":    `<script type="application/json">{"highlights":` + list + `}</script>`,
		"one text":                  `<script type="application/json">{"headline":"` + bridgeTitle + `","keyPoints":"` + bridgeLead + `"}</script>`,
		"labels":                    `<script type="application/json">{"headline":"` + bridgeTitle + `","keyPoints":["Bridge","Ferries","Repair"]}</script>`,
		"words and two points":      `<script type="application/json">{"headline":"` + bridgeTitle + `","keyPoints":["ul","Bridge","Ferries","` + bridgePoints[0] + `","` + bridgePoints[1] + `"]}</script>`,
		"trees of a database":       `<script type="application/json">{"headline":"` + bridgeTitle + `","keyPoints":["ul",{},["li",{},"Bridge"],["li",{},"Ferries"]]}</script>`,
		"numbers":                   `<script type="application/json">{"headline":"` + bridgeTitle + `","keyPoints":[1,2,3]}</script>`,
		"JSON-LD":                   `<script type="application/ld+json">{"@type":"NewsArticle","keyPoints":` + foreign + `}</script>`,
		"other articles in strings": `<script>window.s=JSON.parse("` + strings.ReplaceAll(`{"stories":[{"keyPoints":`+foreign+`}]}`, `"`, `\"`) + `")</script>`,
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := points(t, statePage(script)); a.PointsFrom == digest.PointsPage {
				t.Errorf("taken for key points: %q", a.Points)
			}
		})
	}
}

// FuzzState reads any script as a page's data.
func FuzzState(f *testing.F) {
	f.Add(`window.s={"headline":"x y z","keyPoints":["one two three four",{"text":"<li>a<li>b"}]};`)
	f.Add(`push([1,"{\"keyPoints\":[\"a b c d\",`)
	f.Add(`{"takeaways":{"content":[{"type":"paragraph","children":[{"text":"a"}]}]}}`)
	f.Add(strings.Repeat(`{"highlights":[`, 50))
	f.Fuzz(func(t *testing.T, script string) {
		m := &metadata{meta: map[string][]string{}, states: []string{script}}
		p := newPage(&outline{}, m, nil)
		p.headline = bridgeTitle
		for _, c := range p.stateCandidates() {
			p.judge(&c, p.wellPlaced)
			for _, line := range foldItems(c.items) {
				if strings.ContainsAny(line, "\r\n\x00") {
					t.Fatalf("%q", line)
				}
			}
		}
	})
}
