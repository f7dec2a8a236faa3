package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/enrol"
)

// lastSent is what the last sending of a mail came to.
func (g *previewPage) lastSent(id string) string {
	g.told.Lock()
	defer g.told.Unlock()
	return g.sent[id]
}

// sendTo is the address that the last mail was sent to.
func (g *previewPage) sendTo() string {
	g.told.Lock()
	defer g.told.Unlock()
	return g.address
}

// send sends a mail of the page as a proof, as `courant send --only` does: the
// relays of the config, a row in the ledger, nobody's history.
func (g *previewPage) send(ctx context.Context, id, address string) (string, error) {
	g.mu.Lock()
	h, made, seen := g.house, g.made, g.outlook.material
	g.mu.Unlock()
	n, err := strconv.Atoi(strings.TrimPrefix(id, "variant-"))
	if err != nil || n < 1 || n > len(made.mails) {
		return "", errors.New("this mail is no longer here; load the page again")
	}
	if !g.sending.TryLock() {
		return "", errors.New("another one is on its way just now; try again when it has arrived")
	}
	defer g.sending.Unlock()
	said, err := h.sendShown(ctx, made.mails[n-1], seen, address)
	if err == nil {
		g.told.Lock()
		defer g.told.Unlock()
		g.sent[id], g.address = said, address
	}
	return said, err
}

// sendShown publishes and delivers the proof of a mail that a preview shows,
// and says what the mail server answered.
func (h *house) sendShown(ctx context.Context, m pulled, seen digest.Material, typed string) (string, error) {
	if err := h.config.maySend(); err != nil {
		return "", err
	}
	address, err := enrol.Address(typed)
	if err != nil {
		return "", fmt.Errorf("%q is no address: %w", typed, err)
	}
	if err := h.store.ProofReader(ctx, address, h.keys.AddressHash(address)); err != nil {
		return "", err
	}
	e, err := h.publisher().ProofOf(ctx, seen, m.variant.Signature, address)
	if err != nil {
		return "", err
	}
	engine, err := h.engine()
	if err != nil {
		return "", err
	}
	engine.Press = shownPress{engine.Press, e.ID, m.edition}
	left, err := engine.DrainEdition(ctx, e.ID, 0)
	if err != nil {
		return "", err
	}
	return h.sentAs(ctx, e, address, left)
}

// sentAs is what became of a proof, in the mail server's words.
func (h *house) sentAs(ctx context.Context, e digest.Edition, address string, left digest.Remainder) (string, error) {
	account, err := h.store.Why(ctx, h.keys.AddressHash(address), e.Instant.Add(-time.Second), h.now().Add(time.Second))
	if err != nil {
		return "", fmt.Errorf("look what became of it: %w", err)
	}
	for _, d := range account.Entries {
		switch {
		case d.Edition.ID != e.ID:
		case d.State == digest.Accepted:
			return fmt.Sprintf("Sent to %s at %s. The mail server says: %s", address, h.now().Format("15:04:05"), d.Reply), nil
		case d.State.Final():
			return "", fmt.Errorf("%s to %s: %s", d.State, address, d.Reply)
		case left.Said != "":
			return "", fmt.Errorf("the mail server said: %s", left.Said)
		}
	}
	return "", fmt.Errorf("no mail server took it; %s", remains(left))
}

// shownPress prints one edition with the number and the day that the page
// shows. A proof has none of its own, and an editor wants to see them.
type shownPress struct {
	deliver.Press
	id    digest.EditionID
	shown digest.Edition
}

// Render is the press's, but for what was shown.
func (p shownPress) Render(e digest.Edition, v digest.Variant) (deliver.Message, error) {
	if e.ID == p.id {
		e.Number, e.Instant = p.shown.Number, p.shown.Instant
	}
	return p.Press.Render(e, v)
}
