package smtpsink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The log has one line a message, with these columns between tabs:
//
//	seq, RFC 3339 time, envelope sender, recipients between spaces, Message-ID,
//	size, connection, "tls" or "clear", user
//
// Addresses, Message-IDs and users are written by appendWord, so that neither
// a tab nor a line end can come from outside.

// appendLine writes a message as a line of the log.
func appendLine(b []byte, m *Message) []byte {
	b = strconv.AppendInt(b, int64(m.Seq), 10)
	b = append(b, '\t')
	b = m.At.UTC().AppendFormat(b, time.RFC3339Nano)
	b = appendWord(append(b, '\t'), m.From)
	b = appendWord(append(b, '\t'), m.To)
	for _, also := range m.Also {
		b = appendWord(append(b, ' '), also)
	}
	b = appendWord(append(b, '\t'), m.ID)
	b = strconv.AppendInt(append(b, '\t'), m.Size, 10)
	b = strconv.AppendInt(append(b, '\t'), int64(m.Conversation), 10)
	if m.TLS {
		b = append(b, "\ttls\t"...)
	} else {
		b = append(b, "\tclear\t"...)
	}
	b = appendWord(b, m.User)
	return append(b, '\n')
}

// appendWord writes s with spaces, controls, '%' and DEL as %XX. An empty
// word is a single '-', and a real "-" is %2D.
func appendWord(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	if s == "-" {
		return append(b, "%2D"...)
	}
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == '%' || c == 0x7f {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// readWord undoes appendWord.
func readWord(s string) (string, error) {
	if s == "-" {
		return "", nil
	}
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", errors.New("unfinished %XX")
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// ReadLog reads what a sink has logged. A last line without its end is left
// out: the sink died while it wrote it, so it wasn't answered either.
func ReadLog(r io.Reader) ([]Message, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read log of smtp sink: %w", err)
	}
	var messages []Message
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(data, []byte{'\n'})
		if !whole {
			return messages, nil
		}
		m, err := readLine(string(line))
		if err != nil {
			return messages, fmt.Errorf("read log of smtp sink, line %d: %w", n, err)
		}
		messages, data = append(messages, m), rest
	}
}

func readLine(line string) (Message, error) {
	f := strings.Split(line, "\t")
	if len(f) != 9 {
		return Message{}, fmt.Errorf("%d columns instead of 9", len(f))
	}
	var m Message
	var errs [8]error
	m.Seq, errs[0] = strconv.Atoi(f[0])
	m.At, errs[1] = time.Parse(time.RFC3339Nano, f[1])
	m.From, errs[2] = readWord(f[2])
	m.To, m.Also, errs[3] = readRecipients(f[3])
	m.ID, errs[4] = readWord(f[4])
	m.Size, errs[5] = strconv.ParseInt(f[5], 10, 64)
	m.Conversation, errs[6] = strconv.Atoi(f[6])
	m.TLS = f[7] == "tls"
	m.User, errs[7] = readWord(f[8])
	return m, errors.Join(errs[:]...)
}

func readRecipients(s string) (to string, also []string, err error) {
	first, rest, more := strings.Cut(s, " ")
	if to, err = readWord(first); err != nil || !more {
		return to, nil, err
	}
	for _, word := range strings.Split(rest, " ") {
		next, err := readWord(word)
		if err != nil {
			return to, also, err
		}
		also = append(also, next)
	}
	return to, also, nil
}
