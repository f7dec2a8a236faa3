package main

import (
	"context"
	"errors"
	"fmt"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/enrol"

	"github.com/spf13/cobra"
)

func (p *program) sendCommand() *cobra.Command {
	var only string
	c := &cobra.Command{
		Use:   "send DIGEST",
		Short: "Publish an edition now and deliver it",
		Long: `Publish an edition of a digest now and deliver it.

The edition is an extra one: it has a number, goes to every reader of the
digest, and the next edition begins where it ends. With --only it is a proof
for one address, any address: it has no number, and no reader's history and no
window changes. Sources that were never polled are polled first.`,
		Example: "  courant send morning --only me@example.org\n  courant send morning",
		Args:    arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			err := p.with(c.Context(), p.quiet(), func(h *house) error { return p.send(c.Context(), h, args[0], only) })
			if toldToStop(c.Context(), err) && !errors.Is(err, deliver.ErrUnsettled) {
				return errors.New("told to stop before it was over; what is queued of an edition that was made stays queued, `courant deliver --drain` goes on with it")
			}
			return err
		},
	}
	c.Flags().StringVar(&only, "only", "", "send a proof to this `ADDRESS` only")
	return c
}

func (p *program) send(ctx context.Context, h *house, name, only string) error {
	d, err := h.config.digestNamed(name)
	if err != nil {
		return err
	}
	if err := h.maySend(ctx); err != nil {
		return err // before an edition is made that nobody would get
	}
	if err := p.fetchNew(ctx, h); err != nil {
		return err
	}
	e, err := h.publishNow(ctx, d, only)
	if err != nil {
		return err
	}
	if e.ID == 0 {
		fmt.Fprintf(p.stdout, "nothing was sent: %s; `courant fetch` polls the sources now\n", e.HeldReason)
		return nil
	}
	fmt.Fprintln(p.stdout, published(e))
	id := e.ID
	left, err := p.workOff(ctx, h, func(e *deliver.Engine) (digest.Remainder, error) { return e.DrainEdition(ctx, id, 0) })
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // who is told to stop says what is left
	if now, err := h.store.Edition(ctx, e.ID); err != nil {
		return err
	} else if now.State == digest.EditionHeld {
		return fmt.Errorf("%s is held: %s", published(e), now.HeldReason)
	}
	tally, err := h.store.Tally(ctx, e.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: %s\n", published(e), tally)
	if tally.Unfinished() > 0 {
		return errors.New(remains(left))
	}
	return nil
}

func published(e digest.Edition) string {
	if e.Kind == digest.KindProof {
		return fmt.Sprintf("%s, proof (edition %d)", e.Digest, e.ID)
	}
	return fmt.Sprintf("%s no. %d (edition %d)", e.Digest, e.Number, e.ID)
}

// publishNow makes an extra edition, or a proof for one address.
func (h *house) publishNow(ctx context.Context, d digest.Digest, only string) (digest.Edition, error) {
	if only == "" {
		return h.publisher().Extra(ctx, d)
	}
	address, err := enrol.Address(only)
	if err != nil {
		return digest.Edition{}, misuse{fmt.Errorf("--only %s: %w", only, err)}
	}
	if err := h.store.ProofReader(ctx, address, h.keys.AddressHash(address)); err != nil {
		return digest.Edition{}, err
	}
	return h.publisher().Proof(ctx, d, address)
}
