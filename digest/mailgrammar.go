package digest

import (
	"fmt"
	"strings"
)

const returnPrefix = "bounce+"
const mailtoPrefix = "unsubscribe+"

// ReturnPath is the envelope sender of one delivery (VERP):
// bounce+TOKEN@domain. The local part stays within the 64 octets of RFC 5321
// section 4.5.3.1.1.
func (k *Keyring) ReturnPath(id byte, ref Ref, domain string) string {
	return returnPrefix + k.AddressToken(id, Token{PurposeReturn, ref}) + "@" + domain
}

// ParseReturnPath reads the delivery out of an address that reports came to,
// in any case and with or without angle brackets.
func (k *Keyring) ParseReturnPath(address string) (Ref, error) {
	return k.parseAddress(address, returnPrefix, PurposeReturn)
}

// MailtoAddress is where a mailed unsubscribe for the delivery goes.
func (k *Keyring) MailtoAddress(id byte, ref Ref, domain string) string {
	return mailtoPrefix + k.AddressToken(id, Token{PurposeMailto, ref}) + "@" + domain
}

// ParseMailtoAddress reads the delivery out of the address of a mailed
// unsubscribe.
func (k *Keyring) ParseMailtoAddress(address string) (Ref, error) {
	return k.parseAddress(address, mailtoPrefix, PurposeMailto)
}

func (k *Keyring) parseAddress(address, prefix string, p Purpose) (Ref, error) {
	address = strings.Trim(strings.TrimSpace(address), "<>")
	at := strings.LastIndexByte(address, '@')
	if at < len(prefix) || !strings.EqualFold(address[:len(prefix)], prefix) {
		return Ref{}, ErrToken
	}
	t, err := k.ParseAddressToken(address[len(prefix):at], p)
	return t.Ref, err
}

// MessageID is the Message-ID of one delivery, angle brackets included: the
// same on every retry and resend (RFC 5322 section 3.6.4).
func (k *Keyring) MessageID(id byte, ref Ref, domain string) string {
	return "<" + k.AddressToken(id, Token{PurposeMessage, ref}) + "@" + domain + ">"
}

// ParseMessageID reads the delivery out of a Message-ID of ours.
func (k *Keyring) ParseMessageID(s string) (Ref, error) {
	s = strings.Trim(strings.TrimSpace(s), "<>")
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return Ref{}, ErrToken
	}
	t, err := k.ParseAddressToken(s[:at], PurposeMessage)
	return t.Ref, err
}

// LetterMessageID is the Message-ID of a letter, the same on every try.
func (k *Keyring) LetterMessageID(l Letter, domain string) string {
	return "<" + k.AddressToken(l.KeyID, Token{PurposeLetter, l.ID.Ref()}) + "@" + domain + ">"
}

// LetterReturnPath is the envelope sender of a letter. What comes back to it is
// recorded and changes no reader: it is no delivery's.
func (k *Keyring) LetterReturnPath(l Letter, domain string) string {
	return returnPrefix + k.AddressToken(l.KeyID, Token{PurposeLetter, l.ID.Ref()}) + "@" + domain
}

// ListID is the List-Id of a digest, angle brackets included, without the
// phrase before it: <morning.news.example.com> (RFC 2919 section 2). It stays
// the same for the life of the digest.
func ListID(digest, host string) string {
	return fmt.Sprintf("<%s.%s>", digest, host)
}

// ParseListID gives the digest and host of a List-Id, with or without a
// phrase before the angle brackets.
func ParseListID(s string) (digest, host string, ok bool) {
	open, end := strings.LastIndexByte(s, '<'), strings.LastIndexByte(s, '>')
	if open < 0 || end < open {
		return "", "", false
	}
	digest, host, ok = strings.Cut(s[open+1:end], ".")
	return digest, host, ok && digest != "" && host != ""
}
