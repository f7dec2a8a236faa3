package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"courant/digest"
)

// undoTicket is leave to take back the one leaving that happened at leftAt,
// and no other: it stops working with any later leaving. 128 bits of
// HMAC-SHA256 under the key that signs tokens, told apart from them by its first
// words.
func undoTicket(keys *digest.Keyring, ref digest.Ref, leftAt time.Time) string {
	return ticketUnder(keys.Tokens[keys.Current], ref, leftAt)
}

func ticketUnder(key []byte, ref digest.Ref, leftAt time.Time) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("courant undo\x00"))
	var b [24]byte
	binary.BigEndian.PutUint64(b[0:], uint64(ref.Reader))
	binary.BigEndian.PutUint64(b[8:], uint64(ref.Edition))
	binary.BigEndian.PutUint64(b[16:], uint64(leftAt.UnixMicro()))
	m.Write(b[:])
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// validTicket also takes tickets of retired keys, as tokens are.
func validTicket(keys *digest.Keyring, ref digest.Ref, leftAt time.Time, ticket string) bool {
	if leftAt.IsZero() {
		return false
	}
	valid := false
	for _, key := range keys.Tokens {
		if hmac.Equal([]byte(ticket), []byte(ticketUnder(key, ref, leftAt))) {
			valid = true
		}
	}
	return valid
}
