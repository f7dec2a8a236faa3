package digest

import (
	"net/url"
	"strings"
	"time"
)

// moveKey is what an article keeps when its site moves to another host.
type moveKey struct {
	published      time.Time
	headline, path string
}

// moveKeyOf takes an article apart into that and its host. It needs all three:
// of a front page, an address of several articles, or a piece without a date
// nothing can be said.
func moveKeyOf(a Article) (key moveKey, host string, ok bool) {
	address, shared := SharedAddress(a.Canonical)
	u, err := url.Parse(address)
	headline := strings.Join(words(a.Title), " ")
	if err != nil || shared || u.Host == "" || frontPage(address) || headline == "" || a.Published.IsZero() {
		return moveKey{}, "", false
	}
	host = u.Host
	u.Scheme, u.Host = "", ""
	return moveKey{a.Published.UTC().Truncate(time.Microsecond), headline, u.String()}, host, true
}

// Moves finds which of the articles that a source brought, and that nothing
// else knows, are known ones whose site has another host now: the same moment
// of publication, the same headline and the same path, and no other article on
// either side has all three. It gives places of brought with those of known.
//
// The source must have left the former host: while it still brings articles
// from there, hosts tell its articles apart, as those of two cities' editions.
// A wrong answer here costs news, a missed one repeats it.
func Moves(brought, fresh, known []Article) map[int]int {
	hosts := map[string]bool{}
	for _, a := range brought {
		if _, host, ok := moveKeyOf(a); ok {
			hosts[host] = true
		}
	}
	type place struct {
		at   int
		host string
		many bool
	}
	places := func(articles []Article) map[moveKey]place {
		found := map[moveKey]place{}
		for i, a := range articles {
			if key, host, ok := moveKeyOf(a); ok {
				_, many := found[key]
				found[key] = place{i, host, many}
			}
		}
		return found
	}
	moves, formerly := map[int]int{}, places(known)
	for key, now := range places(fresh) {
		former, ok := formerly[key]
		if ok && !now.many && !former.many && now.host != former.host && !hosts[former.host] {
			moves[now.at] = former.at
		}
	}
	return moves
}
