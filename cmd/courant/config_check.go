package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"courant/digest"
	"courant/templates"
)

// check judges the keys against each other. It runs on whatever could be
// read, so it asks only about keys that hold something.
func (c *Config) check(r *configReader, m *yamlMapping) {
	c.checkMails(r)
	c.checkListening(r)
	c.checkPublic(r, m)
	c.checkSender(r)
	c.checkFolders(r)
	if len(c.Sources) == 0 && !m.faulty("sources") {
		r.warn(r.at("sources"), "sources", "no source is named, so no article will come in")
	}
	if len(c.Digests) == 0 && !m.faulty("digests") {
		r.warn(r.at("digests"), "digests", "no digest is named, so nothing will be published")
	}
	for i := range c.Digests {
		if !faultyPath(r, "digests."+c.Digests[i].Name) {
			c.checkDigest(r, &c.Digests[i])
		}
	}
	c.checkRules(r)
}

// faulty says whether a fault lies at or below a key.
func (m *yamlMapping) faulty(key string) bool {
	path := keyPath(m.path, key)
	return slices.ContainsFunc(m.r.faults, func(f Fault) bool {
		return f.Path == path || strings.HasPrefix(f.Path, path+".") || strings.HasPrefix(f.Path, path+"[")
	})
}

// checkListening holds the three listeners apart, and the desk inside.
func (c *Config) checkListening(r *configReader) {
	for _, pair := range []struct{ path, one, other, name string }{
		{"desk_listen", c.DeskListen, c.Listen, "listen"},
		{"receive.listen", c.ReceiveListen, c.Listen, "listen"},
		{"receive.listen", c.ReceiveListen, c.DeskListen, "desk_listen"},
	} {
		if collide(pair.one, pair.other) {
			r.fault(r.at(pair.path), pair.path, "%s is taken by %s; use another port", pair.one, pair.name)
		}
	}
	if host, _, err := net.SplitHostPort(c.DeskListen); err == nil && !loopback(host) {
		r.warn(r.at("desk_listen"), "desk_listen", "the editors' desk can be reached from other machines; 127.0.0.1 and a tunnel are safer")
	}
	if c.ReceiveListen != "" && c.ReturnPath == "" {
		r.warn(r.at("receive.listen"), "receive.listen", "no returned mail will find its way here while return_path is empty")
	}
}

// collide says whether two listeners would ask for the same port. Port 0 is
// any free one.
func collide(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	every := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return hostA == hostB || every(hostA) || every(hostB) || loopback(hostA) && loopback(hostB) && (hostA == "localhost" || hostB == "localhost")
}

// checkPublic settles Courant's own address. While all relays are on this
// machine the mails stay there, and so may the links; mail that leaves needs
// links that open elsewhere.
func (c *Config) checkPublic(r *configReader, m *yamlMapping) {
	if len(c.Relays) == 0 && !m.faulty("smtp") {
		r.warn(r.at("smtp"), "smtp", "no relay is named, so nothing can be sent")
	}
	if c.URL == "" {
		c.defaultURL(r, m)
		return
	}
	if c.onlyLoopback() {
		return
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return // parseOwnURL made it
	}
	switch host := u.Hostname(); {
	case loopback(host), digest.PrivateHost(host):
		r.fault(r.at("url"), "url", "readers elsewhere cannot open %s, but %s sends mail to them; write the address the world knows", host, c.remoteRelay().Host)
	case exampleDomain(host):
		c.onlyExample(r, "url", host)
	}
}

// defaultURL is the address of the readers' pages themselves, which will do
// as long as no mail leaves the machine.
func (c *Config) defaultURL(r *configReader, m *yamlMapping) {
	if m.faulty("url") || m.faulty("listen") || m.faulty("smtp") {
		return
	}
	host, port, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
	case !c.onlyLoopback():
		r.fault(r.at("url"), "url", "the address where readers unsubscribe is missing, and %s sends mail that needs it; write it like https://news.example.com", c.remoteRelay().Host)
	case port == "0":
		r.fault(r.at("url"), "url", "listen lets the system choose a port, so the address of the pages must be written here")
	case loopback(host):
		c.URL = "http://" + c.Listen
	default:
		c.URL = "http://" + net.JoinHostPort("127.0.0.1", port)
	}
}

// remoteRelay is the first relay that is not on this machine.
func (c *Config) remoteRelay() Relay {
	for _, relay := range c.Relays {
		if relay.Host != "" && !loopback(relay.Host) {
			return relay
		}
	}
	return Relay{}
}

// onlyExample judges a domain that is set aside for examples: with a relay
// that is an example, too, this is a config to be filled in; with a real one
// it would send mail that nobody can answer.
func (c *Config) onlyExample(r *configReader, path, domain string) {
	sends := slices.IndexFunc(c.Relays, func(relay Relay) bool {
		// RFC 6761 section 6.2: a network may well have hosts of its own under test.
		imagined := exampleDomain(relay.Host) && !strings.HasSuffix(relay.Host, ".test")
		return relay.Host != "" && !loopback(relay.Host) && !imagined
	})
	if sends < 0 {
		r.warn(r.at(path), path, "%s is a domain for examples; write your own before the first mail", domain)
		if c.Example == "" || domain < c.Example {
			c.Example = domain
		}
		return
	}
	r.fault(r.at(path), path, "%s is a domain for examples, but %s would send real mail; write your own", domain, c.Relays[sends].Host)
}

// checkSender judges the domains that stand for the sender.
func (c *Config) checkSender(r *configReader) {
	from := mailDomain(c.From)
	if from == "" || c.onlyLoopback() {
		return
	}
	for path, domain := range map[string]string{"from": from, "return_path": c.ReturnPath, "reply_to": mailDomain(c.ReplyTo)} {
		switch {
		case domain == "":
		case digest.PrivateHost(domain):
			r.fault(r.at(path), path, "mail that leaves this machine needs a domain the world knows, not %s", domain)
		case exampleDomain(domain):
			c.onlyExample(r, path, domain)
		}
	}
	for i, key := range c.SigningKeys {
		if path := signingPath(r, i); key.Domain != "" && exampleDomain(key.Domain) {
			c.onlyExample(r, path, key.Domain)
		}
	}
	// DMARC passes by a signature whose domain is aligned with the From, RFC 7489 section 3.1.1.
	if len(c.SigningKeys) > 0 && !slices.ContainsFunc(c.SigningKeys, func(k SigningKey) bool { return k.Domain == "" || aligned(k.Domain, from) }) {
		r.warn(r.at("dkim"), "dkim", "no key signs for %s, the domain of from, so DMARC will not pass by it", from)
	}
}

// signingPath is where the domain of a signing key stands: dkim is one mapping
// or a list of them.
func signingPath(r *configReader, i int) string {
	if _, single := r.places["dkim.domain"]; single {
		return "dkim.domain"
	}
	return fmt.Sprintf("dkim[%d].domain", i)
}

// checkLanguage tells of a language in which the texts around the articles
// would come out in another.
func (c *Config) checkLanguage(r *configReader) {
	if _, written := r.places["language"]; !written || faultyPath(r, "language") {
		return
	}
	texts, err := templates.Load(c.templatesOf(""))
	if err != nil {
		return // told with the templates
	}
	instead := texts.Match(c.Language).Tag
	wanted, _ := language.Make(c.Language).Base()
	if spoken, _ := language.Make(instead).Base(); spoken == wanted {
		return
	}
	var tags []string
	for _, l := range texts.Languages() {
		tags = append(tags, l.Tag)
	}
	r.warn(r.at("language"), "language", "the texts around the articles are not there in %q and come in %s; there are %s", c.Language, instead, strings.Join(tags, ", "))
}

// aligned says whether one of two domains is, or lies below, the other.
func aligned(a, b string) bool {
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

// checkDigest judges a digest against the lists and sources.
func (c *Config) checkDigest(r *configReader, d *digest.Digest) {
	path := "digests." + d.Name // a name holds no dot, so a path stays a path
	at := func(key string) (place, string) { return r.at(path + "." + key), path + "." + key }
	c.checkLists(r, path, d)
	c.checkCategories(r, path, d)
	c.checkSelection(r, path, d)
	_, timed := r.places[path+".schedule"]
	if _, zoned := r.places[path+".time_zone"]; timed && !zoned {
		where, key := at("time_zone")
		r.warn(where, key, "no time zone is named, so the schedule is read in UTC")
	}
	if _, written := r.places[path+".home_zone"]; written && d.TimeZone != digest.ZoneReader && !faultyPath(r, path+".time_zone") {
		where, key := at("home_zone")
		r.warn(where, key, "home_zone counts with time_zone: reader only")
	}
	if !timed || d.Schedule == "" && !faultyPath(r, path+".schedule") {
		where, key := at("schedule")
		r.warn(where, key, "no schedule is set, so this digest goes out by \"courant send %s\" only", d.Name)
	}
}

// checkSelection judges the limits of an edition against each other, and warns
// of those that never count.
func (c *Config) checkSelection(r *configReader, path string, d *digest.Digest) {
	at := func(key string) (place, string) { return r.at(path + "." + key), path + "." + key }
	sections := len(d.Categories) * d.MaxPerCategory
	switch where, key := at("min_articles"); {
	case d.MinArticles > d.MaxArticles:
		r.fault(where, key, "min_articles (%d) is more than max_articles (%d), so no edition could ever go out", d.MinArticles, d.MaxArticles)
	case sections > 0 && d.MinArticles > sections:
		r.fault(where, key, "min_articles (%d) is more than max_per_category (%d) lets through in all, so no edition could ever go out", d.MinArticles, d.MaxPerCategory)
	}
	for _, limit := range []struct {
		name string
		most int
	}{{"max_per_category", d.MaxPerCategory}, {"max_per_source", d.MaxPerSource}} {
		if limit.most > d.MaxArticles {
			where, key := at(limit.name)
			r.warn(where, key, "%s (%d) is more than max_articles (%d), so it never counts", limit.name, limit.most, d.MaxArticles)
		}
	}
	if one := len(c.Sources) == 1; one && d.MaxPerSource > 0 && d.MaxPerSource < d.MaxArticles {
		where, key := at("max_per_source")
		r.warn(where, key, "there is one source only, so without pins no edition has more than %d articles", d.MaxPerSource)
	}
	if _, written := r.places[path+".half_life"]; written && d.Order != digest.Ranked && !faultyPath(r, path+".order") {
		where, key := at("half_life")
		r.warn(where, key, "half_life counts with order: ranked only")
	}
}

// faultyPath says whether a fault was told about a path itself.
func faultyPath(r *configReader, path string) bool {
	return slices.ContainsFunc(r.faults, func(f Fault) bool { return f.Path == path })
}

// checkLists wants lists that exist. The same list twice is a slip: a reader
// of several lists gets one mail anyway.
func (c *Config) checkLists(r *configReader, path string, d *digest.Digest) {
	names := c.listNames()
	for i, list := range d.Lists {
		if !slices.Contains(names, list) && !faultyPath(r, "lists") {
			item := r.items[path+".lists"][i]
			r.fault(r.at(item), item, "there is no list %q%s", list, meantOrKnown(list, names, "the lists are"))
		}
		if slices.Index(d.Lists, list) < i {
			item := r.items[path+".lists"][i]
			r.fault(r.at(item), item, "the list %q is named twice; once is enough", list)
		}
	}
	if _, written := r.places[path+".lists"]; written && len(d.Lists) == 0 && !faultyBelow(r, path+".lists") {
		r.fault(r.at(path+".lists"), path+".lists", "no list is named, so nobody would get this digest")
	}
}

// faultyBelow says whether a fault was told about a path or anything in it. A
// list that lost an item to a fault must not be called empty as well.
func faultyBelow(r *configReader, path string) bool {
	return slices.ContainsFunc(r.faults, func(f Fault) bool { return strings.HasPrefix(f.Path, path) })
}

// checkCategories wants at least one category that a source provides. While
// there are no sources at all, or one that names no category, nothing can be
// said.
func (c *Config) checkCategories(r *configReader, path string, d *digest.Digest) {
	known, open := c.categories()
	key := path + ".categories"
	if _, written := r.places[key]; written && len(d.Categories) == 0 && !faultyBelow(r, key) {
		r.fault(r.at(key), key, "no category is named, so no article would ever be taken")
	}
	if len(c.Sources) == 0 || open || faultyBelow(r, "sources") {
		return
	}
	var idle []int
	for i, category := range d.Categories {
		if digest.FirstCategory(known, []string{category}) == "" {
			idle = append(idle, i)
		}
	}
	// One category without a source may be a source that comes next week; with
	// none the digest would be empty for ever.
	tell := r.warn
	if len(idle) == len(d.Categories) {
		tell = r.fault
	}
	for _, i := range idle {
		item := r.items[key][i]
		tell(r.at(item), item, "no source has the category %q%s", d.Categories[i], meantOrKnown(d.Categories[i], known, "the sources have"))
	}
}

// meantOrKnown ends a sentence about a name that is none: what was probably
// meant, or what there is.
func meantOrKnown(word string, known []string, lead string) string {
	if hint := didYouMean(word, known); hint != "" || len(known) == 0 || len(known) > 8 {
		return hint
	}
	return "; " + lead + " " + strings.Join(known, ", ")
}

// linkLocal says whether a host is in 169.254.0.0/16 (RFC 3927).
func linkLocal(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().Is4() && ip.Unmap().IsLinkLocalUnicast()
}
