package sample

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"courant/digest"
)

// Press serves sample sources: feeds, article pages, pictures. Its methods are
// safe for concurrent use.
type Press struct {
	now   func() time.Time
	all   *collection
	pages *pages

	mu  sync.Mutex
	out []time.Time // when each batch came out, the first at 0
}

// New makes a press whose articles count back from now: the first batch is out.
//
// It panics if the embedded content cannot be read, as regexp.MustCompile
// does: it would be the same in every run, and TestContentIsWhole sees it.
func New(now func() time.Time) *Press {
	all, err := readCollection(content)
	if err != nil {
		panic("sample: " + err.Error())
	}
	return &Press{now: now, all: all, pages: readPages(content), out: []time.Time{now().Truncate(time.Second)}}
}

// Sources are the press's sources for a config, at the given base address
// (http://127.0.0.1:1234, no slash).
func (p *Press) Sources(base string) []digest.Source {
	var sources []digest.Source
	for _, pub := range p.all.publications {
		for _, f := range pub.Feeds {
			sources = append(sources, digest.Source{Name: f.Source, Kind: digest.SourceFeed, URL: base + "/" + pub.Slug + "/" + f.Path, Category: f.Category})
		}
		if pub.Page == "" {
			continue
		}
		for _, a := range p.all.articles {
			if a.Publication == pub.Slug && a.Slug == pub.Page {
				sources = append(sources, digest.Source{Name: pub.Name, Kind: digest.SourcePage, URL: base + a.path(), Category: a.Category})
			}
		}
	}
	return sources
}

// Publish brings out the next batch of articles; it says how many came out, 0
// when everything is out.
func (p *Press) Publish() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.out) == lastBatch {
		return 0
	}
	p.out = append(p.out, p.now().Truncate(time.Second))
	n := 0
	for _, a := range p.all.articles {
		if a.Batch == len(p.out) {
			n++
		}
	}
	return n
}

// published is an article that is out.
type published struct {
	*article
	At time.Time
}

// issue is what is out at one moment.
type issue struct {
	articles []published // newest first
	changed  time.Time   // when the last batch came out
}

// issue lists what is out.
func (p *Press) issue() issue {
	p.mu.Lock()
	out := slices.Clone(p.out)
	p.mu.Unlock()
	is := issue{changed: out[len(out)-1]}
	for _, a := range p.all.articles {
		if a.Batch <= len(out) {
			is.articles = append(is.articles, published{a, out[a.Batch-1].Add(-a.Age)})
		}
	}
	slices.SortStableFunc(is.articles, func(a, b published) int { return cmp.Compare(b.At.Unix(), a.At.Unix()) })
	return is
}

// of lists what a publication has out, in one category or (empty) in all.
func (is issue) of(publication, category string) []published {
	var list []published
	for _, a := range is.articles {
		if a.Publication == publication && (category == "" || a.Category == category) {
			list = append(list, a)
		}
	}
	return list
}

// newest is when the first of a list that is newest first came out: a feed
// that a batch adds nothing to has not changed.
func newest(articles []published) time.Time {
	if len(articles) == 0 {
		return time.Time{}
	}
	return articles[0].At
}

// find is the article at an address.
func (is issue) find(publication, slug string) (published, bool) {
	for _, a := range is.articles {
		if a.Publication == publication && a.Slug == slug {
			return a, true
		}
	}
	return published{}, false
}
