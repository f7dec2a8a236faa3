package digest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sort"
	"strings"
	"sync"
)

// Purpose is what a token may be used for. A token made for one purpose
// verifies for no other.
type Purpose byte

// The purposes.
const (
	PurposeOneClick Purpose = 'o' // List-Unsubscribe: unsubscribes, nothing else (RFC 8058)
	PurposePage     Purpose = 'p' // the body's link: opens the page of choices
	PurposeView     Purpose = 'v' // view in browser
	PurposeReturn   Purpose = 'r' // return path (VERP)
	PurposeMessage  Purpose = 'm' // Message-ID
	PurposeMailto   Purpose = 't' // mailed unsubscribe

	// Those of letters, one for each kind: see LetterKind.
	PurposeConfirm Purpose = 'c'
	PurposeManage  Purpose = 'g'
	PurposeAddress Purpose = 'a'
	PurposeMoved   Purpose = 'd'
	PurposeExport  Purpose = 'x'
	PurposeErase   Purpose = 'e'
	PurposeLetter  Purpose = 'l' // Message-ID and return path of a letter
)

// Token names one delivery for one purpose. It never expires.
type Token struct {
	Purpose Purpose
	Ref
}

// ErrToken is the one answer to every bad token: truncated, forged, of an
// unknown key or for another purpose.
var ErrToken = errors.New("the link is not one of ours")

const (
	tokenVersion = 1
	macSize      = 16 // 128 bits
	keySize      = 32
	maxToken     = 3 + 2*binary.MaxVarintLen64 + macSize
)

// Keyring holds the keys tokens are signed with. Retired keys still verify;
// the suppression key never rotates, or the hashes of those who left would
// no longer be found.
type Keyring struct {
	Current     byte            // id of the key that signs
	Tokens      map[byte][]byte // 32 bytes each, by id
	Suppression []byte          // 32 bytes

	// Five tokens go into each mail, so the keyed states of HMAC are kept:
	// by key id, a *sync.Pool of hash.Hash.
	macs sync.Map
}

// Sign makes the bytes of a token with the key named by id; an id that is not
// in the ring means the current one. Layout: version, key id, purpose,
// reader and edition as varints, and the first 16 bytes of HMAC-SHA256.
func (k *Keyring) Sign(id byte, t Token) []byte {
	key, ok := k.Tokens[id]
	if !ok {
		id, key = k.Current, k.Tokens[k.Current]
	}
	b := make([]byte, 0, maxToken)
	b = append(b, tokenVersion, id, byte(t.Purpose))
	b = binary.AppendUvarint(b, uint64(t.Reader))
	b = binary.AppendUvarint(b, uint64(t.Edition))
	mac := k.mac(id, key, b)
	return append(b, mac[:macSize]...)
}

var tokenDomain = []byte("courant token\x00")

// mac is the HMAC of a payload under the key with this id.
func (k *Keyring) mac(id byte, key, payload []byte) (sum [sha256.Size]byte) {
	pool, ok := k.macs.Load(id)
	if !ok {
		pool, _ = k.macs.LoadOrStore(id, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	}
	m := pool.(*sync.Pool).Get().(hash.Hash)
	m.Reset()
	m.Write(tokenDomain)
	m.Write(payload)
	m.Sum(sum[:0])
	pool.(*sync.Pool).Put(m)
	return sum
}

// Verify reads the bytes of a token made for the purpose. The error is
// always ErrToken.
func (k *Keyring) Verify(b []byte, purpose Purpose) (Token, error) {
	if len(b) < 3+2+macSize || len(b) > maxToken || b[0] != tokenVersion {
		return Token{}, ErrToken
	}
	payload, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	key, known := k.Tokens[b[1]]
	id := b[1]
	if !known {
		// The same work as for a known key, so that time tells nothing.
		id, key = 0, make([]byte, keySize)
	}
	want := k.mac(id, key, payload)
	if !hmac.Equal(mac, want[:macSize]) || !known || Purpose(b[2]) != purpose {
		return Token{}, ErrToken
	}
	rest := payload[3:]
	reader, n := binary.Uvarint(rest)
	if n <= 0 {
		return Token{}, ErrToken
	}
	edition, m := binary.Uvarint(rest[n:])
	if m <= 0 || n+m != len(rest) {
		return Token{}, ErrToken
	}
	return Token{purpose, Ref{EditionID(edition), ReaderID(reader)}}, nil
}

var urlEncoding = base64.RawURLEncoding.Strict()

// LinkToken is a token as it stands in a URL: base64url, no padding.
func (k *Keyring) LinkToken(id byte, t Token) string {
	return urlEncoding.EncodeToString(k.Sign(id, t))
}

// ParseLinkToken reads a token out of a URL.
func (k *Keyring) ParseLinkToken(s string, purpose Purpose) (Token, error) {
	if len(s) > urlEncoding.EncodedLen(maxToken) {
		return Token{}, ErrToken
	}
	b, err := urlEncoding.DecodeString(s)
	if err != nil {
		return Token{}, ErrToken
	}
	return k.Verify(b, purpose)
}

// LetterLink is the token in a letter's link. It names the letter's row and
// holds nothing else: what it still does, and until when, is the row's to say.
func (k *Keyring) LetterLink(l Letter) string {
	return k.LinkToken(l.KeyID, Token{l.Kind.Purpose(), l.ID.Ref()})
}

// ParseLetterLink reads a letter out of a link made for one of the kinds. The
// error is always ErrToken.
func (k *Keyring) ParseLetterLink(s string, kind LetterKind) (LetterID, error) {
	t, err := k.ParseLinkToken(s, kind.Purpose())
	if err != nil || t.Edition != 0 || t.Reader == 0 {
		return 0, ErrToken
	}
	return LetterID(t.Reader), nil
}

// Mail systems fold the case of local parts, so tokens in addresses are
// base32 in lower case. 35 bytes make 56 characters.
var addressEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// AddressToken is a token as it stands in a mail address or Message-ID.
func (k *Keyring) AddressToken(id byte, t Token) string {
	return addressEncoding.EncodeToString(k.Sign(id, t))
}

// ParseAddressToken reads a token out of a local part, in any case.
func (k *Keyring) ParseAddressToken(s string, purpose Purpose) (Token, error) {
	if len(s) > addressEncoding.EncodedLen(maxToken) {
		return Token{}, ErrToken
	}
	s = strings.ToLower(s)
	b, err := addressEncoding.DecodeString(s)
	// Base32 has spare bits at the end; only the canonical spelling counts.
	if err != nil || addressEncoding.EncodeToString(b) != s {
		return Token{}, ErrToken
	}
	return k.Verify(b, purpose)
}

// AddressHash is the keyed hash that stands for an address after it was
// erased, and that suppressions are kept by. Case is folded: two spellings
// of one mailbox are one reader.
func (k *Keyring) AddressHash(address string) []byte {
	m := hmac.New(sha256.New, k.Suppression)
	m.Write([]byte("courant address\x00"))
	m.Write([]byte(strings.ToLower(address)))
	return m.Sum(nil)
}

// NetworkHash is the keyed hash that stands for the network somebody asks from,
// in budgets and in the record of consent: it can be compared, not read.
func (k *Keyring) NetworkHash(network string) []byte {
	m := hmac.New(sha256.New, k.Suppression)
	m.Write([]byte("courant network\x00"))
	m.Write([]byte(network))
	return m.Sum(nil)[:16]
}

const keyringHead = "courant secret 1"

// AppendText writes the keyring as its file has it: a head line, then
// "token ID HEX" lines, the signing one first, and "suppression HEX".
func (k *Keyring) AppendText(b []byte) ([]byte, error) {
	b = append(b, keyringHead+"\n"...)
	ids := make([]int, 0, len(k.Tokens))
	for id := range k.Tokens {
		ids = append(ids, int(id))
	}
	sort.Slice(ids, func(i, j int) bool {
		return byte(ids[i]) == k.Current || byte(ids[j]) != k.Current && ids[i] > ids[j]
	})
	for _, id := range ids {
		b = fmt.Appendf(b, "token %d %x\n", id, k.Tokens[byte(id)])
	}
	return fmt.Appendf(b, "suppression %x\n", k.Suppression), nil
}

// ParseKeyring reads a secret file. The first token line signs.
func ParseKeyring(text []byte) (*Keyring, error) {
	k := &Keyring{Tokens: map[byte][]byte{}}
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		f := strings.Fields(string(line))
		switch {
		case i == 0:
			if strings.Join(f, " ") != keyringHead {
				return nil, errors.New("not a Courant secret file: the first line is not " + keyringHead)
			}
		case len(f) == 0:
		case f[0] == "token" && len(f) == 3:
			if err := k.addToken(f[1], f[2]); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case f[0] == "suppression" && len(f) == 2 && k.Suppression == nil:
			key, err := parseKey(f[1])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			k.Suppression = key
		default:
			return nil, fmt.Errorf("line %d is not a key", i+1)
		}
	}
	if len(k.Tokens) == 0 || k.Suppression == nil {
		return nil, errors.New("the secret file is cut short: it needs a token and a suppression line")
	}
	return k, nil
}

func (k *Keyring) addToken(id, hexKey string) error {
	var n int
	if _, err := fmt.Sscanf(id, "%d", &n); err != nil || n < 1 || n > 255 || fmt.Sprint(n) != id {
		return errors.New("a key id is a number from 1 to 255")
	}
	key, err := parseKey(hexKey)
	if err != nil {
		return err
	}
	if _, twice := k.Tokens[byte(n)]; twice {
		return fmt.Errorf("key %d stands twice", n)
	}
	if len(k.Tokens) == 0 {
		k.Current = byte(n)
	}
	k.Tokens[byte(n)] = key
	return nil
}

func parseKey(s string) ([]byte, error) {
	key, err := hex.DecodeString(s)
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("a key is %d hexadecimal digits", 2*keySize)
	}
	return key, nil
}
