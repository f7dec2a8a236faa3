package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"courant/digest/render"
	"courant/templates"
)

// OwnTemplates is a directory of the editor's templates, as it was when the
// config was read.
type OwnTemplates struct {
	Dir string // empty: none
	Sum string // of what is in the files: the mails depend on it

	own *templates.Own // nil: none, or it cannot be read
}

// in are the templates with those of below where there is no own.
func (o OwnTemplates) in(below fs.FS) fs.FS {
	if o.own == nil {
		return below
	}
	return o.own
}

// templatesOf are the templates of a digest; "" are the publication's.
func (c Config) templatesOf(digest string) fs.FS {
	return c.OwnTemplates[digest].in(c.Templates.in(templates.FS))
}

// checkMails judges what mails look like: the templates, the layouts chosen
// and the looks set into them.
func (c *Config) checkMails(r *configReader) {
	sound := c.openTemplates(r, "templates", &c.Templates, templates.FS)
	for i := range c.Digests {
		name := c.Digests[i].Name
		if own, there := c.OwnTemplates[name]; there {
			sound = c.openTemplates(r, "digests."+name+".templates", &own, c.Templates.in(templates.FS)) && sound
			c.OwnTemplates[name] = own
		}
	}
	c.checkLanguage(r)
	if !sound {
		return // what is missing for that reason is nobody's fault
	}
	c.checkTemplates(r)
	c.checkLayouts(r)
	c.checkLook(r, "brand", c.Brand, c.templatesOf(""), nil)
	for _, name := range slices.Sorted(maps.Keys(c.Looks)) {
		c.checkLook(r, "digests."+name+".brand", c.Looks[name].Over(c.Brand), c.templatesOf(name), c.Brand.Faults())
	}
}

// openTemplates reads a directory of templates, and says whether all of it
// could be read.
func (c *Config) openTemplates(r *configReader, path string, o *OwnTemplates, below fs.FS) bool {
	if o.Dir == "" {
		return !faultyPath(r, path)
	}
	r.files = r.files.with(o.Dir, nil)
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		r.fault(r.at(path), path, "%v", templatesAway(o.Dir, err))
		return false
	}
	defer root.Close() // it was only read
	own, faults := templates.ReadOwn(root.FS(), below)
	if len(faults) == 0 && len(own.Files()) == 0 {
		r.warn(r.at(path), path, "there are no templates in %s, so the program's are used; `courant templates export %s` writes them to start from", o.Dir, o.Dir)
	}
	for _, f := range faults {
		r.faults = append(r.faults, r.inTemplates(o, own, render.TemplateFault{File: f.Path, Line: f.Line, Err: f.Err, Word: f.Word, Known: f.Known}))
	}
	for tag, missing := range own.Missing() {
		named := strings.Join(missing[:min(3, len(missing))], ", ")
		if len(missing) > 3 {
			named += " and others"
		}
		r.warn(r.at(path), path, "lang/%s.json lacks %s, which come in English", tag, named)
	}
	o.own, o.Sum = own, own.Sum()
	return len(faults) == 0
}

func templatesAway(dir string, err error) error {
	switch info, there := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no directory %s; `courant templates export %s` makes it, or take the key away", dir, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this account; chown or chgrp it", dir)
	case there == nil && !info.IsDir():
		return fmt.Errorf("%s is a file; name the directory that holds mail/ and lang/", dir)
	}
	return fmt.Errorf("the directory %s cannot be read: %w", dir, err)
}

// inTemplates is a fault in a file of the editor's templates, told at its line.
func (r *configReader) inTemplates(o *OwnTemplates, own *templates.Own, in render.TemplateFault) Fault {
	f := Fault{File: r.beside(filepath.Join(o.Dir, filepath.FromSlash(in.File))), Message: in.Err.Error()}
	if in.Word != "" {
		f.Message += didYouMean(in.Word, in.Known)
	}
	text, there := own.Text(in.File)
	lines := strings.Split(string(text), "\n")
	if !there || in.Line < 1 || in.Line > len(lines) {
		return f
	}
	line := lines[in.Line-1]
	before := len(line) - len(strings.TrimLeft(line, " \t"))
	if in.Column > 0 {
		before = min(in.Column-1, len(line))
	}
	f.Line, f.Column = in.Line, utf8.RuneCountInString(line[:before])+1
	f.source, f.caret = excerptOf(line, f.Column)
	return f
}

// beside is a path as the config's own was given: an editor's program finds
// the file by it.
func (r *configReader) beside(path string) string {
	if within, err := filepath.Rel(r.dir, path); err == nil && filepath.IsLocal(within) {
		return filepath.Join(filepath.Dir(r.file), within)
	}
	return path
}

// checkTemplates judges what the templates say, once for each directory.
func (c *Config) checkTemplates(r *configReader) {
	if c.Templates.own != nil {
		c.judgeTemplates(r, "templates", c.templatesOf(""), &c.Templates)
	}
	for i := range c.Digests {
		name := c.Digests[i].Name
		if own := c.OwnTemplates[name]; own.own != nil {
			c.judgeTemplates(r, "digests."+name+".templates", c.templatesOf(name), &own, &c.Templates)
		}
	}
}

// judgeTemplates tells the faults of a set at the files they are in: the first
// of the directories that has it. One in a file of the program's comes of what
// an own file hands to it.
func (c *Config) judgeTemplates(r *configReader, path string, set fs.FS, dirs ...*OwnTemplates) {
	for _, f := range render.TemplateFaults(set) {
		told := false
		for _, o := range dirs {
			if o.own == nil {
				continue
			}
			if _, own := o.own.Text(f.File); own {
				r.faults = append(r.faults, r.inTemplates(o, o.own, *f))
				told = true
				break
			}
		}
		if !told {
			r.fault(r.at(path), path, "%v; this file is the program's: what your own files hand to it, or define anew, does not fit", f)
		}
	}
}

// checkLayouts wants each layout that is chosen, and chooses none for what
// lies idle.
func (c *Config) checkLayouts(r *configReader) {
	idle := map[string][]string{} // own layouts that nobody chose, by the path of their directory
	chosen := func(path, layout, digest string) {
		names, err := render.Layouts(c.templatesOf(digest))
		if err == nil && !slices.Contains(names, layout) {
			r.fault(r.at(path), path, "there is no layout %q%s", layout, meantOrKnown(layout, names, "there are"))
		}
	}
	if !faultyPath(r, "layout") {
		chosen("layout", c.Layout, "")
	}
	used := []string{c.Layout}
	for i := range c.Digests {
		d := &c.Digests[i]
		used = append(used, d.Layout)
		path := "digests." + d.Name + ".layout"
		if _, own := c.OwnTemplates[d.Name]; (own || d.Layout != c.Layout) && !faultyPath(r, path) {
			chosen(path, d.Layout, d.Name)
		}
	}
	shipped, err := render.Layouts(templates.FS)
	if err != nil || c.Templates.own == nil {
		return
	}
	for _, file := range c.Templates.own.Files() {
		if name, html := strings.CutSuffix(filepath.Base(file), ".html"); html && !slices.Contains(append(used, shipped...), name) && name != "parts" {
			idle["templates"] = append(idle["templates"], name)
		}
	}
	for path, names := range idle {
		for _, name := range names {
			r.warn(r.at(path), path, "no digest has the layout %q%s", name, cmpOr(didYouMean(name, shipped), "; choose it by layout: "+name))
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// checkLook tells the faults of a look at its keys. known are those of the
// publication's, which were told there.
func (c *Config) checkLook(r *configReader, path string, look render.Look, set fs.FS, known []render.Fault) {
	for _, f := range look.Faults() {
		same := func(k render.Fault) bool { return k.Error() == f.Error() }
		key := path + "." + strings.NewReplacer("day.", "colors.", "night.", "dark.").Replace(f.Of)
		if slices.ContainsFunc(known, same) || faultyBelow(r, key) {
			continue
		}
		r.fault(r.at(key), key, "%v", f.Err)
	}
	texts, err := templates.Load(set)
	if err != nil {
		return // told with the templates
	}
	_, err = texts.With(look.Wording)
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, err := range several.Unwrap() {
		var w *templates.WordingError
		if !errors.As(err, &w) {
			continue
		}
		key := strings.TrimSuffix(path+".wording."+w.Tag+"."+w.Key, ".")
		if _, written := r.places[key]; !written {
			continue // the publication's, told there
		}
		r.fault(r.at(key), key, "%v%s", w.Err, wordingMeant(texts, w))
	}
}

// wordingMeant ends a sentence about a name that the catalogue has not.
func wordingMeant(texts *templates.Catalogue, w *templates.WordingError) string {
	english := texts.Languages()[0]
	if _, there := english.Texts[w.Key]; there || w.Key == "" {
		return ""
	}
	var keys []string
	for key := range english.Texts {
		if strings.HasPrefix(key, "mail.") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if hint := didYouMean(w.Key, keys); hint != "" {
		return hint
	}
	return "; the names are " + strings.Join(keys, ", ")
}
