package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readFiles are the files and directories that a config was read from, beside
// its own, each with a sum of what was in it; empty: it could not be read, or is
// a directory.
type readFiles map[string]string

// with adds one. It may be called on none.
func (f readFiles) with(path string, text []byte) readFiles {
	if f == nil {
		f = readFiles{}
	}
	f[path] = ""
	if text != nil {
		f[path] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return f
}

// traces are the marks that a change of the files leaves, without reading them:
// size, time and mode of each, and of all that lies below a directory.
func traces(files ...string) string {
	var b strings.Builder
	for _, path := range files {
		// A link to a directory is walked as one: that is how some swap a config.
		root := path
		if real, err := filepath.EvalSymlinks(path); err == nil {
			root = real
		}
		err := filepath.WalkDir(root, func(at string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Stat(at)
			if err != nil {
				fmt.Fprintf(&b, "%s: %v\n", at, err)
				return nil // a link to nothing; the rest counts, too
			}
			fmt.Fprintf(&b, "%s %d %d %s\n", at, info.Size(), info.ModTime().UnixNano(), info.Mode())
			return nil
		})
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", path, err)
		}
	}
	return b.String()
}

// paths are the config and all files it was read from.
func (f readFiles) paths(config string) []string {
	return append([]string{config}, slices.Sorted(maps.Keys(f))...)
}

// plain is the config without what two readings of the same files differ in.
func (c Config) plain() Config {
	c.Templates.own, c.OwnTemplates = nil, maps.Clone(c.OwnTemplates)
	for name, own := range c.OwnTemplates {
		own.own = nil
		c.OwnTemplates[name] = own
	}
	return c
}

// ofDelivery is what the making and sending of mails depends on.
func (c Config) ofDelivery() Config {
	c = c.plain()
	c.File, c.Sources, c.Rules, c.Tokens, c.Lists, c.Digests, c.Endpoint, c.LetterBudgets = "", nil, nil, nil, nil, nil, Endpoint{}, LetterBudgets{}
	c.KeepLedger, c.KeepAddresses, c.TrustedProxies, c.AllowPrivateSources = 0, 0, nil, false
	return c
}

// ofPages is what the readers' pages depend on.
func (c Config) ofPages() Config {
	own := c
	c = c.ofDelivery()
	c.TrustedProxies, c.Lists, c.Digests, c.LetterBudgets = own.TrustedProxies, own.Lists, own.Digests, own.LetterBudgets
	c.Relays, c.SigningKeys, c.files, c.InDoubt, c.Lease, c.FreshUntil = nil, nil, nil, "", 0, 0
	return c
}

// ofSources is what polling depends on, and the way in for articles.
func (c Config) ofSources() Config {
	var categories [][]string
	for _, d := range c.Digests {
		categories = append(categories, d.Categories)
	}
	s := Config{URL: c.URL, AllowPrivateSources: c.AllowPrivateSources, Endpoint: c.Endpoint, Sources: c.Sources, Rules: c.Rules, Tokens: c.Tokens, TrustedProxies: c.TrustedProxies}
	for _, names := range categories { // their order is nothing to a source
		s.wanted = append(s.wanted, names...)
	}
	slices.Sort(s.wanted)
	s.wanted = slices.Compact(s.wanted)
	return s
}

// pin keeps what a process cannot change while it runs as it was, and names
// those of its keys that the file has otherwise by now.
func (c *Config) pin(to Config) (waiting []string) {
	for _, k := range []struct {
		key      string
		now, was *string
	}{
		{"listen", &c.Listen, &to.Listen}, {"desk_listen", &c.DeskListen, &to.DeskListen}, {"receive.listen", &c.ReceiveListen, &to.ReceiveListen},
		{"data_dir", &c.DataDir, &to.DataDir}, {"secret_file", &c.SecretFile, &to.SecretFile},
	} {
		if *k.now != *k.was {
			*k.now, waiting = *k.was, append(waiting, k.key)
		}
	}
	if c.Database != to.Database {
		c.Database, waiting = to.Database, append(waiting, "database")
	}
	return waiting
}
