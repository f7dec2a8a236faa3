package submit

import (
	"encoding/base64"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// secrets are what we told a relay to prove who we are. A relay may repeat it
// in its replies, which are logged, shown and kept. Nil holds none.
type secrets struct {
	clear   []string // the password
	encoded []string // what went over the line, in lower case: some relays write commands large
}

// shortestPiece is how much of an encoded secret is recognised alone: a reply
// may hold its beginning, or break it into two lines. Eight letters of base64
// are six of the password.
const shortestPiece = 8

const cutOut = "[cut out]"

func newSecrets(password string) *secrets {
	s := &secrets{}
	if password != "" {
		s.clear = append(s.clear, password)
		s.told([]byte(password))
	}
	return s
}

// told adds what is about to be said in base64 (RFC 4954 section 4).
func (s *secrets) told(answer []byte) {
	if len(answer) > 0 {
		s.encoded = append(s.encoded, lower(base64.StdEncoding.EncodeToString(answer)))
	}
}

// overheard is a way to authenticate that keeps what it says.
type overheard struct {
	smtp.Auth
	hush *secrets
}

func (o overheard) Start(server *smtp.ServerInfo) (string, []byte, error) {
	mechanism, answer, err := o.Auth.Start(server)
	o.hush.told(answer)
	return mechanism, answer, err
}

func (o overheard) Next(challenge []byte, more bool) ([]byte, error) {
	answer, err := o.Auth.Next(challenge, more)
	o.hush.told(answer)
	return answer, err
}

// cut is a text without secrets and the longer pieces of them.
func (s *secrets) cut(text string) string {
	if s == nil || text == "" {
		return text
	}
	for _, password := range s.clear {
		text = cutWords(text, password)
	}
	for _, e := range s.encoded {
		text = cutPieces(text, e)
	}
	return text
}

// cutWords cuts a password out. One of some letters is cut where it stands by
// itself: anywhere it would leave no word whole.
func cutWords(text, password string) string {
	var b strings.Builder
	for rest := text; ; {
		i := strings.Index(rest, password)
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end := i + len(password)
		alone := (i == 0 || !inWord(rest[i-1])) && (end == len(rest) || !inWord(rest[end]))
		if len(password) > 3 || alone {
			b.WriteString(rest[:i])
			b.WriteString(cutOut)
		} else {
			b.WriteString(rest[:end])
		}
		rest = rest[end:]
	}
}

func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// cutPieces cuts out every run of a text that stands in the secret, too.
func cutPieces(text, secret string) string {
	least := min(shortestPiece, len(secret))
	low := lower(text)
	var b strings.Builder
	done := 0
	for i := 0; i+least <= len(low); {
		n := least
		if !strings.Contains(secret, low[i:i+n]) {
			i++
			continue
		}
		for i+n < len(low) && strings.Contains(secret, low[i:i+n+1]) {
			n++
		}
		b.WriteString(text[done:i])
		b.WriteString(cutOut)
		i += n
		done = i
	}
	b.WriteString(text[done:])
	return b.String()
}

// lower changes ASCII letters only, so that every byte keeps its place.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
