// Package ingest turns sources into articles with key points: it fetches
// feeds and pages politely and safely, reads what comes however broken it
// is, and finds the points the publisher wrote.
//
// It owns the way from bytes to digest.Article. The page's raw document is
// authoritative for key points and headline, the page's metadata for section,
// date and author, the feed for an item's link and identity, and the source's
// state in the Store for when a server may be asked again. Where a page and
// its feed item disagree, the page's points win.
//
// Extract is pure. A source's polls go through these states:
//
//	never polled --200--> fresh --due--> polled --200, 304--> fresh
//	     any --error, 4xx, 5xx--> failing (waits an hour, two, ... a day) --200, 304--> fresh
//	     any --429, 503--> held (the whole host, as long as Retry-After says)
//	     any --410--> gone (never asked again)
package ingest
