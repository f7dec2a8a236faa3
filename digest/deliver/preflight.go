package deliver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"courant/digest"
)

// Judge looks at one mail as it would go out. What is wrong holds the edition,
// what should be looked at is logged; whole asks for both, and otherwise what
// is wrong is enough.
type Judge func(mail []byte, e digest.Edition, v digest.Variant, to digest.Recipient, whole bool) []digest.Finding

// firsts is the first reader of each variant, whose mail is judged.
func (p *proofs) firsts(ctx context.Context, id digest.EditionID) (map[digest.VariantID]*digest.Recipient, error) {
	if p.Judge == nil {
		return nil, nil
	}
	list, err := p.Store.FirstRecipients(ctx, id)
	if err != nil {
		return nil, err
	}
	first := make(map[digest.VariantID]*digest.Recipient, len(list))
	for i := range list {
		first[list[i].Variant] = &list[i]
	}
	return first, nil
}

// look judges a reader's mail. The first of an edition is signed, as it would
// be sent, and judged whole; of the others what holds the edition is enough,
// and no signature differs from the first's in anything a rule could see.
func (p *proofs) look(e digest.Edition, v digest.Variant, m Message, to digest.Recipient) error {
	if p.Judge == nil {
		return nil
	}
	mail, whole := m.Splice(nil, to), p.first(e.ID)
	if whole {
		var err error
		if mail, err = p.Press.Sign(nil, mail); err != nil {
			return renderFault{fmt.Errorf("%ssign a mail of edition %d: %w", digest.HeldByPreflight, e.ID, err)}
		}
	}
	var wrong []digest.Finding
	for _, f := range p.Judge(mail, e, v, to, whole) {
		if f.State == digest.FindingWrong {
			wrong = append(wrong, f)
			continue
		}
		p.Log.Warn("the edition's mail could be better", "edition", e.ID, "rule", f.What, "part", f.Subject, "finding", f.Text, "next", f.Next)
	}
	if len(wrong) == 0 {
		return nil
	}
	for _, f := range wrong {
		p.Log.Error("the edition's mail breaks a rule", "edition", e.ID, "rule", f.What, "part", f.Subject, "finding", f.Text, "next", f.Next)
	}
	return renderFault{errors.New(heldFor(e, wrong))}
}

// first says, once, whether no mail of the edition was judged yet.
func (p *proofs) first(id digest.EditionID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.warned[id] {
		return false
	}
	p.warned[id] = true
	return true
}

// heldFor is the reason an edition is held for, with what to do next. It names
// the worst three; the log has all.
func heldFor(e digest.Edition, wrong []digest.Finding) string {
	var said []string
	for _, f := range wrong[:min(len(wrong), 3)] {
		said = append(said, fmt.Sprintf("%s (%s, %s)", f.Text, f.What, f.Subject))
	}
	if more := len(wrong) - len(said); more > 0 {
		said = append(said, fmt.Sprintf("%d more, see the log", more))
	}
	return digest.HeldByPreflight + strings.Join(said, "; ") + ". Nobody was mailed it so. " + wrong[0].Next + " " + goOn(e)
}

// goOn says how an edition goes on.
func goOn(e digest.Edition) string {
	if e.Kind == digest.KindProof {
		return fmt.Sprintf("Then send the proof again: `courant send %s --only ...`.", e.Digest)
	}
	return fmt.Sprintf("Then run `courant resume %s/%d`, or restart `courant serve`.", e.Digest, e.Number)
}

// again is the finding that readers would get what they have. A story is never
// given twice, so this is a fault: of a source that gave its pieces new
// addresses, mostly.
func (p *proofs) again(ctx context.Context, id digest.EditionID) error {
	if p.Judge == nil {
		return nil
	}
	last, readers, err := p.Store.SameAsLast(ctx, id)
	if err != nil || readers == 0 {
		return err
	}
	e, err := p.Store.Edition(ctx, id)
	if err != nil {
		return err
	}
	return renderFault{fmt.Errorf("%s%d readers would get the same headlines and points as in edition %d, which they have. Nobody was mailed it. "+
		"See whether a source gave old pieces new addresses. To send it all the same, run `courant resume %s/%d`", digest.HeldByPreflight, readers, last, e.Digest, e.Number)}
}

// retry looks again at the editions that the preflight of another process
// held, or of this one before it was started again: the template may be mended.
func (k *keeper) retry() error {
	ids, err := k.Store.EditionsIn(k.work, digest.EditionHeld)
	if err != nil {
		return err
	}
	for _, id := range ids {
		e, err := k.Store.Edition(k.work, id)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(e.HeldReason, digest.HeldByPreflight) {
			continue // somebody else's hold is not ours to end
		}
		err = k.preflight(id)
		var fault renderFault
		switch {
		case errors.As(err, &fault):
			k.Log.Error("edition stays held", "edition", id, "reason", fault.Error())
		case err != nil:
			return err
		default:
			if _, err := k.Store.MoveEdition(k.work, id, digest.EditionSending, ""); err != nil {
				return err
			}
			k.Log.Info("edition goes on: what held it is mended", "edition", id)
		}
	}
	return nil
}

// preflight is everything that is looked at before the first claim.
func (s *session) preflight(id digest.EditionID) error {
	if err := s.proofs.Open(s.work, id); err != nil {
		return err
	}
	return s.proofs.again(s.work, id)
}

// Resume lets an edition go that is held, after its mails were judged anew; the
// error says what is still wrong. That readers have its stories already is no
// reason any more: whoever resumes it wants it.
func (e *Engine) Resume(ctx context.Context, id digest.EditionID) error {
	held, err := e.Store.Edition(ctx, id)
	if err != nil {
		return err
	}
	if held.State != digest.EditionHeld {
		return fmt.Errorf("edition %d is not held, it is %s", id, held.State)
	}
	if err := newProofs(e).Open(ctx, id); err != nil {
		return err
	}
	moved, err := e.Store.MoveEdition(ctx, id, digest.EditionSending, "")
	if err != nil {
		return err
	}
	if !moved {
		return fmt.Errorf("edition %d is not held any more", id)
	}
	return nil
}
