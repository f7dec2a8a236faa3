package receive

import (
	"context"
	"fmt"
	"time"

	"courant/digest"
)

// Store is what receiving needs of the rows.
type Store interface {
	// Report records a report and does, in the same transaction, what follows
	// from it. A report without a Ref changes no reader; one whose hash is
	// known is a duplicate and changes nothing.
	Report(ctx context.Context, r digest.Report) (digest.ReportEffect, error)
}

// Receiver takes understood mail in.
type Receiver struct {
	Store Store
	Now   func() time.Time // nil: time.Now
}

// Take records a returned mail and says what it did. A delay is recorded as
// an other: the delivery is still on its way.
func (r *Receiver) Take(ctx context.Context, m Mail) (digest.ReportEffect, error) {
	report := m.Report
	if m.Delayed {
		report.Kind = digest.ReportOther
	}
	if report.At.IsZero() {
		now := r.Now
		if now == nil {
			now = time.Now
		}
		report.At = now()
	}
	effect, err := r.Store.Report(ctx, report)
	if err != nil {
		return effect, fmt.Errorf("record a report: %w", err)
	}
	return effect, nil
}
