package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// signUpRow is digest.SignUp as the database has it.
type signUpRow struct {
	List       string           `json:"list"`
	Digests    []string         `json:"digests"`
	Categories []string         `json:"categories"`
	Frequency  digest.Frequency `json:"frequency"`
	Zone       string           `json:"zone,omitempty"`
	Language   string           `json:"language,omitempty"`
	How        string           `json:"how,omitempty"`
	Text       string           `json:"text,omitempty"`
}

// letterRow is digest.Letter as the database has it.
type letterRow struct {
	ID        digest.LetterID
	Kind      digest.LetterKind
	ReaderID  *digest.ReaderID
	Address   *string
	EmailHash []byte
	Language  string
	SignUps   string
	KeyID     byte
	State     digest.DeliveryState
	Attempts  int
	MadeAt    time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
	Over      bool
	Owner     *string
	Fence     int64
	Network   []byte
}

const letterColumns = `l.id, l.kind, l.reader_id, l.address, l.email_hash, l.language, l.sign_ups, l.key_id, l.state, l.attempts, l.made_at,
	l.expires_at, l.used_at, l.expires_at <= clock_timestamp() AS over, l.owner, l.fence, l.network`

func (r letterRow) letter() (digest.Letter, error) {
	l := digest.Letter{
		ID: r.ID, Kind: r.Kind, Language: r.Language, KeyID: r.KeyID, State: r.State, Attempts: r.Attempts, MadeAt: r.MadeAt,
		ExpiresAt: r.ExpiresAt, UsedAt: orZero(r.UsedAt), Over: r.Over, Fence: r.Fence,
	}
	if r.ReaderID != nil {
		l.Reader = *r.ReaderID
	}
	if r.Address != nil {
		l.Address = *r.Address
	}
	if r.Owner != nil {
		l.Owner = *r.Owner
	}
	var rows []signUpRow
	if err := json.Unmarshal([]byte(r.SignUps), &rows); err != nil {
		return l, fmt.Errorf("read what letter %d is about: %w", r.ID, err)
	}
	for _, s := range rows {
		l.SignUps = append(l.SignUps, digest.SignUp(s))
	}
	return l, nil
}

// letterLock is held while a letter is asked for, so that no two that come
// together pass a budget of one. An ask takes a few milliseconds.
const letterLock = 0x6c6574746572 // "letter"

// AskLetter has a letter written, which the delivering process sends. A row is
// made for each ask, whatever is known of the address; a mail goes out only if
// the address gets another one by the budgets, if nobody there said "this was
// not me" of late, and, but for LetterConfirm, if a reader has it. The caller
// learns none of that. Asked for again, a letter that confirms takes what is
// asked for up, so that one mail is enough. digest.ErrLetterBudget depends on the
// network and on all that was asked for, never on the address.
//
// A LetterConfirm makes a reader of an address that nobody has, and subscriptions
// that wait.
func (s *Store) AskLetter(ctx context.Context, ask digest.LetterAsk) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error { return askLetter(ctx, tx, ask) })
	if err != nil {
		return fmt.Errorf("ask for a letter: %w", err)
	}
	return nil
}

// askLetter is AskLetter inside a transaction of another act.
func askLetter(ctx context.Context, tx *sqlx.Tx, ask digest.LetterAsk) error {
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(letterLock)); err != nil {
		return fmt.Errorf("wait for our turn: %w", err)
	}
	if err := withinBudgets(ctx, tx, ask); err != nil {
		return err
	}
	reader, why, err := recipientOf(ctx, tx, ask)
	if err != nil {
		return err
	}
	if why == "" && ask.Kind == digest.LetterConfirm {
		if reader, err = makePending(ctx, tx, ask); err != nil {
			return err
		}
	} else if ask.Kind == digest.LetterConfirm {
		if err := mergeSignUp(ctx, tx, ask); err != nil {
			return err
		}
	}
	return writeLetter(ctx, tx, ask, reader, why)
}

// withinBudgets says whether the network, and all together, may ask once more.
func withinBudgets(ctx context.Context, tx *sqlx.Tx, ask digest.LetterAsk) error {
	if ask.Network == nil {
		return nil
	}
	for _, b := range []struct {
		budget digest.Budget
		query  string
		args   []any
	}{
		{ask.Budgets.PerNetwork, `SELECT count(*) FROM letters WHERE made_at > clock_timestamp() - $1 * interval '1 millisecond' AND network = $2`, []any{ask.Network}},
		{ask.Budgets.InAll, `SELECT count(*) FROM letters WHERE made_at > clock_timestamp() - $1 * interval '1 millisecond' AND network IS NOT NULL`, nil},
	} {
		if b.budget.Messages == 0 {
			continue
		}
		var n int
		if err := tx.GetContext(ctx, &n, b.query, append([]any{b.budget.Per.Milliseconds()}, b.args...)...); err != nil {
			return fmt.Errorf("count what was asked for: %w", err)
		}
		if n >= b.budget.Messages {
			return digest.ErrLetterBudget
		}
	}
	return nil
}

// The reasons for a row without a mail.
const (
	whyAgain    = "asked for again, and one is on its way"
	whyDisowned = "the address said that it was somebody else"
	whyNobody   = "no reader has the address"
)

// recipientOf finds who the letter is for, and why it is not to be sent.
func recipientOf(ctx context.Context, tx *sqlx.Tx, ask digest.LetterAsk) (reader *digest.ReaderID, why string, err error) {
	var found struct {
		ID       *digest.ReaderID
		Sent     int
		Disowned bool
	}
	// What is counted went out, or may have; what was cancelled did not. Whoever
	// never confirmed anything is no reader yet.
	err = tx.GetContext(ctx, &found, `
		SELECT (SELECT id FROM readers r
		        WHERE email_hash = $1 AND email IS NOT NULL
		          AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = r.id AND s.state <> 'pending')) AS id,
		       count(*) FILTER (WHERE kind = $2 AND state <> 'cancelled' AND made_at > clock_timestamp() - $3 * interval '1 millisecond') AS sent,
		       COALESCE(bool_or(disowned_at > clock_timestamp() - $4 * interval '1 millisecond'), false) AS disowned
		FROM letters
		WHERE email_hash = $1`, ask.Hash, ask.Kind, ask.Budgets.PerAddress.Per.Milliseconds(), ask.Wait.Milliseconds())
	if err != nil {
		return nil, "", fmt.Errorf("look for earlier letters: %w", err)
	}
	reader = found.ID
	if ask.Reader != 0 {
		reader = &ask.Reader
	}
	switch {
	case ask.Kind == digest.LetterConfirm && found.Disowned:
		why = whyDisowned
	case ask.Kind != digest.LetterConfirm && reader == nil:
		why = whyNobody
	case ask.Budgets.PerAddress.Messages > 0 && found.Sent >= ask.Budgets.PerAddress.Messages:
		why = whyAgain
	}
	return reader, why, nil
}

// makePending notes a sign-up that waits. A tombstone stays one, and whoever
// left stays gone, until the mailbox itself says yes.
func makePending(ctx context.Context, tx *sqlx.Tx, ask digest.LetterAsk) (*digest.ReaderID, error) {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO readers (email, email_hash, language, time_zone)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (email_hash) DO NOTHING`, ask.Address, ask.Hash, ask.SignUp.Language, ask.SignUp.Zone)
	if err != nil {
		return nil, fmt.Errorf("add a reader: %w", err)
	}
	var ids []digest.ReaderID
	err = tx.SelectContext(ctx, &ids, `
		WITH known AS (SELECT id FROM readers WHERE email_hash = $1 AND email IS NOT NULL),
		pending AS (
			INSERT INTO subscriptions (reader_id, list, state, consent)
			SELECT id, $2, 'pending', $3 FROM known
			ON CONFLICT (reader_id, list) DO UPDATE SET since = EXCLUDED.since
			WHERE subscriptions.state = 'pending'
		)
		SELECT id FROM known`, ask.Hash, ask.SignUp.List, ask.SignUp.How)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return &ids[0], nil
}

// mergeSignUp has the letter that is on its way ask for this list as it was
// asked for last. The page that it leads to shows what it confirms.
func mergeSignUp(ctx context.Context, tx *sqlx.Tx, ask digest.LetterAsk) error {
	var row letterRow
	err := tx.GetContext(ctx, &row, `
		SELECT `+letterColumns+`
		FROM letters l
		WHERE l.email_hash = $1 AND l.kind = 'confirm' AND l.state NOT IN ('cancelled', 'expired')
		  AND l.used_at IS NULL AND l.disowned_at IS NULL AND l.expires_at > clock_timestamp()
		ORDER BY l.id DESC
		LIMIT 1
		FOR UPDATE`, ask.Hash)
	if found(err) == digest.ErrNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the letter on its way: %w", err)
	}
	l, err := row.letter()
	if err != nil {
		return err
	}
	var kept []digest.SignUp
	for _, s := range l.SignUps {
		if s.List != ask.SignUp.List {
			kept = append(kept, s)
		}
	}
	doc, err := signUpsJSON(append(kept, ask.SignUp))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET sign_ups = $2 WHERE id = $1`, l.ID, doc); err != nil {
		return fmt.Errorf("take a sign-up up: %w", err)
	}
	_, err = makePending(ctx, tx, ask)
	return err
}

func signUpsJSON(list []digest.SignUp) (string, error) {
	rows := make([]signUpRow, len(list))
	for i, s := range list {
		rows[i] = signUpRow(s)
	}
	doc, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("write a sign-up down: %w", err)
	}
	return string(doc), nil
}

// writeLetter makes the row. One that is not to be sent keeps no address.
func writeLetter(ctx context.Context, tx *sqlx.Tx, ask digest.LetterAsk, reader *digest.ReaderID, why string) error {
	var signUps []digest.SignUp
	if ask.Kind == digest.LetterConfirm && why == "" {
		signUps = []digest.SignUp{ask.SignUp}
	}
	doc, err := signUpsJSON(signUps)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO letters (kind, reader_id, address, email_hash, language, sign_ups, key_id, network, state, said, expires_at)
		VALUES ($1, $2, CASE WHEN $9 = '' THEN $3 END, $4, $5, $6, $7, $8, CASE WHEN $9 = '' THEN 'queued' ELSE 'cancelled' END, $9,
		        clock_timestamp() + $10 * interval '1 millisecond')`,
		ask.Kind, reader, ask.Address, ask.Hash, ask.Language, doc, ask.KeyID, ask.Network, why, ask.Kind.Lasts().Milliseconds())
	if err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	return nil
}

// Letter reads what a letter's link names. digest.ErrNotFound when the row is
// gone, which happens long after its link stopped working.
func (s *Store) Letter(ctx context.Context, id digest.LetterID) (digest.Letter, error) {
	row, err := letterOf(ctx, s.db, id, "")
	if err != nil {
		return digest.Letter{}, err
	}
	return row.letter()
}

// letterOf reads a row; lock is how it is held, in SQL.
func letterOf(ctx context.Context, q sqlx.QueryerContext, id digest.LetterID, lock string) (row letterRow, err error) {
	err = sqlx.GetContext(ctx, q, &row, `
		SELECT `+letterColumns+`
		FROM letters l
		WHERE l.id = $1 `+lock, id)
	if err != nil {
		return row, fmt.Errorf("read letter %d: %w", id, found(err))
	}
	return row, nil
}

// UseLetter notes that what a letter is for was done; it can be done once.
// digest.ErrNotFound when its time is over, or it was used before.
func (s *Store) UseLetter(ctx context.Context, id digest.LetterID) error {
	return s.retried(ctx, func(tx *sqlx.Tx) error { return useLetter(ctx, tx, id) })
}

// useLetter is UseLetter inside the transaction of what it is for.
func useLetter(ctx context.Context, tx *sqlx.Tx, id digest.LetterID) error {
	n, err := affected(tx.ExecContext(ctx, `
		UPDATE letters
		SET used_at = clock_timestamp()
		WHERE id = $1 AND used_at IS NULL AND disowned_at IS NULL AND state <> 'cancelled' AND expires_at > clock_timestamp()`, id))
	if err != nil {
		return fmt.Errorf("use letter %d: %w", id, err)
	}
	if n == 0 {
		return fmt.Errorf("use letter %d: %w", id, digest.ErrNotFound)
	}
	return nil
}

// Letters counts the letters that are under way, and those of the last day that
// were refused or came too late, by kind and state.
func (s *Store) Letters(ctx context.Context) ([]digest.LetterTally, error) {
	var rows []struct {
		Kind        digest.LetterKind
		State       digest.DeliveryState
		N, Deferred int
		NextMs      float64
		Said        string
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT kind, state, count(*) AS n, count(*) FILTER (WHERE state = 'queued' AND attempts > 0) AS deferred,
		       COALESCE(EXTRACT(EPOCH FROM min(not_before) FILTER (WHERE state = 'queued') - clock_timestamp()) * 1000, 0) AS next_ms,
		       COALESCE((array_agg(said ORDER BY id DESC) FILTER (WHERE said <> ''))[1], '') AS said
		FROM letters
		WHERE state IN ('queued', 'claimed', 'sending', 'in doubt')
		   OR state IN ('refused', 'expired') AND made_at > clock_timestamp() - interval '1 day'
		GROUP BY kind, state
		ORDER BY kind, state`)
	if err != nil {
		return nil, fmt.Errorf("count letters: %w", err)
	}
	list := make([]digest.LetterTally, len(rows))
	for i, r := range rows {
		list[i] = digest.LetterTally{Kind: r.Kind, State: r.State, N: r.N, Deferred: r.Deferred, Said: r.Said,
			Next: time.Duration(max(r.NextMs, 0) * float64(time.Millisecond))}
	}
	return list, nil
}

// ForgetLetters takes the address out of letters whose link is of no use any
// more, with the sign-ups that were never confirmed and the readers that nothing
// but these had made; and removes letters as old as the ledger's rows. It says
// of how many.
func (s *Store) ForgetLetters(ctx context.Context, r Retention) (int, error) {
	n, err := s.inPortions(ctx, emptyMost, func(tx *sqlx.Tx) (int, error) {
		n, err := affected(tx.ExecContext(ctx, `
			UPDATE letters
			SET address = NULL, sign_ups = '[]', network = NULL, said = '', state = CASE state WHEN 'queued' THEN 'expired' ELSE state END
			WHERE id IN (
				SELECT id FROM letters
				WHERE address IS NOT NULL AND state NOT IN ('claimed', 'sending')
				  AND (expires_at < now() + $2 * interval '1 microsecond' OR used_at < now() - interval '1 day' + $2 * interval '1 microsecond')
				LIMIT $1
				FOR UPDATE SKIP LOCKED)`, emptyMost, r.Ahead.Microseconds()))
		if err != nil {
			return 0, err
		}
		gone, err := affected(tx.ExecContext(ctx, `
			DELETE FROM letters
			WHERE id IN (
				SELECT id FROM letters
				WHERE made_at < `+before+` AND state NOT IN ('queued', 'claimed', 'sending')
				LIMIT $2
				FOR UPDATE SKIP LOCKED)`, r.ledger(), emptyMost))
		return max(n, gone), err
	})
	if err != nil {
		return n, fmt.Errorf("forget letters: %w", err)
	}
	unconfirmed, err := s.forgetUnconfirmed(ctx, r)
	return n + unconfirmed, err
}

// forgetUnconfirmed removes sign-ups that were not confirmed as long as their
// letter worked.
func (s *Store) forgetUnconfirmed(ctx context.Context, r Retention) (int, error) {
	n, err := s.inPortions(ctx, forgetMost, func(tx *sqlx.Tx) (int, error) {
		var ids []int64
		err := tx.SelectContext(ctx, &ids, `
			DELETE FROM subscriptions s
			USING (
				SELECT reader_id, list FROM subscriptions
				WHERE state = 'pending' AND since < now() - $1 * interval '1 microsecond'
				LIMIT $2
				FOR UPDATE SKIP LOCKED
			) old
			WHERE s.reader_id = old.reader_id AND s.list = old.list
			RETURNING s.reader_id`, (digest.LetterConfirm.Lasts() - r.Ahead).Microseconds(), forgetMost)
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		return len(ids), dropStrangers(ctx, tx, ids)
	})
	if err != nil {
		return n, fmt.Errorf("forget sign-ups that were never confirmed: %w", err)
	}
	return n, nil
}

// dropStrangers removes those of the readers of whom there is nothing but an
// address that somebody typed.
func dropStrangers(ctx context.Context, tx *sqlx.Tx, ids []int64) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM readers r
		WHERE r.id = ANY ($1::bigint[]) AND r.email IS NOT NULL AND r.left_at IS NULL
		  AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = r.id)
		  AND NOT EXISTS (SELECT 1 FROM choices c WHERE c.reader_id = r.id)
		  AND NOT EXISTS (SELECT 1 FROM reader_events v WHERE v.reader_id = r.id)
		  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.reader_id = r.id)`, pq.Array(ids))
	if err != nil {
		return fmt.Errorf("remove who never confirmed: %w", err)
	}
	return nil
}
