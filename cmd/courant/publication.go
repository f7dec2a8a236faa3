package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// publication is whose readers a private database holds. Two configs of one
// account have the same data_dir unless they say otherwise, and mostly lists
// and digests of the same names: the second one would mail the first one's
// readers.
type publication struct {
	Name string `json:"name"`
	From string `json:"from"`
}

func (c Config) publicationFile() string { return filepath.Join(c.DataDir, "publication") }

// foreignData says that data_dir belongs to another publication. One that got
// a new name, or a new sender, is the same one; with both new it is another.
func (c Config) foreignData() error {
	if c.Database.reveal() != "" {
		return nil // whoever names a database means that one
	}
	text, err := os.ReadFile(c.publicationFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("see whose data_dir it is: %w", err)
	}
	var owner publication
	if err := json.Unmarshal(text, &owner); err != nil {
		return nil // claimed anew: the file is a note, the database is the truth
	}
	if owner.Name == c.Name || owner.From == c.From.Address {
		return nil
	}
	return fmt.Errorf("%s holds the readers of %q (%s), and %s is for %q (%s); give it a data_dir of its own, or remove %s if this is the same publication under a new name",
		c.DataDir, owner.Name, owner.From, c.File, c.Name, c.From.Address, c.publicationFile())
}

// claimData notes whose data_dir this is from now on.
func (c Config) claimData() error {
	text, err := json.Marshal(publication{c.Name, c.From.Address})
	if err != nil {
		return fmt.Errorf("note whose data_dir it is: %w", err)
	}
	if there, err := os.ReadFile(c.publicationFile()); err == nil && string(there) == string(text) {
		return nil
	}
	if err := replaceFile(c.publicationFile(), text, 0o600); err != nil {
		return fmt.Errorf("note whose data_dir it is: %w", err)
	}
	return nil
}

// forgetPostgres takes the environment's words for other Postgres servers away:
// they would lead or hinder every connection to the private one.
func forgetPostgres(environ []string) error {
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			if err := os.Unsetenv(name); err != nil {
				return fmt.Errorf("forget %s: %w", name, err)
			}
		}
	}
	return nil
}
