package ingest

import (
	"fmt"
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

// Lines that mean to say where readers find a text, and don't: what stands
// behind the label is no web address. Some of the labels are words that a
// headline may begin with, so there only what could never be words counts.
var (
	astrayLine = regexp.MustCompile(`(?i)^\W{0,3}(?:url|permalink|canonical|web address)\s*:\s*(\S*)$`)
	alienLine  = regexp.MustCompile(`(?i)^\W{0,3}(?:url|link|permalink|canonical|web|web address|address|source|quelle|lien|enlace|fonte|bron|kilde|källa|źródło)\s*:\s*<?((?:(?:javascript|vbscript|data|file|about|blob|mailto|tel|ftp|ftps|sftp|feed):|https?:|[a-z][a-z0-9+.-]*://|//|\.{0,2}/\S)\S*(?: .*)?)$`)
)

// straysFrom finds in such a line what it says the address is; ok: it is one.
func straysFrom(line string) (said string, ok bool) {
	line = strings.TrimSpace(line)
	if len(line) > 2000 {
		line = line[:2000]
	}
	if !strings.Contains(line, ":") || namesAddress(line) != nil {
		return "", false
	}
	m := astrayLine.FindStringSubmatch(line)
	if m == nil {
		m = alienLine.FindStringSubmatch(line)
	}
	if m == nil {
		return "", false
	}
	return m[1], true
}

// astray is what the text says its address is where that is none, and it names
// no other; empty: there is nothing wrong.
func (t *textArticle) astray() string {
	wrong := ""
	for _, l := range t.lines {
		if m := namesAddress(l.text); m != nil {
			_, err := digest.CanonicalURL(m[1])
			if err == nil && m[0] != "source" {
				return ""
			}
			if err != nil {
				wrong = first(wrong, m[1])
			}
			continue
		}
		if said, ok := straysFrom(l.text); ok {
			wrong = first(wrong, said)
		}
	}
	return wrong
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

// astrayAddress says so, and what is right.
func astrayAddress(said string) string {
	return fmt.Sprintf("its line of the address says %q, which readers cannot open; write the whole address, as in \"URL: https://example.com/story\"", digest.PlainLine(said, 120))
}
