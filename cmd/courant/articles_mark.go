package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"courant/digest"

	"github.com/spf13/cobra"
)

// marking is what an editor asks for an article, as typed.
type marking struct {
	key, digest, until, by string
	kind                   digest.MarkKind
	back                   bool // to take it back
}

// markCommands are the two marks, and how they are taken back.
func (p *program) markCommands() []*cobra.Command {
	return []*cobra.Command{
		p.markCommand(marking{kind: digest.MarkPin}, &cobra.Command{
			Use:   "pin URL|ID",
			Short: "Have a story lead its section in the next editions",
			Long: `Have a story lead its section: it is chosen before all others, even if it is
older than the window, and no limit of the digest shuts it out. Nobody gets it
twice, and nobody whose categories it is not in. A pin holds for 7 days, or
--until a moment, and for every digest, or the one that --digest names.`,
			Example: "  courant articles pin https://example.com/flood-fund --digest morning\n  courant articles pin 17 --until \"2026-11-24 12:00\"",
		}),
		p.markCommand(marking{kind: digest.MarkDrop}, &cobra.Command{
			Use:   "drop URL|ID",
			Short: "Have no edition choose a story",
			Long: `Have no edition choose a story, in every digest, or in the one that --digest
names. It goes for all tellings of the story, also for those that other sources
bring within 72 hours. Who had it keeps it.`,
			Example: "  courant articles drop https://example.com/flood-fund\n  courant articles drop 17 --digest morning",
		}),
		p.markCommand(marking{kind: digest.MarkPin, back: true}, &cobra.Command{
			Use:   "unpin URL|ID",
			Short: "Take the pins of a story back",
			Long:  "Take the pins of a story back: all of them, or the one for the digest that\n--digest names. That it was pinned, and by whom, stays known.",
		}),
		p.markCommand(marking{kind: digest.MarkDrop, back: true}, &cobra.Command{
			Use:   "undrop URL|ID",
			Short: "Let a dropped story be chosen again",
			Long:  "Let a dropped story be chosen again: in every digest, or in the one that\n--digest names. That it was dropped, and by whom, stays known.",
		}),
	}
}

func (p *program) markCommand(m marking, c *cobra.Command) *cobra.Command {
	c.Args = arguments(1, 1)
	c.RunE = func(c *cobra.Command, args []string) error {
		m.key = args[0]
		if m.by == "" {
			m.by = editor()
		}
		if m.by = digest.PlainLine(m.by, 200); m.by == "" {
			return misuse{errors.New("--by takes the name of an editor")}
		}
		id, err := articleKey(m.key)
		if err != nil {
			return err
		}
		return p.with(c.Context(), p.quiet(), func(h *house) error { return p.mark(c.Context(), h, id, m) })
	}
	c.Flags().StringVar(&m.digest, "digest", "", "for this `DIGEST` only")
	if m.kind == digest.MarkPin && !m.back {
		c.Flags().StringVar(&m.until, "until", "", "until this `TIME`: 2026-11-23 (the whole day), \"2026-11-23 07:00\", RFC 3339, or for so long, like 36h or 3d")
	}
	c.Flags().StringVar(&m.by, "by", "", "who decided it; unless told, the `NAME` of your account")
	return c
}

// editor is who is at the keyboard, as far as the machine knows.
func editor() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if account, err := user.Current(); err == nil {
		return account.Username
	}
	return fmt.Sprintf("account %d", os.Getuid())
}

// mark sets a mark, or takes it back.
func (p *program) mark(ctx context.Context, h *house, id digest.ArticleID, m marking) error {
	if m.digest != "" {
		if _, err := h.config.digestNamed(m.digest); err != nil {
			return err
		}
	}
	mark := digest.Mark{Kind: m.kind, Digest: m.digest, By: m.by, At: h.now().UTC().Truncate(time.Microsecond)}
	var err error
	switch {
	case m.back:
		err = p.unmark(ctx, h, id, m.key, mark)
	default:
		if mark.Until, err = h.until(m, mark.At); err != nil {
			return misuse{err}
		}
		err = p.setMark(ctx, h, id, m.key, mark)
	}
	if errors.Is(err, digest.ErrNotFound) {
		return h.noArticle(ctx, id, m.key)
	}
	return err
}

func (p *program) setMark(ctx context.Context, h *house, id digest.ArticleID, key string, mark digest.Mark) error {
	marked, err := h.store.Mark(ctx, id, key, mark)
	if errors.Is(err, digest.ErrDropped) {
		return fmt.Errorf("%s is dropped, and a drop wins over a pin; `courant articles undrop %[1]s` takes that back", key)
	}
	if err != nil {
		return err
	}
	for _, a := range marked {
		if mark.Kind == digest.MarkPin {
			fmt.Fprintf(p.stdout, "pinned for %s until %s, by %s: %s\n", everyDigest(mark.Digest), mark.Until.Format("2006-01-02 15:04 UTC"), visible(mark.By), visible(a.Title))
		} else {
			fmt.Fprintf(p.stdout, "dropped for %s, by %s: %s\n", everyDigest(mark.Digest), visible(mark.By), visible(a.Title))
		}
		for _, note := range h.markNotes(a, mark) {
			p.tell("%s", note)
		}
	}
	return nil
}

func everyDigest(name string) string { return cmp.Or(name, "every digest") }

// markNotes say where a mark won't do what an editor may expect of it.
func (h *house) markNotes(a digest.ListedArticle, mark digest.Mark) (notes []string) {
	if mark.Kind == digest.MarkDrop {
		if a.Told > 0 {
			notes = append(notes, "an edition told it already; `courant articles correct` reaches those who had it")
		}
		return notes
	}
	if !a.Withdrawn.IsZero() {
		notes = append(notes, "its publisher took it back, so no edition chooses it")
	}
	for _, d := range h.config.Digests {
		if d.Name == mark.Digest && len(d.Categories) > 0 && digest.FirstCategory(d.Categories, a.AllCategories()) == "" {
			notes = append(notes, fmt.Sprintf("%s won't choose it: its categories (%s) are none of the digest's", d.Name, cmp.Or(strings.Join(a.AllCategories(), ", "), "none")))
		}
	}
	return notes
}

func (p *program) unmark(ctx context.Context, h *house, id digest.ArticleID, key string, mark digest.Mark) error {
	ended, inForce, err := h.store.Unmark(ctx, id, key, mark)
	if err != nil {
		return err
	}
	words := map[digest.MarkKind]string{digest.MarkPin: "pinned", digest.MarkDrop: "dropped"}[mark.Kind]
	if ended == 0 && len(inForce) == 0 {
		return fmt.Errorf("%s is not %s; `courant articles show %[1]s` tells what was decided about it", key, words)
	}
	var others []string
	for _, m := range inForce {
		others = append(others, everyDigest(m.Digest))
	}
	if ended == 0 {
		return fmt.Errorf("%s is not %s for %s, but for %s; `courant articles un%s %[1]s` takes all of that back", key, words, mark.Digest, strings.Join(others, ", "), mark.Kind)
	}
	fmt.Fprintf(p.stdout, "no longer %s for %s\n", words, everyDigest(mark.Digest))
	if len(others) > 0 {
		p.tell("it is still %s for %s", words, strings.Join(others, ", "))
	}
	return nil
}

// until reads --until by the clock of the digest it is for, or the one that all
// digests have.
func (h *house) until(m marking, now time.Time) (time.Time, error) {
	switch {
	case m.kind != digest.MarkPin:
		return time.Time{}, nil
	case m.until == "":
		return now.Add(digest.PinHolds), nil
	}
	zones := map[string]*time.Location{}
	loc := time.UTC
	for _, d := range h.config.Digests {
		if m.digest == "" || m.digest == d.Name {
			loc = zoneOf(d)
			zones[loc.String()] = loc
		}
	}
	if len(zones) > 1 {
		loc = time.UTC
	}
	until, err := readUntil(strings.TrimSpace(m.until), now, loc)
	switch {
	case err != nil:
		return until, fmt.Errorf("--until %w", err)
	case !until.After(now):
		return until, fmt.Errorf("--until %s has passed", m.until)
	case until.Sub(now) > longest:
		return until, fmt.Errorf("--until %s is more than 10 years away", m.until)
	}
	return until.UTC(), nil
}

// readUntil reads the end of a day, a moment, or how long.
func readUntil(s string, now time.Time, loc *time.Location) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, s, loc); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if d, err := durationOf(s); err == nil {
		return now.Add(d), nil
	}
	return readTime(s, now, loc)
}
