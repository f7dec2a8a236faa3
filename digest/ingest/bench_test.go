package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"courant/digest"
)

// newsPage is a page of the size and make of today's news sites: 150 KB,
// most of it furniture.
func newsPage() string {
	menu := strings.Repeat(`<li class="menu__item nav-item"><a class="nav-link js-track" href="/section/page?from=menu" data-track="menu"><span class="label">Section of the paper</span></a></li>`, 245)
	card := strings.Repeat(`<div class="card card--teaser related-card"><a href="/story"><img src="/i.jpg" srcset="/i1.jpg 400w, /i2.jpg 800w" alt="x"><h3 class="card__title">Another story of the day that readers liked</h3></a><p class="card__summary">A sentence that sums the other story up.</p></div>`, 245)
	script := `<script>` + strings.Repeat(`window.track=window.track||[];track.push(["page","view"]);`, 300) + `</script>`
	return bridgePage(`<div class="share-tools"><ul>`+menu[:2000]+`</ul></div>`+listOf(`<ul class="key-points">`, bridgePoints...), strings.Repeat(bridgeBody, 8)+`<section class="more">`+card+`</section><ul class="nav">`+menu+`</ul>`+script)
}

func BenchmarkExtractPage(b *testing.B) {
	page := []byte(newsPage())
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		if e, err := Extract("bench", page, Options{}); err != nil || len(e.Articles[0].Points) != 3 {
			b.Fatal(err, e.Articles)
		}
	}
}

func BenchmarkParseFeed(b *testing.B) {
	for _, n := range []int{40, 500} {
		b.Run(fmt.Sprint(n, " items"), func(b *testing.B) {
			var items strings.Builder
			for i := range n {
				items.WriteString(rssItem(i, "<pubDate>Mon, 02 Mar 2026 08:15:00 GMT</pubDate><description>"+bridgeLead+"</description>"))
			}
			data := []byte(rssHead + items.String() + "</channel></rss>")
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if e, err := Extract("bench", data, Options{}); err != nil || len(e.Articles) != n {
					b.Fatal(err, len(e.Articles))
				}
			}
		})
	}
}

// BenchmarkFolder looks at as many files as a folder may have, when none of
// them changed and when all are new.
func BenchmarkFolder(b *testing.B) {
	dir := b.TempDir()
	for n := range maxFolderFiles {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.html", n)), []byte(pointedPage), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	look := func(seen map[mark]bool) *folder {
		f := &folder{source: digest.Source{URL: dir, Prefix: "https://example.com/"}, now: testNow, settle: noPause, seen: seen}
		if err := f.read(b.Context()); err != nil {
			b.Fatal(err)
		}
		return f
	}
	var kept []mark
	b.Run("all new", func(b *testing.B) {
		for b.Loop() {
			if f := look(nil); len(f.articles) != maxFolderFiles {
				b.Fatal(len(f.articles))
			} else {
				kept = f.kept
			}
		}
	})
	b.Run("none changed", func(b *testing.B) {
		seen := unpackMarks(packMarks(kept))
		for b.Loop() {
			if f := look(seen); len(f.articles) != 0 {
				b.Fatal(len(f.articles))
			}
		}
	})
}
