package ingest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest"
)

// drop is a folder that a test puts files into.
type drop struct {
	t   *testing.T
	dir string
}

// put writes a file that somebody finished so long before testNow.
func (d drop) put(name, text string, ago time.Duration) {
	d.t.Helper()
	at := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chtimes(at, time.Time{}, testNow.Add(-ago)); err != nil {
		d.t.Fatal(err)
	}
}

// dropRoom is an Ingest with a folder for its only source.
func dropRoom(t *testing.T, prefix string) (*Ingest, *rows, *clock, drop) {
	t.Helper()
	d := drop{t, t.TempDir()}
	in, store, c := room(newSite(t, nil))
	in.Sources = []digest.Source{{Name: "Wire drop", Kind: digest.SourceFolder, URL: d.dir, Category: "World", Prefix: prefix}}
	return in, store, c, d
}

// bridgeAt is the bridge page with an address of its own.
func bridgeAt(address string) string {
	return strings.Replace(pointedPage, "<head>", `<head><link rel="canonical" href="`+address+`">`, 1)
}

const dropText = "World\n\nCity opens bridge over the river after nine years of works\n\n%s• The bridge over the river opens after nine years.\n• The city paid 40 million for the works.\n\n" +
	"The city opened its new bridge over the river on Monday, nine years after the works began and four after they should have ended.\n"

func TestFolderOfPagesTextsAndFeedsIsRead(t *testing.T) {
	t.Parallel()
	in, store, _, d := dropRoom(t, "")
	d.put("b/page.html", bridgeAt("https://example.com/bridge"), time.Hour)
	d.put("wire.txt", fmt.Sprintf(dropText, "URL: https://example.com/wire/1?utm_source=drop\n\n"), 2*time.Hour)
	d.put("saved.xml", wholeFeed(7, 8), 3*time.Hour)
	for _, name := range []string{".hidden.html", "draft.html~", "half.part", "half.html.tmp", "picture.jpg", "page_files/frame.html", "style.css", "smtp-password", "id_ed25519", "dkim.pem", "cms.token", ".git/x.html"} {
		d.put(name, bridgeAt("https://example.com/never"), time.Hour)
	}
	r := fetchOne(t, in)
	if r.Status != StatusRead || r.Added != 4 || r.Articles != 4 || r.Files != 3 || len(r.Warnings) != 0 {
		t.Fatalf("%+v", r)
	}
	var got []string
	for _, a := range store.articles {
		got = append(got, a.URL)
		if a.Category != "World" || a.Source != "Wire drop" || a.Title == "" {
			t.Errorf("%+v", a)
		}
	}
	want := []string{"https://example.com/bridge", "https://example.com/wire/1", store.articles[2].URL, store.articles[3].URL}
	if !slices.Equal(got, want) || !slices.Equal(store.articles[0].Points, bridgePoints) || len(store.articles[1].Points) != 2 {
		t.Errorf("%q\n%+v", got, store.articles)
	}
	// Nothing changed, nothing is read; the next look is a minute away.
	if r := fetchOne(t, in); r.Status != StatusUnchanged || r.Articles != 0 || !r.Next.Equal(testNow.Add(time.Minute)) {
		t.Errorf("%+v", r)
	}
}

func TestTextWithAnAddressThatNobodyOpensIsLeftOutWithTheReason(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "https://example.com/wire/"} {
		in, store, _, d := dropRoom(t, prefix)
		in.Fetcher.AllowPrivate = false
		wrong := []string{
			"URL: javascript:alert(document.cookie)", "URL: JavaScript:alert('a b c')", "URL: data:text/html,one two three four five six seven eight</p>", "Link: file:///etc/passwd",
			"url: /news/bridge", "URL: ../bridge.html", "URL: bridge.html", "Permalink: //example.com/bridge", "URL: https://", "URL: ftp://example.com/bridge",
			"Source: javascript:alert(1)", "URL: http://localhost/bridge", "URL: https://example.com:99999/bridge", "URL: <javascript:x>",
		}
		for i, line := range wrong {
			d.put(fmt.Sprintf("wrong%d.txt", i), line+"\n\n"+fmt.Sprintf(dropText, ""), time.Hour)
		}
		d.put("good.txt", "URL: https://example.com/good\n\n"+fmt.Sprintf(dropText, ""), 2*time.Hour)
		d.put("both.txt", "Link: /bridge\nURL: https://example.com/both\n\n"+fmt.Sprintf(dropText, ""), 3*time.Hour)
		d.put("words.txt", "Web: how the spider does it\n\nURL: https://example.com/words\n\nThe spider spins, and it has done so for as long as there were any flies about.\n", 4*time.Hour)
		f := folder{source: in.Sources[0], now: testNow, settle: noPause}
		if err := f.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, line := range wrong {
			name := fmt.Sprintf("wrong%d.txt was left out: ", i)
			if !slices.ContainsFunc(f.warnings, func(w string) bool {
				return strings.HasPrefix(w, name) && strings.Contains(w, "readers cannot open") && strings.Contains(w, "write the ")
			}) {
				t.Errorf("%s, below %q: %q", line, prefix, f.warnings)
			}
		}
		r := fetchOne(t, in)
		var got []string
		for _, a := range store.articles {
			got = append(got, a.URL+" "+a.Title)
		}
		const bridge = " City opens bridge over the river after nine years of works"
		want := []string{"https://example.com/good" + bridge, "https://example.com/both" + bridge, "https://example.com/words Web: how the spider does it"}
		if !slices.Equal(got, want) || r.Status != StatusRead {
			t.Errorf("%q, %+v", got, r)
		}
	}
}

func TestFirstLookAtFolderCountsFromItsDates(t *testing.T) {
	t.Parallel()
	in, store, c, d := dropRoom(t, "https://example.com/wire/")
	d.put("old.txt", fmt.Sprintf(dropText, ""), 30*24*time.Hour)
	fetchOne(t, in)
	c.turn(time.Minute)
	d.put("new.txt", fmt.Sprintf(dropText, ""), time.Hour)
	fetchOne(t, in)
	if a := store.articles[0]; !a.FirstSeen.Equal(testNow.Add(-30*24*time.Hour)) || a.URL != "https://example.com/wire/old.txt" || a.GUID != "file:old.txt" {
		t.Errorf("%+v", a)
	}
	if a := store.articles[1]; !a.FirstSeen.Equal(testNow.Add(time.Minute)) || !a.Published.IsZero() {
		t.Errorf("%+v", a)
	}
}

func TestChangedFileIsReadAgain(t *testing.T) {
	t.Parallel()
	in, _, _, d := dropRoom(t, "https://example.com/wire")
	d.put("a ü?.html", pointedPage, 2*time.Hour)
	d.put("b.html", pointedPage, 2*time.Hour)
	f := folder{source: in.Sources[0], now: testNow, settle: noPause}
	if err := f.read(t.Context()); err != nil || len(f.articles) != 2 {
		t.Fatalf("%+v, %v", f, err)
	}
	if a := f.articles[0]; a.URL != "https://example.com/wire/a%20%C3%BC%3F.html" {
		t.Errorf("%+v", a)
	}
	d.put("b.html", strings.Replace(pointedPage, "bridge", "tunnel", 1), 2*time.Hour+time.Nanosecond)
	g := folder{source: in.Sources[0], now: testNow, settle: noPause, seen: unpackMarks(packMarks(f.kept))}
	if err := g.read(t.Context()); err != nil || len(g.articles) != 1 || g.articles[0].GUID != "file:b.html" || len(g.kept) != 2 {
		t.Errorf("%+v, %v", g, err)
	}
	// Below another address it is another page.
	h := folder{source: in.Sources[0], now: testNow, settle: noPause, seen: unpackMarks(packMarks(g.kept))}
	h.source.Prefix = "https://example.org/"
	if err := h.read(t.Context()); err != nil || len(h.articles) != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

func noPause(context.Context) error { return nil }

func TestFilesBeingWrittenWait(t *testing.T) {
	t.Parallel()
	in, _, _, d := dropRoom(t, "https://example.com/wire")
	whole := pointedPage
	d.put("whole.html", whole, time.Second)
	d.put("quiet.txt", "A headline of the morning over the city\n", 59*time.Second)
	d.put("growing.html", whole, time.Second)
	d.put("half.html", whole[:len(whole)/2], time.Second)
	d.put("empty.txt", "", time.Second)
	d.put("ahead.html", whole, -time.Hour) // its clock is ahead
	f := folder{source: in.Sources[0], now: testNow, settle: func(context.Context) error {
		d.put("growing.html", whole+"\n", time.Second)
		return nil
	}}
	if err := f.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range f.articles {
		got = append(got, a.GUID)
	}
	if !slices.Equal(got, []string{"file:ahead.html", "file:whole.html"}) || f.waiting != 4 || len(f.kept) != 2 {
		t.Errorf("read %q, %+v", got, f)
	}
	if told := f.told(); len(told) != 1 || told[0] != "still being written, to be read at the next poll: 4 files" {
		t.Errorf("%q", told)
	}
	// Left alone for long enough, what is there is read as it is.
	g := folder{source: in.Sources[0], now: testNow.Add(time.Minute), settle: noPause, seen: unpackMarks(packMarks(f.kept))}
	if err := g.read(t.Context()); err != nil || len(g.articles) != 3 || g.waiting != 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestLinksDontLeadOutOfFolder(t *testing.T) {
	t.Parallel()
	in, store, _, d := dropRoom(t, "")
	outside := drop{t, t.TempDir()}
	outside.put("secret.html", bridgeAt("https://example.com/secret"), time.Hour)
	d.put("sub/page.html", bridgeAt("https://example.com/page"), time.Hour)
	for name, target := range map[string]string{
		"out.html": filepath.Join(outside.dir, "secret.html"), "up.html": "../" + filepath.Base(outside.dir) + "/secret.html",
		"in.html": "sub/page.html", "nothing.html": "gone.html", "circle": ".", "dir": outside.dir,
	} {
		if err := os.Symlink(target, filepath.Join(d.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(d.dir, "pipe.html"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := fetchOne(t, in)
	if len(store.articles) != 1 || store.articles[0].URL != "https://example.com/page" {
		t.Errorf("%+v", store.articles)
	}
	if r.Files != 2 {
		t.Errorf("%d files can be articles", r.Files)
	}
	// Nor where a file becomes a link after it was looked at.
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	info, err := os.Stat(filepath.Join(outside.dir, "secret.html"))
	if err != nil {
		t.Fatal(err)
	}
	f := folder{source: in.Sources[0], root: root}
	if data, err := f.bytes(folderFile{"out.html", info.Size(), info.ModTime()}); err == nil {
		t.Errorf("read %d bytes outside the folder", len(data))
	}
	told := strings.Join(r.Warnings, "\n")
	for _, want := range []string{"out.html was left out: it leads out of the folder", "nothing.html was left out: it leads to nothing", "circle is a link to a folder"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is missing in %q", want, told)
		}
	}
}

func TestFileThatIsNoArticleIsTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, text, want string }{
		"no address":        {"a.html", pointedPage, "does not say where readers find it"},
		"the front page":    {"a.html", bridgeAt("https://example.com/"), "does not say where readers find it"},
		"empty":             {"a.txt", " \n", "the file is empty"},
		"no headline":       {"a.html", `<html><head><link rel="canonical" href="https://example.com/a"></head><body></body></html>`, "it has no headline"},
		"a picture":         {"a.html", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x00", "neither a page nor a text nor a feed"},
		"JSON of another":   {"a.json", `{"name": "a"}`, "neither a feed nor an article"},
		"XML of another":    {"a.xml", `<?xml version="1.0"?><order><no>12</no></order>`, "neither a feed nor an article"},
		"too large":         {"a.html", strings.Repeat("x", maxFileBytes+1), "larger than 5 MB"},
		"a script's scheme": {"a.html", bridgeAt("javascript:alert(1)"), "does not say where readers find it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, store, _, d := dropRoom(t, "")
			d.put(test.name, test.text, time.Hour)
			d.put("good.html", bridgeAt("https://example.com/good"), time.Hour)
			r := fetchOne(t, in)
			if len(store.articles) != 1 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], test.want) || !strings.Contains(r.Warnings[0], test.name) {
				t.Errorf("%d articles, %q", len(store.articles), r.Warnings)
			}
		})
	}
}

func TestTwoFilesOfOneAddressGiveTheNewer(t *testing.T) {
	t.Parallel()
	in, store, _, d := dropRoom(t, "")
	d.put("old.html", strings.ReplaceAll(bridgeAt("https://example.com/a"), bridgeTitle, "An older headline of the bridge"), 2*time.Hour)
	d.put("new.html", bridgeAt("http://www.example.com/a?utm_medium=x"), time.Hour)
	r := fetchOne(t, in)
	if len(store.articles) != 1 || store.articles[0].Title != bridgeTitle || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "same address as new.html") {
		t.Errorf("%+v, %q", store.articles, r.Warnings)
	}
}

func TestAbsentFolderFailsAndRecovers(t *testing.T) {
	t.Parallel()
	in, store, c, d := dropRoom(t, "https://example.com/")
	d.put("a.html", pointedPage, time.Hour)
	away := d.dir + ".away"
	if err := os.Rename(d.dir, away); err != nil {
		t.Fatal(err)
	}
	for n, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
		r := fetchOne(t, in)
		if r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "there is no folder "+d.dir+"; make it") || !r.Next.Equal(c.now().Add(want*time.Minute)) {
			t.Fatalf("%d: %+v", n, r)
		}
	}
	if err := os.Rename(away, d.dir); err != nil {
		t.Fatal(err)
	}
	if r := fetchOne(t, in); r.Status != StatusRead || store.states[0].Failures != 0 || store.states[0].Error != "" {
		t.Errorf("%+v %+v", r, store.states[0])
	}
	in.Sources[0].URL = filepath.Join(d.dir, "a.html")
	in.Store = &rows{}
	if r := fetchOne(t, in); r.Err == nil || !strings.Contains(r.Err.Error(), "is a file; name the folder it lies in") {
		t.Errorf("%+v", r)
	}
}

func TestFolderHasCaps(t *testing.T) {
	t.Parallel()
	in, _, _, d := dropRoom(t, "https://example.com/")
	for n := range maxFolderFiles + 2 {
		name := filepath.Join(d.dir, fmt.Sprintf("%05d.txt", n))
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, testNow.Add(-time.Hour-time.Duration(n)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	f := folder{source: in.Sources[0], now: testNow, settle: noPause}
	if err := f.read(t.Context()); err != nil || len(f.kept) != maxFolderFiles || !strings.Contains(f.warnings[0], "has 10002 files") {
		t.Errorf("%d, %q, %v", len(f.kept), f.warnings[:1], err)
	}
	if told := f.told(); len(told) != maxFileWarnings+1 {
		t.Errorf("%q", told)
	}
	deep := drop{t, t.TempDir()}
	deep.put(strings.Repeat("d/", maxFolderDepth+1)+"a.html", pointedPage, time.Hour)
	f = folder{source: digest.Source{URL: deep.dir}, now: testNow, settle: noPause}
	if err := f.read(t.Context()); err != nil || len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "too deep") {
		t.Errorf("%q, %v", f.warnings, err)
	}
}

// What extract shows of a file is what the folder brings of it.
func TestFolderSeesWhatExtractSees(t *testing.T) {
	t.Parallel()
	in, _, _, d := dropRoom(t, "")
	files := map[string]string{"a.html": bridgeAt("https://example.com/a"), "b.txt": fmt.Sprintf(dropText, "Link: <https://example.com/b>\n\n")}
	for name, text := range files {
		d.put(name, text, time.Hour)
		store := &rows{}
		in.Store = store
		if r := fetchOne(t, in); len(r.Warnings) != 0 {
			t.Errorf("%+v", r)
		}
		e, err := Extract(name, []byte(text), Options{Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		want, got := e.Articles[0], store.articles[0]
		if got.Title != want.Title || got.URL != want.URL || !slices.Equal(got.Points, want.Points) || got.PointsFrom != want.PointsFrom || got.Lead != want.Lead {
			t.Errorf("%s\n%+v\n%+v", name, got, want)
		}
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTextNamesItsAddress(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"URL: https://example.com/a":                                "https://example.com/a",
		"Source: https://example.com/a\nURL: https://example.org/b": "https://example.org/b",
		"Quelle: http://example.com/a":                              "http://example.com/a",
		"Source: Reuters":                                           "",
		"link: <https://example.com/a?utm_source=x>":                "https://example.com/a",
		"URL: ftp://example.com/a":                                  "",
		"URL: https:///a":                                           "",
		"See https://example.com/a":                                 "",
		"URL: https://example.com/a b":                              "",
		"URL: https://example.com/1\nURL: https://example.com/2":    "https://example.com/1",
	} {
		e, err := Extract("text", []byte(fmt.Sprintf(dropText, line+"\n\n")), Options{Now: testNow})
		if err != nil || e.Articles[0].URL != want || !strings.HasPrefix(e.Title, "City opens bridge") {
			t.Errorf("%q: %q, %q, %v", line, e.Articles[0].URL, e.Title, err)
		}
	}
}

func TestLookAtFolderSaysWhatIsInIt(t *testing.T) {
	t.Parallel()
	in, _, _, d := dropRoom(t, "")
	look := func() digest.Finding { return in.Look(t.Context(), nil)[0] }
	if f := look(); f.State != digest.FindingLook || !strings.Contains(f.Text, "is there and empty") {
		t.Errorf("%+v", f)
	}
	d.put("a.html", bridgeAt("https://example.com/a"), time.Hour)
	if f := look(); f.State != digest.FindingOK || !strings.HasPrefix(f.Text, "1 file, 1 article, key points in 1, the newest of ") {
		t.Errorf("%+v", f)
	}
	d.put("b.html", pointedPage, time.Hour)
	if f := look(); f.State != digest.FindingLook || !strings.Contains(f.Text, "b.html was left out") || !strings.Contains(f.Next, "courant extract") {
		t.Errorf("%+v", f)
	}
	in.Sources[0].URL += "/none"
	if f := look(); f.State != digest.FindingWrong || !strings.Contains(f.Text, "there is no folder") || !strings.Contains(f.Next, "make it") {
		t.Errorf("%+v", f)
	}
}

func TestMarksComeBackWhole(t *testing.T) {
	t.Parallel()
	want := []mark{1 << 63, 0, 42, 42, 7}
	got := unpackMarks(packMarks(want))
	for _, m := range want {
		if !got[m] {
			t.Errorf("%x is lost", m)
		}
	}
	if len(got) != 4 || len(unpackMarks("torn")) != 0 || packMarks([]mark{1, 2}) != packMarks([]mark{2, 1}) {
		t.Errorf("%v", got)
	}
}

func TestEmptiedFolderIsToldAndKeepsItsMarks(t *testing.T) {
	t.Parallel()
	in, store, c, d := dropRoom(t, "")
	d.put("a.html", bridgeAt("https://example.com/a"), time.Hour)
	fetchOne(t, in)
	if err := os.Remove(filepath.Join(d.dir, "a.html")); err != nil {
		t.Fatal(err)
	}
	c.turn(time.Minute)
	for range 2 {
		if r := fetchOne(t, in); len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "is empty, and it had 1 file; is it mounted?") {
			t.Errorf("%+v", r)
		}
	}
	states := slices.Clone(store.states)
	states[0].Newest = testNow
	if f := in.Look(t.Context(), states)[0]; f.State != digest.FindingLook || !strings.Contains(f.Text, "it had 1 file") || !strings.Contains(f.Next, "mounted") {
		t.Errorf("%+v", f)
	}
	d.put("a.html", bridgeAt("https://example.com/a"), time.Hour)
	if r := fetchOne(t, in); r.Status != StatusUnchanged || len(store.articles) != 1 {
		t.Errorf("%+v", r)
	}
}
