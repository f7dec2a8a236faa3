package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"courant/digest"
	"courant/digest/receive"
	"courant/store"

	"github.com/spf13/cobra"
)

func (p *program) bounceCommand() *cobra.Command {
	var dry, asJSON bool
	var to string
	c := &cobra.Command{
		Use:   "bounce [FILE...]",
		Short: "Take in returned mail: bounces, complaints, mailed unsubscribes",
		Long: `Take in returned mail, from files or from standard input: bounces, complaints
and mailed unsubscribes. A dead address gets no more mail, a complaint ends all
mail to its reader. Only a report that carries one of our own tokens, in the
address it came to or in the mail it returns, changes anything; a forged one is
recorded and shown. The same report twice counts once.

When the database is away it exits 75 (EX_TEMPFAIL): a mail server that pipes
to it keeps the report and tries again.

With --dry-run nothing is changed and no config is needed.`,
		Example: "  courant bounce --to \"$RECIPIENT\" < mail      as a pipe of the mail server\n" +
			"  courant bounce --dry-run --json *.eml",
		Args: arguments(0, -1),
		RunE: func(c *cobra.Command, files []string) error {
			if dry {
				return p.eachReturned(files, func(input string, raw []byte, err error) error {
					return p.showReturned(input, raw, err, asJSON)
				})
			}
			return orLater(p.with(c.Context(), p.quiet(), func(h *house) error {
				return p.eachReturned(files, func(input string, raw []byte, err error) error {
					return p.takeReturned(c.Context(), h, input, raw, err, to, asJSON)
				})
			}))
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "say what the mail means and change nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for every input")
	c.Flags().StringVar(&to, "to", "", "the `ADDRESS` the mail was delivered to, where the mail server knows it")
	return c
}

// orLater marks an error that goes away by itself, so that the mail server which
// pipes to us keeps the report and tries again.
func orLater(err error) error {
	if store.Away(err) {
		return retry{err}
	}
	return err
}

// eachReturned reads every input and acts on it; an input that failed does not
// stop the others, but the exit code tells.
func (p *program) eachReturned(files []string, act func(input string, raw []byte, err error) error) error {
	failed := 0
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		raw, err := p.returned(file)
		err = act(file, raw, err)
		switch {
		case errors.Is(err, errTold):
			failed++
		case store.Away(err):
			return fmt.Errorf("%s: %w", file, err)
		case err != nil:
			p.tell("courant: %s: %v", file, err)
			failed++
		}
	}
	if failed > 0 {
		return errTold
	}
	return nil
}

// returned reads one mail, and a byte more than the most that is taken.
func (p *program) returned(file string) ([]byte, error) {
	in := p.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read returned mail: %w", err)
		}
		defer f.Close() // read only
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, receive.MaxMail+1))
	if err != nil {
		return nil, fmt.Errorf("read returned mail: %w", err)
	}
	return raw, nil
}

func (p *program) showReturned(input string, raw []byte, err error, asJSON bool) error {
	var m receive.Mail
	if err == nil {
		m, err = receive.Parse(raw, nil, "")
	}
	return p.tellReturned(receive.LineOf(input, m, err), err, asJSON, "")
}

func (p *program) takeReturned(ctx context.Context, h *house, input string, raw []byte, err error, to string, asJSON bool) error {
	var m receive.Mail
	if err == nil {
		m, err = receive.Parse(raw, h.keys, to)
	}
	effect := digest.EffectNone
	if err == nil {
		r := receive.Receiver{Store: h.store, Now: h.now}
		if effect, err = r.Take(ctx, m); err != nil {
			return err
		}
	}
	return p.tellReturned(receive.LineOf(input, m, err), err, asJSON, effect)
}

// tellReturned prints what a mail means and, where it was taken in, what it
// did.
func (p *program) tellReturned(l receive.Line, err error, asJSON bool, effect digest.ReportEffect) error {
	if asJSON {
		if jerr := json.NewEncoder(p.stdout).Encode(l); jerr != nil {
			return fmt.Errorf("write JSON: %w", jerr)
		}
		if err != nil {
			return errTold
		}
		return nil
	}
	if err != nil {
		return err
	}
	var about []string
	for _, r := range l.Recipients {
		about = append(about, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Address, r.Class, r.Status)))
	}
	fmt.Fprintf(p.stdout, "%s: %s", l.Input, l.Kind)
	if len(about) > 0 {
		fmt.Fprintf(p.stdout, " (%s)", strings.Join(about, ", "))
	}
	if effect != "" {
		fmt.Fprintf(p.stdout, ": %s", effectWords[effect])
	}
	fmt.Fprintln(p.stdout)
	return nil
}

var effectWords = map[digest.ReportEffect]string{
	digest.EffectNone:       "recorded, nothing changes",
	digest.EffectDuplicate:  "known already",
	digest.EffectBounced:    "the delivery is marked as bounced",
	digest.EffectSuppressed: "the address gets no more mail",
	digest.EffectLeft:       "the reader left",
	digest.EffectArrived:    "the delivery was in doubt and counts as accepted",
}
