package submit

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// minRSA is the size below which RFC 8301 3.2 doesn't want a key used by us;
// receivers give up on 1024 bits.
const minRSA = 2048

// Key says where the private half of a DKIM key is and where its public half
// stands in the DNS.
type Key struct {
	Domain   string
	Selector string
	File     string // PEM: PKCS#1 or PKCS#8, RSA or Ed25519
}

// Record is what the DNS must hold for a key (RFC 6376 3.6.1).
type Record struct {
	Name string // selector._domainkey.domain
	Text string // of the TXT record, whole
}

// Signer puts DKIM signatures on messages, one a key. It may be used by many
// goroutines at once.
type Signer struct {
	keys  []signingKey
	rooms sync.Pool // of *signing
}

type signingKey struct {
	domain, selector string
	private          crypto.Signer
}

// LoadSigner reads the keys. It refuses files that others may read, RSA keys
// under 2048 bits, and Ed25519 keys that don't stand beside an RSA key of the
// same domain: many receivers cannot check them yet (RFC 8463 3).
func LoadSigner(keys ...Key) (*Signer, error) {
	s := &Signer{}
	for _, key := range keys {
		private, err := loadKey(key.File)
		if err != nil {
			return nil, fmt.Errorf("load DKIM key of %s: %w", key.Domain, err)
		}
		s.keys = append(s.keys, signingKey{key.Domain, key.Selector, private})
	}
	for _, key := range s.keys {
		if !s.hasRSA(key.domain) {
			return nil, fmt.Errorf("load DKIM key of %s: an Ed25519 key is only good as the second signature: "+
				"add an RSA key of %d bits under dkim", key.domain, minRSA)
		}
	}
	return s, nil
}

func (s *Signer) hasRSA(domain string) bool {
	for _, key := range s.keys {
		if _, ok := key.private.(*rsa.PrivateKey); ok && strings.EqualFold(key.domain, domain) {
			return true
		}
	}
	return false
}

func loadKey(file string) (crypto.Signer, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is readable by others: chmod 600 %s", file, file)
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, err
	}
	private, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	return private, nil
}

// parseKey reads the first private key of a PEM file.
func parseKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch {
		case block.Headers["DEK-Info"] != "" || block.Type == "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("is encrypted: take the pass phrase off with openssl pkey")
		case block.Type == "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case block.Type == "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		return checkKey(key)
	}
	return nil, errors.New("holds no private key: make one with openssl genrsa 2048")
}

func checkKey(key any) (crypto.Signer, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < minRSA {
			return nil, fmt.Errorf("has %d bits, receivers want %d: make one with openssl genrsa 2048", bits, minRSA)
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("holds a key of a kind DKIM does not know (%T): make one with openssl genrsa 2048", key)
}

// Records lists what the DNS must hold, in the order of the keys.
func (s *Signer) Records() ([]Record, error) {
	var records []Record
	for _, key := range s.keys {
		r := Record{Name: key.selector + "._domainkey." + key.domain}
		switch public := key.private.Public().(type) {
		case ed25519.PublicKey: // RFC 8463 4.2: the bare 32 bytes
			r.Text = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
		default:
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				return nil, fmt.Errorf("write DKIM record of %s: %w", key.domain, err)
			}
			r.Text = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
		}
		records = append(records, r)
	}
	return records, nil
}
