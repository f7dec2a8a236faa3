package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"courant/digest"
)

// Store makes editions.
type Store interface {
	// Publish gathers the material of the ordered edition, has it composed and
	// writes edition, variants and ledger in one transaction. A slot that was
	// answered before gives its edition, unchanged. Where no variant has
	// stories the slot is recorded as skipped, and the edition has no ID and
	// the reason in HeldReason.
	Publish(ctx context.Context, o digest.Order, compose func(digest.Material) (digest.Composition, error)) (digest.Edition, error)
}

// Publisher publishes editions.
type Publisher struct {
	Store      Store
	Now        func() time.Time
	Log        *slog.Logger
	ConfigHash string // of the config in force
	KeyID      byte   // of the token key that signs
	// Cadence says a digest's schedule in a reader's words.
	Cadence func(digest.Digest) digest.Cadence
	// FirstWindow is where the window of a digest's first edition begins when
	// that is published now.
	FirstWindow func(d digest.Digest, now time.Time) (time.Time, error)
}

// Slot answers a slot. Doing it twice, or in two processes, makes one edition.
func (p Publisher) Slot(ctx context.Context, d digest.Digest, slot digest.Slot) (digest.Edition, error) {
	return p.publish(ctx, digest.Order{Digest: d, Kind: digest.KindSlot, Slot: slot}, slot.Instant)
}

// Moved gives the edition of a slot to readers who came to its zone only after
// it was due there, and whom it had not reached where they came from. It makes
// the edition if their old zone would have been the first.
func (p Publisher) Moved(ctx context.Context, d digest.Digest, slot digest.Slot) (digest.Edition, error) {
	return p.publish(ctx, digest.Order{Digest: d, Kind: digest.KindSlot, Slot: slot, Moved: true}, slot.Instant)
}

// Extra publishes an edition now, as if a slot had come due.
func (p Publisher) Extra(ctx context.Context, d digest.Digest) (digest.Edition, error) {
	return p.publish(ctx, digest.Order{Digest: d, Kind: digest.KindExtra}, p.Now())
}

// Proof publishes for one address only, without a number, an archive page or
// a trace in anyone's history.
func (p Publisher) Proof(ctx context.Context, d digest.Digest, address string) (digest.Edition, error) {
	return p.publish(ctx, digest.Order{Digest: d, Kind: digest.KindProof, Address: address}, p.Now())
}

// ProofOf publishes a proof of what was seen: of the material that a preview
// was composed from, the variant with that signature, whoever its readers
// would be.
func (p Publisher) ProofOf(ctx context.Context, seen digest.Material, signature, address string) (digest.Edition, error) {
	o := digest.Order{Digest: seen.Digest, Kind: digest.KindProof, Address: address}
	return p.publishAs(ctx, o, p.Now(), func(m digest.Material) (digest.Composition, error) { return only(seen, signature, m.Groups) })
}

// only is what a material comes to, with one variant for all of the groups.
func only(seen digest.Material, signature string, groups []digest.Group) (digest.Composition, error) {
	c, err := Compose(seen)
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(c.Variants, func(d digest.Draft) bool { return d.Signature == signature && d.Reason == "" })
	if i < 0 {
		return c, errors.New("what was shown is no longer to be had; look at the edition again")
	}
	d := c.Variants[i]
	d.Default, d.Groups = true, nil
	for _, g := range groups {
		d.Groups = append(d.Groups, g.Key)
	}
	c.Variants = []digest.Draft{d}
	return c, nil
}

// Order completes an order with what does not depend on its kind; plan and
// preview use it to see what publishing would see. Who composes with a Composer
// has set Known to that one's.
func (p Publisher) Order(o digest.Order, due time.Time) (digest.Order, error) {
	first, err := p.FirstWindow(o.Digest, due)
	if err != nil {
		return o, fmt.Errorf("find the first window of %s: %w", o.Digest.Name, err)
	}
	o.Now, o.FirstWindow = p.Now(), first
	o.ConfigHash, o.KeyID, o.Cadence = p.ConfigHash, p.KeyID, p.Cadence(o.Digest)
	if o.Known == nil {
		o.Known = Known
	}
	return o, nil
}

func (p Publisher) publish(ctx context.Context, o digest.Order, due time.Time) (digest.Edition, error) {
	var c Composer
	o.Known = c.Known
	return p.publishAs(ctx, o, due, c.Compose)
}

func (p Publisher) publishAs(
	ctx context.Context, o digest.Order, due time.Time, compose func(digest.Material) (digest.Composition, error),
) (digest.Edition, error) {
	o, err := p.Order(o, due)
	if err != nil {
		return digest.Edition{}, err
	}
	e, err := p.Store.Publish(ctx, o, compose)
	if err != nil {
		return digest.Edition{}, fmt.Errorf("make %s edition: %w", o.Kind, err)
	}
	if o.Moved {
		if e.ID != 0 {
			p.Log.Info("edition follows readers who moved", "digest", e.Digest, "number", e.Number, "edition", e.ID, "slot", e.Slot, "zone", o.Slot.Zone)
		}
		return e, nil
	}
	if e.ID == 0 {
		p.Log.Info("nothing to publish", "digest", o.Digest.Name, "kind", o.Kind, "slot", o.Slot.Key, "reason", e.HeldReason)
		return e, nil
	}
	p.Log.Info("edition published", "digest", e.Digest, "kind", e.Kind, "number", e.Number, "edition", e.ID,
		"slot", e.Slot, "zone", o.Slot.Zone)
	return e, nil
}
