package sample

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

// How long a copy may be used without asking. Feeds ask for the quarter of an
// hour that a polite reader leaves between polls anyway.
const (
	cacheFeed    = "public, max-age=900"
	cachePage    = "no-cache" // may be kept, but is asked for again: the next batch changes it
	cachePicture = "public, max-age=86400"
)

const (
	typeHTML = "text/html; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
	typeCSS  = "text/css; charset=utf-8"
	typePNG  = "image/png"
)

const robots = "# A sample press: everything may be read.\nUser-agent: *\nDisallow:\n"

// Handler serves the whole press: / lists the publications, /NAME/ is a
// publication's front page, /NAME/SLUG an article.
func (p *Press) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /robots.txt", func(w http.ResponseWriter, r *http.Request) {
		p.answer(w, r, document{typeText, cachePicture, time.Time{}, []byte(robots)})
	})
	mux.HandleFunc("GET /pictures/{name}", p.picture)
	mux.HandleFunc("GET /{publication}/{$}", p.front)
	mux.HandleFunc("GET /{publication}/{name}", p.piece)
	mux.HandleFunc("GET /", p.missing)
	return mux
}

// document is one answer.
type document struct {
	kind     string
	cache    string
	modified time.Time // zero: not known
	body     []byte
}

// answer sends a document, or 304 where the reader has it (RFC 9110 sections
// 13.1.2 and 13.1.3). The entity tag is of the bytes, so it is strong.
func (p *Press) answer(w http.ResponseWriter, r *http.Request, d document) {
	sum := sha256.Sum256(d.body)
	h := w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("Cache-Control", d.cache)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	if d.kind == typeHTML {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'")
	}
	http.ServeContent(w, r, "", d.modified, bytes.NewReader(d.body))
}

// base is the address that the reader came by: links in feeds and canonical
// links are absolute, and the press is told no address of its own.
func base(r *http.Request) string { return "http://" + r.Host }

func (p *Press) index(w http.ResponseWriter, r *http.Request) {
	is := p.issue()
	p.answer(w, r, document{typeHTML, cachePage, is.changed, p.pages.index(p.all, is)})
}

func (p *Press) front(w http.ResponseWriter, r *http.Request) {
	pub := p.all.publication(r.PathValue("publication"))
	if pub == nil {
		p.missing(w, r)
		return
	}
	is := p.issue()
	p.answer(w, r, document{typeHTML, cachePage, is.changed, p.pages.front(pub, is.of(pub.Slug, ""))})
}

// piece answers for what lies below a publication: style, feeds, articles.
func (p *Press) piece(w http.ResponseWriter, r *http.Request) {
	pub, name, is := p.all.publication(r.PathValue("publication")), r.PathValue("name"), p.issue()
	if css, ok := p.pages.styles[r.PathValue("publication")]; ok && name == "style.css" {
		p.answer(w, r, document{typeCSS, cachePage, time.Time{}, css})
		return
	}
	if pub == nil {
		p.missing(w, r)
		return
	}
	for _, f := range pub.Feeds {
		if f.Path == name {
			articles := is.of(pub.Slug, f.Category)
			out := feedWriter{base: base(r), pub: pub, feed: f, pictures: p.all.pictures, changed: newest(articles)}
			kind, body := out.write(articles)
			p.answer(w, r, document{kind, cacheFeed, out.changed, body})
			return
		}
	}
	a, ok := is.find(pub.Slug, name)
	if !ok {
		p.missing(w, r)
		return
	}
	p.answer(w, r, document{typeHTML, cachePage, a.At, p.pages.article(base(r), pub, a, p.all.pictures[a.Picture])})
}

func (p *Press) picture(w http.ResponseWriter, r *http.Request) {
	pic, ok := p.all.pictures[path.Base(r.PathValue("name"))]
	if !ok {
		p.missing(w, r)
		return
	}
	p.answer(w, r, document{typePNG, cachePicture, time.Time{}, pic.Bytes})
}

// missing answers 404 with a page.
func (p *Press) missing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", typeHTML)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	// Whoever hung up before the page was sent doesn't need it.
	_, _ = w.Write(p.pages.missing())
}
