package lint

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"unicode/utf8"
)

// parts are the two halves of a mail, decoded; nil: there is none that reads.
type parts struct{ text, html []byte }

// maxParts is how many parts are looked at; a digest has two.
const maxParts = 16

// body takes the body apart, judging how it was put together.
func (r *report) body(m message) (p parts) {
	f := m.field("Content-Type")
	at := place{PartHeader, f.line}
	kind, params, err := mime.ParseMediaType(f.value)
	if err != nil || kind != "multipart/alternative" || params["boundary"] == "" {
		r.find("multipart", at, "the mail is %s, not multipart/alternative", short(strings.TrimSpace(kind+" ")+"("+f.value+")"))
		return p
	}
	reader := multipart.NewReader(bytes.NewReader(m.body), params["boundary"])
	var kinds []string
	for len(kinds) < maxParts {
		part, err := reader.NextRawPart()
		if err != nil {
			if err != io.EOF {
				r.find("multipart", at, "part %d does not read: the boundary or its end is missing", len(kinds)+1)
			}
			break
		}
		kind, content := r.part(part)
		kinds = append(kinds, kind)
		switch kind {
		case "text/plain":
			p.text = content
		case "text/html":
			p.html = content
		}
	}
	if got := strings.Join(kinds, ", "); got != "text/plain, text/html" {
		r.find("multipart", at, "the parts are %q, not text/plain first and text/html last", short(got))
	}
	return p
}

// part reads one part.
func (r *report) part(part *multipart.Part) (kind string, content []byte) {
	kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	at := place{part: PartText}
	if kind == "text/html" {
		at.part = PartHTML
	}
	if err != nil || !strings.EqualFold(params["charset"], "utf-8") {
		r.find("charset", at, "the charset is %q, not utf-8", short(params["charset"]))
	}
	var decoder io.Reader
	switch encoding := part.Header.Get("Content-Transfer-Encoding"); strings.ToLower(encoding) {
	case "quoted-printable":
		decoder = quotedprintable.NewReader(part)
	case "base64":
		decoder = base64.NewDecoder(base64.StdEncoding, part)
	default:
		r.find("transfer-encoding", at, "the part is encoded as %q, not quoted-printable or base64", short(encoding))
		decoder = part
	}
	content, err = io.ReadAll(decoder)
	if err != nil {
		r.find("transfer-encoding", at, "the part does not decode")
	}
	if !utf8.Valid(content) {
		r.find("charset", at, "the part is not valid UTF-8")
	}
	return kind, bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
}

// leftovers are the traces of a template that did not run as it should: tags,
// html/template's words for what it would not print, fmt's for what it could
// not, and the marker of a personal value.
var leftovers = regexp.MustCompile(`\{\{[^{}\s]{0,40}|\}\}|#?ZgotmplZ|<no value>|%!.?\([^)\s]{0,40}|(?:<|%3[cC])[A-Z2-7]{26}(?:=|%3[dD])[A-Za-z](?:;|%3[bB])`)

// unresolved looks for leftovers in words that a reader would see.
func (r *report) unresolved(text string, at place) {
	if !suspect(text) {
		return
	}
	line := at.line
	for _, i := range leftovers.FindAllStringIndex(text, maxPerRule*4) {
		found := text[i[0]:i[1]]
		if r.given(found) {
			continue
		}
		if at.part != PartHeader {
			at.line = line + strings.Count(text[:i[0]], "\n")
		}
		if rule := ruleNamed("unresolved-tag"); r.o.GivenUnknown {
			rule.Severity = Warning
			r.findAs(rule, at, "%q looks like a tag left unfilled, and may be an article's own words", short(found))
			continue
		}
		r.find("unresolved-tag", at, "%q was left unfilled", short(found))
	}
}

// suspect is a quick look, because nearly every text is free of them.
func suspect(text string) bool {
	for _, sign := range []string{"{{", "}}", "ZgotmplZ", "%!", "<", "%3c", "%3C"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// given says whether an article or a reader brought the words.
func (r *report) given(words string) bool {
	for _, g := range r.o.Given {
		if strings.Contains(g, words) {
			return true
		}
	}
	return false
}
