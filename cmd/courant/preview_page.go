package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"courant/digest/explain"
	"courant/digest/inbox"
)

// servePreview shows the mails on a page of this machine until ctx is done.
func (p *program) servePreview(ctx context.Context, h *house, v *outlook, o previewed) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)))
	if err != nil {
		return fmt.Errorf("%w; give --port one that is free, or none", err)
	}
	page := &previewPage{p: p, h: h, o: o, outlook: v, base: "http://" + listener.Addr().String()}
	first, err := page.renew(ctx)
	if err == nil {
		err = explain.WritePreview(p.stdout, first.said, p.look())
	}
	if err != nil || len(first.mails) == 0 {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(p.stdout, "\n%s/\nLoad the page again to see what has changed. Ctrl-C ends it.\n", page.base)
	server := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	return serveHTTP(ctx, h.log, server, listener)
}

// previewPage shows the mails as they are at each load.
type previewPage struct {
	p       *program
	h       *house
	o       previewed
	base    string
	mu      sync.Mutex
	outlook *outlook
	shown   http.Handler // of the inbox page, with the mails of the last load
}

// ServeHTTP makes the mails anew for every page, and keeps them for what the
// page loads itself: frames, styles, and the question whether mail came in.
func (g *previewPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, prefix := range []string{"/p/", "/u/", "/v/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			nobodysLink(w, prefix)
			return
		}
	}
	g.mu.Lock()
	id, isMail := strings.CutPrefix(r.URL.Path, "/mail/")
	if r.Method == http.MethodGet && (r.URL.Path == "/" || isMail && !strings.Contains(id, "/")) {
		if _, err := g.renew(r.Context()); err != nil && r.Context().Err() == nil {
			g.fail(err)
		}
	}
	shown := g.shown
	g.mu.Unlock()
	shown.ServeHTTP(w, r)
}

// renew reads config and articles again. The readers are those of the start:
// counting them takes the time.
func (g *previewPage) renew(ctx context.Context) (pull, error) {
	again := *g.h
	if g.shown != nil {
		var err error
		if again.config, err = g.p.loadedConfig(); err != nil {
			return pull{}, err
		}
		v, err := g.again(ctx, &again)
		if err != nil {
			return pull{}, err
		}
		g.outlook = v
	}
	made, err := g.outlook.pull(ctx, &again, g.base)
	if err != nil {
		return made, err
	}
	return made, g.show(&again, made)
}

// again is the outlook as it is now. One reader is looked up anew; all of them
// are not.
func (g *previewPage) again(ctx context.Context, h *house) (*outlook, error) {
	if g.o.reader != "" {
		return h.outlook(ctx, g.o)
	}
	d, err := h.config.digestNamed(g.o.digest)
	if err != nil {
		return nil, err
	}
	v := *g.outlook
	v.digest, v.order.Digest = d, d
	v.material, err = h.store.Renew(ctx, v.order, v.material)
	return &v, err
}

// show builds the page of a pull. The digest's own choice is the newest mail,
// so that it is the one the page opens.
func (g *previewPage) show(h *house, made pull) (err error) {
	var mails []inbox.Mail
	for i, m := range made.mails {
		mails = append(mails, inbox.Mail{
			ID: fmt.Sprintf("variant-%d", i+1), At: m.edition.Published, From: h.config.From.Address,
			To: made.said.Mails[i].Audience(), Raw: m.message.Splice(nil, m.to),
		})
	}
	slices.Reverse(mails)
	notes := slices.Clone(made.said.Notes)
	if made.said.Nothing != "" {
		notes = append(notes, made.said.Nothing)
	}
	box := inbox.Box{
		Title: made.said.Title + ", preview",
		Intro: "A preview of " + made.said.Local.Format("Monday 2 January 2006, 15:04 MST") + ", from the articles that are here now. Nothing is sent.",
		Notes: notes, WayOut: "Unsubscribe link", Zone: made.said.Local.Location(), Log: h.log,
		Mails: func() []inbox.Mail { return mails },
	}
	g.shown, err = box.Handler()
	return err
}

// fail keeps the last page's manner and says on it what went wrong: an editor
// in the middle of a sentence of the config reloads, too.
func (g *previewPage) fail(err error) {
	box := inbox.Box{Title: "Preview", Intro: err.Error(), Log: g.h.log, Mails: func() []inbox.Mail { return nil }}
	if shown, berr := box.Handler(); berr == nil {
		g.shown = shown
	}
}

//go:embed preview_link.html
var linkPage string

// nobodysLink answers where a link of a reader's would lead.
func nobodysLink(w http.ResponseWriter, prefix string) {
	leads := map[string]string{
		"/p/": "the reader's page: to leave the digest, or to get less of it",
		"/u/": "the page of the mail program's own unsubscribe button",
		"/v/": "the edition as a page in the browser",
	}[prefix]
	t, err := template.New("link").Parse(linkPage)
	var b bytes.Buffer
	if err == nil {
		err = t.Execute(&b, leads)
	}
	if err != nil {
		http.Error(w, "This is a preview: the link belongs to nobody.", http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	// Whoever left in the middle of the answer doesn't need it.
	_, _ = w.Write(b.Bytes())
}
