package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"courant/digest"
	"courant/digest/ingest"
	"courant/digest/submit"
	"courant/digest/vouch"
	"courant/digest/web"
)

// lookPatience is how long check waits for others. What has not answered by
// then would not let a digest go out in time either.
const lookPatience = 13 * time.Second

// surroundings are what lies around a config: check looks at it and changes
// nothing.
type surroundings struct {
	config   Config
	fetcher  *ingest.Fetcher
	now      func() time.Time
	keys     *digest.Keyring // of the secret file; nil: there is none that can be read
	keysErr  error
	own      []netip.Addr // addresses of this machine
	resolver *net.Resolver

	remembered chan []digest.SourceState // what the database knows of the sources
	left       atomic.Int32              // looks under way
}

func (p *program) lookAround(c Config) *surroundings {
	s := &surroundings{
		config: c, fetcher: c.fetcher(p.quiet()), now: p.now, own: ownAddresses(), resolver: net.DefaultResolver,
		remembered: make(chan []digest.SourceState, 2),
	}
	s.fetcher.Now = p.now
	s.keys, s.keysErr = readKeyring(c.SecretFile)
	return s
}

// ownAddresses are the addresses of this machine, its loopback left out.
func ownAddresses() (own []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then no address is known as ours
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && !prefix.Addr().IsLoopback() {
			own = append(own, prefix.Addr().Unmap())
		}
	}
	return own
}

// progress is the line that a person sees meanwhile.
func (s *surroundings) progress() string {
	return fmt.Sprintf("looking around: sources, relays, database ... %d left", s.left.Load())
}

// findings looks at everything side by side; the rows are in a fixed order.
func (s *surroundings) findings(ctx context.Context, live bool) []digest.Finding {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	looks := []func(context.Context) []digest.Finding{s.machine, s.mails, s.database}
	for _, r := range s.config.Relays {
		looks = append(looks, func(ctx context.Context) []digest.Finding { return s.relay(ctx, r) })
	}
	looks = append(looks, s.sources)
	if live {
		looks = append(looks, s.names, s.public)
		if e := s.config.endpoint(nil); e != nil {
			e.Now = s.now
			looks = append(looks, func(ctx context.Context) []digest.Finding { return []digest.Finding{e.Look(ctx)} })
		}
	}
	found := make([][]digest.Finding, len(looks))
	s.left.Store(int32(len(looks)))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() {
			found[i] = look(ctx)
			s.left.Add(-1)
		})
	}
	all.Wait()
	var rows []digest.Finding
	for _, f := range found {
		rows = append(rows, f...)
	}
	return rows
}

// machine looks at what serve needs of this machine.
func (s *surroundings) machine(ctx context.Context) []digest.Finding {
	c := s.config
	rows := []digest.Finding{configMode(c.File), c.dataDir(), freeDisk(c.DataDir), s.secretFile()}
	if len(c.SigningKeys) > 0 {
		rows = append(rows, s.signingKeys())
	}
	return append(rows, s.listening(ctx), timeZones(c.Digests, s.now()))
}

// mails holds sample editions against the rules.
func (s *surroundings) mails(context.Context) []digest.Finding { return s.config.mailFindings() }

func (s *surroundings) relay(ctx context.Context, r Relay) []digest.Finding {
	relay := r.submission()
	relay.Timeouts = submit.Timeouts{Connect: 8 * time.Second, Greeting: 8 * time.Second}
	return []digest.Finding{relay.Look(ctx, s.now())}
}

// sources polls them, after the database said which of their servers asked to
// be left alone. A database that is slow to answer isn't waited for.
func (s *surroundings) sources(ctx context.Context) []digest.Finding {
	in := ingest.Ingest{Fetcher: s.fetcher, Sources: s.config.Sources}
	select {
	case states := <-s.remembered:
		return in.Look(ctx, states)
	case <-time.After(3 * time.Second):
		return in.Look(ctx, nil)
	}
}

// public asks the public address.
func (s *surroundings) public(ctx context.Context) []digest.Finding {
	return web.Probe{URL: s.config.URL, Keys: s.keys, Own: s.own, Now: s.now, Resolver: s.resolver}.Findings(ctx)
}

// names asks DNS about the sender, unless no mail leaves this machine.
func (s *surroundings) names(ctx context.Context) []digest.Finding {
	c := s.config
	if c.staysHere() {
		return []digest.Finding{digest.Finding{What: "DNS"}.OK("not asked: relays and public address are on this machine")}
	}
	sender := vouch.Sender{From: mailDomain(c.From), ReturnPath: c.ReturnPath, Own: s.own, Resolver: s.resolver}
	if u, err := url.Parse(c.URL); err == nil {
		sender.Host = u.Hostname()
	}
	for _, r := range c.Relays {
		if !slices.Contains(sender.Relays, r.Host) {
			sender.Relays = append(sender.Relays, r.Host)
		}
	}
	records, err := s.keyRecords()
	sender.Keys = zoneRecords(records)
	found := sender.Findings(ctx)
	if err != nil { // what is wrong with the keys stands in their own row
		found = slices.DeleteFunc(found, func(f digest.Finding) bool { return f.What == "DKIM" })
	}
	return found
}

// keyRecords are what DNS must hold for the keys of the config.
func (s *surroundings) keyRecords() ([]submit.Record, error) {
	signer, err := s.config.signer()
	if err != nil || signer == nil {
		return nil, err
	}
	return signer.Records()
}

// staysHere says that no mail and no link leads off this machine, so that no
// name service has to know the sender.
func (c Config) staysHere() bool {
	u, err := url.Parse(c.URL)
	return err == nil && c.onlyLoopback() && (loopback(u.Hostname()) || digest.PrivateHost(u.Hostname()))
}
