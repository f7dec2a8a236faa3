package main

import (
	"path/filepath"
	"strings"

	"courant/digest"
)

// checkFolders keeps a folder of articles apart from Courant's own files: what
// lies in a folder is published, and a password must never be a headline. It
// runs when every key is read, for a secret may be named below the sources.
func (c *Config) checkFolders(r *configReader) {
	for i, s := range c.Sources {
		if s.Kind != digest.SourceFolder || s.URL == "" || i >= len(r.items["sources"]) {
			continue
		}
		path := keyPath(r.items["sources"][i], "folder")
		fault := func(format string, args ...any) { r.fault(r.at(path), path, format, args...) }
		switch held := r.secretIn(s.URL, c.SecretFile); {
		case s.URL == string(filepath.Separator):
			fault("this is the whole disk, and what lies in a folder is published; name the folder that the articles lie in")
		case holds(s.URL, c.DataDir):
			fault("data_dir lies in it, with files that are nobody else's, and what lies in a folder is published; give the articles a folder of their own")
		case holds(s.URL, r.dir):
			fault("this config lies in it, and what lies in a folder is published; give the articles a folder of their own")
		case held != "":
			fault("the secret %s lies in it, and what lies in a folder is published; give the articles a folder of their own", held)
		}
	}
}

// secretIn is a file in a folder that the config names as secret; empty:
// there is none.
func (r *configReader) secretIn(folder, own string) string {
	for _, file := range append([]string{own}, r.secrets...) {
		if holds(folder, file) {
			return file
		}
	}
	return ""
}

// holds says whether a path is a folder or lies below it, by its name or by
// where links lead.
func holds(folder, path string) bool {
	if path == "" {
		return false
	}
	below := func(folder, path string) bool {
		rel, err := filepath.Rel(folder, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	}
	return below(folder, path) || below(unlinked(folder), unlinked(path))
}

// unlinked is where a path leads; what isn't there yet leads where its
// directory does.
func unlinked(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	for at, rest := path, ""; ; {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if filepath.Dir(at) == at {
			return path
		}
		at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest)
	}
}
