package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// readIdentity reads who sends.
func (c *Config) readIdentity(m *yamlMapping) {
	readKey(m, "name", &c.Name, aLine())
	readKey(m, "url", &c.URL, orUnset(anOwnURL()))
	readKey(m, "from", &c.From, aMailbox())
	readKey(m, "reply_to", &c.ReplyTo, orUnset(aMailbox()))
	readKey(m, "postal_address", &c.PostalAddress, someLines())
	readKey(m, "language", &c.Language, aLanguage())
	m.require("name", "write who the mails come from, as in name: Example News")
	m.require("from", "write the sender, as in from: Example News <news@example.com>")
	m.require("postal_address", "every digest carries one, the law of many countries wants it")
}

// readPlaces reads what belongs to the host.
func (c *Config) readPlaces(m *yamlMapping) {
	readKey(m, "database", &c.Database, aDatabase())
	readKey(m, "data_dir", &c.DataDir, aPath(c.DataDir))
	readKey(m, "secret_file", &c.SecretFile, aPath(""))
	if c.SecretFile == "" {
		c.SecretFile = filepath.Join(c.DataDir, "secret")
	}
	if c.DataDir == "" {
		m.r.fault(m.r.at("data_dir"), "data_dir", "neither XDG_STATE_HOME nor HOME is set; say where Courant may keep its files")
	}
	readKey(m, "listen", &c.Listen, aListener())
	readKey(m, "desk_listen", &c.DeskListen, aListener())
	readItems(m, "trusted_proxies", &c.TrustedProxies, aPrefix())
	receive := m.section("receive")
	readKey(receive, "listen", &c.ReceiveListen, orUnset(aListener()))
	receive.done()
}

// readSending reads how mail leaves.
func (c *Config) readSending(m *yamlMapping) {
	for _, relay := range m.oneOrMore("smtp") {
		c.Relays = append(c.Relays, readRelay(relay))
	}
	readKey(m, "in_doubt", &c.InDoubt, oneOf(InDoubtResend, InDoubtHold))
	delivery := m.section("delivery")
	readKey(delivery, "lease", &c.Lease, aLease())
	readKey(delivery, "fresh_until", &c.FreshUntil, aDuration())
	delivery.done()
	readKey(m, "return_path", &c.ReturnPath, orUnset(aMailDomain()))
	for _, below := range m.oneOrMore("dkim") {
		key := readSigningKey(below)
		// A name in DNS has one record, so one of two keys by that name never verifies.
		if key.Selector != "" && c.signsAs(key.Domain, key.Selector) {
			below.r.fault(below.places["selector"], below.path+".selector", "two keys of %s have the selector %s; each key has a name of its own in DNS", key.Domain, key.Selector)
		}
		c.SigningKeys = append(c.SigningKeys, key)
	}
}

// readRetention reads how long what was is kept.
func (c *Config) readRetention(m *yamlMapping) {
	retention := m.section("retention")
	readKey(retention, "ledger", &c.KeepLedger, aLedgerAge())
	readKey(retention, "addresses", &c.KeepAddresses, anAddressAge())
	retention.done()
}

// readLetters reads how many letters strangers may have sent.
func (c *Config) readLetters(m *yamlMapping) {
	letters := m.section("letters")
	readKey(letters, "per_address", &c.LetterBudgets.PerAddress, aLimit())
	readKey(letters, "per_network", &c.LetterBudgets.PerNetwork, aLimit())
	readKey(letters, "in_all", &c.LetterBudgets.InAll, aLimit())
	letters.done()
}

// readRelay reads one relay. The port follows from the way to speak TLS: 587
// is submission (RFC 6409 section 3.1), 465 submission over TLS (RFC 8314
// section 3.3), 25 a relay on this machine.
func readRelay(m *yamlMapping) Relay {
	relay := Relay{TLS: TLSStart, Connections: 8, Weight: 1}
	readKey(m, "host", &relay.Host, aHost())
	readKey(m, "tls", &relay.TLS, oneOf(TLSStart, TLSFull, TLSNone))
	relay.Port = map[TLS]int{TLSStart: 587, TLSFull: 465, TLSNone: 25}[relay.TLS]
	readKey(m, "port", &relay.Port, wholeNumber(1, 65535))
	readKey(m, "allow_cleartext", &relay.AllowCleartext, aSwitch())
	readKey(m, "username", &relay.Username, orUnset(aLine()))
	readKey(m, "password", &relay.Password, aPassword())
	readKey(m, "password_file", &relay.Password, aPasswordFile())
	readKey(m, "connections", &relay.Connections, wholeNumber(1, 1000))
	readItems(m, "limits", &relay.Limits, aLimit())
	readKey(m, "weight", &relay.Weight, wholeNumber(1, 1000000))
	m.require("host", "write the relay's name, as in host: smtp.example.com")
	m.done()
	checkRelay(m, relay)
	return relay
}

// checkRelay judges a relay's keys against each other.
func checkRelay(m *yamlMapping, relay Relay) {
	has, fault := m.has, func(key, sentence string) {
		m.r.fault(m.r.at(keyPath(m.path, key)), keyPath(m.path, key), "%s", sentence)
	}
	secured := has("password") || has("password_file")
	switch {
	case has("password") && has("password_file"):
		fault("password_file", "password is set, too; keep one of the two")
	case relay.Username != "" && !secured:
		fault("username", "a username needs a password; add password_file")
	case secured && !has("username"):
		fault("password", "a password needs a username; add it")
	}
	if relay.TLS != TLSNone || relay.Host == "" || loopback(relay.Host) {
		return
	}
	switch {
	case !relay.AllowCleartext:
		fault("tls", "mail would leave this machine in clear; use starttls or tls, or set allow_cleartext: true if nobody can listen")
	case secured:
		// RFC 4954 section 4: no mechanism that sends the password in clear without TLS.
		fault("tls", "a password is never sent in clear; use starttls or tls, or take username and password out")
	}
}

// readSigningKey reads one DKIM key. The public half is in DNS under
// selector._domainkey.domain, RFC 6376 section 3.6.2.1.
func readSigningKey(m *yamlMapping) SigningKey {
	var key SigningKey
	readKey(m, "domain", &key.Domain, aMailDomain())
	readKey(m, "selector", &key.Selector, aSelector())
	readKey(m, "key_file", &key.KeyFile, aKeyFile())
	m.require("domain", "write the domain that signs, as in domain: example.com")
	m.require("selector", "write the name the key has in DNS, as in selector: courant")
	m.require("key_file", "write where the private key lies, as in key_file: dkim.pem")
	m.done()
	return key
}

// readSources reads the sources. Names are what the rows of a source are
// found by, so two sources never share one; two sources with one address
// would give every article twice.
func (c *Config) readSources(m *yamlMapping, hooks configHooks) {
	readKey(m, "allow_private_sources", &c.AllowPrivateSources, aSwitch())
	first := map[string]string{}
	for _, below := range m.several("sources") {
		s := c.readSource(below, hooks)
		for _, identity := range []string{"name " + s.Name, "address " + s.URL} {
			if other, taken := first[identity]; taken && !strings.HasSuffix(identity, " ") {
				m.r.fault(below.at, below.path, "%s has the same %s; a source is there once", other, strings.Fields(identity)[0])
			} else {
				first[identity] = below.path
			}
		}
		c.Sources = append(c.Sources, s)
		if m.shape == nil {
			m.r.items["sources"] = append(m.r.items["sources"], below.path)
		}
	}
}

// readSource reads one source. Without a category its articles bring their
// own.
func (c *Config) readSource(m *yamlMapping, hooks configHooks) digest.Source {
	var s digest.Source
	readKey(m, "name", &s.Name, aLine())
	s.Category, s.Categories = readCategory(m)
	for _, kind := range []digest.SourceKind{digest.SourceFeed, digest.SourcePage} {
		if readKey(m, string(kind), &s.URL, aSourceURL()) {
			s.Kind = kind
			c.checkSourceHost(m, s)
		}
	}
	if readKey(m, "folder", &s.URL, aFolder()) {
		s.Kind = digest.SourceFolder
	}
	c.readPush(m, &s)
	readKey(m, "url_prefix", &s.Prefix, orUnset(aSourceURL()))
	if s.Prefix != "" && s.Kind != digest.SourceFolder {
		m.r.fault(m.r.at(keyPath(m.path, "url_prefix")), keyPath(m.path, "url_prefix"), "only the files of a folder need it; take it away")
	}
	if s.Points = readPoints(m, hooks); s.Points.Says() && s.Kind == digest.SourcePush {
		m.r.fault(m.r.at(keyPath(m.path, "points")), keyPath(m.path, "points"), "what is pushed brings its own points; take the rule away")
	}
	m.require("name", "name the source, as in name: Military wire")
	m.requireEither("a source needs feed or page, the address to read, or folder, the path to read, or push: true", "is set, too; a source is one of them", "feed", "page", "folder", "push")
	m.done()
	return s
}

// checkSourceHost tells early what the connection will be refused for; a
// name may still lead inside, so ingest looks at the address it connects to.
func (c *Config) checkSourceHost(m *yamlMapping, s digest.Source) {
	path := keyPath(m.path, string(s.Kind))
	u, err := url.Parse(s.URL)
	if err != nil {
		return // parseSourceURL made it
	}
	switch host := u.Hostname(); {
	case linkLocal(host):
		m.r.fault(m.r.at(path), path, "%s is never read: link-local addresses hold the secrets of cloud machines", host)
	case digest.PrivateHost(host) && !c.AllowPrivateSources:
		m.r.warn(m.r.at(path), path, "%s is a private address and will not be read; set allow_private_sources: true if it is meant", host)
	}
}

// readLists reads the lists. Confirmation is on unless it is switched off, and
// sign-up is off unless it is switched on: many lists are made by imports.
func (c *Config) readLists(m *yamlMapping) {
	for _, below := range m.section("lists").named() {
		list := List{Name: below.name, Title: below.name, Confirm: true}
		readKey(below.keys, "title", &list.Title, aLine())
		readKey(below.keys, "confirm", &list.Confirm, aSwitch())
		readKey(below.keys, "sign_up", &list.SignUp, aSwitch())
		below.keys.done()
		c.Lists = append(c.Lists, list)
	}
}

// readDigests reads the digests. What they share with all others, language,
// layout and fresh_until, is written into each.
func (c *Config) readDigests(m *yamlMapping, hooks configHooks) {
	for _, below := range m.section("digests").named() {
		d := digest.Digest{
			Name: below.name, Title: below.name, TimeZone: "UTC", HomeZone: "UTC", Language: c.Language, Layout: c.Layout,
			MaxArticles: 10, MinArticles: 1, Subject: "{{.Title}}: {{.Lead.Title}}",
			Order: digest.Newest, HalfLife: digest.DefaultHalfLife,
			CatchUp: digest.CatchUpLatest, MaxLateness: 12 * time.Hour, FreshUntil: c.FreshUntil, Archive: digest.ArchiveNoindex,
		}
		m := below.keys
		readKey(m, "title", &d.Title, aLine())
		readKey(m, "about", &d.About, orUnset(aLine()))
		readKey(m, "schedule", &d.Schedule, aSchedule(hooks.Schedule))
		readKey(m, "time_zone", &d.TimeZone, aZone())
		readKey(m, "home_zone", &d.HomeZone, aHomeZone())
		readItems(m, "lists", &d.Lists, aName())
		readItems(m, "categories", &d.Categories, aLine())
		readKey(m, "max_articles", &d.MaxArticles, wholeNumber(1, 1000))
		readKey(m, "min_articles", &d.MinArticles, wholeNumber(0, 1000))
		readKey(m, "max_per_category", &d.MaxPerCategory, wholeNumber(0, 1000))
		readKey(m, "max_per_source", &d.MaxPerSource, wholeNumber(0, 1000))
		readKey(m, "order", &d.Order, oneOf(digest.Newest, digest.Ranked))
		readKey(m, "half_life", &d.HalfLife, aDuration())
		readKey(m, "subject", &d.Subject, aSubject(hooks.Subject))
		readKey(m, "layout", &d.Layout, aLayout())
		c.readOwnBrand(m, below.name)
		var own OwnTemplates
		if readKey(m, "templates", &own.Dir, aPath("")) && own.Dir != "" {
			c.OwnTemplates[below.name] = own
		}
		readKey(m, "catch_up", &d.CatchUp, oneOf(digest.CatchUpLatest, digest.CatchUpAll, digest.CatchUpNone))
		readKey(m, "max_lateness", &d.MaxLateness, aDuration())
		readItems(m, "skip", &d.Skip, someDays())
		readKey(m, "archive", &d.Archive, oneOf(digest.ArchiveNoindex, digest.ArchiveIndex, digest.ArchiveNone))
		m.requireItems("lists", "name the lists that get this digest, as in lists: [readers]")
		m.requireItems("categories", "name what this digest is about, as in categories: [World]")
		m.done()
		c.Digests = append(c.Digests, d)
	}
}

// namedKeys is a mapping whose key is a name that the editor chose.
type namedKeys struct {
	keys *yamlMapping
	name string
}

// named takes every key of m as a name with a mapping behind it.
func (m *yamlMapping) named() []namedKeys {
	if m.shape != nil {
		below, names := aMapping(), aName().shape
		m.shape.PropertyNames, m.shape.AdditionalProperties = &names, below
		return []namedKeys{{keys: &yamlMapping{r: m.r, path: m.path, shape: below}}}
	}
	var all []namedKeys
	for _, key := range slices.Clone(m.order) {
		if _, err := parseName(key); err != nil {
			m.r.fault(m.places[key], keyPath(m.path, key), "%v", err)
		}
		all = append(all, namedKeys{m.section(key), key})
	}
	return all
}

// withoutPassword is a database's address as it may be printed.
func withoutPassword(u url.URL) string {
	if _, written := u.User.Password(); written {
		u.User = url.UserPassword(u.User.Username(), "redacted")
	}
	query, hidden := u.Query(), false
	for _, key := range []string{"password", "sslpassword"} {
		if query.Has(key) {
			query.Set(key, "redacted")
			hidden = true
		}
	}
	if hidden {
		u.RawQuery = query.Encode()
	}
	return u.String()
}

// parseDatabase reads a postgres:// URL. Faults never quote it: a password
// stands in it.
func parseDatabase(v yamlValue) (secret, error) {
	s, err := v.expanded()
	if err != nil || strings.TrimSpace(s) == "" {
		return secret{}, err
	}
	bad := errors.New("this is no address of a database; write it like postgres://user:${PASSWORD}@host/name, special characters of the password percent-encoded")
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || !postgresAddress(strings.TrimSpace(s), u) {
		return secret{}, bad
	}
	if _, written := u.User.Password(); written && v.r.worldReadable && v.literal() {
		v.r.warn(v.at, v.path, "others can read this file and the password in it; chmod 600 it, or use ${ENV}")
	}
	shown := withoutPassword(*u)
	if raw, _ := v.rawText(); !v.literal() {
		// Which part of it the environment keeps secret is not known here.
		shown = userPassword.ReplaceAllString(queryPassword.ReplaceAllString(raw, "${1}redacted"), "${1}:redacted@")
	}
	return secret{value: strings.TrimSpace(s), shown: shown}, nil
}

// postgresAddress says whether u, written as s, is a server's address. The
// driver takes its scheme in small letters only, and reads all else as a list
// of key=value, whose faults it quotes.
func postgresAddress(s string, u *url.URL) bool {
	scheme, rest, _ := strings.Cut(s, "://")
	if scheme != "postgres" && scheme != "postgresql" || strings.Contains(rest, "://") {
		return false
	}
	return u.Opaque == "" && (u.Host != "" || u.Query().Get("host") != "")
}

// parsePassword reads a password, best from the environment.
func parsePassword(v yamlValue) (secret, error) {
	s, err := v.expanded()
	if err != nil {
		return secret{}, err
	}
	if v.r.worldReadable && v.literal() {
		v.r.warn(v.at, v.path, "others can read this file and the password in it; chmod 600 it, or use password_file or ${ENV}")
	}
	return cleanSecret(s)
}

// cleanSecret refuses what no server takes as a password (RFC 4616 section 2
// has no NUL, and a line break is a slip of an editor).
func cleanSecret(s string) (secret, error) {
	switch {
	case s == "":
		return secret{}, errors.New("the password is empty; write one, or take the key and username away")
	case strings.ContainsAny(s, "\x00\r\n"):
		return secret{}, errors.New("the password has more than one line; it stands alone, on one")
	}
	return secret{value: s}, nil
}

// parseFolder reads a path that is not empty. Whether a folder is there is not
// asked: a disk that is not mounted today is a source that fails, and no reason
// not to send what the others bring.
func parseFolder(v yamlValue) (string, error) {
	path, err := pathOr("")(v)
	if err == nil && path == "" {
		err = errors.New("the path is empty; name a folder or take the key away")
	}
	return path, err
}

// pathOr reads a path; the config's own directory is where relative ones
// begin. An empty one is the default.
func pathOr(standard string) func(yamlValue) (string, error) {
	return func(v yamlValue) (string, error) {
		s, err := v.text()
		if err != nil || strings.TrimSpace(s) == "" {
			return standard, err
		}
		return v.r.path(s)
	}
}

// path is an absolute path; a relative one begins beside the config, wherever
// the program was started.
func (r *configReader) path(s string) (string, error) {
	switch {
	case strings.ContainsRune(s, 0):
		return "", errors.New("the path holds a NUL character; take it out")
	case strings.HasPrefix(s, "~"):
		return "", errors.New("~ is known to shells only; write the whole path")
	case filepath.IsAbs(s):
		return filepath.Clean(s), nil
	}
	return filepath.Join(r.dir, s), nil
}

// passwordFile reads the file that holds a password.
func passwordFile(v yamlValue) (secret, error) {
	_, text, open, err := v.file()
	if err != nil {
		return secret{}, err
	}
	if open {
		v.r.warn(v.at, v.path, "others can read or change the file; chmod 600 it")
	}
	return cleanSecret(strings.TrimRight(string(text), "\r\n"))
}

// signingKeyFile finds the file that holds a DKIM key. What kind of key it
// is and whether it is strong enough, submit judges.
func signingKeyFile(v yamlValue) (string, error) {
	path, text, open, err := v.file()
	if err != nil {
		return "", err
	}
	if open {
		return "", fmt.Errorf("others can read or change the key in %s, and sign mail as you; chmod 600 it", path)
	}
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return "", fmt.Errorf("%s holds no private key in PEM form; it begins with -----BEGIN PRIVATE KEY-----", path)
	}
	return path, nil
}

// maxSecretFile is far above any password or key.
const maxSecretFile = 64 << 10

// file reads the file a key names. open says that others may read or change
// it.
func (v yamlValue) file() (path string, text []byte, open bool, err error) {
	s, err := v.text()
	if err != nil {
		return "", nil, false, err
	}
	if strings.TrimSpace(s) == "" {
		return "", nil, false, errors.New("the path is empty; name a file or take the key away")
	}
	if path, err = v.r.path(s); err != nil {
		return "", nil, false, err
	}
	v.r.secrets = append(v.r.secrets, path)
	text, open, err = readSecret(path)
	v.r.files = v.r.files.with(path, text)
	return path, text, open, err
}

// readSecret reads a file of a secret. Its faults name the file and never
// what is in it.
func readSecret(path string) (text []byte, open bool, err error) {
	// A pipe or device would hold up the start for ever.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, fmt.Errorf("there is no file %s; put it there, or write where it lies", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, false, fmt.Errorf("%s may not be read by this account; chown or chgrp it", path)
	case err != nil:
		return nil, false, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	case !info.Mode().IsRegular():
		return nil, false, fmt.Errorf("%s is no plain file; name the file itself", path)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, false, fmt.Errorf("%s may not be read by this account; chown or chgrp it", path)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	}
	defer f.Close()
	text, err = io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, false, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	if len(text) > maxSecretFile {
		return nil, false, fmt.Errorf("%s is larger than %d KB: is it the right file?", path, maxSecretFile>>10)
	}
	return text, openToOthers(info), nil
}

// mailDomain is the domain of a mailbox; empty for none.
func mailDomain(a mail.Address) string {
	if a.Address == "" {
		return ""
	}
	return digest.Domain(a.Address)
}
