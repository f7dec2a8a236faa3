package deliver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"courant/digest"
)

// HostStore is what a Place needs of the database.
type HostStore interface {
	Hosts(ctx context.Context) ([]digest.Host, error)
	AddHost(ctx context.Context, h digest.Host, only bool) (bool, error)
	PulseHost(ctx context.Context, id string, remembered int64, foundAt string) (int64, error)
	Cluster(ctx context.Context) (string, error)
	Origin(ctx context.Context) (string, error)
}

// Place is this host's data_dir, where it keeps which database it works and
// how far that was. A restored copy of the database must not send what the live
// one sends, so the two are held against each other:
//
//	nobody worked the database yet            this host is the first
//	it knows the host, and all the host knows  go on
//	it is new to the host, and is what and
//	where those that it knows found it         join them
//	a host that it knows is at work            join it
//	anything else                              wait for an operator: Adopt
//
// A copy lacks the pulse: whoever worked the live database since remembers a
// higher one. A dump that was read back has other tables, a copy of the server's
// disk has another address, and nobody else is at work in either. A replica that
// took over has the pulse, if it has all that was committed. Not told apart is a
// copy of a whole machine, disks and database, from the machine itself.
type Place struct {
	Store      HostStore
	File       string // in data_dir, one for each database, with a companion
	JournalDir string
	DataDir    string        // for people
	Name       string        // of this host, for people
	Address    string        // where it finds the database, the same for all hosts that share it; empty: can't be told
	Watch      time.Duration // how long to look whether others are at work; zero: 5 seconds

	mu    sync.Mutex
	known memory           // what this process goes by; no id: nothing yet
	found string           // what and where the database was at its start
	seen  map[string]int64 // the pulses of others when they were looked at first
}

// memory is what the two files hold.
type memory struct {
	id, cluster string
	original    bool // the file with the id is the one that was written
	pulse       int64
}

// Check says whether this host may send what the database holds, and counts
// its pulse on. digest.ErrNotAdopted, with what to do, where it may not.
func (p *Place) Check(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known.id == "" {
		// Of several processes that start together in one data_dir one makes the
		// host, and the others are it.
		unlock, err := p.lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
	}
	why, err := p.member(ctx)
	if err != nil || why == "" {
		return err
	}
	for until := time.Now().Add(p.watch()); ; {
		joined, err := p.join(ctx)
		if err != nil || joined {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%w: %s; nothing is sent until you run `courant adopt` on this host, which you must not while another Courant sends from the original", digest.ErrNotAdopted, why)
		}
		if err := sleep(ctx, p.watch()/20); err != nil {
			return err
		}
	}
}

// lock keeps other processes of this data_dir out until unlock.
func (p *Place) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(p.File), 0o700); err != nil {
		return nil, placeFault(err)
	}
	f, err := os.OpenFile(p.File+lockFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, placeFault(err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil // which unlocks it; nothing was written
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(placeFault(err), f.Close())
		}
		if err := sleep(ctx, p.watch()/20); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

func (p *Place) watch() time.Duration {
	if p.Watch > 0 {
		return p.Watch
	}
	return 5 * time.Second
}

// member goes on as the host that this data_dir is, or says why it is none.
func (p *Place) member(ctx context.Context) (why string, err error) {
	m := p.known
	if m.id == "" {
		if p.found, err = p.foundAt(ctx); err != nil {
			return "", err
		}
		if m, why, err = p.remembered(ctx); err != nil || why != "" {
			return why, err
		}
		if m.id == "" {
			return p.stranger(ctx)
		}
	}
	pulse, err := p.Store.PulseHost(ctx, m.id, m.pulse, p.found)
	if errors.Is(err, digest.ErrNotFound) {
		p.known = memory{}
		return p.behind(ctx)
	}
	if err != nil {
		return "", err
	}
	p.known, p.seen = m, nil
	p.known.pulse = pulse
	return "", p.remember(p.known)
}

// remembered is what the files hold, and why they speak against the database.
func (p *Place) remembered(ctx context.Context) (m memory, why string, err error) {
	if m, err = p.read(); err != nil || m.id == "" {
		return m, "", err
	}
	switch cluster, err := p.Store.Cluster(ctx); {
	case err != nil:
		return m, "", err
	case !m.original:
		return m, fmt.Sprintf("%s was copied from another place or put back from a backup, so the database may be a copy too", p.DataDir), nil
	case m.cluster != cluster:
		return m, fmt.Sprintf("the database is on another server than the one that %s was used with, so it may be a restored copy", p.DataDir), nil
	}
	return m, "", nil
}

// Doubt is why this host may not send before an operator says so; empty: it
// may. It looks only: no pulse is counted, no host is made known, and one at
// work that this host could join is not waited for.
func (p *Place) Doubt(ctx context.Context) (why string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, why, err := p.remembered(ctx)
	if err != nil || why != "" {
		return why, err
	}
	hosts, err := p.Store.Hosts(ctx)
	if err != nil || len(hosts) == 0 {
		return "", err
	}
	if m.id == "" {
		found, err := p.foundAt(ctx)
		return p.others(hosts, found), err
	}
	if slices.ContainsFunc(hosts, func(h digest.Host) bool { return h.ID == m.id && h.Pulse >= m.pulse }) {
		return "", nil
	}
	return older, nil
}

// older is what a host says to a database that lacks what it remembers.
const older = "the database is older than this host remembers it, so it is a restored copy"

// foundAt is what this database is, and where; empty if one can't be told.
func (p *Place) foundAt(ctx context.Context) (string, error) {
	origin, err := p.Store.Origin(ctx)
	if err != nil || origin == "" || p.Address == "" {
		return "", err
	}
	return origin + " at " + p.Address, nil
}

// behind is why a host that was known is so no more. A first start that died
// before the database heard of it is none.
func (p *Place) behind(ctx context.Context) (why string, err error) {
	hosts, err := p.Store.Hosts(ctx)
	switch {
	case err != nil:
		return "", err
	case len(hosts) == 0:
		return p.stranger(ctx)
	}
	return older, nil
}

// stranger makes a host known that has no memory: the first one of a database,
// or one that finds the database as others did. Of any other it says who was
// there before.
func (p *Place) stranger(ctx context.Context) (why string, err error) {
	hosts, err := p.Store.Hosts(ctx)
	if err != nil {
		return "", err
	}
	if len(hosts) == 0 {
		if first, err := p.settle(ctx, true); err != nil || first {
			return "", err
		}
		if hosts, err = p.Store.Hosts(ctx); err != nil || len(hosts) == 0 {
			return "", errors.Join(err, errors.New("another host began at the same moment"))
		}
	}
	if why := p.others(hosts, p.found); why != "" {
		return why, nil
	}
	_, err = p.settle(ctx, false)
	return "", err
}

// others says who worked the database before a host without a memory; empty
// where one of them found it as this host did.
func (p *Place) others(hosts []digest.Host, found string) (why string) {
	if slices.ContainsFunc(hosts, func(h digest.Host) bool { return h.FoundAt != "" && h.FoundAt == found }) {
		return ""
	}
	last := hosts[0]
	return fmt.Sprintf("the database was last worked by %s with %s, %s, and does not know %s on this host, so it may be a restored copy",
		last.Name, last.DataDir, last.Seen.UTC().Format("2006-01-02 15:04 UTC"), p.DataDir)
}

// join makes this host known beside one that is at work now. A data_dir that
// was copied has journals of processes that may live, and never joins.
func (p *Place) join(ctx context.Context) (bool, error) {
	if m, err := p.read(); err != nil || m.id != "" && !m.original {
		return false, err
	}
	hosts, err := p.Store.Hosts(ctx)
	if err != nil {
		return false, err
	}
	alive := false
	for _, h := range hosts {
		was, looked := p.seen[h.ID]
		alive = alive || looked && h.Pulse > was
	}
	if !alive {
		if p.seen == nil {
			p.seen = map[string]int64{}
			for _, h := range hosts {
				p.seen[h.ID] = h.Pulse
			}
		}
		return false, nil
	}
	return p.settle(ctx, false)
}

// Adopt makes this host known to the database as it is: an operator's word
// that no other one sends what it holds.
func (p *Place) Adopt(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	unlock, err := p.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := p.read()
	if err != nil {
		return err
	}
	if m.id != "" && !m.original {
		// Copies, too, and what they lack would be taken for never sent. The
		// leases run out on what they tell of.
		if err := dropJournals(p.JournalDir); err != nil {
			return err
		}
	}
	_, err = p.settle(ctx, false)
	return err
}

// settle makes a new host of this data_dir. The file comes first: one that the
// database never heard of is no hindrance to a first start.
func (p *Place) settle(ctx context.Context, only bool) (bool, error) {
	m := memory{}
	var id [12]byte
	if _, err := rand.Read(id[:]); err != nil {
		return false, fmt.Errorf("name this host: %w", err)
	}
	m.id = hex.EncodeToString(id[:])
	var err error
	if m.cluster, err = p.Store.Cluster(ctx); err != nil {
		return false, err
	}
	if err := p.write(m); err != nil {
		return false, err
	}
	added, err := p.Store.AddHost(ctx, digest.Host{ID: m.id, Name: p.Name, DataDir: p.DataDir, FoundAt: p.found}, only)
	if err != nil || !added {
		return false, err
	}
	p.known, p.seen = m, nil
	return true, nil
}

// The id is written once and never touched again. So a file of that name that
// was changed later than its companion says, or is another one, came from
// somewhere else: a copy, or a backup that was put back over it. The companion
// is written over in place; both numbers of the pulse are the same, but where a
// power cut tore them.
const (
	placeHead = "courant host 1\n"
	pulseFile = ".pulse"
	lockFile  = ".lock"
)

// read gives the zero memory where there are no files, or such as are no help.
func (p *Place) read() (m memory, err error) {
	text, at, err := readSmall(p.File)
	if err != nil {
		return m, err
	}
	body, ok := strings.CutPrefix(text, placeHead)
	if _, err := fmt.Sscanf(body, "id %s\ncluster %s\n", &m.id, &m.cluster); !ok || err != nil {
		return memory{}, nil
	}
	if text, _, err = readSmall(p.File + pulseFile); err != nil {
		return memory{}, err
	}
	var was mark
	var again int64
	if _, err := fmt.Sscanf(text, "inode %d\nchanged %d\npulse %d %d\n", &was.inode, &was.changed, &m.pulse, &again); err != nil {
		return memory{}, nil
	}
	m.pulse, m.original = min(m.pulse, again), was == at
	return m, nil
}

// readSmall reads a file that may be missing, and its mark.
func readSmall(name string) (text string, at mark, err error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return "", at, nil
	}
	if err != nil {
		return "", at, placeFault(err)
	}
	defer f.Close() // read only
	if at, err = markOf(f); err != nil {
		return "", at, err
	}
	b := make([]byte, 512)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", at, placeFault(err)
	}
	return string(b[:n]), at, nil
}

func (m memory) pulseLine() string { return fmt.Sprintf("pulse %020d %020d\n", m.pulse, m.pulse) }

// write makes both files anew. Whoever dies in between has none.
func (p *Place) write(m memory) error {
	if err := os.MkdirAll(filepath.Dir(p.File), 0o700); err != nil {
		return placeFault(err)
	}
	if err := os.Remove(p.File + pulseFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return placeFault(err)
	}
	at, err := writeSmall(p.File, placeHead+"id "+m.id+"\ncluster "+m.cluster+"\n")
	if err != nil {
		return err
	}
	_, err = writeSmall(p.File+pulseFile, fmt.Sprintf("inode %d\nchanged %d\n", at.inode, at.changed)+m.pulseLine())
	return err
}

func writeSmall(name, text string) (at mark, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return at, placeFault(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(text); err != nil {
		return at, placeFault(err)
	}
	if err := f.Sync(); err != nil {
		return at, placeFault(err)
	}
	return markOf(f)
}

// remember writes the pulse over the last one. Of several processes that do so
// one may write the lower number: the database has counted further, which is
// as it should be.
func (p *Place) remember(m memory) (err error) {
	f, err := os.OpenFile(p.File+pulseFile, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return p.write(m)
	}
	if err != nil {
		return placeFault(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return placeFault(err)
	}
	line := m.pulseLine()
	if _, err := f.WriteAt([]byte(line), info.Size()-int64(len(line))); err != nil {
		return placeFault(err)
	}
	return nil
}

// mark is what a file has that no copy of it can be given: its number in the
// file system, which may be used again, and when it was last changed by the
// system's own account, which no program sets.
type mark struct {
	inode   uint64
	changed int64 // nanoseconds; zero where the system's isn't known to us
}

func markOf(f *os.File) (mark, error) {
	info, err := f.Stat()
	if err != nil {
		return mark{}, placeFault(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return mark{st.Ino, changedAt(st)}, nil
	}
	return mark{}, nil // of no use here, and no hindrance
}

// dropJournals removes the journals of a directory that no process holds.
func dropJournals(dir string) error {
	relics, err := deadJournals(dir, "")
	for _, r := range relics {
		err = errors.Join(err, removeJournal(dir, r.Name), r.Close())
	}
	return err
}

func placeFault(err error) error {
	return fmt.Errorf("keep which database this host works: %w; see that data_dir can be written to", err)
}
