package submit

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// Kind is the algorithm of a DKIM key, in the word of its record's k=.
type Kind string

// The kinds that DKIM knows (RFC 6376 3.3, RFC 8463 3).
const (
	RSA     Kind = "rsa"
	Ed25519 Kind = "ed25519" // a second signature only: many receivers cannot check it
)

// Lengths of an RSA key. Verifiers need not take longer ones (RFC 8301 3.2).
const (
	LeastRSA = minRSA
	MostRSA  = 4096
)

// Generate makes a private key and gives it in PEM, as PKCS#8. The bits are
// those of an RSA key; Ed25519 has only one length.
func Generate(kind Kind, bits int) ([]byte, error) {
	var private crypto.Signer
	var err error
	switch {
	case kind == Ed25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case kind != RSA:
		return nil, fmt.Errorf("DKIM knows no kind %q of keys; it is rsa or ed25519", kind)
	case bits < LeastRSA || bits > MostRSA:
		return nil, fmt.Errorf("an RSA key of %d bits is none that every receiver takes; give it %d to %d", bits, LeastRSA, MostRSA)
	default:
		private, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		return nil, fmt.Errorf("make a DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("write a DKIM key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Record reads the key's file and gives what the DNS must hold for it. Unlike
// LoadSigner it takes an Ed25519 key alone: its record may be published long
// before it signs beside another.
func (k Key) Record() (Record, error) {
	private, err := loadKey(k.File)
	if err != nil {
		return Record{}, fmt.Errorf("load DKIM key of %s: %w", k.Domain, err)
	}
	records, err := (&Signer{keys: []signingKey{{k.Domain, k.Selector, private}}}).Records()
	if err != nil {
		return Record{}, err
	}
	return records[0], nil
}
