package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/inbox"
)

// demoList is the demo's list, and roomForReaders more than anyone adds to it.
const (
	demoList       = "readers"
	roomForReaders = 1000
)

// tell asks the rows what an edition meant for each reader of the list.
func (s *stage) tell(ctx context.Context, e digest.Edition) (inbox.Round, error) {
	round := inbox.Round{Title: fmt.Sprintf("%s no. %d", e.Title, e.Number), At: e.Published}
	readers, err := s.house.store.Readers(ctx, demoList, 0, roomForReaders)
	if err != nil {
		return round, err
	}
	for _, r := range readers {
		account, err := s.house.store.Why(ctx, s.house.keys.AddressHash(r.Address), e.Instant, s.now().AddDate(0, 0, 1))
		if err != nil {
			return round, err
		}
		account.Entries = slices.DeleteFunc(account.Entries, func(n digest.Entry) bool { return n.Edition.ID != e.ID })
		account.Skipped = nil
		for _, a := range explain.Why(account) {
			told := inbox.Reader{Address: r.Address, State: cmp.Or(a.State, "no mail"), Reason: a.Reason, MailID: s.newestTo(r.Address)}
			if a.State != string(digest.Accepted) && a.Reason == "" {
				told.Reason = a.Reply // what the server said against it
			}
			round.Readers = append(round.Readers, told)
		}
	}
	s.seen = s.sink.Count()
	return round, nil
}

// newestTo is the mail of the round under way to an address.
func (s *stage) newestTo(address string) string {
	for _, m := range s.sink.Messages()[s.seen:] {
		if strings.EqualFold(m.To, address) {
			return s.mailID(m)
		}
	}
	return ""
}
