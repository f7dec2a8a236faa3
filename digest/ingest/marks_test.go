package ingest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"courant/digest"
)

// markedText is a text whose points have marks before them, N their number.
func markedText(mark func(n int) string) string {
	text := bridgeTitle + "\n\n"
	for i, point := range bridgePoints {
		text += mark(i+1) + point + "\n"
	}
	return text + "\n" + strings.Join(plainBody(), "\n\n") + "\n"
}

// plainBody is the bridge's story as text.
func plainBody() []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(bridgeBody, "<p>", ""), "</p>"), "</p>\n")
}

func TestMarksBeforePointsOfATextAreOfManyKinds(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"・", "・ ", "‣ ", "◦ ", "▪ ", "● ", "■ ", "► ", "➤ ", "✓ ", "⁃ ", "\uf0b7 ", "\uf0b7\t", "\uf0a7 ", "~ ", "※", "※ ", "=> ", "-> ", "- ", "* ", "+ ", "– ", "— "} {
		a := text(t, markedText(func(int) string { return mark }))
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) || a.Title != bridgeTitle {
			t.Errorf("%q: %q from %s %q", mark, a.Title, a.PointsFrom, a.Points)
		}
	}
	for name, mark := range map[string]func(int) string{
		"1.": func(n int) string { return strconv.Itoa(n) + ". " }, "1)": func(n int) string { return strconv.Itoa(n) + ") " }, "(1)": func(n int) string { return fmt.Sprintf("(%d) ", n) },
		"[1]": func(n int) string { return fmt.Sprintf("[%d] ", n) }, "a)": func(n int) string { return string(rune('a'+n-1)) + ") " }, "(a)": func(n int) string { return "(" + string(rune('a'+n-1)) + ") " },
		"A)": func(n int) string { return string(rune('A'+n-1)) + ") " }, "①": func(n int) string { return string(rune('①'+n-1)) + " " }, "① without a space": func(n int) string { return string(rune('①' + n - 1)) },
		"❶": func(n int) string { return string(rune('❶'+n-1)) + " " },
	} {
		a := text(t, markedText(mark))
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) || a.Title != bridgeTitle {
			t.Errorf("%s: %q from %s %q", name, a.Title, a.PointsFrom, a.Points)
		}
	}
}

func TestMarksThatStandAloneOrDoNotCountUpAreNone(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]func(int) string{
		"letters that jump":     func(n int) string { return []string{"a) ", "d) ", "x) "}[n-1] },
		"numbers that jump":     func(n int) string { return []string{"12. ", "3. ", "40. "}[n-1] },
		"numbers that go down":  func(n int) string { return []string{"3. ", "2. ", "1. "}[n-1] },
		"notes out of order":    func(n int) string { return []string{"[7] ", "[2] ", "[9] "}[n-1] },
		"three kinds":           func(n int) string { return []string{"~ ", "a) ", "=> "}[n-1] },
		"a number, then others": func(n int) string { return []string{"1. ", "~ ", "– "}[n-1] },
	} {
		if a := text(t, markedText(mark)); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s: %q", name, a.Points)
		}
	}
	a := text(t, "1. FC Harbour wins the cup of the north bank\n\n"+strings.Join(plainBody(), "\n\n"))
	if a.Title != "1. FC Harbour wins the cup of the north bank" {
		t.Errorf("headline %q", a.Title)
	}
}

func TestEmphasisLeavesNoMarksInPoints(t *testing.T) {
	t.Parallel()
	emphasised := []string{"*Inspectors* found cracks in **two** main girders of the _harbour_ bridge.", "**Ferries run** every ten minutes and are *free for commuters*.", "*The repair will take a year and cost forty million.*"}
	for name, a := range map[string]digest.Article{
		"text":       text(t, bridgeTitle+"\n\n- "+strings.Join(emphasised, "\n- ")+"\n\n"+strings.Join(plainBody(), "\n\n")),
		"text, star": text(t, bridgeTitle+"\n\n* "+strings.Join(emphasised, "\n* ")+"\n\n"+strings.Join(plainBody(), "\n\n")),
		"page":       points(t, bridgePage(listOf(`<ul class="key-points">`, strings.ReplaceAll(emphasised[0], "_", ""), emphasised[1], emphasised[2]), "")),
	} {
		if !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: %q", name, a.Points)
		}
	}
	stars := "Guests of 4* and 5* hotels ride the ferry * free of charge."
	if got := withoutMarkdown(stars); got != stars {
		t.Errorf("%q became %q", stars, got)
	}
}

func TestMarkedLinesOfAFeedsPlainTextAreItsPoints(t *testing.T) {
	t.Parallel()
	body := strings.Join(plainBody(), "\n\n")
	for name, mark := range map[string]string{"hyphens": "- ", "stars": "* ", "bullets": "• ", "dots": "・"} {
		list := mark + strings.Join(bridgePoints, "\n"+mark)
		for shape, content := range map[string]string{"alone": list, "above the text": list + "\n\n" + body, "named": "Key points:\n\n" + list + "\n\n" + body, "Windows": strings.ReplaceAll(list, "\n", "\r\n")} {
			json := `{"version":"https://jsonfeed.org/version/1.1","title":"Gazette","items":[{"id":"1","url":"https://gazette.example/1","title":` + asJSON(bridgeTitle) + `,"content_text":` + asJSON(content) + `}]}`
			rss := rssHead + `<item><title>` + bridgeTitle + `</title><link>https://gazette.example/1</link><description>` + content + `</description></item></channel></rss>`
			for format, file := range map[string]string{"JSON": json, "RSS": rss} {
				a := feed(t, file).Articles[0]
				if a.PointsFrom != digest.PointsFeed || !slices.Equal(a.Points, bridgePoints) {
					t.Errorf("%s, %s, %s: from %s %q", format, name, shape, a.PointsFrom, a.Points)
				}
				if strings.Contains(a.Lead, mark) {
					t.Errorf("%s, %s, %s: lead %q", format, name, shape, a.Lead)
				}
			}
		}
	}
	one := `{"version":"https://jsonfeed.org/version/1.1","title":"Gazette","items":[{"id":"1","url":"https://gazette.example/1","title":` + asJSON(bridgeTitle) + `,"content_text":` + asJSON("- "+bridgePoints[0]+"\n\n"+body) + `}]}`
	if a := feed(t, one).Articles[0]; a.PointsFrom == digest.PointsFeed {
		t.Errorf("a single line: %q", a.Points)
	}
}

func FuzzMarks(f *testing.F) {
	for _, s := range []string{"a) b\nb) c", "[1] a\n[2] b", "① a\n②", "~ a\n=> b", "(1] x\n1)\t", "*a* __b__ _c", "\uf0b7\n・"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "")
		for line := range strings.SplitSeq(s, "\n") {
			if text, m, ok := marking(strings.TrimSpace(line)); ok && (!strings.HasSuffix(strings.TrimSpace(line), text) || m.kind == "") {
				t.Errorf("%q of %q, mark %v", text, line, m)
			}
		}
		lines := textLines(s)
		for i, l := range lines {
			if l.bullet && !l.mark.alone() && (i == 0 || !lines[i-1].bullet) && (i+1 == len(lines) || !lines[i+1].bullet) {
				t.Errorf("%q alone is a list's item", l.whole)
			}
		}
		markedHTML(s)
	})
}
