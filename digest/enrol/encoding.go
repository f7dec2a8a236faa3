package enrol

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"courant/digest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// peeked is how much of a file is looked at before it is read.
const peeked = 1 << 16

// decoded gives the file as UTF-8, as far as its first bytes tell how it is
// written. Without a word of the caller a byte order mark counts, then the
// zeroes of UTF-16; what is neither is UTF-8, or Windows-1252 cell by cell.
func decoded(in io.Reader, name string) (*bufio.Reader, error) {
	raw := bufio.NewReaderSize(in, 1<<20)
	start, err := raw.Peek(peeked)
	if len(start) == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read readers: %w", err)
		}
		return nil, errors.New("the file is empty")
	}
	if what := otherFile(start); what != "" {
		return nil, fmt.Errorf("this is %s; save the table as CSV in UTF-8 and import that", what)
	}
	charset, err := charsetOf(start, name)
	if err != nil {
		return nil, err
	}
	if charset == nil {
		if bytes.HasPrefix(start, []byte("\xEF\xBB\xBF")) {
			_, err = raw.Discard(3)
		}
		return raw, err
	}
	return bufio.NewReaderSize(charset.NewDecoder().Reader(raw), 1<<20), nil
}

// charsetOf is nil for UTF-8.
func charsetOf(start []byte, name string) (encoding.Encoding, error) {
	if name != "" {
		charset, err := htmlindex.Get(name)
		if err != nil {
			return nil, fmt.Errorf("there is no encoding %q; utf-8, utf-16, windows-1252, iso-8859-2 and shift_jis are some", digest.PlainLine(name, 40))
		}
		if n, err := htmlindex.Name(charset); err == nil && n == "utf-8" {
			return nil, nil
		}
		return charset, nil
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xFF\xFE")), bytes.HasPrefix(start, []byte("\xFE\xFF")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	case zeroes(start, 1) > zeroes(start, 0)+len(start)/8:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), nil
	case zeroes(start, 0) > zeroes(start, 1)+len(start)/8:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), nil
	case bytes.Count(start, []byte{0}) > max(3, len(start)/50):
		// A few in a cell are the cell's fault, and are cleaned away with it.
		return nil, errors.New("the file is no text; save the table as CSV in UTF-8 and import that")
	}
	return nil, nil
}

// zeroes counts zero bytes at even or odd places.
func zeroes(b []byte, first int) (n int) {
	for i := first; i < len(b); i += 2 {
		if b[i] == 0 {
			n++
		}
	}
	return n
}

// otherFile names what people take for a CSV file and is none.
func otherFile(start []byte) string {
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return "a workbook or another archive"
	case bytes.HasPrefix(start, []byte("\xD0\xCF\x11\xE0")):
		return "an old workbook"
	case bytes.HasPrefix(start, []byte("%PDF-")):
		return "a PDF"
	case bytes.HasPrefix(start, []byte("\x1F\x8B")):
		return "compressed by gzip"
	case bytes.HasPrefix(bytes.TrimSpace(start), []byte("{")):
		return "JSON"
	case bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(start)), []byte("<")):
		return "a page or XML"
	}
	return ""
}

// text is a cell as UTF-8: programs that write CSV in the system's old charset
// do so cell by cell beside what was UTF-8 before.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	if d, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
		return d
	}
	return s
}
