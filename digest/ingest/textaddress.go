package ingest

import (
	"regexp"
	"strings"

	"courant/digest"
)

// addressLine is a line of a text that says where readers find it. What stands
// behind "Source:" may be somebody's name; only an address counts.
var addressLine = regexp.MustCompile(`(?i)^\W{0,3}(url|link|permalink|canonical|web|web address|address|source|quelle|lien|enlace|fonte|bron|kilde|källa|źródło)\s*:\s*<?(https?://[^\s<>]+)>?$`)

// namesAddress finds the label and the address in such a line; nil: it is
// another.
func namesAddress(line string) []string {
	if len(line) > 2000 {
		return nil
	}
	m := addressLine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return nil
	}
	label := strings.ToLower(m[1])
	switch label {
	case "quelle", "fonte", "bron", "kilde", "källa", "źródło":
		label = "source"
	}
	return []string{label, m[2]}
}

// address is where readers find the text, by a line of its own: the link and
// the article's identity. A source may be where the text was taken from, so
// any other label wins.
func (t *textArticle) address() (open, identity string) {
	for _, l := range t.lines {
		m := namesAddress(l.text)
		if m == nil || open != "" && m[0] == "source" {
			continue
		}
		at, err := digest.OpenURL(m[1])
		if err != nil {
			continue
		}
		canonical, err := digest.CanonicalURL(at)
		if err != nil {
			continue
		}
		if open, identity = at, canonical; m[0] != "source" {
			break
		}
	}
	return open, identity
}
