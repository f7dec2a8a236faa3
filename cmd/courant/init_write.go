package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/rivo/uniseg"
	"golang.org/x/sys/unix"
)

// What the first config is about.
const (
	initDigest      = "morning"
	initDigestTitle = "Morning Brief"
	initList        = "readers"
)

// initPlace is where the config will lie, and what lies there already.
type initPlace struct {
	dir          string
	config       string // the file's name in dir
	passwordName string
	taken        bool     // a file of that name is there
	password     string   // what it holds; empty: nothing that is a password
	halves       []string // of an init that was killed
}

// schemaName is the file beside the config by which editors complete its keys.
const schemaName = "courant.schema.json"

// unfinished begins the names of files that are not in their place yet.
const unfinished = ".courant-init-"

// newPlace looks at the directory before anything is asked: it would be a pity
// about five answers.
func newPlace(config string) (initPlace, error) {
	dir, name := filepath.Split(filepath.Clean(config))
	if dir == "" {
		dir = "."
	}
	at := initPlace{dir: dir, config: name, passwordName: "smtp-password"}
	if stem := strings.TrimSuffix(name, filepath.Ext(name)); stem != "courant" {
		at.passwordName = stem + ".smtp-password" // two configs share a directory, not a password
	}
	if err := at.free(); err != nil {
		return at, err
	}
	if _, err := os.Lstat(at.path(at.passwordName)); err == nil {
		at.taken = true
		if text, _, err := readSecret(at.path(at.passwordName)); err == nil {
			at.password = strings.TrimRight(string(text), "\r\n")
		}
	}
	halves, err := filepath.Glob(filepath.Join(globQuoted(dir), unfinished+"*"))
	if err != nil {
		return at, fmt.Errorf("look into %s: %w", dir, err)
	}
	at.halves = halves
	return at, nil
}

// free says whether the config can be put here.
func (at initPlace) free() error {
	config := at.path(at.config)
	if _, err := os.Lstat(config); err == nil {
		return fmt.Errorf("%s is there already, and init overwrites nothing; name another by --config, as in --config other.yaml, or remove it first", config)
	}
	info, err := os.Stat(at.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no directory %s; run: mkdir -p %s", at.dir, shellWordOf(at.dir))
	case err != nil:
		return fmt.Errorf("look for a place for %s: %w", at.config, err)
	case !info.IsDir():
		return fmt.Errorf("%s is no directory; name another place by --config", at.dir)
	}
	if err := unix.Access(at.dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("this account may not write in %s (%w); name another place by --config", at.dir, err)
	}
	return nil
}

// globQuoted keeps a directory's own * and [ from being patterns.
func globQuoted(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

func (at initPlace) path(name string) string { return filepath.Join(at.dir, name) }

// notes say what an earlier init left behind.
func (at initPlace) notes() (notes []string) {
	if at.taken {
		notes = append(notes, fmt.Sprintf("%s is there already, from an earlier init or another config; it is kept, and the password in it can be taken again", at.passwordName))
	}
	for _, half := range at.halves {
		notes = append(notes, fmt.Sprintf("%s is left of an init that was killed; nothing needs it: rm %s", filepath.Base(half), shellWordOf(half)))
	}
	return notes
}

// named is how the config names a file: relative where it lies below the
// config, so that both can be moved.
func (at initPlace) named(file string) (string, error) {
	whole, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", file, err)
	}
	dir, err := filepath.Abs(at.dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", at.dir, err)
	}
	if short, err := filepath.Rel(dir, whole); err == nil && filepath.IsLocal(short) && !strings.HasPrefix(short, "~") {
		return short, nil
	}
	return whole, nil
}

// config is the draft as what reads it sees it, as far as sending goes.
func (d draft) config() Config { return Config{Relays: []Relay{d.Relay}} }

// yaml is the config as text: what was answered so far, and the digest.
func (d draft) yaml() string {
	var b strings.Builder
	line := func(indent, key, value, comment string) {
		if value == "" {
			return
		}
		if b.WriteString(indent + key + ": " + yamlScalar(value)); comment != "" {
			b.WriteString("  # " + comment)
		}
		b.WriteByte('\n')
	}
	b.WriteString("# yaml-language-server: $schema=" + schemaName + "\n# Written by courant init. `courant check` says whether it is right, `courant schema` which keys there are.\n")
	line("", "name", d.Name, "")
	line("", "url", d.URL, "where readers open the pages; a proxy leads to 127.0.0.1:8080")
	if d.From.Address != "" {
		line("", "from", mailboxText(d.From), "")
	}
	line("", "postal_address", d.Postal, "")
	line("", "language", d.Language, "of the texts around the articles")
	line("", "data_dir", d.DataDir, "the usual one holds another publication's readers")
	b.WriteString(d.smtpYAML())
	if d.Private {
		b.WriteString("allow_private_sources: true  # the source below is inside this network\n")
	}
	if d.Source.URL != "" {
		b.WriteString("sources:\n" + compactMapping("  - ", "    ", [][2]string{{"name", d.Source.Name}, {string(d.Source.Kind), d.Source.URL}, {"category", d.Source.Category}}))
		b.WriteString("lists:\n  " + initList + ": {title: All readers}\ndigests:\n  " + initDigest + ":\n")
		line("    ", "title", initDigestTitle, "")
		b.WriteString("    schedule: \"0 7 * * 1-5\"  # minute, hour, day of month, month, day of week\n")
		line("    ", "time_zone", d.Zone, "")
		b.WriteString("    lists: [" + initList + "]\n    categories: [" + yamlInFlow(d.Source.Category) + "]\n")
	}
	return b.String()
}

func (d draft) smtpYAML() string {
	r := d.Relay
	if r.Host == "" {
		return ""
	}
	pairs := [][2]string{{"host", r.Host}, {"port", strconv.Itoa(r.Port)}, {"tls", string(r.TLS)}}
	if d.PasswordFile != "" {
		pairs = append(pairs, [2]string{"username", r.Username}, [2]string{"password_file", d.PasswordFile})
	}
	text := compactMapping("  ", "  ", pairs)
	if strings.Count(text, "\n") == 1 {
		return "smtp: " + strings.TrimSpace(text) + "\n"
	}
	return "smtp:\n" + text
}

// widestLine is where a mapping in one line would be hard to read.
const widestLine = 140

// compactMapping is a mapping in one line, or, where that would be too long, with
// a line for each key: the first behind lead, the others behind indent.
func compactMapping(lead, indent string, pairs [][2]string) string {
	var flow, block []string
	for n, p := range pairs {
		value, written := yamlScalar(p[1]), yamlInFlow(p[1])
		if p[0] == "port" { // the only number
			value, written = p[1], p[1]
		}
		flow = append(flow, p[0]+": "+written)
		if n > 0 {
			lead = indent
		}
		block = append(block, lead+p[0]+": "+value+"\n")
	}
	if line := "{" + strings.Join(flow, ", ") + "}"; uniseg.StringWidth(line) <= widestLine {
		return block[0][:strings.Index(block[0], pairs[0][0])] + line + "\n"
	}
	return strings.Join(block, "")
}

// yamlInFlow is yamlScalar between the brackets of a line, where some signs
// mean more (YAML 1.2.2 section 7.3.3).
func yamlInFlow(s string) string {
	if text := yamlScalar(s); !strings.ContainsAny(s, ",[]{}\"'") || text[0] == '"' {
		return text
	}
	return inQuotes(s)
}

// yamlScalar is a text as YAML: as YAML's own writer has it, or in JSON's
// quotes where the config's reader would not read that back.
func yamlScalar(s string) string {
	if text, err := yaml.Marshal(s); err == nil {
		plain := strings.TrimSuffix(string(text), "\n")
		if got, err := readText(plain); err == nil && got == s && !strings.Contains(plain, "\n") {
			return plain
		}
	}
	return inQuotes(s)
}

// inQuotes is a text in JSON's quotes, which are YAML's too.
func inQuotes(s string) string {
	var b strings.Builder
	quote := json.NewEncoder(&b)
	quote.SetEscapeHTML(false)
	// A string always encodes: what is no UTF-8 becomes U+FFFD.
	_ = quote.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

// readText is what the config's reader makes of a scalar.
func readText(written string) (string, error) {
	r := &configReader{env: func(string) (string, bool) { return "", false }}
	m := r.parse([]byte("name: " + written + "  # comment\n"))
	if len(r.faults) > 0 {
		return "", errors.New(r.faults[0].Message)
	}
	if m == nil {
		return "", errors.New("this is no text of a config")
	}
	v, _ := m.take("name")
	return v.text()
}

// fitForConfig says whether a text can stand in a config: ${...} can't, nor what
// is no UTF-8.
func fitForConfig(s string) error {
	switch got, err := readText(yamlScalar(s)); {
	case err != nil:
		return err
	case got != s:
		return errors.New("this is no UTF-8 text; set the terminal to UTF-8")
	}
	return nil
}

// writableLine is parseLine for what will stand in a config.
func writableLine(s string) (string, error) {
	s, err := parseLine(s)
	if err != nil {
		return "", err
	}
	return s, fitForConfig(s)
}

// faults are what the config has against the draft so far; what is still to be
// answered is among them.
func (d draft) faults(p *program, dir string) []Fault {
	r := &configReader{file: "answers", dir: dir, env: p.env}
	readConfig(r, []byte(d.yaml()), p.hooks())
	return sortFaults(r.faults)
}

// write puts the files in place: the password first, the config last, so that
// a config that is there is whole. It gives their names, and what is doubtful
// about the config.
func (i *interview) write() (written, warnings []string, err error) {
	d, at := i.draft, i.place
	fresh := d.PasswordFile == at.passwordName && !at.taken
	if fresh {
		if err := placeFile(at.path(at.passwordName), 0o600, []byte(d.Relay.Password.reveal()+"\n")); err != nil {
			return nil, nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(at.path(at.passwordName)))
			}
		}()
	}
	schema, err := at.placeSchema()
	if err != nil {
		return nil, nil, err
	}
	if schema {
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(at.path(schemaName)))
			}
		}()
	}
	half, err := writeHalf(at.dir, 0o644, []byte(d.yaml()))
	if err != nil {
		return nil, nil, err
	}
	warnings, err = i.readBack(half)
	if err != nil {
		return nil, nil, errors.Join(err, os.Remove(half))
	}
	if err := putInPlace(half, at.path(at.config)); err != nil {
		return nil, nil, err
	}
	written = []string{i.configFile}
	if fresh {
		written = append(written, at.path(at.passwordName)+" (only you can read it)")
	}
	if schema {
		written = append(written, at.path(schemaName)+" (for your editor)")
	}
	return written, warnings, nil
}

// placeSchema puts the schema beside the config. One that is there, perhaps
// of another version, stays: it changes nothing but what editors suggest.
func (at initPlace) placeSchema() (placed bool, err error) {
	if _, err := os.Lstat(at.path(schemaName)); err == nil {
		return false, nil
	}
	schema, err := configSchema()
	if err != nil {
		return false, fmt.Errorf("make the config's schema: %w", err)
	}
	return true, placeFile(at.path(schemaName), 0o644, schema)
}

// readBack loads what was written, as every later command will, and wants the
// answers back.
func (i *interview) readBack(path string) (warnings []string, err error) {
	c, doubts, err := loadConfig(path, i.env, i.hooks())
	if err != nil {
		return nil, fmt.Errorf("this is a fault of init itself, please report it: it wrote a config that is refused; %s: %w", nothingWritten, err)
	}
	d := i.draft
	same := c.Name == d.Name && c.From == d.From && c.PostalAddress == d.Postal && c.URL == d.URL && c.Language == d.Language &&
		len(c.Relays) == 1 && c.Relays[0].same(d.Relay) && len(c.Sources) == 1 && reflect.DeepEqual(c.Sources[0], d.Source) &&
		len(c.Digests) == 1 && c.Digests[0].TimeZone == d.Zone && len(c.Digests[0].Categories) == 1 && c.Digests[0].Categories[0] == d.Source.Category
	if !same {
		return nil, fmt.Errorf("this is a fault of init itself, please report it: the config it wrote is not read as what was answered; %s", nothingWritten)
	}
	for _, w := range doubts {
		warnings = append(warnings, w.Path+": "+w.Message)
	}
	return warnings, nil
}

// same says whether two relays are one, as init asks for them.
func (r Relay) same(other Relay) bool {
	return r.Host == other.Host && r.Port == other.Port && r.TLS == other.TLS && r.Username == other.Username && r.Password.reveal() == other.Password.reveal()
}

// placeFile makes a file that is whole as soon as it is there, and never
// replaces one.
func placeFile(path string, mode fs.FileMode, text []byte) error {
	half, err := writeHalf(filepath.Dir(path), mode, text)
	if err != nil {
		return err
	}
	return putInPlace(half, path)
}

// writeHalf writes a file under a name that nobody reads, down to the disk.
func writeHalf(dir string, mode fs.FileMode, text []byte) (path string, err error) {
	path = filepath.Join(dir, unfinished+rand.Text())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", fmt.Errorf("write in %s: %w", dir, err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write in %s: %w", dir, err), os.Remove(path))
	}
	return path, nil
}

// putInPlace gives a written file its name, unless that is taken: rename(2)
// would replace what another put there a moment ago, link(2) never does.
func putInPlace(half, path string) error {
	err := os.Link(half, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no links.
		if _, there := os.Lstat(path); errors.Is(there, fs.ErrNotExist) {
			if err = os.Rename(half, path); err == nil {
				return syncDir(filepath.Dir(path))
			}
		}
	}
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s appeared meanwhile, and init overwrites nothing; run it again", path)
	} else if err != nil {
		err = fmt.Errorf("put %s in place: %w", path, err)
	}
	return errors.Join(err, os.Remove(half), syncDir(filepath.Dir(path)))
}

// syncDir makes the names of a directory's files last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return errors.Join(f.Sync(), f.Close())
}
