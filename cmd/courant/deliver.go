package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"courant/digest"
	"courant/digest/deliver"

	"github.com/spf13/cobra"
)

func (p *program) deliverCommand() *cobra.Command {
	var drain bool
	var wait time.Duration
	c := &cobra.Command{
		Use:   "deliver --drain",
		Short: "Work the ledger off: send what is queued",
		Long: `Work the ledger off: send what is queued, take over what a process that died
left behind, and wait for leases of other processes and for retries that come
due within --wait. It reports what is left, and exits 1 if anything is.

While "courant serve" runs there is nothing to do for this command; both may
run side by side.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if wait < 0 {
				return misuse{errors.New("--wait takes a duration like 90s or 15m")}
			}
			if !drain {
				return misuse{errors.New("deliver needs --drain; `courant serve --only deliver` delivers without an end")}
			}
			began := false
			err := p.with(c.Context(), p.quiet(), func(h *house) error {
				began = true
				return p.drain(c.Context(), h, wait)
			})
			switch {
			case errors.Is(err, deliver.ErrUnsettled) || !toldToStop(c.Context(), err):
				return err
			case began:
				return errors.New("told to stop before it was over; what is queued stays queued, `courant deliver --drain` goes on with it")
			}
			return errors.New("told to stop before anything was sent; what is queued stays queued, `courant deliver --drain` goes on with it")
		},
	}
	c.Flags().BoolVar(&drain, "drain", false, "end when nothing is left to do")
	c.Flags().DurationVar(&wait, "wait", 15*time.Minute, "how long (`DURATION`, like 90s or 15m) to wait for leases, retries and relays that are away")
	return c
}

// drain works the ledger off, and fails if anything is left.
func (p *program) drain(ctx context.Context, h *house, wait time.Duration) error {
	left, err := p.workOff(ctx, h, func(e *deliver.Engine) (digest.Remainder, error) { return e.Drain(ctx, wait) })
	if err == nil && left.Total() > 0 {
		err = errors.New(remains(left))
	}
	return err
}

// workOff works the ledger off, tells how it goes, and returns what is left.
func (p *program) workOff(ctx context.Context, h *house, drain func(*deliver.Engine) (digest.Remainder, error)) (digest.Remainder, error) {
	e, err := h.engine()
	if err != nil {
		return digest.Remainder{}, err
	}
	stop := showProgress(ctx, p.stderr, func() string { return progress(e.Counts()) })
	left, err := drain(e)
	stop()
	fmt.Fprintln(p.stdout, progress(e.Counts()))
	return left, err
}

// progress is one line of what was done.
func progress(c deliver.Counts) string {
	s := fmt.Sprintf("%d accepted, %d deferred, %d refused, %d in doubt", c.Accepted, c.Deferred, c.Refused, c.InDoubt)
	if c.Salvaged > 0 {
		s += fmt.Sprintf(", %d settled for a process that died", c.Salvaged)
	}
	if c.Resent > 0 {
		s += fmt.Sprintf(", %d sent again", c.Resent)
	}
	return s
}

// remains is one sentence of what is left to do, and what does it.
func remains(r digest.Remainder) string {
	s := fmt.Sprintf("%d deliveries are left: %d queued, %d deferred, %d in held editions, %d in the hands of other processes",
		r.Total(), r.Due, r.Deferred, r.Held, r.Claimed)
	if r.Next > 0 {
		s += fmt.Sprintf("; the next is due in %s", r.Next.Round(time.Second))
	}
	if r.Said != "" {
		s += fmt.Sprintf("; the server said: %s", digest.WithoutAddresses(r.Said))
	}
	if r.Held > 0 {
		s += "; `courant status` says what holds an edition and what to do"
	}
	return s + "; `courant serve` goes on with them, or run `courant deliver --drain` again"
}

// showProgress tells how long work goes on: a line that changes on a
// terminal, a line every ten seconds elsewhere. The returned function ends it.
func showProgress(ctx context.Context, w io.Writer, line func() string) (stop func()) {
	every, format, end := 10*time.Second, "%s\n", ""
	if terminal(w) {
		every, format, end = 200*time.Millisecond, "\r\x1b[K%s", "\r\x1b[K"
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				fmt.Fprint(w, end)
				return
			case <-tick.C:
				fmt.Fprintf(w, format, line())
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
