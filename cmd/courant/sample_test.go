package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/ingest"
	"courant/digest/sample"
	"courant/digest/smtpsink"
)

// The sample press is written in the shapes of real pages; here ingest reads
// them, so that the demo shows what a reader would get.

// served is the sample press at an address, with its sources as the lines of
// a config.
func served(t *testing.T) (press *sample.Press, base, sources string) {
	t.Helper()
	press = sample.New(time.Now)
	server := httptest.NewServer(press.Handler())
	t.Cleanup(server.Close)
	var b strings.Builder
	for _, s := range press.Sources(server.URL) {
		fmt.Fprintf(&b, "  - {name: %q, %s: %q, category: %q}\n", s.Name, s.Kind, s.URL, s.Category)
	}
	return press, server.URL, strings.ReplaceAll(b.String(), `, category: ""`, "")
}

func TestSamplePagesAreReadRight(t *testing.T) {
	t.Parallel()
	press, base, _ := served(t)
	press.Publish()
	press.Publish()
	fetcher := &ingest.Fetcher{AllowPrivate: true}
	for path, want := range map[string]struct {
		from        digest.PointsFrom
		points      int
		attribution string
	}{
		"/brueckstaedter-tagblatt/ampeln":           {digest.PointsDescription, 3, ""},
		"/brueckstaedter-tagblatt/gletscher":        {digest.PointsDescription, 3, ""}, // its feed has the points
		"/brueckstaedter-tagblatt/leises-orchester": {digest.PointsDescription, 3, ""},
		"/brueckstaedter-tagblatt/nahverkehr":       {digest.PointsPage, 3, ""},
		"/brueckstaedter-tagblatt/notenstecherin":   {digest.PointsPage, 3, ""},
		"/brueckstaedter-tagblatt/wildbienen":       {digest.PointsPage, 3, ""},
		"/fennwick-wire/cable-earthquake-sensor":    {digest.PointsPage, 3, ""},
		"/fennwick-wire/firefighters-training-days": {digest.PointsPage, 3, ""},
		"/fennwick-wire/river-towns-flood-fund":     {digest.PointsDescription, 3, ""},
		"/fennwick-wire/seals-from-the-air":         {digest.PointsPage, 3, ""},
		"/harbour-courier/budget-by-lot":            {digest.PointsLead, 3, ""},
		"/harbour-courier/cinema-reopens":           {digest.PointsPage, 3, ""},
		"/harbour-courier/flood-fund":               {digest.PointsPage, 3, ""},
		"/harbour-courier/flood-fund-correction":    {digest.PointsPage, 3, ""},
		"/harbour-courier/hundred-kitchens":         {digest.PointsPage, 3, "Marrowby Review"},
		"/marrowby-review/the-clock-keeper":         {digest.PointsLead, 3, ""},
		"/orrery-and-moss/dimmed-lamps":             {digest.PointsDescription, 3, ""},
		"/orrery-and-moss/lake-calendar":            {digest.PointsPage, 3, ""},
		"/orrery-and-moss/paper-lead-test":          {digest.PointsPage, 3, ""},
	} {
		e, err := fetcher.Extract(t.Context(), base+path, ingest.Options{})
		if err != nil || len(e.Articles) != 1 || len(e.Warnings) > 0 {
			t.Errorf("%s: %v, %d articles, warnings %q", path, err, len(e.Articles), e.Warnings)
			continue
		}
		a := e.Articles[0]
		if a.PointsFrom != want.from || len(a.Points) != want.points || a.Attribution != want.attribution {
			t.Errorf("%s: %d points from %s, attribution %q, want %+v\n%q", path, len(a.Points), a.PointsFrom, a.Attribution, want, a.Points)
		}
		if a.Image.URL != "" && (a.Image.Alt == "" || a.Image.Width != 1200 || a.Image.Height != 675) {
			t.Errorf("%s: its picture is %+v", path, a.Image)
		}
		if a.Author == "" || a.Published.IsZero() || a.Site == "" || a.Language != "en" && a.Language != "de" {
			t.Errorf("%s: author %q, published %v, site %q, language %q", path, a.Author, a.Published, a.Site, a.Language)
		}
	}
}

// planned is what this test asks of plan --json.
type planned struct {
	Articles []struct {
		Title, URL, Category string
		PointsFrom           string `json:"points_from"`
		Why                  string
	}
	LeftOut []struct{ Title, Why string } `json:"left_out"`
}

func TestSamplePressFillsADigest(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	press, base, sources := served(t)
	// One slot a week, days away on either side, so that everything is new.
	schedule := fmt.Sprintf("0 7 * * %d", time.Now().UTC().AddDate(0, 0, 3).Weekday())
	d.write("courant.yaml", fmt.Sprintf(`
name: Example News
from: Example News <news@example.com>
postal_address: 1 Example Street, Example City
data_dir: %s
database: %q
smtp: %s
allow_private_sources: true
sources:
%slists:
  readers: {title: All readers}
digests:
  morning: {title: Morning Brief, schedule: %q, time_zone: UTC, lists: [readers], categories: [Politics, Science, Culture], max_articles: 30}
`, filepath.Join(d.dir, "data"), postgresURL(d.dsn), d.relay, sources, schedule))
	// A second lies between two pages of a host, so only one source is polled again
	// when the correction is out.
	for _, want := range []struct {
		publish, stories int
		fetch            []string
	}{{0, 10, []string{"fetch"}}, {2, 12, []string{"fetch", "Harbour Courier"}}} {
		for range want.publish {
			press.Publish()
		}
		d.must(want.fetch...)
		var p planned
		first, _, _ := strings.Cut(d.must("plan", "--json"), "\n")
		if err := json.Unmarshal([]byte(first), &p); err != nil {
			t.Fatal(err)
		}
		if len(p.Articles) != want.stories {
			t.Errorf("%d stories are planned, want %d", len(p.Articles), want.stories)
		}
		if len(p.LeftOut) != 1 || !strings.Contains(p.LeftOut[0].Title, "Five towns on the Lirr") || !strings.HasPrefix(p.LeftOut[0].Why, "folded into") {
			t.Errorf("left out are %+v, want the wire's telling of the flood fund", p.LeftOut)
		}
		from := map[string]string{}
		for _, a := range p.Articles {
			from[strings.TrimPrefix(a.URL, base)] = a.PointsFrom + " " + a.Category
		}
		for path, said := range map[string]string{
			"/harbour-courier/flood-fund": "page Politics", "/harbour-courier/budget-by-lot": "lead Politics", "/orrery-and-moss/lake-calendar": "page Science",
			"/orrery-and-moss/dimmed-lamps": "description Science", "/brueckstaedter-tagblatt/gletscher": "feed Science",
			"/fennwick-wire/cable-earthquake-sensor": "page Science", "/marrowby-review/the-clock-keeper": "lead Culture",
		} {
			if from[path] != said {
				t.Errorf("%s is planned as %q, want %q", path, from[path], said)
			}
		}
	}
}

// "Read more" in a mail of the demo leads to these pages.
func TestSamplePagesAreReadable(t *testing.T) {
	t.Parallel()
	press, base, _ := served(t)
	press.Publish()
	press.Publish()
	d := &desk{t: t, listen: strings.TrimPrefix(base, "http://")}
	v := d.visit(t, openBrowser(t))
	for name, path := range map[string]string{
		"press": "/", "front": "/harbour-courier/", "headed": "/harbour-courier/flood-fund", "summary": "/fennwick-wire/seals-from-the-air",
		"german": "/brueckstaedter-tagblatt/nahverkehr", "paywalled": "/orrery-and-moss/lake-calendar", "bare": "/orrery-and-moss/paper-lead-test",
		"alone": "/marrowby-review/the-clock-keeper", "attributed": "/harbour-courier/hundred-kitchens", "missing": "/nothing-here",
	} {
		if status := v.open(base + path); status != 200 && name != "missing" {
			t.Errorf("%s answered %d", path, status)
		}
		// JSON-LD is data, which no browser runs; the audit wants no script at all.
		ask[bool](v, `!document.querySelector('script[type="application/ld+json"]')?.remove()`)
		v.sound("sample-" + name)
	}
}
