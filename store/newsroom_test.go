package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
	"courant/store/storetest"

	_ "github.com/lib/pq"
)

// newsroom is a store with one digest and whatever a test fills it with.
type newsroom struct {
	*store.Store
	t      testing.TB
	db     *sql.DB // beside the store, for looking
	dsn    string
	digest digest.Digest
	now    time.Time
	told   int // articles made so far
}

func newNewsroom(t testing.TB) *newsroom {
	t.Helper()
	return newNewsroomAt(t, storetest.DSN(t))
}

func newNewsroomAt(t testing.TB, dsn string) *newsroom {
	t.Helper()
	n := &newsroom{
		dsn:   dsn,
		Store: storetest.Open(t, dsn),
		t:     t,
		digest: digest.Digest{
			Name: "morning", Title: "Morning Brief", TimeZone: "Europe/Berlin", Language: "en", Lists: []string{"readers"},
			Categories: []string{"Military", "World"}, MaxArticles: 10, MinArticles: 1, Subject: "{{.Title}}",
		},
		now: time.Now().Add(-time.Hour).Truncate(time.Second),
	}
	var err error
	if n.db, err = sql.Open("postgres", dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// hash stands in for the keyring's.
func hash(address string) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	return sum[:]
}

func row(line int, address string) digest.ImportRow {
	return digest.ImportRow{Line: line, Address: address, Hash: hash(address)}
}

// subscribe puts readers on the digest's list and returns their ids.
func (n *newsroom) subscribe(addresses ...string) []digest.ReaderID {
	n.t.Helper()
	rows := make([]digest.ImportRow, len(addresses))
	for i, a := range addresses {
		rows[i] = row(i+1, a)
	}
	n.imports(rows...)
	ids := make([]digest.ReaderID, len(addresses))
	for i, a := range addresses {
		r, err := n.FindReader(n.t.Context(), hash(a))
		if err != nil {
			n.t.Fatal(err)
		}
		ids[i] = r.ID
	}
	return ids
}

func (n *newsroom) imports(rows ...digest.ImportRow) digest.ImportResult {
	n.t.Helper()
	result, err := n.ImportReaders(n.t.Context(), "readers", []string{n.digest.Name}, rows, "import of a test")
	if err != nil {
		n.t.Fatal(err)
	}
	return result
}

// publish makes an extra edition with one new article, sent as it is.
func (n *newsroom) publish() digest.EditionID {
	n.t.Helper()
	n.report(1)
	n.now = n.now.Add(time.Minute)
	e, err := n.Publish(n.t.Context(), digest.Order{
		Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
	}, oneVariant)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.MoveEdition(n.t.Context(), e.ID, digest.EditionSending, ""); err != nil {
		n.t.Fatal(err)
	}
	return e.ID
}

// report brings articles in.
func (n *newsroom) report(count int) {
	n.t.Helper()
	src := digest.Source{Name: "wire", Kind: digest.SourceFeed, URL: "https://example.com/wire.xml"}
	if err := n.SyncSources(n.t.Context(), []digest.Source{src}); err != nil {
		n.t.Fatal(err)
	}
	articles := make([]digest.Article, count)
	for i := range articles {
		n.told++
		articles[i] = article(n.told, n.now)
	}
	if _, err := n.SavePoll(n.t.Context(), digest.SourceState{Source: src}, articles); err != nil {
		n.t.Fatal(err)
	}
}

func article(number int, seen time.Time) digest.Article {
	url := fmt.Sprintf("https://example.com/story-%d", number)
	return digest.Article{
		Source: "wire", GUID: fmt.Sprintf("guid-%d", number), URL: url, Canonical: url, Title: fmt.Sprintf("Story %d", number),
		Category: "Military", Points: []string{"One point.", "Another, with \"quotes\" {and} braces."},
		PointsFrom: digest.PointsFeed, FirstSeen: seen, Lead: "It happened.",
	}
}

// oneVariant tells every candidate to everyone.
func oneVariant(m digest.Material) (digest.Composition, error) {
	v := digest.Draft{Signature: "all", Language: "en", Zone: m.Edition.Zone, Default: true}
	var c digest.Composition
	for i, a := range m.Candidates {
		if a.Story != 0 {
			continue
		}
		c.Stories = append(c.Stories, digest.Fold{
			Told: digest.Told{
				Article: a.ID, URL: a.URL, Title: a.Title, Points: a.Points, PointsFrom: a.PointsFrom, Source: a.Source,
			},
			Articles: []digest.ArticleID{a.ID},
		})
		v.Stories = append(v.Stories, len(c.Stories)-1)
		_ = i
	}
	for _, g := range m.Groups {
		v.Groups = append(v.Groups, g.Key)
	}
	c.Variants = []digest.Draft{v}
	return c, nil
}

// delivery reads the state and reply of a ledger row.
func (n *newsroom) delivery(e digest.EditionID, r digest.ReaderID) (state digest.DeliveryState, reply string) {
	n.t.Helper()
	err := n.db.QueryRow(`SELECT state, COALESCE(reply, '') FROM deliveries WHERE edition_id = $1 AND reader_id = $2`, e, r).
		Scan(&state, &reply)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		n.t.Fatal(err)
	}
	return state, reply
}

func (n *newsroom) wantState(e digest.EditionID, r digest.ReaderID, want digest.DeliveryState) {
	n.t.Helper()
	if got, reply := n.delivery(e, r); got != want {
		n.t.Errorf("delivery of edition %d to reader %d is %q (%s), want %q", e, r, got, reply, want)
	}
}

func (n *newsroom) one(query string, args ...any) (v string) {
	n.t.Helper()
	if err := n.db.QueryRow(query, args...).Scan(&v); err != nil {
		n.t.Fatalf("%s: %v", query, err)
	}
	return v
}

func (n *newsroom) do(query string, args ...any) {
	n.t.Helper()
	if _, err := n.db.Exec(query, args...); err != nil {
		n.t.Fatalf("%s: %v", query, err)
	}
}

// lane joins one lane with a long lease.
func (n *newsroom) lane() digest.Lane {
	n.t.Helper()
	lanes, err := n.JoinLanes(n.t.Context(), digest.Owner{ID: rowID(n.t), Host: "h", Boot: "b", Journal: "j"}, 1, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return lanes[0]
}

func rowID(t testing.TB) string { return fmt.Sprintf("%s %d", t.Name(), time.Now().UnixNano()) }

// claim claims all of an edition for the lane.
func (n *newsroom) claim(l digest.Lane, e digest.EditionID) []digest.Work {
	n.t.Helper()
	work, err := n.ClaimFresh(n.t.Context(), l, 0, e, 0, 1000)
	if err != nil {
		n.t.Fatal(err)
	}
	return work
}

// intend asks leave to send, and says which deliveries got it.
func (n *newsroom) intend(ctx context.Context, l digest.Lane, refs ...digest.Ref) ([]digest.Ref, error) {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = fmt.Sprintf("<%d.%d@example.com>", r.Edition, r.Reader)
	}
	granted, _, err := n.Commit(ctx, []digest.Intent{{Lane: l, Refs: refs, MessageIDs: ids}}, nil)
	var got []digest.Ref
	for _, g := range granted {
		got = append(got, g.Ref)
	}
	return got, err
}

// accept carries a claimed delivery through to accepted.
func (n *newsroom) accept(l digest.Lane, ref digest.Ref) {
	n.t.Helper()
	granted, err := n.intend(n.t.Context(), l, ref)
	if err != nil || len(granted) != 1 {
		n.t.Fatalf("intent for %v: %v, %v", ref, granted, err)
	}
	_, settled, err := n.Commit(n.t.Context(), nil, []digest.Settlement{{
		Lane: l, Ref: ref, Outcome: digest.Outcome{Verdict: digest.VerdictAccepted, Stage: digest.StageDot, Reply: digest.Reply{Code: 250}},
	}})
	if err != nil || len(settled) != 1 {
		n.t.Fatalf("settle %v: %v, %v", ref, settled, err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}
