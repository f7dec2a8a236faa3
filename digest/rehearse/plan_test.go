package rehearse

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFaultsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	var f Faults
	const text = "4xx=3%,5xx=1%,drop-before=0.5%,drop-after=0.5%,stall=0.1%"
	if err := f.Set(" stall=0.001 ,4xx=3%,5xx=1%,drop-before=.5%,drop-after=0.5%,"); err != nil || f.String() != text {
		t.Errorf("%q, %v", f.String(), err)
	}
	for _, wrong := range []string{"4xx", "4xx=", "4xx=x%", "4xx=-1%", "4xx=101%", "4xx=NaN", "6xx=1%", "=1%", "4xx=60%,5xx=60%", "4xx=1%,4xx=2%", "4xx=0%, 4xx =0%"} {
		was := f
		if err := f.Set(wrong); err == nil || f != was {
			t.Errorf("%q is taken, or changes something: %v", wrong, err)
		}
	}
}

func FuzzFaults(f *testing.F) {
	for _, seed := range []string{"4xx=3%", "5xx=0.01,stall=1e-3", "drop-before=100%", "=", ",,", "4xx=Inf"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var read, again Faults
		if read.Set(text) != nil {
			return
		}
		if err := again.Set(read.String()); err != nil || again.String() != read.String() {
			t.Errorf("%q is %q, then %q, %v", text, read.String(), again.String(), err)
		}
	})
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	t.Parallel()
	good := Plan{Readers: 100, Workers: 2, Connections: 4, Kills: 3, Limit: time.Minute}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Plan){
		"--readers":        func(p *Plan) { p.Readers = 0 },
		"--workers":        func(p *Plan) { p.Workers = 0 },
		"--connections":    func(p *Plan) { p.Connections = 1000 },
		"from 0 on":        func(p *Plan) { p.Kills = -1 },
		"too many":         func(p *Plan) { p.Kills = 50 },
		"--stop needs":     func(p *Plan) { p.Stops, p.Workers = 1, 1 },
		"--throw-journals": func(p *Plan) { p.ThrowJournals, p.Kills = true, 0 },
		"--limit":          func(p *Plan) { p.Limit = 0 },
	} {
		p := good
		spoil(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func TestBoundFollowsTheJournal(t *testing.T) {
	t.Parallel()
	p := Plan{Connections: 8}
	if got := p.Bound(20, 0); got != 160 {
		t.Errorf("20 kills: %d", got)
	}
	p.ThrowJournals = true
	if got := p.Bound(20, 0); got != 160*RunAhead {
		t.Errorf("20 kills without journals: %d", got)
	}
	if got := p.boundAs(20, 1); got != "at most 8 x 20 x 64 + 8 x 1 x 64 = 10752" {
		t.Error(got)
	}
	p.ThrowJournals = false
	if got := p.Bound(1, 1); got != 8+8*RunAhead {
		t.Errorf("a kill and a stop: %d", got)
	}
}

func TestCuesComeInTimeAndAllOfThem(t *testing.T) {
	t.Parallel()
	p := Plan{Readers: 1000, Kills: 10, Terms: 3, Stops: 2, PostgresKills: 4, Faults: Faults{Refused: 0.1}, Leave: 0.1, Seed: 7}
	kinds := map[MarkKind]int{}
	last := 0
	for _, c := range p.cues() {
		kinds[c.kind]++
		if c.at <= last || c.at > 800 {
			t.Errorf("%s when %d readers have a mail, after one at %d", c.kind, c.at, last)
		}
		last = c.at
	}
	if want := map[MarkKind]int{MarkKill: 10, MarkTerm: 3, MarkStop: 2, MarkPostgres: 4}; !maps.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	if !slices.Equal(p.cues(), p.cues()) {
		t.Error("the same seed gives other cues")
	}
}

// Everybody meets the fault that seed and address say, once, where it belongs.
func TestWeatherIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	faults := Faults{Deferred: 0.2, Refused: 0.1, DropBefore: 0.1, DropAfter: 0.1, Stall: 0.1}
	const readers = 5000
	met := func(seed uint64) map[string]Fault {
		var log strings.Builder
		w := Weather{Faults: faults, Seed: seed, Now: func() time.Time { return noon }, Log: &log}
		for i := range readers {
			for range 2 { // the second time nothing is left
				for _, at := range []Moment{AtRcpt, AtDot, AtRecorded} {
					fault, err := w.Strike(at, address(i))
					if err != nil {
						t.Fatal(err)
					}
					if fault == FaultDropAfter && at != AtRecorded || fault == FaultDropBefore && at != AtDot {
						t.Errorf("%s at %s", fault, at)
					}
				}
			}
		}
		list, err := readDisturbances(strings.NewReader(log.String()))
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]Fault{}
		for _, d := range list {
			if by[d.To] != FaultNone || !d.At.Equal(noon) {
				t.Errorf("%s met a second fault, or at %s", d.To, d.At)
			}
			by[d.To] = d.Fault
		}
		return by
	}
	first := met(1)
	if !maps.Equal(first, met(1)) || maps.Equal(first, met(2)) {
		t.Error("weather does not follow the seed")
	}
	counts := map[Fault]int{}
	for _, f := range first {
		counts[f]++
	}
	for _, n := range faults.named() {
		if got, want := float64(counts[Fault(n.name)]), float64(*n.share)*readers; got < 0.8*want || got > 1.2*want {
			t.Errorf("%s: %.0f of %d, want about %.0f", n.name, got, readers, want)
		}
	}
}

func TestFaultThatCannotBeLoggedIsNotMade(t *testing.T) {
	t.Parallel()
	w := Weather{Faults: Faults{DropBefore: 1}, Now: time.Now, Log: deaf{}}
	if fault, err := w.Strike(AtDot, address(1)); fault != FaultNone || err == nil {
		t.Errorf("%s, %v", fault, err)
	}
}

type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func FuzzParseStat(f *testing.F) {
	f.Add("42 (postgres: a) b) S 41 42 42 0 -1 4194304 100 0 0 0 12 34 56 78 20 0 1 0 100 0 0")
	f.Add(")")
	f.Add("1 (x) S 1")
	f.Fuzz(func(t *testing.T, text string) { parseStat(text) })
}

func TestCPUOfATreeIsReadFromItsStat(t *testing.T) {
	t.Parallel()
	got, ok := parseStat("42 (postgres: a) b) S 41 42 42 0 -1 4194304 100 0 0 0 12 34 56 78 20 0 1 0 100 0 0")
	if want := (stat{parent: 41, ticks: 46, childTicks: 134}); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
}

func TestArticlesAreAllUnlikeEachOther(t *testing.T) {
	t.Parallel()
	var w wire
	w.tell(20)
	slices.Sort(w.items)
	if n := len(slices.Compact(w.items)); n != 20 {
		t.Errorf("%d articles of 20", n)
	}
}

func TestDatabaseIsNamedByAURL(t *testing.T) {
	t.Parallel()
	got := databaseURL("host='/srv/x y/run' port=5432 user=courant dbname=courant options='' sslmode=disable")
	if !strings.HasPrefix(got, "postgres://courant@/courant?") || !strings.Contains(got, "sslmode=disable") || !strings.Contains(got, "host=%2Fsrv%2Fx+y%2Frun") {
		t.Error(got)
	}
}
