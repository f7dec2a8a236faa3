package templates

import (
	"fmt"
	"html/template"
	"strings"
)

// PageStyle is the one stylesheet of the pages.
func PageStyle() ([]byte, error) {
	return FS.ReadFile("page/style.css")
}

// Page is the template of one page inside the frame all pages share: "choices",
// "unsubscribe", "result", "notice", "home", "archive", "away", "signup",
// "check", "confirm" or "embed". Its data embeds PageTexts.
func Page(name string) (*template.Template, error) {
	t, err := template.New("frame.html").Option("missingkey=error").
		ParseFS(FS, "page/frame.html", "page/edition.html", "page/"+name+".html")
	if err != nil {
		return nil, fmt.Errorf("parse page %s: %w", name, err)
	}
	return t, nil
}

// PageTexts says the texts of pages in one language: those of the catalogue
// whose key begins with "page.", which the methods put before it.
type PageTexts struct{ *Language }

// Plain is a text as text. pairs are the names of places and what stands in
// them. A text that is missing shows as its key.
func (t PageTexts) Plain(key string, pairs ...string) string {
	places := make([]any, len(pairs))
	for i, p := range pairs {
		places[i] = p
	}
	s, err := t.Language.Say("page."+key, places...)
	if err != nil {
		return key
	}
	return s
}

// HTML is a text as HTML. What fills a place is escaped, and kept apart from
// the direction of the text around it: an Arabic title inside a German sentence,
// or the other way about, must not reorder either. It takes the name of its
// place as its class.
func (t PageTexts) HTML(key string, pairs ...string) template.HTML {
	// The sentence is escaped with marks in its places first, so nothing that
	// fills one is looked at again.
	var swaps []string
	marked := make([]string, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		mark := fmt.Sprintf("\uE000%d\uE001", i)
		marked[i], marked[i+1] = pairs[i], mark
		swaps = append(swaps, mark, fmt.Sprintf(`<bdi class="%s">%s</bdi>`,
			template.HTMLEscapeString(pairs[i]), template.HTMLEscapeString(pairs[i+1])))
	}
	text := template.HTMLEscapeString(t.Plain(key, marked...))
	return template.HTML(strings.NewReplacer(swaps...).Replace(text)) // every part of it was escaped just above
}
