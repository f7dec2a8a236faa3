package main

import (
	"bytes"
	"cmp"
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
	"courant/digest/lint"
)

// servePreview shows the mails on a page of this machine until ctx is done.
func (p *program) servePreview(ctx context.Context, h *house, v *outlook, o previewed) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)))
	if err != nil {
		return fmt.Errorf("%w; give --port one that is free, or none", err)
	}
	page := &previewPage{p: p, o: o, house: h, outlook: v, base: "http://" + listener.Addr().String(), inputs: newInputs(), sent: map[string]string{}}
	err = page.renew(ctx)
	if err == nil {
		err = explain.WritePreview(p.stdout, page.made.said, p.look())
	}
	if err != nil || len(page.made.mails) == 0 {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(p.stdout, "\n%s/\nThe page follows what changes in config, templates and articles. Ctrl-C ends it.\n", page.base)
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { page.watch(ctx) })
	defer watching.Wait()
	defer stop()
	server := &http.Server{
		Handler: page, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, // Ctrl-C ends what waits for changes
	}
	return serveHTTP(ctx, h.log, server, listener)
}

// previewPage shows the mails as they are at each load.
type previewPage struct {
	p      *program
	o      previewed
	base   string
	inputs *inputs

	mu      sync.Mutex
	house   *house // with the last config that was good
	outlook *outlook
	made    pull         // the last one that was good
	shown   http.Handler // of the inbox page, with the mails of the last load

	sending sync.Mutex // held by the one mail that is on its way

	told    sync.Mutex        // of what follows
	sent    map[string]string // what the sending of a mail came to, by its name on the page
	address string            // that the last one went to
}

// ServeHTTP makes the mails anew for every page, and keeps them for what the
// page loads itself: frames, styles, and the wait for changes. What a page
// asks to send is held against what there is now.
func (g *previewPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, prefix := range []string{"/p/", "/u/", "/v/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			nobodysLink(w, prefix)
			return
		}
	}
	id, isMail := strings.CutPrefix(r.URL.Path, "/mail/")
	anew := r.URL.Path == "/" || isMail && !strings.Contains(id, "/")
	g.mu.Lock()
	if r.Method == http.MethodGet && anew || r.Method == http.MethodPost {
		if err := g.renew(r.Context()); err != nil && r.Context().Err() == nil {
			g.show(err)
		}
	}
	shown := g.shown
	g.mu.Unlock()
	shown.ServeHTTP(w, r)
}

// renew reads config, templates and articles again. The readers are those of
// the start: counting them takes the time. The last good state stays where
// what is there now is not good.
func (g *previewPage) renew(ctx context.Context) error {
	// Before the reading: what changes meanwhile is another version.
	g.inputs.saw(g.mark(ctx))
	h, v := *g.house, g.outlook
	if g.shown != nil {
		var err error
		if h.config, err = g.p.loadedConfig(); err != nil {
			return err
		}
		if v, err = g.again(ctx, &h); err != nil {
			return err
		}
	}
	made, err := v.pull(ctx, &h, g.base)
	if err != nil {
		return err
	}
	g.house, g.outlook, g.made = &h, v, made
	g.show(nil)
	return nil
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

// show builds the page of the last good state, and says on it what keeps
// another from being made: an editor in the middle of a sentence looks, too.
// The digest's own choice is the newest mail, so that it is the one the page
// opens.
func (g *previewPage) show(fault error) {
	made, config := g.made, g.house.config
	sheets := g.sheets()
	var mails []inbox.Mail
	for i, m := range made.mails {
		mails = append(mails, inbox.Mail{
			ID: sheets[i].id, At: m.edition.Published, From: config.From.Address,
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
		Intro: "A preview of " + made.said.Local.Format("Monday 2 January 2006, 15:04 MST") + ", from the articles that are here now. Nothing is published, and sent only to whom you say.",
		Notes: notes, WayOut: "Unsubscribe link", Zone: made.said.Local.Location(), Log: g.house.log,
		Mails: func() []inbox.Mail { return mails },
		Desk:  g.desk(sheets, fault),
	}
	shown, err := box.Handler()
	if err != nil {
		g.house.log.Error("preview page not built", "error", err)
		return
	}
	g.shown = shown
}

// desk is what the page offers beside the mails.
func (g *previewPage) desk(sheets []sheet, fault error) *inbox.Desk {
	of := func(id string) sheet {
		if i := slices.IndexFunc(sheets, func(s sheet) bool { return s.id == id }); i >= 0 {
			return sheets[i]
		}
		return sheet{findings: func() []inbox.Finding { return nil }, mirrored: func() []byte { return nil }}
	}
	d := &inbox.Desk{
		Version: g.inputs.version(), Changed: g.inputs.changed,
		Findings: func(id string) []inbox.Finding { return of(id).findings() },
		Mirrored: func(id string) []byte { return of(id).mirrored() },
		Send: func(ctx context.Context, id, address string) (string, error) {
			return g.send(ctx, id, address)
		},
		// Whoever sent one sends the next to the same address; before that it's
		// the one that people read.
		SendTo: cmp.Or(g.sendTo(), g.house.config.ReplyTo.Address, g.house.config.From.Address),
		Sent:   g.lastSent,
	}
	if fault != nil {
		d.Fault = visible(fault.Error())
	}
	return d
}

// sheet is what is looked for in a mail once somebody asks.
type sheet struct {
	id       string
	findings func() []inbox.Finding
	mirrored func() []byte
}

// sheets are the sheets of the last good mails, with their names on the page.
func (g *previewPage) sheets() []sheet {
	h, base := g.house, g.base
	var list []sheet
	for i, m := range g.made.mails {
		list = append(list, sheet{
			id:       fmt.Sprintf("variant-%d", i+1),
			findings: sync.OnceValue(func() []inbox.Finding { return h.findingsIn(m) }),
			mirrored: sync.OnceValue(func() []byte { return h.mirrored(m, base) }),
		})
	}
	return list
}

// findingsIn holds a mail against the rules as it would be sent: with links to
// the public address, not to this page's.
func (h *house) findingsIn(m pulled) (found []inbox.Finding) {
	r, err := h.renderer()
	if err != nil {
		return nil
	}
	real, err := r.Render(m.edition, m.variant)
	if err != nil {
		return nil // the same fault as the page tells already
	}
	for _, f := range h.config.lintMail(r, real.Splice(nil, m.to), m.edition, m.variant, m.to, true) {
		found = append(found, inbox.Finding{
			Rule: f.Rule, Error: f.Severity == lint.Error, Part: f.Part, Line: f.Line, Finding: f.Finding, Advice: f.Advice,
		})
	}
	return found
}

// mirrored is a mail as a reader of Arabic would get it: the furniture turned
// round, the articles as they are. It shows what a layout makes of that,
// where a page turned round by force would only show what a browser does.
func (h *house) mirrored(m pulled, base string) []byte {
	const rightToLeft = "ar"
	if language, _, _ := strings.Cut(m.variant.Language, "-"); language == rightToLeft {
		return nil
	}
	r, err := h.previewRenderer(base)
	if err != nil {
		return nil
	}
	m.variant.Language = rightToLeft
	message, err := r.Render(m.edition, m.variant)
	if err != nil {
		return nil
	}
	return message.Splice(nil, m.to)
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
