package ingest

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// written are encodings with a headline and a sentence they are used for.
// Undeclared says whether what nobody declared can be told by the bytes: one
// multi-byte encoding looks like the next, and then a declaration is needed.
var written = []struct {
	name       string
	encoding   encoding.Encoding
	title      string
	body       string
	undeclared bool
}{
	{"utf-8", encoding.Nop, "Die Brücke über den Hafen schließt für “acht Monate” – 港湾", "Die Stadt zahlt 40 Millionen € für die Brücke, sagte Bürgermeisterin Löw.", true},
	{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "Die Brücke über den Hafen schließt", "Die Stadt zahlt 40 Millionen € für die Brücke.", true},
	{"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "Die Brücke über den Hafen schließt", "Die Stadt zahlt 40 Millionen € für die Brücke.", true},
	{"windows-1252", charmap.Windows1252, "Le pont “fermé” pour huit mois – où passer ?", "La ville paie 40 millions d’€ pour le pont, dit la maire, qui espère une réouverture en été.", true},
	{"iso-8859-15", charmap.ISO8859_15, "Le pont fermé pour 40 millions d'€", "La ville paie pour le pont, dit la maire, qui espère une réouverture en été.", false},
	{"iso-8859-2", charmap.ISO8859_2, "Most przez port zamknięty na osiem miesięcy", "Miasto płaci czterdzieści milionów złotych za naprawę mostu, mówi burmistrz.", false},
	{"koi8-r", charmap.KOI8R, "Мост через гавань закрыт на год", "Мост через гавань закрыт на год из-за трещин в двух балках, сообщили в порту.", true},
	{"windows-1251", charmap.Windows1251, "Мост через гавань закрыт на год", "Мост через гавань закрыт на год из-за трещин в двух балках, сообщили в порту.", true},
	{"shift_jis", japanese.ShiftJIS, "港の橋は月曜日に閉鎖される", "港の古い橋は八か月のあいだ閉鎖され、バスは海岸の道を通ると市が発表した。", false},
	{"euc-jp", japanese.EUCJP, "港の橋は月曜日に閉鎖される", "港の古い橋は八か月のあいだ閉鎖され、バスは海岸の道を通ると市が発表した。", false},
	{"iso-2022-jp", japanese.ISO2022JP, "港の橋は月曜日に閉鎖される", "港の古い橋は八か月のあいだ閉鎖され、バスは海岸の道を通ると市が発表した。", true},
	{"gbk", simplifiedchinese.GBK, "港口大桥将关闭八个月", "市政府表示，港口的旧桥将关闭八个月，公共汽车改走海滨路。", false},
	{"gb18030", simplifiedchinese.GB18030, "港口大桥将关闭八个月", "市政府表示，港口的旧桥将关闭八个月，公共汽车改走海滨路。", false},
	{"big5", traditionalchinese.Big5, "港口大橋將關閉八個月", "市政府表示，港口的舊橋將關閉八個月，公車改走海濱路。", false},
	{"euc-kr", korean.EUCKR, "항구 다리가 여덟 달 동안 폐쇄된다", "시는 항구의 오래된 다리가 여덟 달 동안 폐쇄되고 버스는 해안 도로로 다닌다고 밝혔다.", false},
}

// orderMarks are the byte order orderMarks of RFC 3629 section 6 and RFC 2781 section 3.2.
var orderMarks = map[string]string{"utf-8": "\xef\xbb\xbf", "utf-16le": "\xff\xfe", "utf-16be": "\xfe\xff"}

// TestEachEncodingIsReadHoweverItIsSaid goes through every way of saying, and
// of not saying, in what a document is written.
func TestEachEncodingIsReadHoweverItIsSaid(t *testing.T) {
	t.Parallel()
	for _, w := range written {
		for _, page := range []bool{false, true} {
			for _, how := range []string{"by a mark", "by the header", "by itself", "by both", "not at all", "wrongly by itself", "by a mark against the header"} {
				if _, marked := orderMarks[w.name]; strings.HasPrefix(how, "by a mark") && !marked || how == "not at all" && !w.undeclared {
					continue
				}
				if strings.HasPrefix(w.name, "utf-16") && how == "wrongly by itself" || how == "wrongly by itself" && !w.undeclared {
					continue // whoever says one of two that look alike is believed
				}
				kind := map[bool]string{false: "a feed", true: "a page"}[page]
				t.Run(fmt.Sprint(kind, " in ", w.name, ", said ", how), func(t *testing.T) {
					t.Parallel()
					said, header := "", ""
					switch how {
					case "by the header":
						header = w.name
					case "by itself":
						said = w.name
					case "by both":
						said, header = w.name, w.name
					case "wrongly by itself":
						said = "utf-8"
						if w.name == "utf-8" {
							said = "iso-8859-1"
						}
					case "by a mark against the header":
						header = "iso-8859-1"
					}
					text, err := w.encoding.NewEncoder().String(document(page, said, w.title, w.body))
					if err != nil {
						t.Fatal(err)
					}
					if strings.HasPrefix(how, "by a mark") {
						text = orderMarks[w.name] + text
					}
					media := map[bool]string{false: "application/rss+xml", true: "text/html"}[page]
					if header != "" {
						media += "; charset=" + header
					}
					e, err := Extract("fixture", []byte(text), Options{ContentType: media, Address: "https://gazette.example/1"})
					if err != nil || len(e.Articles) != 1 {
						t.Fatal(e.Articles, err)
					}
					if a := e.Articles[0]; a.Title != w.title || !strings.Contains(fmt.Sprint(a.Text, a.Lead, a.Points), strings.TrimRight(w.body, ".。")) {
						t.Errorf("%q %q (warnings %q)", a.Title, a.Text, e.Warnings)
					}
				})
			}
		}
	}
}

// document is a feed or a page that says, or doesn't, how it is encoded.
func document(page bool, said, title, body string) string {
	if page {
		if said != "" {
			said = `<meta charset="` + said + `">`
		}
		return "<!DOCTYPE html><html><head>" + said + "<title>" + title + "</title></head><body><article><h1>" + title + "</h1>" + "<p>" + body + "</p>" + "</article></body></html>"
	}
	if said != "" {
		said = ` encoding="` + said + `"`
	}
	return `<?xml version="1.0"` + said + `?><rss version="2.0"><channel><title>Gazette</title><link>https://gazette.example/</link><item><title>` + title +
		`</title><link>https://gazette.example/1</link><guid>1</guid><description>` + body + `</description></item></channel></rss>`
}

// TestBytesThatAreUTF8AreBelievedAgainstWhatIsSaidOfThem has the declarations
// that servers and templates make of everything.
func TestBytesThatAreUTF8AreBelievedAgainstWhatIsSaidOfThem(t *testing.T) {
	t.Parallel()
	const title, body = "Die Brücke über den Hafen schließt – für “acht Monate”", "Die Stadt zahlt 40 Millionen € für die Brücke, sagte Bürgermeisterin Löw am Montag."
	for _, label := range []string{"iso-8859-1", "ISO-8859-1", "windows-1252", "us-ascii", "latin1", "iso-8859-15", "windows-1250", "windows-1251", "koi8-r"} {
		for _, page := range []bool{false, true} {
			media := map[bool]string{false: "application/rss+xml", true: "text/html"}[page]
			for how, said := range map[string][2]string{"header": {media + "; charset=" + label, ""}, "itself": {media, label}, "both": {media + "; charset=" + label, label}} {
				e, err := Extract("fixture", []byte(document(page, said[1], title, body)), Options{ContentType: said[0], Address: "https://gazette.example/1"})
				if err != nil || len(e.Articles) != 1 || e.Articles[0].Title != title {
					t.Errorf("%s by %s, page %v: %+v, %v", label, how, page, e.Articles, err)
					continue
				}
				if !strings.Contains(strings.Join(e.Warnings, "\n"), "and is not; read as UTF-8") && !strings.Contains(strings.Join(e.Warnings, "\n"), "and it is not; read as UTF-8") {
					t.Errorf("%s by %s, page %v: warnings %q", label, how, page, e.Warnings)
				}
			}
		}
	}
	// East Asian encodings look like UTF-8 by chance, but not for long.
	const long = "市政府表示，港口的旧桥将关闭八个月，公共汽车改走海滨路。"
	if got, _ := toUTF8([]byte(long), "text/html; charset=gbk"); string(got) != long {
		t.Errorf("%s", got)
	}
	// A stray byte in a long text of UTF-8.
	stray := strings.Repeat(body, 20) + "\x93"
	if got, _ := toUTF8([]byte(stray), "text/html; charset=iso-8859-1"); string(got) != strings.Repeat(body, 20)+"“" {
		t.Errorf("%s", got)
	}
	// UTF-8 that was cut off in mid-character by a cap.
	if got, _ := toUTF8([]byte(body[:strings.Index(body, "ü")+1]), "text/html; charset=iso-8859-1"); strings.Contains(string(got), "Ã") {
		t.Errorf("%s", got)
	}
}

func TestLatin1StaysLatin1HoweverLittleOfItThereIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Le pont est fermé", "CAFÉ", "NESTLÉ® recalls coffee", "Der ganze Spaß… ist vorbei", "Où est l’été ?", "São Paulo NÃO", "Ü–Wagen", "ÅÄÖ", "¿Qué?", "25 °C", "naïve Ångström", "«CAFÉ»",
		"L'ÉTÉ: CAFÉ» et THÉ»",
	} {
		for _, enc := range []struct {
			name string
			e    encoding.Encoding
		}{{"windows-1252", charmap.Windows1252}, {"iso-8859-1", charmap.Windows1252}} {
			data, err := enc.e.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, warning := toUTF8([]byte(data), "text/html; charset="+enc.name); string(got) != text || warning != "" {
				t.Errorf("by the header: %q, want %q (%s)", got, text, warning)
			}
			declared := `<?xml version="1.0" encoding="` + enc.name + `"?>`
			if got, warning := toUTF8([]byte(declared+data), "text/xml"); string(got) != declared+text || warning != "" {
				t.Errorf("by itself: %q, want %q (%s)", got, text, warning)
			}
		}
	}
}
