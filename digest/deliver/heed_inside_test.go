package deliver

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"courant/digest"
)

// asked is a ledger that notes what it is asked for.
type asked struct {
	Store
	calls *[]string
}

func (a asked) note(call string) { *a.calls = append(*a.calls, call) }

func (a asked) Commit(context.Context, []digest.Intent, []digest.Settlement) (granted, settled []digest.LaneRef, err error) {
	a.note("commit")
	return nil, nil, nil
}

func (a asked) ClaimFresh(context.Context, digest.Lane, int, digest.EditionID, digest.ReaderID, int) ([]digest.Work, error) {
	a.note("claim fresh")
	return nil, nil
}

func (a asked) ClaimDue(context.Context, digest.Lane, int, int) ([]digest.Work, error) {
	a.note("claim due")
	return nil, nil
}

func (a asked) WalkFresh(context.Context, digest.Lane, int, digest.EditionID, digest.ReaderID, int, digest.DomainChoice) (digest.Walk, error) {
	a.note("walk fresh")
	return digest.Walk{}, nil
}

func (a asked) WalkDue(context.Context, digest.Lane, int, time.Time, int, digest.DomainChoice) (digest.DueWalk, error) {
	a.note("walk due")
	return digest.DueWalk{}, nil
}

// TestEachClaimAndIntentIsHeeded wants the question before each, and nothing
// asked of the ledger where it fails; verdicts go through.
func TestEachClaimAndIntentIsHeeded(t *testing.T) {
	t.Parallel()
	for _, fault := range []error{nil, errors.New("the database is away")} {
		var calls []string
		e := &Engine{Store: asked{calls: &calls}, Heed: func(context.Context) error {
			calls = append(calls, "heed")
			return fault
		}}
		s, ctx := e.heedful(), t.Context()
		for name, act := range map[string]func() error{
			"commit":      func() error { _, _, err := s.Commit(ctx, make([]digest.Intent, 1), nil); return err },
			"claim fresh": func() error { _, err := s.ClaimFresh(ctx, digest.Lane{}, 0, 0, 0, 0); return err },
			"claim due":   func() error { _, err := s.ClaimDue(ctx, digest.Lane{}, 0, 0); return err },
			"walk fresh":  func() error { _, err := s.WalkFresh(ctx, digest.Lane{}, 0, 0, 0, 0, digest.DomainChoice{}); return err },
			"walk due": func() error {
				_, err := s.WalkDue(ctx, digest.Lane{}, 0, time.Time{}, 0, digest.DomainChoice{})
				return err
			},
		} {
			calls = nil
			want := []string{"heed", name}
			if fault != nil {
				want = want[:1]
			}
			if err := act(); !errors.Is(err, fault) || !slices.Equal(calls, want) {
				t.Errorf("%s: asked for %q, %v", name, calls, err)
			}
		}
		calls = nil
		if _, _, err := s.Commit(ctx, nil, make([]digest.Settlement, 1)); err != nil || !slices.Equal(calls, []string{"commit"}) {
			t.Errorf("verdicts alone: asked for %q, %v", calls, err)
		}
	}
	if s := (&Engine{Store: asked{}}).heedful(); s != (asked{}) {
		t.Errorf("without anything to heed the store is %T", s)
	}
}
