package render

import (
	"bytes"
	"fmt"
	"html"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"courant/digest"
)

func render(t testing.TB, r *Renderer, s sample) (*Message, *parsed) {
	t.Helper()
	m, err := r.Render(s.Edition, s.Variant)
	if err != nil {
		t.Fatal(err)
	}
	return m, mustParse(t, m.Splice(nil, s.Recipient))
}

func plainSample() sample {
	return sample{Edition: testEdition(), Recipient: testRecipient(), Variant: testVariant(digest.Told{
		Title: "Harbour votes", URL: "https://www.example.org/a?b=1&c=2", Category: "World", Site: "Gazette",
		Points: []string{"One point.", "Another."}, PointsFrom: digest.PointsPage, Published: opening.Add(-time.Hour),
	})}
}

func TestEveryHeaderRuleHolds(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	_, p := render(t, r, s)
	for name, want := range map[string]string{
		"From":                  `Example News <news@example.com>`,
		"To":                    `Ada Lovelace <ada@example.org>`,
		"Reply-To":              `desk@example.com`,
		"Subject":               `Morning Brief: Harbour votes`,
		"Date":                  `Tue, 3 Mar 2026 07:00:03 +0100`,
		"MIME-Version":          `1.0`,
		"List-Id":               `Morning Brief <morning.example.com>`,
		"List-Unsubscribe-Post": `List-Unsubscribe=One-Click`,
		"Precedence":            `bulk`,
		"Feedback-ID":           `e41:morning:slot:courant`,
	} {
		if p.fields[name] != want {
			t.Errorf("%s: %s, want %s", name, p.fields[name], want)
		}
	}
	for _, name := range []string{"List-Unsubscribe", "List-Unsubscribe-Post"} {
		if strings.Contains(p.raw[name], "\n") {
			t.Errorf("%s is folded", name)
		}
	}
	if ref, err := r.c.Keys.ParseMessageID(p.fields["Message-ID"]); err != nil || ref != s.Recipient.Ref {
		t.Errorf("Message-ID %s names %v, %v", p.fields["Message-ID"], ref, err)
	}
	if p.fields["Message-ID"] != r.MessageID(s.Recipient) {
		t.Errorf("MessageID says %s, the mail %s", r.MessageID(s.Recipient), p.fields["Message-ID"])
	}
}

var listUnsubscribe = regexp.MustCompile(`^<https://news\.example\.com/u/([\w-]+)>, <mailto:(unsubscribe\+[a-z2-7]+@in\.example\.com)\?subject=unsubscribe>$`)

func TestLinksVerifyForTheirPurposeAndNoOther(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	_, p := render(t, r, s)
	m := listUnsubscribe.FindStringSubmatch(p.fields["List-Unsubscribe"])
	if m == nil {
		t.Fatalf("List-Unsubscribe: %s", p.fields["List-Unsubscribe"])
	}
	if ref, err := r.c.Keys.ParseMailtoAddress(m[2]); err != nil || ref != s.Recipient.Ref {
		t.Errorf("mailto %s: %v %v", m[2], ref, err)
	}
	links := map[digest.Purpose]string{digest.PurposeOneClick: m[1]}
	for purpose, path := range map[digest.Purpose]string{digest.PurposePage: "/p/", digest.PurposeView: "/v/"} {
		found := regexp.MustCompile(`https://news\.example\.com` + path + `([\w-]+)`)
		html, text := found.FindStringSubmatch(p.html), found.FindStringSubmatch(p.text)
		if html == nil || text == nil || html[1] != text[1] {
			t.Fatalf("no %s link in both parts: %v %v", path, html, text)
		}
		links[purpose] = html[1]
	}
	for made, token := range links {
		for wanted := range links {
			got, err := r.c.Keys.ParseLinkToken(token, wanted)
			if (err == nil) != (made == wanted) {
				t.Errorf("a token made for %c read as %c: %v", made, wanted, err)
			}
			if err == nil && got.Ref != s.Recipient.Ref {
				t.Errorf("the token names %v", got.Ref)
			}
		}
	}
}

func TestKeyOfTheEditionSignsAfterRotation(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	m, _ := render(t, r, s)
	first := m.Splice(nil, s.Recipient)
	c := testConfig()
	c.Keys.Tokens[3] = bytes.Repeat([]byte{3}, 32)
	c.Keys.Current = 3
	again, err := newRenderer(t, c).Render(s.Edition, s.Variant)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again.Splice(nil, s.Recipient)) {
		t.Error("a retry after the keys were rotated is another message")
	}
}

func TestRetryMakesTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, s := range samples(t) {
		a, _ := render(t, newRenderer(t, testConfig()), s)
		b, _ := render(t, newRenderer(t, testConfig()), s)
		if !bytes.Equal(a.Splice(nil, s.Recipient), b.Splice(nil, s.Recipient)) {
			t.Errorf("%s: two processes make two messages", name)
		}
	}
}

func TestUnsubscribeByMailOnlyWhereItIsRead(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Mailto = ""
	_, p := render(t, newRenderer(t, c), plainSample())
	if got := p.fields["List-Unsubscribe"]; strings.Contains(got, "mailto") || !strings.HasSuffix(got, ">") {
		t.Errorf("List-Unsubscribe: %s", got)
	}
}

func TestArchivedAtOnlyWhereTheEditionIsOnTheWeb(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Archived = func(e digest.Edition) string { return fmt.Sprintf("https://news.example.com/archive/%d", e.Number) }
	s := plainSample()
	m, err := newRenderer(t, c).Render(s.Edition, s.Variant)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(m.Splice(nil, s.Recipient), []byte("\r\nArchived-At: <https://news.example.com/archive/12>\r\n")) {
		t.Error("no Archived-At")
	}
}

func TestSubjectSeesTheEditionAndStaysOneLine(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for template, want := range map[string]string{
		"":                                      "Morning Brief: Harbour votes",
		"{{.Title}} No. {{.Number}}, {{.Date}}": "Morning Brief No. 12, 3 March 2026",
		"{{.Weekday}}: {{.Count}} in {{.Lead.Category}}":       "Tuesday: 1 in World",
		"{{.Publication}}\r\nBcc: x@example.net\n\n{{.Title}}": "Example News Bcc: x@example.net Morning Brief",
		"Grüße: {{.Lead.Title}}":                               "Grüße: Harbour votes",
		"{{.Lead.By}} =?utf-8?q?x?=":                           "Gazette =?utf-8?q?x?=",
	} {
		s := plainSample()
		s.Edition.Subject = template
		_, p := render(t, r, s)
		got, err := checkEncodedWords(p.raw["Subject"])
		if err != nil || got != want {
			t.Errorf("%q makes %q, want %q (%v)", template, got, want, err)
		}
	}
}

func TestSubjectOfALongHeadlineIsCutBeforeFiltersMindIt(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for _, word := range []string{"harbour ", "Häfen ", "港"} {
		s := plainSample()
		s.Variant.Stories[0].Title = strings.Repeat(word, 200)
		_, p := render(t, r, s)
		got, err := checkEncodedWords(p.raw["Subject"])
		if err != nil || len(got) > 200 || len(got) < 140 || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
			t.Errorf("%d bytes, %v: %s", len(got), err, got)
		}
	}
}

func TestWrongSubjectsAreRefusedWithTheirText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{{.Titel}}", "{{.Lead.Nothing}}", "{{", "{{nope .Title}}", "{{/* nothing */}}"} {
		if err := CheckSubject(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
	if err := CheckSubject(DefaultSubject); err != nil {
		t.Error(err)
	}
}

func TestNamesAndTitlesSurviveTheHeader(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for _, name := range []string{
		"Ada Lovelace", "J. R. Hartley", `Quo "te" \ d`, "José Á. Núñez", "灯台 守", "ليلى حسن", "O'Brien, Pat (home)",
		"=?utf-8?q?Bcc?=", strings.Repeat("Very long name ", 7), strings.Repeat("長", 40), strings.Repeat("Grüße aus dem Süden ", 5), "a@b.example", "😀 and 👩‍👩‍👧‍👧 family", "<x@y.example>",
	} {
		s := plainSample()
		s.Recipient.Name = name
		s.Edition.Title = name
		_, p := render(t, r, s)
		want := digest.PlainLine(name, maxName)
		to, err := mail.ParseAddress(p.fields["To"])
		if err != nil || to.Name != want || to.Address != "ada@example.org" {
			t.Errorf("To for %q reads as %v, %v:\n%s", name, to, err, p.raw["To"])
		}
		if _, err := checkEncodedWords(p.raw["To"]); err != nil {
			t.Errorf("To: %v", err)
		}
		subject, err := checkEncodedWords(p.raw["Subject"])
		if wants := want + ": Harbour votes"; err != nil || subject != wants {
			t.Errorf("subject %q, want %q, %v", subject, wants, err)
		}
		if _, host, ok := digest.ParseListID(p.fields["List-Id"]); !ok || host != "example.com" {
			t.Errorf("List-Id: %s", p.fields["List-Id"])
		}
	}
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	verp := newRenderer(t, testConfig())
	c := testConfig()
	c.ReturnPath = ""
	plain := newRenderer(t, c)
	for address, want := range map[string]digest.Envelope{
		"ada@example.org":                  {To: "ada@example.org"},
		"ada@müller.example":               {To: "ada@xn--mller-kva.example"},
		"jörg@müller.example":              {To: "jörg@xn--mller-kva.example", SMTPUTF8: true},
		"eve+tag@example.org":              {To: "eve+tag@example.org"},
		"under_score@host_name.example":    {To: "under_score@host_name.example"},
		"a@b.example>\r\nRCPT TO:<x@y.net": {},
		"a b@example.org":                  {},
		"two@ats@example.org":              {},
		"":                                 {},
	} {
		to := testRecipient()
		to.Address = address
		got := plain.Envelope(to)
		want.From = "news@example.com"
		if got != want {
			t.Errorf("%q: %+v, want %+v", address, got, want)
		}
		got = verp.Envelope(to)
		if ref, err := verp.c.Keys.ParseReturnPath(got.From); err != nil || ref != to.Ref || !strings.HasSuffix(got.From, "@bounces.example.com") {
			t.Errorf("return path %q names %v, %v", got.From, ref, err)
		}
	}
}

func TestBodyBeyondSizeGoesToTheWeb(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	s.Variant.Stories = nil
	for i := range 100 {
		s.Variant.Stories = append(s.Variant.Stories, digest.Told{
			Title: fmt.Sprintf("Headline %03d ", i) + strings.Repeat("& more ", 20), URL: fmt.Sprintf("https://example.org/%d?a=b&c=d", i),
			Points: []string{strings.Repeat("A point with “quotes”. ", 20), strings.Repeat("Another. ", 30)}, Category: fmt.Sprint("C", i%7),
		})
	}
	m, p := render(t, r, s)
	if len(p.html) >= wantedSize {
		t.Errorf("the HTML has %d bytes", len(p.html))
	}
	if m.Shown+m.More != 100 || m.More == 0 || m.Shown < 5 {
		t.Errorf("%d shown and %d on the web", m.Shown, m.More)
	}
	line := fmt.Sprintf("+ %d more on the web", m.More)
	if !strings.Contains(p.text, line+":\nhttps://news.example.com/v/") || !strings.Contains(html.UnescapeString(p.html), line+"</a>") {
		t.Errorf("%q is not in both parts", line)
	}
	parity(t, p)
	view, err := r.View(s.Edition, s.Variant, nil)
	if err != nil || bytes.Count(view, []byte("Headline ")) != 100 {
		t.Errorf("the web shows %d of 100, %v", bytes.Count(view, []byte("Headline ")), err)
	}
}

func TestShorteningTakesFromEverySectionAlike(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for _, name := range []string{"hundred", "brief-hundred"} {
		s := samples(t)[name]
		_, p := render(t, r, s)
		m := regexp.MustCompile(`More in World \((\d+)\)\n- Politics \((\d+)\)\n- Science \((\d+)\)\n- Business \((\d+)\)\n- Sport \((\d+)\)\n- Culture \((\d+)\)`).FindStringSubmatch(p.text)
		if m == nil || slices.Min(m[1:]) < slices.Max(m[1:]) && slices.Max(m[1:]) != fmt.Sprint(atoi(t, slices.Min(m[1:]))+1) {
			t.Errorf("%s: sections are cut to %v", name, m)
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOneMonstrousStoryStillFits(t *testing.T) {
	t.Parallel()
	s := plainSample()
	story := &s.Variant.Stories[0]
	story.Title = strings.Repeat(`"&'<`, 500)
	story.URL = "https://example.org/?" + strings.Repeat("&", 1900)
	story.Points = slices.Repeat([]string{strings.Repeat(`'"&<>`, 1000)}, 50)
	story.Also = slices.Repeat([]digest.Also{{Source: strings.Repeat("'", 300), URL: story.URL}}, 50)
	_, p := render(t, newRenderer(t, testConfig()), s)
	if len(p.html) > mostSize {
		t.Errorf("the HTML has %d bytes", len(p.html))
	}
}

func TestSplicesAtOnceAreEachTheirOwn(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	m, _ := render(t, r, s)
	var wg sync.WaitGroup
	for lane := range 8 {
		wg.Go(func() {
			var buf []byte
			for i := range 50 {
				to := s.Recipient
				to.Reader = digest.ReaderID(lane*1000 + i)
				to.Since = to.Since.AddDate(0, 0, i)
				buf = m.Splice(buf[:0], to)
				if !bytes.Contains(buf, []byte("Message-ID: "+r.MessageID(to)+"\r\n")) {
					t.Errorf("lane %d, reader %d: another's Message-ID", lane, i)
				}
				if e, err := r.Render(s.Edition, s.Variant); i%10 == 0 && (err != nil || !bytes.Equal(e.Splice(nil, to), buf)) {
					t.Errorf("lane %d: a render meanwhile differs, %v", lane, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestEditionsThatCannotBeRenderedSayWhy(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for want, spoil := range map[string]func(*sample){
		"no stories":             func(s *sample) { s.Variant.Stories = nil },
		"cannot name a digest":   func(s *sample) { s.Edition.Digest = "a.b\r\n" },
		"no date":                func(s *sample) { s.Edition.Published, s.Edition.Instant = time.Time{}, time.Time{} },
		"is not a time zone":     func(s *sample) { s.Variant.Zone = "Mars/Olympus" },
		"make the subject":       func(s *sample) { s.Edition.Subject = "{{.Nothing}}" },
		"read the subject":       func(s *sample) { s.Edition.Subject = "{{" },
		"the subject is empty":   func(s *sample) { s.Edition.Subject = "{{if false}}x{{end}}" },
		"\"reader\" is not a ti": func(s *sample) { s.Variant.Zone = digest.ZoneReader },
	} {
		s := plainSample()
		spoil(&s)
		_, err := r.Render(s.Edition, s.Variant)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "render edition 41 of ") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestDateIsTheOneOfTheSlot(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	// Opened for Auckland first: for New York it is still the day before.
	s.Edition.Slot, s.Edition.Instant = "2026-03-03T07:00", time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)
	s.Edition.Zone, s.Variant.Zone = digest.ZoneReader, "America/New_York"
	_, p := render(t, r, s)
	if !strings.Contains(p.text, "Tuesday, 3 March 2026") {
		t.Errorf("the masthead has another day:\n%.200s", p.text)
	}
}

func TestReasonSaysWhatTheReaderChose(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	e, to := testEdition(), testRecipient()
	e.Categories = []string{"Military", "World", "Sport"}
	for _, c := range []struct {
		language string
		chosen   []string
		weekly   bool
		want     string
	}{
		{"en", nil, false, "You get Morning Brief, weekdays at 07:00 (Berlin), since 3 March 2026. Your categories: Military, World and Sport."},
		{"en", []string{"Military", "World"}, true, "You get Morning Brief, weekly at 07:00 (Berlin), since 3 March 2026. Your categories: Military and World."},
		{"de", []string{"World"}, true, "Sie erhalten Morning Brief einmal in der Woche um 7:00 Uhr (Berlin), seit dem 3. März 2026. Ihre Rubriken: World."},
		{"es", []string{"World"}, true, "Recibe Morning Brief, una vez por semana, a las 7:00 (Berlín), desde el 3 de marzo de 2026. Sus secciones: World."},
		{"fr", []string{"World"}, true, "Vous recevez Morning Brief, une fois par semaine à 7\u00a0h\u00a000 (Berlin), depuis le 3 mars 2026. Vos rubriques\u00a0: World."},
		{"pt", []string{"World"}, true, "Você recebe Morning Brief, uma vez por semana, às 7h00 (Berlim), desde 3 de março de 2026. Suas seções: World."},
		{"ar", []string{"World"}, true, "مرة في الأسبوع"},
	} {
		v := testVariant(digest.Told{Title: "Fleet leaves harbour", URL: "https://example.com/fleet"})
		v.Language, v.Categories = c.language, c.chosen
		to.Weekly = c.weekly
		got, err := r.Reason(e, v, to)
		if err != nil || !strings.Contains(got, c.want) || c.chosen != nil && !strings.Contains(got, c.chosen[0]) {
			t.Errorf("%s: %q, want %q, %v", c.language, got, c.want, err)
		}
		m, err := r.Render(e, v)
		if err != nil {
			t.Fatal(err)
		}
		text, html, err := m.Parts(to)
		if err != nil || !strings.Contains(strings.Join(strings.Fields(string(text)), " "), strings.Join(strings.Fields(got), " ")) || !strings.Contains(string(html), escape(got)) {
			t.Errorf("%s: the mail does not say %q, %v", c.language, got, err)
		}
		// Readers of one render differ in how often they want it.
		to.Weekly = !c.weekly
		if _, other, err := m.Parts(to); err != nil || strings.Contains(string(other), escape(got)) {
			t.Errorf("%s: a reader who chose otherwise is told %q, %v", c.language, got, err)
		}
	}
}

func TestReasonOfAProofOrOfManyCategoriesNamesNone(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	e, v := testEdition(), testVariant(digest.Told{Title: "Fleet leaves harbour", URL: "https://example.com/fleet"})
	e.Categories = strings.Split("a b c d e f g h i", " ")
	if got, err := r.Reason(e, v, testRecipient()); err != nil || strings.Contains(got, "categories") {
		t.Errorf("nine categories: %q, %v", got, err)
	}
	e.Kind, v.Categories = digest.KindProof, []string{"World"}
	if got, err := r.Reason(e, v, testRecipient()); err != nil || strings.Contains(got, "World") {
		t.Errorf("proof: %q, %v", got, err)
	}
}
