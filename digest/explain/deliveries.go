package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// Posted is a row of the ledger, as --json gives it.
type Posted struct {
	Digest    string     `json:"digest"`
	Edition   *int       `json:"edition"` // its number; null: a proof
	Slot      time.Time  `json:"slot"`
	Address   string     `json:"address"` // empty: the reader was erased
	State     string     `json:"state"`
	Attempts  int        `json:"attempts"`
	Resends   int        `json:"resends"`
	Class     string     `json:"class"`
	Reply     string     `json:"reply"`
	NotBefore *time.Time `json:"not_before"`
	Settled   *time.Time `json:"settled"`
	MessageID string     `json:"message_id"`
}

// Deliveries are rows of the ledger as objects.
func Deliveries(rows []digest.Posted) []Posted {
	list := make([]Posted, len(rows))
	for i, r := range rows {
		list[i] = Posted{
			Digest: r.Digest, Slot: r.Slot.UTC(), Address: r.Address, State: stateOf(r), Attempts: r.Attempts, Resends: r.Resends,
			Class: string(r.Class), Reply: r.Reply, NotBefore: utcOrNull(r.NotBefore), Settled: utcOrNull(r.SettledAt), MessageID: r.MessageID,
		}
		if r.Number > 0 {
			list[i].Edition = &r.Number
		}
	}
	return list
}

// stateOf is the row's state, and deferred for what is queued for later.
func stateOf(r digest.Posted) string {
	if r.Deferred {
		return deferredState
	}
	return string(r.State)
}

// PostedColumns are the heads of Posted.Cells.
func PostedColumns() []string {
	return []string{"digest", "edition", "slot", "address", "state", "attempts", "resends", "class", "reply", "not_before", "settled", "message_id"}
}

// Cells is the row for a table of a spreadsheet: times in UTC, empty where
// there is nothing.
func (p Posted) Cells() []string {
	edition := ""
	if p.Edition != nil {
		edition = strconv.Itoa(*p.Edition)
	}
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	return []string{p.Digest, edition, at(&p.Slot), p.Address, p.State, strconv.Itoa(p.Attempts), strconv.Itoa(p.Resends),
		p.Class, p.Reply, at(p.NotBefore), at(p.Settled), p.MessageID}
}

// LedgerTable sets rows of the ledger for people, page by page: however many
// there are, only one page is held. Its columns are as wide as the first page
// needs.
type LedgerTable struct {
	w       io.Writer
	look    Look
	columns []int // address, edition, state
}

// NewLedgerTable begins a table.
func NewLedgerTable(w io.Writer, look Look) *LedgerTable { return &LedgerTable{w: w, look: look} }

// Page sets the next rows.
func (t *LedgerTable) Page(rows []digest.Posted) error {
	if t.columns == nil {
		t.measure(rows)
	}
	s := &sheet{look: t.look}
	for _, r := range rows {
		t.row(s, r)
	}
	_, err := t.w.Write(s.out.Bytes())
	return err
}

func (t *LedgerTable) measure(rows []digest.Posted) {
	var addresses, editions, states []string
	for _, r := range rows {
		addresses, editions, states = append(addresses, whose(r)), append(editions, issue(r)), append(states, stateOf(r))
	}
	t.columns = []int{widest(40, addresses...), widest(30, editions...), widest(12, states...)}
}

func whose(r digest.Posted) string {
	if r.Address == "" {
		return "(erased)"
	}
	return r.Address
}

// issue is the edition as --edition takes it.
func issue(r digest.Posted) string {
	if r.Number == 0 {
		return r.Digest + " (proof)"
	}
	return fmt.Sprintf("%s/%d", r.Digest, r.Number)
}

func (t *LedgerTable) row(s *sheet, r digest.Posted) {
	state := stateOf(r)
	row := []piece{
		{strong, pad(whose(r), t.columns[0]) + "  "}, {text: pad(issue(r), t.columns[1]) + "  "},
		{stateTone(state), pad(state, t.columns[2])},
	}
	var notes []string
	if !r.SettledAt.IsZero() {
		notes = append(notes, stamp(r.SettledAt))
	}
	if r.Attempts > 0 {
		notes = append(notes, times(r.Attempts, "attempt"))
	}
	if r.Resends > 0 {
		notes = append(notes, "sent again "+times(r.Resends, "time"))
	}
	if state == deferredState {
		notes = append(notes, "next from "+stamp(r.NotBefore))
	}
	if r.Class != "" {
		notes = append(notes, string(r.Class))
	}
	if len(notes) > 0 {
		row = append(row, piece{faint, "  " + joined(notes)})
	}
	s.line(4, row...)
	if r.Reply != "" && r.State != digest.Accepted {
		s.line(4, piece{faint, "    “" + strings.Join(strings.Fields(r.Reply), " ") + "”"})
	}
}
