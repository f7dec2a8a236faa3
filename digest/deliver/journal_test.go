package deliver

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

var accepted = digest.Outcome{Verdict: digest.VerdictAccepted, Reply: digest.Reply{Code: 250}}

func ref(reader int) digest.Ref { return digest.Ref{Edition: 7, Reader: digest.ReaderID(reader)} }

func rows(lane digest.LaneID, readers ...int) []digest.Stranded {
	list := make([]digest.Stranded, len(readers))
	for i, r := range readers {
		list[i] = digest.Stranded{Lane: lane, Ref: ref(r), State: digest.Sending, Seq: i}
	}
	return list
}

// left makes a journal as a killed process leaves it, and opens it as the
// process that takes over does.
func left(t *testing.T, boot string, write func(*journal)) *relic {
	t.Helper()
	dir := t.TempDir()
	j, err := createJournal(dir, "boot")
	if err != nil {
		t.Fatal(err)
	}
	write(j)
	if relics, err := deadJournals(dir, boot); err != nil || len(relics) != 0 {
		t.Fatalf("a living process's journal was opened: %d, %v", len(relics), err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	relics := relicsIn(t, dir, boot)
	t.Cleanup(func() {
		if err := relics[0].Close(); err != nil {
			t.Error(err)
		}
	})
	return relics[0]
}

// relicsIn waits for the lock to be free: a process that another test forks
// holds a copy of every descriptor until it execs.
func relicsIn(t *testing.T, dir, boot string) []*relic {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		relics, err := deadJournals(dir, boot)
		if err != nil {
			t.Fatal(err)
		}
		if len(relics) == 1 {
			return relics
		}
	}
	t.Fatal("the journal stays locked")
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func states(list []digest.Salvage) []digest.DeliveryState {
	got := make([]digest.DeliveryState, len(list))
	for i, s := range list {
		got[i] = s.State
	}
	return got
}

func wantStates(t *testing.T, got []digest.Salvage, want ...digest.DeliveryState) {
	t.Helper()
	for i, state := range states(got) {
		if state != want[i] {
			t.Errorf("row %d became %s, want %s", i, state, want[i])
		}
	}
}

func TestJournalTellsWhatBecameOfTheRunAhead(t *testing.T) {
	t.Parallel()
	r := left(t, "boot", func(j *journal) {
		must(t, j.Start(1, ref(1)))
		must(t, j.End(1, ref(1), accepted))
		must(t, j.Start(1, ref(2)))
		must(t, j.End(1, ref(2), digest.Outcome{Verdict: digest.VerdictRefused, Reply: digest.Reply{Code: 550}}))
		must(t, j.Start(1, ref(3)))
		must(t, j.End(1, ref(3), digest.Outcome{Verdict: digest.VerdictDeferred, Reply: digest.Reply{Code: 451}}))
		must(t, j.Start(1, ref(4)))
		must(t, j.End(1, ref(4), digest.Outcome{Verdict: digest.VerdictInDoubt}))
		must(t, j.Start(1, ref(5)))
	})
	wantStates(t, r.Judge(rows(1, 1, 2, 3, 4, 5, 6, 7)),
		digest.Accepted, digest.Refused, digest.Queued, digest.InDoubt, digest.InDoubt, digest.Queued, digest.Queued)
	// Another lane's rows are not spoken of, so nothing of theirs was sent.
	wantStates(t, r.Judge(rows(2, 1)), digest.Queued)
}

// A refusal means the same whether the process that heard it settles it or the
// one that takes over.
func TestJournalTellsWhatARefusalMeans(t *testing.T) {
	t.Parallel()
	classes := []digest.Class{
		digest.ClassHard, digest.ClassSoft, digest.ClassBlocked, digest.ClassThrottled,
		digest.ClassContent, digest.ClassUnknown, digest.ClassTransient, digest.ClassConfiguration, "",
	}
	for _, class := range classes {
		for _, status := range []string{"5.1.1", "5.1.2", "5.4.4", "5.2.1", ""} {
			for _, code := range []int{0, 421, 550, 599} {
				r := left(t, "boot", func(j *journal) {
					must(t, j.Start(1, ref(1)))
					must(t, j.End(1, ref(1), digest.Outcome{Verdict: digest.VerdictRefused, Class: class, Reply: digest.Reply{Code: code, Status: status}}))
				})
				s := r.Judge(rows(1, 1))[0]
				want := class
				if class == "" {
					want = digest.ClassUnknown // as told by an earlier version
				}
				if s.State != digest.Refused || s.Class != want || digest.GoneAtOnce(s.Status) != digest.GoneAtOnce(status) || !strings.HasPrefix(s.Reply, fmt.Sprint(code)) {
					t.Errorf("%d %s of class %q became %+v", code, status, class, s)
				}
			}
		}
	}
}

func TestJournalOfAnotherBootIsBelievedOnlyInWhatItHas(t *testing.T) {
	t.Parallel()
	for _, boot := range []string{"another", ""} {
		r := left(t, boot, func(j *journal) {
			must(t, j.Start(1, ref(1)))
			must(t, j.End(1, ref(1), accepted))
		})
		wantStates(t, r.Judge(rows(1, 1, 2, 3)), digest.Accepted, digest.InDoubt, digest.InDoubt)
	}
}

func TestLaterAttemptOverridesAnEarlierOne(t *testing.T) {
	t.Parallel()
	r := left(t, "boot", func(j *journal) {
		must(t, j.Start(1, ref(1)))
		must(t, j.End(1, ref(1), digest.Outcome{Verdict: digest.VerdictDeferred}))
		j.Settled([]digest.Settlement{{Lane: digest.Lane{ID: 1}, Ref: ref(1)}})
		// The second attempt goes to the other file, which is read later or
		// earlier, as it comes.
		j.turnAt = 0
		must(t, j.Start(1, ref(1)))
	})
	wantStates(t, r.Judge(rows(1, 1)), digest.InDoubt)
}

func TestTornRecordIsWhereTheProcessDied(t *testing.T) {
	t.Parallel()
	for cut := 1; cut < recordSize; cut++ {
		r := left(t, "boot", func(j *journal) {
			must(t, j.Start(1, ref(1)))
			must(t, j.End(1, ref(1), accepted))
			info, err := j.files[0].Stat()
			must(t, err)
			must(t, j.files[0].Truncate(info.Size()-int64(cut)))
		})
		wantStates(t, r.Judge(rows(1, 1)), digest.InDoubt)
	}
}

// Half a record in the middle hides what comes after it: what is not told may
// have happened all the same.
func TestDamagedJournalIsBelievedOnlyInWhatItHas(t *testing.T) {
	t.Parallel()
	good := record{Kind: recordStart, Lane: 1, Ref: ref(1), Seq: 1}.append(nil)
	flipped := append([]byte(nil), good...)
	flipped[5] ^= 1
	for name, file := range map[string]string{
		"half a record":    journalHead + "boot\n" + string(good) + string(good[:13]) + string(good) + string(good),
		"a flipped bit":    journalHead + "boot\n" + string(good) + string(flipped) + string(good),
		"another head":     "courant journal 2\nboot\n" + string(good),
		"no boot":          journalHead,
		"records, no head": string(good),
		"another boot":     journalHead + "boots\n" + string(good),
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "x.0"), []byte(file), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "x.1"), []byte(journalHead+"boot\n"), 0o600))
		r := relicsIn(t, dir, "boot")[0]
		for i, got := range states(r.Judge(rows(1, 1, 2))) {
			if got != digest.InDoubt {
				t.Errorf("%s: row %d became %s", name, i, got)
			}
		}
		must(t, r.Close())
	}
}

func TestJournalCutToNothingHadNothingToTell(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "courant", journalHead + "boot\n", journalHead + "boot\nS"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "x.0"), []byte(file), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "x.1"), []byte(journalHead+"boot\n"), 0o600))
		r := relicsIn(t, dir, "boot")[0]
		wantStates(t, r.Judge(rows(1, 1)), digest.Queued)
		must(t, r.Close())
	}
}

// A power cut shortly after a start leaves files that were never written out.
func TestJournalThatAPowerCutEmptiedTellsNothing(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "courant"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "x.0"), []byte(file), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "x.1"), nil, 0o600))
		r := relicsIn(t, dir, "boot")[0]
		wantStates(t, r.Judge(rows(1, 1)), digest.InDoubt)
		must(t, r.Close())
	}
}

// The lane was told to come again later, did, and stands still right before it
// says that the body goes out. What it journalled is of the first attempt.
func TestDeferralOfALaneThatMayGoOnIsNotBelieved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := createJournal(dir, "boot")
	must(t, err)
	must(t, j.Start(1, ref(1)))
	must(t, j.End(1, ref(1), digest.Outcome{Verdict: digest.VerdictDeferred, Reply: digest.Reply{Code: 451}}))
	must(t, j.Start(1, ref(2)))
	must(t, j.End(1, ref(2), accepted))
	k := &keeper{session: &session{Engine: &Engine{Host: "here", JournalDir: dir, Boot: "boot"}}}
	judge, _ := k.judgeLost(digest.Owner{ID: j.Name, Host: "here", Journal: filepath.Join(dir, j.Name)})
	wantStates(t, judge(rows(1, 1, 2, 3)), digest.InDoubt, digest.Accepted, digest.InDoubt)
	must(t, j.Close())
}

// Two lanes had the same delivery in their hands: that the late verdict of the
// one was fenced off does not settle what the other is sending.
func TestJournalForgetsTheAttemptOfOneLaneOnly(t *testing.T) {
	t.Parallel()
	r := left(t, "boot", func(j *journal) {
		j.turnAt = 0
		must(t, j.Start(1, ref(1)))
		must(t, j.Start(2, ref(1)))
		j.Settled([]digest.Settlement{{Lane: digest.Lane{ID: 1}, Ref: ref(1)}})
		for i := 2; i < 10; i++ { // would turn to the file that has the start
			must(t, j.Start(1, ref(i)))
			j.Settled([]digest.Settlement{{Lane: digest.Lane{ID: 1}, Ref: ref(i)}})
		}
	})
	wantStates(t, r.Judge(rows(2, 1)), digest.InDoubt)
}

func TestMissingHalfOfAJournalMayHaveToldMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "x.0"), []byte(journalHead+"boot\n"), 0o600))
	r := relicsIn(t, dir, "boot")[0]
	wantStates(t, r.Judge(rows(1, 1)), digest.InDoubt)
	must(t, r.Close())
}

// A disk that is full lets nothing start, and leaves no half record behind
// that would hide what comes later.
func TestFullDiskLeavesNoHalfRecord(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	r := left(t, "boot", func(j *journal) {
		must(t, j.Start(1, ref(1)))
		file := j.files[0]
		j.files[0] = full
		if err := j.Start(1, ref(2)); err == nil {
			t.Error("a start was journalled on a full disk")
		}
		j.files[0] = file
		if err := j.Start(1, ref(3)); err == nil && j.torn {
			t.Error("a torn journal was written to")
		}
		must(t, full.Close())
	})
	wantStates(t, r.Judge(rows(1, 1)), digest.InDoubt)
}

func TestJournalForgetsOnlyWhatIsSettled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := createJournal(dir, "boot")
	must(t, err)
	j.turnAt = 1000
	must(t, j.Start(1, ref(1))) // stays open
	for i := 2; i < 1000; i++ {
		must(t, j.Start(1, ref(i)))
		must(t, j.End(1, ref(i), accepted))
		j.Settled([]digest.Settlement{{Lane: digest.Lane{ID: 1}, Ref: ref(i)}})
	}
	must(t, j.Close())
	relics := relicsIn(t, dir, "boot")
	wantStates(t, relics[0].Judge(rows(1, 1)), digest.InDoubt)
	must(t, relics[0].Close())
}

func TestJournalIsTruncatedOnceAllIsSettled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := createJournal(dir, "boot")
	must(t, err)
	j.turnAt = 1000
	for i := range 500 {
		must(t, j.Start(1, ref(i)))
		must(t, j.End(1, ref(i), accepted))
		j.Settled([]digest.Settlement{{Lane: digest.Lane{ID: 1}, Ref: ref(i)}})
	}
	must(t, j.Close())
	for _, suffix := range []string{".0", ".1"} {
		info, err := os.Stat(filepath.Join(dir, j.Name+suffix))
		must(t, err)
		if info.Size() > 2*j.turnAt {
			t.Errorf("%s has %d bytes", suffix, info.Size())
		}
	}
}

func TestRemovedJournalLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := createJournal(dir, "boot")
	must(t, err)
	must(t, j.Remove())
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) > 0 {
		t.Errorf("left %v, %v", names, err)
	}
}

func TestLimitSpreadsMessages(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	p := newPacer([]Limit{{Messages: 2, Per: time.Second}, {Messages: 3, Per: time.Minute}}, func() time.Time { return now })
	for i, want := range []bool{true, true, false} {
		if wait, _ := p.spend(1); (wait == 0) != want {
			t.Fatalf("message %d waits %s", i, wait)
		}
	}
	now = now.Add(time.Second)
	if wait, _ := p.spend(1); wait != 0 {
		t.Error("the second is over and the message still waits")
	}
	if wait, _ := p.spend(1); wait < 10*time.Second || wait > 20*time.Second {
		t.Errorf("the minute's limit waits %s, want a third of a minute less what passed", wait)
	}
}

func TestLimitSaysHowManyMayGoAndSpendsNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	p := newPacer([]Limit{{Messages: 10, Per: time.Second}, {Messages: 6, Per: time.Hour}}, func() time.Time { return now })
	for range 3 {
		if wait, n := p.ahead(), p.within(time.Second); wait != 0 || n != 6 {
			t.Errorf("waits %s for %d messages", wait, n)
		}
	}
	for range 6 {
		if wait, _ := p.spend(1); wait != 0 {
			t.Error("a message waits within the limit")
		}
	}
	if wait, n := p.ahead(), p.within(time.Second); wait != 10*time.Minute || n != 1 {
		t.Errorf("spent, it waits %s for %d messages", wait, n)
	}
	now = now.Add(10 * time.Minute)
	if wait, _ := p.spend(1); wait != 0 {
		t.Error("the wait is over and the message still waits")
	}
	// A clock that was set back gives nothing and takes nothing.
	now = now.Add(-time.Hour)
	if wait := p.ahead(); wait <= 0 || wait > 10*time.Minute {
		t.Errorf("after the clock was set back it waits %s", wait)
	}
}

func FuzzJournal(f *testing.F) {
	good := record{Kind: recordStart, Lane: 1, Ref: ref(1), Seq: 1}.append(nil)
	f.Add([]byte(journalHead+"boot\n"), good)
	f.Add([]byte(journalHead), good[:7])
	f.Add([]byte("courant journal 2\n"), []byte{})
	f.Fuzz(func(t *testing.T, head, body []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "x.0"), append(head, body...), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "x.1"), body, 0o600))
		relics, err := deadJournals(dir, "boot")
		must(t, err)
		for _, r := range relics {
			if got := r.Judge(rows(1, 1, 2)); len(got) != 2 {
				t.Errorf("%d judgements of 2 rows", len(got))
			}
			must(t, r.Close())
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(byte('S'), byte(0), uint16(0), uint64(1), int64(2), int64(3), int64(4))
	f.Fuzz(func(t *testing.T, kind, verdict byte, code uint16, seq uint64, lane, edition, reader int64) {
		r := record{
			Kind: recordKind(kind), Verdict: verdict, Code: int(code), Seq: seq, Lane: digest.LaneID(lane),
			Ref: digest.Ref{Edition: digest.EditionID(edition), Reader: digest.ReaderID(reader)},
		}
		got, ok := parseRecord(r.append(nil))
		if ok != (kind == 'S' || kind == 'E') || ok && got != r {
			t.Errorf("%+v came back as %+v, %v", r, got, ok)
		}
	})
}
