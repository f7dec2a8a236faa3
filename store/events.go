package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// eventData is what an event says beside its kind.
type eventData struct {
	Digest  string                              `json:"digest,omitempty"`
	Edition int64                               `json:"edition,omitempty"`
	List    string                              `json:"list,omitempty"`
	Ended   map[string]digest.SubscriptionState `json:"ended,omitempty"` // the subscriptions that leaving everything ended, as they were
	First   bool                                `json:"first,omitempty"` // had not left everything before
	How     string                              `json:"how,omitempty"`
	Reason  string                              `json:"reason,omitempty"`
	Before  *choicesRow                         `json:"before,omitempty"`  // the choices before it
	Text    string                              `json:"text,omitempty"`    // which version of the text was consented to
	Network string                              `json:"network,omitempty"` // keyed hash of who asked, in hexadecimal
	Undoes  int64                               `json:"undoes,omitempty"`
	From    string                              `json:"from,omitempty"`   // the zone that was left; the trigger note_move writes it ...
	To      string                              `json:"to,omitempty"`     // ... and the one come to
	Merged  string                              `json:"merged,omitempty"` // the list that was merged into List
}

// appendEvent writes one line of a reader's history. Lines are never changed,
// save by EraseReader, which empties them, and by ForgetAddresses, which takes
// free words out.
func appendEvent(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, at time.Time, kind digest.EventKind, data eventData) error {
	doc, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write event down: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO reader_events (reader_id, at, kind, data)
		VALUES ($1, $2, $3, $4)`, reader, at, kind, string(doc))
	if err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	return nil
}
