package render

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	xhtml "golang.org/x/net/html"

	"courant/digest"
)

// told is what a part tells: in order, whatever it looks like.
type told struct {
	titles, points, links []string
	heads                 []string // of sections, contents and corrections
	index                 []string // sections the table of contents names
}

// tellHTML reads the HTML part with a parser of the real web.
func tellHTML(t testing.TB, s string) told {
	t.Helper()
	root, err := xhtml.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	var out told
	heads := map[string]bool{"h2": true, "h3": true}
	for n := range root.Descendants() {
		switch {
		case n.Type != xhtml.ElementNode:
		case heads[n.Data] && !strings.Contains(attr(n, "class"), "head"): // not a section's
			out.titles = append(out.titles, content(n))
		case heads[n.Data]:
			out.heads = append(out.heads, content(n))
		case n.Data == "a" && strings.HasPrefix(attr(n, "href"), "#"):
			if n.Parent.Data == "p" {
				out.index = append(out.index, content(n))
			}
		case n.Data == "li":
			out.points = append(out.points, content(n))
		case n.Data == "a":
			out.links = appendNew(out.links, attr(n, "href"))
		}
	}
	return out
}

func attr(n *xhtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func content(n *xhtml.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == xhtml.TextNode {
			out.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(out.String())
}

// appendNew leaves out a link that repeats the one before: headline and "read
// more" lead to the same place.
func appendNew(list []string, s string) []string {
	if len(list) > 0 && list[len(list)-1] == s {
		return list
	}
	return append(list, s)
}

// squeeze forgets white space, which wrapping changes.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// parity wants the text part to tell what the HTML part tells, in its order.
func parity(t testing.TB, p *parsed) {
	t.Helper()
	h := tellHTML(t, p.html)
	if len(h.titles) == 0 || len(h.links) < 3 {
		t.Fatalf("the HTML tells nothing: %+v", h)
	}
	text := squeeze(p.text)
	for _, list := range [][]string{h.titles, h.points, h.index} {
		rest := text
		for _, s := range list {
			i := strings.Index(rest, squeeze(s))
			if i < 0 {
				t.Fatalf("%q is missing in the text part, or in another order", s)
			}
			rest = rest[i+len(squeeze(s)):]
		}
	}
	upper := strings.ToUpper(text)
	for _, s := range h.heads {
		_, rest, found := strings.Cut(upper, squeeze(strings.ToUpper(s)))
		if !found {
			t.Fatalf("the heading %q is missing in the text part, or in another order", s)
		}
		upper = rest
	}
	var links []string
	for line := range strings.SplitSeq(p.text, "\n") {
		if strings.HasPrefix(line, "http") && !strings.Contains(line, " ") {
			links = appendNew(links, line)
		}
	}
	if got, want := strings.Join(links, "\n"), strings.Join(h.links, "\n"); got != want {
		t.Fatalf("links of the text part:\n%s\nof the HTML part:\n%s", got, want)
	}
}

func TestTextTellsWhatTheHTMLTells(t *testing.T) {
	t.Parallel()
	all := samples(t)
	made := renderers(t, all)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := made[name]
			m, p := render(t, r, s)
			parity(t, p)
			h := tellHTML(t, p.html)
			if len(h.titles) != m.Shown || m.Shown+m.More != len(s.Variant.Stories) {
				t.Errorf("%d headlines for %d stories: %q", len(h.titles), len(s.Variant.Stories), h.titles)
			}
		})
	}
}

func TestTextIsSetInColumns(t *testing.T) {
	t.Parallel()
	all := samples(t)
	made := renderers(t, all)
	for name, s := range all {
		_, p := render(t, made[name], s)
		for line := range strings.SplitSeq(p.text, "\n") {
			url := strings.HasPrefix(line, "http") && !strings.Contains(line, " ")
			if w := uniseg.StringWidth(line); w > columns && !url {
				t.Errorf("%s: %d columns: %s", name, w, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%s: blanks at the end of %q", name, line)
			}
		}
		if strings.Contains(p.text, "\n\n\n\n") {
			t.Errorf("%s: a hole in the text", name)
		}
	}
}

// TestHTMLKeepsToWhatMailReadersKnow holds the rules for the HTML against the
// output, not the template.
func TestHTMLKeepsToWhatMailReadersKnow(t *testing.T) {
	t.Parallel()
	all := samples(t)
	made := renderers(t, all)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := made[name]
			_, p := render(t, r, s)
			checkHTML(t, p.html)
			m := mustMatch(t, `<html lang="([^"]+)" dir="([^"]+)"`, p.html)
			l := r.styles[""].texts.Match(s.Variant.Language)
			if m[1] != l.Tag || m[2] != l.Direction {
				t.Errorf("lang %s dir %s, want %s %s", m[1], m[2], l.Tag, l.Direction)
			}
		})
	}
}

func mustMatch(t *testing.T, pattern, s string) []string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("no %s", pattern)
	}
	return m
}

var forbiddenCSS = regexp.MustCompile(`(?i)display:\s*(flex|grid|inline-flex)|position:|var\(|float:|@import|url\(|expression`)

func checkHTML(t *testing.T, s string) {
	t.Helper()
	style := mustMatch(t, `(?s)\n<style>(.*?)</style>`, s)[1]
	if len(style) > 8000 {
		t.Errorf("the style element has %d bytes", len(style))
	}
	visible := regexp.MustCompile(`(?s)<!--\[if mso\]>.*?<!\[endif\]-->`).ReplaceAllString(s, "")
	if strings.Contains(visible, "<!--") || strings.Contains(visible, "endif") && !strings.Contains(visible, "&lt;![endif]") {
		t.Error("a comment besides those for Outlook")
	}
	if n := strings.Count(s, "<!--[if mso]>"); n != 3 {
		t.Errorf("%d comments for Outlook, want 3", n)
	}
	if strings.Contains(s, "ZgotmplZ") {
		t.Error("#ZgotmplZ")
	}
	var open []string
	z := xhtml.NewTokenizer(strings.NewReader(visible))
	for z.Next() != xhtml.ErrorToken {
		token := z.Token()
		switch token.Type {
		case xhtml.StartTagToken:
			checkTag(t, token)
			if !void[token.Data] {
				open = append(open, token.Data)
			}
		case xhtml.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	for _, m := range regexp.MustCompile(` href="#([^"]+)"`).FindAllStringSubmatch(visible, -1) {
		if strings.Count(visible, ` id="`+m[1]+`"`) != 1 {
			t.Errorf("#%s leads nowhere", m[1])
		}
	}
	if len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
	if forbiddenCSS.MatchString(style) {
		t.Errorf("forbidden CSS: %s", forbiddenCSS.FindString(style))
	}
}

var void = map[string]bool{"meta": true, "img": true, "br": true}

var allowedTags = regexp.MustCompile(`^(html|head|meta|title|style|body|div|table|tbody|tr|td|p|h1|h2|h3|a|ul|li|img|span|br)$`)

func checkTag(t *testing.T, token xhtml.Token) {
	t.Helper()
	has := map[string]string{}
	for _, a := range token.Attr {
		if _, twice := has[a.Key]; twice {
			t.Errorf("<%s> has %s twice", token.Data, a.Key)
		}
		has[a.Key] = a.Val
		if strings.HasPrefix(a.Key, "on") {
			t.Errorf("<%s %s>", token.Data, a.Key)
		}
	}
	if !allowedTags.MatchString(token.Data) {
		t.Errorf("<%s> is not for mail", token.Data)
	}
	if forbiddenCSS.MatchString(has["style"]) {
		t.Errorf("<%s style=%q>", token.Data, has["style"])
	}
	_, alt := has["alt"]
	switch {
	case token.Data == "table" && (has["role"] != "presentation" || !strings.Contains(has["style"], "table-layout:fixed")):
		t.Errorf("a table that lays out without saying so: %v", token)
	case token.Data == "img" && (!alt || has["width"] == ""):
		t.Errorf("an image without alt or width: %v", token)
	case token.Data == "a" && !strings.HasPrefix(has["href"], "#") && !strings.HasPrefix(has["href"], "https://") && !strings.HasPrefix(has["href"], "http://"):
		t.Errorf("a link to %q", has["href"])
	case has["src"] != "" && link(has["src"]) == "":
		t.Errorf("a source of %q", has["src"])
	}
}

func TestImagesAreOfStoriesAndNoPixels(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := samples(t)["pictures"]
	_, p := render(t, r, s)
	if n := strings.Count(p.html, "<img "); n != 5 || !strings.Contains(p.html, `width="520"`) || !strings.Contains(p.html, `width="120"`) {
		t.Errorf("%d images", n)
	}
	s.Edition.Layout = "brief"
	if _, p = render(t, r, s); strings.Contains(p.html, "<img ") {
		t.Error("the brief layout has a picture")
	}
	s.Edition.Layout = ""
	for i := range s.Variant.Stories {
		s.Variant.Stories[i].Image.Width, s.Variant.Stories[i].Image.Height = 1, 1
	}
	if _, p = render(t, r, s); strings.Contains(p.html, "<img ") {
		t.Error("a pixel of someone's is in the mail")
	}
}

func TestStandInsForPointsAreMarked(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for from, want := range map[string]string{
		"lead": "First sentences of the article", "model": "written by a machine", "page": "", "feed": "", "none": "",
		"description": "description and the first sentences", // filled up: there are several
	} {
		s := plainSample()
		s.Variant.Stories[0].PointsFrom = "page"
		_, plain := render(t, r, s)
		s.Variant.Stories[0].PointsFrom = pointsFrom(from)
		_, p := render(t, r, s)
		for _, part := range []string{p.text, html.UnescapeString(p.html)} {
			if want != "" && !strings.Contains(part, want) {
				t.Errorf("points from %s are not marked", from)
			}
		}
		if want == "" && p.text != plain.text {
			t.Errorf("points from %s are marked", from)
		}
	}
	alone := plainSample()
	alone.Variant.Stories[0].PointsFrom, alone.Variant.Stories[0].Points = digest.PointsDescription, alone.Variant.Stories[0].Points[:1]
	if _, p := render(t, r, alone); !strings.Contains(p.text, "(From the publisher’s description.)") {
		t.Error("a description alone is not marked")
	}
}

func TestContentsComeWithLongEditions(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for _, row := range []struct {
		stories, sections    int
		layout               string
		headlines, bySection bool
	}{
		{7, 2, "", false, false}, {8, 2, "", true, false}, {13, 1, "", true, false}, {14, 2, "", false, true},
		{14, 1, "", true, false}, {8, 2, "brief", false, false}, {14, 2, "brief", false, true},
	} {
		s := plainSample()
		s.Edition.Layout, s.Variant.Stories = row.layout, nil
		for i := range row.stories {
			s.Variant.Stories = append(s.Variant.Stories, digest.Told{
				Title: fmt.Sprint("Story ", i), URL: fmt.Sprint("https://example.org/", i), Category: []string{"World", "Sport"}[i%row.sections],
			})
		}
		_, p := render(t, r, s)
		parity(t, p)
		_, index, _ := strings.Cut(p.text, "IN THIS EDITION\n\n")
		headlines, bySection := strings.HasPrefix(index, "- Story "), strings.Contains(index, "- Sport (7)\n")
		if headlines != row.headlines || bySection != row.bySection {
			t.Errorf("%+v: headlines %v, by section %v:\n%s", row, headlines, bySection, p.text)
		}
	}
}
