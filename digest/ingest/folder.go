package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// A folder is looked at each minute: that costs nobody else anything. One that
// is away is looked at less often, so that the log stays readable, and soon
// enough after it is back.
const (
	folderInterval  = time.Minute
	folderLongest   = 15 * time.Minute
	maxFolderFiles  = 10_000  // the newest of a folder that are read
	maxFolderNames  = 100_000 // of a folder that are looked at
	maxFolderDepth  = 8
	maxFileBytes    = maxPageBytes
	maxFileWarnings = 5
)

// pollFolder is poll for a folder: the same state, and no network. What has
// not changed since it was read is not read again; what has changed is, and
// corrects its article as long as no story has that.
func (in *Ingest) pollFolder(ctx context.Context, state digest.SourceState) (digest.SourceState, []digest.Article, Result) {
	now := in.Fetcher.now()
	state.LastPoll = now
	f := folder{
		source: in.configured(state.Source), now: now, first: state.LastSuccess.IsZero(), seen: unpackMarks(state.Seen), settle: in.Fetcher.settle,
		inside: in.Fetcher.AllowPrivate,
	}
	result := Result{Source: state.Source.Name, Status: StatusUnchanged, Local: true}
	if err := f.read(ctx); err != nil {
		state.Failures++
		state.Error = err.Error()
		state.NextPoll = now.Add(min(folderInterval<<min(state.Failures-1, 8), folderLongest))
		result.Status, result.Next, result.Err = StatusFailed, state.NextPoll, fmt.Errorf("source %s: %w", state.Source.Name, err)
		return state, nil, result
	}
	state.Failures, state.Error, state.NotBefore = 0, "", time.Time{}
	state.NextPoll = now.Add(folderInterval)
	if had := len(f.seen); f.count == 0 && had > 0 {
		// A disk that is not mounted leaves an empty folder behind. What was
		// read stays known, or all of it would be read anew when it is back.
		f.warn("%s", emptied(state.Source.URL, had))
	} else {
		state.Seen = packMarks(f.kept)
	}
	result.Next, result.Warnings, result.Files = state.NextPoll, f.told(), f.count
	if len(f.articles) > 0 || f.fresh {
		result.Status, result.Articles = StatusRead, len(f.articles)
	}
	return state, in.claim(state, f.articles, now), result
}

// emptied says that a folder lost all of its files.
func emptied(dir string, had int) string {
	return fmt.Sprintf("the folder %s is empty, and it had %s; is it mounted?", dir, counted(had, "file"))
}

// configured is a source as the config has it: the rows don't know its prefix,
// nor its rule for points.
func (in *Ingest) configured(s digest.Source) digest.Source {
	for _, c := range in.Sources {
		if c.Name == s.Name && c.Kind == s.Kind && c.URL == s.URL {
			return c
		}
	}
	return s
}

// folder is one look at a folder.
type folder struct {
	source digest.Source
	now    time.Time
	first  bool                            // nothing was ever read of it
	seen   map[mark]bool                   // the files that were read before, as they were then
	settle func(ctx context.Context) error // waits until who writes a file has written more of it
	inside bool                            // readers are inside a network, and open what only that knows

	root     *os.Root
	files    []folderFile
	names    int // looked at
	count    int // files that can be articles
	fresh    bool
	kept     []mark // the files that need not be read again, as they are now
	articles []digest.Article
	from     map[string]string // canonical address -> the file it came from
	warnings []string
	waiting  int
}

// folderFile is a file that can be an article.
type folderFile struct {
	path  string // below the folder, with slashes
	size  int64
	moved time.Time // its modification time
}

// read reads what is new. The error is a sentence without the source's name.
func (f *folder) read(ctx context.Context) error {
	root, err := os.OpenRoot(f.source.URL)
	if err != nil {
		return folderFault(f.source.URL, err)
	}
	defer root.Close() // read only
	f.root, f.from = root, map[string]string{}
	if err := f.list(ctx, ".", 0); err != nil {
		return folderFault(f.source.URL, err)
	}
	// The newest first, as feeds have it: who is told first goes by it.
	slices.SortFunc(f.files, func(a, b folderFile) int {
		return cmp.Or(b.moved.Compare(a.moved), cmp.Compare(a.path, b.path))
	})
	f.count = len(f.files)
	if f.count > maxFolderFiles {
		f.warn("the folder has %d files, and the newest %d of them are read; move the old ones away", f.count, maxFolderFiles)
		f.files = f.files[:maxFolderFiles]
	}
	for _, file := range f.unsettled(ctx) {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.take(file)
	}
	return ctx.Err()
}

// folderFault says what is wrong with the folder as a whole.
func folderFault(dir string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s; make it, mount it, or correct folder in the config", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the folder %s may not be read by this account; chown or chgrp it", dir)
	}
	if info, serr := os.Stat(dir); serr == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; name the folder it lies in", dir)
	}
	return fmt.Errorf("the folder %s cannot be read (%w); look whether it is mounted", dir, err)
}

// list finds the files of a directory and those below it. Trouble below the
// folder itself is a warning.
func (f *folder) list(ctx context.Context, dir string, depth int) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() // read only
	for {
		entries, err := d.ReadDir(1000)
		for _, e := range entries {
			if f.names++; f.names > maxFolderNames {
				if f.names == maxFolderNames+1 {
					f.warn("the folder has more than %d names; the rest was not looked at: move the old ones away", maxFolderNames)
				}
				return nil
			}
			if err := f.entry(ctx, path.Join(dir, e.Name()), e, depth); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// entry looks at one name. A link counts as what it leads to, and never leads
// out: os.Root sees to that. A linked directory could lead round in a circle.
func (f *folder) entry(ctx context.Context, name string, e fs.DirEntry, depth int) error {
	if unfinished(e.Name()) {
		return nil
	}
	if e.IsDir() {
		switch {
		case strings.HasSuffix(e.Name(), "_files"): // what browsers save beside a page
		case depth == maxFolderDepth:
			f.warn("%s lies too deep; folders are read to a depth of %d", name, maxFolderDepth)
		default:
			if err := f.list(ctx, name, depth+1); err != nil {
				f.warn("the folder %s was left out: %s", name, plainPath(err))
			}
		}
		return ctx.Err()
	}
	named := mayBeArticle(e.Name())
	if !named && (path.Ext(e.Name()) != "" || e.Type()&fs.ModeSymlink == 0) {
		return nil
	}
	info, err := f.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.Type()&fs.ModeSymlink == 0:
		return nil // taken away meanwhile
	case !named && (err != nil || !info.IsDir()):
		return nil // a link to what is no article by its name
	case err != nil:
		f.warn("%s was left out: %s", name, plainPath(err))
	case info.IsDir():
		f.warn("%s is a link to a folder, which is not followed; put the files here, or make it a source", name)
	case info.Mode().IsRegular():
		f.files = append(f.files, folderFile{name, info.Size(), info.ModTime()})
	}
	return nil
}

// plainPath is an error's reason without the path, which is named already.
func plainPath(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read by this account"
	case errors.Is(err, fs.ErrNotExist):
		return "it leads to nothing"
	case strings.Contains(err.Error(), "escapes"):
		return "it leads out of the folder"
	}
	return err.Error()
}

// unfinished knows the names of what is not meant to be read: hidden files,
// those of editors, and those that programs give to what they still write.
func unfinished(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") {
		return true
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download", ".swp", ".bak", ".lock", ".inprogress", ".writing":
		return true
	}
	return false
}

// mayBeArticle knows the names of what can be an article. The rest, pictures and
// style sheets beside a page, is nobody's fault and not told. A name without an
// ending is none: so are keys and passwords often named.
func mayBeArticle(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm", ".xhtml", ".shtml", ".txt", ".text", ".md", ".xml", ".rss", ".atom", ".rdf", ".json":
		return true
	}
	return false
}

// settled is how long a file must have been left alone to count as whole at
// once.
const settled = 10 * time.Second

// unsettled are the files to be read now. Those that somebody wrote to just
// now are looked at a second time after a moment; what changed meanwhile waits
// for the next poll.
func (f *folder) unsettled(ctx context.Context) (files []folderFile) {
	young := false
	for _, file := range f.files {
		m := f.mark(file)
		if f.seen[m] {
			f.kept = append(f.kept, m)
			continue
		}
		if f.unended(file) {
			f.waiting++
			continue
		}
		files = append(files, file)
		young = young || f.young(file)
	}
	if !young || f.settle(ctx) != nil {
		return files
	}
	return slices.DeleteFunc(files, func(file folderFile) bool {
		if !f.young(file) {
			return false
		}
		info, err := f.root.Stat(file.path)
		if err == nil && info.Size() == file.size && info.ModTime().Equal(file.moved) {
			return false
		}
		f.waiting++
		return true
	})
}

// young tells a file that may still be written. A clock that is ahead, on the
// machine that writes, makes no file wait for ever.
func (f *folder) young(file folderFile) bool {
	return f.now.Sub(file.moved).Abs() < settled
}

// textSettled is settled for texts: a page and a feed say where they end, and of
// half a text nobody sees that it is half.
const textSettled = time.Minute

// unended tells a text that may still be written.
func (f *folder) unended(file folderFile) bool {
	switch strings.ToLower(path.Ext(file.path)) {
	case ".txt", ".text", ".md":
		return f.now.Sub(file.moved).Abs() < textSettled
	}
	return false
}

// take reads one file. What cannot be read is told once and not tried again
// before it changes.
func (f *folder) take(file folderFile) {
	data, err := f.bytes(file)
	switch {
	case errors.Is(err, errWritten):
		f.waiting++
		return
	case err != nil:
		f.warn("%s was left out: %s", file.path, plainPath(err))
		return // the account's rights may change and the file not
	}
	articles, warnings, err := f.extract(file, data)
	if f.young(file) && (len(data) == 0 || breaksOff(data)) {
		f.waiting++
		return
	}
	f.fresh, f.kept = true, append(f.kept, f.mark(file))
	if err != nil {
		f.warn("%s was left out: %s", file.path, strings.TrimPrefix(err.Error(), file.path+": "))
		return
	}
	for _, w := range warnings {
		f.warn("%s: %s", file.path, w)
	}
	for _, a := range articles {
		if other, twice := f.from[a.Canonical]; twice && other != file.path {
			f.warn("%s names the same address as %s, which is newer; it was left out", file.path, other)
			continue
		}
		f.from[a.Canonical] = file.path
		if f.first && a.Published.IsZero() && file.moved.Before(f.now) {
			a.Published = file.moved.UTC() // else a folder's whole past would be news
		}
		f.articles = append(f.articles, a)
	}
}

// errWritten says that a file changed under the hand that read it.
var errWritten = errors.New("somebody writes it")

// extract is what `courant extract` sees in a file, with an address. A page
// that names none, and is published below the source's prefix, is known by its
// name in the folder: so its article stays the same when the prefix changes.
func (f *folder) extract(file folderFile, data []byte) ([]digest.Article, []string, error) {
	published, err := f.published(file.path)
	if err != nil {
		return nil, nil, err
	}
	e, err := Extract(file.path, data, Options{Now: f.now, Rule: f.source.Points})
	if err != nil {
		return nil, nil, err
	}
	if e.Kind == KindFeed {
		return slices.DeleteFunc(e.Articles, func(a digest.Article) bool { return !usable(a) }), e.Warnings, nil
	}
	if unlikeArticle(file.path, e.Kind) {
		return nil, nil, errors.New("it is neither a feed nor an article")
	}
	if e.astray != "" {
		return nil, nil, errors.New(astrayAddress(e.astray))
	}
	if frontPage(e.Articles[0].Canonical) && published != "" {
		if e, err = Extract(file.path, data, Options{Now: f.now, Address: published, Rule: f.source.Points}); err != nil {
			return nil, nil, err
		}
		a := &e.Articles[0]
		a.GUID = "file:" + (&url.URL{Path: file.path}).EscapedPath()
		if a.URL == "" { // a text
			a.URL, _ = digest.OpenURL(published)
			a.Canonical, _ = digest.CanonicalURL(published)
		}
	}
	a := e.Articles[0]
	switch {
	case !worded(a.Title):
		return nil, nil, errors.New("it has no headline")
	case frontPage(a.Canonical):
		return nil, nil, errors.New("it does not say where readers find it; give it a link of rel=canonical or a line \"URL: https://...\", or give the source a url_prefix")
	}
	if why := sealed(a.URL, f.inside); why != "" {
		return nil, nil, fmt.Errorf("readers cannot open its address %s: %s", digest.PlainLine(a.URL, 120), why)
	}
	return e.Articles[:1], e.Warnings, nil
}

// unlikeArticle tells XML and JSON that is no feed, which would be read as if
// its tags were words.
func unlikeArticle(name string, kind Kind) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".rss", ".atom", ".rdf":
		return true
	case ".xml":
		return kind == KindText
	}
	return false
}

// frontPage tells an address that is none of an article: none at all, or the
// site's own, which templates give to all of its pages.
func frontPage(canonical string) bool {
	u, err := url.Parse(canonical)
	return canonical == "" || err != nil || strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
}

// published is where a file is found by readers, by the source's prefix; empty:
// there is none.
func (f *folder) published(name string) (string, error) {
	if f.source.Prefix == "" {
		return "", nil
	}
	below := (&url.URL{Path: name}).EscapedPath()
	address, err := digest.OpenURL(strings.TrimSuffix(f.source.Prefix, "/") + "/" + below)
	if err != nil {
		return "", fmt.Errorf("its name makes no address: %w", err)
	}
	return address, nil
}

// told are the warnings, the first few in full.
func (f *folder) told() []string {
	list := f.warnings
	if extra := len(list) - maxFileWarnings; extra > 1 {
		list = append(slices.Clone(list[:maxFileWarnings]), fmt.Sprintf("%d more files were left out or are doubtful", extra))
	}
	if f.waiting > 0 {
		list = append(list, fmt.Sprintf("still being written, to be read at the next poll: %s", counted(f.waiting, "file")))
	}
	return list
}

func (f *folder) warn(format string, args ...any) {
	f.warnings = append(f.warnings, digest.PlainLine(fmt.Sprintf(format, args...), 500))
}
