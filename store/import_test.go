package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

func TestImportedReaderIsActiveAndItsConsentNoted(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	monday := time.Monday
	r := digest.ImportRow{
		Line: 2, Address: "ann@example.org", Hash: hash("ann@example.org"), Name: "Ann", Zone: "Asia/Tokyo", Language: "de",
		Categories: []string{"World"}, Frequency: digest.Weekly, Weekday: &monday,
	}
	if got := n.imports(r); got.Added != 1 || got.Updated+got.Unchanged+len(got.Faults) != 0 {
		t.Fatalf("result %+v", got)
	}
	listed, err := n.Readers(t.Context(), "readers", 0, 10)
	if err != nil || len(listed) != 1 {
		t.Fatalf("readers %+v, %v", listed, err)
	}
	l := listed[0]
	if l.Address != "ann@example.org" || l.Name != "Ann" || l.Zone != "Asia/Tokyo" || l.Language != "de" ||
		l.State != digest.SubscriptionActive || l.Consent != "import of a test" {
		t.Errorf("listed %+v", l)
	}
	if len(l.Choices) != 1 || l.Choices[0].Frequency != digest.Weekly || l.Choices[0].Weekday != time.Monday ||
		!slices.Equal(l.Choices[0].Categories, []string{"World"}) {
		t.Errorf("choices %+v", l.Choices)
	}
	if got := n.one(`SELECT kind || ' ' || (data ->> 'how') FROM reader_events`); got != "imported import of a test" {
		t.Errorf("event %q", got)
	}
}

func TestImportAmendsOnlyWhatTheRowSays(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	r := row(1, "ann@example.org")
	r.Name, r.Zone, r.Frequency = "Ann", "Asia/Tokyo", digest.Daily
	n.imports(r)
	if got := n.imports(row(1, "Ann@example.org")); got.Unchanged != 1 {
		t.Errorf("a row that says nothing gives %+v", got)
	}
	r = row(1, "ann@example.org")
	r.Name, r.Categories = "Anna", []string{"World"}
	if got := n.imports(r); got.Updated != 1 || got.Unchanged != 0 {
		t.Errorf("a row that says something new gives %+v", got)
	}
	listed, err := n.Readers(t.Context(), "readers", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	l := listed[0]
	if l.Name != "Anna" || l.Zone != "Asia/Tokyo" || l.Choices[0].Frequency != digest.Daily ||
		!slices.Equal(l.Choices[0].Categories, []string{"World"}) {
		t.Errorf("reader is %+v", l)
	}
}

func TestImportBringsNobodyBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	gone := []string{"bounced@example.org", "erased@example.org", "removed@example.org", "everything@example.org", "forgotten@example.org"}
	ids := n.subscribe(append(gone, "left-digest@example.org")...)
	edition := n.publish()
	if _, err := n.Report(ctx, hardBounce(digest.Ref{Edition: edition, Reader: ids[0]}, "5.1.1")); err != nil {
		t.Fatal(err)
	}
	if err := n.EraseReader(ctx, hash(gone[1]), n.now); err != nil {
		t.Fatal(err)
	}
	if err := n.RemoveReader(ctx, "readers", hash(gone[2]), n.now); err != nil {
		t.Fatal(err)
	}
	if err := n.Leave(ctx, digest.Ref{Edition: edition, Reader: ids[3]}, digest.Leaving{At: n.now, Everything: true}); err != nil {
		t.Fatal(err)
	}
	n.do(`UPDATE readers SET email = NULL, erased_at = now() WHERE id = $1`, ids[4])
	if err := n.Leave(ctx, digest.Ref{Edition: edition, Reader: ids[5]}, digest.Leaving{At: n.now}); err != nil {
		t.Fatal(err)
	}

	var rows []digest.ImportRow
	for i, a := range append(gone, "left-digest@example.org", "new@example.org") {
		r := row(i+1, a)
		r.Name, r.Frequency = "Back Again", digest.EveryEdition
		rows = append(rows, r)
	}
	if got := n.imports(rows...); got.Suppressed != 2 || got.Left != 3 || got.Added != 1 || got.Updated != 1 || got.Unchanged != 0 {
		t.Errorf("result %+v", got)
	}
	if got := n.one(`SELECT count(*) FROM choices WHERE reader_id = $1 AND left_at IS NOT NULL`, ids[5]); got != "1" {
		t.Error("the import took a reader back to a digest left")
	}
	// Who said everything, or whose address gets no mail, does not come back
	// by another list either; who was taken off one list may.
	got, err := n.ImportReaders(ctx, "another", nil, rows, "import of a test")
	if err != nil || got.Suppressed != 2 || got.Left != 2 || got.Added != 3 {
		t.Errorf("result on another list %+v, %v", got, err)
	}
	for _, a := range gone[:2] {
		if got := n.one(`SELECT count(*) FROM readers WHERE email_hash = $1 AND name = 'Back Again'`, hash(a)); got != "0" {
			t.Errorf("%s was amended", a)
		}
	}
}

func TestImportKeepsWhatTheReaderChoseAlone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id := n.subscribe("ann@example.org")[0]
	edition := n.publish()
	err := n.Leave(t.Context(), digest.Ref{Edition: edition, Reader: id}, digest.Leaving{At: n.now, Weekly: true})
	if err != nil {
		t.Fatal(err)
	}
	r := row(1, "ann@example.org")
	r.Frequency = digest.EveryEdition
	if got := n.imports(r); got.Unchanged != 1 {
		t.Errorf("result %+v", got)
	}
	if got := n.one(`SELECT frequency FROM choices WHERE reader_id = $1`, id); got != "weekly" {
		t.Errorf("frequency is %s", got)
	}
}

func TestImportConfirmsWhoWaits(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id := n.subscribe("ann@example.org")[0]
	n.do(`UPDATE subscriptions SET state = 'pending' WHERE reader_id = $1`, id)
	if got := n.imports(row(1, "ann@example.org")); got.Added != 1 {
		t.Errorf("result %+v", got)
	}
}

func TestImportNamesFaultyAndRepeatedLines(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	later := row(5, "ANN@example.org")
	later.Name = "Ann"
	bad := row(3, "no address")
	hostile := row(4, "eve@example.org")
	hostile.Name = "Eve\r\nBcc: all@example.org\x00"
	wide := row(6, "a\u3000b@example.org") // a space to Postgres, not to a mail parser
	got := n.imports(row(2, "ann@example.org"), bad, hostile, later, wide)
	if got.Added != 1 || got.Repeated != 1 || len(got.Faults) != 3 {
		t.Fatalf("result %+v", got)
	}
	for i, line := range []int{3, 4, 6} {
		if f := got.Faults[i]; f.Line != line || f.Why == "" {
			t.Errorf("fault %d is %+v, want one of line %d", i, f, line)
		}
	}
	if got := n.one(`SELECT name FROM readers`); got != "Ann" {
		t.Errorf("the later line was not heard: name %q", got)
	}
}

func TestImportsAtOnceAddEachReaderOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	rows := crowd(0, 3000)
	backwards := slices.Clone(rows)
	slices.Reverse(backwards)
	results := make([]digest.ImportResult, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			mine := rows
			if i%2 == 1 {
				mine = backwards
			}
			var err error
			results[i], err = n.ImportReaders(t.Context(), "readers", []string{"morning"}, mine, "import of a test")
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var sum digest.ImportResult
	for _, r := range results {
		sum.Add(r)
	}
	if sum.Added != 3000 || sum.Unchanged != 9000 || sum.Updated != 0 {
		t.Errorf("together %+v", sum)
	}
	if got := n.one(`SELECT count(*) FROM reader_events`); got != "3000" {
		t.Errorf("%s events", got)
	}
}

func crowd(from, to int) []digest.ImportRow {
	rows := make([]digest.ImportRow, 0, to-from)
	for i := from; i < to; i++ {
		r := row(i+1, fmt.Sprintf("reader-%d@example.org", i))
		r.Name, r.Zone = fmt.Sprintf("Reader %d", i), "Europe/Berlin"
		rows = append(rows, r)
	}
	return rows
}

// BenchmarkImport imports 100,000 new readers each time, a quarter of them
// with choices.
func BenchmarkImport(b *testing.B) {
	n := newNewsroom(b)
	const portion = 100_000
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		rows := crowd(i*portion, (i+1)*portion)
		for j := 0; j < len(rows); j += 4 {
			rows[j].Frequency, rows[j].Categories = digest.Weekly, []string{"World"}
		}
		b.StartTimer()
		if got := n.imports(rows...); got.Added != portion {
			b.Fatalf("added %d", got.Added)
		}
	}
	b.ReportMetric(float64(portion*b.N)/b.Elapsed().Seconds(), "readers/s")
}

// BenchmarkImportAgain imports 100,000 readers who are all there already.
func BenchmarkImportAgain(b *testing.B) {
	n := newNewsroom(b)
	rows := crowd(0, 100_000)
	n.imports(rows...)
	for b.Loop() {
		if got := n.imports(rows...); got.Unchanged != len(rows) {
			b.Fatalf("%+v", got)
		}
	}
}
