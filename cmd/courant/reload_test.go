package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// until waits for words in the log of a process.
func (p *process) until(words string) {
	p.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !strings.Contains(p.log.String(), words); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the log never says %q:\n%s", words, p.log)
		}
	}
}

// hup sends SIGHUP.
func (p *process) hup() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
}

func (d *desk) put(old, now string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil || !strings.Contains(string(text), old) {
		d.t.Fatalf("the config has no %q, %v", old, err)
	}
	d.write("courant.yaml", strings.ReplaceAll(string(text), old, now))
}

func TestConfigThatChangesTakesForceAndAWrongOneIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("fetch")
	socket := notifySockets(t)[0]
	hears1, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := hears1.Close(); err != nil {
			t.Error(err)
		}
	})
	d.env = append(d.env, "NOTIFY_SOCKET="+socket)
	p := d.start("serve")
	d.env = nil
	d.ready(p)
	p.until("answering scrapes")

	d.put("max_articles: 10", "max_articles: ten")
	p.hup()
	p.until("config refused, the one before stays in force")
	if log := p.log.String(); !strings.Contains(log, "courant.yaml:") || !strings.Contains(log, "key=digests.morning.max_articles") {
		t.Errorf("the log does not say where:\n%s", log)
	}
	if text := d.scrape(); !strings.Contains(text, "\ncourant_config_ok 0\n") {
		t.Error("courant_config_ok is not 0")
	}
	if r := d.try("status"); r.code != exitFailed || !strings.Contains(r.stderr, "max_articles") || !strings.Contains(r.stderr, "works by the config it had before") {
		t.Errorf("status: exit %d, %s", r.code, r.stderr)
	}
	for _, want := range []string{"READY=1", "RELOADING=1", "STATUS=The config is refused", "READY=1"} {
		if got := hears(t, hears1); !strings.HasPrefix(got, want) {
			t.Errorf("systemd hears %q, want %q", got, want)
		}
	}

	// Put right, with another listener, by the file alone.
	d.put("max_articles: ten", "max_articles: 7")
	d.put("listen: "+d.listen, "listen: "+freeAddress(t))
	p.until("another config is in force")
	p.until(`keys=listen`)
	if text := d.scrape(); !strings.Contains(text, "\ncourant_config_ok 1\n") {
		t.Error("courant_config_ok is not 1")
	}
	d.ready(p) // at the address it began with
	file, aside := filepath.Join(d.dir, "courant.yaml"), filepath.Join(d.dir, "aside.yaml")
	if err := errors.Join(os.Rename(file, aside), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	p.hup()
	p.until("is a directory; put the file back in its place")
	if err := errors.Join(os.Remove(file), os.Rename(aside, file)); err != nil {
		t.Fatal(err)
	}
	p.hup()
	d.until("the config to be in force again", func() bool { return strings.Contains(d.scrape(), "\ncourant_config_ok 1\n") })
	if r := d.try("status", "--json"); r.code != exitDone || !strings.Contains(r.stdout, `{"kind":"config","ok":true,`) {
		t.Errorf("status: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		t.Errorf("it ended with %v\n%s", err, p.log)
	}
}

// TestRelayThatChangesInMidRunDropsNoMailInFlight moves the delivery to another
// relay while the first has not answered its final dots yet.
func TestRelayThatChangesInMidRunDropsNoMailInFlight(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	fast := d.relay
	slow := startRelay(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRecorded, Do: smtpsink.Action{Do: smtpsink.Stall}})}, d.receiver())
	d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: 2}", slow.Port())
	d.configure()
	d.feed.put(item{"The mole is mended", "/1", "<ul><li>Ships come in again.</li><li>The master is glad.</li></ul>"})
	d.must("fetch")
	const readers = 12
	list := "email\n"
	for i := range readers {
		list += fmt.Sprintf("r%d@example.org\n", i)
	}
	d.must("readers", "import", d.write("readers.csv", list))
	p := d.start("serve", "--only", "deliver,web")
	d.ready(p)
	by := &program{stdout: p.log, stderr: p.log, env: os.LookupEnv, now: time.Now, configFile: filepath.Join(d.dir, "courant.yaml")}
	err := by.with(t.Context(), slog.New(slog.DiscardHandler), func(h *house) error {
		_, err := h.publisher().Extra(t.Context(), h.config.Digests[0])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := slow.WaitStalled(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	d.put(d.relay, fast)
	p.hup()
	p.until("another config is in force")
	slow.Release()
	count := `SELECT count(*) FROM deliveries WHERE state = 'accepted'`
	for deadline := time.Now().Add(90 * time.Second); d.query(count) != fmt.Sprint(readers); <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s of %d were accepted\n%s", d.query(count), readers, p.log)
		}
	}
	for i := range readers {
		to := fmt.Sprintf("r%d@example.org", i)
		if n := len(slow.To(to)) + len(d.sink.To(to)); n != 1 {
			t.Errorf("%s got %d mails", to, n)
		}
	}
	if n := d.query(`SELECT count(*) FROM deliveries WHERE resends > 0 OR state = 'in doubt'`); n != "0" {
		t.Errorf("%s were in doubt", n)
	}
	if d.query(`SELECT max(attempts) FROM deliveries`) != "1" {
		t.Error("a mail was tried twice")
	}
}
