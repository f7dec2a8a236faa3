package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"golang.org/x/net/html"
)

// parseFeed reads a feed, and mends what keeps a parser from reading it:
// first everything at once, then item by item, so that one broken item costs
// itself only.
func parseFeed(text []byte) (feed *gofeed.Feed, warnings []string, err error) {
	text = withoutInline(bytes.TrimSpace(text))
	if bytes.HasPrefix(text, []byte("{")) {
		return parseJSONFeed(text)
	}
	text, warnings = trimJunk(text)
	text, all := firstItems(settleXML(text))
	if all > maxItems {
		warnings = append(warnings, tooMany(all))
	}
	text, cut := dropHuge(unprefixed(text))
	if cut {
		warnings = append(warnings, "the feed holds far more than news; what is too long was left out")
	}
	whole := itemTag.FindAllIndex(text, maxItems+1)
	mended := mendXML(text)
	if feed, err = parseOnce(text); err == nil && len(feed.Items) >= len(whole) {
		if !bytes.Equal(mended, text) || !balanced(text) {
			warnings = append(warnings, "the feed is not well-formed XML; it was read as it is meant")
		}
		return feed, warnings, nil
	}
	if again, err := parseOnce(mended); err == nil && len(again.Items) >= len(whole) {
		return again, append(warnings, "the feed is not well-formed XML; it was mended"), nil
	}
	salvaged, lost := salvage(mended)
	switch {
	case salvaged != nil && (feed == nil || err != nil || len(salvaged.Items) > len(feed.Items)):
		return salvaged, append(warnings, lost), nil
	case feed != nil && err == nil:
		return feed, warnings, nil
	}
	return nil, warnings, fmt.Errorf("%w: it is not well-formed and no whole item was found; open its address in a browser", errFeed)
}

// firstItems leaves of a feed with more items than are taken the first ones
// and its end, so that those behind cost nothing and damage nothing. all is how
// many it has.
func firstItems(text []byte) (head []byte, all int) {
	if starts := itemTag.FindAllIndex(text, maxItems+1); len(starts) <= maxItems {
		return text, len(starts)
	}
	starts := itemTag.FindAllIndex(text, -1)
	last := starts[len(starts)-1][0]
	end := len(text)
	if at := itemEnd.FindIndex(text[last:]); at != nil {
		end = last + at[1]
	}
	return slices.Concat(text[:starts[maxItems][0]], text[end:]), len(starts)
}

// hugeItem is more than any item needs. A feed of one item of 10 MB would
// take ten times its size to parse.
const hugeItem = 512 << 10

// dropHuge leaves out items, and what stands before, between and behind
// them, where they are that long.
func dropHuge(text []byte) ([]byte, bool) {
	if len(text) <= 2*hugeItem {
		return text, false
	}
	starts := itemTag.FindAllIndex(text, maxItems+1)
	root := rootTag.FindIndex(text[:min(len(text), 64<<10)])
	if len(starts) == 0 || root == nil {
		return text[:hugeItem], true
	}
	var kept bytes.Buffer
	if starts[0][0] <= hugeItem {
		kept.Write(text[:starts[0][0]])
	} else if end := bytes.IndexByte(text[root[0]:starts[0][0]], '>'); end >= 0 {
		kept.Write(text[root[0] : root[0]+end+1])
		kept.WriteString("<channel>")
	}
	cut := starts[0][0] > hugeItem
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		item := text[start[0]:end]
		if len(item) > hugeItem {
			item, cut = wholeItem(item), true
		}
		if len(item) <= hugeItem {
			kept.Write(item)
		}
	}
	if !cut {
		return text, false
	}
	return kept.Bytes(), true
}

var xmlStart = regexp.MustCompile(`(?i)<\?xml\b|<(?:rss|rdf:rdf|(?:[\w-]{1,20}:)?feed|channel)[\s>]`)

// trimJunk drops what stands before the feed: blank lines, a proxy's notes,
// a script's warnings.
func trimJunk(text []byte) ([]byte, []string) {
	at := xmlStart.FindIndex(text[:min(len(text), 64<<10)])
	if at == nil || at[0] == 0 {
		return text, nil
	}
	return text[at[0]:], []string{"something stands before the feed; it was skipped"}
}

var (
	xmlDeclaration = regexp.MustCompile(`(?s)^<\?xml.{0,300}?\?>`)
	doctype        = regexp.MustCompile(`(?is)<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>`)
	baseAttribute  = regexp.MustCompile(`(\sxml:base\s*=\s*["'])([^"']*/)[^/"']*(["'])`)
)

// settleXML makes a feed safe to parse: the declaration goes, as the text is
// UTF-8 by now whatever it said; so does a document type, with the entities
// it declares, which is how XML bombs are made (RFC 4287 needs none). A base
// is cut to its directory, because the parser takes a file for one.
func settleXML(text []byte) []byte {
	if at := xmlDeclaration.FindIndex(text); at != nil {
		text = text[at[1]:]
	}
	if at := doctype.FindIndex(text[:min(len(text), 64<<10)]); at != nil {
		text = append(append([]byte{}, text[:at[0]]...), text[at[1]:]...)
	}
	if !bytes.Contains(text, []byte("xml:base")) {
		return text
	}
	return baseAttribute.ReplaceAllFunc(text, directoryBase)
}

var prefixedRoot = regexp.MustCompile(`^\s*(?:<!--[^>]{0,1000}-->\s*)*<([\w-]{1,20}):feed[\s>]`)

// unprefixed takes off the prefix that some programs give all of Atom's own
// elements: the same to a parser that knows namespaces, and nothing to the
// ways here of finding the items of a feed that is damaged.
func unprefixed(text []byte) []byte {
	m := prefixedRoot.FindSubmatch(text[:min(len(text), 64<<10)])
	if m == nil {
		return text
	}
	prefix := string(m[1])
	for _, pair := range [][2]string{{"<" + prefix + ":", "<"}, {"</" + prefix + ":", "</"}, {"xmlns:" + prefix + "=", "xmlns="}} {
		text = bytes.ReplaceAll(text, []byte(pair[0]), []byte(pair[1]))
	}
	return text
}

// directoryBase cuts the file off a base, RFC 3986 section 5.2.3.
func directoryBase(attribute []byte) []byte {
	m := baseAttribute.FindSubmatch(attribute)
	if bytes.HasSuffix(m[2], []byte("://")) {
		return attribute // only a host
	}
	return bytes.Join([][]byte{m[1], m[2], m[3]}, nil)
}

var (
	openTag  = regexp.MustCompile(`<([\pL_][\pL\pN_.-]*):`)
	declared = regexp.MustCompile(`xmlns:([\pL_][\pL\pN_.-]*)\s*=`)
	rootTag  = regexp.MustCompile(`(?i)<(?:rss|rdf:rdf|feed|channel)\b`)
)

// namespaces are those of prefixes feeds use without declaring them.
var namespaces = map[string]string{
	"content": "http://purl.org/rss/1.0/modules/content/", "dc": "http://purl.org/dc/elements/1.1/", "media": "http://search.yahoo.com/mrss/",
	"atom": "http://www.w3.org/2005/Atom", "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd", "sy": "http://purl.org/rss/1.0/modules/syndication/",
	"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "slash": "http://purl.org/rss/1.0/modules/slash/", "georss": "http://www.georss.org/georss",
}

// mendXML repairs a feed's text: bare ampersands, less-than signs that open
// no tag, HTML's entities, control characters, undeclared prefixes.
func mendXML(text []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(text) + len(text)/8)
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := text[i]; {
		case c == '<':
			n := markup(rest)
			if n == 0 {
				out.WriteString("&lt;")
				i++
				continue
			}
			out.Write(mendTag(rest[:n]))
			i += n
		case c == '&':
			s, n := mendEntity(rest)
			out.WriteString(s)
			i += n
		case c < ' ' && c != '\n' && c != '\t' && c != '\r':
			i++
		default:
			out.WriteByte(c)
			i++
		}
	}
	return declarePrefixes(out.Bytes())
}

// markup is the length of the tag, comment or CDATA section a text begins
// with, 0 if it begins with none. A CDATA section that is cut off ends with
// the text.
func markup(text []byte) int {
	for _, pair := range [][2]string{{"<![CDATA[", "]]>"}, {"<!--", "-->"}, {"<?", "?>"}} {
		if bytes.HasPrefix(text, []byte(pair[0])) {
			if end := bytes.Index(text, []byte(pair[1])); end >= 0 {
				return end + len(pair[1])
			}
			return 0
		}
	}
	if len(text) < 3 || text[1] != '/' && !isNameStart(text[1]) {
		return 0
	}
	const longestTag = 8192
	end := bytes.IndexByte(text[1:min(len(text), longestTag)], '>')
	next := bytes.IndexByte(text[1:min(len(text), longestTag)], '<')
	if end < 0 || next >= 0 && next < end {
		return 0
	}
	return end + 2
}

// isNameStart tells what may begin a tag's name. Everything beyond ASCII
// passes: the parser behind it is stricter.
func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// balanced says that each element ends where it should. The parser is lenient
// with those that don't, and an editor should still hear of it.
func balanced(text []byte) bool {
	var open [][]byte
	for i := 0; i < len(text); {
		next := bytes.IndexByte(text[i:], '<')
		if next < 0 {
			break
		}
		i += next
		n := markup(text[i:])
		if n == 0 {
			return false
		}
		tag := text[i : i+n]
		i += n
		name := bytes.TrimLeft(tag[1:n-1], "/")
		if end := bytes.IndexAny(name, " \t\r\n/"); end >= 0 {
			name = name[:end]
		}
		switch {
		case tag[1] == '!' || tag[1] == '?' || tag[n-2] == '/':
		case tag[1] != '/':
			open = append(open, name)
		case len(open) == 0 || !bytes.Equal(open[len(open)-1], name):
			return false
		default:
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
}

// mendTag escapes the ampersands in a tag's attributes.
func mendTag(tag []byte) []byte {
	if tag[1] == '!' || tag[1] == '?' || bytes.IndexByte(tag, '&') < 0 {
		return tag
	}
	var out bytes.Buffer
	for i := 0; i < len(tag); {
		if tag[i] != '&' {
			out.WriteByte(tag[i])
			i++
			continue
		}
		s, n := mendEntity(tag[i:])
		out.WriteString(s)
		i += n
	}
	return out.Bytes()
}

// mendEntity keeps the entities of XML and numeric ones that are allowed,
// resolves those of HTML, and escapes every other ampersand. It returns what
// to write and how many bytes that stands for.
func mendEntity(text []byte) (string, int) {
	end := bytes.IndexByte(text[:min(len(text), 34)], ';')
	if end < 2 {
		return "&amp;", 1
	}
	name := string(text[1:end])
	switch name {
	case "amp", "lt", "gt", "quot", "apos":
		return "&" + name + ";", end + 1
	}
	if number, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if hex, ok := strings.CutPrefix(strings.ToLower(number), "x"); ok {
			number, base = hex, 16
		}
		n, err := strconv.ParseUint(number, base, 32)
		if err != nil || n < ' ' && n != '\t' && n != '\n' && n != '\r' || n > 0x10ffff || n >= 0xd800 && n < 0xe000 || n == 0xfffe || n == 0xffff {
			return "", end + 1
		}
		return "&" + name + ";", end + 1
	}
	if plain := html.UnescapeString("&" + name + ";"); !strings.HasPrefix(plain, "&") {
		return plain, end + 1
	}
	return "&amp;", 1
}

// declarePrefixes declares on the root element what tags use and nobody
// declared.
func declarePrefixes(text []byte) []byte {
	root := rootTag.FindIndex(text)
	if root == nil {
		return text
	}
	known := map[string]bool{"xml": true}
	for _, m := range declared.FindAllSubmatch(text, -1) {
		known[string(m[1])] = true
	}
	var missing strings.Builder
	for _, m := range openTag.FindAllSubmatch(text, -1) {
		prefix := string(m[1])
		if known[prefix] || len(known) > 100 {
			continue
		}
		known[prefix] = true
		name := namespaces[prefix]
		if name == "" {
			name = "urn:undeclared:" + prefix
		}
		fmt.Fprintf(&missing, ` xmlns:%s="%s"`, prefix, name)
	}
	if missing.Len() == 0 {
		return text
	}
	return bytes.Join([][]byte{text[:root[1]], []byte(missing.String()), text[root[1]:]}, nil)
}

// salvage reads a feed whose XML is beyond mending, such as one that was cut
// off: the head with each whole item, one by one.
func salvage(text []byte) (feed *gofeed.Feed, warning string) {
	root := rootTag.FindIndex(text)
	starts := itemTag.FindAllIndex(text, maxItems)
	if root == nil || len(starts) == 0 || starts[0][0] < root[0] {
		return nil, ""
	}
	kind := strings.ToLower(string(text[root[0]+1 : root[1]]))
	rootEnd := bytes.IndexByte(text[root[0]:], '>')
	if rootEnd < 0 {
		return nil, ""
	}
	open := text[root[0] : root[0]+rootEnd+1]
	lost := 0
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		one, err := parseOnce(frame(kind, open, wholeItem(text[start[0]:end])))
		if err != nil || len(one.Items) != 1 {
			lost++
			continue
		}
		if feed == nil {
			feed = headOf(kind, text[root[0]:starts[0][0]], one)
		}
		feed.Items = append(feed.Items, one.Items[0])
	}
	return feed, damaged(lost, len(starts))
}

var itemEnd = regexp.MustCompile(`(?i)</(?:item|entry)\s*>`)

// wholeItem is an item up to its end tag, nil if that is missing: half an
// item may hold half a sentence.
func wholeItem(text []byte) []byte {
	ends := itemEnd.FindAllIndex(text, -1)
	if ends == nil {
		return nil
	}
	return text[:ends[len(ends)-1][1]]
}

// frame puts one item into a feed of its own, under the damaged feed's own
// root element, which declares the prefixes the item uses.
func frame(kind string, open, item []byte) []byte {
	if item == nil {
		return nil
	}
	switch kind {
	case "<feed", "feed":
		return bytes.Join([][]byte{open, item, []byte("</feed>")}, nil)
	case "rss":
		return bytes.Join([][]byte{open, []byte("<channel>"), item, []byte("</channel></rss>")}, nil)
	case "channel":
		return bytes.Join([][]byte{[]byte("<rss>"), open, item, []byte("</channel></rss>")}, nil)
	}
	return bytes.Join([][]byte{open, item, []byte("</rdf:RDF>")}, nil)
}

var headField = regexp.MustCompile(`(?is)<(title|link|language|dc:language)(?:\s[^>]*)?>(.{0,600}?)</`)

// headOf picks the few fields of the head that matter out of its text.
func headOf(kind string, text []byte, like *gofeed.Feed) *gofeed.Feed {
	feed := &gofeed.Feed{FeedType: like.FeedType}
	for _, m := range headField.FindAllSubmatch(text, 20) {
		value := strings.TrimSpace(strings.NewReplacer("<![CDATA[", "", "]]>", "").Replace(string(m[2])))
		value = html.UnescapeString(value)
		switch name := strings.ToLower(string(m[1])); {
		case name == "title" && feed.Title == "":
			feed.Title = value
		case name == "link" && feed.Link == "":
			feed.Link = value
		case strings.HasSuffix(name, "language") && feed.Language == "":
			feed.Language = value
		}
	}
	return feed
}

// parseJSONFeed reads a JSON Feed; one that was cut off is read up to its
// last whole item.
func parseJSONFeed(text []byte) (*gofeed.Feed, []string, error) {
	feed, err := parseOnce(text)
	if err == nil {
		return feed, nil, nil
	}
	if feed, err := parseOnce([]byte(repairJSON(string(text)))); err == nil {
		return feed, []string{"the feed is not valid JSON; it was mended"}, nil
	}
	if whole := closeJSON(text); whole != nil {
		if feed, err := parseOnce(whole); err == nil {
			return feed, []string{"the feed is cut off; its whole items were read"}, nil
		}
	}
	if feed, warning := salvageJSON(text); feed != nil {
		return feed, []string{warning}, nil
	}
	return nil, nil, fmt.Errorf("%w: it is not valid JSON; open its address in a browser", errFeed)
}

// damaged says how much of a feed was lost.
func damaged(lost, all int) string {
	if lost == 0 {
		return "the feed is damaged; all of its items could be read"
	}
	return fmt.Sprintf("the feed is damaged: %d of its %d items could not be read", lost, all)
}

// salvageJSON reads a JSON Feed item by item, so that one with a field of the
// wrong type costs itself only.
func salvageJSON(text []byte) (feed *gofeed.Feed, warning string) {
	var whole map[string]json.RawMessage
	var items []json.RawMessage
	if json.Unmarshal(text, &whole) != nil || json.Unmarshal(whole["items"], &items) != nil {
		return nil, ""
	}
	items = items[:min(len(items), maxItems)]
	for key, value := range whole {
		if len(value) > 1000 { // it is read again with each item
			delete(whole, key)
		}
	}
	lost := 0
	for _, item := range items {
		whole["items"] = append(append(json.RawMessage("["), item...), ']')
		one, err := json.Marshal(whole)
		if err != nil {
			return nil, ""
		}
		read, err := parseOnce(one)
		switch {
		case err != nil || len(read.Items) != 1:
			lost++
		case feed == nil:
			feed = read
		default:
			feed.Items = append(feed.Items, read.Items[0])
		}
	}
	return feed, damaged(lost, len(items))
}

// closeJSON ends a JSON Feed behind the last object that is complete within
// its list of items.
func closeJSON(text []byte) []byte {
	depth, quoted, escaped, last := 0, false, false, -1
	for i, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped = c == '\\'
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
			if c == '}' && depth == 2 { // the feed's object, its list, this item
				last = i
			}
		}
	}
	if last < 0 {
		return nil
	}
	return append(append([]byte{}, text[:last+1]...), "]}"...)
}

var (
	ttlField  = regexp.MustCompile(`(?i)<ttl>\s*(\d{1,6})\s*</ttl>`)
	period    = regexp.MustCompile(`<(?:\w+:)?updatePeriod>\s*(hourly|daily|weekly|monthly|yearly)\s*<`)
	frequency = regexp.MustCompile(`<(?:\w+:)?updateFrequency>\s*(\d{1,4})\s*<`)
)

// feedTTL is how long the feed asks to be left alone: RSS 2.0's ttl in
// minutes, else RSS 1.0's syndication module, so many times a period; 0: it
// doesn't ask.
func feedTTL(text []byte) time.Duration {
	head := text[:min(len(text), 16<<10)]
	if m := ttlField.FindSubmatch(head); m != nil {
		return time.Duration(number(m[1])) * time.Minute
	}
	m := period.FindSubmatch(head)
	if m == nil {
		return 0
	}
	hours := map[string]int{"hourly": 1, "daily": 24, "weekly": 7 * 24, "monthly": 30 * 24, "yearly": 365 * 24}[string(m[1])]
	times := 1
	if m := frequency.FindSubmatch(head); m != nil {
		times = max(number(m[1]), 1)
	}
	return time.Duration(hours) * time.Hour / time.Duration(times)
}

// number reads a few digits.
func number(digits []byte) int {
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return 0
	}
	return n
}
