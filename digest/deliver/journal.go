package deliver

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"courant/digest"
)

// The journal is two files, NAME.0 and NAME.1, of records of one size. Plain
// write(2) survives kill -9, not a power cut: the head carries the identity
// of the boot, and a journal of another boot is only believed in what it has.
// One file is written until it is large, then the other, once all that the
// other speaks of is settled.
const (
	journalHead   = "courant journal 1\n"
	recordSize    = 40
	journalSwitch = 8 << 20
)

type recordKind byte

const (
	recordStart recordKind = 'S' // the body goes out now
	recordEnd   recordKind = 'E' // the attempt is over, with this verdict
)

// record is one line of the journal: kind, verdict, SMTP code and what follows
// from it, its number, lane, edition, reader, and a CRC that finds a torn write.
type record struct {
	Kind    recordKind
	Verdict byte
	Code    int          // below 1024
	Class   digest.Class // empty: not told, as by records of earlier versions
	Status  string       // only one of mildStatuses
	Seq     uint64       // orders records of both files
	Lane    digest.LaneID
	Ref     digest.Ref
}

// verdictBytes are the verdicts as records have them.
var verdictBytes = map[digest.Verdict]byte{
	digest.VerdictAccepted: 'a', digest.VerdictDeferred: 'd', digest.VerdictRefused: 'r', digest.VerdictInDoubt: '?',
}

// recordClasses are the classes as records number them, from 1. The order is
// that of files on disk.
var recordClasses = [...]digest.Class{
	digest.ClassHard, digest.ClassSoft, digest.ClassBlocked, digest.ClassThrottled,
	digest.ClassContent, digest.ClassUnknown, digest.ClassTransient, digest.ClassConfiguration,
}

// mildStatuses are those that digest.GoneAtOnce knows, numbered from 1: with
// any other one a hard refusal ends the address at once.
var mildStatuses = [...]string{"5.1.2", "5.4.4", "5.2.1"}

// The code's 16 bits hold more than the code: 10 for itself, 4 for the class,
// 2 for the status. Records of earlier versions have zeros there, for untold.
const (
	codeBits  = 10
	classBits = 4
)

// answer packs code, class and status.
func (r record) answer() uint16 {
	class := slices.Index(recordClasses[:], r.Class) + 1
	status := slices.Index(mildStatuses[:], r.Status) + 1
	return uint16(r.Code&(1<<codeBits-1) | class<<codeBits | status<<(codeBits+classBits))
}

// answered is the other half of answer.
func (r record) answered(packed uint16) record {
	r.Code = int(packed) & (1<<codeBits - 1)
	if class := int(packed) >> codeBits & (1<<classBits - 1); class > 0 && class <= len(recordClasses) {
		r.Class = recordClasses[class-1]
	}
	if status := int(packed) >> (codeBits + classBits); status > 0 {
		r.Status = mildStatuses[status-1]
	}
	return r
}

func (r record) append(b []byte) []byte {
	start := len(b)
	b = append(b, byte(r.Kind), r.Verdict)
	b = binary.LittleEndian.AppendUint16(b, r.answer())
	b = binary.LittleEndian.AppendUint64(b, r.Seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Lane))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Ref.Edition))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Ref.Reader))
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// parseRecord reads one record; ok is false for a torn or foreign one.
func parseRecord(b []byte) (r record, ok bool) {
	if len(b) != recordSize || crc32.ChecksumIEEE(b[:recordSize-4]) != binary.LittleEndian.Uint32(b[recordSize-4:]) {
		return record{}, false
	}
	r = record{
		Kind: recordKind(b[0]), Verdict: b[1],
		Seq:  binary.LittleEndian.Uint64(b[4:]),
		Lane: digest.LaneID(binary.LittleEndian.Uint64(b[12:])),
		Ref: digest.Ref{
			Edition: digest.EditionID(binary.LittleEndian.Uint64(b[20:])),
			Reader:  digest.ReaderID(binary.LittleEndian.Uint64(b[28:])),
		},
	}.answered(binary.LittleEndian.Uint16(b[2:]))
	return r, r.Kind == recordStart || r.Kind == recordEnd
}

// journal is the open journal of this process. Its first file stays locked
// for as long as the process lives: a free lock means a dead process.
type journal struct {
	Name string // without .0 and .1; the owner's id

	mu      sync.Mutex
	dir     string
	boot    string
	files   [2]*os.File
	sizes   [2]int64 // of what is whole in each
	current int
	turnAt  int64 // the size at which the other file is begun
	seq     uint64
	torn    bool   // ends in half a record that cannot be taken back: nothing is sent any more
	open    [2]int // attempts a file speaks of that are not settled
	in      map[relicKey]int
}

// createJournal makes the journal of a new process.
func createJournal(dir, boot string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the journal's directory: %w", err)
	}
	var name [12]byte
	if _, err := rand.Read(name[:]); err != nil {
		return nil, fmt.Errorf("name the journal: %w", err)
	}
	j := &journal{Name: hex.EncodeToString(name[:]), dir: dir, boot: boot, turnAt: journalSwitch, in: map[relicKey]int{}}
	for i := range j.files {
		f, err := os.OpenFile(j.path(i)+".new", os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make the journal: %w", err), j.Close())
		}
		j.files[i] = f
		if err := j.head(i); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	// Locked before it has its name, so that nobody finds it free.
	if err := syscall.Flock(int(j.files[0].Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal: %w", err), j.Close())
	}
	for _, i := range []int{1, 0} {
		if err := os.Rename(j.path(i)+".new", j.path(i)); err != nil {
			return nil, errors.Join(fmt.Errorf("name the journal: %w", err), j.Close())
		}
	}
	return j, nil
}

func (j *journal) path(i int) string { return filepath.Join(j.dir, fmt.Sprintf("%s.%d", j.Name, i)) }

func (j *journal) head(i int) error {
	j.sizes[i] = 0
	return j.append(i, []byte(journalHead+j.boot+"\n"))
}

// append writes a whole record or none: half of one, as a full disk leaves it,
// would hide all that comes after it.
func (j *journal) append(i int, b []byte) error {
	if _, err := j.files[i].Write(b); err != nil {
		if terr := j.files[i].Truncate(j.sizes[i]); terr != nil {
			j.torn = true
			err = errors.Join(err, terr)
		}
		return fmt.Errorf("write the journal: %w", err)
	}
	j.sizes[i] += int64(len(b))
	return nil
}

// Start notes that the body of a message goes out.
func (j *journal) Start(lane digest.LaneID, ref digest.Ref) error {
	return j.write(record{Kind: recordStart, Lane: lane, Ref: ref})
}

// End notes how an attempt ended.
func (j *journal) End(lane digest.LaneID, ref digest.Ref, o digest.Outcome) error {
	return j.write(record{Kind: recordEnd, Verdict: verdictBytes[o.Verdict], Code: o.Reply.Code, Class: o.Class, Status: o.Reply.Status, Lane: lane, Ref: ref})
}

func (j *journal) write(r record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	r.Seq = j.seq
	var buf [recordSize]byte
	b := r.append(buf[:0])
	if j.torn {
		return errors.New("the journal is torn")
	}
	key := relicKey{r.Lane, r.Ref}
	if r.Kind == recordStart {
		if err := j.turn(); err != nil {
			return err
		}
		if was, again := j.in[key]; again {
			j.open[was]--
		}
		j.in[key] = j.current
		j.open[j.current]++
	}
	// An end goes where its start is, so that both are dropped together.
	at, ok := j.in[key]
	if !ok {
		at = j.current
	}
	return j.append(at, b)
}

// turn changes to the other file when this one is large and the other has
// nothing left to tell.
func (j *journal) turn() error {
	other := 1 - j.current
	if j.sizes[j.current] < j.turnAt || j.open[other] > 0 {
		return nil
	}
	if err := j.files[other].Truncate(0); err != nil {
		return fmt.Errorf("begin the journal anew: %w", err)
	}
	if err := j.head(other); err != nil {
		return err
	}
	j.current = other
	return nil
}

// Settled forgets attempts whose verdict is in the ledger. Those of another lane
// at the same delivery are not meant.
func (j *journal) Settled(settlements []digest.Settlement) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range settlements {
		key := relicKey{s.Lane.ID, s.Ref}
		if at, ok := j.in[key]; ok {
			j.open[at]--
			delete(j.in, key)
		}
	}
}

// Close lets the journal go but leaves its files for whoever takes over.
func (j *journal) Close() error {
	var errs []error
	for _, f := range j.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Remove ends a journal that has nothing to tell any more.
func (j *journal) Remove() error {
	return errors.Join(removeJournal(j.dir, j.Name), j.Close())
}

func removeJournal(dir, name string) error {
	var errs []error
	for _, suffix := range []string{".1", ".0"} {
		if err := os.Remove(filepath.Join(dir, name+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove a journal: %w", err))
		}
	}
	return errors.Join(errs...)
}

// relic is the journal of another process on this host.
type relic struct {
	Name  string
	Whole bool // of this boot, so that what it does not tell did not happen
	dated bool // a file names its boot: a power cut can empty both
	last  map[relicKey]record
	lock  *os.File
}

// relicKey is what records tell apart: attempts of different lanes at one
// delivery are different attempts.
type relicKey struct {
	lane digest.LaneID
	ref  digest.Ref
}

// deadJournals opens the journals in dir whose processes are dead. The lock
// on each is held until the relic is closed, so that only one process takes
// over.
func deadJournals(dir, boot string) ([]*relic, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.0"))
	if err != nil {
		return nil, fmt.Errorf("look for journals: %w", err)
	}
	var relics []*relic
	for _, name := range names {
		r, err := openRelic(dir, strings.TrimSuffix(filepath.Base(name), ".0"), boot)
		if err != nil {
			return relics, err
		}
		if r != nil {
			relics = append(relics, r)
		}
	}
	return relics, nil
}

// openRelic reads a dead process's journal; nil when the process lives or
// the journal is gone.
func openRelic(dir, name, boot string) (*relic, error) {
	f, err := os.OpenFile(filepath.Join(dir, name+".0"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open a journal: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = nil
		}
		return nil, errors.Join(err, f.Close())
	}
	r, err := readRelic(dir, name, boot)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.lock = f
	return r, nil
}

// readRelic reads a journal without asking whether its process lives.
func readRelic(dir, name, boot string) (*relic, error) {
	r := &relic{Name: name, Whole: true, last: map[relicKey]record{}}
	for _, suffix := range []string{".0", ".1"} {
		if err := r.read(filepath.Join(dir, name+suffix), boot); err != nil {
			return nil, err
		}
	}
	r.Whole = r.Whole && r.dated
	return r, nil
}

// read adds a file's records. A torn end is where the process died; damage
// anywhere else means that the file does not tell all.
func (r *relic) read(path, boot string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		r.Whole = false
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a journal: %w", err)
	}
	defer f.Close() // read only
	in := bufio.NewReaderSize(f, 1<<20)
	head, err := in.ReadString('\n')
	if err != nil && strings.HasPrefix(journalHead, head) {
		// A file cut to nothing: the process died between truncating and
		// writing the head, when it had nothing to tell.
		return nil
	}
	if head != journalHead {
		r.Whole = false
		return nil
	}
	r.dated = true
	if b, err := in.ReadString('\n'); err != nil || strings.TrimSuffix(b, "\n") != boot || boot == "" {
		r.Whole = false
	}
	var buf [recordSize]byte
	for {
		switch _, err := io.ReadFull(in, buf[:]); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read a journal: %w", err)
		}
		rec, ok := parseRecord(buf[:])
		if !ok {
			r.Whole = false
			return nil
		}
		if key := (relicKey{rec.Lane, rec.Ref}); rec.Seq > r.last[key].Seq {
			r.last[key] = rec
		}
	}
}

// Judge says what became of the rows a dead process was sending.
func (r *relic) Judge(rows []digest.Stranded) []digest.Salvage {
	list := make([]digest.Salvage, len(rows))
	for i, row := range rows {
		list[i] = r.judge(row)
	}
	return list
}

func (r *relic) judge(row digest.Stranded) digest.Salvage {
	rec, told := r.last[relicKey{row.Lane, row.Ref}]
	switch {
	case !told && r.Whole:
		return digest.Salvage{Ref: row.Ref, State: digest.Queued}
	case !told:
		return inDoubt(row)
	case rec.Kind == recordStart:
		return inDoubt(row)
	}
	said := strings.TrimSpace(fmt.Sprintf("%d %s", rec.Code, rec.Status))
	s := digest.Salvage{Ref: row.Ref, Attempt: true, Reply: said + " (from the journal)", Status: rec.Status}
	switch rec.Verdict {
	case 'a':
		s.State = digest.Accepted
	case 'r':
		s.State, s.Class = digest.Refused, cmp.Or(rec.Class, digest.ClassUnknown)
	case 'd':
		if !r.Whole {
			// Perhaps of the attempt before: the lane may have the row in its hands
			// again, and the start that tells so may be lost, or be yet to come.
			return inDoubt(row)
		}
		s.State, s.Class = digest.Queued, rec.Class
	default:
		return inDoubt(row)
	}
	return s
}

// inDoubt is the judgement of a row whose dot may have gone out.
func inDoubt(row digest.Stranded) digest.Salvage {
	return digest.Salvage{Ref: row.Ref, State: digest.InDoubt, Attempt: true, Reply: "the process that was sending it died"}
}

// judgeWithout is Judge where no journal is at hand: the whole run-ahead is
// in doubt.
func judgeWithout(rows []digest.Stranded) []digest.Salvage {
	list := make([]digest.Salvage, len(rows))
	for i, row := range rows {
		list[i] = inDoubt(row)
	}
	return list
}

// Close gives the lock back and leaves the files.
func (r *relic) Close() error { return r.lock.Close() }
