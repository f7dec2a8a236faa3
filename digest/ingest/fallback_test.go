package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

func TestSentencesEndWhereTheyEnd(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"titles":               {"Dr. Müller and Mr. Smith met Sen. Jones on Friday.", "They agreed."},
		"acronym in mid-text":  {"The U.S. officials left St. Louis at noon.", "Nobody saw them."},
		"acronym at the end":   {"He moved to the U.S.", "The president met him there."},
		"initials":             {"J. K. Example wrote it.", "A. B. Other read it."},
		"decimals":             {"It grew by 3.5 per cent.", "See example.com for v1.2.3 of it."},
		"number at the end":    {"The team scored 20.", "They won."},
		"no as a word":         {"Asked twice, she said no.", "He said yes."},
		"no as a number":       {"The ship with No. 5 sank.", "Nobody drowned."},
		"quotation closes":     {"“It works.”", "The mayor smiled."},
		"ellipsis goes on":     {"He paused … and went on.", "Then he left."},
		"question":             {"Why now?", "Nobody knows!", "It is late."},
		"German":               {"Der Hafen schließt z. B. am 3. März um 18 Uhr.", "Nr. 5 bleibt lt. Dr. Meier offen, d. h. bis auf Weiteres."},
		"German abbreviation":  {"Die Kosten betragen ca. 3,5 Mio. Euro bzw. mehr.", "Das sagte Prof. Schulz."},
		"German quotation":     {"„Wir öffnen.“", "Das sagte er."},
		"Spanish":              {"Hay barcos, p. ej. los de la Sra. López, que salen.", "¿Cuándo?", "Hoy."},
		"French":               {"« Nous ouvrons. »", "M. Dupont et Mme. Durand l'ont dit."},
		"Portuguese":           {"O Sr. Silva e a Dra. Costa chegaram às 15.30 horas.", "Ninguém viu."},
		"Chinese":              {"港口周五中午关闭。", "两艘渡轮移至旧码头！", "为什么？"},
		"Chinese quotation":    {"他说：“港口关闭了。”", "没有人知道。"},
		"Japanese":             {"港は金曜日の正午に閉鎖される。", "「いつ再開しますか？」", "誰も知らない。"},
		"Hindi":                {"बंदरगाह शुक्रवार को बंद हो गया।", "किसी को नहीं पता।"},
		"Arabic":               {"أغلق المرفأ ظهر الجمعة.", "لماذا؟", "لا أحد يعرف."},
		"Urdu":                 {"بندرگاہ جمعہ کو بند ہو گئی۔", "کوئی نہیں جانتا۔"},
		"Burmese":              {"ဆိပ်ကမ်းပိတ်သည်။", "ဘယ်သူမှမသိ။"},
		"Norwegian ordinals":   {"Havnen stenger 17. mai kl. 12 i alle fall.", "Ingen vet hvorfor."},
		"Polish":               {"Port zamknięto o godz. 12 w poniedziałek.", "Straty to 3 mln. złotych."},
		"nothing but a number": {"2026"},
	} {
		if got := sentences(strings.Join(want, spaceOf(want[0]))); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// spaceOf is what stands between two sentences of a script.
func spaceOf(s string) string {
	if r, _ := firstRune(s); unspaced(r) || r == '「' {
		return ""
	}
	return " "
}

const fallbackBody = `<p>By Ann Example</p><p>BERLIN, Nov. 3 (AP) — The harbour closes for three days while divers mend the quay wall. ` +
	`“It is the oldest part,” the port captain said of the wall on Monday. It is old.</p>` +
	`<p>Two ferries move to the old pier until the work is done. Read more: the history of the quay.</p>` +
	`<p>The works cost 3.5 million euros, which the city pays.</p>`

func TestFallbacksFillUpToThree(t *testing.T) {
	t.Parallel()
	headline := "Harbour closes for repairs"
	first := "The harbour closes for three days while divers mend the quay wall."
	second := "“It is the oldest part,” the port captain said of the wall on Monday."
	third := "Two ferries move to the old pier until the work is done."
	own := "Ships are sent to the river mouth, and shops at the quay stay open."
	for _, c := range []struct {
		name, description, body string
		from                    digest.PointsFrom
		points                  []string
	}{
		{"no description", "", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"a description of its own", own, fallbackBody, digest.PointsDescription, []string{own, first, second}},
		{"the description is the first sentence", first, fallbackBody, digest.PointsDescription, []string{first, second, third}},
		{"the headline", headline, fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"the headline and the site", headline + " | Example Wire News Online", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"too short", "Harbour is being mended now.", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"the body, cut by an ellipsis", "The harbour closes for three days while divers mend…", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"cut by dots in brackets", "The harbour closes for three days while divers [...]", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"cut and pointed on", "The harbour closes for three days while divers … Read more", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"cut without a sign", "The harbour closes for three days while divers me", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"a whole sentence before the cut", own + " The harbour closes for three days wh…", fallbackBody, digest.PointsDescription, []string{own, first, second}},
		{"a slogan", "Example Wire: the latest news, analysis and opinion from around the globe, every day.", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"a paywall", "Subscribe now to read this and every other story of ours, ad-free.", fallbackBody, digest.PointsLead, []string{first, second, third}},
		{"a description and nothing else", own, "<p>Short.</p>", digest.PointsDescription, []string{own}},
		{"nothing", "", "<p>Short.</p>", digest.PointsNone, nil},
		{"only by-lines and pointers", "", "<p>By Ann Example and Bob Example of the Example Wire</p><p>Read more: the whole history of the quay in pictures.</p>", digest.PointsNone, nil},
	} {
		a := digest.Article{Title: headline}
		p := snippetPage(c.body, headline, c.description, reading{})
		fallBack(&a, c.description, p.leadSentences())
		if a.PointsFrom != c.from || !slices.Equal(a.Points, c.points) {
			t.Errorf("%s: from %s %q\nwant %s %q", c.name, a.PointsFrom, a.Points, c.from, c.points)
		}
	}
}

func TestFirstSentencesOfEachScriptCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		n    int
	}{
		"Chinese":        {"<p>记者王小明报道</p><p>港口当局星期一表示，港口将于星期五中午关闭三天以修理码头。两艘渡轮在此期间将移至旧码头停靠。</p>", 2},
		"Japanese":       {"<p>港湾当局は月曜日、岸壁の修理のため金曜日の正午から三日間港を閉鎖すると発表した。二隻のフェリーは古い桟橋に移る。</p>", 2},
		"Hindi":          {"<p>बंदरगाह प्राधिकरण ने सोमवार को कहा कि मरम्मत के लिए बंदरगाह तीन दिन बंद रहेगा। दो नौकाएँ तब तक पुराने घाट पर जाएँगी और वहीं रहेंगी।</p>", 2},
		"Arabic":         {"<p>قالت هيئة الميناء يوم الاثنين إن الميناء سيغلق ثلاثة أيام لإصلاح الرصيف. ستنتقل عبارتان إلى الرصيف القديم حتى نهاية الأعمال هناك.</p>", 2},
		"too long":       {"<p>" + strings.Repeat("word and ", 23) + "end.</p>", 0},
		"half a quote":   {"<p>“It is the oldest part of the harbour. We mend it before the winter comes,” the port captain said.</p>", 0},
		"no end to it":   {"<p>The harbour closes for three days while divers mend</p>", 0},
		"only the title": {"<p>Harbour closes for repairs of its old quay wall</p>", 0},
	} {
		got := snippetPage(c.body, "Harbour closes for repairs of its old quay wall", "", reading{}).leadSentences()
		if len(got) != c.n {
			t.Errorf("%s: %q, want %d sentences", name, got, c.n)
		}
	}
}

func TestAPageFillsUpWhatItsItemLacks(t *testing.T) {
	t.Parallel()
	page := digest.Article{Title: "Harbour closes for repairs", Lead: "The harbour closes for three days while divers mend the quay wall. Two ferries move to the old pier until the work is done.",
		Points: []string{"The harbour closes for three days while divers mend the quay wall."}, PointsFrom: digest.PointsLead}
	item := digest.Article{Title: page.Title, Points: []string{"Ships are sent to the river mouth, and shops at the quay stay open."}, PointsFrom: digest.PointsDescription}
	merge(&item, page)
	if item.PointsFrom != digest.PointsDescription || len(item.Points) != 3 {
		t.Errorf("from %s: %q, want the description and two sentences of the page", item.PointsFrom, item.Points)
	}
	own := digest.Article{Title: page.Title, Points: []string{"One point of its own."}, PointsFrom: digest.PointsFeed}
	merge(&own, page)
	if own.PointsFrom != digest.PointsFeed || len(own.Points) != 1 {
		t.Errorf("from %s: %q: first sentences are passed off as the publisher's points", own.PointsFrom, own.Points)
	}
}

func TestListNearTheTopOfAnItemIsItsOwn(t *testing.T) {
	t.Parallel()
	list := "<ul><li>The harbour closes for three days.</li><li>Two ferries move to the old pier.</li></ul>"
	paragraph := "<p>The harbour closes for three days while divers mend the quay wall, the port captain said on Monday, and two ferries move to the old pier.</p>"
	for name, c := range map[string]struct {
		html string
		from digest.PointsFrom
	}{
		"above the text":              {list + paragraph, digest.PointsFeed},
		"behind the first paragraph":  {paragraph + list + paragraph, digest.PointsFeed},
		"behind five paragraphs":      {strings.Repeat(paragraph, 5) + list + paragraph, digest.PointsLead},
		"links to share it":           {`<ul><li><a href="/f">Share on Facebook</a></li><li><a href="/t">Tweet this</a></li></ul>` + paragraph, digest.PointsDescription},
		"links to other pieces first": {`<ul><li><a href="/f">Harbour wall mended at last</a></li><li><a href="/t">Two ferries collide at the pier</a></li></ul>` + paragraph, digest.PointsDescription},
	} {
		feed := `<rss version="2.0"><channel><title>Wire</title><item><title>Harbour closes for repairs</title><link>https://example.com/a</link><description><![CDATA[` + c.html + `]]></description></item></channel></rss>`
		e, err := Extract("feed.xml", []byte(feed), Options{})
		if err != nil || len(e.Articles) != 1 {
			t.Fatal(err, e.Articles)
		}
		if a := e.Articles[0]; a.PointsFrom != c.from {
			t.Errorf("%s: from %s %q, want %s", name, a.PointsFrom, a.Points, c.from)
		}
	}
}
