package main

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
)

// zoneList names the zones that editors write, one a line: those of zone.tab
// in the IANA time zone database, which has one or more for each country. It
// is there for advice alone: time.LoadLocation knows more, and decides.
//
//go:embed zones.txt
var zoneList string

// zoneMeant ends a sentence about what is no zone of a digest.
func zoneMeant(s string) string {
	if near := nearestZone(s); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; write it like Europe/Berlin, UTC, or reader"
}

// nearestZone is the zone that s is but for a slip, or by its city alone;
// nothing if there is none.
func nearestZone(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), " ", "_")
	names := strings.Fields(zoneList)
	for _, name := range names {
		if strings.EqualFold(path.Base(name), s) {
			return name
		}
	}
	if !strings.Contains(s, "/") {
		return "" // CET and the like are near to nothing
	}
	return nearest(s, names)
}
