package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"courant/digest"
)

// openKeyring reads the secret file, or makes it: one token key and the
// suppression key. Two processes that make it at once end with the same file.
func openKeyring(path string) (*digest.Keyring, error) {
	keys, err := readKeyring(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := makeSecretFile(path); err != nil {
		return nil, fmt.Errorf("%w; set data_dir or secret_file to a place where this program may write", err)
	}
	return readKeyring(path)
}

// readKeyring reads the secret file and makes nothing.
func readKeyring(path string) (*digest.Keyring, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret file: %w; set data_dir or secret_file to where it is", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the secret file %s can be read by others; run: chmod 600 %s", path, path)
	}
	keys, err := digest.ParseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; put the file of your backup back, links in mails that are out need it", path, err)
	}
	return keys, nil
}

func makeSecretFile(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the secret file's directory: %w", err)
	}
	keys := digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: make([]byte, 32)}, Suppression: make([]byte, 32)}
	for _, key := range [][]byte{keys.Tokens[1], keys.Suppression} {
		if _, err := rand.Read(key); err != nil {
			return fmt.Errorf("make a key: %w", err)
		}
	}
	text, err := keys.AppendText(nil)
	if err != nil {
		return fmt.Errorf("write the secret file: %w", err)
	}
	f, err := os.CreateTemp(dir, ".secret-*") // made 0600
	if err != nil {
		return fmt.Errorf("make the secret file: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, werr := f.Write(text)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the secret file: %w", err)
	}
	// A link never replaces what another process put there first.
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the secret file: %w", err)
	}
	return nil
}
