package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"courant/digest"
	"courant/digest/ingest"

	"github.com/spf13/cobra"
)

func (p *program) extractCommand() *cobra.Command {
	var o extractOptions
	c := &cobra.Command{
		Use:   "extract FILE|URL...",
		Short: "Show what Courant sees in a page, text file or feed",
		Long: `Show what Courant sees in a page, a text file or a feed: headline, category,
key points and where they come from. Files are read as they are; addresses are
fetched once, politely. "-" reads standard input. No database is needed. Where
there is a config (one that --config names must be there), its rules for categories are heeded, and those for the key
points of a source whose address is given.
With --model the config's language model is asked where first sentences would
stand in for points; without it, it never is.

--explain says how the key points were chosen: each list that could hold them,
what speaks for and against it, and what decided.

--rules tries a rule for key points before it goes into the config. FILE is YAML
with css and drop, at the top or under points:, as a source of the config has
them. Where there is no such file, it may be the name of a source in the config,
whose own rule is tried then.`,
		Example: "  courant extract article.html\n  courant extract --json https://example.org/feed.xml\n  courant extract --explain --rules rule.yaml https://example.org/story.html",
		Args:    arguments(1, -1),
		RunE: func(c *cobra.Command, inputs []string) error {
			o.named = c.Flags().Changed("config")
			return p.extract(c.Context(), inputs, o)
		},
	}
	c.Flags().BoolVar(&o.model, "model", false, "ask the config's language model where nobody gave points")
	c.Flags().BoolVar(&o.asJSON, "json", false, "one JSON object a line, one for every input")
	c.Flags().BoolVar(&o.explain, "explain", false, "how the key points were chosen, list by list")
	c.Flags().StringVar(&o.rules, "rules", "", "`FILE|SOURCE` with a rule for key points: a file, or the name of a source that has one")
	return c
}

// extractOptions are the flags of extract.
type extractOptions struct {
	asJSON  bool
	model   bool
	explain bool
	rules   string
	named   bool // the config was named, so it has to be there
}

// largestInput is the most that is read of a file: as much as of a feed.
const largestInput = 10 << 20

// extract shows every input; one that cannot be read does not stop the
// others, but the exit code tells.
func (p *program) extract(ctx context.Context, inputs []string, o extractOptions) error {
	if _, err := os.Stat(p.configFile); o.named && errors.Is(err, fs.ErrNotExist) {
		_, err := p.loadedConfig()
		return err
	}
	writer, err := p.writer(o.model)
	if err != nil {
		return err
	}
	how := ingest.Options{Explain: o.explain}
	if o.rules != "" {
		if how.Rule, err = p.ruleOf(o.rules); err != nil {
			return err
		}
	}
	failed := 0
	heeded, file := p.filer()
	for _, input := range inputs {
		if o.rules == "" {
			how.Rule = heeded.sourceAt(input).Points
		}
		e, err := p.extraction(ctx, input, how)
		if note := e.RuleNote(); note != "" {
			e.Warnings = append(e.Warnings, note)
		}
		p.rewrite(ctx, writer, &e, how.Rule)
		why := make([][]ingest.Filed, len(e.Articles))
		for i := range e.Articles {
			why[i] = file(input, &e.Articles[i])
		}
		if err != nil {
			failed++
			p.tell("courant: %v", err)
		}
		if o.asJSON {
			if err != nil {
				e.Warnings = append(e.Warnings, err.Error())
			}
			e.Input = input
			if err := json.NewEncoder(p.stdout).Encode(e); err != nil {
				return fmt.Errorf("write JSON: %w", err)
			}
			continue
		}
		if err == nil {
			p.showExtraction(e, why)
		}
	}
	if failed > 0 {
		return errTold
	}
	return nil
}

// writer is the config's language model, nil where it is not wanted.
func (p *program) writer(wanted bool) (*ingest.Endpoint, error) {
	if !wanted {
		return nil, nil
	}
	c, err := p.loadedConfig()
	if err != nil {
		return nil, err
	}
	e := c.endpoint(p.quiet())
	if e == nil {
		return nil, misuse{fmt.Errorf("%s names no model; write url and name under model, or leave --model out", c.File)}
	}
	e.Now = p.now
	return e, nil
}

// rewrite has the language model write points where first sentences stand in.
func (p *program) rewrite(ctx context.Context, writer *ingest.Endpoint, e *ingest.Extraction, rule digest.PointRule) {
	for i := range e.Articles {
		if a := &e.Articles[i]; writer != nil && a.PointsFrom == digest.PointsLead {
			if err := ingest.Rewrite(ctx, writer, a, rule); err != nil {
				e.Warnings = append(e.Warnings, fmt.Sprintf("%s: %v", a.Title, err))
			}
			if i < len(e.Explanations) {
				e.Explanations[i].From = a.PointsFrom
			}
		}
	}
}

func (p *program) extraction(ctx context.Context, input string, how ingest.Options) (ingest.Extraction, error) {
	if strings.HasPrefix(input, "http://") || strings.HasPrefix(input, "https://") {
		return p.fetcher().Extract(ctx, input, how)
	}
	in := p.stdin
	if input != "-" {
		f, err := openInput(input)
		if err != nil {
			return ingest.Extraction{Input: input}, err
		}
		defer f.Close() // read only
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, largestInput+1))
	if err != nil {
		return ingest.Extraction{Input: input}, fmt.Errorf("read %s: %w; look whether it is a file that can be read", input, err)
	}
	if len(data) > largestInput {
		return ingest.Extraction{Input: input}, errors.New(input + " is too large: pages and feeds of more than 10 MB are not read; cut it, or name the article's own page")
	}
	how.Now = p.now()
	return ingest.Extract(input, data, how)
}

// showExtraction prints an extraction for people.
func (p *program) showExtraction(e ingest.Extraction, why [][]ingest.Filed) {
	if e.Kind == ingest.KindFeed {
		fmt.Fprintf(p.stdout, "%s: feed %q, %d articles\n", e.Input, e.Title, len(e.Articles))
	}
	for i, a := range e.Articles {
		p.showArticle(a, why[i])
		if i < len(e.Explanations) {
			showExplanation(p.stdout, p.style(), e.Explanations[i])
		}
	}
	for _, w := range e.Warnings {
		fmt.Fprintln(p.stdout, "warning:", w)
	}
}

func (p *program) showArticle(a digest.Article, why []ingest.Filed) {
	fmt.Fprintf(p.stdout, "\n%s\n", a.Title)
	for _, line := range []struct{ name, value string }{
		{"url", a.URL}, {"category", a.Category}, {"site", a.Site}, {"attribution", a.Attribution},
		{"author", a.Author}, {"language", a.Language}, {"points from", string(a.PointsFrom)},
	} {
		if line.value != "" {
			fmt.Fprintf(p.stdout, "  %-12s %s\n", line.name, line.value)
		}
	}
	p.showFiling(a, why)
	if a.Image.URL != "" {
		fmt.Fprintf(p.stdout, "  %-12s %s\n", "image", shownImage(a.Image))
	}
	if !a.Published.IsZero() {
		fmt.Fprintf(p.stdout, "  %-12s %s\n", "published", a.Published.Format("2006-01-02 15:04 MST"))
	}
	for _, point := range a.Points {
		fmt.Fprintf(p.stdout, "  • %s\n", point)
	}
}

// shownImage is a lead image with its size and what it shows, as far as they
// are known.
func shownImage(i digest.Image) string {
	s := i.URL
	if i.Width > 0 && i.Height > 0 {
		s += fmt.Sprintf(", %d x %d", i.Width, i.Height)
	}
	if i.Alt != "" {
		s += fmt.Sprintf(", %q", i.Alt)
	}
	return s
}
