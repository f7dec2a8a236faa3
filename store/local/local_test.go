package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestNewClusterIsDurableAndListensOnlyAtItsSocket(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: dataDir(t)})
	db := open(t, s.DSN())
	for setting, want := range map[string]string{
		"listen_addresses": "", "data_checksums": "on", "fsync": "on", "full_page_writes": "on",
		"synchronous_commit": "on", "server_encoding": "UTF8", "lc_collate": "C",
		"log_error_verbosity": "terse", "log_min_error_statement": "panic",
	} {
		var got string
		query := "SELECT current_setting($1)"
		if setting == "lc_collate" {
			query = "SELECT datcollate FROM pg_database WHERE datname = current_database() AND $1 <> ''"
		}
		if err := db.QueryRow(query, setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, not %q (%v)", setting, got, want, err)
		}
	}
	if !strings.Contains(s.DSN(), "sslmode=disable") {
		t.Errorf("no sslmode in %s", s.DSN())
	}
}

// These set the environment, so they cannot run beside others.
func TestVariablesOfLibpqDoNotLeadElsewhere(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "other",
		"PGSSLMODE": "require", "PGOPTIONS": "-c search_path=other",
	} {
		t.Setenv(name, value)
	}
	s := start(t, quick(clusterDir(t)))
	var path string
	if err := open(t, s.DSN()).QueryRow("SHOW search_path").Scan(&path); err != nil || strings.Contains(path, "other") {
		t.Errorf("search_path %q, %v", path, err)
	}
	t.Setenv("PGHOSTADDR", "192.0.2.1")
	if _, err := Start(patient(t), quick(s.options.DataDir)); err == nil || !strings.Contains(err.Error(), "unset it") {
		t.Errorf("said: %v", err)
	}
}

func TestSocketLetsInRootAndTheServersUserOnly(t *testing.T) {
	t.Parallel()
	s := start(t, quick(clusterDir(t)))
	for _, dir := range []string{s.place.socket, s.place.data} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t).Uid
		if info.Mode().Perm() != 0o700 || int(owner) != s.place.account.uid || owner == 0 {
			t.Errorf("%s is %v of user %d", dir, info.Mode(), owner)
		}
	}
}

func TestCloseStopsTheServerAndKeepsTheRows(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	s := start(t, quick(dir))
	db := open(t, s.DSN())
	if _, err := db.Exec("CREATE TABLE editions AS SELECT 7 AS number"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	pid := s.PID()
	shut(t, s)
	if s.PID() != 0 || len(backendsIn(s.place.data)) > 0 {
		t.Errorf("process %d still runs", pid)
	}
	s = start(t, quick(dir))
	var number int
	if err := open(t, s.DSN()).QueryRow("SELECT number FROM editions").Scan(&number); err != nil || number != 7 {
		t.Errorf("read back %d, %v", number, err)
	}
}

func TestProcessesShareOneServerAndTheLastStopsIt(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	first, second := spawn(t, dir), spawn(t, dir)
	if first.pid != second.pid || first.dsn != second.dsn {
		t.Errorf("two servers: %d at %s, %d at %s", first.pid, first.dsn, second.pid, second.dsn)
	}
	first.want("query", "ok")
	first.want("close", "closed") // it started the server, and leaves it to the other
	second.want("pid", strconv.Itoa(first.pid))
	second.want("query", "ok")
	second.want("close", "closed")
	if p, err := findPlace(dir); err != nil || worksIn(first.pid, p.data) {
		t.Error("the last one out left the server running")
	}
}

func TestProcessesThatComeTogetherStartOneServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var all []*child
	for range 6 {
		all = append(all, launchChild(t, dir))
	}
	for _, c := range all {
		c.ready()
		if c.pid != all[0].pid {
			t.Errorf("servers %d and %d", c.pid, all[0].pid)
		}
	}
}

func TestServerOutlivesItsKilledStarterButNotItsLastUser(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	starter, other := spawn(t, dir), spawn(t, dir)
	starter.kill()
	other.want("query", "ok")
	other.want("pid", strconv.Itoa(starter.pid))
	other.kill()
	gone(t, dir)
}

func TestEveryUserFindsAKilledServerAgainAtTheSameAddress(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	starter, other := spawn(t, dir), spawn(t, dir)
	kill(t, starter.pid)
	starter.want("query", "ok")
	other.want("query", "ok")
	pid := other.ask("pid")
	if pid == strconv.Itoa(starter.pid) || pid == "0" {
		t.Errorf("the server is process %s", pid)
	}
	starter.want("pid", pid)
	starter.kill()
	killed, _ := strconv.Atoi(pid)
	kill(t, killed)
	other.want("query", "ok") // there is nobody else to start it
	other.want("close", "closed")
}

func TestBusyBackendOfAKilledServerDoesNotHinderTheNext(t *testing.T) {
	t.Parallel()
	s := start(t, quick(clusterDir(t)))
	db := open(t, s.DSN())
	conn, err := db.Conn(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	var backend int
	if err := conn.QueryRowContext(patient(t), "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	busy.Go(func() { conn.ExecContext(patient(t), "SELECT count(*) FROM generate_series(1, 1000000000000)") })
	await(t, "the backend is busy", func() bool {
		var active bool
		err := db.QueryRow("SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1", backend).Scan(&active)
		return err == nil && active
	})
	kill(t, s.PID())
	if err := s.Ensure(patient(t)); err != nil {
		t.Fatal(err)
	}
	busy.Wait()
	if worksIn(backend, s.place.data) {
		t.Errorf("backend %d of the killed server still runs", backend)
	}
}

func TestStartAfterACrashRecoversWhatWasCommitted(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c := spawn(t, dir)
	if _, err := open(t, c.dsn).Exec("CREATE TABLE deliveries AS SELECT 1 AS id"); err != nil {
		t.Fatal(err)
	}
	c.kill()
	kill(t, c.pid)
	s := start(t, quick(dir))
	var id int
	if err := open(t, s.DSN()).QueryRow("SELECT id FROM deliveries").Scan(&id); err != nil {
		t.Fatal(err)
	}
}

func TestStartAndCloseMayRaceInManyProcesses(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				s, err := Start(patient(t), quick(dir))
				if err != nil {
					t.Error(err)
					return
				}
				db := open(t, s.DSN())
				if err := db.Ping(); err != nil {
					t.Error(err)
				}
				db.Close()
				if err := s.Close(patient(t)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	gone(t, dir)
}

// stranger is a process of the OS user that runs Postgres, so that Postgres
// takes its number in a stale file for a server's; it even stands in the
// server's directory, as an operator's shell might.
func stranger(t *testing.T, p place) int {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.Dir = p.data
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.account.credential()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestStalePIDFileDoesNotBlockTheStart(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	s := start(t, quick(dir))
	shut(t, s)
	whole := fmt.Sprintf("%%d\n%s\n1790000000\n5432\n%s\n\n  5432001  5\nready   \n", s.place.data, s.place.socket)
	other := stranger(t, s.place)
	for name, content := range map[string]string{
		"of a living stranger":       fmt.Sprintf(whole, other),
		"of a stranger, cut short":   fmt.Sprintf("%d\n", other),
		"of a dead process":          fmt.Sprintf(whole, unusedPID-1),
		"of a single-user stranger":  fmt.Sprintf(whole, -other),
		"empty, from a full disk":    "",
		"without a number":           "\x00\x00\x00\n",
		"of the process that starts": fmt.Sprintf(whole, os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			plant(t, s.place, filepath.Join(s.place.data, pidFile), content)
			plant(t, s.place, filepath.Join(s.place.socket, socketName+".lock"), content)
			again := start(t, quick(dir))
			shut(t, again)
		})
	}
	if syscall.Kill(other, 0) != nil {
		t.Error("the stranger was hurt")
	}
}

// plant writes a file as Postgres would have left it.
func plant(t *testing.T, p place, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.account.give(path); err != nil {
		t.Fatal(err)
	}
}

func TestServerThatSomebodyElseStartedIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	s := start(t, quick(dir))
	shut(t, s)
	b, err := findBinaries(patient(t), nil, s.place.data)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := dataDir(t)
	if err := errors.Join(os.Mkdir(elsewhere, 0o700), s.place.account.give(elsewhere)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(b.postgres(), "-D", s.place.data, "-k", elsewhere)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.place.account.credential()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait()
	}()
	await(t, "it listens", func() bool { found, _ := s.place.look(); return found.status == statusReady })
	_, err = Start(patient(t), quick(dir))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", cmd.Process.Pid)) {
		t.Errorf("the error does not name it: %v", err)
	}
	if !worksIn(cmd.Process.Pid, s.place.data) {
		t.Error("it was stopped")
	}
}

func TestPathTooLongForASocketGetsAShortOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 30))
	c := spawn(t, dir)
	s := start(t, quick(dir))
	if s.DSN() != c.dsn {
		t.Errorf("attached at %s, started at %s", s.DSN(), c.dsn)
	}
	if err := open(t, s.DSN()).Ping(); err != nil {
		t.Error(err)
	}
	c.want("close", "closed")
	kill(t, s.PID())
	if err := s.Ensure(patient(t)); err != nil || s.DSN() != c.dsn {
		t.Errorf("started again at %s, %v", s.DSN(), err)
	}
	shut(t, s)
	if _, err := os.Lstat(s.place.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket's directory is left: %v", err)
	}
}

func TestPathMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`it's a "dir" \ of ours`, "one,two"} {
		parent := dataDir(t)
		if err := errors.Join(os.Mkdir(parent, 0o711), os.Chmod(parent, 0o711)); err != nil {
			t.Fatal(err)
		}
		copyCluster(t, filepath.Join(parent, name))
		s := start(t, quick(filepath.Join(parent, name)))
		if err := open(t, s.DSN()).Ping(); err != nil {
			t.Error(err)
		}
	}
}

func TestSweptSocketIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := start(t, quick(clusterDir(t)))
	if err := os.RemoveAll(s.place.socket); err != nil {
		t.Fatal(err)
	}
	if err := s.Ensure(patient(t)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, s.DSN()).Ping(); err != nil {
		t.Error(err)
	}
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := filepath.Join(dir, "postgres", "data.tmp")
	if err := os.MkdirAll(half, 0o711); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Dir(half)} {
		if err := os.Chmod(path, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, quick(dir))
}

func TestClusterOfAnotherVersionIsNeverTouched(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	s := start(t, quick(dir))
	shut(t, s)
	version := filepath.Join(s.place.data, "PG_VERSION")
	for content, want := range map[string]string{
		"9.6\n": "no version that Courant knows",
		"11\n":  "made by PostgreSQL 11",
	} {
		plant(t, s.place, version, content)
		_, err := Start(patient(t), quick(dir))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
		if after, _ := os.ReadFile(version); string(after) != content {
			t.Errorf("PG_VERSION became %q", after)
		}
	}
}

func TestMachineWithoutPostgresIsToldWhatToInstall(t *testing.T) {
	t.Parallel()
	o := quick(dataDir(t))
	o.Binaries = []string{t.TempDir()}
	_, err := Start(patient(t), o)
	if !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("told: %v", err)
	}
}

func TestFailedStartSaysWhatPostgresSaid(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	s := start(t, quick(dir))
	shut(t, s)
	plant(t, s.place, filepath.Join(s.place.data, "postgresql.conf"), "no_such_setting = 1\n")
	_, err := Start(patient(t), quick(dir))
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("said: %v", err)
	}
}

func TestLogStaysBounded(t *testing.T) {
	t.Parallel()
	s := start(t, quick(clusterDir(t)))
	path := s.place.file("server.log")
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.WriteString(strings.Repeat("x", maxLog) + "the newest\n"); err != nil {
		t.Fatal(err)
	}
	s.boundLog(patient(t))
	old, err := os.ReadFile(path + ".1")
	if err != nil || len(old) != maxLog || !strings.HasSuffix(string(old), "the newest\n") {
		t.Errorf("kept %d bytes, %v", len(old), err)
	}
	open(t, s.DSN()).Exec("no statement")
	now, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(now), "syntax error") || now[0] == 0 || len(now) > maxLog {
		t.Errorf("the log goes on with %.200q, %v", now, err)
	}
}

func TestAddressesInStatementsDoNotReachTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, quick(clusterDir(t)))
	db := open(t, s.DSN())
	if _, err := db.Exec("CREATE TABLE readers (email text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		db.Exec("INSERT INTO readers VALUES ('canary@example.com')")
	}
	log, err := os.ReadFile(s.place.file("server.log"))
	if err != nil || !strings.Contains(string(log), "duplicate key") {
		t.Fatalf("no error in the log, %v", err)
	}
	if strings.Contains(string(log), "canary") {
		t.Errorf("an address is in the log: %s", log)
	}
}

func TestStartGivesUpWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	s := start(t, quick(dir))
	unlock, err := lock(patient(t), s.place.file("start.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, quick(dir)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	unlock()
}

// asRoot skips a test that only root can make.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root has to give Postgres another OS user")
	}
}

func TestDirectoryThatPostgresCannotEnterIsNamed(t *testing.T) {
	t.Parallel()
	asRoot(t)
	closed := dataDir(t)
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(patient(t), quick(filepath.Join(closed, "state")))
	if err == nil || !strings.Contains(err.Error(), "may not enter "+closed+":") {
		t.Errorf("said: %v", err)
	}
	if info, err := os.Stat(closed); err != nil || info.Mode().Perm() != 0o700 {
		t.Error("a directory that is not ours was opened up")
	}
}

func TestRootRunsPostgresAsTheDirectorysOwner(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := dataDir(t)
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	ours := filepath.Join(dir, "postgres")
	if err := errors.Join(os.MkdirAll(ours, 0o711), os.Chmod(dir, 0o711), os.Chown(ours, uid, -1)); err != nil {
		t.Fatal(err)
	}
	s := start(t, quick(dir))
	if s.place.account.name != "nobody" {
		t.Errorf("Postgres runs as %s", s.place.account.name)
	}
}

func TestClusterOfRootIsRefused(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := dataDir(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(patient(t), quick(dir)); err == nil || !strings.Contains(err.Error(), "chown -R postgres "+data) {
		t.Errorf("said: %v", err)
	}
}

// TestOrdinaryUserHasItAllTheSame runs this file again as nobody, from a copy
// of the test binary that nobody can reach.
func TestOrdinaryUserHasItAllTheSame(t *testing.T) {
	asRoot(t)
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	home := filepath.Dir(dataDir(t))
	if err := errors.Join(os.Chown(home, uid, gid), os.Chmod(home, 0o700)); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip(err)
	}
	binary := filepath.Join(home, "local.test")
	if err := errors.Join(os.WriteFile(binary, self, 0o755), os.Chmod(binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.timeout=2m")
	cmd.Dir = home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + home, "HOME=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
