package templates

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// PageStyle is the one stylesheet of the pages.
func PageStyle() ([]byte, error) {
	return pageFiles.ReadFile("page/style.css")
}

// Page is the template of one page inside the frame all pages share: "choices",
// "unsubscribe", "result" or "notice".
func Page(name string) (*template.Template, error) {
	t, err := template.New("frame.html").Option("missingkey=error").
		ParseFS(pageFiles, "page/frame.html", "page/"+name+".html")
	if err != nil {
		return nil, fmt.Errorf("parse page %s: %w", name, err)
	}
	return t, nil
}

// PageTexts holds the sentences of the pages in one language. A sentence may
// hold places in braces, {digest}, that Say and Plain fill.
type PageTexts struct {
	Lang  string // BCP 47, for the lang attribute
	Dir   string // "ltr" or "rtl"
	texts map[string]string
}

// AllPageTexts reads the catalogue: one file per language, named by its tag.
// English is there always; a language with a key more or less than English is
// an error.
func AllPageTexts() (map[string]*PageTexts, error) {
	files, err := fs.Glob(pageFiles, "page/lang/*.json")
	if err != nil {
		return nil, err
	}
	all := map[string]*PageTexts{}
	for _, file := range files {
		t, err := readPageTexts(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		all[t.Lang] = t
	}
	if all["en"] == nil {
		return nil, errors.New("the page texts have no English")
	}
	for lang, t := range all {
		if err := t.sameKeys(all["en"]); err != nil {
			return nil, fmt.Errorf("page texts %s: %w", lang, err)
		}
	}
	return all, nil
}

func readPageTexts(file string) (*PageTexts, error) {
	b, err := pageFiles.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t := &PageTexts{Lang: strings.TrimSuffix(path.Base(file), ".json")}
	if err := json.Unmarshal(b, &t.texts); err != nil {
		return nil, err
	}
	t.Dir = t.texts["dir"]
	return t, nil
}

func (t *PageTexts) sameKeys(other *PageTexts) error {
	for key := range other.texts {
		if t.texts[key] == "" {
			return fmt.Errorf("%q is missing", key)
		}
	}
	for key := range t.texts {
		if other.texts[key] == "" {
			return fmt.Errorf("%q is not in the English file", key)
		}
	}
	return nil
}

// Plain is the sentence as text. pairs are the names of places and what
// stands in them.
func (t *PageTexts) Plain(key string, pairs ...string) string {
	return fill(t.texts[key], pairs, func(_, s string) string { return s })
}

// Say is the sentence as HTML. What fills a place is escaped, and kept apart
// from the direction of the text around it: an Arabic title inside a German
// sentence, or the other way about, must not reorder either.
func (t *PageTexts) Say(key string, pairs ...string) template.HTML {
	text := fill(template.HTMLEscapeString(t.texts[key]), pairs, func(name, s string) string {
		return `<bdi class="` + template.HTMLEscapeString(name) + `">` + template.HTMLEscapeString(s) + "</bdi>"
	})
	return template.HTML(text) // every part of it was escaped just above
}

// fill replaces all places in one pass, so that a title that holds "{address}"
// stays as it is.
func fill(text string, pairs []string, as func(name, s string) string) string {
	swaps := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		swaps = append(swaps, "{"+pairs[i]+"}", as(pairs[i], pairs[i+1]))
	}
	return strings.NewReplacer(swaps...).Replace(text)
}

// Day is the date of t, in t's own location, as the language writes it.
func (t *PageTexts) Day(at time.Time) string {
	months := strings.Fields(t.texts["date.months"])
	month := at.Month().String()
	if len(months) == 12 {
		month = months[at.Month()-1]
	}
	return t.Plain("date.day", "day", strconv.Itoa(at.Day()), "month", month, "year", strconv.Itoa(at.Year()))
}
