package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// inputs is what the mails of a preview were made from, as one word that
// changes when any of it does. Whoever waits hears of it.
type inputs struct {
	mu    sync.Mutex
	seen  string
	moved chan struct{} // closed when seen changes
}

func newInputs() *inputs { return &inputs{moved: make(chan struct{})} }

func (n *inputs) version() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen
}

// saw notes a version; an empty one says that nothing could be seen.
func (n *inputs) saw(version string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if version == n.seen || version == "" {
		return
	}
	n.seen = version
	close(n.moved)
	n.moved = make(chan struct{})
}

// changed waits for a version that is another; empty: ctx ended first.
func (n *inputs) changed(ctx context.Context, version string) string {
	for {
		n.mu.Lock()
		seen, moved := n.seen, n.moved
		n.mu.Unlock()
		if seen != version {
			return seen
		}
		select {
		case <-ctx.Done():
			return ""
		case <-moved:
		}
	}
}

// watchEvery is how often a preview looks for changes. An editor who saves and
// looks up sees them; asking the file system tells of any editor's way to save,
// over a network too.
const watchEvery = 500 * time.Millisecond

// watch looks for changes until ctx is done.
func (g *previewPage) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.inputs.saw(g.mark(ctx))
		}
	}
}

// mark is the version of what is there now; empty where the database does not
// answer.
func (g *previewPage) mark(ctx context.Context) string {
	sum := sha256.New()
	watched, o, s := g.house.config.watched(), g.outlook.order, g.house.store
	news, err := s.NewsMark(ctx, o.Digest.Name, g.outlook.material.Edition.WindowFrom)
	if err != nil {
		return ""
	}
	fmt.Fprintln(sum, news)
	markFile(sum, g.p.configFile)
	for _, path := range watched {
		markFiles(sum, path)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// markFile writes a file's size and time: what tells of any change that a
// person makes.
func markFile(sum hash.Hash, path string) {
	info, err := os.Stat(path)
	if err != nil {
		fmt.Fprintln(sum, path, "is not there")
		return
	}
	fmt.Fprintln(sum, path, info.Size(), info.ModTime().UnixNano())
}

// mostWatched bounds the files below a directory: somebody may name one that
// holds more than templates.
const mostWatched = 1000

// markFiles writes the files at and below a path.
func markFiles(sum hash.Hash, path string) {
	left := mostWatched
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		if err == nil && !d.IsDir() {
			markFile(sum, path)
		}
		return nil // what cannot be read is told where the mails are made
	})
	if err != nil {
		fmt.Fprintln(sum, err)
	}
}

// watched are the files and directories beside the config that the mails
// depend on.
func (c Config) watched() []string {
	var paths []string
	if c.Templates.Dir != "" {
		paths = append(paths, c.Templates.Dir)
	}
	for _, name := range slices.Sorted(maps.Keys(c.OwnTemplates)) {
		paths = append(paths, c.OwnTemplates[name].Dir)
	}
	return paths
}
