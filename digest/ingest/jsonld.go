package ingest

import (
	"encoding/json"
	"regexp"
	"strings"
)

// linkedData is what a page's JSON-LD says of the article. JSON-LD holds no
// key points in practice, and is broken JSON on many pages.
type linkedData struct {
	headline, description, section, publisher, published, language, url string
	authors, sections, keywords, crumbs, credits                        []string
	pictures                                                            []picture
	product                                                             bool // it speaks of goods for sale

	named map[string]string // the names of people and things, by @id
}

// add reads one script element. Broken JSON is repaired once, then the
// fields are picked out of the text.
func (d *linkedData) add(script string) {
	script = strings.TrimSpace(script)
	if script == "" || len(script) > 1<<20 {
		return
	}
	var v any
	if json.Unmarshal([]byte(script), &v) == nil || json.Unmarshal([]byte(repairJSON(script)), &v) == nil {
		d.index(v, 0)
		d.visit(v, 0)
		return
	}
	d.pick(script)
}

// mostNamed is how many names are kept: a page's graph has a dozen.
const mostNamed = 500

// index notes who is meant by an @id (JSON-LD 1.1 section 3.3): an article of a
// graph names its author so.
func (d *linkedData) index(v any, depth int) {
	if depth > 8 || len(d.named) >= mostNamed {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			d.index(e, depth+1)
		}
	case map[string]any:
		id, _ := v["@id"].(string)
		if name, _ := v["name"].(string); id != "" && name != "" && d.named[id] == "" {
			if d.named == nil {
				d.named = map[string]string{}
			}
			d.named[id] = name
		}
		for _, e := range v {
			d.index(e, depth+1)
		}
	}
}

// people are the names of those that a value means.
func (d *linkedData) people(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var names []string
	for _, e := range list[:min(len(list), 20)] {
		m, _ := e.(map[string]any)
		id, _ := m["@id"].(string)
		if name := first(jsonText(e, "name"), d.named[id]); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// visit looks for articles in a tree of any shape.
func (d *linkedData) visit(v any, depth int) {
	if depth > 8 {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			d.visit(e, depth+1)
		}
	case map[string]any:
		switch {
		case isArticle(v["@type"]):
			d.article(v)
		case v["@type"] == "BreadcrumbList":
			d.crumbs = append(d.crumbs, crumbNames(v["itemListElement"])...)
		default:
			d.product = d.product || v["@type"] == "Product"
			for _, key := range []string{"@graph", "mainEntity", "mainEntityOfPage", "itemListElement", "item", "hasPart"} {
				if inner, ok := v[key]; ok {
					d.visit(inner, depth+1)
				}
			}
		}
	}
}

// isArticle knows schema.org's kinds of article by their endings, which are
// open: NewsArticle, LiveBlogPosting, ScholarlyArticle and many more.
func isArticle(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.HasSuffix(v, "Article") || strings.HasSuffix(v, "Posting") || strings.HasSuffix(v, "NewsStory") || v == "Report" || v == "Review"
	case []any:
		for _, e := range v {
			if isArticle(e) {
				return true
			}
		}
	}
	return false
}

// article keeps the first article's answers; later ones are related stories.
func (d *linkedData) article(m map[string]any) {
	keep := func(field *string, v any, key string) {
		if *field == "" {
			*field = jsonText(v, key)
		}
	}
	keep(&d.headline, m["headline"], "name")
	if d.headline != jsonText(m["headline"], "name") {
		return
	}
	keep(&d.description, m["description"], "")
	keep(&d.section, m["articleSection"], "name")
	if d.sections == nil {
		d.sections = jsonNames(m["articleSection"])
		d.keywords = append(jsonNames(m["keywords"]), jsonNames(m["about"])...)
	}
	if d.authors = d.people(m["author"]); d.authors == nil {
		d.authors = d.people(m["creator"])
	}
	keep(&d.publisher, m["publisher"], "name")
	if d.credits == nil {
		d.credits = creditsOf(m)
	}
	keep(&d.published, m["datePublished"], "")
	keep(&d.language, m["inLanguage"], "name")
	if d.pictures == nil {
		d.pictures = append(jsonPictures(m["image"]), jsonPictures(m["thumbnailUrl"])...)
	}
	keep(&d.url, m["url"], "")
}

// jsonText is a value as text: itself, its first element, or the field of an
// object that names it.
func jsonText(v any, key string) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if text, ok := v[key].(string); ok {
			return text
		}
	case []any:
		for _, e := range v {
			if s := jsonText(e, key); s != "" {
				return s
			}
		}
	}
	return ""
}

// crumbNames are the steps of the way to a page.
func crumbNames(v any) []string {
	list, _ := v.([]any)
	var names []string
	for _, e := range list[:min(len(list), 8)] {
		step, _ := e.(map[string]any)
		names = append(names, first(jsonText(step["name"], "@value"), jsonText(step["item"], "name")))
	}
	return names
}

// jsonNames are the names of one or several people or things.
func jsonNames(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var names []string
	for _, e := range list[:min(len(list), 20)] {
		if s := jsonText(e, "name"); s != "" {
			names = append(names, s)
		}
	}
	return names
}

// creditsOf are the publications that an article says it is from. A provider
// that is a publisher of its own stands on portals.
func creditsOf(m map[string]any) (names []string) {
	names = append(names, jsonText(m["sourceOrganization"], "name"), jsonText(m["provider"], "name"))
	based, _ := m["isBasedOn"].(map[string]any)
	if based != nil {
		names = append(names, first(jsonText(based["publisher"], "name"), jsonText(based["sourceOrganization"], "name")))
	}
	if credit := jsonText(m["creditText"], ""); wordCount(credit) <= 5 {
		names = append(names, credit)
	}
	return names
}

// jsonPictures are the pictures of an article: addresses, or ImageObjects with
// a size and a caption.
func jsonPictures(v any) (all []picture) {
	switch v := v.(type) {
	case string:
		return []picture{{url: v}}
	case map[string]any:
		p := picture{url: first(jsonText(v["url"], "@id"), jsonText(v["contentUrl"], "@id")), width: jsonPixels(v["width"]), height: jsonPixels(v["height"])}
		p.caption = first(jsonText(v["caption"], "text"), jsonText(v["description"], ""))
		return []picture{p}
	case []any:
		for _, e := range v[:min(len(v), 8)] {
			if _, nested := e.([]any); !nested {
				all = append(all, jsonPictures(e)...)
			}
		}
	}
	return all
}

// jsonPixels reads 1200, "1200", "1200px" and {"value": 1200}.
func jsonPixels(v any) int {
	switch v := v.(type) {
	case float64:
		if v > 0 && v < maxPixels {
			return int(v)
		}
	case string:
		return pixels(v)
	case map[string]any:
		if _, nested := v["value"].(map[string]any); !nested {
			return jsonPixels(v["value"])
		}
	}
	return 0
}

var (
	trailingComma = regexp.MustCompile(`,\s*([}\]])`)
	missingComma  = regexp.MustCompile(`(["}\]])(\s*\n\s*")`)
)

// repairJSON mends what publishers' templates get wrong: comments and CDATA
// marks around it, raw line breaks in strings, commas too many or too few.
func repairJSON(s string) string {
	for _, mark := range []string{"<!--", "-->", "//<![CDATA[", "//]]>", "/*<![CDATA[*/", "/*]]>*/", "<![CDATA[", "]]>"} {
		s = strings.ReplaceAll(s, mark, "")
	}
	s = missingComma.ReplaceAllString(s, "$1,$2")
	s = trailingComma.ReplaceAllString(strings.TrimRight(strings.TrimSpace(s), ";"), "$1")
	var b strings.Builder
	quoted, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case quoted && r < ' ':
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

var looseField = regexp.MustCompile(`"(headline|description|articleSection|datePublished|inLanguage)"\s*:\s*\[?\s*"((?:[^"\\]|\\.)*)"`)

// pick reads the fields of JSON beyond repair.
func (d *linkedData) pick(script string) {
	for _, m := range looseField.FindAllStringSubmatch(script, 40) {
		var value string
		if json.Unmarshal([]byte(`"`+strings.Map(noControl, m[2])+`"`), &value) != nil {
			continue
		}
		field := map[string]*string{"headline": &d.headline, "description": &d.description, "articleSection": &d.section,
			"datePublished": &d.published, "inLanguage": &d.language}[m[1]]
		if *field == "" {
			*field = value
		}
	}
}

// noControl makes raw line breaks in JSON strings harmless.
func noControl(r rune) rune {
	if r < ' ' {
		return ' '
	}
	return r
}
