package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	"courant/digest"

	"github.com/spf13/cobra"
)

// initOptions are what the command line answers before anything is asked.
type initOptions struct {
	name, from, postal, url  string
	relay, username, pwFile  string
	feed, category           string
	zone, language           string
	yes, noTest              bool
	environmentPasswordTaken bool // it was tried and another is wanted now
}

func (p *program) initCommand() *cobra.Command {
	var opt initOptions
	c := &cobra.Command{
		Use:   "init",
		Short: "Ask five things and write a config that sends",
		Long: `Ask five things (name, sender, public address, relay, first feed), log in at
the relay and read the feed, and write courant.yaml with the file of the
relay's password beside it. The sender's question has a second line, the postal
address that the law wants in every digest; the relay's asks for the login, if
there is one. A wrong answer is asked again with the reason.

Each answer can be given by a flag, and is not asked for then. With --yes
nothing is asked at all. Without a terminal the answers are read as lines, and
a wrong one ends the command. The password comes from --password-file,
SMTP_PASSWORD in the environment, or a line; never from the command line, where
others can see it.

Nothing is written before the last answer, and no file is ever overwritten.`,
		Example: `  courant init
  courant init --yes --name "Harbour News" --from news@example.com \
    --postal-address "1 Quay Street, Harbour City" --relay 127.0.0.1:2525 --feed https://feeds.bbci.co.uk/news/world/rss.xml`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return p.firstConfig(c.Context(), opt) },
	}
	for _, f := range []struct {
		at         *string
		name, says string
	}{
		{&opt.name, "name", "the `NAME` that readers know the mails by"},
		{&opt.from, "from", "the sender's `ADDRESS`, with or without a name"},
		{&opt.postal, "postal-address", "the postal `ADDRESS` below every digest"},
		{&opt.url, "url", "the public `ADDRESS` of the readers' pages (news. of the sender's domain)"},
		{&opt.relay, "relay", "the `RELAY`: host, host:port, smtp://user@host:587 or smtps://user@host:465"},
		{&opt.username, "username", "the login's `NAME` at the relay; - for none"},
		{&opt.pwFile, "password-file", "the `FILE` that holds the relay's password"},
		{&opt.feed, "feed", "the `ADDRESS` of the first feed, or of a page"},
		{&opt.category, "category", "the `CATEGORY` of the first feed (what most of its articles say, else News)"},
		{&opt.zone, "zone", "the time `ZONE` of the schedule (this machine's)"},
		{&opt.language, "language", "the `LANGUAGE` of the texts around the articles (this machine's, else en)"},
	} {
		c.Flags().StringVar(f.at, f.name, "", f.says)
	}
	c.Flags().BoolVar(&opt.yes, "yes", false, "ask nothing: take the defaults, fail where there is none")
	c.Flags().BoolVar(&opt.noTest, "no-test", false, "try neither relay nor feed")
	return c
}

// draft is what has been answered so far.
type draft struct {
	Name         string
	From         mail.Address
	Postal       string
	URL          string
	Language     string
	Zone         string
	Relay        Relay  // Host empty: not answered yet
	PasswordFile string // as the config names it; empty: no login
	Source       digest.Source
	Private      bool   // the source is inside this network
	DataDir      string // empty: the account's own, which no other publication has
}

// interview is one run of init: the answers so far and the way to the others.
type interview struct {
	*program
	opt   initOptions
	place initPlace
	ask   *asker
	draft draft
	hosts hostFinder // nil: the system's

	untried []string // what was written without having been tried
}

// nothingWritten ends each sentence about an init that stopped early.
const nothingWritten = "nothing was written"

// firstConfig asks, tries, writes, and says what comes next.
func (p *program) firstConfig(ctx context.Context, opt initOptions) error {
	place, err := newPlace(p.configFile)
	if err != nil {
		return err
	}
	i := &interview{program: p, opt: opt, place: place, ask: newAsker(p, opt.yes)}
	if err := i.fromMachine(); err != nil {
		return err
	}
	if err := i.missing(); err != nil {
		return err
	}
	i.greet()
	for _, step := range []func(context.Context) error{i.askName, i.askSender, i.askAddress, i.askRelay, i.askFeed} {
		if err := step(ctx); err != nil {
			return stopped(ctx, err)
		}
	}
	i.draft.DataDir = i.draft.ownDataDir(defaultDataDir(os.Geteuid() == 0, i.env))
	written, warnings, err := i.write()
	if err != nil {
		return err
	}
	i.farewell(written, warnings)
	return nil
}

// stopped says of an end before the end that it left nothing behind.
func stopped(ctx context.Context, err error) error {
	var wrong misuse
	switch {
	case ctx.Err() != nil:
		return errors.New("init was interrupted; " + nothingWritten)
	case errors.As(err, &wrong), strings.HasSuffix(err.Error(), nothingWritten):
		return err
	}
	return fmt.Errorf("%w; %s", err, nothingWritten)
}

// missing names every flag that --yes cannot do without, at once.
func (i *interview) missing() error {
	if !i.opt.yes {
		return nil
	}
	var flags []string
	for _, f := range []struct{ name, value string }{
		{"--name", i.opt.name}, {"--from", i.opt.from}, {"--postal-address", i.opt.postal}, {"--relay", i.opt.relay}, {"--feed", i.opt.feed},
	} {
		if strings.TrimSpace(f.value) == "" {
			flags = append(flags, f.name)
		}
	}
	if len(flags) == 0 {
		return nil
	}
	return misuse{fmt.Errorf("--yes asks nothing, and there is no default for %s; give them, or leave --yes out", strings.Join(flags, ", "))}
}

func (i *interview) greet() {
	for _, note := range i.place.notes() {
		fmt.Fprintln(i.stdout, "note:", i.style().wrap(note, "      "))
	}
	if i.opt.yes {
		return
	}
	fmt.Fprintln(i.stdout, i.style().wrap("Five questions, then "+i.configFile+" is written. Enter takes what stands in [brackets]; Ctrl-C ends this, and nothing is written.", ""))
}

// farewell says what was written, what comes next, and what is still open.
func (i *interview) farewell(written, warnings []string) {
	d, s := i.draft, i.style()
	fmt.Fprintf(i.stdout, "\n%s %s\n", s.green("Wrote"), s.wrap(strings.Join(written, ", "), "      "))
	for _, w := range warnings {
		fmt.Fprintln(i.stdout, s.yellow("warning:"), s.wrap(w, "         "))
	}
	fmt.Fprintf(i.stdout, "%s\n\n%s\n", s.wrap(fmt.Sprintf("%s goes to the list %s on weekdays at 07:00 %s.", initDigestTitle, initList, d.Zone), ""), s.bold("Next"))
	command := "courant"
	if i.configFile != "courant.yaml" {
		command += " --config " + shellWordOf(i.configFile)
	}
	i.steps([][2]string{
		{command + " readers import list.csv", "who gets it; the head line is: email,name"},
		{command + " send " + initDigest + " --only " + d.From.Address, "a proof, here to the sender"},
		{command + " serve", "from now on by itself"},
	})
	fmt.Fprintf(i.stdout, "\n%s\n", s.bold("Not done yet"))
	if len(i.untried) > 0 {
		i.tell("Not tried: " + strings.Join(i.untried, " and ") + ".")
	}
	if d.config().onlyLoopback() {
		i.tell("The relay is on this machine. For mail that leaves it, set smtp, from and url in " + i.configFile + ".")
		return
	}
	i.tell(d.URL + " must lead to 127.0.0.1:8080 (listen) by your proxy, and the DNS of " + digest.Domain(d.From.Address) +
		" needs SPF, DMARC and a DKIM key, or mailbox providers refuse the mail.")
	i.steps([][2]string{{command + " check --live", "tries all of that and says what is missing"}})
}

// tell writes a sentence of the farewell.
func (i *interview) tell(text string) {
	fmt.Fprintln(i.stdout, "  "+i.style().wrap(text, "  "))
}

// steps are commands with a word on each: below it where the terminal is too
// narrow for both.
func (i *interview) steps(lines [][2]string) {
	width := 0
	for _, l := range lines {
		width = max(width, len(l[0]))
	}
	s, longest := i.style(), 0
	for _, l := range lines {
		longest = max(longest, 2+width+2+len(l[1]))
	}
	for _, l := range lines {
		if s.width > 0 && longest > s.width {
			fmt.Fprintf(i.stdout, "  %s\n      %s\n", l[0], s.dim(s.wrap(l[1], "      ")))
		} else {
			fmt.Fprintf(i.stdout, "  %s  %s\n", pad(l[0], width), s.dim(l[1]))
		}
	}
}

// shellWordOf is a path as a shell takes it for one word.
func shellWordOf(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./_-+:@", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return filepath.ToSlash(path)
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
