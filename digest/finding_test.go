package digest

import (
	"regexp"
	"strings"
	"testing"
)

func TestLongRecordsAreCutIntoStringsThatJoinAgain(t *testing.T) {
	t.Parallel()
	piece := regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	for _, n := range []int{0, 1, 254, 255, 256, 410, 511} {
		value := strings.Repeat("a", n)
		line := DNSRecord{Name: "courant._domainkey.example.com", Type: "TXT", Value: value}.Zone()
		joined := ""
		for _, m := range piece.FindAllStringSubmatch(line, -1) {
			if len(m[1]) > 255 {
				t.Errorf("%d octets: a string of %d", n, len(m[1]))
			}
			joined += m[1]
		}
		if joined != value {
			t.Errorf("%d octets come back as %d", n, len(joined))
		}
		if got := strings.Contains(line, "("); got != (n > 255) {
			t.Errorf("%d octets: %s", n, line)
		}
	}
}

func TestRecordsAreWrittenAsAZoneFileHasThem(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]DNSRecord{
		`_dmarc.example.com. IN TXT "v=DMARC1; p=none"`: {Name: "_dmarc.example.com", Type: "TXT", Value: "v=DMARC1; p=none"},
		`example.com. IN MX 10 mx.example.com.`:         {Name: "example.com", Type: "MX", Value: "10 mx.example.com."},
		`example.com. IN TXT "a \"b\" \\c"`:             {Name: "example.com", Type: "TXT", Value: `a "b" \c`},
	} {
		if got := r.Zone(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
