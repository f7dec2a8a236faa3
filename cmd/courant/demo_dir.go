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
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"courant/digest/inbox"

	"github.com/goccy/go-yaml"
)

// demoDir is the directory a demo works in: a temporary one that goes with
// it, or one to be kept.
type demoDir struct {
	path string
	keep bool
	lock *os.File // held as long as the demo runs
	kept demoKept
}

// demoKept is what a kept demo goes on from, beside config and database.
type demoKept struct {
	Press string // host:port of the sample sources
	Pages string // of the readers' pages
	Relay string // of the inbox server

	Rounds []inbox.Round
	Mails  []inbox.Mail
}

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
	if d.lock, err = flock(d.file("demo.lock")); err != nil {
		return nil, fmt.Errorf("keep the demo in %s: %w", keep, err)
	}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, d.lock.Close())
	}
	return d, nil
}

func (d *demoDir) file(name string) string { return filepath.Join(d.path, name) }

// makeTemporary makes a directory for this run, and takes away those of demos
// that were killed.
func (d *demoDir) makeTemporary() (err error) {
	sweepDemoDirs(os.TempDir())
	if d.path, err = os.MkdirTemp("", "courant-demo-"); err != nil {
		return fmt.Errorf("make a directory for the demo: %w; set TMPDIR or say --keep DIR", err)
	}
	if err := os.Chmod(d.path, 0o711); err != nil { // for Postgres, which runs as another account when root starts it
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	// Under its final name only once it is locked: whoever sees it and can take
	// the lock knows that its owner is dead.
	if d.lock, err = flock(d.file("lock.new")); err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	if err := os.Rename(d.file("lock.new"), d.file("demo.lock")); err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	return nil
}

// sweepDemoDirs removes what killed demos left behind. What cannot be removed
// stays for the next one.
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
		if _, err := os.Lstat(filepath.Join(path, "demo.lock")); err != nil {
			continue
		}
		if lock, err := flock(filepath.Join(path, "demo.lock")); err == nil {
			os.RemoveAll(path)
			lock.Close()
		}
	}
}

// flock opens a file and locks it; the kernel lets go when the process ends.
func flock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another demo runs there; end it first or name another directory"), f.Close())
	}
	return f, nil
}

// load reads what an earlier demo kept. A directory of anything else is left
// alone.
func (d *demoDir) load() error {
	text, err := os.ReadFile(d.file("inbox.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(d.file("courant.yaml")); err == nil {
			return fmt.Errorf("%s has a courant.yaml that is no demo's; name another directory", d.path)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the kept demo: %w", err)
	}
	if err := json.Unmarshal(text, &d.kept); err != nil {
		return fmt.Errorf("read the kept demo in %s: %w; name another directory", d.path, err)
	}
	return nil
}

// save keeps rounds and mails for the next run.
func (d *demoDir) save(rounds []inbox.Round, mails []inbox.Mail) error {
	if !d.keep {
		return nil
	}
	kept := d.kept
	kept.Rounds, kept.Mails = rounds, mails
	text, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		return fmt.Errorf("keep the demo's mails: %w", err)
	}
	if err := replaceFile(d.file("inbox.json"), text); err != nil {
		return fmt.Errorf("keep the demo's mails: %w", err)
	}
	return nil
}

// replaceFile writes a file that is there whole or as it was before.
func replaceFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// close lets the directory go; a temporary one with all that is in it.
func (d *demoDir) close() error {
	var err error
	if !d.keep {
		err = os.RemoveAll(d.path)
	}
	return errors.Join(err, d.lock.Close())
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
	if err := d.save(nil, nil); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{"readers.csv", []byte(demoReaders)}, {"dkim.pem", key}, {"courant.yaml", config}} {
		if err := replaceFile(d.file(f.name), f.text); err != nil {
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
		sources = append(sources, printedSource(source))
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
