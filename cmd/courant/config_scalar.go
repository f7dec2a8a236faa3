package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	_ "time/tzdata" // zones are known on machines that have no zone files, too
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"golang.org/x/net/idna"
	"golang.org/x/text/language"

	"courant/digest"
)

// asText makes a reader of scalars from a parser of their text.
func asText[T any](parse func(string) (T, error)) func(yamlValue) (T, error) {
	return func(v yamlValue) (T, error) {
		s, err := v.text()
		if err != nil {
			var none T
			return none, err
		}
		return parse(s)
	}
}

// parseWord reads one of a closed set of words.
func parseWord[T ~string](words []T) func(yamlValue) (T, error) {
	return func(v yamlValue) (T, error) {
		s, err := v.text()
		if err != nil {
			return "", err
		}
		var known []string
		for _, w := range words {
			if s == string(w) {
				return w, nil
			}
			known = append(known, string(w))
		}
		return "", fmt.Errorf("%q is not one of %s%s", s, strings.Join(known, ", "), didYouMean(s, known))
	}
}

// parseTrue reads true or false.
func parseTrue(v yamlValue) (bool, error) {
	b, ok := v.node.(*ast.BoolNode)
	if !ok {
		return false, fmt.Errorf("expected true or false, got %s%s", v.got(), v.switchMeant())
	}
	return b.Value, nil
}

// switchMeant ends a sentence about what is neither true nor false: YAML 1.1
// read these words as one of them (yaml.org/type/bool), YAML 1.2 doesn't.
func (v yamlValue) switchMeant() string {
	s, err := v.rawText()
	if err != nil {
		return ""
	}
	switch s = strings.ToLower(s); s {
	case "true", "false":
		return "; write it small and without quotes"
	case "yes", "y", "on":
		return "; did you mean true?"
	case "no", "n", "off":
		return "; did you mean false?"
	}
	return ""
}

// parseWhole reads a whole number within two bounds.
func parseWhole(low, high int) func(yamlValue) (int, error) {
	return func(v yamlValue) (int, error) {
		if s, err := v.rawText(); err == nil && barePattern.MatchString(s) {
			if strings.HasPrefix(s, "0") { // an octal number to some readers of YAML
				return 0, errors.New("a whole number has no 0 in front; take it away")
			}
			if v.node.GetToken().Type == token.StringType { // no quotes: too long to be a number to the parser
				return 0, fmt.Errorf("%.40s is not between %d and %d", s, low, high)
			}
			return 0, errors.New("expected a whole number, got text; take the quotes away")
		}
		if v.kind() != "a number" {
			return 0, fmt.Errorf("expected a whole number between %d and %d, got %s", low, high, v.got())
		}
		written := v.node.GetToken().Value
		n, err := strconv.Atoi(written)
		if err != nil || strings.HasPrefix(written, "0") && n != 0 { // 010 is 8 to some readers of YAML and 10 to others
			return 0, fmt.Errorf("expected a whole number between %d and %d, got %.40s", low, high, written)
		}
		if n < low || n > high {
			return 0, fmt.Errorf("%d is not between %d and %d", n, low, high)
		}
		return n, nil
	}
}

// parseLine reads one line of text, as it may stand in a header.
func parseLine(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", errors.New("the text is empty; write one")
	case utf8.RuneCountInString(s) > 300:
		return "", errors.New("the text is longer than 300 characters; shorten it")
	case strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsAny(s, "\u2028\u2029"):
		return "", errors.New("the text must stay on one line, without control characters")
	}
	return s, nil
}

// parseLines reads text of one or several lines, such as a postal address.
func parseLines(s string) (string, error) {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		line, err := parseLine(line)
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

// longestName is that of a host name's label, RFC 1035 section 2.3.4.
const longestName = 63

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// parseName reads the name of a digest or list. It stands in links and in
// List-Id, RFC 2919 section 2, so it keeps to what a host name's label holds.
func parseName(s string) (string, error) {
	if !namePattern.MatchString(s) || len(s) > longestName {
		return "", fmt.Errorf("%q is no name; use small letters, digits, - and _, at most 63, beginning with a letter or digit", s)
	}
	return s, nil
}

var barePattern = regexp.MustCompile(`^\d+$`)

// durationPattern parts the days, which package time doesn't know, from the rest.
var durationPattern = regexp.MustCompile(`^(?:(\d{1,4})d)?((?:\d+(?:\.\d+)?(?:h|m|s|ms|us|µs|ns))*)$`)

// longest is the longest duration any key takes.
const longest = 10 * 365 * 24 * time.Hour

// parseDuration reads 30m, 12h, 1h30m, 7d or 1d12h; a day is 24 hours.
func parseDuration(v yamlValue) (time.Duration, error) {
	if v.kind() == "a number" {
		return 0, fmt.Errorf("expected a duration like 30m, 12h or 7d, got a number; say of what")
	}
	s, err := v.text()
	if err != nil {
		return 0, err
	}
	return durationOf(s)
}

// durationOf is the duration that a text says.
func durationOf(s string) (time.Duration, error) {
	parts := durationPattern.FindStringSubmatch(s)
	if s == "" || parts == nil {
		return 0, fmt.Errorf("%q is no duration; write it like 30m, 12h or 7d", s)
	}
	days, _ := strconv.Atoi(cmp.Or(parts[1], "0")) // at most four digits
	d := time.Duration(days) * 24 * time.Hour
	if parts[2] != "" {
		more, err := time.ParseDuration(parts[2])
		if err != nil { // more than 290 years
			return 0, fmt.Errorf("%q must be more than nothing and less than 10 years", s)
		}
		d += more
	}
	if d <= 0 || d > longest {
		return 0, fmt.Errorf("%q must be more than nothing and less than 10 years", s)
	}
	return d, nil
}

// shortestLease is longer than any healthy conversation about one message: a
// lane that loses its lease in mid-sentence leaves a copy behind.
const shortestLease = 10 * time.Second

func parseLease(v yamlValue) (time.Duration, error) {
	d, err := parseDuration(v)
	if err == nil && d < shortestLease {
		err = fmt.Errorf("%s is too short for a lane to finish a message; write at least %s", d, shortestLease)
	}
	return d, err
}

// leastLedger is longer than the time in which bounces come in, readers ask where
// their mail is, and leaving can be undone.
const leastLedger = 35 * 24 * time.Hour

// parseLedgerAge reads how long the ledger's rows are kept.
func parseLedgerAge(v yamlValue) (time.Duration, error) {
	d, err := parseDuration(v)
	if err == nil && d < leastLedger {
		err = fmt.Errorf("%s is too short to answer for what was sent; write at least %s", shortDuration(d), shortDuration(leastLedger))
	}
	return d, err
}

// parseAddressAge reads how long addresses of those who left are kept.
func parseAddressAge(v yamlValue) (time.Duration, error) {
	d, err := parseDuration(v)
	if err == nil && d < digest.UndoFor {
		err = fmt.Errorf("%s is too short, because leaving can be undone for %s; write at least that", shortDuration(d), shortDuration(digest.UndoFor))
	}
	return d, err
}

// Limit is a rate that a relay accepts: Count messages Per time.
type Limit struct {
	Count int
	Per   time.Duration
}

// String is the form of the config, 50/s.
func (l Limit) String() string {
	unit := map[time.Duration]string{time.Second: "s", time.Minute: "min", time.Hour: "hour", 24 * time.Hour: "day"}[l.Per]
	return fmt.Sprintf("%d/%s", l.Count, unit)
}

var limitPattern = regexp.MustCompile(`^\s*(\d{1,9})\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day)\s*$`)

// parseLimit reads 50/s, 600/min, 5000/hour or 14000/day.
func parseLimit(v yamlValue) (Limit, error) {
	if v.kind() == "a number" {
		return Limit{}, errors.New("expected a limit like 50/s or 14000/day, got a number; say in what time")
	}
	s, err := v.text()
	if err != nil {
		return Limit{}, err
	}
	m := limitPattern.FindStringSubmatch(s)
	if m == nil {
		return Limit{}, fmt.Errorf("%q is no limit; write it like 50/s, 600/min, 5000/hour or 14000/day", s)
	}
	per := map[string]time.Duration{
		"s": time.Second, "sec": time.Second, "second": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hour": time.Hour,
		"d": 24 * time.Hour, "day": 24 * time.Hour,
	}[m[2]]
	count, _ := strconv.Atoi(m[1]) // at most nine digits
	if count == 0 {
		return Limit{}, errors.New("a limit of 0 would send nothing; take the relay out instead")
	}
	return Limit{count, per}, nil
}

var domainPattern = regexp.MustCompile(`^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$`)

// parseDomain reads a domain name and gives its ASCII form (RFC 5891).
func parseDomain(s string) (string, error) {
	// Host names hold no underscore (RFC 952), but containers' names do.
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))
	ascii, err := profile.ToASCII(strings.TrimSuffix(strings.TrimSpace(s), "."))
	if _, notIP := netip.ParseAddr(ascii); notIP == nil {
		return "", fmt.Errorf("%q is an IP address; a domain name belongs here", s)
	}
	if err != nil || len(ascii) > 253 || !domainPattern.MatchString(ascii) {
		return "", fmt.Errorf("%q is no domain name; write it like example.com", s)
	}
	return ascii, nil
}

// parseSelector reads the name under which DNS holds a key, which may have
// several labels (RFC 6376 section 3.1).
func parseSelector(s string) (string, error) {
	selector, err := parseDomain(s)
	if err != nil {
		return "", fmt.Errorf("%q is no selector; write the name that the key has in DNS, as courant in courant._domainkey", s)
	}
	return selector, nil
}

// parseMailDomain reads a domain that takes mail: one label is enough only
// for localhost.
func parseMailDomain(s string) (string, error) {
	domain, err := parseDomain(s)
	if err == nil && domain != "localhost" && (!strings.Contains(domain, ".") || numericName.MatchString(domain)) {
		return "", fmt.Errorf("%q is not a whole domain name; write it like example.com", s)
	}
	return domain, err
}

// numericName is what browsers and resolvers read as an IPv4 address, such as
// 127.1 or 0x7f.0.0.1 (URL Standard, section 3.5, "ends in a number"). No
// domain is lost: top-level ones are alphabetic, RFC 3696 section 2.
var numericName = regexp.MustCompile(`(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$`)

// parseHost reads a host name or IP address.
func parseHost(s string) (string, error) {
	if strings.Contains(s, "@") { // not quoted: a password may stand in it
		return "", errors.New("a host has no user or password in it; write its name or IP address alone")
	}
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return ip.String(), nil
	}
	host, err := parseDomain(s)
	if err != nil || numericName.MatchString(host) {
		return "", fmt.Errorf("%q is no host; write its name or IP address, the port has a key of its own", s)
	}
	return host, nil
}

// parseMailbox reads "Example News <news@example.com>" or a bare address
// (RFC 5322 section 3.4). The domain comes out as ASCII.
func parseMailbox(s string) (mail.Address, error) {
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		if phrase, _, bracketed := strings.Cut(s, "<"); bracketed && strings.ContainsAny(phrase, ",.;:()@") {
			// RFC 5322 section 3.2.3: a phrase with such characters stands in quotes.
			return mail.Address{}, fmt.Errorf(`%q is no address; a name with a comma or dot stands in double quotes, as in '"Example, Inc." <news@example.com>'`, s)
		}
		return mail.Address{}, fmt.Errorf("%q is no address; write it like Example News <news@example.com>", s)
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	domain, err := parseMailDomain(parsed.Address[at+1:])
	if err != nil {
		return mail.Address{}, err
	}
	bare, err := digest.ParseAddress(parsed.Address[:at] + "@" + domain)
	if err != nil {
		return mail.Address{}, err
	}
	// An address with other letters before the @ would make every mail one
	// that only SMTPUTF8 relays take, RFC 6531 section 3.4.
	if strings.ContainsFunc(bare, func(r rune) bool { return r > unicode.MaxASCII }) {
		return mail.Address{}, fmt.Errorf("%q has letters before the @ that many mail servers refuse; use ASCII there", s)
	}
	parsed.Name = strings.TrimSpace(parsed.Name)
	if parsed.Name != "" {
		if parsed.Name, err = parseLine(parsed.Name); err != nil {
			return mail.Address{}, err
		}
	}
	parsed.Address = bare
	return *parsed, nil
}

// parseListen reads an address to listen on, host:port; without a host it is
// every address of the machine.
func parseListen(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.Contains(s, "@") {
		return "", fmt.Errorf("%q is no address to listen on; write it like 127.0.0.1:8080 or :8080", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", fmt.Errorf("%q is no port; it is a number up to 65535", port)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return "", fmt.Errorf("%q is no IP address of this machine; listen on an address, not on a name", host)
	}
	return net.JoinHostPort(host, port), nil
}

// parsePrefix reads an IP address, or a network such as 10.0.0.0/8.
func parsePrefix(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an IP address nor a network like 10.0.0.0/8", s)
	}
	return p.Masked(), nil
}

// parseWebAddress reads an absolute http or https URL without anything that
// would be a secret or would get lost.
func parseWebAddress(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "" {
		return nil, errors.New("this is no web address; write it like https://news.example.com")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q addresses are not read; use http or https", u.Scheme)
	case u.User != nil:
		return nil, errors.New("a web address with a user or password in it would show them to everyone; take them out")
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && err != nil {
		return nil, fmt.Errorf("%s is no port; it is a number up to 65535", u.Port())
	}
	if _, err := parseHost(u.Hostname()); err != nil {
		return nil, fmt.Errorf("%q is no host; write a name like news.example.com", u.Hostname())
	}
	return u, nil
}

// parseOwnURL reads Courant's own public address and gives it without a
// slash at its end. Plain http is for trying out on one machine.
func parseOwnURL(s string) (string, error) {
	u, err := parseWebAddress(s)
	if err != nil {
		return "", err
	}
	switch {
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", errors.New("readers' links must be https; http is for a loopback address only")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("the address may have a path, but nothing from ? or # on")
	}
	host, err := parseHost(u.Hostname())
	if err != nil {
		return "", err
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port() != "" {
		host += ":" + u.Port()
	}
	return u.Scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// parseSourceURL reads the address of a feed or page.
func parseSourceURL(s string) (string, error) {
	u, err := parseWebAddress(s)
	if err != nil {
		return "", err
	}
	u.Fragment = ""
	return u.String(), nil
}

// parseLanguage reads a BCP 47 tag and gives its canonical form.
func parseLanguage(s string) (string, error) {
	tag, err := language.Parse(s)
	if err != nil || tag == language.Und {
		return "", fmt.Errorf("%q is no language; write a BCP 47 tag like en, de or pt-BR", s)
	}
	return tag.String(), nil
}

func parseHomeZone(s string) (string, error) {
	if s == digest.ZoneReader {
		return "", errors.New(`"reader" is no zone; name the one of readers whose own is not known, like Europe/Berlin`)
	}
	return parseZone(s)
}

// parseZone reads an IANA time zone or the word reader. Abbreviations are
// refused, since EST or CET know no summer, and IST is three countries.
func parseZone(s string) (string, error) {
	switch {
	case s == digest.ZoneReader, s == "UTC":
		return s, nil
	case s == "Local" || s == "":
		return "", errors.New("say which zone; the machine's own changes with the machine: write it like Europe/Berlin, or reader")
	case !strings.Contains(s, "/"):
		return "", fmt.Errorf("%q is no region and city%s", s, zoneMeant(s))
	case strings.HasPrefix(s, "posix/") || strings.HasPrefix(s, "right/"):
		return "", fmt.Errorf("%q is a private name of some machines; write the zone like Europe/Berlin", s)
	}
	if _, err := time.LoadLocation(s); err != nil {
		return "", fmt.Errorf("%q is no time zone%s", s, zoneMeant(s))
	}
	return s, nil
}

// parseDays reads 2026-12-24, or 2026-12-24..2027-01-02 with both ends in it.
func parseDays(s string) (digest.DateRange, error) {
	from, to, isRange := strings.Cut(s, "..")
	first, err := parseDate(from)
	if err != nil || !isRange {
		return digest.DateRange{From: first, To: first}, err
	}
	last, err := parseDate(to)
	if err == nil && last.Compare(first) < 0 {
		err = fmt.Errorf("%s ends before it begins; write the earlier day first", s)
	}
	return digest.DateRange{From: first, To: last}, err
}

// parseDate reads a day; time.Parse knows which months have 31 of them.
func parseDate(s string) (digest.Date, error) {
	t, err := time.Parse(time.DateOnly, strings.TrimSpace(s))
	if err != nil {
		return digest.Date{}, fmt.Errorf("%q is no day of the calendar; write it like 2026-12-24, or 2026-12-24..2027-01-02", s)
	}
	return digest.DateOf(t), nil
}

// parseSchedule refuses what would bypass time_zone or the wall clock; the
// hook judges the five fields.
func parseSchedule(check func(string) error) func(string) (string, error) {
	return func(written string) (string, error) {
		s := strings.Join(strings.Fields(written), " ")
		switch upper := strings.ToUpper(s); {
		case s == "":
			return "", nil
		case strings.HasPrefix(upper, "TZ="), strings.HasPrefix(upper, "CRON_TZ="):
			return "", errors.New("the zone has a key of its own: take the prefix away and set time_zone")
		case strings.HasPrefix(upper, "@EVERY"):
			return "", errors.New("@every drifts with each restart; write the five fields, like 0 */6 * * *")
		}
		if check != nil {
			if err := check(written); err != nil { // as written: it may name a place in it
				return "", err
			}
		}
		return s, nil
	}
}

// subjectFields are what a subject may show. render has the last word on
// them; TestSubjectFieldsAreThoseOfRender holds the two together.
func subjectFields() []string {
	return []string{".Publication", ".Title", ".Number", ".Date", ".Weekday", ".Count", ".Lead.Title", ".Lead.Category", ".Lead.By"}
}

// parseSubject reads a subject template. It is run elsewhere; here only its
// grammar and the fields it names are checked.
func parseSubject(check func(string) error) func(string) (string, error) {
	return func(s string) (string, error) {
		s, err := parseLine(s)
		if err != nil {
			return "", err
		}
		t, err := template.New("subject").Parse(s)
		if err != nil {
			return "", fmt.Errorf("the template cannot be read: %s; fields are written like {{.Title}}", strings.TrimPrefix(err.Error(), "template: subject:1: "))
		}
		if len(t.Templates()) > 1 {
			return "", errors.New("a subject defines no templates of its own")
		}
		if t.Tree != nil {
			if err := closedFields(t.Root); err != nil {
				return "", err
			}
		}
		if check != nil {
			if err := check(s); err != nil {
				return "", err
			}
		}
		return s, nil
	}
}

// closedFields refuses fields that no edition has, so that a slip shows here
// and not at seven in the morning.
// closedField judges one field. A bare .Lead may be asked for by {{if}}.
func closedFields(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		return eachField(nodesOf(n))
	case *parse.ActionNode:
		return closedFields(n.Pipe)
	case *parse.PipeNode:
		return eachField(n.Cmds)
	case *parse.CommandNode:
		return eachField(n.Args)
	case *parse.IfNode:
		return eachField([]parse.Node{n.Pipe, orNothing(n.List), orNothing(n.ElseList)})
	case *parse.IdentifierNode:
		return closedFunction(n.Ident)
	case *parse.FieldNode:
		return closedField(n.String())
	case *parse.VariableNode:
		if len(n.Ident) > 1 { // {{$.Title}} is {{.Title}}
			return closedField("." + strings.Join(n.Ident[1:], "."))
		}
	case *parse.RangeNode, *parse.WithNode, *parse.TemplateNode, *parse.ChainNode, *parse.DotNode:
		return fmt.Errorf("a subject shows fields (%s) and may ask {{if}}; it takes no %s", strings.Join(subjectFields(), ", "), n)
	}
	return nil
}

// nodesOf are the nodes of a list that may be missing, as else may.
func nodesOf(n *parse.ListNode) []parse.Node {
	if n == nil {
		return nil
	}
	return n.Nodes
}

// orNothing keeps a nil list from becoming an interface that is not nil.
func orNothing(n *parse.ListNode) parse.Node {
	if n == nil {
		return &parse.ListNode{}
	}
	return n
}

// eachField judges several parts of a template.
func eachField[N parse.Node](all []N) error {
	for _, n := range all {
		if err := closedFields(n); err != nil {
			return err
		}
	}
	return nil
}

// closedFunction lets a condition compare, and refuses what makes text of its
// own: a width given to printf alone would fill the memory of the host.
func closedFunction(name string) error {
	switch name {
	case "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge":
		return nil
	}
	return fmt.Errorf("a subject shows fields as they are; it takes no function %s", name)
}

func closedField(field string) error {
	known := append(subjectFields(), ".Lead")
	for _, k := range known {
		if k == field {
			return nil
		}
	}
	return fmt.Errorf("a subject knows no %s, only %s%s", field, strings.Join(subjectFields(), ", "), didYouMean(field, known))
}

// loopback says whether host is this machine, as far as its name tells.
func loopback(host string) bool {
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.Unmap().IsLoopback()
	}
	// RFC 6761 section 6.3 sends every name below it here, too, but not every
	// resolver does, and then a password would go elsewhere in clear.
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// exampleDomain says whether a domain is one that RFC 2606 and RFC 6761 set
// aside for examples and tests.
func exampleDomain(domain string) bool {
	domain = "." + strings.ToLower(domain)
	for _, set := range []string{".example", ".test", ".invalid", ".localhost", ".example.com", ".example.net", ".example.org"} {
		if strings.HasSuffix(domain, set) {
			return true
		}
	}
	return false
}
