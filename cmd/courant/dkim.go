package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/submit"
	"courant/digest/vouch"

	"github.com/spf13/cobra"
)

func (p *program) dkimCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "dkim",
		Short: "Say which DKIM keys sign, and whether DNS has their records; make new ones",
		Long: `Say which keys of the config sign, and ask DNS whether it has the record of each,
with the record to paste where it has not. It ends with 1 when one is missing or
another key's.

Every key under dkim signs, so a new one is tried beside the old: make it,
publish its record, and when this command finds it, put it under dkim. Take the
old one out of dkim a day later, and its record out of DNS a week after that.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.dkim(c.Context(), o) },
	}
	c.Flags().BoolVar(&o.json, "json", false, "one JSON object a key")
	c.AddCommand(p.dkimGenerateCommand())
	return c
}

// dkim tells of the keys that sign.
func (p *program) dkim(ctx context.Context, o checkOptions) error {
	p.verbose = false
	c, _, err := loadConfig(p.configFile, p.env, p.hooks())
	if err != nil {
		return err
	}
	return p.tellKeys(ctx, p.lookAround(c), o)
}

func (p *program) tellKeys(ctx context.Context, s *surroundings, o checkOptions) error {
	findings, err := s.keyFindings(ctx)
	if err != nil {
		return err
	}
	tell := p.checkTeller(o)
	tell.findings(findings)
	if err := tell.end(); err != nil {
		return err
	}
	if wrong := inState(findings, digest.FindingWrong); wrong > 0 {
		return fmt.Errorf("%d of %d DKIM records are wrong; what to publish stands below each", wrong, len(findings))
	}
	return nil
}

// keyFindings asks DNS about the keys of the config.
func (s *surroundings) keyFindings(ctx context.Context) ([]digest.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	records, err := s.keyRecords()
	if err != nil {
		return nil, err
	}
	return vouch.Sender{From: mailDomain(s.config.From), Keys: zoneRecords(records), Resolver: s.resolver}.KeyFindings(ctx), nil
}

func zoneRecords(records []submit.Record) (all []digest.DNSRecord) {
	for _, r := range records {
		all = append(all, digest.DNSRecord{Name: r.Name, Type: "TXT", Value: r.Text})
	}
	return all
}

func keyKinds() []string { return []string{string(submit.RSA), string(submit.Ed25519)} }

// keyOrder is the key that is to be made.
type keyOrder struct {
	selector, domain, kind, out string
	bits                        int
}

func (p *program) dkimGenerateCommand() *cobra.Command {
	var o keyOrder
	c := &cobra.Command{
		Use:   "generate",
		Short: "Make a DKIM key, and print the DNS record and the config for it",
		Long: `Make a DKIM key in a file that nobody else can read, and print the record to
publish and the lines for the config. A file that is there already is never
touched.

The selector is the key's name in DNS. It is courant; where the config has that
one, for a key that is to take over, it is courant with the month.

An Ed25519 key is for a second signature: it is shorter and quicker, and many
receivers cannot check it yet, so an RSA key of the domain has to stand beside it.`,
		Example: `  courant dkim generate
  courant dkim generate --selector s2027 --out /etc/courant/s2027.pem
  courant dkim generate --type ed25519 --selector ed --domain example.com`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("bits") && o.kind != string(submit.RSA) {
				return misuse{errors.New("--bits is for RSA keys; take it away, an Ed25519 key has only one length")}
			}
			return p.dkimGenerate(o)
		},
	}
	c.Flags().StringVar(&o.selector, "selector", "", "the key's `NAME` in DNS (default courant)")
	c.Flags().StringVar(&o.domain, "domain", "", "the `DOMAIN` that signs (default that of from)")
	c.Flags().StringVar(&o.kind, "type", string(submit.RSA), "the `KIND` of key, rsa or ed25519")
	c.Flags().IntVar(&o.bits, "bits", submit.LeastRSA, "the length of an RSA key in `BITS`, 2048 to 4096")
	c.Flags().StringVar(&o.out, "out", "", "the `FILE` for the key (default dkim.pem or dkim-SELECTOR.pem beside the config)")
	return c
}

func (p *program) dkimGenerate(o keyOrder) error {
	c, _, configErr := loadConfig(p.configFile, p.env, p.hooks())
	o, err := p.completed(o, c, configErr)
	if err != nil {
		return err
	}
	text, err := submit.Generate(submit.Kind(o.kind), o.bits)
	if err != nil {
		return misuse{err}
	}
	if err := writeKey(o.out, text); err != nil {
		return err
	}
	record, err := submit.Key{Domain: o.domain, Selector: o.selector, File: o.out}.Record()
	if err != nil {
		return err
	}
	p.tellKey(o, c, zoneRecords([]submit.Record{record})[0])
	return nil
}

// completed fills in what was not said, from the config where it can be read.
func (p *program) completed(o keyOrder, c Config, configErr error) (keyOrder, error) {
	var err error
	switch {
	case o.domain != "":
		if o.domain, err = parseMailDomain(o.domain); err != nil {
			return o, misuse{fmt.Errorf("--domain: %w", err)}
		}
	case configErr != nil:
		return o, misuse{fmt.Errorf("whose key is it? Name the domain, as in --domain example.com; the config does not say it: %w", configErr)}
	default:
		o.domain = mailDomain(c.From)
	}
	if o.selector == "" {
		o.selector = c.freeSelector(o.domain, p.now())
	} else if o.selector, err = parseSelector(o.selector); err != nil {
		return o, misuse{fmt.Errorf("--selector: %w", err)}
	}
	if c.signsAs(o.domain, o.selector) {
		return o, misuse{fmt.Errorf("the config has a key with the selector %s of %s; a new key needs another name in DNS, so name one, as in --selector %s",
			o.selector, o.domain, c.freeSelector(o.domain, p.now()))}
	}
	if o.out == "" {
		name := "dkim-" + o.selector + ".pem"
		if o.selector == usualSelector {
			name = "dkim.pem"
		}
		o.out = filepath.Join(filepath.Dir(p.configFile), name)
	}
	return o, nil
}

// usualSelector is the name of the first key.
const usualSelector = "courant"

// freeSelector is a name that no key of the config has.
func (c Config) freeSelector(domain string, now time.Time) string {
	name := usualSelector
	for n := 1; c.signsAs(domain, name); n++ {
		name = usualSelector + now.Format("200601")
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
	}
	return name
}

func (c Config) signsAs(domain, selector string) bool {
	return slices.ContainsFunc(c.SigningKeys, func(k SigningKey) bool {
		return strings.EqualFold(k.Domain, domain) && strings.EqualFold(k.Selector, selector)
	})
}

// writeKey writes a private key where nothing was, for its owner alone, down
// to the disk: its record is published from what is told next.
func writeKey(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already, and a key that signs must not be lost; name another file by --out", path)
	case err != nil:
		return fmt.Errorf("write the key: %w; name a file by --out in a directory where this account may write", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key: %w", errors.Join(err, os.Remove(path)))
	}
	return syncDir(filepath.Dir(path))
}

// tellKey says what to do with a new key, in the order it is to be done.
func (p *program) tellKey(o keyOrder, c Config, record digest.DNSRecord) {
	say := func(format string, args ...any) { fmt.Fprintf(p.stdout, format+"\n", args...) }
	kind := "Ed25519"
	if o.kind == string(submit.RSA) {
		kind = fmt.Sprintf("RSA, %d bits", o.bits)
	}
	say("%s: a new key (%s), for its owner only. Who has it signs as %s.", o.out, kind, o.domain)
	say("\n1. Publish this record. In a zone file:\n\n%s", record.Zone())
	say("\n   In the form of a provider, with the value on one line:\n\ntype   %s\nname   %s\nvalue  %s", record.Type, record.Name, record.Value)
	say("\n   Some forms add %s by themselves; the name is then %s.", o.domain, strings.TrimSuffix(record.Name, "."+o.domain))
	line := fmt.Sprintf("{domain: %s, selector: %s, key_file: %s}", o.domain, o.selector, p.besideConfig(o.out))
	if o.kind == string(submit.Ed25519) && !c.signsByRSA(o.domain) {
		say("\n   An Ed25519 key signs only beside an RSA key of %s: make one by courant dkim generate --domain %s.", o.domain, o.domain)
	}
	if len(c.SigningKeys) == 0 {
		say("\n2. Once DNS has the record, put this into %s:\n\ndkim:\n  - %s", p.configFile, line)
	} else {
		say("\n2. Once DNS has the record, put this into the list dkim of %s, below what is there:\n\n  - %s", p.configFile, line)
		say("\n   Both sign then. Take an old key out of the list a day later, and its record out\n   of DNS a week after that: mail that is under way is checked against it.")
	}
	say("\n3. Restart courant serve, and see that DNS has every record:\n\ncourant dkim")
}

// besideConfig is a path as the config may have it: short where the file lies
// beside it.
func (p *program) besideConfig(path string) string {
	full, err := filepath.Abs(path)
	dir, derr := filepath.Abs(filepath.Dir(p.configFile))
	if cmp.Or(err, derr) != nil {
		return strconv.Quote(path)
	}
	if short, err := filepath.Rel(dir, full); err == nil && filepath.IsLocal(short) {
		full = short
	}
	if strings.ContainsAny(full, " ,:{}[]#&*!|>'\"%@`\\") {
		return strconv.Quote(full)
	}
	return full
}

// signsByRSA says whether the config has an RSA key of a domain.
func (c Config) signsByRSA(domain string) bool {
	for _, k := range c.SigningKeys {
		r, err := submit.Key{Domain: k.Domain, Selector: k.Selector, File: k.KeyFile}.Record()
		if err == nil && strings.EqualFold(k.Domain, domain) && strings.Contains(r.Text, "k="+string(submit.RSA)) {
			return true
		}
	}
	return false
}
