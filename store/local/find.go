package local

import (
	"context"
	"errors"
	"path/filepath"
)

// Found is what there is of a private Postgres, before anything is started.
type Found struct {
	Made    bool   // there is a cluster
	Version string // of the programs that would run it: 15.18
	Dir     string // where they are
}

// Find looks for the cluster of o.DataDir and for the programs that can run
// it. It makes and starts nothing.
func Find(ctx context.Context, o Options) (Found, error) {
	if o.DataDir == "" {
		return Found{}, errors.New("the private Postgres needs a data directory: set data_dir")
	}
	data := filepath.Join(o.DataDir, "postgres", "data")
	major, err := clusterMajor(data)
	if err != nil {
		return Found{}, err
	}
	b, err := findBinaries(ctx, o.Binaries, data)
	return Found{Made: major > 0, Version: b.version, Dir: b.dir}, err
}
