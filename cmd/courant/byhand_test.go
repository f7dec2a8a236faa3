package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

func TestDigestWithoutAScheduleIsCheckedPlannedAndSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	file := filepath.Join(d.dir, "courant.yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d.write("courant.yaml", strings.Replace(string(config), "    schedule: \"0 7 * * *\"\n", "", 1)+`
  daily: {title: Daily, schedule: "0 8 * * *", time_zone: UTC, lists: [readers], categories: [World]}
`)
	d.must("readers", "add", "ann@example.org")
	d.tell("Harbour closes for repairs")
	if out := d.must("check"); !strings.Contains(out, "no schedule: it goes out by `courant send morning`") {
		t.Errorf("check says:\n%s", out)
	}
	if out := d.must("plan", "--days", "2", "--json"); !strings.Contains(out, `"digest":"daily"`) || strings.Contains(out, `"digest":"morning"`) {
		t.Errorf("plan says:\n%s", out)
	}
	d.must("send", "morning")
	if n := len(d.sink.To("ann@example.org")); n != 1 {
		t.Errorf("the reader has %d mails", n)
	}
}

func TestFaultsShowNoSecretHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for i, line := range []string{
		`database: "host=h password=CANARY user=x"`,
		`database: "postgres://u:p CANARY@h/x"`,
		`database: "u:CANARY@h/x"`,
		"smtp:\n  host: 127.0.0.1\n  password: |\n\tCANARY",
		"smtp:\n  host: 127.0.0.1\n  password: >\n    a\n CANARY",
		"smtp:\n  host: 127.0.0.1\n  password: *CANARY",
	} {
		file := filepath.Join(t.TempDir(), "courant.yaml")
		text := "name: Example News\nfrom: news@example.com\npostal_address: 1 Example Street\n" + line + "\nno_such_key: 1\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, warnings, err := loadConfig(file, testEnv, testHooks())
		if said := fmt.Sprint(err, warnings); err == nil || strings.Contains(said, "CANARY") {
			t.Errorf("row %d tells the secret, or nothing:\n%s", i, said)
		}
	}
}
