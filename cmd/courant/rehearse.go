package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"courant/digest/rehearse"
	"courant/digest/smtpsink"
	"courant/store/local"

	"github.com/spf13/cobra"
)

func (p *program) rehearseCommand() *cobra.Command {
	plan := rehearse.Plan{Readers: 10_000, Workers: 1, Connections: 8, Seed: 1, Limit: 30 * time.Minute}
	var keep, svg, inDoubt string
	var asJSON bool
	c := &cobra.Command{
		Use:   "rehearse",
		Short: "Play an edition under fire, and check that nobody was missed or mailed twice",
		Long: `Play an edition under fire, and check that nobody was missed or mailed twice.

A rehearsal needs no config and touches no data of yours. In a directory of its
own it starts a private Postgres, serves a feed, imports readers and publishes
an edition. Workers (courant serve --only deliver) send it to an SMTP server
that writes down each mail before it says 250. Workers and database are killed
as told, the server refuses and hangs up as told, readers leave.

In the end the server's log is held against the ledger: each promise, what was
seen, and exit 1 if one broke. Then what was seen is kept and its place named.

Without faults it is a benchmark: messages a second, CPU for 1,000 mails, and
beside it Postfix's smtp-source in the same run, if that is installed.

Faults meet shares of the readers, each reader once:
  4xx          told to come back: tried again after a minute (see --hurry)
  5xx          refused
  drop-before  the line is cut at the final dot, nothing was accepted
  drop-after   the mail is accepted, the line is cut before the 250
  stall        the server says nothing for a second and a half`,
		Example: `  courant rehearse
  courant rehearse --readers 100000 --kills 20 --workers 2 --postgres-kills 3 --leave 1% \
    --faults 4xx=3%,5xx=1%,drop-before=0.5%,drop-after=0.5%,stall=0.1%
  courant rehearse --readers 20000 --workers 2 --kills 5 --in-doubt hold --keep seen --svg seen.svg`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if inDoubt != "resend" && inDoubt != "hold" {
				return misuse{fmt.Errorf("--in-doubt %s: it is resend or hold", inDoubt)}
			}
			plan.Hold = inDoubt == "hold"
			if err := plan.Check(); err != nil {
				return misuse{err}
			}
			return p.rehearse(c.Context(), plan, keep, svg, asJSON)
		},
	}
	f := c.Flags()
	f.IntVar(&plan.Readers, "readers", plan.Readers, "how many `READERS` the edition has")
	f.IntVar(&plan.Workers, "workers", plan.Workers, "how many processes deliver")
	f.IntVar(&plan.Connections, "connections", plan.Connections, "how many connections each has")
	f.IntVar(&plan.Kills, "kills", 0, "kill -9 of a worker, so many times")
	f.IntVar(&plan.Terms, "term", 0, "SIGTERM to a worker, so many times; another takes its place")
	f.IntVar(&plan.Stops, "stop", 0, "SIGSTOP of a worker until its lease is over, so many times")
	f.IntVar(&plan.PostgresKills, "postgres-kills", 0, "kill -9 of the database, so many times")
	f.Var(&plan.Faults, "faults", "what the SMTP server does wrong, as in 4xx=3%,drop-after=0.5%")
	f.Var(&plan.Leave, "leave", "which share of the readers leaves in mid-edition, as in 1%")
	f.BoolVar(&plan.ThrowJournals, "throw-journals", false, "a killed worker's journal is lost, as if with its host")
	f.StringVar(&inDoubt, "in-doubt", "resend", "what becomes of mails in doubt: resend or hold")
	f.BoolVar(&plan.Signed, "dkim", false, "sign with DKIM, RSA of 2048 bits")
	f.BoolVar(&plan.Hurry, "hurry", false, "bring retries forward instead of waiting their minute")
	f.Uint64Var(&plan.Seed, "seed", plan.Seed, "the `NUMBER` that decides who meets what and when")
	f.DurationVar(&plan.Limit, "limit", plan.Limit, "how long (`DURATION`) the edition may take")
	f.StringVar(&keep, "keep", "", "keep all that was made and seen in this new `DIR`")
	f.StringVar(&svg, "svg", "", "write the plot of messages a second to this `FILE`")
	f.BoolVar(&asJSON, "json", false, "one JSON object instead of tables")
	c.AddCommand(p.sinkCommand())
	return c
}

// rehearse hands in what the room cannot know, and shows what came of it.
func (p *program) rehearse(ctx context.Context, plan rehearse.Plan, keep, svg string, asJSON bool) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program itself: %w", err)
	}
	var line atomic.Value
	line.Store("")
	r := rehearse.Rehearsal{
		Plan: plan, Program: self, Keep: keep, Peer: smtpSource(), Postgres: rehearsalPostgres, ReadLog: acceptedMails,
		Sink:     func(o rehearse.SinkOrder) []string { return append([]string{self}, sinkArguments(o)...) },
		Progress: func(now rehearse.Progress) { line.Store(now.String()) },
	}
	stop := showProgress(ctx, p.stderr, func() string { return line.Load().(string) })
	report, err := r.Run(ctx)
	stop()
	if ctx.Err() != nil {
		return errors.New("the rehearsal was broken off; nothing of it is left")
	}
	if err != nil {
		return err
	}
	return p.showRehearsal(report, svg, asJSON)
}

func (p *program) showRehearsal(report rehearse.Report, svg string, asJSON bool) (err error) {
	if svg != "" {
		f, err := os.Create(svg)
		if err != nil {
			return fmt.Errorf("write the plot: %w", err)
		}
		if err := errors.Join(report.Curve.WriteSVG(f, report.Title()), f.Close()); err != nil {
			return err
		}
	}
	if asJSON {
		err = report.WriteJSON(p.stdout)
	} else {
		style := p.style()
		err = report.Write(p.stdout, func(text string, kept bool) string {
			if kept {
				return style.green(text)
			}
			return style.red(text)
		})
	}
	if err == nil && !report.Kept() {
		err = errors.New("a promise broke; the report says which, and where what was seen is kept")
	}
	return err
}

// smtpSource is where Postfix's program is; empty: it is not installed.
func smtpSource() string {
	for _, name := range []string{"smtp-source", "/usr/sbin/smtp-source", "/usr/lib/postfix/sbin/smtp-source"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// privatePostgres is the database of a rehearsal.
type privatePostgres struct{ *local.Server }

func rehearsalPostgres(ctx context.Context, dataDir string) (rehearse.Postgres, error) {
	s, err := local.Start(ctx, local.Options{DataDir: dataDir})
	if err != nil {
		return nil, err
	}
	return privatePostgres{s}, nil
}

// Open makes a pool by the driver that store registers.
func (s privatePostgres) Open() (*sql.DB, error) { return sql.Open("postgres", s.DSN()) }

func acceptedMails(in io.Reader) ([]rehearse.Mail, error) {
	messages, err := smtpsink.ReadLog(in)
	mails := make([]rehearse.Mail, len(messages))
	for i, m := range messages {
		mails[i] = rehearse.Mail{At: m.At, From: m.From, To: m.To, ID: m.ID, Size: m.Size}
	}
	return mails, err
}

// sinkArguments is an order as a command line.
func sinkArguments(o rehearse.SinkOrder) []string {
	return []string{"rehearse", "sink", "--log", o.Log, "--fault-log", o.FaultLog, "--links", o.Links,
		"--faults", o.Faults.String(), "--seed", strconv.FormatUint(o.Seed, 10)}
}

// sinkCommand is the SMTP server of a rehearsal, in a process of its own so
// that it survives whatever is done to the others.
func (p *program) sinkCommand() *cobra.Command {
	var o rehearse.SinkOrder
	c := &cobra.Command{
		Use:    "sink",
		Short:  "The SMTP server of a rehearsal",
		Hidden: true,
		Args:   arguments(0, 0),
		RunE:   func(c *cobra.Command, _ []string) error { return p.sink(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.Log, "log", "", "append each accepted message to this `FILE`")
	f.StringVar(&o.FaultLog, "fault-log", "", "append each fault to this `FILE`")
	f.StringVar(&o.Links, "links", "", "write the one-click links to this `FILE` at the end")
	f.Var(&o.Faults, "faults", "as of rehearse")
	f.Uint64Var(&o.Seed, "seed", 1, "as of rehearse")
	return c
}

// sink accepts mail until it is told to stop, or whoever started it is gone.
func (p *program) sink(ctx context.Context, o rehearse.SinkOrder) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, p.stdin) // its end is the message
		cancel()
	}()
	faults, err := os.OpenFile(o.FaultLog, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of faults: %w", err)
	}
	defer func() { err = errors.Join(err, faults.Close()) }()
	opt := smtpsink.Options{Log: o.Log, Tally: o.Links == "", Bodies: o.Links != ""}
	if o.Faults.Sum() > 0 {
		opt.Script = weatherScript(&rehearse.Weather{Faults: o.Faults, Seed: o.Seed, Now: p.now, Log: faults})
	}
	s, err := smtpsink.Listen(opt)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, s.Addr())
	if err := errors.Join(s.Serve(ctx), s.Close()); err != nil || o.Links == "" {
		return err
	}
	return writeLinks(o.Links, s.Messages())
}

// weatherScript makes a sink do what the weather says. A fault that cannot be
// logged ends the conversation before anything is accepted.
func weatherScript(w *rehearse.Weather) smtpsink.Script {
	moments := map[smtpsink.Stage]rehearse.Moment{
		smtpsink.AtRcpt: rehearse.AtRcpt, smtpsink.AtDot: rehearse.AtDot, smtpsink.AtRecorded: rehearse.AtRecorded,
	}
	acts := map[rehearse.Fault]smtpsink.Action{
		rehearse.FaultDeferred:   {Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 451, Enhanced: "4.3.0", Text: "come back later"}},
		rehearse.FaultRefused:    {Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.1.1", Text: "user unknown"}},
		rehearse.FaultDropBefore: {Do: smtpsink.Cut},
		rehearse.FaultDropAfter:  {Do: smtpsink.Cut},
		rehearse.FaultStall:      {Do: smtpsink.Stall, For: rehearse.StallTime},
	}
	return func(at smtpsink.Stage, c *smtpsink.Conversation) smtpsink.Action {
		moment, ok := moments[at]
		if !ok {
			return smtpsink.Action{}
		}
		fault, err := w.Strike(moment, c.To)
		if err != nil {
			return smtpsink.Action{Do: smtpsink.Cut}
		}
		return acts[fault]
	}
}

// writeLinks writes who may leave by which link (RFC 8058).
func writeLinks(path string, messages []smtpsink.Message) error {
	var b strings.Builder
	for _, m := range messages {
		for line := range strings.Lines(string(m.Body)) {
			if rest, ok := strings.CutPrefix(line, "List-Unsubscribe: <"); ok {
				link, _, _ := strings.Cut(rest, ">")
				fmt.Fprintf(&b, "%s\t%s\n", m.To, link)
				break
			}
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the links: %w", err)
	}
	return nil
}
