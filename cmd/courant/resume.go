package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"courant/digest"

	"github.com/spf13/cobra"
)

// The words of --in-doubt of resume.
const (
	doubtResend   = "resend"
	doubtAccepted = "accepted"
)

func (p *program) resumeCommand() *cobra.Command {
	var inDoubt, reader, domain string
	c := &cobra.Command{
		Use:   "resume [EDITION]",
		Short: "Let a held edition or a mail domain go on, or decide on what is in doubt",
		Long: `Let an edition go on that is held, after what it was held for is mended. Its
mails are rendered and judged anew: what still breaks a rule of docs/mail.md
holds it still, and nobody is mailed. One that was held because readers would
get the same headlines and points as before goes on all the same: whoever
resumes it wants it. Readers who have a mail of it get no second one.

A courant serve that runs takes changed templates within seconds. At
a start the editions that a preflight held are judged anew by themselves.

With --in-doubt it decides on deliveries of which nobody knows whether they
arrived: "resend" sends them once more, with the same Message-ID, as far as
they are still fresh, still wanted and were not sent again before; "accepted"
says that they arrived, as the relay's log may show.

With --domain it sends to a mail domain again that is left alone, after what the
domain complained of is mended: its mails go from now on, slowly at first. Each
courant serve, on whichever host, heeds it within seconds. What was tried already
and deferred keeps its own time. If the domain still complains it is left alone
anew. courant status lists the domains that are left alone, and why.

EDITION is a number, or DIGEST/NUMBER; DIGEST alone is all of its editions,
and none is all of the last seven days.`,
		Example: "  courant resume morning/12\n  courant resume morning/12 --in-doubt resend\n  courant resume --domain example.com",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("in-doubt") && inDoubt != doubtResend && inDoubt != doubtAccepted {
				return misuse{fmt.Errorf("--in-doubt %s: it takes resend or accepted", inDoubt)}
			}
			if reader != "" && inDoubt == "" {
				return misuse{errors.New("--reader goes with --in-doubt: an edition goes on for all")}
			}
			if c.Flags().Changed("domain") {
				if len(args) > 0 || inDoubt != "" || reader != "" {
					return misuse{errors.New("--domain stands alone: a mail domain goes on for all editions")}
				}
				return p.with(c.Context(), p.quiet(), func(h *house) error { return p.resumeDomain(c.Context(), h, domain) })
			}
			edition := ""
			if len(args) > 0 {
				edition = args[0]
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.resume(c.Context(), h, edition, inDoubt, reader) })
		},
	}
	c.Flags().StringVar(&inDoubt, "in-doubt", "", "what becomes of deliveries in doubt: `resend|accepted`")
	c.Flags().StringVar(&reader, "reader", "", "of one reader's `ADDRESS` alone")
	c.Flags().StringVar(&domain, "domain", "", "send to this mail `DOMAIN` again, which is left alone")
	return c
}

// resumeDomain sends to a mail domain again that is left alone.
func (p *program) resumeDomain(ctx context.Context, h *house, domain string) error {
	// As digest.DomainOf has it, so that a reader's address will do as well.
	name := digest.DomainOf(strings.TrimSpace(domain))
	if name == "" {
		return misuse{fmt.Errorf("--domain takes a mail domain such as example.com, not %q", domain)}
	}
	closed, due, err := h.store.ResumeDomain(ctx, name)
	switch {
	case err != nil:
		return err
	case !closed && due == 0:
		fmt.Fprintf(p.stdout, "%s is not left alone, and nothing waits because of it\n", visible(name))
	case closed && due > 0:
		fmt.Fprintf(p.stdout, "%s is sent to again; %d that were given back are due now\n", visible(name), due)
	case closed:
		fmt.Fprintf(p.stdout, "%s is sent to again\n", visible(name))
	default:
		fmt.Fprintf(p.stdout, "%s was not left alone; %d that were given back are due now\n", visible(name), due)
	}
	return nil
}

func (p *program) resume(ctx context.Context, h *house, edition, inDoubt, address string) error {
	since, err := asked{edition: edition}.from(p.now())
	if err != nil {
		return err
	}
	editions, err := h.editionsAsked(ctx, edition, since)
	if err != nil {
		return err
	}
	var reader digest.ReaderID
	if address != "" {
		r, _, err := h.reader(ctx, address)
		if err != nil {
			return err
		}
		reader = r.ID
	}
	n := 0
	for _, e := range editions {
		did, err := h.resumed(ctx, e, inDoubt, reader)
		if err != nil {
			return err
		}
		if did != "" {
			n++
			fmt.Fprintf(p.stdout, "%s: %s\n", editionName(e), did)
		}
	}
	if n == 0 {
		what := "held"
		if inDoubt != "" {
			what = "in doubt"
		}
		fmt.Fprintf(p.stdout, "nothing is %s\n", what)
	}
	return nil
}

func editionName(e digest.Edition) string {
	if e.Number == 0 {
		return fmt.Sprintf("%s (proof of %s)", e.Digest, e.Instant.UTC().Format(time.DateTime))
	}
	return fmt.Sprintf("%s/%d", e.Digest, e.Number)
}

// resumed does it for one edition and says what was done; empty: nothing was
// to do.
func (h *house) resumed(ctx context.Context, e digest.Edition, inDoubt string, reader digest.ReaderID) (string, error) {
	switch inDoubt {
	case doubtResend:
		resent, stay, err := h.store.ResendDoubts(ctx, e.ID, reader)
		if err != nil || resent+stay == 0 {
			return "", err
		}
		return fmt.Sprintf("%d are queued to be sent once more, %d stay in doubt", resent, stay), nil
	case doubtAccepted:
		n, err := h.store.AcceptDoubts(ctx, e.ID, reader)
		if err != nil || n == 0 {
			return "", err
		}
		return fmt.Sprintf("%d count as accepted", n), nil
	}
	if e.State != digest.EditionHeld {
		return "", nil
	}
	engine, err := h.engine()
	if err != nil {
		return "", err
	}
	if err := engine.Resume(ctx, e.ID); err != nil { // it judges the mails anew
		return "", fmt.Errorf("%s stays held: %s", editionName(e), strings.TrimPrefix(err.Error(), digest.HeldByPreflight))
	}
	return "goes on; it was held: " + e.HeldReason, nil
}
