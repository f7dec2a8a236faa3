package main

import (
	"context"
	"errors"
	"fmt"

	"courant/digest"

	"github.com/spf13/cobra"
)

// mostCorrection is how long a correction may be, in bytes: it stands above the
// news.
const mostCorrection = 600

func (p *program) articlesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "articles",
		Short: "List and show articles, import them, pin and drop them, correct what was told wrong",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.listArticlesCommand(), p.showArticleCommand(), p.importArticlesCommand(), p.correctCommand())
	c.AddCommand(p.markCommands()...)
	return c
}

func (p *program) correctCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "correct URL TEXT",
		Short: "Tell those who had a story what was wrong in it",
		Long: `Tell those who had a story what was wrong in it. The correction stands at the
top of each one's next edition, of whatever digest, once. Who never had the
story, or had it by another article, doesn't get it. Say what was wrong and what is right: TEXT is shown as it
is, and cannot be taken back.`,
		Example: `  courant articles correct https://example.com/flood-fund \
      "The fund is to reach 38 million euros, not 48 million."`,
		Args: arguments(2, 2),
		RunE: func(c *cobra.Command, args []string) error {
			text := digest.PlainLine(args[1], mostCorrection)
			if text == "" || len(digest.PlainLine(args[1], mostCorrection+1)) > mostCorrection {
				return misuse{fmt.Errorf("a correction is one line of words, of at most %d bytes", mostCorrection)}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.correct(c.Context(), h, args[0], text) })
		},
	}
}

func (p *program) correct(ctx context.Context, h *house, address, text string) error {
	c, reach, err := h.store.Correct(ctx, address, text, h.now())
	switch {
	case errors.Is(err, digest.ErrNotFound) && c.URL != "":
		return fmt.Errorf("no edition told the article at %s, but another one of the same event: %q at %s; if that is wrong, too, name its address", address, c.Title, c.URL)
	case errors.Is(err, digest.ErrNotFound):
		return fmt.Errorf("no edition told a story that is at %s; `courant why ADDR` lists what a reader got", address)
	case err != nil:
		return err
	}
	if reach.Again {
		fmt.Fprintf(p.stdout, "said before, on %s, in the same words: nothing is added, and nobody is told twice\n", c.At.UTC().Format("2 January 2006 at 15:04 UTC"))
		return nil
	}
	fmt.Fprintf(p.stdout, "corrected: %s\n%s\n", visible(c.Title), visible(c.Text))
	switch {
	case reach.Readers == 1:
		fmt.Fprintln(p.stdout, "1 reader had it and is told in the next edition")
	default:
		fmt.Fprintf(p.stdout, "%d readers had it and are told in their next edition\n", reach.Readers)
	}
	switch {
	case reach.Waiting == 1:
		fmt.Fprintln(p.stdout, "1 mail with the error is still to go; its reader is told in the edition after it")
	case reach.Waiting > 1:
		fmt.Fprintf(p.stdout, "%d mails with the error are still to go; their readers are told in the edition after it\n", reach.Waiting)
	}
	return nil
}
