package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoPostgres means that no Postgres server is installed where it was looked
// for.
var ErrNoPostgres = errors.New("no PostgreSQL server is installed here: install one (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql) or set `database:` to a server elsewhere")

// oldestMajor is the oldest version that its makers still mend.
const oldestMajor = 14

// binaries is one installation of the server.
type binaries struct {
	dir     string
	version string // as it names itself: 15.18
	major   int
}

func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }
func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }

// findBinaries finds an installation that can run the cluster in data: one of
// the same major version, or any if there is no cluster yet. Courant never
// upgrades a cluster by itself: that needs both versions and an editor's backup.
func findBinaries(ctx context.Context, dirs []string, data string) (binaries, error) {
	major, err := clusterMajor(data)
	if err != nil {
		return binaries{}, err
	}
	candidates := slices.Values(dirs)
	if len(dirs) == 0 {
		candidates = usualDirs(ctx)
	}
	var others []string
	for dir := range candidates {
		found, err := inspect(ctx, dir)
		if err != nil {
			continue
		}
		if found.major == major || major == 0 && found.major >= oldestMajor {
			return found, nil
		}
		if v := strconv.Itoa(found.major); !slices.Contains(others, v) {
			others = append(others, v)
		}
	}
	switch {
	case len(others) == 0:
		return binaries{}, ErrNoPostgres
	case major == 0:
		return binaries{}, fmt.Errorf("PostgreSQL %s is installed, Courant needs %d or newer: install one", strings.Join(others, ", "), oldestMajor)
	}
	return binaries{}, fmt.Errorf("the cluster in %s was made by PostgreSQL %d, installed is %s: install postgresql-%d; to change over, dump with %d (pg_dump), move the directory away and restore into the new one",
		data, major, strings.Join(others, ", "), major, major)
}

// clusterMajor reads the version of the cluster in data, 0 if there is none.
func clusterMajor(data string) (int, error) {
	content, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("%s has no version that Courant knows: restore the cluster from a backup, or move it away", filepath.Join(data, "PG_VERSION"))
	}
	return major, nil
}

// inspect asks the server in dir for its version, and wants initdb beside it.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if _, err := exec.LookPath(b.initdb()); err != nil {
		return b, err
	}
	cmd := exec.CommandContext(ctx, b.postgres(), "--version")
	cmd.Env = childEnv()
	out, err := cmd.Output()
	if err != nil {
		return b, fmt.Errorf("ask %s for its version: %w", b.postgres(), err)
	}
	return b, b.parseVersion(string(out))
}

// parseVersion reads "postgres (PostgreSQL) 15.18 (Debian ...)", "17beta1" too.
func (b *binaries) parseVersion(line string) error {
	_, after, found := strings.Cut(line, "(PostgreSQL) ")
	words := strings.Fields(after)
	if !found || len(words) == 0 {
		return fmt.Errorf("%s is no PostgreSQL server", b.postgres())
	}
	b.version = words[0]
	digits := strings.TrimLeft(b.version, "0123456789")
	var err error
	b.major, err = strconv.Atoi(strings.TrimSuffix(b.version, digits))
	return err
}

// usualDirs yields where a server may be, in the order of preference; what
// comes late is only looked for when it is asked for.
func usualDirs(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		if found, err := exec.LookPath("postgres"); err == nil {
			if real, err := filepath.EvalSymlinks(found); err == nil && !yield(filepath.Dir(real)) {
				return
			}
			if !yield(filepath.Dir(found)) {
				return
			}
		}
		if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
			if !yield(strings.TrimSpace(string(out))) {
				return
			}
		}
		for _, dir := range packagedDirs() {
			if !yield(dir) {
				return
			}
		}
	}
}

// packagedDirs lists where packages put the server, the newest first.
func packagedDirs() []string {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",                               // Debian
		"/usr/pgsql-*/bin",                                        // postgresql.org for Fedora, RHEL
		"/usr/libexec/postgresql*",                                // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",                      // Homebrew
		"/usr/local/opt/postgresql@*/bin",                         // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/[0-9]*/bin", // Postgres.app
		"/usr/local/pgsql/bin",                                    // make install
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well-formed
		slices.SortFunc(found, newestFirst)
		dirs = append(dirs, found...)
	}
	return dirs
}

// newestFirst orders paths that differ in a version: 9.6, 14, 17.
func newestFirst(a, b string) int {
	return int(100 * (versionIn(b) - versionIn(a)))
}

func versionIn(path string) float64 {
	start := strings.IndexAny(path, "0123456789")
	if start < 0 {
		return 0
	}
	number := path[start:]
	if end := strings.IndexFunc(number, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		number = number[:end]
	}
	v, _ := strconv.ParseFloat(number, 64) // no number sorts last
	return v
}
