package render

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/url"
	"strings"

	"golang.org/x/net/idna"

	"courant/digest"
	"courant/templates"
)

// Config is what every mail of a publication shares.
type Config struct {
	Name          string            // the publication
	Language      string            // BCP 47, of letters to those who chose none; empty: English
	Titles        map[string]string // of digests, by name, for letters
	URL           string            // public base address of the readers' pages; http only on loopback
	From          string            // "Example News <news@example.com>"
	ReplyTo       string            // the same form; empty: no Reply-To
	PostalAddress string
	Keys          *digest.Keyring
	ReturnPath    string // domain of the envelope senders (VERP); empty: the sender is From
	Mailto        string // domain that takes mailed unsubscribes; empty: none
	MessageDomain string // right side of Message-IDs; empty: From's domain

	// Archived is the address an edition is found at on the web, for
	// Archived-At (RFC 5064); nil or an empty answer: it is not there.
	Archived func(digest.Edition) string

	Templates   fs.FS            // mail/ and lang/ as in package templates; nil: those
	TemplatesOf map[string]fs.FS // of digests that have their own, by name

	Layout string          // of editions that name none; empty: "standard"
	Look   Look            // the editor's own colours, fonts, logo and words
	Looks  map[string]Look // of digests that have their own, by name; what is empty there is taken from Look
}

// Renderer renders editions of one publication. It is safe for concurrent
// use. Make one with New.
type Renderer struct {
	c        Config
	from     mail.Address // the domain in ASCII
	replyTo  *mail.Address
	styles   map[string]*style // by digest; "" is for those without their own
	listHost string
}

// New checks the config and reads the templates. Its errors say what to set.
func New(c Config) (*Renderer, error) {
	r := &Renderer{c: c}
	if r.c.Templates == nil {
		r.c.Templates = templates.FS
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := r.readStyles(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Renderer) check() error {
	r.c.Name = digest.PlainLine(r.c.Name, maxName)
	r.c.PostalAddress = digest.PlainLine(r.c.PostalAddress, maxName*2)
	switch {
	case r.c.Name == "":
		return errors.New("the publication has no name: set name")
	case r.c.PostalAddress == "":
		return errors.New("the publication has no postal address, which every digest must show: set postal_address")
	case r.c.Keys == nil || len(r.c.Keys.Tokens) == 0:
		return errors.New("there are no keys to sign links with")
	}
	from, err := mailbox(r.c.From)
	if err != nil {
		return fmt.Errorf("the sender %q does not read: set from to Name <name@example.org>: %w", r.c.From, err)
	}
	r.from, r.listHost = from, digest.Domain(from.Address)
	if r.c.ReplyTo != "" {
		to, err := mailbox(r.c.ReplyTo)
		if err != nil {
			return fmt.Errorf("the reply address %q does not read: set reply_to to name@example.org: %w", r.c.ReplyTo, err)
		}
		r.replyTo = &to
	}
	if r.c.URL, err = baseURL(r.c.URL); err != nil {
		return err
	}
	if r.c.MessageDomain == "" {
		r.c.MessageDomain = r.listHost
	}
	for _, d := range []*string{&r.c.ReturnPath, &r.c.Mailto, &r.c.MessageDomain} {
		if *d == "" {
			continue
		}
		if *d, err = mailDomain(*d); err != nil {
			return err
		}
	}
	return nil
}

// mailbox reads an address of ours. Its local part must be ASCII: our own
// mail must not need SMTPUTF8 at the readers' servers.
func mailbox(s string) (mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return mail.Address{}, err
	}
	clean, err := digest.ParseAddress(a.Address)
	if err != nil {
		return mail.Address{}, err
	}
	e := addressee(clean)
	if e.utf8 {
		return mail.Address{}, errors.New("the address is not ASCII")
	}
	return mail.Address{Name: digest.PlainLine(a.Name, maxName), Address: e.address}, nil
}

// mailDomain puts a domain in the form it has on the wire.
func mailDomain(s string) (string, error) {
	clean, err := digest.ParseAddress("x@" + s)
	if err != nil {
		return "", fmt.Errorf("%q is not a mail domain: %w", s, err)
	}
	e := addressee(clean)
	if e.utf8 {
		return "", fmt.Errorf("%q is not a mail domain", s)
	}
	return digest.Domain(e.address), nil
}

// baseURL checks our own public address and puts it in the form links begin
// with: no slash at the end, the host in ASCII.
func baseURL(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("the public address %q %s: set url to https://your.host", s, why)
	}
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(s), "/"))
	switch {
	case err != nil:
		return bad("does not read")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return bad("is not an http address")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return bad("has more than a host and a path")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return bad("is http, but links in a mail must be https") // RFC 8058 section 3.1
	}
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil && net.ParseIP(u.Hostname()) == nil {
		return bad("has no proper host")
	}
	if net.ParseIP(u.Hostname()) == nil {
		u.Host = host + portOf(u)
	}
	if link(u.String()) != u.String() || strings.ContainsAny(u.String(), "=&;,") {
		return bad("has characters that do not belong into a link")
	}
	return u.String(), nil
}

func portOf(u *url.URL) string {
	if u.Port() == "" {
		return ""
	}
	return ":" + u.Port()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Envelope is the SMTP envelope of a reader's mail. An address that could
// break out of an SMTP command or header gives an empty To, which every server
// refuses: such a mail must not go anywhere.
func (r *Renderer) Envelope(to digest.Recipient) digest.Envelope {
	e := digest.Envelope{From: r.from.Address}
	if a := addressee(to.Address); a.safe {
		e.To, e.SMTPUTF8 = a.address, a.utf8
	}
	if r.c.ReturnPath != "" {
		e.From = r.c.Keys.ReturnPath(to.KeyID, to.Ref, r.c.ReturnPath)
	}
	return e
}

// MessageID is the Message-ID of a reader's mail, angle brackets included:
// the same on every try, because it is made from the delivery.
func (r *Renderer) MessageID(to digest.Recipient) string {
	return r.c.Keys.MessageID(to.KeyID, to.Ref, r.c.MessageDomain)
}
