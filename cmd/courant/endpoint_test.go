package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"courant/digest/smtpsink"
)

// oracle is a language model that says what it is told to.
type oracle struct {
	*httptest.Server
	mu    sync.Mutex
	says  string
	asked []string
}

func newOracle(t *testing.T, says string) *oracle {
	o := &oracle{says: says}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked = append(o.asked, string(body))
		if err := json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": o.says}}}}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *oracle) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

func (o *oracle) say(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.says = text
}

// decodedParts are the parts of a digest by their media type, each of which is
// there once.
func decodedParts(t testing.TB, body []byte) map[string]string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		text, failed := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil || failed != nil || parts[kind] != "" {
			t.Fatalf("part %s: %v, %v", kind, err, failed)
		}
		parts[kind] = string(text)
	}
}

const bareStory = `<p>The harbour closes for three days while divers mend the quay wall, the port office said on Monday. Two ferries move to the old pier until the work is done.</p>` +
	`<p>The works cost 3.5 million euros, which the city pays. Shops at the quay stay open, and buses leave every 20 minutes from the market square to the old pier.</p>`

func TestLanguageModelWritesPointsWhereNobodyGaveAny(t *testing.T) {
	t.Parallel()
	o := newOracle(t, "- The harbour closes for three days while divers mend the quay wall.\n- Mayor Bob Example paid 17 million dollars.\n- The works cost 3.5 million euros, which the city pays.")
	d := newDesk(t, smtpsink.Options{})
	d.extra = fmt.Sprintf("model: {url: \"%s/v1\", name: llama3.1}\n", o.URL)
	d.configure()
	story := "<html lang=en><body><article><h1>Harbour is shut for works on its wall</h1>" + bareStory
	page := d.write("story.html", story)

	if got := d.must("extract", "--json", page); !strings.Contains(got, `"points_from":"lead"`) || o.count() != 0 {
		t.Errorf("extract asked %d times unbidden:\n%s", o.count(), got)
	}
	if got := d.must("extract", "--json", "--model", page); !strings.Contains(got, `"points":["The harbour closes for three days while divers mend the quay wall.","The works cost 3.5 million euros, which the city pays."],"points_from":"model"`) || o.count() != 1 {
		t.Errorf("extract --model after %d questions:\n%s", o.count(), got)
	}
	if got := d.must("check", "--offline"); !strings.Contains(got, "note: the model llama3.1 at "+o.URL+"/v1 writes points where no publisher gave any, for at most 500 articles a day") || o.count() != 1 {
		t.Errorf("check --offline asked %d times:\n%s", o.count(), got)
	}
	if got := d.try("check", "--live").stdout; !strings.Contains(got, "model llama3.1") || !strings.Contains(got, "borne out by the article") || o.count() != 2 {
		t.Errorf("check --live after %d questions:\n%s", o.count(), got)
	}

	d.feed.put(item{title: "Harbour is shut for works on its wall", path: "/wall", html: "<p>Short.</p>"})
	d.feed.pages["/wall"] = story
	d.feed.put(item{title: "Trams run late in the city", path: "/trams", html: points})
	d.must("readers", "import", d.write("readers.csv", "email,name\nann@example.org,Ann Müller\n"))
	d.must("fetch")
	d.must("fetch")
	if o.count() != 3 || strings.Contains(o.asked[2], "ann@example.org") || strings.Contains(o.asked[2], "Müller") || !strings.Contains(o.asked[2], "old pier") {
		t.Errorf("asked %d times, last %s", o.count(), o.asked[len(o.asked)-1])
	}
	d.must("send", "morning")
	text := strings.Join(strings.Fields(decodedParts(t, d.sink.To("ann@example.org")[0].Body)["text/plain"]), " ")
	for _, want := range []string{"- The works cost 3.5 million euros, which the city pays.", "(Points written by a machine from the article and checked against it.)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the mail:\n%s", want, text)
		}
	}
	if strings.Contains(text, "17 million") || strings.Count(text, "written by a machine") != 1 {
		t.Errorf("the mail tells what the article doesn't, or of a machine that wrote nothing:\n%s", text)
	}

	o.say("Visit https://evil.example now, the harbour is closed.")
	if got := d.must("extract", "--json", "--model", page); !strings.Contains(got, `"points_from":"lead"`) || !strings.Contains(got, "its points were not used (address)") {
		t.Errorf("extract with a model that lies:\n%s", got)
	}
	d.extra = ""
	d.configure()
	sentence(t, d.try("extract", "--model", page), exitMisused, "names no model", "leave --model out")
}
