package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The names inside the cluster. The port is only part of the socket's name.
const (
	databaseName = "courant"
	roleName     = "courant"
	port         = "5432"
	socketName   = ".s.PGSQL." + port
)

// maxSocketPath leaves room for the NUL: 107 bytes on Linux, 103 on macOS.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// An account is the OS user that runs Postgres.
type account struct {
	name     string
	uid, gid int
	other    bool // not the user this process runs as: needs a credential
}

// credential lends a child process the account, without root's other groups.
func (a account) credential() *syscall.Credential {
	if !a.other {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// give hands path to the account. Only what this package made is given, and a
// symbolic link is never followed.
func (a account) give(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// A place is where one private Postgres lives. The files root works with lie
// in root's own directory; the account owns data and the socket's directory,
// and nothing it could plant there leads root elsewhere (os.Root, Lchown).
type place struct {
	root    string
	data    string
	socket  string // the directory of the socket
	account account
}

// findPlace makes the directories down to the one that is ours.
func findPlace(dataDir string) (place, error) {
	if dataDir == "" {
		return place{}, errors.New("the private Postgres needs a data directory: set data_dir")
	}
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return place{}, fmt.Errorf("find data directory %s: %w", dataDir, err)
	}
	p := place{root: filepath.Join(dir, "postgres")}
	p.data = p.file("data")
	if p.account, err = findAccount(p.data, p.root); err != nil {
		return place{}, err
	}
	// The other account must pass through, but need not read, our directories.
	mode := fs.FileMode(0o700)
	if p.account.other {
		mode = 0o711
	}
	if err := makeDir(p.root, mode); err != nil {
		return place{}, fmt.Errorf("make directory for the private Postgres: %w", err)
	}
	return p, nil
}

// makeDir makes dir and its parents, with that mode whatever the umask says,
// and leaves those that exist alone.
func makeDir(dir string, mode fs.FileMode) error {
	err := os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(filepath.Dir(dir), mode); err != nil {
			return err
		}
		err = os.Mkdir(dir, mode)
	}
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}

// findAccount names the user to run Postgres as. Postgres refuses to be root,
// so root takes whoever owns what is there, else postgres, else nobody.
func findAccount(data, root string) (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{name: nameOf(uint32(uid)), uid: uid, gid: os.Getegid()}, nil
	}
	for _, dir := range []string{data, root} {
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		owner := info.Sys().(*syscall.Stat_t)
		if owner.Uid != 0 {
			return account{nameOf(owner.Uid), int(owner.Uid), int(owner.Gid), true}, nil
		}
		if dir == data {
			return account{}, fmt.Errorf("%s belongs to root, and Postgres refuses to run as root: give it to the OS user postgres (chown -R postgres %s)", data, data)
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			uid, uidErr := strconv.Atoi(found.Uid)
			gid, gidErr := strconv.Atoi(found.Gid)
			return account{name, uid, gid, true}, errors.Join(uidErr, gidErr)
		}
	}
	return account{}, errors.New("find an OS user for Postgres, which refuses to run as root: there is neither postgres nor nobody, add one (useradd --system postgres)")
}

// nameOf is the name of uid, or its number.
func nameOf(uid uint32) string {
	number := strconv.FormatUint(uint64(uid), 10)
	if found, err := user.LookupId(number); err == nil {
		return found.Username
	}
	return number
}

// checkReach finds the first path component that the account cannot pass, on
// the way to the cluster or to the binaries. A child of that account asks the
// kernel, which knows of access lists and read-only mounts; mode bits would not.
func (p place) checkReach(b binaries) error {
	if !p.account.other {
		return nil
	}
	const script = `for p; do [ -x "$p" ] || { printf %s "$p"; exit 0; }; done`
	args := []string{"-c", script, "sh"}
	for _, goal := range []string{p.root, b.postgres(), b.initdb()} {
		args = append(args, components(goal)...)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = "/"
	cmd.Env = childEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.account.credential()}
	blocked, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("become OS user %s to run Postgres: %w", p.account.name, err)
	}
	if len(blocked) > 0 {
		return fmt.Errorf("started by root, Postgres runs as OS user %s, who may not enter %s: let others pass (chmod o+x %s) or choose a data_dir elsewhere, /var/lib/courant for instance",
			p.account.name, blocked, blocked)
	}
	return nil
}

// components lists /a, /a/b and /a/b/c for /a/b/c.
func components(path string) []string {
	var all []string
	for path != "/" && path != "." {
		all = append([]string{path}, all...)
		path = filepath.Dir(path)
	}
	return all
}

// settleSocket chooses the directory of the socket: ours, or, where its path
// cannot be an address, a short temporary one that the file
// "socket" remembers for those who attach. start.lock is held.
func (p *place) settleSocket() error {
	p.socket = p.file("run")
	if !fits(p.socket) {
		recorded, err := os.ReadFile(p.file("socket"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read where the socket is: %w", err)
		}
		if p.socket = strings.TrimSpace(string(recorded)); p.socket == "" {
			return p.newSocketDir()
		}
	}
	err := p.restoreSocket()
	if err != nil && p.socket != p.file("run") {
		return p.newSocketDir() // somebody else took the name since
	}
	return err
}

// fits says whether a socket in dir has an address. A connection string has
// commas between hosts and no way to quote one.
func fits(dir string) bool {
	return len(filepath.Join(dir, socketName)) <= maxSocketPath && !strings.Contains(dir, ",")
}

// newSocketDir makes a short directory and remembers it. The record is renamed
// into place, so that no reader finds half a path.
func (p *place) newSocketDir() error {
	parent := os.TempDir()
	if !fits(filepath.Join(parent, "courant-0123456789")) {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "courant-")
	if err != nil {
		return fmt.Errorf("make a short directory for the socket: %w", err)
	}
	p.socket = dir
	if err := p.account.give(dir); err != nil {
		return fmt.Errorf("give the socket's directory to %s: %w", p.account.name, err)
	}
	if err := os.WriteFile(p.file("socket.tmp"), []byte(dir+"\n"), 0o600); err != nil {
		return fmt.Errorf("remember where the socket is: %w", err)
	}
	return os.Rename(p.file("socket.tmp"), p.file("socket"))
}

// restoreSocket sees to it that the directory exists and lets in nobody but
// the account and root; connections are trusted on the strength of that. (Peer
// authentication would ask the name service what the kernel has just said.)
func (p place) restoreSocket() error {
	err := os.Mkdir(p.socket, 0o700)
	if err == nil {
		return p.account.give(p.socket)
	}
	info, statErr := os.Lstat(p.socket)
	if statErr != nil {
		return fmt.Errorf("make the socket's directory: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || int(owner.Uid) != p.account.uid {
		return fmt.Errorf("%s should be a directory of OS user %s: remove it", p.socket, p.account.name)
	}
	if info.Mode().Perm() != 0o700 {
		return os.Chmod(p.socket, 0o700)
	}
	return nil
}

// hasSocket says whether there is anything to connect to.
func (p place) hasSocket() bool {
	_, err := os.Lstat(filepath.Join(p.socket, socketName))
	return err == nil
}

// forgetSocket removes a temporary socket directory after a clean stop.
func (p place) forgetSocket() error {
	if p.socket == p.file("run") {
		return nil
	}
	if err := os.RemoveAll(p.socket); err != nil {
		return fmt.Errorf("remove the socket's directory: %w", err)
	}
	return os.Remove(p.file("socket"))
}
