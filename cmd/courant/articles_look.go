package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"courant/digest"
	"courant/digest/explain"

	"github.com/spf13/cobra"
)

// articlesAsked is what `courant articles list` is asked for, as typed.
type articlesAsked struct {
	source, category, since, from string
	limit                         int
	asJSON                        bool
}

func (p *program) listArticlesCommand() *cobra.Command {
	var a articlesAsked
	c := &cobra.Command{
		Use:   "list",
		Short: "List articles, the newest first",
		Long: `List the articles that sources brought, the newest first: when each was first
seen, how it stands (waiting for an edition, told, or withdrawn by its
publisher), its source and categories, how many points it has and whose they
are, and its headline and address. Nothing is changed.`,
		Example: "  courant articles list --since 24h\n  courant articles list --points-from lead --limit 20",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			sieve, err := a.sieve(p)
			if err != nil {
				return misuse{err}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.listArticles(c.Context(), h, a, sieve) })
		},
	}
	f := c.Flags()
	f.StringVar(&a.source, "source", "", "of one `SOURCE`")
	f.StringVar(&a.category, "category", "", "in one `CATEGORY`")
	f.StringVar(&a.since, "since", "", "first seen since `WHEN`: a date (2026-11-22) or how long ago (36h, 7d)")
	f.StringVar(&a.from, "points-from", "", "whose points are of this `ORIGIN`: page, feed, description, lead, model or none")
	f.IntVar(&a.limit, "limit", 100, "at most so many `ROWS`; 0: all")
	f.BoolVar(&a.asJSON, "json", false, "one JSON object a line")
	return c
}

// originNames are what --points-from takes.
func originNames() []string {
	var names []string
	for _, from := range []digest.PointsFrom{digest.PointsPage, digest.PointsFeed, digest.PointsDescription, digest.PointsLead, digest.PointsModel, digest.PointsNone} {
		names = append(names, string(from))
	}
	return names
}

func (a articlesAsked) sieve(p *program) (digest.ArticleSieve, error) {
	s := digest.ArticleSieve{Source: a.source, Category: a.category, PointsFrom: digest.PointsFrom(a.from), Limit: a.limit}
	switch {
	case a.limit < 0:
		return s, errors.New("--limit takes a number of rows")
	case a.from != "" && !slices.Contains(originNames(), a.from):
		return s, fmt.Errorf("--points-from %s: the origins are %s%s", a.from, strings.Join(originNames(), ", "), didYouMean(a.from, originNames()))
	case a.since == "":
		return s, nil
	}
	var err error
	s.Since, err = asked{since: a.since}.from(p.now())
	return s, err
}

func (p *program) listArticles(ctx context.Context, h *house, a articlesAsked, sieve digest.ArticleSieve) error {
	list, err := h.store.ListArticles(ctx, sieve)
	if err != nil {
		return err
	}
	if len(list) == 0 && a.source != "" {
		// Also one that left the config has its articles.
		if err := h.config.sourcesNamed([]string{a.source}); err != nil {
			return err
		}
	}
	if a.asJSON {
		return writeJSON(p, explain.Articles(list))
	}
	if len(list) == 0 {
		p.tell("no article is like that")
		return nil
	}
	if err := explain.WriteArticles(p.stdout, list, p.look()); err != nil {
		return fmt.Errorf("write articles: %w", err)
	}
	if len(list) == sieve.Limit {
		p.tell("these are the newest %d; --limit 0 shows all", sieve.Limit)
	}
	return nil
}

func (p *program) showArticleCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show URL|ID",
		Short: "Show everything known of an article",
		Long: `Show everything known of the article at an address, or with an id of the list:
its categories, its points and whose they are, its image, its story, the
editions that told it and to how many readers, where it is also told, and its
corrections. Two sources may both have an address: then both articles are shown.`,
		Example: "  courant articles show https://example.com/flood-fund\n  courant articles show 17 --json",
		Args:    arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := articleKey(args[0])
			if err != nil {
				return err
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.showRecords(c.Context(), h, id, args[0], asJSON) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each article")
	return c
}

// articleKey reads an article's id; 0 where key is an address.
func articleKey(key string) (digest.ArticleID, error) {
	id, err := strconv.ParseInt(key, 10, 64)
	if err == nil && id > 0 {
		return digest.ArticleID(id), nil
	}
	if _, err := digest.CanonicalURL(key); err != nil {
		return 0, misuse{fmt.Errorf("%s is neither an article's address nor its id; `courant articles list` shows both", key)}
	}
	return 0, nil
}

func (p *program) showRecords(ctx context.Context, h *house, id digest.ArticleID, key string, asJSON bool) error {
	records, err := h.store.ArticleRecords(ctx, id, key)
	if errors.Is(err, digest.ErrNotFound) {
		return h.noArticle(ctx, id, key)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(p, explain.Records(records))
	}
	for i, r := range records {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		if err := explain.WriteRecord(p.stdout, r, p.look()); err != nil {
			return fmt.Errorf("write an article: %w", err)
		}
	}
	return nil
}

// noArticle says that nobody knows an article, and which may have been meant.
func (h *house) noArticle(ctx context.Context, id digest.ArticleID, key string) error {
	if id > 0 {
		return fmt.Errorf("there is no article %d; `courant articles list` shows those there are", id)
	}
	urls, err := h.store.AddressesLike(ctx, key)
	if err != nil {
		return err
	}
	hint := didYouMean(key, urls)
	if hint == "" {
		hint = "; `courant articles list` shows those there are"
	}
	return fmt.Errorf("no source brought an article at %s%s", key, hint)
}
