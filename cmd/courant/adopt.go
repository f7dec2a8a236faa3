package main

import (
	"context"
	"fmt"
	"os"

	"courant/digest"

	"github.com/spf13/cobra"
)

func (p *program) adoptCommand() *cobra.Command {
	var giveUp bool
	c := &cobra.Command{
		Use:   "adopt",
		Short: "Say that this host may send what a restored database holds",
		Long: `Say that this host may send what the database holds. Courant asks for that
where the database may be a copy: restored from a backup, copied with data_dir,
or found elsewhere than by the hosts that worked it. Until then nothing is sent.

See to it first that nothing sends from the original any more. A restored
ledger doesn't know what went out after the backup; --give-up sends nothing of
what it still has open, and answers no slot up to now.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.adopt(c.Context(), h, giveUp) })
		},
	}
	c.Flags().BoolVar(&giveUp, "give-up", false, "abandon the editions that are not finished, and skip the slots up to now")
	return c
}

// adopt makes this host the database's own, after what is open was given up.
func (p *program) adopt(ctx context.Context, h *house, giveUp bool) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name this host: %w", err)
	}
	if giveUp {
		given, err := h.store.GiveUp(ctx, h.now())
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%d editions are given up, and the slots up to now\n", len(given))
	}
	left, err := h.store.Remainder(ctx)
	if err != nil {
		return err
	}
	if err := h.place(host).Adopt(ctx); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "this host may send now: %s\n", toSend(left))
	return nil
}

// toSend says what is there to be sent.
func toSend(left digest.Remainder) string {
	switch n := left.Due + left.Deferred + left.Claimed; {
	case n > 0:
		return fmt.Sprintf("%d deliveries of unfinished editions are, by `courant serve` or `courant deliver --drain`", n)
	case left.Held > 0:
		return fmt.Sprintf("nothing is open but %d deliveries of editions that are held", left.Held)
	}
	return "nothing is open"
}
