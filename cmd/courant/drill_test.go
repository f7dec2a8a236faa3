package main

import (
	"database/sql"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"courant/digest/smtpsink"
	"courant/store/storetest"

	_ "github.com/lib/pq"
)

// chapter are the fenced blocks of a language below a heading of operators.md.
func chapter(t *testing.T, heading, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("operators.md has no chapter %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var blocks []string
	page := docPage{text: rest}
	all, _ := page.blocks()
	for _, b := range all {
		if b.language == language {
			blocks = append(blocks, b.text)
		}
	}
	return blocks
}

// drill is one machine that keeps its files where a test may, and knows the
// accounts and units of the docs by name only.
type drill struct {
	*desk
	root string // stands for /
}

// newDrill installs Courant with a Postgres of its own.
func newDrill(t *testing.T) *drill {
	t.Helper()
	for _, name := range []string{"pg_dump", "pg_restore", "pg_isready", "psql"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is not here; make need brings it with Postgres", name)
		}
	}
	// Not t.TempDir: its path is long for a socket, and closed to the account
	// that runs Postgres for root.
	root, err := os.MkdirTemp("", "courant-drill-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(root, 0o711); err != nil {
		t.Fatal(err)
	}
	d := &drill{desk: newDesk(t, smtpsink.Options{}), root: root}
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bin/runuser":   "shift 3; exec \"$@\"", // -u courant --
		"bin/systemctl": "exit 0",               // the test sees to what runs
		"bin/courant":   "exec " + program + ` "$@"`,
	} {
		d.put(name, "#!/bin/sh\n"+text+"\n", 0o755)
	}
	d.configure()
	config, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^database: .*$`).ReplaceAllString(string(config), `database: ""`)
	text = regexp.MustCompile(`(?m)^data_dir: .*$`).ReplaceAllString(text, "data_dir: "+filepath.Join(root, "var/lib/courant"))
	d.write("courant.yaml", text)
	d.put("etc/courant/courant.yaml", strings.ReplaceAll(text, "key_file: ", "key_file: "+d.dir+"/"), 0o600)
	return d
}

func (d *drill) put(name, text string, mode os.FileMode) {
	d.t.Helper()
	path := filepath.Join(d.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		d.t.Fatal(err)
	}
}

// follow runs a block of the docs as it stands, but for where / is and who
// owns what.
func (d *drill) follow(block string) {
	d.t.Helper()
	for _, dir := range []string{"/var/lib/courant", "/backup", "/etc/courant"} {
		block = strings.ReplaceAll(block, dir, d.root+dir)
	}
	// Started by root, Postgres runs as an account that must pass; in the docs
	// the directory is that account's own.
	block = strings.NewReplacer("-m 750 -o courant -g courant ", "-m 711 ", "-o courant -g courant ", "").Replace(block)
	// What a block leaves running ends with it, however it ends.
	block = "trap 'test -z \"${!:-}\" || { kill $!; wait $!; }' EXIT\n" + block
	c := exec.CommandContext(d.t.Context(), "/bin/sh", "-eux", "-c", block)
	c.Env = append(os.Environ(), "COURANT_CLOCK=0s", "PATH="+filepath.Join(d.root, "bin")+":"+os.Getenv("PATH"))
	if out, err := c.CombinedOutput(); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
}

// lose takes data_dir away, as a broken disk would.
func (d *drill) lose(as string) {
	d.t.Helper()
	if err := os.Rename(filepath.Join(d.root, "var/lib/courant"), filepath.Join(d.root, as)); err != nil {
		d.t.Fatal(err)
	}
}

func TestBackupIsRestoredByTheCommandsOfTheDocs(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	blocks, statements := chapter(t, "Backup and restore", "sh"), chapter(t, "Backup and restore", "sql")
	if len(blocks) != 4 || len(statements) != 0 {
		t.Fatalf("the chapter has %d blocks and %d statements; this test knows 4 and 0", len(blocks), len(statements))
	}
	d.must("readers", "add", "ann@example.org")
	d.feed.put(item{title: "Harbour closes for repairs", path: "/harbour", html: points})
	d.must("fetch")
	d.must("send", "morning")
	link := unsubscribeLink(t, d.sink.To("ann@example.org")[0].Body)
	// An edition that is open at the backup: nobody takes its mail.
	d.feed.put(item{title: "Market hall sold to the city", path: "/market", html: strings.ReplaceAll(points, "harbour", "market")})
	d.must("fetch")
	d.relayAway()
	if r := d.try("send", "morning"); r.code != exitFailed {
		t.Fatalf("send with a relay that is away: exit %d\n%s", r.code, r.stderr)
	}
	before := d.must("why", "ann@example.org", "--json")
	serve := d.start("serve", "--only", "web")
	d.ready(serve)
	d.follow(blocks[0])
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	d.follow(blocks[1])
	d.must("readers", "add", "late@example.org") // after the backup

	d.lose("broken")
	d.follow(blocks[2])
	if after := d.must("why", "ann@example.org", "--json"); after != before {
		t.Errorf("why says after the restore\n%s\nand before\n%s", after, before)
	}
	d.follow(blocks[2]) // into a database that has a ledger
	if after := d.must("why", "ann@example.org", "--json"); after != before {
		t.Errorf("why says after the second restore\n%s\nand before\n%s", after, before)
	}
	if out := d.must("readers", "list"); strings.Contains(out, "late@") {
		t.Errorf("the restore has what came after the backup:\n%s", out)
	}
	d.must("check")
	d.relayBack()
	serve = d.start("serve")
	d.ready(serve)
	d.until("the copy to be seen", func() bool { return strings.Contains(serve.log.String(), "not adopted") })
	sentence(t, d.try("deliver", "--drain"), exitFailed, "not adopted", "may be a restored copy", "courant adopt")
	if n := d.sink.Count(); n != 1 {
		t.Errorf("%d mails went out of a copy that was not adopted", n-1)
	}
	d.follow(blocks[3])
	d.until("what was open to be given up", func() bool { return !strings.Contains(d.must("status", "--json"), `"state":"sending"`) })
	d.must("deliver", "--drain")
	if n := d.sink.Count(); n != 1 {
		t.Errorf("%d mails went out, the edition that was given up among them", n)
	}
	resp, err := http.Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("a link of before the loss: %v, %v", resp, err)
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}

	d.lose("second")
	d.follow("cp -a /backup/data /var/lib/courant")
	if after := d.must("why", "ann@example.org", "--json"); after != before {
		t.Errorf("why says of the copy\n%s\nand before\n%s", after, before)
	}
	sentence(t, d.try("deliver", "--drain"), exitFailed, "not adopted", "was copied from another place")
	if out := d.must("adopt"); !strings.Contains(out, "1 deliveries") {
		t.Errorf("adopt says %s", out)
	}
	d.must("deliver", "--drain")
	if n := len(d.sink.To("ann@example.org")); n != 2 {
		t.Errorf("the reader has %d mails, want the one of before and what was open", n)
	}
	// Without the secret that belongs to it the database is refused.
	if err := os.Remove(filepath.Join(d.root, "var/lib/courant/secret")); err != nil {
		t.Fatal(err)
	}
	if r := d.try("why", "ann@example.org"); r.code != exitFailed || !strings.Contains(r.stderr, "secret_file is not the one this database was used with") {
		t.Errorf("with a fresh secret: exit %d, %s", r.code, r.stderr)
	}
}

// relayAway leads the config to a port where nobody is, relayBack to the sink.
func (d *drill) relayAway() { d.relayTo(d.relay, "{host: 127.0.0.1, port: 1, tls: none}") }
func (d *drill) relayBack() { d.relayTo("{host: 127.0.0.1, port: 1, tls: none}", d.relay) }

func (d *drill) relayTo(from, to string) {
	d.t.Helper()
	config, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("courant.yaml", strings.Replace(string(config), from, to, 1))
}

// Statements that the docs give are taken by the schema as it is.
func TestStatementsOfTheDocsAreTaken(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	storetest.Open(t, dsn) // which makes the schema
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	found := 0
	for _, p := range docs(t) {
		blocks, rest := p.blocks()
		var statements []string
		for _, b := range blocks {
			if b.language == "sql" {
				statements = append(statements, b.text)
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(rest, -1) {
			if strings.HasPrefix(m[1], "SELECT ") || strings.HasPrefix(m[1], "UPDATE ") {
				statements = append(statements, m[1])
			}
		}
		for _, s := range statements {
			found++
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Errorf("%s: %v\n%s", p.path, err, s)
			}
		}
	}
	if found < 2 {
		t.Errorf("only %d statements were found in the docs", found)
	}
}

// What operators.md says one may see is said somewhere in the program.
func TestWhatOperatorsSeeIsSaid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## When something is wrong\n")
	if !found {
		t.Fatal("operators.md doesn't say what to do when something is wrong")
	}
	var source strings.Builder
	for _, f := range readHouse(t, "../..") {
		if f.isTest() {
			continue
		}
		code, err := os.ReadFile(filepath.Join("../..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		source.Write(code)
	}
	said := 0
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			said++
			if !strings.Contains(source.String(), m[1]) {
				t.Errorf("%q is said nowhere", m[1])
			}
		}
	}
	if said < 8 {
		t.Errorf("only %d sentences were found", said)
	}
}
