package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/ingest"
	"courant/digest/measure"
	"courant/digest/publish"
	"courant/digest/render"
	"courant/digest/schedule"
	"courant/digest/spool"
	"courant/digest/submit"
	"courant/store"
	"courant/store/local"
)

// house is the wired program: the config, the database and the keys, from
// which each command takes the rooms it needs.
type house struct {
	config   Config
	store    *store.Store
	postgres *local.Server // the private one; nil: the database is somebody else's
	keys     *digest.Keyring
	now      func() time.Time
	log      *slog.Logger
	id       string // of the database
	migrated store.Migrated
	spool    *spool.Spool     // leavings that wait for the database on this host
	figures  *measure.Figures // of a process that serves; nil: nobody reads them
}

// hooks let the rooms judge what only they understand.
func (p *program) hooks() configHooks {
	return configHooks{Schedule: checkSchedule, Subject: render.CheckSubject, PointSelector: ingest.CheckSelector, DropLine: ingest.CheckDrop}
}

// checkSchedule is the judgement of the room, with the place of the word that
// it is about and the one that was probably meant.
func checkSchedule(spec string) error {
	err := schedule.Check(spec)
	var word *schedule.WordError
	if !errors.As(err, &word) {
		return err
	}
	for _, known := range word.Known {
		if strings.HasPrefix(strings.ToLower(word.Word), known) { // monday, january
			return inText{word.Offset, fmt.Errorf("%w; did you mean %q?", err, known)}
		}
	}
	return inText{word.Offset, fmt.Errorf("%w%s", err, didYouMean(word.Word, word.Known))}
}

// loadedConfig reads the config with the judgement of the rooms, and tells
// its warnings.
func (p *program) loadedConfig() (Config, error) {
	c, warnings, err := loadConfig(p.configFile, p.env, p.hooks())
	if err != nil {
		return c, err
	}
	for _, w := range warnings {
		if p.verbose {
			p.tell("warning: %s", w)
		}
	}
	return c, nil
}

// open builds the house: config, database (started if it is ours), schema,
// keys.
func (p *program) open(ctx context.Context, log *slog.Logger) (h *house, err error) {
	c, err := p.loadedConfig()
	if err != nil {
		return nil, err
	}
	h = &house{config: c, now: p.now, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close(afterwards(ctx, endTime)))
		}
	}()
	dsn := c.Database.reveal()
	if dsn == "" {
		if err := errors.Join(c.foreignData(), forgetPostgres(os.Environ())); err != nil {
			return h, err
		}
		if h.postgres, err = local.Start(ctx, local.Options{DataDir: c.DataDir, Log: log}); err != nil {
			return h, err
		}
		dsn = h.postgres.DSN()
	}
	if h.keys, err = openKeyring(c.SecretFile); err != nil {
		return h, err
	}
	if err := h.attach(ctx, dsn); err != nil {
		return h, err
	}
	h.spool = &spool.Spool{Dir: filepath.Join(c.DataDir, "spool", h.id), Leave: h.store.LeaveBelated, Refused: store.Refused, Log: log}
	if h.postgres == nil {
		return h, nil
	}
	return h, c.claimData()
}

// attachTime is how long a private Postgres that was found running, and died
// before it answered, may take to come back.
const attachTime = 15 * time.Second

// attach reaches the database, and brings its schema up to date. Of a private
// one that goes away meanwhile it's known that it comes back: whoever uses it
// starts it again.
func (h *house) attach(ctx context.Context, dsn string) error {
	for until := time.Now().Add(attachTime); ; {
		err := h.reach(ctx, dsn)
		if err == nil || h.postgres == nil || !store.Away(err) || ctx.Err() != nil || time.Now().After(until) {
			return err
		}
		h.log.Warn("the database went away at the start", "error", err)
		if h.store != nil {
			if err := h.store.Close(); err != nil {
				return err
			}
			h.store = nil
		}
		if err := h.postgres.Ensure(ctx); err != nil {
			return err
		}
	}
}

func (h *house) reach(ctx context.Context, dsn string) (err error) {
	if h.store, err = store.Open(ctx, dsn); err != nil {
		return fmt.Errorf("%w; check `database` in %s and that the server runs", err, h.config.File)
	}
	if h.migrated, err = h.store.Migrate(ctx); err != nil {
		return err
	}
	if h.id, err = h.store.Installation(ctx); err != nil {
		return err
	}
	return h.store.CheckKeys(ctx, h.keys)
}

// close lets the database go; a private one stops with its last user.
func (h *house) close(ctx context.Context) error {
	var errs []error
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	if h.postgres != nil {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		errs = append(errs, h.postgres.Close(ctx))
	}
	return errors.Join(errs...)
}

// A program that is told to stop ends within half a minute, also where the
// database hangs. All times run from the signal; the first of them is the
// engine's, which lets messages and verdicts finish.
const (
	cutTime = 27 * time.Second // the database is given up
	endTime = 28 * time.Second // nobody waits for a private one to stop any more
	lastEnd = 29 * time.Second // nobody waits for anything
)

// with runs an act in an open house and closes it again.
func (p *program) with(ctx context.Context, log *slog.Logger, act func(*house) error) error {
	done := make(chan error, 1)
	go func() { done <- p.within(ctx, log, act) }()
	select {
	case err := <-done:
		return err
	case <-afterwards(ctx, lastEnd).Done():
		return errors.New("told to stop, and something still waits for the database, so it is left as it is; the next start on this host settles what is in the journal")
	}
}

func (p *program) within(ctx context.Context, log *slog.Logger, act func(*house) error) (err error) {
	h, err := p.open(ctx, log)
	if err != nil {
		return err
	}
	defer context.AfterFunc(afterwards(ctx, cutTime), func() {
		log.Warn("told to stop, and the database does not answer in time: it is given up")
		h.store.CutOff()
	})()
	defer func() { err = errors.Join(err, h.close(afterwards(ctx, endTime))) }()
	return act(h)
}

// afterwards is a context that ends so long after ctx.
func afterwards(ctx context.Context, d time.Duration) context.Context {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return last
}

// digestNamed finds a digest of the config.
func (c Config) digestNamed(name string) (digest.Digest, error) {
	var names []string
	for _, d := range c.Digests {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return digest.Digest{}, fmt.Errorf("%s has no digests; add one under digests", c.File)
	}
	return digest.Digest{}, misuse{fmt.Errorf("there is no digest %q in %s; it has %s%s", name, c.File, strings.Join(names, ", "), didYouMean(name, names))}
}

// renderer makes the mails of this publication.
func (h *house) renderer() (*render.Renderer, error) { return render.New(h.renderConfig()) }

func (h *house) renderConfig() render.Config {
	c := h.config
	rc := render.Config{
		Language: c.Language, Titles: map[string]string{},
		Name: c.Name, URL: c.URL, From: c.From.String(), PostalAddress: c.PostalAddress, Keys: h.keys, ReturnPath: c.ReturnPath,
	}
	rc.Templates, rc.Layout, rc.Look, rc.Looks = c.templatesOf(""), c.Layout, c.Brand, c.Looks
	rc.Archived = c.archivedAt
	for _, d := range c.Digests {
		rc.Titles[d.Name] = d.Title
	}
	rc.TemplatesOf = map[string]fs.FS{}
	for name := range c.OwnTemplates {
		rc.TemplatesOf[name] = c.templatesOf(name)
	}
	if c.ReplyTo.Address != "" {
		rc.ReplyTo = c.ReplyTo.String()
	}
	return rc
}

// publisher turns slots and orders into editions.
func (h *house) publisher() *publish.Publisher {
	return &publish.Publisher{
		Store: h.store, Now: h.now, Log: h.log, ConfigHash: h.config.Hash(), KeyID: h.keys.Current,
		Cadence:     schedule.Cadence,
		FirstWindow: schedule.FirstWindow,
	}
}

// press adapts render and submit to what deliver wants.
type press struct {
	*render.Renderer
	signer *submit.Signer // nil: no DKIM
}

func (p press) Render(e digest.Edition, v digest.Variant) (deliver.Message, error) {
	return p.Renderer.Render(e, v)
}

func (p press) Sign(dst, message []byte) ([]byte, error) {
	if p.signer == nil {
		return message, nil
	}
	return p.signer.Sign(dst, message)
}

// Letter is a letter as it goes out.
func (p press) Letter(l digest.Letter) (digest.Envelope, []byte, error) {
	text, err := p.Renderer.Letter(l)
	if err != nil {
		return digest.Envelope{}, nil, err
	}
	signed, err := p.Sign(nil, text)
	return p.LetterEnvelope(l), signed, err
}

// smtpConn adapts a submit.Conn to what deliver wants. Render makes no line that
// begins with a dot, which its fuzz test holds, and nor does a signature.
type smtpConn struct{ *submit.Conn }

func (c smtpConn) Submit(ctx context.Context, env digest.Envelope, text []byte, ahead *digest.Envelope, ready func() bool) digest.Outcome {
	return c.Conn.Submit(ctx, submit.Message{Envelope: env, Text: text, Stuffed: true, Ahead: ahead, Ready: ready})
}

// submission is how a relay is come to.
func (r Relay) submission() submit.Relay {
	return submit.Relay{Host: r.Host, Port: r.Port, Username: r.Username, Password: r.Password.reveal(), Security: submit.Security(r.TLS)}
}

func (c Config) relays() []deliver.Relay {
	var relays []deliver.Relay
	for _, r := range c.Relays {
		s := r.submission()
		relay := deliver.Relay{
			Name: s.String(), Account: strings.TrimPrefix(r.Username+"@"+s.String(), "@"), Connections: r.Connections, Weight: r.Weight,
			Dial: func(ctx context.Context) (deliver.Conn, digest.Outcome) {
				conn, o := s.Dial(ctx)
				if conn == nil {
					return nil, o
				}
				return smtpConn{conn}, o
			},
		}
		for _, l := range r.Limits {
			relay.Limits = append(relay.Limits, deliver.Limit{Messages: l.Count, Per: l.Per})
		}
		relays = append(relays, relay)
	}
	return relays
}

func (c Config) signer() (*submit.Signer, error) {
	if len(c.SigningKeys) == 0 {
		return nil, nil
	}
	var keys []submit.Key
	for _, k := range c.SigningKeys {
		keys = append(keys, submit.Key{Domain: k.Domain, Selector: k.Selector, File: k.KeyFile})
	}
	return submit.LoadSigner(keys...)
}

// maySend refuses to send what an example was not filled in for.
func (c Config) maySend() error {
	if c.Example == "" {
		return nil
	}
	return fmt.Errorf("%s is a domain for examples, so nothing is sent; write your own in %s (`courant check` shows where)", c.Example, c.File)
}

// engine is what works the ledger off.
func (h *house) engine() (*deliver.Engine, error) {
	if err := h.config.maySend(); err != nil {
		return nil, err
	}
	r, err := h.renderer()
	if err != nil {
		return nil, err
	}
	signer, err := h.config.signer()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this host: %w", err)
	}
	e := &deliver.Engine{
		Store: h.store, Press: press{r, signer}, Post: &deliver.Post{Store: h.store, Press: press{r, signer}}, Judge: h.config.judge(r), Relays: h.config.relays(),
		JournalDir: filepath.Join(h.config.DataDir, "journal", h.id), Host: host, Boot: bootID(),
		Lease: h.config.Lease, Resend: h.config.InDoubt == InDoubtResend, Log: h.log, Away: store.Away,
		Adopted: h.place(host).Check,
	}
	if h.spool != nil {
		e.Heed = h.spool.Apply
	}
	if h.figures != nil {
		e.Meter = h.figures
	}
	return e, nil
}

// place is the data_dir as the database knows it.
func (h *house) place(host string) *deliver.Place {
	return &deliver.Place{
		Store: h.store, File: filepath.Join(h.config.DataDir, "host", h.id), JournalDir: filepath.Join(h.config.DataDir, "journal", h.id),
		DataDir: h.config.DataDir, Name: host, Address: h.config.databaseAt(host),
	}
}

// doubt is why this host may not send before an operator says so; empty: it may.
func (h *house) doubt(ctx context.Context) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name this host: %w", err)
	}
	return h.place(host).Doubt(ctx)
}

// maySend says whether an edition that is made now would be sent from here, as
// far as config and database tell.
func (h *house) maySend(ctx context.Context) error {
	if err := h.config.maySend(); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name this host: %w", err)
	}
	return h.place(host).Check(ctx)
}

// databaseAt is where the database is, in words that are the same on all hosts
// that share it; empty if the config doesn't say.
func (c Config) databaseAt(host string) string {
	if c.Database.isZero() {
		// As an address that names the socket of the private one has it.
		return host + ":" + filepath.Join(c.DataDir, "postgres", "run", "courant")
	}
	name := databaseName(c.Database.reveal())
	switch at := strings.ToLower(name); {
	case at == "" || strings.HasPrefix(at, "localhost"), strings.HasPrefix(at, "127."), strings.HasPrefix(at, "[::1]"), strings.HasPrefix(at, "/"):
		return host + ":" + name // each host has its own
	}
	return name
}

// bootID is the identity of this boot where the system tells one.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
