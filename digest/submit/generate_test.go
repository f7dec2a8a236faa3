package submit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

func TestGeneratedKeysSignAndTheirRecordsVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var keys []Key
	records := map[string]string{}
	for _, c := range []struct {
		kind Kind
		bits int
	}{{RSA, 2048}, {RSA, 2048}, {Ed25519, 2048}} {
		text, err := Generate(c.kind, c.bits)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, string(rune('a'+len(keys))))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		k := Key{Domain: "example.com", Selector: filepath.Base(file), File: file}
		r, err := k.Record()
		if err != nil || r.Name != k.Selector+"._domainkey.example.com" || !strings.HasPrefix(r.Text, "v=DKIM1; k="+string(c.kind)+"; p=") {
			t.Fatalf("%+v, %v", r, err)
		}
		keys, records[r.Name] = append(keys, k), r.Text
	}
	s, err := LoadSigner(keys...)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(nil, []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(signed), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		return []string{records[name]}, nil
	}})
	if err != nil || len(found) != len(keys) {
		t.Fatalf("%d signatures for %d keys, %v", len(found), len(keys), err)
	}
	for _, v := range found {
		if v.Err != nil {
			t.Error(v.Err)
		}
	}
}

func TestGeneratedKeysAreOfTheKindAndLengthAskedFor(t *testing.T) {
	t.Parallel()
	read := func(kind Kind, bits int) any {
		text, err := Generate(kind, bits)
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
			t.Fatalf("%s is no key in PEM", text)
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if k, ok := read(RSA, 2560).(*rsa.PrivateKey); !ok || k.N.BitLen() != 2560 {
		t.Errorf("the RSA key is %T", k)
	}
	if k, ok := read(Ed25519, 0).(ed25519.PrivateKey); !ok {
		t.Errorf("the Ed25519 key is %T", k)
	}
	for _, c := range []struct {
		kind Kind
		bits int
		want string
	}{{RSA, 1024, "1024 bits"}, {RSA, 2047, "2047 bits"}, {RSA, 4097, "4097 bits"}, {"dsa", 2048, "rsa or ed25519"}, {"", 2048, "rsa or ed25519"}} {
		if _, err := Generate(c.kind, c.bits); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q of %d bits: %v", c.kind, c.bits, err)
		}
	}
}

func TestEd25519KeyHasARecordBeforeItMaySign(t *testing.T) {
	t.Parallel()
	text, err := Generate(Ed25519, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ed.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	k := Key{Domain: "example.com", Selector: "ed", File: file}
	if r, err := k.Record(); err != nil || !strings.HasPrefix(r.Text, "v=DKIM1; k=ed25519; p=") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := LoadSigner(k); err == nil {
		t.Error("an Ed25519 key signs alone")
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Record(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read has a record: %v", err)
	}
}
