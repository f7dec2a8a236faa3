package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/store"

	"github.com/lib/pq"
)

const day = 24 * time.Hour

// kept is the default of the config.
var kept = store.Retention{Ledger: 400 * day, Addresses: 35 * day}

// end carries an edition to done, every delivery of it accepted.
func (n *newsroom) end(e digest.EditionID) {
	n.t.Helper()
	l := n.lane()
	for _, w := range n.claim(l, e) {
		n.accept(l, w.Ref)
	}
	n.do(`UPDATE editions SET state = 'done', finished_at = published WHERE id = $1`, e)
}

// age makes editions and what they told older by so long.
func (n *newsroom) age(by time.Duration, editions ...digest.EditionID) {
	n.t.Helper()
	for _, e := range editions {
		n.do(`UPDATE editions
			SET published = published - $2 * interval '1 second', finished_at = finished_at - $2 * interval '1 second',
			    window_from = window_from - $2 * interval '1 second', window_to = window_to - $2 * interval '1 second',
			    instant = instant - $2 * interval '1 second'
			WHERE id = $1`, e, int64(by.Seconds()))
		n.do(`UPDATE articles
			SET first_seen = first_seen - $2 * interval '1 second'
			WHERE id IN (SELECT a.article_id FROM article_story a JOIN edition_stories s ON s.story_id = a.story_id WHERE s.edition_id = $1)`,
			e, int64(by.Seconds()))
	}
}

// turnPage lets the next edition begin another part of the ledger.
func (n *newsroom) turnPage() {
	n.t.Helper()
	n.do(`SELECT setval(pg_get_serial_sequence('editions', 'id'), last_value - last_value % 64 + 63) FROM editions_id_seq`)
}

// parts lists the tables of the ledger, attached or not.
func (n *newsroom) parts() string {
	n.t.Helper()
	return n.one(`SELECT COALESCE(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname LIKE 'deliveries\_%'`)
}

// wantDropped runs a round and wants so many parts gone. A detachment waits for every transaction of the database that is older, those
// of other tests too. Where they take too long the next round comes, as in the
// program.
func (n *newsroom) wantDropped(want int) {
	n.t.Helper()
	var taken *pq.Error
	got, err := n.DropDeliveries(n.t.Context(), kept)
	for round := 0; round < 12 && errors.As(err, &taken) && taken.Code == "55P03"; round++ {
		got, err = n.DropDeliveries(n.t.Context(), kept)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	if got != want {
		n.t.Errorf("%d parts of the ledger dropped, want %d; there are %s", got, want, n.parts())
	}
}

// shelf is a newsroom with an old edition in the ledger's first part and a
// newer one in the second.
func shelf(t *testing.T) (n *newsroom, old, recent digest.EditionID) {
	t.Helper()
	n = newNewsroom(t)
	n.subscribe("ann@example.org", "ben@example.org")
	old = n.publish()
	n.end(old)
	n.turnPage()
	recent = n.publish()
	n.end(recent)
	n.age(500*day, old)
	n.age(2*day, recent)
	return n, old, recent
}

func TestOldPartOfTheLedgerGoesAndTheArchiveStays(t *testing.T) {
	t.Parallel()
	n, old, recent := shelf(t)
	n.do(`INSERT INTO unserved VALUES ($1, 0, '{7}', '{1}'), ($2, 0, '{7}', '{2}')`, old, recent)
	n.wantDropped(1)
	n.wantDropped(0)
	if got := n.one(`SELECT string_agg(edition_id::text, ' ') FROM unserved`); got != fmt.Sprint(recent) {
		t.Errorf("who got nothing is kept of editions %s, want %d", got, recent)
	}
	if got := n.one(`SELECT string_agg(DISTINCT edition_id::text, ' ') FROM deliveries`); got != fmt.Sprint(recent) {
		t.Errorf("the ledger has editions %s, want %d", got, recent)
	}
	if got := n.parts(); strings.Contains(got, "deliveries_0") {
		t.Errorf("the table is still there: %s", got)
	}
	if _, variants, err := n.Variants(t.Context(), old); err != nil || len(variants) != 1 || len(variants[0].Stories) != 1 {
		t.Errorf("the archive of the old edition has %+v, %v", variants, err)
	}
	// Links of any age work: one who left everything is told so, the view shows
	// the archive's.
	if _, v, err := n.Archived(t.Context(), old); err != nil || len(v.Stories) != 1 {
		t.Errorf("the old edition is archived as %+v, %v", v, err)
	}
	_, _, err := n.Archived(t.Context(), recent)
	is(t, err, digest.ErrNotFound)
	if err := n.Leave(t.Context(), digest.Ref{Edition: old, Reader: 1}, digest.Leaving{At: time.Now(), How: "one-click"}); err != nil {
		t.Errorf("leaving by a link of the old edition: %v", err)
	}
	n.end(n.publish())
}

func TestPartOfTheLedgerStaysWhileAnythingInItIsYoungOrOpen(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"an edition is younger":         `UPDATE editions SET published = now() - interval '399 days' WHERE id = $1`,
		"an edition ended lately":       `UPDATE editions SET finished_at = now() - interval '399 days' WHERE id = $1`,
		"an edition is sending":         `UPDATE editions SET state = 'sending' WHERE id = $1`,
		"an edition is held":            `UPDATE editions SET state = 'held', held_reason = 'hm' WHERE id = $1`,
		"an edition is open":            `UPDATE editions SET state = 'open' WHERE id = $1`,
		"the later part was just begun": `UPDATE editions SET published = now() - interval '1 hour' WHERE id > $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, old, _ := shelf(t)
			n.do(change, old)
			n.wantDropped(0)
		})
	}
}

// However old: the next edition may lie in it.
func TestLastPartOfTheLedgerStays(t *testing.T) {
	t.Parallel()
	n, _, recent := shelf(t)
	n.age(600*day, recent)
	n.wantDropped(1)
	n.wantDropped(0)
	if got := n.parts(); got != "deliveries_64" {
		t.Errorf("the ledger has %s", got)
	}
	n.end(n.publish())
}

func TestAbandonedEditionGoesToo(t *testing.T) {
	t.Parallel()
	n, old, _ := shelf(t)
	n.do(`UPDATE editions SET state = 'abandoned', finished_at = NULL WHERE id = $1`, old)
	n.do(`UPDATE deliveries SET state = 'queued', settled_at = NULL, not_before = now(), attempts = 0 WHERE edition_id = $1 AND reader_id = 1`, old)
	n.wantDropped(1)
}

// pend leaves the first part of the ledger as one who was killed while it was
// being detached.
func (n *newsroom) pend() {
	n.t.Helper()
	// A reader of the ledger who does not end keeps the detaching from
	// ending; a limit then breaks it off, as a kill does.
	reader, err := n.db.Begin()
	if err != nil {
		n.t.Fatal(err)
	}
	defer reader.Rollback()
	var rows int
	if err := reader.QueryRow(`SELECT count(*) FROM deliveries`).Scan(&rows); err != nil {
		n.t.Fatal(err)
	}
	conn, err := n.db.Conn(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	for _, step := range []string{`SET lock_timeout = 50`, `ALTER TABLE deliveries DETACH PARTITION deliveries_0 CONCURRENTLY`, `RESET lock_timeout`} {
		_, err = conn.ExecContext(n.t.Context(), step)
		if strings.HasPrefix(step, "ALTER") == (err == nil) {
			n.t.Fatalf("%s: %v", step, err)
		}
	}
	if got := n.one(`SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'deliveries_0'::regclass`); got != "true" {
		n.t.Fatalf("pending: %s", got)
	}
}

// Killed at any line, the part is attached, being detached, detached or gone.
func TestRemovalGoesOnFromWhereItWasKilled(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(n *newsroom){
		"being detached": (*newsroom).pend,
		"detached":       func(n *newsroom) { n.do(`ALTER TABLE deliveries DETACH PARTITION deliveries_0`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, _, _ := shelf(t)
			leave(n)
			n.end(n.publish()) // nobody is held up by it
			n.wantDropped(1)
			if got := n.parts(); got != "deliveries_64" {
				t.Errorf("the ledger has %s", got)
			}
			n.end(n.publish())
		})
	}
}

func TestOneProcessAtATimeRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	n, _, _ := shelf(t)
	conn, err := n.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `SELECT pg_advisory_lock($1::bigint # hashtext(current_schema()))`, int64(0x72657461696e)); err != nil {
		t.Fatal(err)
	}
	n.wantDropped(0)
	if _, err := conn.ExecContext(t.Context(), `SELECT pg_advisory_unlock_all()`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	dropped := make([]int, 6)
	for i := range dropped {
		wg.Go(func() {
			var err error
			if dropped[i], err = n.DropDeliveries(t.Context(), kept); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if slices.Sort(dropped); dropped[5] != 1 || dropped[4] != 0 {
		t.Errorf("six processes dropped %v", dropped)
	}
}

// A fan-out holds the ledger for seconds, and a plain DROP would make claims
// wait for it. What is waited for here is a transaction that never ends.
func TestClaimsDoNotWaitForARemovalThatWaits(t *testing.T) {
	t.Parallel()
	n, _, _ := shelf(t)
	e := n.publish()
	reader, err := n.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	var rows int
	if err := reader.QueryRow(`SELECT count(*) FROM deliveries`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	removed := make(chan error, 1)
	go func() {
		_, err := n.DropDeliveries(t.Context(), kept)
		removed <- err
	}()
	for n.one(`SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = 'deliveries'::regclass AND inhdetachpending)`) != "true" {
		select {
		case err := <-removed:
			t.Fatalf("nothing was waited for: %v", err)
		default:
		}
	}
	l := n.lane()
	work := n.claim(l, e)
	for _, w := range work {
		n.accept(l, w.Ref)
	}
	next := n.publish()
	n.accept(l, n.claim(l, next)[0].Ref)
	if len(work) != 2 {
		t.Errorf("claimed %+v", work)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-removed; err != nil {
		t.Errorf("the removal gave up: %v", err)
	}
	if got := n.parts(); got != "deliveries_64" {
		t.Errorf("the ledger has %s", got)
	}
}

// A digest that rested for longer than the ledger is kept looks back over all
// that time. What it told then must not come again.
func TestStoryOfAForgottenEditionIsToldToNobodyAgain(t *testing.T) {
	t.Parallel()
	n, old, _ := shelf(t)
	evening := n.digest
	evening.Name = "evening"
	had := func() (told bool, groups int) {
		m, err := n.Material(t.Context(), digest.Order{
			Digest: evening, Kind: digest.KindExtra, Now: time.Now(), FirstWindow: time.Now().Add(-600 * day),
		})
		if err != nil {
			t.Fatal(err)
		}
		var story digest.StoryID
		for _, c := range m.Candidates {
			if c.URL == "https://example.com/story-1" {
				story = c.Story
			}
		}
		if story == 0 {
			t.Fatalf("the old story is no candidate: %+v", m.Candidates)
		}
		for _, g := range m.Groups {
			told = told || !slices.Contains(g.Had, story)
		}
		return told, len(m.Groups)
	}
	if told, groups := had(); told || groups != 1 {
		t.Fatalf("before: told again %v, %d groups", told, groups)
	}
	n.pend()
	if told, groups := had(); told || groups != 1 {
		t.Errorf("while edition %d is being detached: told again %v, %d groups", old, told, groups)
	}
	n.wantDropped(1)
	if told, groups := had(); told || groups != 1 {
		t.Errorf("after the ledger forgot edition %d: told again %v, %d groups", old, told, groups)
	}
}

func TestWhyTellsThatTheLedgerIsNoLongerKept(t *testing.T) {
	t.Parallel()
	n, old, _ := shelf(t)
	entry := func() digest.Entry {
		a, err := n.Why(t.Context(), hash("ann@example.org"), time.Now().Add(-600*day), time.Now().Add(-400*day))
		if err != nil || len(a.Entries) != 1 || a.Entries[0].Edition.ID != old {
			t.Fatalf("%+v, %v", a.Entries, err)
		}
		return a.Entries[0]
	}
	n.do(`UPDATE subscriptions SET since = now() - interval '700 days'`)
	if e := entry(); e.State != digest.Accepted || e.Gone {
		t.Errorf("before: %+v", e)
	}
	n.wantDropped(1)
	if e := entry(); !e.Gone || e.State != "" || !strings.Contains(e.Reason, "no longer kept") {
		t.Errorf("after: %s, %s", e.State, e.Reason)
	}
}

// leaves lets a reader leave everything, so long ago.
func (n *newsroom) leaves(e digest.EditionID, r digest.ReaderID, ago time.Duration) {
	n.t.Helper()
	err := n.Leave(n.t.Context(), digest.Ref{Edition: e, Reader: r}, digest.Leaving{
		At: time.Now().Add(-ago), How: "page", Reason: "Secret reason", Everything: true,
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) wantForgotten(want int) {
	n.t.Helper()
	got, err := n.ForgetAddresses(n.t.Context(), kept)
	if err != nil {
		n.t.Fatal(err)
	}
	if got != want {
		n.t.Errorf("%d addresses forgotten, want %d", got, want)
	}
}

func TestAddressOfWhoLeftLongAgoIsForgotten(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	r := row(1, "secret.person@example.org")
	r.Name, r.Zone, r.Frequency = "Secret Person", "Europe/Oslo", digest.Daily
	n.imports(r)
	n.subscribe("ann@example.org")
	e := n.publish()
	n.end(e)
	ref := digest.Ref{Edition: e, Reader: 1}
	report := hardBounce(ref, "5.2.2")
	report.Recipients[0].Address, report.Recipients[0].Class = "Secret.Person@example.org", digest.ClassSoft
	report.Recipients[0].Said = "<secret.person@example.org> is full"
	stray := report
	stray.Ref, stray.Hash = digest.Ref{}, hash("stray")
	for _, r := range []digest.Report{report, stray} {
		if _, err := n.Report(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	n.do(`INSERT INTO suppressions (email_hash, reason, until, detail) VALUES ($1, 'soft', now() - interval '1 day', 'secret.person is full')`, r.Hash)
	n.leaves(e, 1, 34*day)
	n.leaves(e, 2, time.Hour)
	n.wantForgotten(0)
	n.do(`UPDATE readers SET left_at = now() - interval '36 days' WHERE id = 1`)
	n.wantForgotten(1)
	n.wantForgotten(0)
	dump := n.one(`
		SELECT concat((SELECT json_agg(x) FROM readers x), (SELECT json_agg(x) FROM subscriptions x WHERE reader_id = 1),
			(SELECT json_agg(x) FROM choices x WHERE reader_id = 1), (SELECT json_agg(x) FROM reader_events x WHERE reader_id = 1),
			(SELECT json_agg(x) FROM suppressions x), (SELECT json_agg(x) FROM reports x),
			(SELECT json_agg(x) FROM deliveries x))`)
	for _, secret := range []string{"secret", "oslo"} {
		if strings.Contains(strings.ToLower(dump), secret) {
			t.Errorf("%q is still in the rows: %s", secret, dump)
		}
	}
	if !strings.Contains(dump, "ann@example.org") {
		t.Error("who left an hour ago is forgotten, too")
	}
	// The proof of consent stays.
	if got := n.one(`SELECT consent || ', ' || state FROM subscriptions WHERE reader_id = 1`); got != "import of a test, unsubscribed" {
		t.Errorf("consent is %q", got)
	}
	if got := n.one(`SELECT string_agg(kind, ', ' ORDER BY id) FROM reader_events WHERE reader_id = 1`); got != "imported, left everything, forgotten" {
		t.Errorf("the events are %q", got)
	}
	if got := n.one(`SELECT data ->> 'how' FROM reader_events WHERE reader_id = 1 AND kind = 'imported'`); got != "import of a test" {
		t.Errorf("the import says %q", got)
	}
	n.wantGone(r, ref)
}

// wantGone wants the reader to be a tombstone that nothing brings back.
func (n *newsroom) wantGone(r digest.ImportRow, ref digest.Ref) {
	n.t.Helper()
	ctx := n.t.Context()
	for _, list := range []string{"readers", "another"} {
		result, err := n.ImportReaders(ctx, list, []string{n.digest.Name}, []digest.ImportRow{r}, "again")
		if err != nil || result.Left+result.Suppressed != 1 || result.Added != 0 {
			n.t.Errorf("an import to %s did %+v, %v", list, result, err)
		}
	}
	if got, err := n.FindReader(ctx, r.Hash); err != nil || got.ID != ref.Reader || got.Address != "" {
		n.t.Errorf("tombstone is %+v, %v", got, err)
	}
	_, err := n.Standing(ctx, ref)
	is(n.t, err, digest.ErrNotFound)
	is(n.t, n.Leave(ctx, ref, digest.Leaving{At: n.now}), digest.ErrNotFound)
	is(n.t, n.Undo(ctx, ref, n.now), digest.ErrNotFound)
	a, err := n.Why(ctx, r.Hash, time.Now().Add(-day), time.Now().Add(day))
	if err != nil || !a.Erased || a.LeftAt.IsZero() {
		n.t.Errorf("why says %+v, %v", a, err)
	}
}

func TestWhoIsNotGoneForGoodKeepsTheAddress(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"took it back":           `UPDATE readers SET left_at = NULL WHERE id = $1`,
		"is on a list":           `UPDATE subscriptions SET state = 'active', ended_at = NULL WHERE reader_id = $1`,
		"waits for confirmation": `INSERT INTO subscriptions (reader_id, list, state) VALUES ($1, 'another', 'pending')`,
		"gets a proof": `UPDATE deliveries SET state = 'queued', settled_at = NULL, not_before = now() WHERE reader_id = $1 AND
			edition_id IN (SELECT id FROM editions WHERE state = 'sending')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			ids := n.subscribe("ann@example.org", "ben@example.org")
			e := n.publish()
			for _, id := range ids {
				n.leaves(e, id, 40*day)
			}
			n.do(change, ids[0])
			n.wantForgotten(1)
			if got := n.one(`SELECT string_agg(email, ' ') FROM readers`); got != "ann@example.org" {
				t.Errorf("known are %s", got)
			}
		})
	}
}

func TestAddressesAreNeverForgottenWhileLeavingCanBeUndone(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org")
	n.leaves(n.publish(), ids[0], 27*day)
	for _, r := range []store.Retention{{Ledger: time.Hour, Addresses: time.Hour}, {}} {
		if got, err := n.ForgetAddresses(t.Context(), r); err != nil || got != 0 {
			t.Errorf("%d forgotten, %v", got, err)
		}
	}
}

func TestManyAddressesGoByPortions(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.do(`INSERT INTO readers (email, email_hash, left_at)
		SELECT 'r' || i || '@example.org', decode(md5(i::text), 'hex'), now() - interval '36 days' FROM generate_series(1, 1203) i`)
	n.wantForgotten(1203)
	if got := n.one(`SELECT count(*) FROM readers WHERE email IS NOT NULL`); got != "0" {
		t.Errorf("%s addresses are left", got)
	}
}

// An undo under way holds the reader's row: whoever comes second finds what
// the first has done.
func TestUndoRacesForgetting(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org")
	e := n.publish()
	n.leaves(e, ids[0], 40*day)
	tx, err := n.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`UPDATE readers SET left_at = NULL`); err != nil {
		t.Fatal(err)
	}
	n.wantForgotten(0)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	n.wantForgotten(0)
	if got := n.one(`SELECT email FROM readers`); got != "ann@example.org" {
		t.Errorf("the address is %s", got)
	}
}

func TestForgottenReaderCanStillAskForErasureAndGetAProof(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org")
	e := n.publish()
	n.leaves(e, ids[0], 40*day)
	n.wantForgotten(1)
	if err := n.ProofReader(ctx, "ann@example.org", hash("ann@example.org")); err != nil {
		t.Fatal(err)
	}
	if got := n.one(`SELECT email FROM readers WHERE left_at IS NOT NULL`); got != "ann@example.org" {
		t.Errorf("a proof goes to %s", got)
	}
	n.wantForgotten(1)
	if err := n.EraseReader(ctx, hash("ann@example.org"), time.Now()); err != nil {
		t.Fatal(err)
	}
	is(t, n.EraseReader(ctx, hash("ann@example.org"), time.Now()), digest.ErrNotFound)
	if err := n.ProofReader(ctx, "ann@example.org", hash("ann@example.org")); err == nil {
		t.Error("an erased reader gets a proof")
	}
	if got := n.one(`SELECT count(*) FROM reader_events WHERE data <> '{}' AND kind <> 'suppressed'`); got != "0" {
		t.Errorf("%s events tell something", got)
	}
}

func TestOldReportsLoseTheirAddressesAndStillCountOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.subscribe("ann@example.org", "ben@example.org")
	e := n.publish()
	n.end(e)
	old, recent := hardBounce(digest.Ref{Edition: e, Reader: 1}, "5.2.1"), hardBounce(digest.Ref{Edition: e, Reader: 2}, "5.2.1")
	old.Hash, recent.Hash = hash("old"), hash("recent")
	old.At, recent.At = time.Now().Add(-401*day), time.Now().Add(-399*day)
	for _, r := range []digest.Report{old, recent} {
		if _, err := n.Report(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{1, 0} {
		if got, err := n.EmptyReports(ctx, kept); err != nil || got != want {
			t.Errorf("%d reports emptied, want %d, %v", got, want, err)
		}
	}
	if got := n.one(`SELECT string_agg(reader_id::text, ' ') FROM reports WHERE recipients <> '[]'`); got != "2" {
		t.Errorf("reports about readers %s say something", got)
	}
	if effect, err := n.Report(ctx, old); err != nil || effect != digest.EffectDuplicate {
		t.Errorf("the old report again: %s, %v", effect, err)
	}
}

func TestOldArticleThatNobodyToldLosesItsTextAndIsStillKnown(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	told := n.publish()
	n.report(2) // stories 2 and 3, which no edition tells
	n.age(500*day, told)
	n.do(`UPDATE articles SET first_seen = now() - interval '401 days' WHERE title = 'Story 2'`)
	for _, want := range []int{1, 0} {
		if got, err := n.EmptyArticles(t.Context(), kept); err != nil || got != want {
			t.Errorf("%d articles emptied, want %d, %v", got, want, err)
		}
	}
	if got := n.one(`SELECT string_agg(title, ', ' ORDER BY id) FROM articles WHERE points_from <> 'none'`); got != "Story 1, Story 3" {
		t.Errorf("text is left of %s", got)
	}
	known, err := n.Known(t.Context(), "wire", []digest.Article{article(2, time.Now())})
	if err != nil || !known[0] {
		t.Errorf("the old article is new again: %v, %v", known, err)
	}
}

// Retention beside a delivery: claims, intents and verdicts go on, nobody who
// is being mailed is forgotten, and nothing young is lost.
func TestRetentionRunsBesideADelivery(t *testing.T) {
	t.Parallel()
	n, _, recent := shelf(t)
	var addresses []string
	for i := range 300 {
		addresses = append(addresses, fmt.Sprintf("reader%d@example.org", i))
	}
	ids := n.subscribe(addresses...)
	for _, id := range ids[:20] {
		n.leaves(recent, id, 40*day)
	}
	e := n.publish()
	l, stop := n.lane(), make(chan struct{})
	var wg sync.WaitGroup
	dropped, forgotten := make([]int, 3), make([]int, 3)
	for i := range 3 {
		wg.Go(func() {
			for {
				d, err := n.DropDeliveries(t.Context(), kept)
				f, ferr := n.ForgetAddresses(t.Context(), kept)
				if err != nil || ferr != nil {
					t.Error(err, ferr)
				}
				dropped[i], forgotten[i] = dropped[i]+d, forgotten[i]+f
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	mailed := 0
	for after := digest.ReaderID(0); ; {
		work, err := n.ClaimFresh(t.Context(), l, 0, e, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(work) == 0 {
			break
		}
		for _, w := range work {
			n.accept(l, w.Ref)
			after = w.Reader
			mailed++
		}
	}
	close(stop)
	wg.Wait()
	if mailed != 282 || dropped[0]+dropped[1]+dropped[2] != 1 || forgotten[0]+forgotten[1]+forgotten[2] != 20 {
		t.Errorf("%d mailed, %v parts dropped, %v readers forgotten", mailed, dropped, forgotten)
	}
	if got := n.one(`SELECT count(*) FROM deliveries WHERE edition_id = $1 AND state = 'accepted'`, e); got != "282" {
		t.Errorf("%s accepted", got)
	}
}

// Leaving by one click leaves a digest and not the list. Who left all that a
// list brings is as gone as who said "everything"; who has one digest left, be
// it one that is out of the config for a while, is not.
func TestAddressOfWhoLeftEachDigestIsForgotten(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.end(n.publish()) // morning goes to readers
	ids := n.subscribe("each@example.org", "one@example.org", "lately@example.org", "other@example.org", "waits@example.org", "again@example.org")
	n.onto("elsewhere", row(1, "other@example.org"))
	left := func(id digest.ReaderID, name string, days int) {
		n.do(`INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, $2, now() - $3 * interval '1 day')`, id, name, days)
	}
	for _, id := range ids {
		left(id, "morning", 40)
	}
	for _, id := range []digest.ReaderID{ids[0], ids[3], ids[4], ids[5]} {
		left(id, "evening", 36)
	}
	left(ids[2], "evening", 20)
	n.do(`INSERT INTO subscriptions (reader_id, list, state) VALUES ($1, 'weekend', 'pending')`, ids[4])
	n.do(`UPDATE choices SET left_at = NULL WHERE reader_id = $1 AND digest = 'morning'`, ids[5])
	r := kept
	forget := func(digests []string, want int) {
		t.Helper()
		r.Digests = map[string][]string{"readers": digests, "weekend": {"evening"}}
		if got, err := n.ForgetAddresses(ctx, r); err != nil || got != want {
			t.Errorf("with %v in the config %d were forgotten, want %d, %v", digests, got, want, err)
		}
	}
	forget([]string{"morning", "evening", "noon"}, 0)
	forget([]string{"morning", "evening"}, 1)
	if got := n.one(`SELECT string_agg(split_part(email, '@', 1), ' ' ORDER BY id) FROM readers WHERE email IS NOT NULL`); got != "one lately other waits again" {
		t.Errorf("there are still %s", got)
	}
	if got := n.one(`SELECT state FROM subscriptions WHERE reader_id = $1`, ids[0]); got != "unsubscribed" {
		t.Errorf("the forgotten one is %s", got)
	}
	if got := n.imports(row(1, "each@example.org")); got.Left != 1 {
		t.Errorf("an import of who was forgotten gives %+v", got)
	}
	// Morning is out of the config, and had an edition: who left evening only
	// wants it still.
	forget([]string{"evening"}, 0)
	// A list that no digest goes to takes nobody's address.
	forget(nil, 1) // morning went to it, and that alone: one@example.org left it
	if got := n.one(`SELECT count(*) FROM readers WHERE email = 'again@example.org' OR email = 'other@example.org'`); got != "2" {
		t.Error("who is wanted elsewhere is forgotten")
	}
}
