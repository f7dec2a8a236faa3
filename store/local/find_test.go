package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindMakesAndStartsNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	found, err := Find(patient(t), Options{DataDir: dir})
	if err != nil || found.Made || found.Version == "" || found.Dir == "" {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
	if _, err := Find(patient(t), Options{DataDir: dir, Binaries: []string{t.TempDir()}}); !errors.Is(err, ErrNoPostgres) {
		t.Errorf("without programs: %v", err)
	}
	if _, err := Find(patient(t), Options{}); err == nil {
		t.Error("no data directory is no fault")
	}
	made := clusterDir(t)
	found, err = Find(patient(t), Options{DataDir: made})
	p, perr := findPlace(made)
	if err != nil || perr != nil || !found.Made || len(backendsIn(p.data)) > 0 {
		t.Errorf("%+v, %v, %v", found, err, perr)
	}
}
