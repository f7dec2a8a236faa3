package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

// stranger gets an address of the readers' pages.
func (d *desk) stranger(t testing.TB, path string) (status int, body string, fields http.Header) {
	t.Helper()
	resp, err := http.Get("http://" + d.listen + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// head is one field of a mail's header.
func head(t testing.TB, body []byte, name string) string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Header.Get(name)
}

// TestArchiveOnTheWeb sends editions to a reader who is all canaries, and reads
// them as a stranger does.
func TestArchiveOnTheWeb(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.extra = evening + "    archive: none\n"
	d.configure()
	d.must("readers", "import", d.write("readers.csv", "email,name,language\ncanary-address@example.org,Canary Name,\nother-canary@example.org,Second Canary,de\n"))
	d.tell("Harbour closes for repairs")
	d.must("send", "morning")
	d.tell("Market hall sold to the city")
	d.must("send", "morning", "--only", "canary-proof@example.org")
	d.must("send", "morning")
	d.tell("Ferry line to be sold")
	d.must("send", "evening")
	d.ready(d.start("serve", "--only", "web"))

	got := d.sink.To("canary-address@example.org")
	at := strings.Trim(head(t, got[0].Body, "Archived-At"), "<>")
	if want := "http://" + d.listen + "/a/morning/1"; at != want {
		t.Errorf("the mail says that it is archived at %q, want %q", at, want)
	}
	if at := head(t, got[2].Body, "Archived-At"); at != "" {
		t.Errorf("a mail of a digest that is kept out says that it is archived at %q", at)
	}
	if proof := d.sink.To("canary-proof@example.org"); head(t, proof[0].Body, "Archived-At") != "" {
		t.Error("a proof says that it is archived")
	}
	tokens := []string{}
	for _, address := range []string{"canary-address@example.org", "other-canary@example.org"} {
		header, page, view := d.links(t, address)
		for _, link := range []string{header, page, view} {
			tokens = append(tokens, link[strings.LastIndex(link, "/")+1:])
		}
	}
	for path, wants := range map[string][]string{
		"/":                    {"Morning Brief", "Market hall sold to the city", "daily at 07:00 (Berlin)"},
		"/a/morning":           {"Harbour closes for repairs", "Market hall sold to the city", `href="/a/morning/1"`, `href="/a/morning/2"`},
		"/a/morning/1":         {"Harbour closes for repairs", "The harbour closes at noon on Friday."},
		"/a/morning/1.txt":     {"Harbour closes for repairs", "- The harbour closes at noon on Friday."},
		"/a/morning/feed.atom": {"Market hall sold to the city", "http://" + d.listen + "/a/morning/2"},
	} {
		status, body, fields := d.stranger(t, path)
		if status != http.StatusOK {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, body)
			}
		}
		for _, canary := range append(tokens, "anary", "Evening Brief", "/u/", "/p/", "/v/") {
			if strings.Contains(strings.ReplaceAll(body, "canary-proof", ""), canary) {
				t.Errorf("%s has %q", path, canary)
			}
		}
		if fields.Get("X-Robots-Tag") != "noindex" {
			t.Errorf("%s may be kept by search engines", path)
		}
	}
	for _, path := range []string{"/a/morning/3", "/a/evening", "/a/evening/1", "/a/evening/feed.atom"} {
		if status, body, _ := d.stranger(t, path); status != http.StatusNotFound {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	_, feed, _ := d.stranger(t, "/a/morning/feed.atom")
	if err := xml.Unmarshal([]byte(feed), new(struct{ XMLName xml.Name })); err != nil {
		t.Error(err)
	}
	d.must("articles", "correct", d.feed.URL+"/harbour-closes-for-repairs", "It closes on Saturday.")
	if _, body, _ := d.stranger(t, "/a/morning/1"); !strings.Contains(body, "It closes on Saturday.") || !strings.Contains(body, "The harbour closes at noon on Friday.") {
		t.Errorf("the archive does not show what was told beside its correction:\n%s", body)
	}
}

// TestArchiveInABrowser looks at the pages of the archive as readers see them.
func TestArchiveInABrowser(t *testing.T) {
	t.Parallel()
	browser := openBrowser(t)
	d := newDesk(t, smtpsink.Options{})
	d.extra = evening + "    about: The Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft and what else happened today.\n"
	d.configure()
	for _, title := range []string{"Harbour closes for repairs", "Market hall sold to the city", "Ferry line to be sold"} {
		d.tell(title)
		d.must("send", "morning")
	}
	d.ready(d.start("serve", "--only", "web"))
	v := d.visit(t, browser)
	base := "http://" + d.listen
	for name, path := range map[string]string{"home": "/", "archive": "/a/morning", "archive-empty": "/a/evening", "archive-lost": "/a/morning/99"} {
		v.open(base + path)
		v.sound(name)
	}
	v.open(base + "/")
	v.wants("Morning Brief", "Ferry line to be sold", "(Berlin)")
	v.open(base + "/a/morning")
	v.wants("All editions of Morning Brief", "Harbour closes for repairs", "No. 1")
	v.open(base + "/a/morning/1")
	v.wants("All editions of Morning Brief", "As plain text", "Harbour closes for repairs")
	v.sound("view-archived")
}
