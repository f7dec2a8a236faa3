package digest

import (
	"strings"
	"testing"
	"time"
)

func TestImportRowFaults(t *testing.T) {
	t.Parallel()
	sunday, none := time.Sunday, time.Weekday(7)
	good := ImportRow{
		Address: "ann@example.org", Hash: make([]byte, 32), Name: "Ann Ü", Zone: "Europe/Berlin", Language: "de",
		Categories: []string{"World"}, Frequency: Weekly, Weekday: &sunday,
	}
	if why := good.Fault(); why != "" {
		t.Fatalf("a good row has the fault %q", why)
	}
	for name, spoil := range map[string]func(*ImportRow){
		"no address":             func(r *ImportRow) { r.Address = "ann" },
		"address not cleaned":    func(r *ImportRow) { r.Address = "ann@EXAMPLE.org" },
		"wide space":             func(r *ImportRow) { r.Address = "a\u3000b@example.org" },
		"no hash":                func(r *ImportRow) { r.Hash = nil },
		"line break in name":     func(r *ImportRow) { r.Name = "Ann\r\nBcc: x" },
		"NUL in name":            func(r *ImportRow) { r.Name = "\x00" },
		"bytes in name":          func(r *ImportRow) { r.Name = "\xff" },
		"endless name":           func(r *ImportRow) { r.Name = strings.Repeat("a", MaxName+1) },
		"hostile zone":           func(r *ImportRow) { r.Zone = "\x00" },
		"hostile language":       func(r *ImportRow) { r.Language = strings.Repeat("x", 65) },
		"empty category":         func(r *ImportRow) { r.Categories = []string{""} },
		"hostile category":       func(r *ImportRow) { r.Categories = []string{"a\nb"} },
		"unknown frequency":      func(r *ImportRow) { r.Frequency = "hourly" },
		"weekday of a daily":     func(r *ImportRow) { r.Frequency = Daily },
		"weekday without weekly": func(r *ImportRow) { r.Frequency = "" },
		"eighth weekday":         func(r *ImportRow) { r.Weekday = &none },
	} {
		r := good
		if spoil(&r); r.Fault() == "" {
			t.Errorf("%s: no fault", name)
		}
	}
}

func TestLaterLineAmendsTheEarlier(t *testing.T) {
	t.Parallel()
	monday := time.Monday
	r := ImportRow{Name: "Ann", Zone: "Asia/Tokyo", Frequency: Weekly, Weekday: &monday, Categories: []string{"World"}}
	r.Merge(ImportRow{Name: "Anna"})
	if r.Name != "Anna" || r.Zone != "Asia/Tokyo" || r.Frequency != Weekly || r.Weekday == nil || len(r.Categories) != 1 {
		t.Errorf("merged %+v", r)
	}
	r.Merge(ImportRow{Frequency: Daily, Categories: []string{"Military", "World"}, Language: "de"})
	if r.Frequency != Daily || r.Weekday != nil || len(r.Categories) != 2 || r.Language != "de" {
		t.Errorf("merged %+v", r)
	}
}
