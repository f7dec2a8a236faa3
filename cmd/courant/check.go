package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

// checkOptions are the flags of check.
type checkOptions struct {
	live    bool // also what others see: DNS and the public address
	offline bool // nothing outside the file
	json    bool
}

func (p *program) checkCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "Say whether the config is right, and when what is sent",
		Long: `Say whether the config is right: all faults at once, each with its line. Then
the next five slots of each digest, in local time and UTC, with a remark where
the clock changes; and a table of what lies around the config: this machine,
the mails of sample editions held against the rules (courant lint says more),
the database, the relays, each source polled once, the readers. Nothing is
changed by it.

With --live also what others see of the sender: the DNS records, the ones to
publish ready to paste, TLS, and a one-click POST to the public address.

It ends with 0 when the config is right, whatever the table says; with --live
it ends with 1 when a row of the table is wrong.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.live && o.offline {
				return misuse{errors.New("--live and --offline contradict each other; take one of them away")}
			}
			return p.check(c.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.live, "live", false, "also try DNS, TLS and the public address")
	c.Flags().BoolVar(&o.offline, "offline", false, "config, slots and sample mails only: ask nobody")
	c.Flags().BoolVar(&o.json, "json", false, "one JSON object a line: the config, each slot, each row")
	return c
}

func (p *program) check(ctx context.Context, o checkOptions) error {
	p.verbose = false // the warnings are told below
	c, warnings, err := loadConfig(p.configFile, p.env, p.hooks())
	tell := p.checkTeller(o)
	if err != nil {
		return errors.Join(err, tell.faults(p.configFile, err, warnings))
	}
	tell.config(c, warnings)
	for _, d := range c.Digests {
		tell.slots(d, p.now())
	}
	if o.offline {
		tell.findings(c.mailFindings())
		return tell.end()
	}
	l := p.lookAround(c)
	stop := showProgress(ctx, p.stderr, l.progress)
	findings := l.findings(ctx, o.live)
	stop()
	if err := ctx.Err(); err != nil {
		return errors.New("check was interrupted")
	}
	tell.findings(findings)
	if err := tell.end(); err != nil {
		return err
	}
	if wrong := inState(findings, digest.FindingWrong); o.live && wrong > 0 {
		return fmt.Errorf("%d of %d rows are wrong; what to do stands below each", wrong, len(findings))
	}
	return nil
}

// notHeeded names what the config asks for and this Courant does not do yet.
func (c Config) notHeeded() (notes []string) {
	if c.ReceiveListen != "" {
		notes = append(notes, "receive.listen is not heeded yet: returned mail comes by `courant bounce`")
	}
	return notes
}

// nextSlots are a digest's next five.
func nextSlots(d digest.Digest, now time.Time) ([]digest.Slot, error) {
	if d.Schedule == "" {
		return nil, nil
	}
	t, err := schedule.Parse(d)
	if err != nil {
		return nil, err
	}
	return t.Next(5, now), nil
}

func inZone(s digest.Slot) time.Time {
	loc, err := time.LoadLocation(s.Zone)
	if err != nil {
		loc = time.UTC
	}
	return s.Instant.In(loc)
}

// slotRemark says what is special about a slot.
func slotRemark(d digest.Digest, s digest.Slot) string {
	var remarks []string
	if r := schedule.OnSkipDay(d, s); r != "" {
		remarks = append(remarks, "skipped"+strings.TrimPrefix(r, "skip"))
	}
	if r := schedule.Remark(s); r != "" {
		remarks = append(remarks, r)
	}
	return strings.Join(remarks, "; ")
}

func inState(findings []digest.Finding, state digest.FindingState) (n int) {
	for _, f := range findings {
		if f.State == state {
			n++
		}
	}
	return n
}
