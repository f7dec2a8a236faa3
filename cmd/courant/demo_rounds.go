package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/inbox"
	"courant/digest/smtpsink"
)

// demoList is the demo's list, and roomForReaders more than anyone adds to it.
const (
	demoList       = "readers"
	roomForReaders = 1000
)

// take keeps a mail that arrived, in the directory first where that is kept:
// what was answered with a 250 must not be forgotten.
func (s *stage) take(m smtpsink.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	mail := keptMail{ID: fmt.Sprint(len(s.mails) + 1), MessageID: m.ID, At: m.At, From: m.From, To: m.To, Raw: m.Body}
	if err := s.dir.keepMail(mail); err != nil {
		return err
	}
	s.mails = append(s.mails, mail)
	return nil
}

// inbox is all mails, oldest first.
func (s *stage) inbox() []inbox.Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	mails := make([]inbox.Mail, len(s.mails))
	for i, m := range s.mails {
		mails[i] = inbox.Mail{ID: m.ID, At: m.At, From: m.From, To: m.To, Raw: m.Raw}
	}
	return mails
}

// told is what the page tells of publications, oldest first.
func (s *stage) told() []inbox.Round {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rounds
}

// recount asks the rows what each edition meant for each reader of the list. The
// ledger is the truth: editions that other commands published are there, too.
func (s *stage) recount(ctx context.Context) error {
	readers, err := s.house.store.Readers(ctx, demoList, 0, roomForReaders)
	if err != nil {
		return err
	}
	letters := s.byMessageID()
	editions := map[digest.EditionID]*inbox.Round{}
	for _, r := range readers {
		account, err := s.house.store.Why(ctx, s.house.keys.AddressHash(r.Address), time.Time{}, s.now().AddDate(0, 0, 1))
		if err != nil {
			return err
		}
		for _, n := range account.Entries {
			if n.Edition.Kind == digest.KindProof {
				continue
			}
			round := editions[n.Edition.ID]
			if round == nil {
				round = &inbox.Round{
					Title: fmt.Sprintf("%s no. %d", n.Edition.Title, n.Edition.Number), At: n.Edition.Published, Note: s.notes[n.Edition.ID],
				}
				editions[n.Edition.ID] = round
			}
			round.Readers = append(round.Readers, readerOf(account, n, letters[n.MessageID]))
		}
	}
	rounds := slices.Clone(s.empty)
	for _, r := range editions {
		rounds = append(rounds, *r)
	}
	slices.SortStableFunc(rounds, func(a, b inbox.Round) int { return a.At.Compare(b.At) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds, s.editions = rounds, len(editions)
	return nil
}

// readerOf is what one edition meant for a reader, in the words of why.
func readerOf(account digest.Account, n digest.Entry, mailID string) inbox.Reader {
	account.Entries, account.Skipped = []digest.Entry{n}, nil
	a := explain.Why(account)[0]
	told := inbox.Reader{Address: account.Reader.Address, State: cmp.Or(a.State, "no mail"), Reason: a.Reason, MailID: mailID}
	if a.State != string(digest.Accepted) && a.Reason == "" {
		told.Reason = a.Reply // what the server said against it
	}
	return told
}

// byMessageID finds mails by their Message-ID.
func (s *stage) byMessageID() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make(map[string]string, len(s.mails))
	for _, m := range s.mails {
		ids[m.MessageID] = m.ID
	}
	return ids
}
