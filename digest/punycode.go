package digest

import (
	"strings"
	"unicode/utf8"
)

// asciiLabel writes a label of a host in ASCII, RFC 5890 section 2.3.2.1: two
// spellings of one host are one. Labels that IDNA would map or refuse are not
// looked at further; they only have to come out the same each time.
func asciiLabel(label string) string {
	if strings.IndexFunc(label, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return label
	}
	if encoded, ok := punycode([]rune(label)); ok {
		return "xn--" + encoded
	}
	return label
}

// punycode encodes a label, RFC 3492 section 6.3. A label that is longer than
// any host has is not encoded.
func punycode(label []rune) (string, bool) {
	if len(label) > 63 {
		return "", false
	}
	var out []byte
	for _, r := range label {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(0x80), 0, 72
	for handled := basic; handled < len(label); {
		next := rune(utf8.MaxRune + 1)
		for _, r := range label {
			if r >= n && r < next {
				next = r
			}
		}
		delta += int(next-n) * (handled + 1)
		n = next
		for _, r := range label {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			out = appendDelta(out, delta, bias)
			bias = adapt(delta, handled+1, handled == basic)
			delta = 0
			handled++
		}
		delta++
		n++
	}
	return string(out), true
}

// appendDelta writes a number in generalized variable-length integers, RFC 3492
// section 3.3.
func appendDelta(out []byte, q, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := 36; ; k += 36 {
		t := min(max(k-bias, 1), 26)
		if q < t {
			return append(out, digits[q])
		}
		out = append(out, digits[t+(q-t)%(36-t)])
		q = (q - t) / (36 - t)
	}
}

// adapt is the bias of RFC 3492 section 6.1.
func adapt(delta, points int, first bool) int {
	if first {
		delta /= 700
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > 455; k += 36 {
		delta /= 35
	}
	return k + 36*delta/(delta+38)
}
