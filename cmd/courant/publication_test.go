package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

// TestSecondPublicationDoesNotMailTheFirstOnesReaders has two configs with one
// data_dir, as two configs of one account have by default.
func TestSecondPublicationDoesNotMailTheFirstOnesReaders(t *testing.T) {
	t.Parallel()
	hall := openHall(t)
	config := func(file, name, from string) string {
		text := fmt.Sprintf("name: %s\nfrom: %s\npostal_address: 1 Quay Street, Harbour City\ndata_dir: %s\nsmtp: {host: 127.0.0.1, port: 9, tls: none}\nlists:\n  readers: {}\n",
			name, from, filepath.Join(hall, "data"))
		path := filepath.Join(hall, file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := config("first.yaml", "Paper 1", "one@paper1.news")
	if r := tryIn(t, hall, "--config", first, "readers", "add", "r1@example.org"); r.code != exitDone {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	second := config("second.yaml", "Paper 2", "two@paper2.news")
	r := tryIn(t, hall, "--config", second, "readers", "list")
	if r.code != exitFailed || strings.Contains(r.stdout, "r1@") || !strings.Contains(r.stderr, `holds the readers of "Paper 1" (one@paper1.news)`) || !strings.Contains(r.stderr, "data_dir of its own") {
		t.Errorf("the second paper: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := tryIn(t, hall, "--config", second, "check"); !strings.Contains(r.stdout, `wrong  data_dir`) {
		t.Errorf("check says nothing of it:\n%s", r.stdout)
	}
	// A new name or a new sender is the same paper, one after the other as well.
	for _, c := range [][2]string{{"Paper One", "one@paper1.news"}, {"Paper One", "news@paperone.news"}} {
		renamed := config("first.yaml", c[0], c[1])
		if r := tryIn(t, hall, "--config", renamed, "readers", "list"); r.code != exitDone || !strings.Contains(r.stdout, "r1@example.org") {
			t.Errorf("%s: exit %d\n%s%s", c, r.code, r.stdout, r.stderr)
		}
	}
}

// TestPrivatePostgresDoesNotHeedOtherServersEnvironment sets what the
// libraries of Postgres listen to.
func TestPrivatePostgresDoesNotHeedOtherServersEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"PGSERVICE": "other", "PGHOSTADDR": "192.0.2.1", "PGCLIENTENCODING": "LATIN1", "PGTARGETSESSIONATTRS": "standby", "PGDATESTYLE": "bad", "PGCONNECT_TIMEOUT": "abc",
	} {
		t.Setenv(name, value)
	}
	hall := openHall(t)
	path := filepath.Join(hall, "courant.yaml")
	text := fmt.Sprintf("name: Paper\nfrom: news@paper.news\npostal_address: 1 Quay Street\ndata_dir: %s\n", filepath.Join(hall, "data"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := tryIn(t, hall, "--config", path, "migrate"); r.code != exitDone {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// TestExampleThatWasNotFilledInSendsNothing has a config of examples only: it
// is right as such, and no use for sending.
func TestExampleThatWasNotFilledInSendsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("fetch")
	d.relay = "{host: smtp.example.com, port: 2525, tls: none, allow_cleartext: true}"
	d.configure()
	d.withConfig("url: http://"+d.listen, "url: https://news.example.com", func() {
		for _, args := range [][]string{{"send", "morning"}, {"send", "morning", "--only", "me@example.org"}, {"deliver", "--drain"}, {"serve", "--only", "deliver"}} {
			r := d.try(args...)
			if r.code != exitFailed || !strings.Contains(r.stderr, "is a domain for examples, so nothing is sent") {
				t.Errorf("%s: exit %d, %s", args, r.code, r.stderr)
			}
		}
		if r := d.try("check", "--offline"); r.code != exitDone {
			t.Errorf("check: exit %d, %s%s", r.code, r.stdout, r.stderr)
		}
	})
	if n := d.scalar(t, `SELECT count(*) FROM editions WHERE $1 <> ''`, "all"); n != "0" {
		t.Errorf("%s editions were made", n)
	}
}

// TestInitGivesASecondPublicationADataDirOfItsOwn is init for an account that
// has two publications already.
func TestInitGivesASecondPublicationADataDirOfItsOwn(t *testing.T) {
	t.Parallel()
	usual := filepath.Join(t.TempDir(), "courant")
	for n, want := range []string{"", usual + "-2", usual + "-3"} {
		c := Config{Name: fmt.Sprintf("Paper %d", n), DataDir: want}
		c.From.Address = fmt.Sprintf("news@paper%d.news", n)
		if got := (draft{Name: c.Name, From: c.From}).ownDataDir(usual); got != want {
			t.Errorf("publication %d is to live in %q, want %q", n, got, want)
		}
		if want == "" {
			c.DataDir = usual
		}
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := c.claimData(); err != nil {
			t.Fatal(err)
		}
		if text := (draft{Name: c.Name, DataDir: want}).yaml(); strings.Contains(text, "\ndata_dir: ") != (want != "") {
			t.Errorf("publication %d has the config\n%s", n, text)
		}
	}
}
