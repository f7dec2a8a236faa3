package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// The exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisused = 2
	exitRetry   = 75 // EX_TEMPFAIL of sysexits.h, which mail servers know
)

// program is one run of courant, with everything it touches handed in.
type program struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) (string, bool)
	now    func() time.Time

	configFile string
	verbose    bool
}

// misuse marks an error of the command line: exit 2.
type misuse struct{ error }

// retry marks an error that is worth the same command once more: exit 75.
type retry struct{ error }

// errTold is an error that was told already, line by line.
var errTold = errors.New("")

// run executes the command line and returns the exit code. Whatever went
// wrong is told on stderr in one sentence.
func (p *program) run(ctx context.Context) int {
	out := &output{Writer: p.stdout}
	p.stdout = out
	root := p.root()
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if lost := out.lost(); lost != nil && (err == nil || errors.Is(err, out.err)) {
		err = lost
	}
	var wrong misuse
	var again retry
	var faults Faults
	code := exitFailed
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errTold):
		return exitFailed
	case errors.As(err, &wrong):
		code = exitMisused
	case errors.As(err, &again):
		code = exitRetry
	case errors.As(err, &faults) && strings.HasPrefix(err.Error(), faults.Error()):
		// An editor's matcher wants file:line:column at the start of each.
		p.tell("%v", err)
		return code
	}
	p.tell("courant: %v", err)
	return code
}

// tell writes a line to stderr. What it is about may come from anywhere.
func (p *program) tell(format string, args ...any) {
	fmt.Fprintln(p.stderr, visible(fmt.Sprintf(format, args...)))
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "courant",
		Short: "Courant turns sources of news into email digests",
		Long: `Courant turns sources of news into email digests.

It polls feeds and pages, takes each piece's key points, and at the minute an
editor named composes an edition and hands one mail per reader to an SMTP
server. Readers leave with one click. Everything is said in one YAML file
(courant.yaml; config.example.yaml shows every key) and kept in Postgres.

Nothing set up yet?
  courant demo                           a digest to look at, with everything it needs
  courant init                           a first config, by questions

A first day:
  courant init                           ask five things and write courant.yaml
  courant check                          is the config right, and when is what sent?
  courant fetch                          poll the sources now
  courant readers import readers.csv     who gets it
  courant send morning --only me@example.org
  courant serve                          from now on by itself`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentFlags().StringVar(&p.configFile, "config", "courant.yaml", "the config `FILE`")
	root.PersistentFlags().BoolVarP(&p.verbose, "verbose", "v", false, "log every step, addresses included")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return misuse{fmt.Errorf("%w; see `%s --help`", flagFault(err), c.CommandPath())}
	})
	root.AddCommand(
		p.demoCommand(),
		p.initCommand(),
		p.serveCommand(),
		p.checkCommand(),
		p.planCommand(),
		p.previewCommand(),
		p.simulateCommand(),
		p.lintCommand(),
		p.sendCommand(),
		p.deliverCommand(),
		p.statusCommand(),
		p.deliveriesCommand(),
		p.articlesCommand(),
		p.resumeCommand(),
		p.fetchCommand(),
		p.sourcesCommand(),
		p.extractCommand(),
		p.whyCommand(),
		p.readersCommand(),
		p.listsCommand(),
		p.bounceCommand(),
		p.adoptCommand(),
		p.dkimCommand(),
		p.rehearseCommand(),
		p.migrateCommand(),
		p.templatesCommand(),
		p.schemaCommand(),
		p.completionCommand(),
	)
	p.complete(root)
	return root
}

// flagFault says in our words what a flag takes, where the library would show
// those of its parser.
func flagFault(err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	takes := map[string]string{
		"int": "a whole number", "uint64": "a whole number from 0 on", "duration": "a time such as 90s or 15m", "bool": "true or false",
	}[wrong.GetFlag().Value.Type()]
	if takes == "" {
		return err // a value of ours, which says it itself
	}
	return fmt.Errorf("--%s takes %s, not %q", wrong.GetFlag().Name, takes, wrong.GetValue())
}

// arguments says which arguments a command takes, in the words of its usage.
func arguments(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return misuse{fmt.Errorf("%s takes other arguments: usage: %s", c.CommandPath(), c.UseLine())}
		}
		return nil
	}
}

// noArguments is for commands with subcommands: a word there is a command
// that does not exist.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	c.SuggestionsMinimumDistance = 2 // letters; cobra sets it only on a way of its own
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", strings.Join(near, `" or "`))
	}
	return misuse{fmt.Errorf("%s has no command %q%s; see `%s --help`", c.CommandPath(), args[0], hint, c.CommandPath())}
}

// log is the program's logger: one line a fact on stderr.
func (p *program) log() *slog.Logger {
	level := slog.LevelInfo
	if p.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}

// quiet is the logger of commands that people wait for: only what needs them.
func (p *program) quiet() *slog.Logger {
	if p.verbose {
		return p.log()
	}
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// terminal says whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
