package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"courant/digest"
	"courant/digest/inbox"
	"courant/digest/sample"
	"courant/digest/smtpsink"

	"github.com/spf13/cobra"
)

const (
	// mostMails and largestMail bound what the inbox holds in memory: anybody on
	// this machine can send to it.
	mostMails   = 2000
	largestMail = 2 << 20
	// demoPort is where the inbox page is looked for first.
	demoPort = 8025
	// demoPortIfFree is demoPort, or any other when somebody has that.
	demoPortIfFree = -1
)

func (p *program) demoCommand() *cobra.Command {
	var keep string
	var port int
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show a digest: sample sources, a private Postgres, an inbox page",
		Long: `Show a digest, without an account anywhere and without sending anything.

The demo serves sample sources of its own, starts a private Postgres, polls
the sources, publishes an edition, delivers it over SMTP to an inbox server of
its own, and prints the address of a page where the mails can be looked at.
There you can leave a digest by its link, publish the next edition, and see
who was left out and why. All of it listens on this machine only.

Ctrl-C ends it and leaves nothing behind. With --keep DIR everything stays in
DIR: the config, the database and the mails. The same command goes on from
there, and while it runs the other commands work with it, too:
  courant --config DIR/courant.yaml plan`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("config") {
				return misuse{errors.New("demo writes a config of its own; leave --config out, and say --keep DIR to keep what it writes")}
			}
			if port < 0 || port > 65535 {
				return misuse{fmt.Errorf("--port %d: ports go from 0 (any that is free) to 65535", port)}
			}
			if !c.Flags().Changed("port") {
				port = demoPortIfFree
			}
			return p.demo(c.Context(), port, keep)
		},
	}
	c.Flags().IntVar(&port, "port", demoPort, "the `PORT` of the inbox page; any that is free if it is 0, or left out and taken")
	c.Flags().StringVar(&keep, "keep", "", "keep everything in this `DIR`, and go on from what is there")
	return c
}

// demo runs the demonstration until ctx ends.
func (p *program) demo(ctx context.Context, port int, keep string) (err error) {
	// A terminal that is closed ends the demo as Ctrl-C does.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	// Elsewhere a second Ctrl-C ends the program at once. Here it would leave
	// the directory behind, and stopping takes a second.
	impatient := make(chan os.Signal, 1)
	signal.Notify(impatient, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(impatient)
	began := p.now()
	dir, err := openDemoDir(keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.close()) }()
	page, err := listenForDemo(ctx, port)
	if err != nil {
		return err
	}
	defer page.Close() // a second time where it was served
	s, err := p.newStage(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return interrupted(ctx, err)
	}
	if s.editions == 0 {
		s.say("publishing and delivering the first edition")
		if err := s.publish(ctx); err != nil {
			return interrupted(ctx, err)
		}
	}
	handler, err := s.box(ctx).Handler()
	if err != nil {
		return err
	}
	s.serve(ctx, handler, page)
	s.welcome(page.Addr(), p.now().Sub(began))
	<-ctx.Done()
	fmt.Fprintln(p.stdout)
	s.say("stopping")
	return nil
}

// interrupted is no error where the demo was told to stop in its preparations.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listenForDemo opens the port of the inbox page. Somebody who named one wants
// that one.
func listenForDemo(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	if port >= 0 {
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("open the inbox page: %w; name another --port, or 0 for any that is free", err)
		}
		return l, nil
	}
	if l, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(demoPort))); err == nil {
		return l, nil
	}
	return listenForDemo(ctx, 0)
}

// stage is everything a running demo consists of, each part as real as in
// production: only the sources and the mailboxes are its own.
type stage struct {
	*program
	dir   *demoDir
	press *sample.Press
	sink  *smtpsink.Sink
	house *house

	pressAt, pagesAt net.Listener
	serving          sync.WaitGroup
	stopServing      context.CancelFunc // the parts that serve outlive ctx until close
	servingDone      context.Context

	publishing sync.Mutex                  // one edition at a time; guards notes and empty
	notes      map[digest.EditionID]string // what was new in an edition of this run
	empty      []inbox.Round               // publications of this run that no mail came of
	mu         sync.Mutex                  // guards the rest
	mails      []keptMail
	rounds     []inbox.Round
	editions   int // among the rounds
}

// newStage opens what listens: the press, the inbox server and the readers'
// pages. Where the directory has a config, at the addresses that this names,
// since the links in kept mails lead there.
func (p *program) newStage(ctx context.Context, dir *demoDir) (s *stage, err error) {
	s = &stage{program: new(program), dir: dir, press: sample.New(p.now), mails: dir.mails, notes: map[digest.EditionID]string{}}
	*s.program = *p
	s.configFile = dir.file("courant.yaml")
	s.servingDone, s.stopServing = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var config net.ListenConfig
	listen := func(what, at string) net.Listener {
		if err != nil {
			return nil
		}
		var l net.Listener
		if l, err = config.Listen(ctx, "tcp", at); err != nil {
			err = fmt.Errorf("open %s of the demo kept in %s: %w; end what uses the port", what, dir.path, err)
		}
		return l
	}
	s.pressAt = listen("the sample sources", dir.kept.Press)
	s.pagesAt = listen("the readers' pages", dir.kept.Pages)
	if err != nil {
		return s, err
	}
	gone := smtpsink.Rule{At: smtpsink.AtRcpt, To: goneReader, Do: smtpsink.Action{
		Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.1.1", Text: "there is no such mailbox"}}}
	full := smtpsink.Rule{At: smtpsink.AtMail, Skip: mostMails, Do: smtpsink.Action{
		Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 452, Enhanced: "4.2.2", Text: "the demo's inbox is full"}}}
	s.sink, err = smtpsink.Listen(smtpsink.Options{
		Addr: dir.kept.Relay, Name: "inbox.localhost", Bodies: true, Tally: true, MaxSize: largestMail,
		Script: smtpsink.Rules(gone, full), Keep: s.take,
	})
	if err != nil {
		return s, fmt.Errorf("open the inbox server of the demo: %w", err)
	}
	return s, nil
}

// open writes the config where there is none, and brings everything up.
func (s *stage) open(ctx context.Context) error {
	if err := s.dir.furnish(s); err != nil {
		return err
	}
	s.serving.Go(func() {
		if err := s.sink.Serve(s.servingDone); err != nil {
			fmt.Fprintf(s.stderr, "courant: the inbox server stopped: %v\n", err)
		}
	})
	s.serve(s.servingDone, s.press.Handler(), s.pressAt)
	where := "a directory of its own" // that goes with the demo
	if s.dir.keep {
		where = s.dir.path
	}
	s.say("starting a private Postgres in %s", where)
	var err error
	if s.house, err = s.program.open(ctx, s.quiet()); err != nil {
		if s.dir.keep {
			return fmt.Errorf("%w (the demo's data_dir is what --keep names)", err)
		}
		return err
	}
	server, err := s.house.pages()
	if err != nil {
		return err
	}
	s.serveBy(s.servingDone, server, s.pagesAt)
	if err := s.resume(ctx); err != nil || s.editions > 0 {
		return err
	}
	quiet := *s.program
	quiet.stdout = io.Discard
	s.say("putting %d readers on the list", countLines(demoReaders)-1)
	return quiet.importReaders(ctx, s.house, s.dir.file("readers.csv"), importFlags{list: "readers"})
}

// resume finds what earlier runs in a kept directory published, delivers what
// they left when they were killed, and brings the press to where it was.
func (s *stage) resume(ctx context.Context) error {
	if !s.dir.keep {
		return nil
	}
	engine, err := s.house.engine()
	if err != nil {
		return err
	}
	if _, err := engine.Drain(ctx, 10*time.Second); err != nil {
		return err
	}
	if err := s.recount(ctx); err != nil {
		return err
	}
	for range s.editions - 1 { // the first edition had what was out at the start
		s.press.Publish()
	}
	return nil
}

func (s *stage) serve(ctx context.Context, h http.Handler, l net.Listener) {
	s.serveBy(ctx, &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}, l)
}

// serveBy serves in the background until ctx ends or the stage is closed.
func (s *stage) serveBy(ctx context.Context, server *http.Server, l net.Listener) {
	s.serving.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.servingDone, cancel)()
		if err := serveHTTP(ctx, s.quiet(), server, l); err != nil {
			fmt.Fprintf(s.stderr, "courant: %v\n", err)
		}
	})
}

// close ends the parts in the order in which they need each other. What they
// hold on disk goes with the directory, or stays with it.
func (s *stage) close() error {
	s.publishing.Lock() // an edition under way has seen the end of ctx
	defer s.publishing.Unlock()
	s.stopServing()
	s.serving.Wait()
	var errs []error
	for _, l := range []net.Listener{s.pressAt, s.pagesAt} {
		if l != nil {
			l.Close() // a second time where it was served
		}
	}
	if s.sink != nil {
		errs = append(errs, s.sink.Close())
	}
	if s.house != nil {
		errs = append(errs, s.house.close(context.Background()))
	}
	return errors.Join(errs...)
}

// say tells a step on its own line.
func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.stdout, "%s ...\n", fmt.Sprintf(format, args...))
}

// welcome tells where to look, and what may be tried.
func (s *stage) welcome(page net.Addr, took time.Duration) {
	fmt.Fprintf(s.stdout, `
The inbox, %s after the start:

    http://%s/

Open a mail, leave by its unsubscribe link, then publish the next edition.
`, took.Round(100*time.Millisecond), page)
	if s.dir.keep {
		fmt.Fprintf(s.stdout, "The other commands work with it, too: courant --config %s plan\n", s.configFile)
	}
	fmt.Fprintln(s.stdout, "Ctrl-C ends the demo.")
}

// box is what the inbox page shows and may do.
func (s *stage) box(ctx context.Context) inbox.Box {
	c := s.house.config
	return inbox.Box{
		Title: c.Name,
		Intro: fmt.Sprintf("Courant polled %d sample sources, published %s and delivered it over SMTP to this inbox. Nothing leaves this machine.",
			len(c.Sources), c.Digests[0].Title),
		Mails:  s.inbox,
		Rounds: s.told,
		// Not the request's context: an edition goes on when the window is closed.
		Next:  func(context.Context) error { return s.publish(ctx) },
		Links: []inbox.Link{{Label: "The sample sources", URL: s.dir.pressURL() + "/"}},
		Zone:  zoneOf(c.Digests[0]),
		Log:   s.quiet(),
	}
}

// zoneOf is the zone a digest's times are shown in.
func zoneOf(d digest.Digest) *time.Location {
	loc, err := time.LoadLocation(d.TimeZone)
	if err != nil {
		return time.UTC // each reader's own
	}
	return loc
}

// publish brings out what the press has next, polls it, publishes an edition
// and delivers it, and tells what it meant for each reader.
func (s *stage) publish(ctx context.Context) error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if err := ctx.Err(); err != nil {
		return errors.New("the demo is stopping")
	}
	note := ""
	if s.editions > 0 {
		switch n := s.press.Publish(); n {
		case 0:
			note = "the sample sources have nothing new"
		default:
			note = fmt.Sprintf("%d new articles in the sample sources", n)
		}
	}
	d := s.house.config.Digests[0]
	e, err := s.edition(ctx, d)
	if err != nil {
		return err
	}
	if e.ID == 0 {
		s.empty = append(s.empty, inbox.Round{Title: d.Title + ": no edition", At: s.now(), Note: "No mail went out: " + e.HeldReason + "."})
		return s.recount(ctx)
	}
	s.notes[e.ID] = note
	engine, err := s.house.engine()
	if err != nil {
		return err
	}
	if _, err := engine.DrainEdition(ctx, e.ID, 0); err != nil {
		return err
	}
	return s.recount(ctx)
}

// edition polls and publishes.
func (s *stage) edition(ctx context.Context, d digest.Digest) (digest.Edition, error) {
	if err := s.poll(ctx); err != nil {
		return digest.Edition{}, err
	}
	return s.house.publisher().Extra(ctx, d)
}

// poll polls all sources. They are on this machine, so nobody is spared by
// waiting between pages.
func (s *stage) poll(ctx context.Context) error {
	in := s.house.ingest()
	in.Fetcher.Pace = -1
	results, err := in.FetchNow(ctx)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
