package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"courant/digest"
	"courant/digest/ingest"
)

// standardCategory is what a feed is about that doesn't say.
const standardCategory = "News"

// hostFinder looks the addresses of a host up.
type hostFinder func(ctx context.Context, network, host string) ([]netip.Addr, error)

// askFeed asks for the first source until it can be read, or the editor wants
// it written all the same.
func (i *interview) askFeed(ctx context.Context) error {
	var address string
	for {
		err := i.ask.ask(ctx, question{
			flag: "feed", given: i.opt.feed, number: 5, title: "First feed", standard: address,
			says: "The address of a feed (RSS, Atom, JSON Feed), of a site that names its feed, or of one page.\nFor example: https://feeds.bbci.co.uk/news/world/rss.xml",
			take: func(s string) (err error) {
				if address, err = parseSourceURL(withScheme(s)); err == nil {
					i.takeUnread(address)
					err = i.sourceFault()
				}
				return err
			},
		})
		if err != nil {
			return err
		}
		if i.opt.noTest {
			i.untried = append(i.untried, "the feed")
			return nil
		}
		change, err := i.tryFeed(ctx, address)
		if err != nil || !change {
			return err
		}
		i.opt.feed = "" // from here on a person answers
	}
}

// takeUnread takes a source by its address alone.
func (i *interview) takeUnread(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return // parseSourceURL made it
	}
	i.draft.Source = digest.Source{Name: u.Hostname(), Kind: digest.SourceFeed, URL: address, Category: cmp.Or(i.opt.category, standardCategory)}
	i.draft.Private = digest.PrivateHost(u.Hostname())
}

// sourceFault is what the config has against the source.
func (i *interview) sourceFault() error {
	for _, f := range i.draft.faults(i.program, i.place.dir) {
		if strings.HasPrefix(f.Path, "sources") {
			return fmt.Errorf("%s", f.Message)
		}
	}
	return nil
}

// tryFeed reads the source and shows it. change: another one is wanted.
func (i *interview) tryFeed(ctx context.Context, address string) (change bool, err error) {
	for {
		fmt.Fprintf(i.stdout, "     Reading %s ... ", address)
		seen, found, err := i.look(ctx, address)
		if ctx.Err() != nil {
			fmt.Fprintln(i.stdout)
			return false, ctx.Err()
		}
		if err == nil {
			return i.takeRead(ctx, seen, found)
		}
		fmt.Fprintln(i.stdout, i.style().red("no"))
		if i.ask.silent {
			return false, fmt.Errorf("%w; --no-test writes it unread; %s", err, nothingWritten)
		}
		i.ask.say(err.Error() + ".")
		key, err := i.ask.choose(ctx, way{"c", "change the feed"}, way{"t", "try again"}, way{"w", "write it anyway"})
		if err != nil {
			return false, err
		}
		if key == "w" {
			i.untried = append(i.untried, "the feed")
			return false, nil
		}
		if key == "c" {
			return true, nil
		}
	}
}

// look reads an address and, where it is a page that names a feed, that feed.
// found is where the document lies in the end.
func (i *interview) look(ctx context.Context, address string) (seen ingest.Extraction, found string, err error) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	i.draft.Private = i.inside(ctx, address)
	seen, err = i.extractor(i.draft.Private).Extract(ctx, address, ingest.Options{})
	if err != nil || len(seen.Feeds()) == 0 {
		return seen, address, err
	}
	feed := seen.Feeds()[0]
	// What one host says of another is no permission to look inside.
	private := i.draft.Private && sameHost(feed, address)
	read, err := i.extractor(private).Extract(ctx, feed, ingest.Options{})
	if err != nil {
		return seen, address, fmt.Errorf("%s is a page, and its feed: %w", address, err)
	}
	if read.Kind != ingest.KindFeed {
		return seen, address, nil
	}
	i.draft.Private = private
	return read, feed, nil
}

func (i *interview) extractor(private bool) *ingest.Fetcher {
	f := Config{URL: i.draft.URL, AllowPrivateSources: private}.fetcher(i.quiet())
	f.Now = i.now
	return f
}

// inside says whether an address leads into a network of one's own. The
// editor named it, so it is meant.
func (i *interview) inside(ctx context.Context, address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if digest.PrivateHost(u.Hostname()) {
		return true
	}
	find := i.hosts
	if find == nil {
		find = net.DefaultResolver.LookupNetIP
	}
	addresses, err := find(ctx, "ip", u.Hostname())
	public := func(ip netip.Addr) bool { return !digest.PrivateHost(ip.String()) }
	return err == nil && len(addresses) > 0 && !slices.ContainsFunc(addresses, public)
}

func sameHost(a, b string) bool {
	one, err := url.Parse(a)
	if err != nil {
		return false
	}
	other, err := url.Parse(b)
	return err == nil && strings.EqualFold(one.Host, other.Host)
}

// takeRead takes a source as it was read, and shows it.
func (i *interview) takeRead(ctx context.Context, seen ingest.Extraction, found string) (change bool, err error) {
	s := &i.draft.Source
	if found != s.URL {
		fmt.Fprintln(i.stdout, i.style().green("a page that names its feed."))
		i.ask.say("The feed is taken: " + found)
	} else {
		fmt.Fprintln(i.stdout, i.style().green("a "+string(seen.Kind)+"."))
	}
	s.URL, s.Kind = found, digest.SourceFeed
	if seen.Kind != ingest.KindFeed {
		s.Kind = digest.SourcePage
	}
	s.Name = sourceName(seen, s.Name)
	s.Category = cmp.Or(i.opt.category, usualCategory(seen.Articles), standardCategory)
	i.showSource(seen)
	if seen.Kind == ingest.KindFeed || i.ask.silent {
		return false, nil
	}
	i.ask.say("This is one page and names no feed: it gives one article, and nothing new later.")
	key, err := i.ask.choose(ctx, way{"k", "keep it"}, way{"c", "change it"})
	return key == "c", err
}

// longestSourceName is what fits below a headline.
const longestSourceName = 80

// sourceName is what stands below a source's headlines: the feed's title, or
// the site of a page.
func sourceName(seen ingest.Extraction, host string) string {
	name := seen.Title
	if seen.Kind != ingest.KindFeed {
		name = seen.Articles[0].Site
	}
	if name, err := writableLine(shortened(name, longestSourceName)); err == nil {
		return name
	}
	return host
}

// shortened is a stranger's text on one line of at most so many characters.
func shortened(s string, most int) string {
	runes := []rune(digest.PlainLine(s, 1000))
	if len(runes) <= most {
		return string(runes)
	}
	return strings.TrimSpace(string(runes[:most-1])) + "…"
}

// usualCategory is the one that at least half of the articles bring, as the
// first of them writes it; empty: none.
func usualCategory(articles []digest.Article) string {
	count, written := map[string]int{}, map[string]string{}
	for _, a := range articles {
		category, err := writableLine(shortened(a.Category, longestSourceName))
		if err != nil {
			continue
		}
		key := strings.ToLower(category)
		count[key]++
		written[key] = cmp.Or(written[key], category)
		if count[key]*2 >= len(articles) {
			return written[key]
		}
	}
	return ""
}

// shownArticles is how many headlines tell that it is the right feed.
const shownArticles = 3

const longestShownTitle = 70

func (i *interview) showSource(seen ingest.Extraction) {
	s := i.draft.Source
	i.ask.say(fmt.Sprintf("%q, articles: %d, category %q", s.Name, len(seen.Articles), s.Category))
	newest := slices.Clone(seen.Articles)
	slices.SortStableFunc(newest, func(a, b digest.Article) int { return b.Published.Compare(a.Published) })
	for _, a := range newest[:min(len(newest), shownArticles)] {
		i.ask.say(fmt.Sprintf("• %s  %s", shortened(a.Title, longestShownTitle), i.style().dim("points: "+string(cmp.Or(a.PointsFrom, digest.PointsNone)))))
	}
	if i.draft.Private {
		i.ask.say("It is inside your network, so allow_private_sources is set.")
	}
}
