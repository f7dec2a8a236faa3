package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"courant/digest"
	"courant/digest/ingest"

	"github.com/spf13/cobra"
)

// largestImport is the most that is read of a file of articles, and
// importBatch how many of them are kept at a time.
const (
	largestImport = 256 << 20
	importBatch   = 500
)

func (p *program) importArticlesCommand() *cobra.Command {
	var source string
	var dry bool
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Take articles from files, as a publishing system pushes them",
		Long: `Take articles from files of JSON, or "-" for standard input, into a source of
the config: an article, an array of them, an object with an array "articles",
one such a line, or what ` + "`courant extract --json`" + ` prints. Fields and rules are
those of POST /api/articles (docs/api.md).

All files are read before anything is kept; their faults are told at once, each
with its line, and then nothing is. Articles are kept 500 at a time. Doing it
twice is doing it once, so a command that was stopped is simply run again. What
an edition told stays as it was told.`,
		Example: "  courant articles import monday.json --dry-run\n  courant extract --json saved/*.html | courant articles import - --source \"Newsroom CMS\"",
		Args:    arguments(1, -1),
		RunE: func(c *cobra.Command, files []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.importArticles(c.Context(), h, files, source, dry) })
		},
	}
	c.Flags().StringVar(&source, "source", "", "the `SOURCE` they are of; may be left out where one source of the config is pushed")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would become of them, and keep nothing")
	return c
}

func (p *program) importArticles(ctx context.Context, h *house, files []string, name string, dry bool) error {
	source, err := h.config.importSource(name)
	if err != nil {
		return err
	}
	articles, err := p.readArticles(h, files)
	if err != nil {
		return err
	}
	counts, at := map[digest.PushStatus]int{}, h.now()
	var done atomic.Int64
	defer showProgress(ctx, p.stderr, func() string { return fmt.Sprintf("%d of %d articles", done.Load(), len(articles)) })()
	for from := 0; from < len(articles); from += importBatch {
		batch := articles[from:min(from+importBatch, len(articles))]
		results, err := h.store.Push(ctx, digest.Push{Source: source, Articles: batch, At: at.Add(-time.Duration(from) * time.Microsecond), DryRun: dry})
		if err != nil {
			return fmt.Errorf("%w; %d of %d articles are kept, run it again for the rest", err, from, len(articles))
		}
		for _, r := range results {
			counts[r.Status]++
			if r.Status == digest.PushKept {
				p.tell("%s was told by an edition and stays as it is; `courant articles correct` tells readers of a mistake", r.URL)
			}
		}
		done.Store(int64(from + len(batch)))
	}
	var parts []string
	for _, s := range digest.PushStatuses() {
		parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
	}
	verb := ""
	if dry {
		verb = " (nothing was kept)"
	}
	fmt.Fprintf(p.stdout, "%s: %s%s\n", visible(source.Name), strings.Join(parts, ", "), verb)
	return nil
}

// importSource is the source that articles of a file are of.
func (c Config) importSource(name string) (digest.Source, error) {
	if name != "" {
		if err := c.sourcesNamed([]string{name}); err != nil {
			return digest.Source{}, err
		}
	}
	var pushed []digest.Source
	for _, s := range c.Sources {
		if name == s.Name {
			return s, nil
		}
		if s.Kind == digest.SourcePush {
			pushed = append(pushed, s)
		}
	}
	switch len(pushed) {
	case 0:
		return digest.Source{}, misuse{fmt.Errorf("no source of %s is pushed; name the source that the articles are of by --source", c.File)}
	case 1:
		return pushed[0], nil
	}
	return digest.Source{}, misuse{fmt.Errorf("%d sources of %s are pushed; say by --source which the articles are of", len(pushed), c.File)}
}

// readArticles reads all files, and tells all faults of all of them.
func (p *program) readArticles(h *house, files []string) (articles []digest.Article, err error) {
	places, faulty := map[string]int{}, 0
	for _, file := range files {
		found, faults, err := p.readArticleFile(h, file)
		if err != nil {
			return nil, err
		}
		for _, f := range faults {
			faulty++
			p.tell("%s:%d: %s", file, f.Line, f.Error())
		}
		for _, a := range found {
			if at, twice := places[a.Canonical]; twice {
				articles[at] = a // the later telling counts, as within a file
				continue
			}
			places[a.Canonical] = len(articles)
			articles = append(articles, a)
		}
	}
	if faulty > 0 {
		return nil, errors.New("nothing was kept; put right what is told above and run it again")
	}
	return articles, nil
}

func (p *program) readArticleFile(h *house, file string) ([]digest.Article, []digest.ArticleFault, error) {
	in := p.stdin
	if file != "-" {
		f, err := openInput(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read articles: %w", err)
		}
		defer f.Close() // read only
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, largestImport+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(data) > largestImport {
		return nil, nil, fmt.Errorf("%s is larger than %d MB; split it, one article a line can be cut anywhere between lines", file, largestImport>>20)
	}
	articles, faults, err := ingest.ReadPush(data, ingest.PushOptions{Now: h.now(), File: true, Filing: h.config.filing(), AllowPrivate: h.config.AllowPrivateSources})
	var fault digest.ArticleFault
	if errors.As(err, &fault) {
		return nil, []digest.ArticleFault{fault}, nil
	}
	return articles, faults, err
}
