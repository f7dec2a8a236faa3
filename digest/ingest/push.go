package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"courant/digest"
)

// PushOptions say how a document of articles is read.
type PushOptions struct {
	Now time.Time // a piece that is published later is not out yet
	// Most is how many articles it may hold; 0: any number.
	Most int
	// File allows what files hold: several documents one after the other, the
	// lines of "courant extract --json", and one article twice, of which the
	// later telling counts.
	File   bool
	Filing *Filing // how the config files what publishers say; nil: they keep it
	// AllowPrivate takes addresses that only a network inside knows: readers are
	// inside, too.
	AllowPrivate bool
}

// mostFaults bounds how many faults of one document are told.
const mostFaults = 100

// ReadPush reads articles as a publisher's own system writes them: a JSON
// object that is an article, an array of them, or an object with an array
// "articles". It is strict: a field that it does not know is a fault, and all
// faults are told at once, so that no article is lost by a slip of a name.
//
// The error is a digest.ArticleFault where the document is no JSON (RFC 8259);
// its other faults come as a list, and no article is worth anything then.
func ReadPush(data []byte, o PushOptions) ([]digest.Article, []digest.ArticleFault, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // RFC 8259 section 8.1 lets a reader ignore it
	r := &pushReader{data: data, o: o, byURL: map[string]int{}, byGUID: map[string]int{}}
	if !utf8.Valid(data) {
		return nil, nil, r.at(validBytes(data), "", "this is no UTF-8 text; write the document in UTF-8")
	}
	if err := r.documents(); err != nil {
		return nil, nil, err
	}
	switch {
	case r.untold > 0:
		r.faults = append(r.faults, digest.ArticleFault{Line: r.faults[len(r.faults)-1].Line, Said: fmt.Sprintf("and %d faults more", r.untold)})
	case len(r.faults) == 0 && r.seen == 0 && !o.File:
		r.faults = append(r.faults, digest.ArticleFault{Line: 1, Said: "there is no article in it"})
	}
	return r.articles, r.faults, nil
}

// validBytes is how many bytes come before the first that is no UTF-8.
func validBytes(data []byte) (n int) {
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// pushReader goes through a document article by article, so that its memory is
// that of the articles and not of what somebody nests or repeats.
type pushReader struct {
	data     []byte
	o        PushOptions
	dec      *json.Decoder
	begin    int // where the document in hand begins
	seen     int // articles, good or not
	articles []digest.Article
	where    []string       // the pointers of articles
	byURL    map[string]int // by canonical address
	byGUID   map[string]int
	faults   []digest.ArticleFault
	untold   int
	lines    lineCount
}

// lineCount tells lines of offsets that mostly grow.
type lineCount struct{ offset, line int }

// line is the line of an offset, from 1.
func (r *pushReader) line(offset int) int {
	offset = max(min(offset, len(r.data)), 0)
	if offset < r.lines.offset {
		r.lines = lineCount{}
	}
	r.lines.line += bytes.Count(r.data[r.lines.offset:offset], []byte("\n"))
	r.lines.offset = offset
	return r.lines.line + 1
}

func (r *pushReader) at(offset int, pointer, format string, args ...any) digest.ArticleFault {
	return digest.ArticleFault{Pointer: pointer, Line: r.line(offset), Said: fmt.Sprintf(format, args...)}
}

// fault notes what is wrong in one place.
func (r *pushReader) fault(offset int, pointer, format string, args ...any) {
	if len(r.faults) == mostFaults {
		r.untold++
		return
	}
	r.faults = append(r.faults, r.at(offset, pointer, format, args...))
}

// malformed is what is wrong with the JSON itself. A decoder counts from where
// it began to read a value, so the document is gone through again.
func (r *pushReader) malformed() error {
	var whole json.RawMessage
	var syntax *json.SyntaxError
	err := json.Unmarshal(r.data[r.begin:], &whole)
	if !errors.As(err, &syntax) {
		return r.at(r.begin, "", "this is no JSON that can be read")
	}
	at := r.begin + int(syntax.Offset)
	if at >= len(r.data) && strings.Contains(syntax.Error(), "unexpected end") {
		return r.at(len(r.data), "", "the document ends in the middle")
	}
	return r.at(at-1, "", "this is no JSON: %s", syntax.Error())
}

// documents reads what stands at the top.
func (r *pushReader) documents() error {
	r.dec = json.NewDecoder(bytes.NewReader(r.data))
	for n := 0; ; n++ {
		r.begin = int(r.dec.InputOffset())
		token, err := r.dec.Token()
		switch {
		case errors.Is(err, io.EOF) && n > 0, errors.Is(err, io.EOF) && r.o.File:
			return nil
		case errors.Is(err, io.EOF):
			return r.at(0, "", "there is nothing in it; an article is a JSON object")
		case err != nil:
			return r.malformed()
		case n > 0 && !r.o.File:
			return r.at(int(r.dec.InputOffset()), "", "another document begins here; several articles stand in one array")
		}
		switch token {
		case json.Delim('{'):
			err = r.object()
		case json.Delim('['):
			err = r.list("")
		default:
			r.fault(int(r.dec.InputOffset()), "", "an article is a JSON object, and this is %s", kindOfJSON(token))
		}
		if err != nil {
			return r.malformed()
		}
	}
}

// kindOfJSON says in words what a value is.
func kindOfJSON(token json.Token) string {
	switch token.(type) {
	case string:
		return "a text"
	case float64, json.Number:
		return "a number"
	case bool:
		return "true or false"
	case json.Delim:
		return "a list"
	}
	return "null"
}

// member is a field as it stands in an object.
type member struct {
	name  string
	value json.RawMessage
	at    int
}

// object reads what is an article, or holds articles.
func (r *pushReader) object() error {
	var members []member
	holds := false
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		name, at := fmt.Sprint(key), int(r.dec.InputOffset())
		if name == "articles" && !holds && bytes.HasPrefix(afterColon(r.data[at:]), []byte("[")) {
			holds = true
			if _, err := r.dec.Token(); err != nil {
				return err
			}
			if err := r.list("/articles"); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := r.dec.Decode(&value); err != nil {
			return err
		}
		if len(members) < mostMembers {
			members = append(members, member{name, value, at})
		}
	}
	end, err := r.dec.Token()
	if err != nil || end != json.Delim('}') {
		return cmpError(err, io.ErrUnexpectedEOF)
	}
	if !holds {
		r.article("", members, int(r.dec.InputOffset()))
		return nil
	}
	for _, m := range members {
		if !r.o.File || !slices.Contains([]string{"input", "kind", "title", "warnings"}, m.name) {
			r.fault(m.at, "/"+escapePointer(m.name), "unknown field beside articles; what belongs to an article stands within it")
		}
	}
	return nil
}

func cmpError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// afterColon is what follows a key.
func afterColon(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n:") }

// escapePointer is a name as a part of a JSON Pointer, RFC 6901 section 3.
func escapePointer(name string) string {
	name = digest.PlainLine(name, 60)
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// list reads an array of articles whose bracket was read.
func (r *pushReader) list(base string) error {
	for i := 0; r.dec.More(); i++ {
		var value json.RawMessage
		if err := r.dec.Decode(&value); err != nil {
			return err
		}
		at, pointer := int(r.dec.InputOffset())-len(value), base+"/"+strconv.Itoa(i)
		switch {
		case r.o.Most > 0 && i == r.o.Most:
			r.fault(at, pointer, "there are more than %d articles; send them in several requests", r.o.Most)
		case r.o.Most > 0 && i > r.o.Most:
		case value[0] != '{':
			r.fault(at, pointer, "an article is a JSON object, and this is %s", kindOfValue(value))
		default:
			r.article(pointer, membersOf(value, at), at)
		}
	}
	end, err := r.dec.Token()
	if err == nil && end != json.Delim(']') {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// kindOfValue is kindOfJSON for a whole value.
func kindOfValue(value json.RawMessage) string {
	switch value[0] {
	case '"':
		return "a text"
	case '[':
		return "a list"
	case '{':
		return "an object"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// mostMembers bounds what is looked at of one object: no article has so many.
const mostMembers = 200

// membersOf are the fields of a well-formed object that begins at an offset.
func membersOf(value json.RawMessage, at int) (members []member) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if _, err := dec.Token(); err != nil {
		return nil // it was read whole before
	}
	for dec.More() && len(members) < mostMembers {
		key, err := dec.Token()
		if err != nil {
			return members
		}
		m := member{name: fmt.Sprint(key), at: at + int(dec.InputOffset())}
		if err := dec.Decode(&m.value); err != nil {
			return members
		}
		members = append(members, m)
	}
	return members
}

// itemsOf are the values of a well-formed array, at most so many.
func itemsOf(value json.RawMessage, most int) (items []json.RawMessage) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if _, err := dec.Token(); err != nil {
		return nil
	}
	for dec.More() && len(items) < most {
		var item json.RawMessage
		if err := dec.Decode(&item); err != nil {
			return items
		}
		items = append(items, item)
	}
	return items
}

// article reads one article and takes it in.
func (r *pushReader) article(pointer string, members []member, at int) {
	r.seen++
	before := len(r.faults) + r.untold
	f := pushFields{r: r, pointer: pointer, at: at, members: map[string]member{}}
	f.take(members)
	a := f.article()
	if len(r.faults)+r.untold > before {
		return
	}
	first, twice := r.byURL[a.Canonical]
	switch {
	case twice && r.o.File:
		r.articles[first] = a
		return
	case twice:
		r.fault(at, pointer+"/url", "this is the same article as %s", r.where[first])
		return
	}
	if other, taken := r.byGUID[a.GUID]; taken && a.GUID != "" {
		r.fault(at, pointer+"/guid", "this is the guid of %s, too, which has another address", cmp.Or(r.where[other], "an article before"))
		return
	}
	r.byURL[a.Canonical], r.byGUID[a.GUID] = len(r.articles), len(r.articles)
	r.articles, r.where = append(r.articles, a), append(r.where, pointer)
}
