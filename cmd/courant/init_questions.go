package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"courant/digest"
)

func (i *interview) askName(ctx context.Context) error {
	return i.ask.ask(ctx, question{
		flag: "name", given: i.opt.name, number: 1, title: "Name",
		says: "Who the mails come from, as readers know it.\nFor example: Harbour News",
		take: func(s string) (err error) {
			i.draft.Name, err = writableLine(s)
			return err
		},
	})
}

// askSender asks for the address and, in the same step, for the postal one.
func (i *interview) askSender(ctx context.Context) error {
	if err := i.ask.ask(ctx, i.senderQuestion()); err != nil {
		return err
	}
	return i.ask.ask(ctx, question{
		flag: "postal-address", given: i.opt.postal, title: "Postal address",
		says: "Your postal address, at the foot of every digest: the law of many countries wants it.\nFor example: 1 Quay Street, Harbour City",
		take: func(s string) (err error) {
			if i.draft.Postal, err = parseLines(s); err == nil {
				err = fitForConfig(i.draft.Postal)
			}
			return err
		},
	})
}

func (i *interview) senderQuestion() question {
	return question{
		flag: "from", given: i.opt.from, number: 2, title: "Sender",
		says: "The address that every digest comes from, of a domain of yours.\nFor example: news@example.com",
		take: func(s string) error {
			if len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'' {
				s = s[1 : len(s)-1] // the quotes that YAML wants around a name in quotes
			}
			from, err := parseMailbox(s)
			if err != nil {
				return err
			}
			if from.Name == "" {
				from.Name = i.draft.Name
			}
			i.draft.From = from
			return fitForConfig(mailboxText(from))
		},
	}
}

func (i *interview) askAddress(ctx context.Context) error {
	return i.ask.ask(ctx, i.addressQuestion())
}

func (i *interview) addressQuestion() question {
	return question{
		flag: "url", given: i.opt.url, number: 3, title: "Public address", standard: i.standardAddress(),
		says: "Where readers open Courant's pages, to leave for one: an https address whose proxy leads to " +
			"this machine.\nFor example: https://news.example.com",
		take: func(s string) (err error) {
			i.draft.URL, err = parseOwnURL(withScheme(s))
			return err
		},
	}
}

// standardAddress is a name below the sender's domain; while that is one for
// trying out, this machine's own.
func (i *interview) standardAddress() string {
	domain := digest.Domain(i.draft.From.Address)
	switch {
	case domain != "" && !exampleDomain(domain) && !digest.PrivateHost(domain):
		return "https://news." + domain
	case i.draft.Relay.Host == "" || loopback(i.draft.Relay.Host):
		return "http://127.0.0.1:8080"
	}
	return ""
}

// withScheme adds what nobody writes by hand.
func withScheme(s string) string {
	if s == "" || strings.Contains(s, "://") {
		return s
	}
	if u, err := parseWebAddress("http://" + s); err == nil && loopback(u.Hostname()) {
		return "http://" + s
	}
	return "https://" + s
}

// settle asks once more for what the config refuses beside this relay: no
// example may leak into a mail that leaves the machine.
func (i *interview) settle(ctx context.Context) error {
	questions := map[string]question{"from": i.senderQuestion(), "url": i.addressQuestion()}
	var wrong []error
	for _, path := range []string{"from", "url"} {
		q, refused := questions[path], i.refused(path)
		if refused != nil && (q.given != "" || i.ask.silent) {
			wrong = append(wrong, fmt.Errorf("--%s: %w", q.flag, refused))
		}
	}
	if len(wrong) > 0 {
		return misuse{joinSentences(wrong)}
	}
	for _, path := range []string{"from", "url"} {
		refused := i.refused(path)
		if refused == nil {
			continue
		}
		if i.ask.fd < 0 {
			return i.ask.lost(refused)
		}
		i.ask.refuse(refused)
		q := questions[path]
		if path == "url" {
			q = i.addressQuestion() // the sender's domain may be another now
		}
		take := q.take
		q.take = func(s string) error {
			if err := take(s); err != nil {
				return err
			}
			return i.refused(path)
		}
		if err := i.ask.ask(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// refused is what the config has against an answer, beside the others so far.
func (i *interview) refused(path string) error {
	for _, f := range i.draft.faults(i.program, i.place.dir) {
		if f.Path == path {
			return errors.New(f.Message)
		}
	}
	return nil
}

// joinSentences makes one line of several errors.
func joinSentences(errs []error) error {
	var told []string
	for _, err := range errs {
		told = append(told, err.Error())
	}
	return errors.New(strings.Join(told, "; and "))
}

// mailboxText is a mailbox as a person writes it, or, where that would not be
// read back, as RFC 5322 does.
func mailboxText(a mail.Address) string {
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Name) + `"`
	for _, s := range []string{a.Name + " <" + a.Address + ">", quoted + " <" + a.Address + ">"} {
		if back, err := parseMailbox(s); a.Name != "" && err == nil && back == a {
			return s
		}
	}
	return mailbox(a)
}
