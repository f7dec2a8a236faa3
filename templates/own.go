package templates

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of an editor's directory, far above what a mail needs.
const (
	maxOwnFile  = 128 << 10 // bytes
	maxOwnFiles = 200
)

// Own is an editor's directory of templates laid over others: what is not in it
// comes from below, which is FS, or the publication's where it is a digest's.
// Its files were read when it was made, so what happens in the directory
// afterwards changes nothing. It is an fs.FS.
type Own struct {
	files map[string][]byte // by their path, as in FS
	below fs.FS
}

// FileError is something wrong with a file of an editor.
type FileError struct {
	Path string // within the directory
	Line int    // zero: the file as a whole
	Err  error

	// Word is one that is not among Known, so that another one of them may
	// have been meant; empty: that is not what is wrong.
	Word  string
	Known []string
}

func (e *FileError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.Path, e.Line, e.Err)
	}
	return e.Path + ": " + e.Err.Error()
}

// Unwrap is what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// ReadOwn reads an editor's directory. It tells all that is wrong with the
// files themselves; what the templates say is judged by those who render.
func ReadOwn(dir, below fs.FS) (*Own, []*FileError) {
	o := &Own{files: map[string][]byte{}, below: below}
	var faults []*FileError
	seen := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if seen++; seen > maxOwnFiles {
			return fmt.Errorf("there are more than %d files in it: is it the right directory?", maxOwnFiles)
		}
		if name == "." || err == nil && passedOver(d) {
			if name != "." && d.IsDir() {
				return fs.SkipDir
			}
			return err
		}
		if err == nil {
			err = o.take(dir, name, d)
		}
		if err != nil && !errors.Is(err, fs.SkipDir) {
			faults = append(faults, fileError(name, err))
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return err
	})
	if err != nil {
		faults = append(faults, fileError(".", err))
	}
	return o, append(faults, o.faults()...)
}

func fileError(name string, err error) *FileError {
	if own := (*FileError)(nil); errors.As(err, &own) {
		return own
	}
	return &FileError{Path: name, Err: err}
}

// passedOver says whether a file is none of the templates and not taken for
// one: what systems and text editors leave behind, and what people explain.
func passedOver(d fs.DirEntry) bool {
	name := d.Name()
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(strings.ToUpper(name), "README")
}

var (
	layoutFile   = regexp.MustCompile(`^mail/[a-z0-9][a-z0-9_-]{0,62}\.(html|txt)$`)
	languageFile = regexp.MustCompile(`^lang/[A-Za-z0-9-]{2,35}\.json$`)
)

// take reads a file that belongs here.
func (o *Own) take(dir fs.FS, name string, d fs.DirEntry) error {
	if d.IsDir() {
		switch {
		case name == "mail", name == "lang":
			return nil
		case name == "page":
			return errors.New("readers' pages cannot be replaced; take the directory away")
		}
		return unknownFile(name, []string{"mail", "lang"}, "directory")
	}
	if !layoutFile.MatchString(name) && !languageFile.MatchString(name) {
		return unknownFile(name, replaceable(), "file")
	}
	text, err := readOwn(dir, name)
	if err == nil {
		o.files[name] = text
	}
	return err
}

func unknownFile(name string, known []string, kind string) error {
	e := &FileError{Path: name, Word: name, Known: known, Err: fmt.Errorf("nothing reads this %s: mails are made of mail/NAME.html, mail/NAME.txt and lang/TAG.json", kind)}
	for _, k := range known { // the right name in the wrong place
		if path.Base(k) == path.Base(name) {
			e.Word = k
		}
	}
	return e
}

// replaceable are the files of the program that an editor's own may replace.
func replaceable() []string {
	var all []string
	for _, pattern := range []string{"mail/*.*", "lang/*.json"} {
		found, err := fs.Glob(FS, pattern)
		if err == nil { // the patterns are right
			all = append(all, found...)
		}
	}
	return all
}

// readOwn reads a plain file. A link is followed as far as dir lets it; a pipe
// would hold up the start for ever.
func readOwn(dir fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	switch {
	case err != nil && strings.Contains(err.Error(), "escapes"): // os.Root has no error to ask for
		return nil, errors.New("the link leads out of the directory; put a copy of the file in its place")
	case err != nil:
		return nil, withoutPath(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("this is no plain file; put a copy of the file in its place")
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxOwnFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, withoutPath(err)
	}
	switch {
	case len(text) > maxOwnFile:
		return nil, fmt.Errorf("the file is larger than %d KB: is it a template?", maxOwnFile>>10)
	case !utf8.Valid(text):
		return nil, errors.New("this is not UTF-8 text; save the file as UTF-8")
	}
	return bytes.TrimPrefix(text, []byte("\uFEFF")), nil
}

// withoutPath is an error of a file without its name, which is told already.
func withoutPath(err error) error {
	if within := (*fs.PathError)(nil); errors.As(err, &within) {
		return fmt.Errorf("the file cannot be read: %w", within.Err)
	}
	return err
}

// faults are what is wrong with the files together: a layout is a pair.
func (o *Own) faults() []*FileError {
	var faults []*FileError
	for _, name := range o.Files() {
		if languageFile.MatchString(name) {
			faults = append(faults, languageFaults(name, o.files[name])...)
			continue
		}
		base, kind := strings.TrimSuffix(name, path.Ext(name)), ".txt"
		if path.Ext(name) == kind {
			kind = ".html"
		}
		if _, err := fs.Stat(o, base+kind); err != nil {
			faults = append(faults, &FileError{Path: name, Word: name, Known: replaceable(),
				Err: fmt.Errorf("no layout reads this file: a layout of your own is a pair, and %s%s is missing", base, kind)})
		}
	}
	return faults
}

// Files are the paths of the editor's files, sorted.
func (o *Own) Files() []string { return slices.Sorted(maps.Keys(o.files)) }

// Text is one of the editor's files, and whether it is there.
func (o *Own) Text(name string) (text []byte, there bool) {
	text, there = o.files[name]
	return text, there
}

// Sum names what is in the files: the same for the same mails.
func (o *Own) Sum() string {
	h := sha256.New()
	for _, name := range o.Files() {
		fmt.Fprintf(h, "%q %d\n", name, len(o.files[name])) // a hash takes every write
		h.Write(o.files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Open is that of fs.FS: a file of the editor, or else the one below.
func (o *Own) Open(name string) (fs.File, error) {
	if text, own := o.files[name]; own {
		return &ownFile{Reader: bytes.NewReader(text), info: ownInfo{path.Base(name), int64(len(text))}}, nil
	}
	return o.below.Open(name)
}

// ReadDir lists the editor's files and those below together.
func (o *Own) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.below, name)
	if err != nil {
		return nil, err
	}
	for own, text := range o.files {
		there := func(e fs.DirEntry) bool { return e.Name() == path.Base(own) }
		if path.Dir(own) == name && !slices.ContainsFunc(entries, there) {
			entries = append(entries, fs.FileInfoToDirEntry(ownInfo{path.Base(own), int64(len(text))}))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// ownFile is an editor's file as it was read.
type ownFile struct {
	*bytes.Reader
	info ownInfo
}

func (f *ownFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *ownFile) Close() error               { return nil }

type ownInfo struct {
	name string
	size int64
}

func (i ownInfo) Name() string     { return i.name }
func (i ownInfo) Size() int64      { return i.size }
func (ownInfo) Mode() fs.FileMode  { return 0o444 }
func (ownInfo) ModTime() time.Time { return time.Time{} }
func (ownInfo) IsDir() bool        { return false }
func (ownInfo) Sys() any           { return nil }
