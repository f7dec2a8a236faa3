package store_test

import (
	"errors"
	"testing"
	"time"

	"courant/digest"
)

// joins makes an asker.
func (n *newsroom) joins(lease time.Duration) digest.Asker {
	n.t.Helper()
	a, err := n.JoinAskers(n.t.Context(), lease)
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

func (n *newsroom) takes(id digest.AskerID, waiting time.Duration) digest.Turn {
	n.t.Helper()
	turn, err := n.TakeTurn(n.t.Context(), id, "gazette.example", waiting)
	if err != nil {
		n.t.Fatal(err)
	}
	return turn
}

func (n *newsroom) ends(id digest.AskerID, held time.Time) {
	n.t.Helper()
	if err := n.EndTurn(n.t.Context(), id, "gazette.example", true, held); err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) stands(id digest.AskerID) digest.Asker {
	n.t.Helper()
	a, err := n.AskerStanding(n.t.Context(), id)
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

func TestAskerIsUnknownUntilTheOthersSawIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	one := n.joins(time.Minute)
	if one.Others != 0 || one.Unaware != 0 {
		t.Errorf("%+v", one)
	}
	two, three := n.joins(time.Minute), n.joins(time.Minute)
	if two.Others != 1 || two.Unaware != 1 || three.Others != 2 || three.Unaware != 2 {
		t.Errorf("%+v %+v", two, three)
	}
	// What one has in hand becomes a row before the others may go ahead.
	if err := n.SeeAskers(t.Context(), one.ID, three.ID, []string{"gazette.example"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if a := n.stands(two.ID); a.Unaware != 0 {
		t.Errorf("%+v", a)
	}
	if a := n.stands(three.ID); a.Unaware != 1 {
		t.Errorf("%+v", a)
	}
	if n.takes(two.ID, time.Minute).Mine {
		t.Error("a turn that was in hand was taken")
	}
	if err := n.LeaveAskers(t.Context(), two.ID, nil); err != nil {
		t.Fatal(err)
	}
	if a := n.stands(three.ID); a.Unaware != 0 || a.Others != 1 {
		t.Errorf("%+v", a)
	}
}

func TestTurnsGoRound(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	one, two, three := n.joins(time.Minute).ID, n.joins(time.Minute).ID, n.joins(time.Minute).ID
	if turn := n.takes(one, time.Minute); !turn.Mine || turn.Rested != 0 {
		t.Fatalf("%+v", turn)
	}
	if n.takes(two, time.Minute).Mine || n.takes(three, time.Minute).Mine {
		t.Fatal("a turn was had by two")
	}
	n.ends(one, time.Time{})
	if n.takes(one, time.Minute).Mine || n.takes(three, time.Minute).Mine {
		t.Error("who waited first was passed over")
	}
	turn := n.takes(two, time.Minute)
	if !turn.Mine || turn.Rested == 0 {
		t.Errorf("%+v", turn)
	}
	// A server's word binds whoever has the next turn.
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	n.ends(two, until)
	if turn := n.takes(one, time.Minute); !turn.Mine || !turn.Held.Equal(until) {
		t.Errorf("%+v", turn)
	}
	// Only who has a turn gives it back.
	n.ends(two, time.Time{})
	if n.takes(two, 0).Mine {
		t.Error("another's turn was given back")
	}
	n.ends(one, time.Time{})
	if !n.takes(three, time.Minute).Mine {
		t.Error("who gave up waiting keeps the others waiting")
	}
}

func TestTurnsOfTheDeadAreFree(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	dead, waiting := n.joins(time.Millisecond).ID, n.joins(time.Minute).ID
	if _, err := n.RenewAsker(t.Context(), dead, time.Minute); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("a lease that was over was extended: %v", err)
	}
	if n.takes(dead, time.Minute).Mine {
		t.Error("the dead took a turn")
	}
	if err := n.SeeAskers(t.Context(), dead, waiting, []string{"gazette.example"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	a := n.stands(waiting)
	if a.Unaware != 0 || a.Others != 0 || a.Died == 0 {
		t.Errorf("%+v", a)
	}
	if turn := n.takes(waiting, time.Minute); !turn.Mine || turn.Rested == 0 || turn.Rested > a.Died+time.Minute {
		t.Errorf("%+v", turn)
	}
}

func TestWhoLeavesTellsHowLongServersRested(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	one := n.joins(time.Minute).ID
	if err := n.LeaveAskers(t.Context(), one, map[string]time.Duration{"gazette.example": 3 * time.Second, "old.example": 2 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	two := n.joins(time.Minute)
	if rested := two.Rested["gazette.example"]; two.Others != 0 || two.Died != 0 || len(two.Rested) != 1 || rested < 3*time.Second {
		t.Errorf("%+v", two)
	}
}
