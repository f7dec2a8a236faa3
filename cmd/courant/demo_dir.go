package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
)

// demoDir is the directory a demo works in: a temporary one that goes with
// it, or one to be kept.
type demoDir struct {
	path   string
	keep   bool
	lock   *os.File // held as long as the demo runs
	kept   demoKept
	mails  []keptMail // of earlier runs
	letter *os.File   // where mails are kept; nil: nowhere
}

// demoKept is where a demo listens, so that the links in its mails lead
// somewhere the next time, too.
type demoKept struct {
	Press string // host:port of the sample sources
	Pages string // of the readers' pages
	Relay string // of the inbox server
}

// keptMail is one line of mails.jsonl.
type keptMail struct {
	ID        string
	MessageID string
	At        time.Time
	From, To  string // the envelope
	Raw       []byte
}

// The files of a demo's directory beside config and database.
const (
	demoLock  = "demo.lock"
	demoNotes = "demo.json"   // a demoKept
	demoMails = "mails.jsonl" // a keptMail a line, appended before the mail is accepted
	// demoStray marks a directory that goes with its demo. One that is to be
	// kept never has it.
	demoStray = "temporary"
)

// anyPort lets the system choose.
const anyPort = "127.0.0.1:0"

// openDemoDir opens the directory to be kept, or makes a temporary one.
func openDemoDir(keep string) (*demoDir, error) {
	d := &demoDir{keep: keep != "", kept: demoKept{Press: anyPort, Pages: anyPort, Relay: anyPort}}
	if !d.keep {
		return d, d.makeTemporary()
	}
	var err error
	if d.path, err = filepath.Abs(keep); err != nil {
		return nil, fmt.Errorf("keep the demo: %w", err)
	}
	// Postgres may run as another account, which has to pass.
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return nil, fmt.Errorf("keep the demo: %w; name a directory where this program may write", err)
	}
	if err := d.refuseForeign(); err != nil {
		return nil, err
	}
	if d.lock, err = flock(d.file(demoLock)); err != nil {
		return nil, fmt.Errorf("keep the demo in %s: %w", keep, err)
	}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, d.lock.Close())
	}
	return d, nil
}

// refuseForeign leaves a directory of anything else alone.
func (d *demoDir) refuseForeign() error {
	if _, err := os.Stat(d.file(demoNotes)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("keep the demo: %w", err)
	}
	for _, e := range entries {
		// A demo killed before it was furnished left its lock, and half a file.
		if e.Name() != demoLock && !strings.HasPrefix(e.Name(), ".courant-") {
			return fmt.Errorf("keep the demo: %s has files that are no demo's; name a new or an empty directory", d.path)
		}
	}
	return nil
}

func (d *demoDir) file(name string) string { return filepath.Join(d.path, name) }

// makeTemporary makes a directory for this run, and takes away those of demos
// that were killed.
func (d *demoDir) makeTemporary() (err error) {
	parent := demoParent()
	sweepDemoDirs(parent)
	defer func() {
		if err != nil {
			err = fmt.Errorf("make a directory for the demo: %w; set TMPDIR or say --keep DIR", err)
		}
	}()
	if d.path, err = os.MkdirTemp(parent, "courant-demo-"); err != nil {
		return err
	}
	if err := os.Chmod(d.path, 0o711); err != nil { // for Postgres, which runs as another account when root starts it
		return err
	}
	if err := os.WriteFile(d.file(demoStray), nil, 0o600); err != nil {
		return err
	}
	// Under its final name only once it is locked: whoever sees it and can take
	// the lock knows that its owner is dead.
	if d.lock, err = flock(d.file(demoLock + ".new")); err != nil {
		return err
	}
	return os.Rename(d.file(demoLock+".new"), d.file(demoLock))
}

// demoParent is where temporary directories are made: for root one that
// Postgres's account can enter.
func demoParent() string {
	if os.Geteuid() != 0 || othersPass(os.TempDir()) {
		return os.TempDir()
	}
	return "/tmp"
}

// othersPass says whether every account may go through a directory.
func othersPass(dir string) bool {
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// sweepDemoDirs removes what killed demos left behind: directories of ours
// that a demo marked as its own to remove. What cannot be removed stays for the
// next one.
func sweepDemoDirs(parent string) {
	found, err := filepath.Glob(filepath.Join(parent, "courant-demo-*"))
	if err != nil {
		return
	}
	for _, path := range found {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
			continue
		}
		if !plainFile(filepath.Join(path, demoStray)) || !plainFile(filepath.Join(path, demoLock)) {
			continue
		}
		if lock, err := flock(filepath.Join(path, demoLock)); err == nil {
			os.RemoveAll(path)
			lock.Close()
		}
	}
}

func plainFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// flock opens a file and locks it; the kernel lets go when the process ends.
func flock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another demo runs there; end it first or name another directory"), f.Close())
	}
	return f, nil
}

// load reads what an earlier demo kept.
func (d *demoDir) load() error {
	text, err := os.ReadFile(d.file(demoNotes))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &d.kept)
	}
	if err == nil {
		err = d.loadMails()
	}
	if err != nil {
		return fmt.Errorf("read the demo kept in %s: %w; name another directory", d.path, err)
	}
	return nil
}

// loadMails reads the mails. A last line that was cut off is that of a mail
// that was never accepted, which comes again.
func (d *demoDir) loadMails() error {
	text, err := os.ReadFile(d.file(demoMails))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for line := range bytes.Lines(text[:whole]) {
		var m keptMail
		if err := json.Unmarshal(line, &m); err != nil {
			return err
		}
		d.mails = append(d.mails, m)
	}
	return os.Truncate(d.file(demoMails), int64(whole))
}

// keepMail appends a mail, by one write, where mails are kept.
func (d *demoDir) keepMail(m keptMail) error {
	if !d.keep {
		return nil
	}
	if d.letter == nil {
		f, err := os.OpenFile(d.file(demoMails), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("keep the demo's mails: %w", err)
		}
		d.letter = f
	}
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("keep the demo's mails: %w", err)
	}
	end, err := d.letter.Seek(0, io.SeekEnd)
	if err == nil {
		if _, err = d.letter.Write(append(line, '\n')); err != nil {
			err = errors.Join(err, d.letter.Truncate(end)) // half a line, on a full disk
		}
	}
	if err != nil {
		return fmt.Errorf("keep the demo's mails: %w", err)
	}
	return nil
}

// close lets the directory go; a temporary one with all that is in it.
func (d *demoDir) close() error {
	var errs []error
	if d.letter != nil {
		errs = append(errs, d.letter.Close())
	}
	if !d.keep {
		errs = append(errs, os.RemoveAll(d.path))
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

func (d *demoDir) pressURL() string { return "http://" + d.kept.Press }

// goneReader is a mailbox that does not exist any more.
const goneReader = "frida@example.org"

// demoReaders differ in what makes mails differ: language, choices, frequency,
// and one whose mailbox is gone.
const demoReaders = `email,name,language,categories,frequency
anna@example.org,Anna Lindqvist,en,,
bruno@example.org,Bruno Köhler,de,,
chloe@example.org,Chloé Martin,fr,Culture;Science,
dalia@example.org,داليا حداد,ar,,
emil@example.org,Emil Nyberg,en,,weekly
frida@example.org,Frida Holm,en,,
`

func countLines(s string) int { return strings.Count(s, "\n") }

// furnish writes config, readers and DKIM key of a new demo, at the addresses
// that the stage listens on.
func (d *demoDir) furnish(s *stage) error {
	if _, err := os.Stat(d.file("courant.yaml")); err == nil {
		return nil
	}
	d.kept.Press, d.kept.Pages, d.kept.Relay = s.pressAt.Addr().String(), s.pagesAt.Addr().String(), s.sink.Addr()
	config, err := d.config(s)
	if err != nil {
		return err
	}
	key, err := demoKey()
	if err != nil {
		return err
	}
	// What load goes by comes first, the config last: a demo that dies in
	// between is begun anew in the same directory.
	notes, err := json.Marshal(d.kept)
	if err != nil {
		return fmt.Errorf("write the demo's notes: %w", err)
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{demoNotes, notes}, {"readers.csv", []byte(demoReaders)}, {"dkim.pem", key}, {"courant.yaml", config}} {
		if err := replaceFile(d.file(f.name), f.text, 0o600); err != nil {
			return fmt.Errorf("write the demo's %s: %w", f.name, err)
		}
	}
	return nil
}

// config is the demo's config: what an editor would write, with the addresses
// of this machine.
func (d *demoDir) config(s *stage) ([]byte, error) {
	host, port, err := net.SplitHostPort(d.kept.Relay)
	if err != nil {
		return nil, fmt.Errorf("write the demo's config: %w", err)
	}
	var sources []yaml.MapSlice
	var categories []string
	for _, source := range s.press.Sources(d.pressURL()) {
		sources = append(sources, Config{}.printedSource(source))
		if source.Category != "" && !slices.Contains(categories, source.Category) {
			categories = append(categories, source.Category)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, demoConfig, d.kept.Pages, d.path, host, port)
	rest, err := yaml.Marshal(yaml.MapSlice{
		{Key: "sources", Value: sources},
		{Key: "lists", Value: yaml.MapSlice{{Key: demoList, Value: yaml.MapSlice{{Key: "title", Value: "All readers"}, {Key: "confirm", Value: false}}}}},
		{Key: "digests", Value: yaml.MapSlice{{Key: "morning", Value: yaml.MapSlice{
			{Key: "title", Value: "Morning Brief"}, {Key: "schedule", Value: "0 7 * * *"}, {Key: "time_zone", Value: machineZone("/", s.env)},
			{Key: "lists", Value: []string{demoList}}, {Key: "categories", Value: categories}, {Key: "max_articles", Value: 12},
		}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the demo's config: %w", err)
	}
	b.Write(rest)
	return b.Bytes(), nil
}

const demoConfig = `# The demo's config. Every address is one of this machine.
name: The Courant
url: http://%[1]s
listen: %[1]s
from: The Courant <news@example.com>
reply_to: desk@example.com
postal_address: 1 Quay Street, Harbour City
data_dir: %[2]q
smtp: {host: %[3]s, port: %[4]s, tls: none}
return_path: bounces.example.com
dkim: {domain: example.com, selector: courant, key_file: dkim.pem}
allow_private_sources: true
`

// demoKey makes a DKIM key. Nobody can check its signatures, but the mails
// have the header that real ones have.
func demoKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the demo's DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the demo's DKIM key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
