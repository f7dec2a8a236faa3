package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"courant/digest/smtpsink"
)

func TestZoneOfAReaderThatIsMisspeltIsOffered(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{
		"America/New_Yrok": `time zone "America/New_Yrok" is not known; did you mean "America/New_York"?`,
		"lisbon":           `time zone "lisbon" is not known; did you mean "Europe/Lisbon"?`,
		"Mars/Olympus":     `time zone "Mars/Olympus" is not known: use a name such as`,
	} {
		if err := checkZone(zone); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", zone, err, want)
		}
	}
	if err := checkZone("Europe/Berlin"); err != nil {
		t.Error(err)
	}
}

// exported is an export of Mailchimp as it comes: an archive of three tables.
func exported(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, table := range map[string]string{
		"subscribed_members_export_1.csv":   "Email Address,First Name,OPTIN_TIME,LEID,EUID\nann@example.org,Ann,2024-01-02 03:04:05,1,a\nbob@example.org,Bob,,2,b\nno address,Cy,,3,c\n",
		"unsubscribed_members_export_1.csv": "Email Address,First Name,UNSUB_TIME,UNSUB_REASON,LEID,EUID\ndi@example.org,Di,2024-05-01 00:00:00,,4,d\ned@example.org,Ed,2024-05-01 00:00:00,ABUSE,5,e\n",
		"cleaned_members_export_1.csv":      "Email Address,First Name,CLEAN_TIME,LEID,EUID\nflo@example.org,Flo,2024-05-01 00:00:00,6,f\n",
	} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, table); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audience_export.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExportOfAnotherProgramIsImportedAsItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	file, report := exported(t, d.dir), filepath.Join(d.dir, "report.csv")
	const sums = "readers: 2 added, 0 updated, 0 unchanged, 0 stay away (left), 0 get no mail (suppressed), 3 gone (the file says so), 0 repeated, 1 not imported"
	r := d.try("readers", "import", file, "--dry-run", "--report", report)
	if r.code != 1 || !strings.Contains(r.stdout, sums+" (a dry run, nothing was changed)") ||
		!strings.Contains(r.stderr, `subscribed_members_export_1.csv, line 4: email "no address": an address looks like name@example.org`) ||
		!strings.Contains(r.stderr, "an export of Mailchimp") {
		t.Errorf("a dry run gives %+v", r)
	}
	if text, err := os.ReadFile(report); err != nil || strings.Count(string(text), "\n") != 5 ||
		!strings.Contains(string(text), "cleaned_members_export_1.csv,2,away,the file says that the address gets no mail: bounced") {
		t.Errorf("the report, %v:\n%s", err, text)
	}
	if out := d.must("readers", "list"); strings.Contains(out, "@") {
		t.Errorf("a dry run left readers:\n%s", out)
	}
	if r := d.try("readers", "import", file, "--consent", "Mailchimp, form of the site"); r.code != 1 || !strings.Contains(r.stdout, sums+"\n") {
		t.Errorf("the import gives %+v", r)
	}
	out := d.must("readers", "export")
	for _, want := range []string{"ann@example.org,Ann,", `"Mailchimp, form of the site: Mailchimp, signed up 2024-01-02 03:04:05"`, "di@example.org,Di,,,,,unsubscribed,"} {
		if !strings.Contains(out, want) {
			t.Errorf("the export lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "ed@") || strings.Contains(out, "flo@") {
		t.Errorf("who complained or bounced elsewhere is on the list:\n%s", out)
	}
	for _, wrong := range [][]string{{"--map", "x"}, {"--map", "x=y"}, {"--encoding", "utf-88"}} {
		if r := d.try(append([]string{"readers", "import", file}, wrong...)...); r.code == 0 || !strings.HasPrefix(r.stderr, "courant: ") {
			t.Errorf("%v gives %+v", wrong, r)
		}
	}
}

// A file of many portions, whose import is killed in its midst, is imported
// again: it goes on, and every line is in exactly once.
func TestImportThatWasKilledGoesOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	const count = 5*importPortion + 7
	var b strings.Builder
	b.WriteString("email,name\n")
	for i := range count {
		fmt.Fprintf(&b, "r%d@example.org,Reader %d\n", i, i)
	}
	file := filepath.Join(d.dir, "many.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	killed := d.start("readers", "import", file)
	d.until("a portion to be in", func() bool { return d.query(`SELECT count(*) FROM imports`) == "1" })
	if err := killed.signal(syscall.SIGKILL); err == nil {
		t.Fatal("the import ended before it was killed")
	}
	r := d.try("readers", "import", file)
	if want := fmt.Sprintf("readers: %d added, 0 updated, 0 unchanged", count); r.code != 0 || !strings.Contains(r.stdout, want) {
		t.Errorf("the second import gives %+v", r)
	}
	at := regexp.MustCompile(`many.csv: up to line (\d+) it was imported before; going on behind that`).FindStringSubmatch(r.stderr)
	if at == nil || at[1] == "0" {
		t.Errorf("the second import doesn't say where it goes on:\n%s", r.stderr)
	}
	if n := d.query(`SELECT count(*) FROM reader_events WHERE kind = 'imported'`); n != strconv.Itoa(count) {
		t.Errorf("%s events, want %d", n, count)
	}
	if out := d.must("readers", "import", file); !strings.Contains(out, fmt.Sprintf("%d unchanged", count)) || strings.Contains(out, "going on") {
		t.Errorf("a third import says\n%s", out)
	}
}
