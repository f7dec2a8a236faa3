package ingest

import (
	"bytes"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// declaredCharset matches the XML declaration's encoding and the charset of
// an HTML meta element.
var declaredCharset = regexp.MustCompile(`(?i)(?:<\?xml[^>]{0,200}?encoding|<meta[^>]{0,400}?charset)\s*=\s*["']?\s*([\w.:-]{2,40})`)

// toUTF8 decodes a document. The order is: byte order mark, the charset of
// the Content-Type header, UTF-8 if the whole body is valid UTF-8, the
// document's own declaration, and a guess. The header is asked before the
// bytes because a server that recodes pages knows, and the bytes before the
// declaration because templates declare what nobody checked. Neither is
// believed where the bytes show beyond doubt that they are UTF-8: a server
// that says iso-8859-1 of everything is more common than a text in it.
func toUTF8(data []byte, contentType string) (text []byte, warning string) {
	if e, mark := byteOrderMark(data); e != nil {
		return decode(e, data[mark:]), ""
	} else if mark > 0 {
		return patchUTF8(data[mark:])
	}
	if label := headerCharset(contentType); label != "" {
		if e, name := charset.Lookup(label); e != nil && name != "utf-8" {
			if !surelyUTF8(data, name) {
				return decode(e, data), ""
			}
			text, _ := patchUTF8(data)
			return text, "its server says that the encoding is " + strings.ToLower(label) + ", and it is not; read as UTF-8"
		} else if name == "utf-8" && mostlyUTF8(data, 1) {
			return patchUTF8(data)
		}
	}
	// UTF-16 in Latin script is valid UTF-8 full of zero bytes, ISO-2022-JP is
	// ASCII full of escapes: both are told apart first.
	if e, name := unmarkedWide(data); e != nil {
		return decode(e, data), "the encoding was not declared; read as " + name
	}
	if bytes.Contains(data, []byte("\x1b$B")) {
		return decode(japanese.ISO2022JP, data), ""
	}
	declared, declaration := declaredEncoding(data)
	if valid := utf8.Valid(trimPartialRune(data)); valid && (declared == nil || !byChance(data, declaration)) || surelyUTF8(data, declaration) {
		if label := declaredWrongly(data); label != "" {
			warning = "the encoding was declared as " + label + " and is not; read as UTF-8"
		}
		text, stray := patchUTF8(data)
		return text, first(warning, stray)
	}
	if declared != nil {
		return decode(declared, data), ""
	}
	doubt := 4
	if declaresUTF8(data) {
		doubt = 1
	}
	if mostlyUTF8(data, doubt) {
		return patchUTF8(data)
	}
	e, name := guessEncoding(data)
	if declaresUTF8(data) {
		return decode(e, data), "the encoding was declared as UTF-8 and is not; read as " + name
	}
	return decode(e, data), "the encoding was not declared; read as " + name
}

// declaredWrongly is what a text that is UTF-8 calls itself instead, empty
// where it does not, or where that makes no difference.
func declaredWrongly(data []byte) string {
	for _, m := range declaredCharset.FindAllSubmatch(data[:min(len(data), 4096)], 4) {
		_, name := charset.Lookup(string(m[1]))
		switch {
		case name == "utf-8":
			return ""
		case strings.HasPrefix(name, "utf-16"):
			return "UTF-16"
		case !isASCII(data):
			return strings.ToLower(string(m[1]))
		}
	}
	return ""
}

func isASCII(data []byte) bool {
	for _, c := range data {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// byteOrderMark gives the encoding of marked UTF-16 and UTF-32, or only the
// mark's size for UTF-8.
func byteOrderMark(data []byte) (encoding.Encoding, int) {
	switch {
	case bytes.HasPrefix(data, []byte{0xef, 0xbb, 0xbf}):
		return nil, 3
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2
	}
	return nil, 0
}

// headerCharset is what the Content-Type header says, empty if it says
// nothing. A header that cannot be parsed is a header that says nothing.
func headerCharset(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return strings.Trim(params["charset"], `"' `)
}

// declaredEncoding reads the first 4096 bytes for a declaration. UTF-8 is
// not an answer, as the caller has found that the bytes are not that;
// neither is UTF-16, which could not be read byte by byte.
func declaredEncoding(data []byte) (e encoding.Encoding, name string) {
	head := data[:min(len(data), 4096)]
	for _, m := range declaredCharset.FindAllSubmatch(head, 4) {
		e, name := charset.Lookup(string(m[1]))
		if e != nil && name != "utf-8" && !strings.HasPrefix(name, "utf-16") && name != "replacement" {
			return e, name
		}
	}
	return nil, ""
}

// surelyUTF8 tells text that is UTF-8 although something says that it is in
// the named encoding. In one that has a byte for each letter, real text is
// hardly ever made of whole characters of UTF-8; of two bytes that are both
// letters, as those of East Asia have them, it takes many to be sure. A stray
// byte among very many whole ones is somebody's paste.
func surelyUTF8(data []byte, name string) bool {
	if name == "" || name == "replacement" || bytes.IndexByte(data, 0) >= 0 {
		return false // UTF-16, perhaps
	}
	whole, stray := counts8(trimPartialRune(data))
	switch name {
	case "gbk", "gb18030", "big5", "euc-jp", "euc-kr", "shift_jis":
		return stray == 0 && whole >= 20
	case "iso-2022-jp", "utf-16le", "utf-16be", "x-user-defined":
		return stray == 0 && whole > 0
	}
	return whole > 0 && whole >= 50*stray && !byChance(data, name)
}

// byChance tells the few pairs of bytes that are a character of UTF-8 and
// may as well be two of windows-1252: an accented capital or an eszett before a
// mark, as in "NESTLÉ®" and "Spaß…". What they would be in UTF-8 are letters of
// scripts that come in numbers or not at all.
func byChance(data []byte, name string) bool {
	if !strings.HasPrefix(name, "windows-125") && !strings.HasPrefix(name, "iso-8859-") {
		return false
	}
	whole := trimPartialRune(data)
	odd := 0
	for i, c := range whole {
		if c < utf8.RuneSelf || i > 0 && whole[i-1] >= 0xc0 {
			continue
		}
		if c < 0xc6 || c > 0xdf {
			return false
		}
		odd++
	}
	return odd < 4 && (odd > 0 || len(whole) < len(data))
}

// unmarkedWide knows UTF-16 and UTF-32 without a mark by the zero bytes of
// their markup.
func unmarkedWide(data []byte) (encoding.Encoding, string) {
	head := data[:min(len(data), 512)]
	var zero [4]int
	for i, c := range head {
		if c == 0 {
			zero[i%4]++
		}
	}
	most := func(n int) bool { return n > len(head)/6 }
	switch {
	case most(zero[1]) && most(zero[2]) && most(zero[3]):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "UTF-32"
	case most(zero[0]) && most(zero[1]) && most(zero[2]):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "UTF-32"
	case most(zero[1]) && most(zero[3]):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16"
	case most(zero[0]) && most(zero[2]):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16"
	}
	return nil, ""
}

// trimPartialRune drops the beginning of a character that a cap cut off.
func trimPartialRune(data []byte) []byte {
	for i := 1; i <= 3 && i <= len(data); i++ {
		c := data[len(data)-i]
		if utf8.RuneStart(c) {
			if c >= 0xc0 && !utf8.FullRune(data[len(data)-i:]) {
				return data[:len(data)-i]
			}
			return data
		}
	}
	return data
}

// declaresUTF8 tells documents that say they are UTF-8 and aren't quite.
func declaresUTF8(data []byte) bool {
	m := declaredCharset.FindSubmatch(data[:min(len(data), 4096)])
	return m != nil && strings.EqualFold(string(m[1]), "utf-8")
}

// mostlyUTF8 tells text that is UTF-8 but for a few stray bytes: so many
// whole characters for each of them. Other encodings hardly ever look like
// whole characters of UTF-8.
func mostlyUTF8(data []byte, each int) bool {
	whole, stray := counts8(data)
	return stray == 0 || whole >= each*stray
}

// counts8 counts the whole characters of UTF-8 beyond ASCII, and the bytes
// that belong to none.
func counts8(data []byte) (whole, stray int) {
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			stray++
		} else {
			whole++
		}
		i += size
	}
	return whole, stray
}

// patchUTF8 reads stray bytes as windows-1252: text pasted from elsewhere is
// where they come from, and a quotation mark beats a replacement character.
func patchUTF8(data []byte) ([]byte, string) {
	data = trimPartialRune(data)
	if utf8.Valid(data) {
		return data, ""
	}
	out := make([]byte, 0, len(data)+len(data)/16)
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			out = utf8.AppendRune(out, charmap.Windows1252.DecodeByte(data[i]))
		} else {
			out = append(out, data[i:i+size]...)
		}
		i += size
	}
	return out, "some bytes are not valid UTF-8; they were read as windows-1252"
}

// guessEncoding is the last resort. charset.DetermineEncoding answers
// windows-1252 for whatever it doesn't know, so Cyrillic is tried first: its
// text is made of high bytes, and lower case outnumbers upper case by far in
// the right one of its encodings.
func guessEncoding(data []byte) (encoding.Encoding, string) {
	sample := withoutTags(data[:min(len(data), 1<<16)])
	high, letters := 0, 0
	for _, c := range sample {
		if c >= 0xc0 {
			high++
		}
		if c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			letters++
		}
	}
	if high*4 > letters {
		if lowerShare(charmap.KOI8R, sample) > lowerShare(charmap.Windows1251, sample) {
			return charmap.KOI8R, "KOI8-R"
		}
		return charmap.Windows1251, "windows-1251"
	}
	return charmap.Windows1252, "windows-1252"
}

// withoutTags leaves the text between tags: markup is ASCII in any language.
func withoutTags(data []byte) []byte {
	var out []byte
	inTag := false
	for _, c := range data {
		switch {
		case c == '<':
			inTag = true
		case c == '>':
			inTag = false
		case !inTag:
			out = append(out, c)
		}
	}
	return out
}

// lowerShare counts how many of the sample's high bytes are lower-case
// Cyrillic letters in an encoding.
func lowerShare(m *charmap.Charmap, sample []byte) int {
	n := 0
	for _, c := range sample {
		if r := m.DecodeByte(c); r >= 'а' && r <= 'я' {
			n++
		}
	}
	return n
}

// decode never fails: what an encoding doesn't know becomes U+FFFD.
func decode(e encoding.Encoding, data []byte) []byte {
	out, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	return out
}
