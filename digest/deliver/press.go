package deliver

import (
	"context"
	"fmt"
	"sync"

	"courant/digest"
)

// proofs keeps the renders of the variants that are being sent: one render a
// variant, whatever the number of lanes.
type proofs struct {
	store Store
	press Press

	mu   sync.Mutex
	done map[digest.VariantID]*proof
}

type proof struct {
	edition digest.EditionID
	once    sync.Once
	message Message
	err     error
}

func newProofs(store Store, press Press) *proofs {
	return &proofs{store: store, press: press, done: map[digest.VariantID]*proof{}}
}

// Message is the render of a variant, made at the first call.
func (p *proofs) Message(ctx context.Context, edition digest.EditionID, id digest.VariantID) (Message, error) {
	pr := p.at(edition, id)
	pr.once.Do(func() { pr.message, pr.err = p.render(ctx, edition, id) })
	if pr.err != nil {
		p.mu.Lock()
		// Not kept: the database may have been away.
		if p.done[id] == pr {
			delete(p.done, id)
		}
		p.mu.Unlock()
	}
	return pr.message, pr.err
}

func (p *proofs) at(edition digest.EditionID, id digest.VariantID) *proof {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := p.done[id]
	if pr == nil {
		pr = &proof{edition: edition}
		p.done[id] = pr
	}
	return pr
}

func (p *proofs) render(ctx context.Context, edition digest.EditionID, id digest.VariantID) (Message, error) {
	e, err := p.store.Edition(ctx, edition)
	if err != nil {
		return nil, err
	}
	v, err := p.store.Variant(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.set(e, v)
}

// renderFault marks an error of the render itself, which holds the edition;
// errors of the store are worth another try.
type renderFault struct{ error }

func (p *proofs) set(e digest.Edition, v digest.Variant) (Message, error) {
	m, err := p.press.Render(e, v)
	if err != nil {
		return nil, renderFault{fmt.Errorf("render edition %d: %w", e.ID, err)}
	}
	return m, nil
}

// Open renders all variants of an edition that is about to be sent, so that a
// fault is found before the first reader gets it.
func (p *proofs) Open(ctx context.Context, id digest.EditionID) error {
	e, variants, err := p.store.Variants(ctx, id)
	if err != nil {
		return err
	}
	for _, v := range variants {
		pr := p.at(id, v.ID)
		pr.once.Do(func() { pr.message, pr.err = p.set(e, v) })
		if pr.err != nil {
			p.mu.Lock()
			delete(p.done, v.ID)
			p.mu.Unlock()
			return pr.err
		}
	}
	return nil
}

// Keep forgets the renders of editions that are not sent any more.
func (p *proofs) Keep(editions []digest.EditionID) {
	keep := make(map[digest.EditionID]bool, len(editions))
	for _, e := range editions {
		keep[e] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, pr := range p.done {
		if !keep[pr.edition] {
			delete(p.done, id)
		}
	}
}
