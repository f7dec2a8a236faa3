package publish

import (
	"slices"
	"testing"
	"time"

	"courant/digest"
)

func TestPreviewIsWhatWouldBePublished(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	m := digest.Material{
		Digest:  digest.Digest{Name: "morning", Categories: []string{"Military", "World"}, MaxArticles: 1, Language: "en"},
		Edition: digest.Edition{Zone: "UTC", Language: "en", WindowFrom: now.Add(-24 * time.Hour), WindowTo: now},
		Groups: []digest.Group{
			{Key: 1, Categories: []string{"Military"}, Since: now.Add(-24 * time.Hour), Readers: 3},
			{Key: 2, Since: now.Add(-24 * time.Hour), Readers: 2},
			{Key: 3, Categories: []string{}, Since: now.Add(-24 * time.Hour), Readers: 9},
			{Key: 4, Categories: []string{"Military"}, Language: "de", Since: now.Add(-24 * time.Hour), Readers: 7},
		},
	}
	for i, title := range []string{"Vote in Geneva", "Fleet leaves harbour"} {
		m.Candidates = append(m.Candidates, digest.Candidate{Article: digest.Article{
			ID: digest.ArticleID(i + 1), Title: title, Category: m.Digest.Categories[1-i], Canonical: title, URL: title,
			FirstSeen: now.Add(-time.Duration(i+1) * time.Hour),
		}})
	}
	shown, err := Preview(m)
	if err != nil {
		t.Fatal(err)
	}
	var readers []int
	for _, s := range shown {
		readers = append(readers, s.Readers)
	}
	if !shown[0].Variant.Default || !slices.Equal(readers, []int{2, 9, 7, 3}) {
		t.Fatalf("the digest's own choice is first: %v, then by readers: %v", shown[0].Variant.Default, readers)
	}
	own, none, german := shown[0], shown[1], shown[2]
	if len(own.Variant.Stories) != 1 || own.Variant.Stories[0].Title != "Vote in Geneva" ||
		len(own.LeftOut) != 1 || own.LeftOut[0] != (digest.LeftOut{Title: "Fleet leaves harbour", Reason: "over max_articles (1)"}) {
		t.Errorf("own choice: %+v", own)
	}
	if none.Variant.Reason != "below min_articles: 0 of 1" || len(none.Variant.Stories) != 0 || len(none.LeftOut) != 2 {
		t.Errorf("no category: %+v", none)
	}
	if german.Variant.Language != "de" || !slices.Equal(german.Variant.Categories, []string{"Military"}) ||
		german.Variant.Stories[0].Title != "Fleet leaves harbour" || german.Variant.Signature == "" || german.Variant.Zone != "UTC" {
		t.Errorf("German: %+v", german)
	}
}
