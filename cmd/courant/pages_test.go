package main

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"

	"courant/digest/smtpsink"

	"github.com/chromedp/chromedp"
	"github.com/lib/pq"
)

// links are the addresses of ours in the last mail a reader got: of its
// header and of its HTML.
func (d *desk) links(t testing.TB, address string) (header, page, view string) {
	t.Helper()
	got := d.sink.To(address)
	if len(got) == 0 {
		t.Fatalf("%s has no mail", address)
	}
	body := got[len(got)-1].Body
	text := htmlPart(t, body)
	find := func(room string) string {
		m := regexp.MustCompile(`href="(http://` + regexp.QuoteMeta(d.listen) + room + `[^"]+)"`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no link to %s in\n%s", room, text)
		}
		return html.UnescapeString(m[1])
	}
	return unsubscribeLink(t, body), find("/p/"), find("/v/")
}

// htmlPart is the last part of a digest, decoded.
func htmlPart(t testing.TB, body []byte) (text string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return text
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
}

// scalar is one value out of the rows, past the program.
func (d *desk) scalar(t testing.TB, question, address string) (answer string) {
	t.Helper()
	connector, err := pq.NewConnector(d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	err = db.QueryRowContext(t.Context(), question, address).Scan(&answer)
	if err := cmp.Or(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return answer
}

// stands is how a reader stands, in words: "readers active; evening left".
func (d *desk) stands(t testing.TB, address string) string {
	t.Helper()
	return d.scalar(t, `
		SELECT concat_ws('; ',
		    (SELECT string_agg(list || ' ' || state, ', ' ORDER BY list)
		     FROM subscriptions
		     WHERE reader_id = r.id),
		    (SELECT string_agg(concat_ws(' ', digest, CASE WHEN left_at IS NOT NULL THEN 'left' END, NULLIF(frequency, 'every'),
		                                 'with ' || array_to_string(categories, ', '),
		                                 'paused ' || ceil(EXTRACT(EPOCH FROM paused_until - clock_timestamp()) / 86400) || ' days'), ', ' ORDER BY digest)
		     FROM choices
		     WHERE reader_id = r.id AND (left_at IS NOT NULL OR frequency <> 'every' OR categories IS NOT NULL OR paused_until IS NOT NULL)))
		FROM readers r
		WHERE email = $1`, address)
}

// rows is all that the database holds about a reader.
func (d *desk) rows(t testing.TB, address string) string {
	t.Helper()
	return d.scalar(t, `
		SELECT concat_ws(E'\n', to_jsonb(r),
		    (SELECT jsonb_agg(s ORDER BY list) FROM subscriptions s WHERE reader_id = r.id),
		    (SELECT jsonb_agg(c ORDER BY digest) FROM choices c WHERE reader_id = r.id),
		    (SELECT jsonb_agg(v ORDER BY id) FROM reader_events v WHERE reader_id = r.id),
		    (SELECT jsonb_agg(d ORDER BY edition_id) FROM deliveries d WHERE reader_id = r.id))
		FROM readers r
		WHERE email = $1`, address)
}

// evening is a second digest for the same readers, with names that are hard
// on a narrow page.
const evening = `  evening:
    title: Evening Brief
    schedule: "0 18 * * *"
    time_zone: Europe/Berlin
    lists: [readers]
    categories: [World, Sport, Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft]
    min_articles: 1
    subject: "{{.Title}}: {{.Lead.Title}}"
`

// TestReadersPagesInABrowser goes where the links of a mail lead, in a real
// browser, and holds every page it meets against the same rules. Then the next
// edition shows whether what the pages said was true.
func TestReadersPagesInABrowser(t *testing.T) {
	t.Parallel()
	browser := openBrowser(t)
	d := newDesk(t, smtpsink.Options{})
	d.extra = evening
	d.configure()
	d.must("readers", "import", d.write("readers.csv", `email,language
leaves@example.org,
repents@example.org,
weekly@example.org,
pauses@example.org,
fewer@example.org,
everything@example.org,
keyboard@example.org,
header@example.org,
scanned@example.org,
views@example.org,
arabic@example.org,ar
forged@example.org,
`))
	d.tell("Harbour closes for repairs")
	d.must("send", "evening")
	d.ready(d.start("serve", "--only", "web"))
	t.Run("pages", func(t *testing.T) {
		for name, story := range map[string]func(*visit){
			"leaving and coming back": leavesAndRepents, "staying with less": staysWithLess, "keyboard": usesTheKeyboard, "pointer": pointsAtThings,
			"header": opensTheHeadersPage, "scanner": isScanned, "view": viewsTheEdition, "right to left": readsArabic, "forged": holdsForgedLinks,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				story(d.visit(t, browser))
			})
		}
	})
	d.tell("Market hall sold to the city")
	d.must("send", "evening")
	for who, want := range map[string]int{
		"leaves": 1, "repents": 2, "weekly": 1, "pauses": 1, "fewer": 1, "everything": 1, "keyboard": 1, "header": 2,
		"scanned": 2, "views": 2, "arabic": 1, "forged": 2,
	} {
		if n := len(d.sink.To(who + "@example.org")); n != want {
			t.Errorf("%s has %d mails after the second edition, want %d (%s)", who, n, want, d.stands(t, who+"@example.org"))
		}
	}
	// Leaving one digest is not leaving the other.
	d.tell("Ferry line to be sold")
	d.must("send", "morning")
	if n := len(d.sink.To("leaves@example.org")); n != 2 {
		t.Errorf("who left the evening's digest has %d mails after the morning's", n)
	}
	if n := len(d.sink.To("everything@example.org")); n != 1 {
		t.Errorf("who left everything has %d mails", n)
	}
}

func leavesAndRepents(v *visit) {
	for _, who := range []string{"leaves", "repents"} {
		address := who + "@example.org"
		_, page, _ := v.desk.links(v, address)
		if status := v.open(page); status != http.StatusOK {
			v.Errorf("status %d", status)
		}
		masked := who[:1] + "…s@example.org"
		v.wants("Evening Brief", masked)
		if source := ask[string](v, `document.documentElement.outerHTML`); strings.Contains(source, address) {
			v.Error("the page holds the whole address")
		}
		if got, want := v.acts(), "leave everything weekly pause categories"; got != want {
			v.Errorf("buttons %s, want %s", got, want)
		}
		v.sound("choices")
		v.stands(who, "readers active")

		v.press("leave")
		v.wants("You have left Evening Brief", masked)
		v.sound("left")
		v.stands(who, "readers active; evening left")
		if got := v.acts(); got != "undo" {
			v.Errorf("the result offers %s", got)
		}
		if who == "leaves" {
			v.goesBack()
		}
	}
	v.press("undo")
	v.wants("Evening Brief goes to r…s@example.org as before.")
	v.sound("undone")
	v.stands("repents", "readers active")
}

// goesBack wants the browser to ask anew for the page that came before: its
// buttons no longer fit.
func (v *visit) goesBack() {
	v.Helper()
	v.do(chromedp.NavigateBack())
	v.wants("You left Evening Brief on")
	v.sound("choices-left")
	if got, want := v.acts(), "undo everything"; got != want {
		v.Errorf("to one who left, the page offers %s, want %s", got, want)
	}
}

// stands holds the rows of a reader against words.
func (v *visit) stands(who, want string) {
	v.Helper()
	if got := v.desk.stands(v, who+"@example.org"); got != want {
		v.Errorf("the rows of %s say %q, want %q", who, got, want)
	}
}

func staysWithLess(v *visit) {
	for _, c := range []struct{ who, act, says, rows, later string }{
		{"weekly", "weekly", "From now on Evening Brief comes to w…y@example.org once a week.", "readers active; evening weekly", "You get one edition of Evening Brief a week."},
		{"pauses", "pause", "Evening Brief is paused until", "readers active; evening paused 28 days", "Evening Brief is paused until"},
		{"fewer", "categories", "From now on Evening Brief brings Sport.", "readers active; evening with Sport", "Only what is ticked"},
		{"everything", "everything", "You have left everything. Nothing more goes to e…g@example.org.", "readers unsubscribed", "You left everything on"},
	} {
		_, page, _ := v.desk.links(v, c.who+"@example.org")
		v.open(page)
		if c.act == "categories" {
			v.ticksNone()
			v.stands(c.who, "readers active")
			v.do(chromedp.Click(chromedp.CSS(`input[value=Sport]`)))
		}
		v.press(c.act)
		v.wants(c.says)
		v.sound("chose-" + c.act)
		v.stands(c.who, c.rows)
		v.open(page)
		v.wants(c.later)
		v.sound("choices-" + c.act)
	}
}

// ticksNone wants to be told so where the ticks are, on a phone too.
func (v *visit) ticksNone() {
	v.Helper()
	for _, category := range []string{"World", "Sport", "Donau"} {
		v.do(chromedp.Click(chromedp.CSS(`input[value^=` + category + `]`)))
	}
	v.see(looks()[0])
	if status := v.press("categories"); status != http.StatusBadRequest {
		v.Errorf("no category: status %d", status)
	}
	v.wants("Tick at least one category")
	if !ask[bool](v, `(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector("[role=alert]").getBoundingClientRect())`) {
		v.Error("the fault is out of sight")
	}
	if n := ask[int](v, `document.querySelectorAll(":checked").length`); n != 0 {
		v.Errorf("%d categories are ticked again", n)
	}
	v.sound("none-ticked")
}

// stop is where the keyboard has come to.
type stop struct{ Name, Tag string }

func (v *visit) stop() stop {
	v.Helper()
	return ask[stop](v, `(e => ({name: e.value || e.textContent.trim().slice(0, 20), tag: e.tagName}))(document.activeElement)`)
}

// usesTheKeyboard reaches every control in the order it is read, sees where
// the focus is, and leaves.
func usesTheKeyboard(v *visit) {
	_, page, _ := v.desk.links(v, "keyboard@example.org")
	v.open(page)
	var stops []string
	for range 20 {
		v.do(chromedp.KeyEvent("\t"))
		s := v.stop()
		if s.Tag == "BODY" {
			break
		}
		stops = append(stops, s.Name)
		if len(stops) < 3 {
			v.sound("focus-" + s.Name)
			continue
		}
		v.audit("focus on " + s.Name)
	}
	want := ask[[]string](v, `[...document.querySelectorAll("a, button, summary, input, textarea")]
		.filter(e => e.checkVisibility() && e.getClientRects().length).map(e => e.value || e.textContent.trim().slice(0, 20))`)
	if !slices.Equal(stops, want) || len(stops) < 8 {
		v.Errorf("the keyboard goes to %q, the page has %q", stops, want)
	}

	// Space opens the place for words of one's own; Enter presses a button.
	v.open(page)
	v.do(chromedp.KeyEvent("\t\t\t "), chromedp.KeyEvent("\tToo many mails"))
	v.sound("reason")
	v.do(chromedp.Focus(button("leave")))
	v.load(chromedp.KeyEvent("\r"))
	v.wants("You have left Evening Brief")
	v.stands("keyboard", "readers active; evening left")
	if rows := v.desk.rows(v, "keyboard@example.org"); !strings.Contains(rows, "Too many mails") {
		v.Errorf("the reason is not kept:\n%s", rows)
	}
	v.do(chromedp.KeyEvent("\t"))
	if s := v.stop(); s.Name != "undo" {
		v.Errorf("after leaving, Tab goes to %+v", s)
	}
	v.audit("focus after leaving")
}

// pointsAtThings sees every button under the pointer, in both palettes.
func pointsAtThings(v *visit) {
	_, page, _ := v.desk.links(v, "scanned@example.org")
	v.open(page)
	for _, l := range looks()[2:] {
		v.see(l)
		for _, act := range strings.Fields(v.acts()) {
			at := ask[struct{ X, Y float64 }](v, fmt.Sprintf(`(b => { b.scrollIntoView(); return {x: b.getBoundingClientRect().x + 5, y: b.getBoundingClientRect().y + 5}; })(document.querySelector("%s"))`,
				strings.ReplaceAll(string(button(act)), `"`, `'`)))
			v.do(chromedp.MouseEvent("mouseMoved", at.X, at.Y))
			if got := ask[string](v, `document.querySelector("button:hover")?.value ?? ""`); got != act {
				v.Errorf("the pointer is on %q, want %q", got, act)
			}
			v.audit("pointer on " + act + " " + l.name)
		}
	}
}

func opensTheHeadersPage(v *visit) {
	header, _, _ := v.desk.links(v, "header@example.org")
	v.open(header)
	v.wants("Evening Brief", "h…r@example.org")
	if got := v.acts(); got != "leave" {
		v.Errorf("buttons %s", got)
	}
	if n := ask[int](v, `document.links.length + document.querySelectorAll("input, textarea").length`); n != 0 {
		v.Errorf("%d links and fields beside the button", n)
	}
	v.sound("unsubscribe")
	v.press("leave")
	v.wants("You have left Evening Brief")
	v.sound("unsubscribed")
	v.stands("header", "readers active; evening left")
	v.press("undo")
	v.stands("header", "readers active")
}

// isScanned does what scanners of mail do: it opens every link of the mail
// and of the pages behind them, with GET and HEAD, in a browser that runs what
// scripts there are and moves about.
func isScanned(v *visit) {
	const address = "scanned@example.org"
	before := v.desk.rows(v, address)
	header, page, view := v.desk.links(v, address)
	var found []string
	for _, link := range []string{header, page, view} {
		v.open(link)
		v.do(chromedp.MouseEvent("mouseMoved", 160, 300), chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.body.scrollHeight);
			for (const e of ["visibilitychange", "pagehide", "beforeunload", "focus"]) dispatchEvent(new Event(e));`), chromedp.Reload())
		found = append(found, ask[[]string](v, `[...document.querySelectorAll("[href], [src], form")].map(e => e.href || e.src || e.action)`)...)
	}
	for _, link := range append(found, header, page, view) {
		if !strings.Contains(link, v.desk.listen) {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			v.fetch(method, link)
		}
	}
	if after := v.desk.rows(v, address); after != before {
		v.Errorf("looking changed the rows:\n%s\n%s", before, after)
	}
}

func (v *visit) fetch(method, link string) {
	v.Helper()
	request, err := http.NewRequestWithContext(v.Context(), method, link, nil)
	if err != nil {
		v.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		v.Errorf("%s %s: %s, %v", method, link, response.Status, err)
	}
}

// viewsTheEdition wants the mail as it was styled, so the page's policy must
// let its styles through.
func viewsTheEdition(v *visit) {
	_, _, view := v.desk.links(v, "views@example.org")
	v.open(view)
	v.wants("Evening Brief", "Harbour closes for repairs", "The harbour closes at noon on Friday.", "1 Example Street, Example City")
	v.sound("view")
	style := func(selector, property string) string {
		return ask[string](v, fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).%s`, selector, property))
	}
	for _, c := range []struct{ look, selector, property, want string }{
		{"desktop-light", "h1", "fontSize", "46px"},
		{"desktop-light", ".sheet", "backgroundColor", "rgb(255, 255, 255)"},
		{"desktop-light", ".sheet", "width", "600px"},
		{"desktop-dark", ".sheet", "backgroundColor", "rgb(29, 27, 25)"},
		{"phone-light", "h1", "fontSize", "36px"},
	} {
		v.see(looks()[slices.IndexFunc(looks(), func(l look) bool { return l.name == c.look })])
		if got := style(c.selector, c.property); got != c.want {
			v.Errorf("%s: %s of %s is %s, want %s", c.look, c.property, c.selector, got, c.want)
		}
	}
}

func readsArabic(v *visit) {
	header, page, view := v.desk.links(v, "arabic@example.org")
	for name, link := range map[string]string{"ar-unsubscribe": header, "ar-choices": page, "view-ar": view} {
		v.open(link)
		v.sound(name)
		if got := ask[string](v, `document.documentElement.lang + " " + document.documentElement.dir + " " + getComputedStyle(document.body).direction`); got != "ar rtl rtl" {
			v.Errorf("%s: %s", name, got)
		}
	}
	v.open(page)
	v.press("leave")
	v.sound("ar-left")
	v.stands("arabic", "readers active; evening left")
}

// holdsForgedLinks gets the same calm page whatever is wrong with a link, so
// that trying tells nothing.
func holdsForgedLinks(v *visit) {
	const address = "forged@example.org"
	header, page, view := v.desk.links(v, address)
	before := v.desk.rows(v, address)
	flip := func(link string, back int) string {
		b := []byte(link)
		at := len(b) - back
		b[at] = map[bool]byte{true: 'B', false: 'A'}[b[at] == 'A']
		return string(b)
	}
	token := func(link string) string { return link[strings.LastIndex(link, "/")+1:] }
	root := "http://" + v.desk.listen
	first := ""
	for _, link := range []string{
		flip(page, 3), flip(page, 20), flip(page, len(token(page))), flip(header, 3), flip(view, 3), page[:len(page)-4], page + "AAAA",
		root + "/p/" + token(header), root + "/u/" + token(page), root + "/v/" + token(header), root + "/p/" + token(view), root + "/p/x", root + "/u/%00",
		root + "/p/" + strings.Repeat("A", 2000),
	} {
		if status := v.open(link); status != http.StatusNotFound {
			v.Errorf("%s: status %d", link, status)
		}
		got := ask[string](v, `document.documentElement.outerHTML`)
		if first == "" {
			first = got
			v.wants("This link is not complete")
			v.sound("forged")
			v.open(link)
		}
		if got != first {
			v.Errorf("%s shows another page:\n%s", link, got)
		}
	}
	if after := v.desk.rows(v, address); after != before {
		v.Errorf("forged links changed the rows:\n%s\n%s", before, after)
	}
}
