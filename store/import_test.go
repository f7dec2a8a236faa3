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

// inState is a row whose file says how its reader stands to the list.
func inState(line int, address string, state digest.ImportState) digest.ImportRow {
	r := row(line, address)
	r.State = state
	return r
}

func TestImportKeepsOffWhomTheFileSaysIsGone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	ids := n.subscribe("was-here@example.org", "bounced-here@example.org", "stays@example.org")
	edition := n.publish()
	got := n.imports(
		inState(1, "was-here@example.org", digest.ImportUnsubscribed), inState(2, "never-here@example.org", digest.ImportUnsubscribed),
		inState(3, "bounced-here@example.org", digest.ImportBounced), inState(4, "complained@example.org", digest.ImportComplained),
		inState(5, "barred@example.org", digest.ImportBlocked), inState(6, "waiting@example.org", digest.ImportUnconfirmed),
		inState(7, "new@example.org", digest.ImportActive), inState(8, "complained@example.org", digest.ImportActive),
	)
	if got.Gone != 5 || got.Unconfirmed != 1 || got.Added != 1 || got.Repeated != 1 || got.Updated+got.Unchanged+got.Left+got.Suppressed+len(got.Faults) != 0 {
		t.Errorf("result %+v", got)
	}
	if len(got.Away) != 7 {
		t.Errorf("lines %+v, want one for each but the seventh", got.Away)
	}
	for query, want := range map[string]string{
		`SELECT string_agg(reason, ' ' ORDER BY reason) FROM suppressions`:                                                                    "complaint hard operator",
		`SELECT string_agg(r.email, ' ' ORDER BY r.email) FROM subscriptions s JOIN readers r ON r.id = s.reader_id WHERE s.state = 'active'`: "bounced-here@example.org new@example.org stays@example.org",
		`SELECT string_agg(r.email, ' ' ORDER BY r.email) FROM deliveries d JOIN readers r ON r.id = d.reader_id WHERE d.state = 'queued'`:    "stays@example.org",
		`SELECT count(*) FROM reader_events WHERE kind = 'removed' AND data ->> 'how' = 'import of a test'`:                                   "2",
		`SELECT count(*) FROM reader_events WHERE kind = 'suppressed'`:                                                                        "1",
	} {
		if got := n.one(query); got != want {
			t.Errorf("%s gives %q, want %q", query, got, want)
		}
	}
	if got := n.one(`SELECT state FROM deliveries WHERE edition_id = $1 AND reader_id = $2`, edition, ids[0]); got != "cancelled" {
		t.Errorf("the delivery to who left is %s", got)
	}
	// The next file, which knows nothing of that, brings none of them.
	again := n.imports(row(1, "was-here@example.org"), row(2, "never-here@example.org"), row(3, "complained@example.org"), row(4, "barred@example.org"))
	if again.Left != 2 || again.Suppressed != 2 || again.Added != 0 {
		t.Errorf("the next file gives %+v", again)
	}
	// Another list is another matter for who left, not for who complained.
	other, err := n.ImportReaders(ctx, "another", nil, []digest.ImportRow{row(1, "never-here@example.org"), row(2, "complained@example.org")}, "import of a test")
	if err != nil || other.Added != 1 || other.Suppressed != 1 {
		t.Errorf("another list: %+v, %v", other, err)
	}
}

func TestTriedImportTellsAllAndChangesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("known@example.org")
	n.imports(inState(1, "left@example.org", digest.ImportUnsubscribed))
	before := n.one(`SELECT (SELECT count(*) FROM readers) || ' ' || (SELECT count(*) FROM reader_events) || ' ' || (SELECT count(*) FROM suppressions)`)
	rows := []digest.ImportRow{row(1, "new@example.org"), row(2, "known@example.org"), row(3, "left@example.org"), inState(4, "known@example.org", digest.ImportBounced)}
	got, err := n.Import(t.Context(), digest.Import{List: "readers", Digests: []string{n.digest.Name}, Rows: rows, Consent: "x", Try: true, Content: []byte("file"), Through: 4})
	if err != nil || got.Added != 1 || got.Left != 1 || got.Gone != 1 || got.Repeated != 1 {
		t.Errorf("result %+v, %v", got, err)
	}
	if after := n.one(`SELECT (SELECT count(*) FROM readers) || ' ' || (SELECT count(*) FROM reader_events) || ' ' || (SELECT count(*) FROM suppressions)`); after != before {
		t.Errorf("a try changed %s to %s", before, after)
	}
	if _, lines, err := n.ImportBegun(t.Context(), "readers", []byte("file")); err != nil || lines != 0 {
		t.Errorf("a try is begun up to line %d, %v", lines, err)
	}
}

func TestImportThatWasStoppedIsKnownUntilItEnds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	content := []byte("the sum of a file")
	portion := func(last bool, rows ...digest.ImportRow) digest.ImportResult {
		t.Helper()
		r, err := n.Import(ctx, digest.Import{List: "readers", Rows: rows, Consent: "import of a test", Content: content, Through: rows[len(rows)-1].Line, Last: last})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	portion(false, row(2, "ann@example.org"), row(3, "bob@example.org"))
	again := row(4, "ann@example.org")
	again.Again, again.Name = true, "Ann"
	if got := portion(false, again, row(5, "cy@example.org")); got.Added != 1 || got.Repeated != 1 || got.Updated != 0 || len(got.Away) != 1 {
		t.Errorf("a repeated address gives %+v", got)
	}
	if got := n.one(`SELECT name FROM readers WHERE email = 'ann@example.org'`); got != "Ann" {
		t.Errorf("the later line is not taken over: %q", got)
	}
	r, lines, err := n.ImportBegun(ctx, "readers", content)
	if err != nil || lines != 5 || r.Added != 3 || r.Repeated != 1 {
		t.Errorf("begun up to line %d with %+v, %v", lines, r, err)
	}
	if _, lines, err := n.ImportBegun(ctx, "another", content); err != nil || lines != 0 {
		t.Errorf("another list is begun up to line %d, %v", lines, err)
	}
	portion(true, row(6, "di@example.org"))
	if _, lines, err := n.ImportBegun(ctx, "readers", content); err != nil || lines != 0 {
		t.Errorf("an ended import is begun up to line %d, %v", lines, err)
	}
}

// While an import runs, somebody signs up by another way, and a reader whom the
// file names leaves everything. The import waits in its midst for the first.
func TestImportHeedsWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.onto("another", row(1, "leaves@example.org"))
	e := n.publish()
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to take back
	if _, err := tx.Exec(`INSERT INTO readers (email, email_hash) VALUES ('comes@example.org', $1)`, hash("comes@example.org")); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO subscriptions (reader_id, list, state) SELECT id, 'readers', 'pending' FROM readers WHERE email LIKE 'comes%'`); err != nil {
		t.Fatal(err)
	}
	var got digest.ImportResult
	done := make(chan error, 1)
	go func() {
		var err error
		got, err = n.ImportReaders(ctx, "readers", []string{"morning"}, []digest.ImportRow{
			row(1, "leaves@example.org"), row(2, "zoe@example.org"), row(3, "comes@example.org"), row(4, "ann@example.org"),
		}, "import of a test")
		done <- err
	}()
	for waits := "false"; waits == "false"; {
		waits = n.one(`SELECT EXISTS (SELECT 1 FROM pg_locks l WHERE NOT l.granted AND l.pid IN (SELECT pid FROM pg_locks WHERE relation = 'readers'::regclass))`)
	}
	known, err := n.FindReader(ctx, hash("leaves@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	n.leave(digest.Ref{Edition: e, Reader: known.ID}, digest.Leaving{At: n.now, Everything: true})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || got.Added != 3 {
		t.Errorf("the import gives %+v, %v", got, err)
	}
	states := n.one(`SELECT string_agg(r.email || ' ' || s.state, ', ' ORDER BY r.email) FROM subscriptions s JOIN readers r ON r.id = s.reader_id WHERE list = 'readers'`)
	if want := "ann@example.org active, comes@example.org active, zoe@example.org active"; states != want {
		t.Errorf("on the list are %s, want %s", states, want)
	}
}

// What lists readers by their ids shows them as the file had them.
func TestIdsFollowTheLines(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.imports(crowd(0, 50)...)
	if got := n.one(`SELECT count(*) FROM readers WHERE id <> substring(email FROM '[0-9]+')::integer + 1`); got != "0" {
		t.Errorf("%s of 50 are out of order", got)
	}
}
