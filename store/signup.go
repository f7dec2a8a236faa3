package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// ConfirmSignUp does what a letter's button says: the reader is on the lists
// that were asked for, with what was chosen, from now on. seen is what the page
// with the button showed: digest.ErrChanged if that is not what the letter asks
// any more. Offers are all lists with their digests. The mailbox itself said
// yes, so whoever had left or was erased is back, and a suppression because of
// an erasure ends. Doing it twice is doing it once. digest.ErrNotFound when the
// letter's time is over, or somebody said "this was not me".
func (s *Store) ConfirmSignUp(ctx context.Context, id digest.LetterID, seen []digest.SignUp, offers []digest.Offer) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error { return confirmSignUp(ctx, tx, id, seen, offers) })
	if err != nil {
		return fmt.Errorf("confirm a sign-up: %w", err)
	}
	return nil
}

func confirmSignUp(ctx context.Context, tx *sqlx.Tx, id digest.LetterID, seen []digest.SignUp, offers []digest.Offer) error {
	row, err := letterOf(ctx, tx, id, "FOR UPDATE OF l")
	if err != nil {
		return err
	}
	l, err := row.letter()
	if err != nil {
		return err
	}
	switch {
	case l.Kind != digest.LetterConfirm:
		return digest.ErrNotFound
	case !l.UsedAt.IsZero():
		return nil
	case !l.Usable() || l.Address == "":
		return digest.ErrNotFound
	case !slices.EqualFunc(l.SignUps, seen, digest.SignUp.Equal):
		return digest.ErrChanged
	}
	c := confirmation{tx: tx, offers: offers, network: hex.EncodeToString(row.Network)}
	if err := c.welcome(ctx, l, row.EmailHash); err != nil {
		return err
	}
	for _, signUp := range l.SignUps {
		if err := c.subscribe(ctx, signUp); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE letters SET used_at = clock_timestamp(), reader_id = $2 WHERE id = $1`, id, c.reader)
	return err
}

// confirmation is one yes inside its transaction.
type confirmation struct {
	tx      *sqlx.Tx
	offers  []digest.Offer
	network string
	reader  digest.ReaderID
}

// welcome finds or makes the reader, and takes back what kept mail from one who
// was gone.
func (c *confirmation) welcome(ctx context.Context, l digest.Letter, hash []byte) error {
	language, zone := "", ""
	for _, s := range l.SignUps {
		language, zone = s.Language, s.Zone
	}
	// What a reader who is here already set stays.
	err := c.tx.GetContext(ctx, &c.reader, `
		INSERT INTO readers AS r (email, email_hash, language, time_zone)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (email_hash) DO UPDATE
		SET email = COALESCE(r.email, EXCLUDED.email), erased_at = NULL, left_at = NULL,
		    language = COALESCE(NULLIF(r.language, ''), EXCLUDED.language), time_zone = COALESCE(NULLIF(r.time_zone, ''), EXCLUDED.time_zone)
		RETURNING id`, l.Address, hash, language, zone)
	if err != nil {
		return fmt.Errorf("welcome a reader: %w", err)
	}
	if _, err := c.tx.ExecContext(ctx, `DELETE FROM suppressions WHERE email_hash = $1 AND reason = 'erased'`, hash); err != nil {
		return fmt.Errorf("end a suppression: %w", err)
	}
	return nil
}

// subscribe puts the reader on one list and sets the choices of its digests.
func (c *confirmation) subscribe(ctx context.Context, s digest.SignUp) error {
	i := slices.IndexFunc(c.offers, func(o digest.Offer) bool { return o.List == s.List })
	if i < 0 {
		return nil // the editors took the list away
	}
	var was []digest.SubscriptionState
	err := c.tx.SelectContext(ctx, &was, `SELECT state FROM subscriptions WHERE reader_id = $1 AND list = $2 FOR UPDATE`, c.reader, s.List)
	if err != nil {
		return fmt.Errorf("read the subscription: %w", err)
	}
	here := len(was) > 0 && was[0] == digest.SubscriptionActive
	_, err = c.tx.ExecContext(ctx, `
		INSERT INTO subscriptions AS s (reader_id, list, state, consent)
		VALUES ($1, $2, 'active', $3)
		ON CONFLICT (reader_id, list) DO UPDATE
		SET state = 'active', consent = EXCLUDED.consent, ended_at = NULL,
		    since = CASE s.state WHEN 'active' THEN s.since ELSE EXCLUDED.since END`,
		c.reader, s.List, digest.PlainLine("confirmed by mail, asked for by "+s.How+", text "+s.Text, 200))
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for _, d := range c.offers[i].Digests {
		if err := c.choose(ctx, s, d, here); err != nil {
			return err
		}
	}
	at, err := databaseTime(ctx, c.tx)
	if err != nil {
		return err
	}
	return appendEvent(ctx, c.tx, c.reader, at, digest.EventConfirmed, eventData{List: s.List, How: s.How, Text: s.Text, Network: c.network})
}

// choose sets what the reader gets of one digest. One that is not wanted is
// left, unless the reader gets it already.
func (c *confirmation) choose(ctx context.Context, s digest.SignUp, d digest.OfferedDigest, here bool) error {
	name, wanted := d.Name, slices.Contains(s.Digests, d.Name)
	if !wanted {
		brought, err := c.brought(ctx, name, s.List)
		if err != nil || here || brought {
			return err
		}
	}
	was, err := lockChoices(ctx, c.tx, c.reader, name)
	if err != nil {
		return err
	}
	at, err := databaseTime(ctx, c.tx)
	if err != nil {
		return err
	}
	next := choicesRow{Frequency: s.Frequency, Categories: wantedOf(d, s.Categories), Own: true}
	if !wanted {
		next.LeftAt = &at
	}
	if err := writeChoices(ctx, c.tx, c.reader, name, next); err != nil {
		return err
	}
	if here && was.LeftAt == nil {
		return nil
	}
	_, err = c.tx.ExecContext(ctx, `UPDATE choices SET since = $3 WHERE reader_id = $1 AND digest = $2`, c.reader, name, at)
	if err != nil {
		return fmt.Errorf("note since when: %w", err)
	}
	return nil
}

// wantedOf are those of a digest's categories that are wanted, in its order; nil
// where that is all of them, or none: whoever wants the digest wants something
// of it.
func wantedOf(d digest.OfferedDigest, wanted []string) (list []string) {
	if wanted == nil {
		return nil
	}
	for _, name := range d.Categories {
		if slices.Contains(wanted, name) {
			list = append(list, name)
		}
	}
	if len(list) == len(d.Categories) {
		return nil
	}
	return list
}

// databaseTime is now by the database's clock.
func databaseTime(ctx context.Context, tx *sqlx.Tx) (at time.Time, err error) {
	if err := tx.GetContext(ctx, &at, `SELECT clock_timestamp()`); err != nil {
		return at, fmt.Errorf("read the clock: %w", err)
	}
	return at, nil
}

// brought says whether another list brings the digest to the reader.
func (c *confirmation) brought(ctx context.Context, name, but string) (any bool, err error) {
	var lists []string
	for _, o := range c.offers {
		if _, brings := o.Brings(name); brings && o.List != but {
			lists = append(lists, o.List)
		}
	}
	err = c.tx.GetContext(ctx, &any, `
		SELECT EXISTS (SELECT 1 FROM subscriptions WHERE reader_id = $1 AND list = ANY ($2::text[]) AND state = 'active')`, c.reader, textArray(lists))
	if err != nil {
		return false, fmt.Errorf("look for other subscriptions: %w", err)
	}
	return any, nil
}

// DisownSignUp is "this was not me": what waits for the letter's yes is removed,
// and the address is asked for no other for as long as LetterAsk.Wait says. It
// changes nothing that was confirmed: digest.ErrNotFound then, and when the
// letter's time is over. Doing it twice is doing it once.
func (s *Store) DisownSignUp(ctx context.Context, id digest.LetterID) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		row, err := letterOf(ctx, tx, id, "FOR UPDATE OF l")
		if err != nil {
			return err
		}
		var disowned bool
		if err := tx.GetContext(ctx, &disowned, `SELECT disowned_at IS NOT NULL FROM letters WHERE id = $1`, id); err != nil || disowned {
			return err
		}
		if row.Kind != digest.LetterConfirm || row.UsedAt != nil || row.Over {
			return digest.ErrNotFound
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE letters
			SET disowned_at = clock_timestamp(), sign_ups = '[]',
			    address = CASE WHEN state IN ('claimed', 'sending') THEN address END,
			    state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END
			WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("note whose it was not: %w", err)
		}
		return dropPending(ctx, tx, row.EmailHash)
	})
	if err != nil {
		return fmt.Errorf("take a sign-up away: %w", err)
	}
	return nil
}

// dropPending removes what waits for an address, and its reader where that is
// all there was.
func dropPending(ctx context.Context, tx *sqlx.Tx, hash []byte) error {
	var ids []int64
	err := tx.SelectContext(ctx, &ids, `
		WITH gone AS (
			DELETE FROM subscriptions s
			USING readers r
			WHERE r.email_hash = $1 AND s.reader_id = r.id AND s.state = 'pending'
			RETURNING s.reader_id
		)
		SELECT DISTINCT reader_id FROM gone`, hash)
	if err != nil {
		return fmt.Errorf("remove what waits: %w", err)
	}
	if len(ids) == 0 {
		return nil
	}
	return dropStrangers(ctx, tx, ids)
}

// Disowned says whether somebody said of a letter "this was not me".
func (s *Store) Disowned(ctx context.Context, id digest.LetterID) (disowned bool, err error) {
	if err := s.db.GetContext(ctx, &disowned, `SELECT disowned_at IS NOT NULL FROM letters WHERE id = $1`, id); err != nil {
		return false, fmt.Errorf("read letter %d: %w", id, found(err))
	}
	return disowned, nil
}
