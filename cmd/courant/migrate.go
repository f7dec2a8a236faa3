package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Bring the database's schema up to date. Every command that uses the database
does so by itself; this one does nothing else, for those who want it done
before a new version starts. Several may run at once.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				m := h.migrated
				if m.From == m.To {
					fmt.Fprintf(p.stdout, "the schema is up to date (version %d)\n", m.To)
					return nil
				}
				fmt.Fprintf(p.stdout, "the schema went from version %d to %d\n", m.From, m.To)
				return nil
			})
		},
	}
}
