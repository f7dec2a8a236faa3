package digest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"
)

// Spooled is a leaving that waits on a host's disk for a database that was
// away. It holds no address and no token: whoever reads the file learns numbers.
type Spooled struct {
	Ref
	At         time.Time // to the microsecond
	How        string    // as Leaving has it
	Reason     string
	Everything bool
}

// Leaving is what the record asks for.
func (s Spooled) Leaving() Leaving {
	return Leaving{At: s.At, How: s.How, Reason: s.Reason, Everything: s.Everything}
}

// spooledVersion begins each line. A later one is not understood by this
// program, which then leaves it where it is.
const spooledVersion = "leave1"

// AppendLine writes the record as one line with a checksum at its end.
func (s Spooled) AppendLine(b []byte) []byte {
	start := len(b)
	what := "digest"
	if s.Everything {
		what = "everything"
	}
	b = fmt.Appendf(b, "%s %d %d %d %s %s %s", spooledVersion, s.Edition, s.Reader, s.At.UnixMicro(), what, strconv.QuoteToASCII(s.How), strconv.QuoteToASCII(s.Reason))
	return fmt.Appendf(b, " %08x\n", crc32.ChecksumIEEE(b[start:]))
}

// errSpooled is the one fault a line has: it isn't whole.
var errSpooled = errors.New("the line is torn or not ours")

// ParseSpooled reads a line, without the line feed at its end. Whatever is not
// just what AppendLine writes is an error.
func ParseSpooled(line []byte) (s Spooled, err error) {
	at := bytes.LastIndexByte(line, ' ')
	if at < 0 || string(line[at+1:]) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(line[:at])) {
		return s, errSpooled
	}
	words := strings.SplitN(string(line[:at]), " ", 6)
	if len(words) != 6 || words[0] != spooledVersion || words[4] != "digest" && words[4] != "everything" {
		return s, errSpooled
	}
	var numbers [3]int64
	for i, w := range words[1:4] {
		if numbers[i], err = strconv.ParseInt(w, 10, 64); err != nil {
			return s, errSpooled
		}
	}
	how, err := strconv.QuotedPrefix(words[5])
	if err != nil || !strings.HasPrefix(words[5][len(how):], " ") {
		return s, errSpooled
	}
	s = Spooled{Ref: Ref{EditionID(numbers[0]), ReaderID(numbers[1])}, At: time.UnixMicro(numbers[2]).UTC(), Everything: words[4] == "everything"}
	if s.How, err = strconv.Unquote(how); err != nil {
		return Spooled{}, errSpooled
	}
	if s.Reason, err = strconv.Unquote(words[5][len(how)+1:]); err != nil {
		return Spooled{}, errSpooled
	}
	if !bytes.Equal(bytes.TrimSuffix(s.AppendLine(nil), []byte("\n")), line) {
		return Spooled{}, errSpooled // another spelling of the same
	}
	return s, nil
}
