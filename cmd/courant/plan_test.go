package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

func TestPlanLeadsWithWhatReadersGet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for _, address := range []string{"ann@example.org", "bob@example.org"} {
		d.must("readers", "add", address)
	}
	d.feed.put(item{"Story a", "/a", "<p>The harbour closes at noon on Friday for three weeks of dredging.</p>"})
	d.must("fetch")
	d.must("send", "morning")
	// The same address once more, by a source of its own, and a new piece.
	d.feed.pages["/a"] = "<html lang=en><title>Story a2</title><body><article><h1>Story a2</h1>" +
		strings.Repeat("<p>The harbour closes at noon on Friday, and the dredgers come in for three weeks of work.</p>", 5) + "</article></body></html>"
	d.feed.put(item{"Old lighthouse", "/lighthouse", "<p>The old lighthouse is sold to a family of four from inland.</p>"})
	wire := fmt.Sprintf("  - {name: Wire, feed: %q, category: World}\n", d.feed.URL+"/feed.xml")
	d.withConfig(wire, wire+fmt.Sprintf("  - {name: Page, page: %q, category: World}\n", d.feed.URL+"/a"), func() {
		d.must("fetch")
		var first struct {
			Readers  int
			Articles []struct{ Title string }
			LeftOut  []struct{ Title, Why string } `json:"left_out"`
		}
		line, _, _ := strings.Cut(d.must("plan", "--json"), "\n")
		if err := json.Unmarshal([]byte(line), &first); err != nil {
			t.Fatal(err)
		}
		if first.Readers != 2 || len(first.Articles) != 1 || first.Articles[0].Title != "Old lighthouse" {
			t.Errorf("%d readers are to get %+v", first.Readers, first.Articles)
		}
		if len(first.LeftOut) != 1 || first.LeftOut[0].Title != "Story a2" || !strings.HasPrefix(first.LeftOut[0].Why, `already sent: folded into "Story a" at Wire`) {
			t.Errorf("left out is %+v", first.LeftOut)
		}
		d.must("send", "morning")
		if why := d.must("why", "ann@example.org"); !strings.Contains(why, "left out: already sent on 20") || !strings.Contains(why, " no. 1\n    - Story a2") || strings.Count(why, "Old lighthouse") != 1 {
			t.Errorf("what came is not what was planned:\n%s", why)
		}
	})
}

func TestPlanAfterAnEditionSaysWhatIsMissingAndWhatToDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for i := range 4 {
		d.must("readers", "add", fmt.Sprintf("reader%d@example.org", i))
	}
	d.tell("Harbour closes for repairs")
	d.must("send", "morning")
	old := time.Now().Add(-72 * time.Hour).Format(time.RFC1123Z)
	d.feed.pages["/old.xml"] = `<rss version="2.0"><channel><title>Old</title><link>` + d.feed.URL + `/</link>` + strings.Repeat("ITEM", 3) + `</channel></rss>`
	for i := range 3 {
		d.feed.pages["/old.xml"] = strings.Replace(d.feed.pages["/old.xml"], "ITEM", fmt.Sprintf(
			"<item><title>Old piece %[1]d</title><link>%[2]s/old-%[1]d</link><pubDate>%[3]s</pubDate><description>What the council said on day %[1]d.</description></item>", i, d.feed.URL, old), 1)
	}
	wire := fmt.Sprintf("  - {name: Wire, feed: %q, category: World}\n", d.feed.URL+"/feed.xml")
	d.withConfig(wire, wire+fmt.Sprintf("  - {name: Old, feed: %q, category: World}\n", d.feed.URL+"/old.xml"), func() {
		if said := d.must("fetch", "Old"); !strings.Contains(said, "3 new") {
			t.Fatal(said)
		}
		said := d.must("plan", "--days", "3")
		for _, want := range []string{
			"  to nobody", "nothing new yet for 4 readers", "`courant fetch`", "3 new articles are older than the window, which begins ", "4 readers, if there is news",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("plan does not say %q:\n%s", want, said)
			}
		}
	})
}

func TestAddressThatOnlyGotAProofIsNoReaderToPreview(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.must("send", "morning", "--only", "zoe@example.org")
	said := d.must("preview", "morning", "--for", "zoe@example.org", "--out", d.dir)
	if !strings.Contains(said, "zoe@example.org is no reader: this is what a new one without choices would get") || !strings.Contains(said, "zoe@example.org · 2 articles") {
		t.Errorf("preview says\n%s", said)
	}
	// One who was a reader, and is off the list, isn't a new one.
	d.must("readers", "remove", "ann@example.org")
	if said := d.must("preview", "morning", "--for", "ann@example.org", "--out", d.dir); !strings.Contains(said, "off the list readers since") {
		t.Errorf("preview says\n%s", said)
	}
}

func TestPreviewPageSaysEachNoteOnALineAndLetsNobodyLeave(t *testing.T) {
	t.Parallel()
	d := newPreviewDesk(t)
	d.must("readers", "import", d.write("readers.csv", "email,categories\nnone@example.org,Sport\n"))
	page := d.get(d.page(d.start("preview", "morning")))
	if !strings.Contains(page, "1 reader gets nothing: too little is left") || regexp.MustCompile(`Nothing is sent\.\s*·`).MatchString(page) {
		t.Errorf("the notes of the page\n%s", page)
	}
	if strings.Contains(page, "Leave as this reader") || !strings.Contains(page, "Unsubscribe link") {
		t.Errorf("the way out of the page\n%s", page)
	}
}

func TestMisspeltSourceIsNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	wire := fmt.Sprintf("  - {name: Wire, feed: %q, category: World}\n", d.feed.URL+"/feed.xml")
	d.withConfig(wire, wire+fmt.Sprintf("  - {name: \"Marowby Review, sea and coast\", feed: %q, category: World}\n", d.feed.URL+"/2.xml"), func() {
		for said, meant := range map[string]string{"Wrie": "Wire", "marowby review": "Marowby Review, sea and coast"} {
			r := d.try("fetch", said)
			sentence(t, r, exitMisused, fmt.Sprintf("there is no source %q", said), `it has "Wire", "Marowby Review, sea and coast"`, fmt.Sprintf("did you mean %q?", meant))
		}
		if r := d.try("fetch", "Nothing like it"); strings.Contains(r.stderr, "did you mean") {
			t.Errorf("says %s", r.stderr)
		}
	})
}

func TestListOfReadersKeepsItsColumns(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for _, reason := range []string{"complaint", "hard"} {
		d.must("readers", "add", reason+"@example.org", "--name", "Name")
		d.query(`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, $2 FROM readers WHERE email = $1 RETURNING 'x'`, reason+"@example.org", reason)
	}
	d.must("readers", "add", "ann@example.org", "--name", "Name")
	columns := map[int]bool{}
	for line := range strings.Lines(d.must("readers", "list")) {
		columns[strings.Index(line, "Name")] = true
	}
	if len(columns) != 1 {
		t.Errorf("the names stand in columns %v", columns)
	}
}

func TestPlanForeseesListsSizeAndHowLongTheRelayTakes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for i := range 3 {
		d.must("readers", "add", fmt.Sprintf("reader%d@example.org", i))
	}
	d.tell("Harbour closes for repairs")
	var first struct {
		Readers int
		Lists   []struct {
			List    string
			Readers int
		}
		Size         *struct{ HTML, Text, Mail int }
		TakesSeconds *int       `json:"takes_seconds"`
		OutBy        *time.Time `json:"out_by"`
	}
	line, _, _ := strings.Cut(d.must("plan", "--json"), "\n")
	if err := json.Unmarshal([]byte(line), &first); err != nil {
		t.Fatal(err)
	}
	if first.Readers != 3 || len(first.Lists) != 1 || first.Lists[0].Readers != 3 {
		t.Errorf("readers are %d, lists %+v", first.Readers, first.Lists)
	}
	if s := first.Size; s == nil || s.HTML < 2000 || s.Text < 200 || s.Mail < s.HTML+s.Text {
		t.Errorf("the size is %+v", s)
	}
	if first.TakesSeconds == nil || first.OutBy == nil {
		t.Errorf("how long it takes is not said: %s", line)
	}
	if said := d.must("plan"); !strings.Contains(said, "lists: readers 3 · HTML ") || strings.Contains(said, "\x1b[") {
		t.Errorf("plan says\n%s", said)
	}
	d.withConfig("tls: none", "tls: none, limits: [1/day]", func() {
		if said := d.must("plan"); !strings.Contains(said, "the relays are too slow: 3 readers take 48 h (limits 1/day)") {
			t.Errorf("plan says\n%s", said)
		}
	})
}

// A schedule that was moved to later that day makes no second edition of it,
// and a plan that said so would be wrong.
func TestPlanLeavesOutASlotWhoseDayHasItsEdition(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "add", "ann@example.org")
	d.tell("Harbour closes for repairs")
	d.must("send", "morning")
	d.tell("Bridge opens a year early")
	type slot struct {
		Local    time.Time
		Articles []struct{ Title string }
		Warnings []string
	}
	planned := func() (list []slot) {
		for line := range strings.Lines(d.must("plan", "--json")) {
			var s slot
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatal(err)
			}
			list = append(list, s)
		}
		return list
	}
	before := planned()
	if len(before[0].Articles) != 1 || len(before[1].Articles) != 0 {
		t.Fatalf("planned %+v", before)
	}
	d.query(`UPDATE editions SET kind = 'slot', daily = true, local_date = $1 RETURNING 'x'`, before[0].Local.Format(time.DateOnly))
	after := planned()
	if len(after[0].Articles) != 0 || !slices.Contains(after[0].Warnings, "nothing will be published: no. 1 is the edition of that day") {
		t.Errorf("the day's slot is planned as %+v", after[0])
	}
	if len(after[1].Articles) != 1 {
		t.Errorf("the next day's slot is planned as %+v", after[1])
	}
}
