// Package sample is a small press of our own: five invented publications in
// two languages that are served over HTTP, so that the demo polls real feeds
// and pages and needs no internet. Every place, person, study and figure in
// it is made up, and each page says so at its foot.
//
// It owns the articles (content/articles, one text file each), the
// publications (content/publications.json), their pictures and how all of it
// is served: RSS, Atom and JSON Feed, article pages, front pages, robots.txt.
// A file is authoritative for what an article says, publications.json for
// which sources there are, and the clock handed in for when it came out.
//
// The articles come out in batches, as on a real day:
//
//	New ----> first batch, minutes to hours old
//	Publish -> second batch, dated now
//	Publish -> third batch, dated now, with a correction to the first
//	Publish -> 0: everything is out
//
// An article that is not out yet is answered 404 and stands in no feed.
//
// Each picture is drawn as an SVG beside its PNG, which is what
// chromium --headless --window-size=1200,675 --screenshot makes of it.
package sample
