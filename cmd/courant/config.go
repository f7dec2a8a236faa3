package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"courant/digest"
	"courant/digest/ingest"
	"courant/digest/render"
)

// Config is everything the editors' file says, with the defaults filled in.
// Names and paths are whole: domains are ASCII, paths absolute, durations
// Go's. It is read once and never changed.
type Config struct {
	File string // where it was read from

	Name          string
	URL           string // Courant's own public address, without a slash at its end
	From          mail.Address
	ReplyTo       mail.Address // zero: none
	PostalAddress string       // may have several lines
	Language      string       // BCP 47

	Layout       string                  // of the mails of digests that name none
	Brand        render.Look             // whole but for its logo
	Templates    OwnTemplates            // the publication's
	Looks        map[string]render.Look  // of digests that have their own, by name; empty parts are the publication's
	OwnTemplates map[string]OwnTemplates // of digests that have their own, by name

	Database   secret // a postgres:// URL; zero: a private Postgres in DataDir
	DataDir    string
	SecretFile string

	Listen         string // host:port of the readers' pages
	DeskListen     string // host:port of the desk
	TrustedProxies []netip.Prefix

	Relays              []Relay
	InDoubt             InDoubt
	Lease               time.Duration // how long a lane may hold its deliveries
	FreshUntil          time.Duration // a delivery expires so long after its instant
	ReturnPath          string        // domain of the envelope senders; empty: From sends
	ReceiveListen       string        // host:port for returned mail; empty: none
	KeepLedger          time.Duration // how long the ledger's rows are kept
	KeepAddresses       time.Duration // how long addresses of those who left everything are kept
	LetterBudgets       LetterBudgets
	SigningKeys         []SigningKey
	AllowPrivateSources bool
	Endpoint            Endpoint // a language model; zero URL: none

	// Example is a domain for examples that mail would be sent with, beyond this
	// machine; nothing is sent then. Empty: there is none.
	Example string

	Sources []digest.Source // in the file's order
	Rules   []ingest.Rule   // in the file's order
	Tokens  []PushToken     // of the sources that are pushed
	Lists   []List          // in the file's order
	Digests []digest.Digest // in the file's order

	wanted []string // in ofSources: the categories that digests take
	files  readFiles
}

// Relay is one SMTP server that takes Courant's mail.
type Relay struct {
	Host           string // name or IP address
	Port           int
	Username       string // empty: no authentication
	Password       secret
	TLS            TLS
	AllowCleartext bool // TLSNone is meant, though the relay is not on loopback
	Connections    int
	Limits         []Limit
	Weight         int // its share among several relays
}

// TLS says how the connection to a relay is kept from listeners.
type TLS string

// The ways to speak TLS.
const (
	TLSStart TLS = "starttls" // mandatory STARTTLS, RFC 3207
	TLSFull  TLS = "tls"      // from the first byte, RFC 8314 section 3.3
	TLSNone  TLS = "none"
)

// InDoubt says what becomes of a mail whose final dot was never answered.
type InDoubt string

// The answers to doubt.
const (
	InDoubtResend InDoubt = "resend" // once more, with the same Message-ID
	InDoubtHold   InDoubt = "hold"   // a person decides
)

// SigningKey is a DKIM key (RFC 6376).
type SigningKey struct {
	Domain   string
	Selector string
	KeyFile  string // PEM, not readable by others
}

// LetterBudgets is how many letters strangers may have sent by the pages.
type LetterBudgets struct {
	PerAddress Limit // of one kind
	PerNetwork Limit
	InAll      Limit
}

// List is a list that readers subscribe to.
type List struct {
	Name    string
	Title   string
	Confirm bool // double opt-in of those whom a program signs up; a page always asks
	SignUp  bool // anyone may sign up at /s/NAME
}

// configHooks judge what config itself must not know: only one room reads
// cron expressions, and only one runs subjects. A nil hook agrees.
type configHooks struct {
	Schedule      func(spec string) error
	PointSelector func(css string) error
	DropLine      func(line string) error
	Subject       func(template string) error
}

// loadConfig reads a config file. It gives the config and what is doubtful
// about it, or as error the Faults, all of them at once. env looks up the
// environment, as os.LookupEnv does.
func loadConfig(path string, env func(string) (string, bool), hooks configHooks) (Config, []Fault, error) {
	text, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil, fmt.Errorf("there is no config at %s; `courant init` writes one (config.example.yaml shows every key), or name another by --config", path)
	}
	switch {
	case errors.Is(err, syscall.EISDIR):
		return Config{}, nil, fmt.Errorf("%s is a directory; name the config in it, as in --config %s", path, filepath.Join(path, "courant.yaml"))
	case errors.Is(err, fs.ErrPermission):
		return Config{}, nil, fmt.Errorf("this account may not read the config %s; run courant as the account that owns it, or let this one read it by chgrp and chmod g+r", path)
	case err != nil:
		return Config{}, nil, fmt.Errorf("read the config: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, nil, fmt.Errorf("read the config: %w", err)
	}
	r := &configReader{file: path, dir: dir, env: env}
	if info, err := os.Stat(path); err == nil {
		r.worldReadable = openToOthers(info)
	}
	c := readConfig(r, text, hooks)
	if len(r.faults) > 0 {
		return Config{files: r.files}, sortFaults(r.warnings), Faults(sortFaults(r.faults))
	}
	c.files = r.files
	return c, sortFaults(r.warnings), nil
}

// readBounded reads a file, or so much of it that parse will call it too
// large. It may be a pipe.
func readBounded(path string) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
}

// readConfig fills a Config from the text of a file. It is worth something
// only if r has no faults afterwards.
func readConfig(r *configReader, text []byte, hooks configHooks) Config {
	c := unwritten(defaultDataDir(os.Geteuid() == 0, r.env))
	c.File = r.file
	m := r.parse(text)
	if m == nil {
		return c
	}
	c.read(m, hooks)
	if len(r.unread) == 0 {
		// What a syntax fault swallowed would look missing here.
		c.check(r, m)
	}
	return c
}

// unwritten is the config of which nothing is written: the defaults.
func unwritten(dataDir string) Config {
	return Config{
		Language: "en", DataDir: dataDir,
		Layout: render.DefaultLayout, Brand: render.Shipped(), Looks: map[string]render.Look{}, OwnTemplates: map[string]OwnTemplates{},
		Listen: "127.0.0.1:8080", DeskListen: "127.0.0.1:8081",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		InDoubt:        InDoubtResend,
		Lease:          5 * time.Minute,
		FreshUntil:     24 * time.Hour,
		KeepLedger:     400 * 24 * time.Hour,
		KeepAddresses:  35 * 24 * time.Hour,
		Endpoint:       noEndpoint(),
		LetterBudgets:  LetterBudgets{PerAddress: Limit{1, 24 * time.Hour}, PerNetwork: Limit{30, time.Hour}, InAll: Limit{1000, time.Hour}},
	}
}

// read takes every key of the top mapping.
func (c *Config) read(m *yamlMapping, hooks configHooks) {
	c.readIdentity(m)
	c.readMails(m)
	c.readPlaces(m)
	c.readSending(m)
	c.readRetention(m)
	c.readLetters(m)
	c.readSources(m, hooks)
	c.readCategories(m)
	c.readEndpoint(m)
	c.readLists(m)
	c.readDigests(m, hooks)
	m.done()
}

// defaultDataDir is where Courant keeps its files unless told otherwise.
// Empty says that the environment names no place.
func defaultDataDir(root bool, env func(string) (string, bool)) string {
	if root {
		return "/var/lib/courant"
	}
	// The XDG base directory specification wants relative paths ignored.
	if state, _ := env("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "courant")
	}
	if home, _ := env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "courant")
	}
	return ""
}

// openToOthers says whether people outside the file's owner and group may
// read or change it.
func openToOthers(info fs.FileInfo) bool { return info.Mode().Perm()&0o006 != 0 }

// Hash names the effective config: the same for the same mails, on every host
// that shares a database. Secrets are no part of it, nor is what belongs to
// one host: paths, the database's address, what the host listens on; nor how
// long rows are kept and how many letters strangers get.
func (c Config) Hash() string {
	c.KeepLedger, c.KeepAddresses, c.LetterBudgets = 0, 0, LetterBudgets{}
	c.File, c.DataDir, c.SecretFile, c.Database = "", "", "", secret{}
	c.Tokens = nil
	c.Listen, c.DeskListen, c.ReceiveListen, c.TrustedProxies, c.Example = "", "", "", nil, ""
	c.Templates.Dir, c.OwnTemplates = "", maps.Clone(c.OwnTemplates)
	for name, own := range c.OwnTemplates {
		c.OwnTemplates[name] = OwnTemplates{Sum: own.Sum}
	}
	c.Endpoint.Key = secret{}
	c.Relays = append([]Relay(nil), c.Relays...)
	for i := range c.Relays {
		c.Relays[i].Password = secret{}
	}
	c.SigningKeys = append([]SigningKey(nil), c.SigningKeys...)
	for i := range c.SigningKeys {
		c.SigningKeys[i].KeyFile = ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		// No field of Config can fail to marshal; TestConfigHash holds that.
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// onlyLoopback says whether no mail can leave this machine.
func (c Config) onlyLoopback() bool {
	for _, relay := range c.Relays {
		if relay.Host != "" && !loopback(relay.Host) {
			return false
		}
	}
	return true
}

// listNames are the lists' names, in the file's order.
func (c Config) listNames() []string {
	var names []string
	for _, l := range c.Lists {
		names = append(names, l.Name)
	}
	return names
}

// categories are those that sources name, each once. open says that a source
// names none, so that its articles may bring any.
func (c Config) categories() (names []string, open bool) {
	for _, s := range c.Sources {
		all := s.AllCategories()
		open = open || all == nil
		for _, category := range all {
			if !slices.Contains(names, category) {
				names = append(names, category)
			}
		}
	}
	return names, open
}

// filing is how articles get their categories: by the rules, and by the names
// of those that digests take.
func (c Config) filing() *ingest.Filing {
	var names []string
	for _, d := range c.Digests {
		names = append(names, d.Categories...)
	}
	sources, _ := c.categories()
	return ingest.NewFiling(c.Rules, append(names, sources...))
}
