package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"courant/templates"

	"github.com/spf13/cobra"
)

func (p *program) templatesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "templates",
		Short: "Write the mail templates out, to start your own from",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "export DIR",
		Short: "Write the templates and languages of this program into a directory",
		Long: `Write the templates and languages of this program into a directory: mail/ and
lang/. A file that is there is never touched; it is named, and the others are
written. Keep those you change and delete the rest: what is not in the
directory comes from the program, with all its later mends.

Then say templates: DIR in the config. courant check judges what you change, and
courant preview shows it.`,
		Example: "  courant templates export templates\n  courant templates export ../shipped && diff -ru ../shipped templates",
		Args:    arguments(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return p.exportTemplates(args[0]) },
	})
	return c
}

// exportTemplates writes each file that is not there yet.
func (p *program) exportTemplates(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory for the templates: %w; name a place where you may write", err)
	}
	root, err := os.OpenRoot(dir) // no link in it leads the files elsewhere
	if err != nil {
		return fmt.Errorf("open the directory for the templates: %w", err)
	}
	defer root.Close() // each file was closed with its error
	written, kept := 0, 0
	for _, below := range []string{"mail", "lang"} {
		if err := root.Mkdir(below, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("write the templates: %w", err)
		}
		entries, err := templates.FS.ReadDir(below)
		if err != nil {
			return fmt.Errorf("list the templates: %w", err)
		}
		for _, e := range entries {
			name := below + "/" + e.Name()
			switch err := layNew(root, name); {
			case errors.Is(err, fs.ErrExist):
				kept++
				fmt.Fprintf(p.stdout, "%s is there and stays as it is\n", filepath.Join(dir, name))
			case err != nil:
				return fmt.Errorf("write the templates: %w", err)
			default:
				written++
			}
		}
	}
	fmt.Fprintf(p.stdout, "%d files written into %s, %d left as they were\n", written, dir, kept)
	return nil
}

// layNew writes a file that is not there.
func layNew(root *os.Root, name string) error {
	text, err := templates.FS.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
