package submit

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Sign appends the message to dst, its DKIM-Signature fields before it. The
// message has CRLF line ends, is not dot-stuffed and doesn't overlap dst; it's
// left as it was. One whose line ends or fields are broken is refused: servers
// on the way would mend it and break the signature.
func (s *Signer) Sign(dst, message []byte) ([]byte, error) {
	r, _ := s.rooms.Get().(*signing)
	if r == nil {
		r = &signing{}
	}
	defer s.rooms.Put(r)
	if err := r.read(message); err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	now := time.Now()
	for _, key := range s.keys {
		var err error
		if dst, err = r.sign(dst, key, now); err != nil {
			return nil, fmt.Errorf("sign for %s: %w", key.domain, err)
		}
	}
	return append(dst, message...), nil
}

// signing is what all signatures of one message have in common, and the room
// for it: kept from message to message, so that signing makes no garbage.
type signing struct {
	fields []field
	names  []byte // h=
	head   []byte // the relaxed form of the fields that names has
	body   []byte // the relaxed form of the body
	hash   [sha256.Size]byte
}

func (r *signing) read(message []byte) error {
	fields, body, err := splitMessage(r.fields[:0], message)
	if err != nil {
		return err
	}
	defer clear(fields) // the room must not hold on to the message
	r.fields = fields
	if r.body, err = appendRelaxedBody(r.body[:0], body); err != nil {
		return err
	}
	r.hash = sha256.Sum256(r.body)
	r.names, r.head = r.names[:0], r.head[:0]
	if !r.cover("From", 2) {
		return errors.New("it has no From") // RFC 6376 5.4: must be signed
	}
	for _, name := range [...]string{"Subject", "List-Unsubscribe", "List-Unsubscribe-Post"} {
		r.cover(name, 2)
	}
	for _, name := range [...]string{"To", "Date", "Message-ID", "MIME-Version", "Content-Type", "Reply-To", "List-Id", "Feedback-ID"} {
		r.cover(name, 1)
	}
	return nil
}

// cover puts a field under the signature, and says whether there is one. What
// is named twice is so present or not, and there is no second one: so nobody
// can put another From, or an unsubscribe link of his own, on top without
// breaking the signature (RFC 6376 8.15, RFC 8058 4). The others are named
// where present only, since a relay may add one that wasn't there (Feedback-ID).
func (r *signing) cover(name string, times int) bool {
	found := 0
	for i := len(r.fields) - 1; i >= 0 && found < times; i-- { // RFC 6376 5.4.2: from the bottom up
		f := r.fields[i]
		if bytes.EqualFold(f.name, []byte(name)) {
			r.head = append(appendRelaxedField(r.head, f), "\r\n"...)
			found++
		}
	}
	if times == 1 {
		times = found
	}
	for range times {
		if len(r.names) > 0 {
			r.names = append(r.names, ':')
		}
		r.names = append(r.names, name...)
	}
	return found > 0
}

// sign appends one signature field. It covers the bare message: so neither of
// two covers the other, and each stands alone (RFC 8463 3).
func (r *signing) sign(dst []byte, key signingKey, now time.Time) ([]byte, error) {
	algorithm, hash := "rsa-sha256", crypto.SHA256
	if _, ok := key.private.(ed25519.PrivateKey); ok {
		// RFC 8463 3: PureEdDSA over the SHA-256 hash.
		algorithm, hash = "ed25519-sha256", crypto.Hash(0)
	}
	const name = "DKIM-Signature"
	dst = append(dst, name+":"...)
	start := len(dst)
	dst = append(dst, " v=1; a="+algorithm+"; c=relaxed/relaxed;\r\n d="...)
	dst = append(append(append(dst, key.domain...), "; s="...), key.selector...)
	dst = strconv.AppendInt(append(dst, "; t="...), now.Unix(), 10)
	// One line, however long: some verifiers stumble over a fold within h=.
	dst = append(append(dst, ";\r\n h="...), r.names...)
	dst = base64.StdEncoding.AppendEncode(append(dst, ";\r\n bh="...), r.hash[:])
	dst = append(dst, ";\r\n b="...)
	// RFC 6376 3.7: its own field comes last, b= empty and without a line end.
	n := len(r.head)
	r.head = appendRelaxedField(r.head, field{[]byte(name), dst[start:]})
	sum := sha256.Sum256(r.head)
	r.head = r.head[:n]
	b, err := key.private.Sign(rand.Reader, sum[:], hash)
	if err != nil {
		return nil, err
	}
	return appendFolded(dst, b, len(" b=")), nil
}

// appendFolded appends base64 in lines of at most 76 characters, and the last
// line end; col is how much of the first is used. Blanks within b= mean nothing
// (RFC 6376 3.5).
func appendFolded(dst, b []byte, col int) []byte {
	start := len(dst)
	dst = base64.StdEncoding.AppendEncode(dst, b)
	for at := start + 76 - col; at < len(dst); at += 76 + len("\r\n") {
		dst = append(dst, "\r\n "...)
		copy(dst[at+len("\r\n "):], dst[at:len(dst)-len("\r\n ")])
		copy(dst[at:], "\r\n ")
	}
	return append(dst, "\r\n"...)
}
