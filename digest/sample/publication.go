package sample

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"path"
	"strings"
)

//go:embed content/publications.json content/articles content/styles content/pages content/pictures/*.png
var content embed.FS

// lastBatch is how many batches there are.
const lastBatch = 3

// publication is one of the press's papers and magazines.
type publication struct {
	Slug     string
	Name     string
	Tagline  string
	Language string
	Founded  string // a line for the foot of its pages
	Feeds    []feed
	Page     string // the slug of the article that is a source by itself; empty: none
}

// feed is one of a publication's feeds.
type feed struct {
	Path     string // below the publication, with the ending that tells the format
	Source   string // the source's name in a config
	Category string // the only one it carries; empty: all, and its items say theirs
	Pictures bool   // the items carry their pictures
}

// picture is one illustration, ready to be served.
type picture struct {
	Width, Height int
	Bytes         []byte
}

// collection is all that the press has, out or not.
type collection struct {
	publications []publication
	articles     []*article // in the order of their files
	pictures     map[string]picture
}

// readCollection reads the embedded content.
func readCollection(files fs.FS) (*collection, error) {
	c := &collection{pictures: map[string]picture{}}
	text, err := fs.ReadFile(files, "content/publications.json")
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c.publications); err != nil {
		return nil, fmt.Errorf("content/publications.json: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("content/publications.json: something follows the list")
	}
	if err := c.readPictures(files); err != nil {
		return nil, err
	}
	for _, p := range c.publications {
		if err := c.readArticles(files, p.Slug); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *collection) readPictures(files fs.FS) error {
	names, err := fs.Glob(files, "content/pictures/*.png")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		size, err := png.DecodeConfig(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.pictures[path.Base(name)] = picture{size.Width, size.Height, text}
	}
	return nil
}

func (c *collection) readArticles(files fs.FS, publication string) error {
	dir := "content/articles/" + publication
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		slug, ok := strings.CutSuffix(entry.Name(), ".txt")
		if !ok {
			return fmt.Errorf("%s: an article is a .txt file", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a, err := readArticle(publication, slug, string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, ok := c.pictures[a.Picture]; a.Picture != "" && !ok {
			return fmt.Errorf("%s: there is no picture %s", name, a.Picture)
		}
		c.articles = append(c.articles, a)
	}
	return nil
}

// publication finds one by its slug, nil if there is none.
func (c *collection) publication(slug string) *publication {
	for i := range c.publications {
		if c.publications[i].Slug == slug {
			return &c.publications[i]
		}
	}
	return nil
}
