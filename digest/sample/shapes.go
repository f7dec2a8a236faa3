package sample

import (
	"fmt"
	"strings"
	"time"

	"courant/digest"
)

// Shape is an edition that was never published, of a shape that mails trip
// over, with the reader it would go to.
type Shape struct {
	Name      string
	Edition   digest.Edition
	Variant   digest.Variant
	Recipient digest.Recipient
}

// Shapes are sample editions of a digest: long, short, one story, no images,
// right to left, and hard words. Their digest's name, title, subject, language
// and zone are the caller's.
func Shapes(d digest.Digest) []Shape {
	list := []struct {
		name, language string
		stories        []digest.Told
	}{
		{"short", d.Language, stories(3, true)},
		{"long", d.Language, stories(60, true)},
		{"one story", d.Language, stories(1, true)},
		{"no images", d.Language, stories(8, false)},
		{"right to left", "ar", arabic()},
		{"hard words", d.Language, hard()},
	}
	var shapes []Shape
	for i, s := range list {
		shapes = append(shapes, shape(d, int64(i+1), s.name, s.language, s.stories))
	}
	return shapes
}

// at is when the samples were published: a Tuesday.
var at = time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)

func shape(d digest.Digest, id int64, name, language string, told []digest.Told) Shape {
	zone := d.TimeZone
	if zone == digest.ZoneReader || zone == "" {
		zone = "UTC"
	}
	e := digest.Edition{
		ID: digest.EditionID(id), Digest: d.Name, Title: d.Title, Kind: digest.KindSlot, Number: 12, Slot: "2026-03-03T07:00+01:00",
		Instant: at, Zone: zone, Language: language, Subject: d.Subject, State: digest.EditionOpen, KeyID: 1, Published: at,
		Cadence: digest.Cadence{Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Hour: 7, Zone: zone},
	}
	v := digest.Variant{ID: digest.VariantID(id), Edition: e.ID, Signature: name, Language: language, Zone: zone, Default: true, Stories: told}
	to := digest.Recipient{
		Ref: digest.Ref{Edition: e.ID, Reader: 1}, Variant: v.ID, Digest: d.Name, Address: "reader@example.org", Name: "Ada Lovelace",
		Since: at.AddDate(-1, 0, 0), KeyID: 1,
	}
	return Shape{name, e, v, to}
}

var subjects = []string{
	"Harbour town votes to rebuild its old lighthouse", "Night train between the two capitals returns after eleven years",
	"Salt-loving wheat passes its first season in the delta", "Museum gives back forty drums to the valley they came from",
	"Rivers run clearer where the beavers were left alone",
}

// stories differ in what they have, and hold every kind of points.
func stories(n int, images bool) (list []digest.Told) {
	from := []digest.PointsFrom{digest.PointsPage, digest.PointsFeed, digest.PointsLead, digest.PointsModel}
	for i := range n {
		t := digest.Told{
			Story: digest.StoryID(i + 1), Article: digest.ArticleID(i + 1), URL: fmt.Sprintf("https://harbour-gazette.example/2026/03/%d?from=front&id=%[1]d", i+1),
			Title: subjects[i%len(subjects)], Category: []string{"World", "Science", "Culture"}[i*3/n], Source: "Harbour Gazette",
			Published: at.Add(-time.Duration(i) * time.Hour), Language: "en", PointsFrom: from[i%len(from)],
			Points: []string{"Residents approved the plan by 412 votes to 87 after a winter of public meetings.", "Work begins in May and is paid for by a levy on berths."},
		}
		if n > len(subjects) {
			t.Title = fmt.Sprintf("%s (%d)", t.Title, i+1) // no two alike: the rules hold them against each other
		}
		if i%4 == 3 {
			t.Points, t.PointsFrom = nil, digest.PointsNone
		}
		if i%5 == 0 {
			t.Also = []digest.Also{{Source: "North Post", URL: fmt.Sprintf("https://north-post.example/%d", i)}}
		}
		if images && i%2 == 0 {
			t.Image = digest.Image{URL: "https://harbour-gazette.example/lamp.jpg", Alt: "The lamp of the lighthouse", Width: 1200, Height: 800}
		}
		list = append(list, t)
	}
	return list
}

func arabic() []digest.Told {
	list := stories(3, true)
	for i, title := range []string{"سكان الميناء يصوتون لإعادة بناء المنارة القديمة", "مزرعة في الدلتا تجرّب قمحًا يحب الملح", "An English headline among the Arabic ones"} {
		list[i].Title = title
		if i < 2 {
			list[i].Language, list[i].Category = "ar", "العالم"
			list[i].Points = []string{"وافق السكان على الخطة بأغلبية 412 صوتًا مقابل 87.", "يبدأ العمل في مايو."}
		}
	}
	return list
}

// hard are headlines that break what was set by eye: a word of eighty letters,
// quotes and signs of every language that a mail passes through, wide letters.
func hard() []digest.Told {
	list := stories(4, true)
	list[0].Title = strings.Repeat("Donaudampfschifffahrt", 4)
	list[1].Title = `How to write {{.Title}}, <b>bold</b> & "quoted" in 100 % of all mails`
	list[1].Points = []string{"A point with <no value>, %!s(MISSING) and {{unsubscribeURL}} in it."}
	list[1].PointsFrom = digest.PointsPage
	list[2].Title = "港町の住民投票、古い灯台の再建を決める " + strings.Repeat("灯台", 20)
	list[3].Title = strings.Repeat("A headline that goes on and on ", 9)
	return list
}
