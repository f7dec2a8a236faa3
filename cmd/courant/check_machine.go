package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"courant/digest"
	"courant/digest/web"

	"golang.org/x/sys/unix"
)

// configMode looks at who may change the config: whoever may, sends mail in
// our name.
func configMode(file string) digest.Finding {
	f := digest.Finding{What: "config file", Subject: file}
	info, err := os.Stat(file)
	if err != nil {
		return f.Look(err.Error(), "look what became of it; it was read a moment ago")
	}
	mode := info.Mode().Perm()
	if mode&0o022 != 0 {
		return f.Look(fmt.Sprintf("accounts besides its owner may change it (mode %04o)", mode), "chmod go-w "+file)
	}
	return f.OK(fmt.Sprintf("mode %04o", mode))
}

// existing is the directory itself, or the nearest one above that is there.
func existing(dir string) (string, error) {
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return dir, fmt.Errorf("%s is no directory", dir)
		case err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			return dir, err
		}
		dir = filepath.Dir(dir)
	}
}

// dataDir is whether data_dir can be written, and is this publication's.
func (c Config) dataDir() digest.Finding {
	if err := c.foreignData(); err != nil {
		what, next, _ := strings.Cut(err.Error(), "; ")
		return digest.Finding{What: "data_dir", Subject: c.DataDir}.Wrong(what, next)
	}
	return writable(c.DataDir)
}

// writable asks the kernel, which knows of access lists and read-only mounts.
func writable(dir string) digest.Finding {
	f := digest.Finding{What: "data_dir", Subject: dir}
	at, err := existing(dir)
	if err != nil {
		return f.Wrong(err.Error(), "set data_dir to a directory that this account may use")
	}
	if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
		return f.Wrong(fmt.Sprintf("this account may not write in %s (%v)", at, err), "give the directory to the account that runs Courant (chown), or set data_dir to another")
	}
	if at != dir {
		return f.OK("made at first use")
	}
	return f.OK("can be written")
}

// The marks below which a disk is full enough to say so. Postgres stops when
// it can't write its log; feeds and ledger of a small list take some megabytes
// a day.
const (
	littleDisk = 2 << 30
	fullDisk   = 200 << 20
)

func freeDisk(dir string) digest.Finding {
	f := digest.Finding{What: "disk", Subject: dir}
	at, err := existing(dir)
	if err != nil {
		return f.Wrong(err.Error(), "set data_dir to a directory that this account may use")
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(at, &disk); err != nil {
		return f.Look(fmt.Sprintf("how much is free cannot be asked (%v)", err), "look with df -h "+at)
	}
	size := uint64(disk.Bsize)
	return diskFinding(f, disk.Bavail*size, disk.Blocks*size)
}

func diskFinding(f digest.Finding, free, total uint64) digest.Finding {
	text := fmt.Sprintf("%s free of %s", gigabytes(free), gigabytes(total))
	switch next := "make room, or set data_dir to a larger disk; Postgres stops when it cannot write"; {
	case free < fullDisk:
		return f.Wrong(text, next)
	case free < littleDisk || free < total/10:
		return f.Look(text, next)
	}
	return f.OK(text)
}

func gigabytes(n uint64) string {
	if n < 1e9 {
		return fmt.Sprintf("%d MB", n/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// secretFile looks at the file behind all links. Whether it is the database's
// is a row of the database.
func (s *surroundings) secretFile() digest.Finding {
	f := digest.Finding{What: "secret_file", Subject: s.config.SecretFile}
	switch err := s.keysErr; {
	case errors.Is(err, fs.ErrNotExist):
		return f.OK("made at first use")
	case err != nil:
		text, next, found := strings.Cut(err.Error(), "; ")
		if !found {
			next = "set data_dir or secret_file to where it is"
		}
		return f.Wrong(text, next)
	}
	return f.OK(fmt.Sprintf("there, for its owner only; %d token keys", len(s.keys.Tokens)))
}

// signingKeys loads the keys as a delivery would.
func (s *surroundings) signingKeys() digest.Finding {
	f := digest.Finding{What: "DKIM keys"}
	if _, err := s.config.signer(); err != nil {
		text := strings.TrimPrefix(err.Error(), "load ")
		if at := strings.LastIndex(text, ": "); at > 0 {
			return f.Wrong(text[:at], text[at+2:])
		}
		return f.Wrong(text, "look at key_file under dkim")
	}
	return f.OK(fmt.Sprintf("%d can sign", len(s.config.SigningKeys)))
}

// listening tries the port of the readers' pages. One that is taken is fine
// when the pages behind it are ours.
func (s *surroundings) listening(ctx context.Context) digest.Finding {
	f := digest.Finding{What: "listen", Subject: s.config.Listen}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Listen)
	switch {
	case err == nil:
		if err := l.Close(); err != nil {
			return f.Look(err.Error(), "try again")
		}
		return f.OK("free; `courant serve` takes it")
	case errors.Is(err, syscall.EADDRINUSE):
		probe := web.Probe{Keys: s.keys, Now: s.now}
		if at, ok := s.reachable(); ok && s.keys != nil && probe.Answers(ctx, at) {
			return f.OK("Courant answers there")
		}
		return f.Wrong("taken by another program, or by another Courant", "stop that program (ss -ltnp shows it), or set listen to a free port")
	case errors.Is(err, syscall.EACCES):
		return f.Wrong("this account may not listen there", "take a port from 1024 on and lead the proxy to it")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return f.Wrong(err.Error(), "set listen to an address of this machine")
}

// reachable is where a listener of ours can be asked from this machine.
func (s *surroundings) reachable() (netip.AddrPort, bool) {
	host, port, err := net.SplitHostPort(s.config.Listen)
	if err != nil {
		return netip.AddrPort{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(ip, uint16(n)), true
}

// timeZones looks at the rules that slots are computed by: the system's, else
// those built in. Governments change them, some with a month's notice.
func timeZones(digests []digest.Digest, now time.Time) digest.Finding {
	f := digest.Finding{What: "time zones"}
	for _, d := range digests {
		if d.TimeZone == digest.ZoneReader || d.TimeZone == "" {
			continue
		}
		if _, err := time.LoadLocation(d.TimeZone); err != nil {
			return f.Wrong(err.Error(), "write time_zone of "+d.Name+" like Europe/Berlin")
		}
	}
	for _, dir := range []string{"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"} {
		if _, err := os.Stat(filepath.Join(dir, "Europe")); err == nil {
			return zoneVersion(f, dir, now)
		}
	}
	return f.OK("the rules built into Courant")
}

// zoneVersion reads the release of a zone database, such as 2026a, from where
// packages keep it.
func zoneVersion(f digest.Finding, dir string, now time.Time) digest.Finding {
	release := ""
	for _, name := range []string{"tzdata.zi", "+VERSION"} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		line, _ := bufio.NewReader(file).ReadString('\n') // a short file is no version
		file.Close()                                      // only read from
		release = strings.TrimSpace(strings.TrimPrefix(line, "# version "))
		break
	}
	text := "the rules in " + dir
	if len(release) < 5 || len(release) > 12 {
		return f.OK(text)
	}
	text += ", release " + release
	if year, err := strconv.Atoi(release[:4]); err == nil && now.Year()-year > 2 {
		return f.Look(text+", which is old", "bring the package tzdata up to date")
	}
	return f.OK(text)
}
