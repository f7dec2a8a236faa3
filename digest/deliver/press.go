package deliver

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"courant/digest"
)

// proofs keeps the renders of the variants that are being sent: one render a
// variant, whatever the number of lanes, and one judgement on its first mail.
type proofs struct {
	*Engine

	mu     sync.Mutex
	done   map[digest.VariantID]*proof
	warned map[digest.EditionID]bool // a mail of it was judged whole
}

type proof struct {
	edition digest.EditionID
	once    sync.Once
	message Message
	err     error
}

func newProofs(e *Engine) *proofs {
	return &proofs{Engine: e, done: map[digest.VariantID]*proof{}, warned: map[digest.EditionID]bool{}}
}

// Message is the render of the variant that a reader gets, made at the first
// call and judged by that reader's mail.
func (p *proofs) Message(ctx context.Context, to digest.Recipient) (Message, error) {
	pr := p.at(to.Edition, to.Variant)
	pr.once.Do(func() { pr.message, pr.err = p.render(ctx, to) })
	if pr.err != nil {
		p.forget(to.Variant, pr) // the database may have been away
	}
	return pr.message, pr.err
}

func (p *proofs) forget(id digest.VariantID, pr *proof) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done[id] == pr {
		delete(p.done, id)
	}
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

func (p *proofs) render(ctx context.Context, to digest.Recipient) (Message, error) {
	e, err := p.Store.Edition(ctx, to.Edition)
	if err != nil {
		return nil, err
	}
	v, err := p.Store.Variant(ctx, to.Variant)
	if err != nil {
		return nil, err
	}
	return p.set(e, v, &to)
}

// renderFault marks an error of the render itself or of what it came to, which
// holds the edition; errors of the store are worth another try.
type renderFault struct{ error }

// set renders a variant and judges the mail of one reader; nil: there is none
// to judge it by.
func (p *proofs) set(e digest.Edition, v digest.Variant, to *digest.Recipient) (Message, error) {
	m, err := p.Press.Render(e, v)
	if err != nil {
		return nil, renderFault{fmt.Errorf("%srender edition %d: %w", digest.HeldByPreflight, e.ID, err)}
	}
	if to == nil {
		return m, nil
	}
	return m, p.look(e, v, m, *to)
}

// Open renders all variants of an edition that is about to be sent and judges
// the first mail of each, so that a fault is found before the first reader
// gets it.
func (p *proofs) Open(ctx context.Context, id digest.EditionID) error {
	e, variants, err := p.Store.Variants(ctx, id)
	if err != nil {
		return err
	}
	first, err := p.firsts(ctx, id)
	if err != nil {
		return err
	}
	for _, v := range variants {
		pr := p.at(id, v.ID)
		pr.once.Do(func() { pr.message, pr.err = p.set(e, v, first[v.ID]) })
		if pr.err != nil {
			p.forget(v.ID, pr)
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
	maps.DeleteFunc(p.warned, func(id digest.EditionID, _ bool) bool { return !keep[id] })
}
