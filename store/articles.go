package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Articles lists the articles of the categories first seen after since, newest
// first, each with the story it belongs to. No categories means all.
func (s *Store) Articles(ctx context.Context, since time.Time, categories []string) ([]digest.Candidate, error) {
	endOfTime := time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	return selectCandidates(ctx, s.db, since, endOfTime, categories)
}

// Known says of each article whether it was read from the source before.
func (s *Store) Known(ctx context.Context, source string, articles []digest.Article) ([]bool, error) {
	articles = slices.Clone(articles)
	ids, err := matchArticles(ctx, s.db, source, articles)
	if err != nil {
		return nil, err
	}
	// Only here: who saves has no more than what is new, and could not tell
	// whether the source has left its former host.
	if err := matchMoved(ctx, s.db, source, articles, ids); err != nil {
		return nil, err
	}
	known := make([]bool, len(ids))
	for i, id := range ids {
		known[i] = id != 0
	}
	return known, nil
}

// matchArticles gives for each article the row that is the same article of the
// source; 0: none. The canonical URL is asked first: GUIDs that change
// wholesale, or that a feed hands on from item to item, must neither make old
// articles new nor hide new ones behind an old one's row. So a row that one
// article matches by URL is not matched by another's GUID, and a GUID under
// another URL and a headline without a common word stands for another article.
//
// An article that is another than the one its URL is known for gets a
// canonical form of its own.
func matchArticles(ctx context.Context, q sqlx.QueryerContext, source string, articles []digest.Article) ([]digest.ArticleID, error) {
	m, err := newMatching(ctx, q, source, articles)
	if err != nil {
		return nil, err
	}
	m.byAddress()
	m.byGUID()
	m.byBarer()
	m.standAlone()
	return m.ids, nil
}

// repeated stands for the ID of an article that brings nothing: another of the
// same poll has its row, or its canonical form, and it has nothing of its own.
const repeated digest.ArticleID = -1

// matchPushed is matchArticles for a source whose publisher says which
// articles are the same: by their URL, whatever else became of them.
func matchPushed(ctx context.Context, q sqlx.QueryerContext, source string, articles []digest.Article) ([]digest.ArticleID, error) {
	m, err := newMatching(ctx, q, source, articles)
	if err != nil {
		return nil, err
	}
	for i, a := range articles {
		for _, r := range m.at[m.address(i)] {
			if r.Canonical == a.Canonical {
				m.take(i, r)
			}
		}
	}
	m.byGUID()
	return m.ids, nil
}

// knownArticle is a row as far as articles are matched with it.
type knownArticle struct {
	ID                          digest.ArticleID
	GUID, URL, Canonical, Title string
}

// matching is articles of one source on their way to the rows that are theirs.
type matching struct {
	articles []digest.Article
	rows     []knownArticle
	at       map[string][]knownArticle        // by address, the newest first
	shared   map[string]bool                  // addresses of several articles
	items    map[digest.ArticleID]digest.Item // of rows, as they were asked for
	ids      []digest.ArticleID
	taken    map[digest.ArticleID]bool
}

func newMatching(ctx context.Context, q sqlx.QueryerContext, source string, articles []digest.Article) (*matching, error) {
	m := &matching{articles: articles, at: map[string][]knownArticle{}, shared: map[string]bool{}, items: map[digest.ArticleID]digest.Item{},
		ids: make([]digest.ArticleID, len(articles)), taken: map[digest.ArticleID]bool{}}
	for i, a := range articles {
		articles[i].Canonical = canonicalOf(a)
		if address, shared := digest.SharedAddress(articles[i].Canonical); shared {
			m.shared[address] = true
		}
	}
	var err error
	if m.rows, err = likelyRows(ctx, q, source, articles); err != nil {
		return nil, err
	}
	for _, r := range m.rows {
		address, shared := digest.SharedAddress(r.Canonical)
		m.at[address] = append(m.at[address], r)
		m.shared[address] = m.shared[address] || shared
	}
	return m, nil
}

func (m *matching) address(i int) string {
	address, _ := digest.SharedAddress(m.articles[i].Canonical)
	return address
}

func (m *matching) take(i int, r knownArticle) {
	if m.ids[i] == 0 && r.ID != 0 && !m.taken[r.ID] {
		m.ids[i], m.taken[r.ID] = r.ID, true
	}
}

func (m *matching) item(r knownArticle) digest.Item {
	if _, made := m.items[r.ID]; !made {
		m.items[r.ID] = digest.ItemOf(digest.Article{GUID: r.GUID, URL: r.URL, Canonical: r.Canonical, Title: r.Title})
	}
	return m.items[r.ID]
}

// stranger says that the rows have an article's URL for other articles.
func (m *matching) stranger(i int) bool { return m.ids[i] == 0 && len(m.at[m.address(i)]) > 0 }

// byAddress matches by URL, the surest first: what has the very form of a
// row, or its GUID, before what is only not known to be another article.
func (m *matching) byAddress() {
	for i, a := range m.articles {
		own := identityOf(digest.OwnCanonical(a))
		for _, r := range m.at[m.address(i)] {
			if r.Canonical == own || r.GUID != "" && r.GUID == identity(a.GUID) {
				m.take(i, r)
			}
		}
	}
	for i, a := range m.articles {
		if !m.stranger(i) {
			continue
		}
		item, address := digest.ItemOf(a), m.address(i)
		for _, r := range m.at[address] {
			if m.ids[i] == 0 && !m.taken[r.ID] && item.Continues(m.item(r), m.shared[address]) {
				m.take(i, r)
			}
		}
	}
}

// byBarer matches what has an address that lesser rules shortened: under the
// same headline it is the article they knew.
func (m *matching) byBarer() {
	for i, a := range m.articles {
		barer := digest.BarerCanonical(a.Canonical)
		if barer == "" || m.ids[i] != 0 {
			continue
		}
		for _, r := range m.at[identityOf(barer)] {
			if digest.SameHeadline(r.Title, a.Title) {
				m.take(i, r)
			}
		}
	}
}

// standAlone gives articles that are new at a known URL forms of their own.
func (m *matching) standAlone() {
	used := map[string]bool{}
	for _, r := range m.rows {
		used[r.Canonical] = true
	}
	for i, a := range m.articles {
		if m.ids[i] != 0 {
			continue
		}
		if m.stranger(i) {
			m.articles[i].Canonical = identityOf(digest.OwnCanonical(a))
		}
		if own := m.articles[i].Canonical; used[own] {
			m.ids[i] = repeated
		} else {
			used[own] = true
		}
	}
}

// byGUID matches what has an address that no row has.
func (m *matching) byGUID() {
	byGUID, byURL, byPermalink := map[string]knownArticle{}, map[string]knownArticle{}, map[string]knownArticle{}
	for _, r := range m.rows {
		byGUID[r.GUID], byURL[r.Canonical], byPermalink[digest.Permalink(r.GUID)] = r, r, r
	}
	delete(byGUID, "")
	delete(byPermalink, "")
	take := func(i int, r knownArticle) {
		if digest.Retitled(r.Title, m.articles[i].Title) {
			m.take(i, r)
		}
	}
	for i, a := range m.articles {
		take(i, byGUID[identity(a.GUID)])
	}
	// Links through a service that counts clicks come and go, with GUIDs that
	// are the address itself or with those that the links had. An address of
	// several articles says nothing of that kind.
	for i, a := range m.articles {
		link, permalink := a.Canonical, digest.Permalink(a.GUID)
		if m.stranger(i) || m.shared[m.address(i)] || m.shared[permalink] {
			continue
		}
		take(i, byPermalink[link])
		take(i, byURL[permalink])
		take(i, byPermalink[permalink])
	}
}

// matchMoved gives articles that nothing else knew the rows that are theirs
// where their site has moved to another host, see digest.Moves.
func matchMoved(ctx context.Context, q sqlx.QueryerContext, source string, articles []digest.Article, ids []digest.ArticleID) error {
	var fresh []digest.Article
	var places []int
	var when []string
	taken := map[digest.ArticleID]bool{}
	for i, a := range articles {
		taken[ids[i]] = true
		if at := sane(a.Published); ids[i] == 0 && at != nil {
			fresh, places, when = append(fresh, a), append(places, i), append(when, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	var rows []struct {
		ID               digest.ArticleID
		Canonical, Title string
		Published        time.Time
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT id, canonical, title, published
		FROM articles
		WHERE source = $1 AND published = ANY ($2::timestamptz[])
		ORDER BY id`, source, textArray(when))
	if err != nil {
		return fmt.Errorf("look up articles of a site that moved: %w", err)
	}
	known := make([]digest.Article, len(rows))
	for i, r := range rows {
		known[i] = digest.Article{Canonical: r.Canonical, Title: r.Title, Published: r.Published}
	}
	for now, former := range digest.Moves(articles, fresh, known) {
		if id := rows[former].ID; !taken[id] {
			ids[places[now]] = id
		}
	}
	return nil
}

// likelyRows finds the rows of a source that may be the articles.
func likelyRows(ctx context.Context, q sqlx.QueryerContext, source string, articles []digest.Article) ([]knownArticle, error) {
	var guids, canonicals []string
	for _, a := range articles {
		address, _ := digest.SharedAddress(canonicalOf(a))
		permalink := digest.Permalink(a.GUID)
		guids = append(guids, identity(a.GUID))
		guids = append(guids, digest.PermalinkGUIDs(address)...)
		guids = append(guids, digest.PermalinkGUIDs(permalink)...)
		canonicals = append(canonicals, address, permalink)
		if barer := digest.BarerCanonical(address); barer != "" {
			canonicals = append(canonicals, identity(barer))
		}
	}
	var rows []knownArticle
	// The second half reads articles_shared, which holds shared addresses only.
	// A site's front page may be that of all its articles ever.
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT id, COALESCE(guid, '') AS guid, url, canonical, title
		FROM articles
		WHERE source = $1 AND (guid = ANY ($2::text[]) OR canonical = ANY ($3::text[]))
		UNION
		(SELECT id, COALESCE(guid, ''), url, canonical, title
		 FROM articles
		 WHERE source = $1 AND strpos(canonical, '#item=') > 0 AND split_part(canonical, '#item=', 1) = ANY ($3::text[])
		 ORDER BY id DESC
		 LIMIT 3000)
		ORDER BY id DESC`,
		source, textArray(guids), textArray(canonicals))
	if err != nil {
		return nil, fmt.Errorf("look up known articles: %w", err)
	}
	return rows, nil
}

// mostTitle is the longest headline that is kept, in bytes: 400 characters of
// any script, which no feed is let have and a publisher's own system may.
const mostTitle = 1600

// identity is s as it is compared and indexed: an index entry has an end, and
// a source may send megabytes.
func identity(s string) string {
	if s = clean(s); len(s) <= 1000 {
		return s
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s)))
}

// canonicalOf is the article's identity beyond its source. A page that names
// no canonical address is where it was read.
func canonicalOf(a digest.Article) string {
	if a.Canonical == "" {
		return identity(a.URL)
	}
	return identityOf(a.Canonical)
}

// identityOf is identity of a canonical form, of which the address alone may
// be shortened: the mark must stay to be seen.
func identityOf(canonical string) string {
	address, _ := digest.SharedAddress(canonical)
	return identity(address) + clean(canonical[len(address):])
}

// cleanArticles makes the articles fit for their rows and drops those that
// one poll tells twice. A GUID that stands for several articles of one poll
// identifies none of them.
func cleanArticles(articles []digest.Article) []digest.Article {
	cleaned := make([]digest.Article, 0, len(articles))
	byGUID := map[string]int{}
	for _, a := range articles {
		a.Title = digest.PlainLine(a.Title, mostTitle)
		a.GUID, a.Canonical = identity(a.GUID), canonicalOf(a)
		if first, twice := byGUID[a.GUID]; a.GUID == "" || !twice {
			byGUID[a.GUID] = len(cleaned)
		} else if former := &cleaned[first]; former.Title == a.Title || former.Canonical == a.Canonical {
			continue
		} else {
			former.GUID, a.GUID = "", ""
		}
		cleaned = append(cleaned, a)
	}
	repeats, _ := digest.TellApart(cleaned)
	kept := cleaned[:0]
	for i, a := range cleaned {
		a.Canonical = identityOf(a.Canonical)
		if !repeats[i] {
			kept = append(kept, a)
		}
	}
	return kept
}

// splitArticles tells the rows to insert from those to correct. A GUID that
// another row has stays with that row.
func splitArticles(source string, articles []digest.Article, known []digest.ArticleID) (fresh, seen []articleText) {
	for i, a := range articles {
		row := textOf(source, a)
		row.ID = int64(known[i])
		switch known[i] {
		case 0:
			fresh = append(fresh, row)
		case repeated:
		default:
			seen = append(seen, row)
		}
	}
	return fresh, seen
}

// articleText is an article on its way into the database: one JSON document
// carries them all, because unnest has no place for a list of lists.
type articleText struct {
	ID          int64             `json:"id"`
	Source      string            `json:"source"`
	GUID        *string           `json:"guid"`
	URL         string            `json:"url"`
	Canonical   string            `json:"canonical"`
	Title       string            `json:"title"`
	Category    string            `json:"category"`
	Categories  []string          `json:"categories"`
	Terms       []termJSON        `json:"terms"`
	Points      []string          `json:"points"`
	PointsFrom  digest.PointsFrom `json:"points_from"`
	Site        string            `json:"site"`
	Attribution string            `json:"attribution"`
	Author      string            `json:"author"`
	Published   *time.Time        `json:"published"`
	FirstSeen   time.Time         `json:"first_seen"`
	Language    string            `json:"language"`
	ImageURL    string            `json:"image_url"`
	ImageAlt    string            `json:"image_alt"`
	ImageWidth  int32             `json:"image_width"`
	ImageHeight int32             `json:"image_height"`
	Lead        string            `json:"lead"`
	Page        string            `json:"page"`
}

const articleColumns = `(id bigint, source text, guid text, url text, canonical text, title text, category text,
	categories text[], terms jsonb, points text[], points_from text, site text, attribution text, author text, published timestamptz,
	first_seen timestamptz, language text, image_url text, image_alt text, image_width integer, image_height integer,
	lead text, page text)`

// textOf makes an article fit for its row. Points that turn out empty leave an
// article without points, which the CHECK wants said.
func textOf(source string, a digest.Article) articleText {
	t := articleText{
		Source: source, GUID: emptyNull(a.GUID), URL: clean(a.URL), Canonical: a.Canonical, Title: a.Title,
		Categories: []string{}, Terms: termsOf(a.Terms), Points: []string{}, PointsFrom: a.PointsFrom, Site: clean(a.Site),
		Attribution: clean(a.Attribution), Author: clean(a.Author), Published: sane(a.Published), FirstSeen: a.FirstSeen,
		Language: clean(a.Language), ImageURL: clean(a.Image.URL), ImageAlt: clean(a.Image.Alt),
		ImageWidth: pixels(a.Image.Width), ImageHeight: pixels(a.Image.Height), Lead: clean(a.Lead),
		Page: pageOf(a),
	}
	for _, c := range a.AllCategories() {
		if c = clean(c); c != "" {
			t.Categories = append(t.Categories, c)
		}
	}
	t.Category = first(t.Categories)
	for _, p := range a.Points {
		if p = clean(p); p != "" {
			t.Points = append(t.Points, p)
		}
	}
	if len(t.Points) == 0 {
		t.PointsFrom = digest.PointsNone
	}
	return t
}

// termJSON is digest.Term as the database has it.
type termJSON struct {
	Text string          `json:"text"`
	From digest.TermFrom `json:"from"`
}

// termsOf makes terms fit for a row.
func termsOf(terms []digest.Term) []termJSON {
	rows := make([]termJSON, len(terms))
	for i, t := range terms {
		rows[i] = termJSON{clean(t.Text), digest.TermFrom(clean(string(t.From)))}
	}
	return rows
}

// termsColumn reads terms back.
type termsColumn []digest.Term

func (t *termsColumn) Scan(column any) error {
	text, ok := column.([]byte)
	if !ok {
		return fmt.Errorf("an article's terms are %T", column)
	}
	var rows []termJSON
	if err := json.Unmarshal(text, &rows); err != nil {
		return fmt.Errorf("read an article's terms: %w", err)
	}
	*t = nil
	for _, r := range rows {
		*t = append(*t, digest.Term(r))
	}
	return nil
}

// pageOf is the page an article waits for, as pages have it.
func pageOf(a digest.Article) string {
	if a.Page == "" {
		return ""
	}
	return identity(a.Page)
}

// sane is a publication date that can be told and stored; a source may claim
// the year 90000.
func sane(t time.Time) *time.Time {
	if t.Year() < 1 || t.Year() > 9999 || t.IsZero() {
		return nil
	}
	return &t
}

// pixels is a size that an image can have; 0: unknown.
func pixels(n int) int32 {
	if n < 0 || n > 1<<20 {
		return 0
	}
	return int32(n)
}

// insertArticles adds articles that have no row, and says how many.
func insertArticles(ctx context.Context, tx *sqlx.Tx, rows []articleText) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	doc, err := json.Marshal(rows)
	if err != nil {
		return 0, fmt.Errorf("write articles down: %w", err)
	}
	// A GUID that belongs to another article already identifies nothing here.
	result, err := tx.ExecContext(ctx, `
		INSERT INTO articles (source, guid, url, canonical, title, category, categories, terms, points, points_from, site, attribution, author,
			published, first_seen, language, image_url, image_alt, image_width, image_height, lead, page, canonical_form)
		SELECT a.source, CASE WHEN k.id IS NULL THEN a.guid END, a.url, a.canonical, a.title, a.category, a.categories, a.terms, a.points,
		       a.points_from, a.site, a.attribution, a.author, a.published, a.first_seen, a.language, a.image_url, a.image_alt,
		       a.image_width, a.image_height, a.lead, a.page, $2
		FROM jsonb_to_recordset($1) AS a `+articleColumns+`
		LEFT JOIN articles k ON k.source = a.source AND k.guid = a.guid
		ORDER BY a.first_seen DESC`, string(doc), digest.CanonicalForm)
	if err != nil {
		return 0, fmt.Errorf("add articles: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count new articles: %w", err)
	}
	return int(n), nil
}

// Refile gives articles that no story has the categories that under names for
// their source and terms, and says how many changed. Where under returns nil
// an article stays as it is, and so does one older than a reader's window can
// reach back.
func (s *Store) Refile(ctx context.Context, under func(source string, terms []digest.Term) []string) (changed int, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		// A poll that is saved meanwhile holds rows of the same articles.
		if _, err := tx.ExecContext(ctx, `LOCK TABLE sources IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("lock sources: %w", err)
		}
		moved, err := misfiled(ctx, tx, under)
		if err != nil || len(moved) == 0 {
			return err
		}
		doc, err := json.Marshal(moved)
		if err != nil {
			return fmt.Errorf("write categories down: %w", err)
		}
		changed, err = affected(tx.ExecContext(ctx, `
			UPDATE articles a
			SET category = m.categories[1], categories = m.categories
			FROM jsonb_to_recordset($1) AS m (id bigint, categories text[])
			WHERE a.id = m.id AND NOT EXISTS (SELECT 1 FROM article_story t WHERE t.article_id = a.id)`, string(doc)))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("file articles anew: %w", err)
	}
	return changed, nil
}

// filedRow is an article with the categories it should have.
type filedRow struct {
	ID         int64    `json:"id"`
	Categories []string `json:"categories"`
}

// misfiled lists the articles that under files otherwise.
func misfiled(ctx context.Context, tx *sqlx.Tx, under func(source string, terms []digest.Term) []string) (moved []filedRow, err error) {
	var rows []struct {
		ID         int64
		Source     string
		Categories pq.StringArray
		Terms      termsColumn
	}
	err = tx.SelectContext(ctx, &rows, `
		SELECT a.id, a.source, a.categories, a.terms
		FROM articles a
		WHERE a.first_seen > clock_timestamp() - $1::interval
		  AND NOT EXISTS (SELECT 1 FROM article_story t WHERE t.article_id = a.id)`, fmt.Sprintf("%d hours", int(lookBack.Hours())))
	if err != nil {
		return nil, fmt.Errorf("read articles that no story has: %w", err)
	}
	for _, r := range rows {
		var categories []string
		for _, c := range under(r.Source, r.Terms) {
			if c = clean(c); c != "" {
				categories = append(categories, c)
			}
		}
		if categories != nil && !slices.Equal(categories, r.Categories) {
			moved = append(moved, filedRow{r.ID, categories})
		}
	}
	return moved, nil
}

// correctArticles brings articles up to date that no story has: what was told
// once stays as it was told.
func correctArticles(ctx context.Context, tx *sqlx.Tx, rows []articleText) error {
	if len(rows) == 0 {
		return nil
	}
	doc, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("write articles down: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		WITH reading AS (
			SELECT a.*, array_position(origins, a.points_from) <= array_position(origins, k.points_from) AS fuller
			FROM jsonb_to_recordset($1) AS a `+articleColumns+`
			JOIN articles k ON k.id = a.id,
			     (SELECT '{page,feed,description,lead,model,none}'::text[] AS origins) AS o
		), corrected AS (
			SELECT k.id, r.url, r.title,
			       CASE WHEN fuller THEN r.points ELSE k.points END AS points,
			       CASE WHEN fuller THEN r.points_from ELSE k.points_from END AS points_from,
			       CASE WHEN r.category <> '' THEN r.category ELSE k.category END AS category,
			       CASE WHEN r.category <> '' THEN r.categories ELSE k.categories END AS categories,
			       CASE WHEN r.terms <> '[]' THEN r.terms ELSE k.terms END AS terms,
			       COALESCE(NULLIF(r.site, ''), k.site) AS site,
			       COALESCE(NULLIF(r.attribution, ''), k.attribution) AS attribution,
			       COALESCE(NULLIF(r.author, ''), k.author) AS author,
			       COALESCE(r.published, k.published) AS published,
			       COALESCE(NULLIF(r.language, ''), k.language) AS language,
			       COALESCE(NULLIF(r.lead, ''), k.lead) AS lead
			FROM reading r
			JOIN articles k ON k.id = r.id
			WHERE NOT EXISTS (SELECT 1 FROM article_story t WHERE t.article_id = k.id)
		)
		UPDATE articles k
		SET url = c.url, title = c.title, points = c.points, points_from = c.points_from, category = c.category,
		    categories = c.categories, terms = c.terms,
		    site = c.site, attribution = c.attribution, author = c.author, published = c.published,
		    language = c.language, lead = c.lead
		FROM corrected c
		WHERE k.id = c.id
		  AND (k.url, k.title, k.points, k.points_from, k.category, k.categories, k.terms, k.site, k.attribution, k.author, k.published,
		       k.language, k.lead)
		      IS DISTINCT FROM
		      (c.url, c.title, c.points, c.points_from, c.category, c.categories, c.terms, c.site, c.attribution, c.author, c.published,
		       c.language, c.lead)`, string(doc))
	if err != nil {
		return fmt.Errorf("correct known articles: %w", err)
	}
	return settlePages(ctx, tx, string(doc))
}
