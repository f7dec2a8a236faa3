package ingest

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
)

// robotsSpelled is a robots.txt with its paths spelled in one way, which is
// how RFC 9309 section 2.2.2 has them compared, and its agents as the product
// tokens of section 2.2.1: "Courant/1.0" means Courant.
func robotsSpelled(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		end := bytes.IndexAny(text, "\r\n")
		if end < 0 {
			end = len(text)
		}
		out = append(out, robotsLine(string(text[:end]))...)
		if end == len(text) {
			break
		}
		out, text = append(out, text[end]), text[end+1:]
	}
	return out
}

func robotsLine(line string) string {
	line, _, _ = strings.Cut(line, "#") // a comment
	key, value, found := strings.Cut(line, ":")
	if !found {
		return line
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(strings.TrimPrefix(key, "\uFEFF"))) {
	case "user-agent", "useragent":
		beyond := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_' && r != '*'
		}
		if at := strings.IndexFunc(value, beyond); at > 0 {
			value = value[:at]
		}
	case "allow", "disallow":
		if value == "" {
			return key + ": /%00" // no page: without a rule a group that forbids nothing is no group to the parser
		}
		value = spelledOnce(value)
	default:
		return line
	}
	return key + ": " + value
}

// spelledOnce is a path in its one spelling: what need not be encoded isn't,
// and what must be is, in capitals (RFC 3986 section 6.2.2).
func spelledOnce(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			if n, err := url.PathUnescape(path[i : i+3]); err == nil {
				i += 2
				if c = n[0]; !unreserved(c) {
					fmt.Fprintf(&b, "%%%02X", c)
					continue
				}
			}
		}
		if c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// robotsPath is an address as robots.txt is asked about it: no server serves
// another page for /a/../b than for /b (RFC 3986 section 5.2.4).
func robotsPath(u *url.URL) string {
	segments := strings.Split(spelledOnce(u.EscapedPath()), "/")
	var kept []string
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "..":
			kept = kept[:max(len(kept)-1, min(len(kept), 1))]
		case s != ".":
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	path := strings.Join(kept, "/")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if u.RawQuery != "" {
		path += "?" + spelledOnce(u.RawQuery)
	}
	return path
}
