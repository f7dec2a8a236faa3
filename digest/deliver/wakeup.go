package deliver

import (
	"sync"

	"courant/digest"
)

// wakeup lets idle lanes wait for work, and tells them whether they still
// hold their lease.
type wakeup struct {
	mu   sync.Mutex
	next chan struct{}
	held map[digest.LaneID]int64 // nil: not asked yet
}

func newWakeup() *wakeup { return &wakeup{next: make(chan struct{})} }

// Next is closed at the next call of All.
func (w *wakeup) Next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// All wakes every lane that waits.
func (w *wakeup) All() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.next)
	w.next = make(chan struct{})
}

// Held notes which lanes the ledger still knows as ours.
func (w *wakeup) Held(lanes []digest.Lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = make(map[digest.LaneID]int64, len(lanes))
	for _, l := range lanes {
		w.held[l.ID] = l.Fence
	}
}

// Lost says whether the lane was taken over. A fence behind the lane's own is
// what the ledger said before the lane moved it.
func (w *wakeup) Lost(l digest.Lane) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		return false
	}
	fence, ok := w.held[l.ID]
	return !ok || fence > l.Fence
}
