package digest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// ring has a key that signs and a retired one.
func ring() *Keyring {
	return &Keyring{
		Current:     2,
		Tokens:      map[byte][]byte{1: bytes.Repeat([]byte{1}, keySize), 2: bytes.Repeat([]byte{2}, keySize)},
		Suppression: bytes.Repeat([]byte{3}, keySize),
	}
}

func purposes() []Purpose {
	return []Purpose{PurposeOneClick, PurposePage, PurposeView, PurposeReturn, PurposeMessage, PurposeMailto,
		PurposeConfirm, PurposeManage, PurposeAddress, PurposeMoved, PurposeExport, PurposeErase, PurposeLetter}
}

func TestTokenIsForOnePurposeOnly(t *testing.T) {
	t.Parallel()
	k, ref := ring(), Ref{Edition: 7, Reader: 1234567}
	for _, made := range purposes() {
		link, local := k.LinkToken(2, Token{made, ref}), k.AddressToken(2, Token{made, ref})
		for _, asked := range purposes() {
			got, err := k.ParseLinkToken(link, asked)
			if made == asked && (err != nil || got != Token{made, ref}) {
				t.Errorf("%c: %+v, %v", made, got, err)
			}
			if made != asked && !errors.Is(err, ErrToken) {
				t.Errorf("a token for %c opens %c", made, asked)
			}
			if _, err := k.ParseAddressToken(strings.ToUpper(local), asked); (err == nil) != (made == asked) {
				t.Errorf("in an address, a token for %c as %c: %v", made, asked, err)
			}
		}
	}
}

func TestRetiredKeyStillVerifiesAndAMissingOneDoesNot(t *testing.T) {
	t.Parallel()
	k, ref := ring(), Ref{Edition: 7, Reader: 8}
	old := k.LinkToken(1, Token{PurposePage, ref})
	if got, err := k.ParseLinkToken(old, PurposePage); err != nil || got.Ref != ref {
		t.Errorf("the retired key's token: %+v, %v", got, err)
	}
	k = ring()
	delete(k.Tokens, 1)
	if _, err := k.ParseLinkToken(old, PurposePage); !errors.Is(err, ErrToken) {
		t.Errorf("the missing key's token: %v", err)
	}
	// An edition whose key is gone is signed with the current one.
	if got, want := k.LinkToken(1, Token{PurposePage, ref}), k.LinkToken(2, Token{PurposePage, ref}); got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
	// Nobody signs with the key that stands in for one that is not there.
	forged := []byte{tokenVersion, 9, byte(PurposePage), 8, 7}
	mac := k.mac(0, make([]byte, keySize), forged)
	if _, err := k.Verify(append(forged, mac[:macSize]...), PurposePage); !errors.Is(err, ErrToken) {
		t.Errorf("a token of an unknown key: %v", err)
	}
}

func TestEveryChangedByteBreaksAToken(t *testing.T) {
	t.Parallel()
	k := ring()
	b := k.Sign(2, Token{PurposeOneClick, Ref{Edition: 300, Reader: 70000}})
	for i := range b {
		for bit := range 8 {
			forged := bytes.Clone(b)
			forged[i] ^= 1 << bit
			if _, err := k.Verify(forged, PurposeOneClick); !errors.Is(err, ErrToken) {
				t.Errorf("byte %d, bit %d: %v", i, bit, err)
			}
		}
		if _, err := k.Verify(b[:i], PurposeOneClick); !errors.Is(err, ErrToken) {
			t.Errorf("cut after %d: %v", i, err)
		}
	}
	if _, err := k.Verify(append(bytes.Clone(b), 0), PurposeOneClick); !errors.Is(err, ErrToken) {
		t.Errorf("one byte too many: %v", err)
	}
}

func TestReturnPathFitsALocalPart(t *testing.T) {
	t.Parallel()
	k := ring()
	for _, ref := range []Ref{{1, 1}, {1 << 20, 1 << 33}, {1<<49 - 1, 1<<49 - 1}} {
		path := k.ReturnPath(2, ref, "bounces.example.com")
		if local, _, _ := strings.Cut(path, "@"); len(local) > 64 { // RFC 5321 section 4.5.3.1.1
			t.Errorf("%s: %d octets before the @", path, len(local))
		}
	}
	if mailto := k.MailtoAddress(2, Ref{1 << 20, 1 << 33}, "example.com"); strings.IndexByte(mailto, '@') > 64 {
		t.Errorf("%s: %d octets before the @", mailto, strings.IndexByte(mailto, '@'))
	}
}

func TestAddressesOfOneKindAreNotTakenForAnother(t *testing.T) {
	t.Parallel()
	k, ref := ring(), Ref{Edition: 7, Reader: 8}
	path, mailto, id := k.ReturnPath(2, ref, "x.org"), k.MailtoAddress(2, ref, "x.org"), k.MessageID(2, ref, "x.org")
	swapped := strings.Replace(mailto, mailtoPrefix, returnPrefix, 1)
	for name, parse := range map[string]func(string) (Ref, error){"path": k.ParseReturnPath, "mailto": k.ParseMailtoAddress, "id": k.ParseMessageID} {
		for kind, s := range map[string]string{"path": path, "mailto": mailto, "id": id, "swapped": swapped, "empty": "", "at": "@", "brackets": "<>"} {
			got, err := parse(s)
			if (err == nil) != (name == kind) || err == nil && got != ref {
				t.Errorf("%s parsed as %s: %+v, %v", s, name, got, err)
			}
		}
	}
	if got, err := k.ParseReturnPath(" <" + strings.ToUpper(path) + "> "); err != nil || got != ref {
		t.Errorf("in upper case and brackets: %+v, %v", got, err)
	}
}

func TestListIDGoesThereAndBack(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"<morning.news.example.com>":                 "morning news.example.com true",
		`"Morning Brief" <morning.news.example.com>`: "morning news.example.com true",
		"<morning>":    "morning  false",
		"morning.news": "  false",
		"<.news>":      " news false",
		"><":           "  false",
		"":             "  false",
	} {
		name, host, ok := ParseListID(s)
		if got := fmt.Sprintf("%s %s %v", name, host, ok); got != want {
			t.Errorf("%q gave %q, want %q", s, got, want)
		}
	}
	if name, host, ok := ParseListID(ListID("evening", "news.example.com")); !ok || name != "evening" || host != "news.example.com" {
		t.Errorf("%s %s %v", name, host, ok)
	}
}

func TestHashOfAnAddressFoldsCase(t *testing.T) {
	t.Parallel()
	k := ring()
	a, b := k.AddressHash("Ann@Example.org"), k.AddressHash("ann@example.ORG")
	if !bytes.Equal(a, b) || len(a) != 32 || bytes.Equal(a, k.AddressHash("ann@example.net")) {
		t.Errorf("%x %x", a, b)
	}
	k.Suppression = bytes.Repeat([]byte{4}, keySize)
	if bytes.Equal(a, k.AddressHash("ann@example.org")) {
		t.Error("the hash does not depend on the key")
	}
}

func TestSecretFileFaultsNameTheirLine(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("ab", keySize)
	for text, want := range map[string]string{
		"":                                   "not a Courant secret file",
		"courant secret 2\n":                 "not a Courant secret file",
		keyringHead:                          "cut short",
		keyringHead + "\ntoken 1 " + key:     "cut short",
		keyringHead + "\nsuppression " + key: "cut short",
		keyringHead + "\ntoken 0 " + key + "\nsuppression " + key:                          "line 2: a key id",
		keyringHead + "\ntoken 256 " + key:                                                 "line 2: a key id",
		keyringHead + "\ntoken 01 " + key:                                                  "line 2: a key id",
		keyringHead + "\n\ntoken 1 " + key[2:]:                                             "line 3: a key is 64",
		keyringHead + "\ntoken 1 " + key + "\ntoken 1 " + key:                              "line 3: key 1 stands twice",
		keyringHead + "\nsuppression " + key + "\nsuppression " + key + "\ntoken 1 " + key: "line 3 is not a key",
		keyringHead + "\nsalt " + key:                                                      "line 2 is not a key",
	} {
		if _, err := ParseKeyring([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), key[:8]) {
			t.Errorf("the fault gives the key away: %v", err)
		}
	}
}

func TestSecretFileKeepsTheSigningKeyFirst(t *testing.T) {
	t.Parallel()
	text, err := ring().AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKeyring(text)
	if err != nil || k.Current != 2 || len(k.Tokens) != 2 || !bytes.Equal(k.Tokens[1], ring().Tokens[1]) || !bytes.Equal(k.Suppression, ring().Suppression) {
		t.Errorf("%s gave %+v, %v", text, k, err)
	}
}

func FuzzToken(f *testing.F) {
	k := ring()
	f.Add(int64(1), int64(1), byte('o'), []byte("x"))
	f.Add(int64(-1), int64(1<<62), byte('m'), k.Sign(1, Token{PurposePage, Ref{1, 2}}))
	f.Add(int64(0), int64(0), byte(0), []byte{1, 2, 'p', 0x80, 0})
	f.Fuzz(func(t *testing.T, edition, reader int64, purpose byte, junk []byte) {
		want := Token{Purpose(purpose), Ref{EditionID(edition), ReaderID(reader)}}
		if got, err := k.ParseLinkToken(k.LinkToken(2, want), want.Purpose); err != nil || got != want {
			t.Errorf("in a link %+v came back as %+v, %v", want, got, err)
		}
		if got, err := k.ParseAddressToken(k.AddressToken(1, want), want.Purpose); err != nil || got != want {
			t.Errorf("in an address %+v came back as %+v, %v", want, got, err)
		}
		// Whatever verifies, we signed: it is what signing makes again.
		if got, err := k.Verify(junk, want.Purpose); err == nil && !bytes.Equal(junk, k.Sign(junk[1], got)) {
			t.Errorf("%x verifies as %+v", junk, got)
		}
	})
}

func FuzzMailGrammar(f *testing.F) {
	k := ring()
	f.Add(int64(1), int64(2), "example.com", "<a@b>")
	f.Add(int64(1), int64(2), "x", k.ReturnPath(2, Ref{3, 4}, "y"))
	f.Add(int64(9), int64(9), "", k.MessageID(2, Ref{3, 4}, "y"))
	f.Fuzz(func(t *testing.T, edition, reader int64, domain, junk string) {
		ref := Ref{EditionID(edition), ReaderID(reader)}
		if !strings.ContainsAny(domain, "@<> \t\r\n\v\f\u0085\u00a0\u1680\u2000\u2028\u2029\u202f\u205f\u3000") {
			for name, c := range map[string]struct {
				s     string
				parse func(string) (Ref, error)
			}{
				"return path": {k.ReturnPath(2, ref, domain), k.ParseReturnPath},
				"mailto":      {k.MailtoAddress(1, ref, domain), k.ParseMailtoAddress},
				"message id":  {k.MessageID(2, ref, domain), k.ParseMessageID},
			} {
				if got, err := c.parse(c.s); err != nil || got != ref {
					t.Errorf("%s %s came back as %+v, %v", name, c.s, got, err)
				}
			}
		}
		for _, parse := range []func(string) (Ref, error){k.ParseReturnPath, k.ParseMailtoAddress, k.ParseMessageID} {
			if _, err := parse(junk); err != nil && !errors.Is(err, ErrToken) {
				t.Errorf("%q: %v", junk, err)
			}
		}
		if name, host, ok := ParseListID(junk); ok {
			if again, there, _ := ParseListID(ListID(name, host)); again != name || there != host {
				t.Errorf("%q is %s at %s, and then %s at %s", junk, name, host, again, there)
			}
		}
	})
}

func FuzzKeyring(f *testing.F) {
	text, err := ring().AppendText(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(keyringHead))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseKeyring(text)
		if err != nil {
			return
		}
		written, err := k.AppendText(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseKeyring(written)
		if err != nil || again.Current != k.Current || fmt.Sprint(again.Tokens) != fmt.Sprint(k.Tokens) || !bytes.Equal(again.Suppression, k.Suppression) {
			t.Errorf("%q came back as %q, %v", text, written, err)
		}
	})
}
