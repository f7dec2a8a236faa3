package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"courant/digest"
	"courant/digest/ingest"
	"courant/digest/render"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// canary is in every secret of these tests; no output may hold it.
const canary = "canary"

func testEnv(name string) (string, bool) {
	value, ok := map[string]string{
		"HOME": "/home/editor", "SMTP_PASSWORD": canary + "-env", "EMPTY": "",
	}[name]
	return value, ok
}

// testHooks judge schedules as the room does, and agree to every subject.
func testHooks() configHooks {
	return configHooks{Schedule: checkSchedule, PointSelector: ingest.CheckSelector, DropLine: ingest.CheckDrop}
}

// configDir is a directory with the files that configs name: password and
// dkim.pem as they should be, and what can be wrong with such files.
func configDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	dkim := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for name, file := range map[string]struct {
		text []byte
		mode os.FileMode
	}{
		"password":          {[]byte(canary + "-file\n"), 0o600},
		"smtp-password":     {[]byte(canary + "-file\n"), 0o600},
		"password-open":     {[]byte(canary + "-file\n"), 0o644},
		"password-none":     {[]byte("\n"), 0o600},
		"password-two":      {[]byte(canary + "\n" + canary + "\n"), 0o600},
		"password-huge":     {make([]byte, maxSecretFile+1), 0o600},
		"cms.token":         {[]byte(canary + "-of-the-newsroom\n"), 0o600},
		"cms-other.token":   {[]byte(canary + "-of-another-room\n"), 0o600},
		"subdirectory/file": {nil, 0o600},
		"dkim.pem":          {dkim, 0o600},
		"dkim-open.pem":     {dkim, 0o644},
		"dkim-none.pem":     {[]byte("ssh-rsa " + canary), 0o600},
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.text, file.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, file.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "templates"), os.DirFS("testdata/templates")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"templates/none", "templates/link/mail", "templates/large/mail"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "password"), filepath.Join(dir, "templates/link/mail/standard.html")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "templates/large/mail/standard.txt"), make([]byte, 200<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// loadText loads a config from its text.
func loadText(t testing.TB, dir, name, text string) (Config, []Fault, error) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, testEnv, testHooks())
}

func TestEveryMisconfigurationIsToldWithItsLine(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	inputs, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(inputs) < 40 {
		t.Fatalf("%d fixtures in testdata/config, %v", len(inputs), err)
	}
	for _, input := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(input), ".yaml"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(told(loadText(t, dir, filepath.Base(input), string(text))), dir+"/", "")
			if strings.Contains(got, canary) {
				t.Errorf("a secret is told:\n%s", got)
			}
			compareGolden(t, strings.TrimSuffix(input, ".yaml")+".want", got)
		})
	}
}

// told is all that a load says, as an editor reads it.
func told(_ Config, warnings []Fault, err error) string {
	var b strings.Builder
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	for _, w := range warnings {
		fmt.Fprintln(&b, "warning:", w)
	}
	return b.String()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func exampleConfig(t testing.TB) (text string) {
	t.Helper()
	b, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExampleConfigLoads(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	c, warnings, err := loadText(t, dir, "courant.yaml", exampleConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "domain for examples") {
			t.Errorf("warning: %v", w)
		}
	}
	want := digest.Digest{
		Name: "morning", Title: "Morning Brief", Schedule: "0 7 * * 1-5", TimeZone: "Europe/Berlin", Language: "en",
		Lists: []string{"readers"}, Categories: []string{"Military", "World"}, MaxArticles: 10, MinArticles: 1, Layout: "standard",
		HomeZone: "UTC", Order: digest.Newest, HalfLife: 12 * time.Hour,
		Subject: "{{.Title}}: {{.Lead.Title}}", CatchUp: digest.CatchUpLatest, MaxLateness: 12 * time.Hour, FreshUntil: 24 * time.Hour,
		Skip: []digest.DateRange{{From: digest.Date{Year: 2026, Month: 12, Day: 24}, To: digest.Date{Year: 2027, Month: 1, Day: 2}}}, Archive: digest.ArchiveNoindex,
	}
	if len(c.Digests) != 1 || !reflect.DeepEqual(c.Digests[0], want) {
		t.Errorf("digests: %+v\nwant %+v", c.Digests, want)
	}
	relay := c.Relays[0]
	if relay.Password.reveal() != canary+"-file" || relay.Limits[1] != (Limit{14000, 24 * time.Hour}) || relay.TLS != TLSStart {
		t.Errorf("relay: %+v, limits %v", relay, relay.Limits)
	}
	if c.SigningKeys[0].KeyFile != filepath.Join(dir, "dkim.pem") {
		t.Errorf("key file %q is not in the config's directory", c.SigningKeys[0].KeyFile)
	}
}

// The example's keys with the example's values taken away must give the same
// config: what it calls a default is one.
func TestExampleConfigShowsTheDefaults(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	whole := exampleConfig(t)
	defaults := regexp.MustCompile(`(?m)^ *(language|database|data_dir|secret_file|listen|desk_listen|trusted_proxies|port|tls|allow_cleartext|connections|weight|in_doubt|lease|fresh_until|ledger|addresses|return_path|allow_private_sources|confirm|max_articles|min_articles|max_per_category|max_per_source|order|subject|catch_up|max_lateness): .*$`)
	if n := len(defaults.FindAllString(whole, -1)); n != 29 { // listen is there twice
		t.Fatalf("the example shows %d keys with defaults, not 29", n)
	}
	full, _, err := loadText(t, dir, "courant.yaml", whole)
	if err != nil {
		t.Fatal(err)
	}
	bare, _, err := loadText(t, dir, "courant.yaml", defaults.ReplaceAllString(whole, ""))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(full, bare) {
		t.Errorf("with the defaults written out:\n%s\nwithout:\n%s", full, bare)
	}
}

const smallConfig = `name: Example News
from: news@example.com
postal_address: 1 Example Street
`

func TestSmallConfigGetsTheDefaults(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	c, _, err := loadText(t, dir, "courant.yaml", smallConfig+"data_dir: state\nsmtp: {host: localhost, tls: none}\ndelivery: {fresh_until: 1d12h}\n"+
		"lists: {readers: }\ndigests: {evening: {lists: [readers], categories: [World]}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.URL != "http://127.0.0.1:8080" || c.SecretFile != filepath.Join(dir, "state", "secret") || !c.Database.isZero() {
		t.Errorf("url %q, secret_file %q, database %q", c.URL, c.SecretFile, c.Database)
	}
	if want := (Relay{Host: "localhost", Port: 25, TLS: TLSNone, Connections: 8, Weight: 1}); !reflect.DeepEqual(c.Relays, []Relay{want}) {
		t.Errorf("relays %+v, want %+v", c.Relays, want)
	}
	if d := c.Digests[0]; d.FreshUntil != 36*time.Hour || d.Title != "evening" || d.TimeZone != "UTC" {
		t.Errorf("digest %+v", d)
	}
	if want := (List{"readers", "readers", true, false}); c.Lists[0] != want {
		t.Errorf("list %+v", c.Lists[0])
	}
}

func TestDataDirFollowsTheAccount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		root             bool
		state, home, dir string
	}{
		{root: true, home: "/root", dir: "/var/lib/courant"},
		{state: "/srv/state", home: "/home/e", dir: "/srv/state/courant"},
		{state: "relative", home: "/home/e", dir: "/home/e/.local/state/courant"},
		{home: "/home/e", dir: "/home/e/.local/state/courant"},
		{dir: ""},
	} {
		env := func(name string) (string, bool) {
			v := map[string]string{"XDG_STATE_HOME": c.state, "HOME": c.home}[name]
			return v, v != ""
		}
		if got := defaultDataDir(c.root, env); got != c.dir {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestMissingConfigSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, _, err := loadConfig(filepath.Join(t.TempDir(), "courant.yaml"), testEnv, configHooks{})
	if err == nil || !strings.Contains(err.Error(), "config.example.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryForAConfigSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, _, err := loadConfig(dir, testEnv, configHooks{})
	if err == nil || err.Error() != dir+" is a directory; name the config in it, as in --config "+dir+"/courant.yaml" {
		t.Errorf("got %v", err)
	}
}

// Go brings the zones along, but no list of them.
func TestEveryZoneThatIsOfferedIsOne(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile("zones.txt", zonesOfMachine(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	names := strings.Fields(zoneList)
	if len(names) < 400 || !slices.IsSorted(names) || !slices.Contains(names, "Europe/Amsterdam") {
		t.Errorf("%d zones, sorted: %t", len(names), slices.IsSorted(names))
	}
	for _, name := range names {
		if _, err := parseZone(name); err != nil {
			t.Error(err)
		}
	}
}

// zonesOfMachine are the names in the third column of zone.tab.
func zonesOfMachine(t *testing.T) []byte {
	t.Helper()
	table, err := os.ReadFile("/usr/share/zoneinfo/zone.tab")
	if err != nil {
		t.Skip("no list of zones on this machine; install tzdata")
	}
	var names []string
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 2 && !strings.HasPrefix(line, "#") {
			names = append(names, fields[2])
		}
	}
	slices.Sort(names)
	return []byte(strings.Join(slices.Compact(names), "\n") + "\n")
}

func TestWhatIsNotHeededIsANoteOnlyWhereItIsWritten(t *testing.T) {
	t.Parallel()
	const lists = "lists: {readers: {confirm: true}}\n"
	for text, want := range map[string]int{lists: 0, lists + "receive: {listen: \"127.0.0.1:2525\"}\n": 1} {
		c, _, err := loadText(t, t.TempDir(), "courant.yaml", smallConfig+text)
		if err != nil || len(c.notHeeded()) != want {
			t.Errorf("%s: %q, %v", text, c.notHeeded(), err)
		}
	}
}

func TestHugeConfigIsRefusedBeforeItIsParsed(t *testing.T) {
	t.Parallel()
	_, _, err := loadText(t, configDir(t), "courant.yaml", smallConfig+strings.Repeat("# a comment\n", maxConfigBytes/10))
	if err == nil || !strings.Contains(err.Error(), "the file is larger than 256 KB") {
		t.Errorf("got %.200v", err)
	}
}

func TestAccountWithoutAHomeMustSayWhere(t *testing.T) {
	t.Parallel()
	r := &configReader{file: "courant.yaml", env: func(string) (string, bool) { return "", false }}
	c := unwritten(defaultDataDir(false, r.env))
	c.readPlaces(r.parse([]byte(smallConfig)))
	if len(r.faults) != 1 || !strings.Contains(r.faults[0].String(), "neither XDG_STATE_HOME nor HOME is set") {
		t.Errorf("got %v", r.faults)
	}
}

func TestFaultsCanBeRead(t *testing.T) {
	t.Parallel()
	_, _, err := loadText(t, configDir(t), "courant.yaml", smallConfig+"in_doubt: resent\nlisten: here\n")
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 2 {
		t.Fatalf("got %v", err)
	}
	if f := faults[0]; f.Line != 4 || f.Column != 11 || f.Path != "in_doubt" || f.Message != `"resent" is not one of resend, hold; did you mean "resend"?` {
		t.Errorf("got %+v", f)
	}
}

func TestFileThatOthersReadHoldsNoPassword(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	path := filepath.Join(dir, "courant.yaml")
	// It returns how many passwords others could read.
	load := func(mode os.FileMode, password string) int {
		text := smallConfig + "smtp: {host: localhost, username: u, password: \"" + password + "\"}\ndatabase: \"postgres://u:" + password + "@localhost/c\"\nmodel: {api_key: \"" + password + "\"}\nsources: [{name: CMS, push: true, token: \"" + strings.Repeat(password, 3) + "\"}]\ndigests:\n"
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, warnings, err := loadConfig(path, testEnv, configHooks{})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, w := range warnings {
			if strings.Contains(w.Message, "others can read this file") {
				told++
			}
			if strings.Contains(w.String(), canary) {
				t.Errorf("a secret is told: %v", w)
			}
		}
		return told
	}
	if n := load(0o600, canary); n != 0 {
		t.Errorf("%d warnings for a file of mode 600", n)
	}
	if n := load(0o644, canary); n != 4 {
		t.Errorf("%d warnings for a file of mode 644, not 4", n)
	}
	if n := load(0o644, "${SMTP_PASSWORD}"); n != 0 {
		t.Errorf("%d warnings for passwords from the environment", n)
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	c, _, err := loadText(t, configDir(t), "courant.yaml", smallConfig+
		"database: postgres://courant:"+canary+"@db.example.com/courant?sslpassword="+canary+"&sslmode=require\n"+
		"smtp: {host: localhost, username: u, password: \"${SMTP_PASSWORD}\"}\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Relays[0].Password.reveal() != canary+"-env" || !strings.Contains(c.Database.reveal(), ":"+canary+"@") {
		t.Fatal("the secrets themselves are lost")
	}
	s := c.Relays[0].Password
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("start", "config", c, "password", s, "database", c.Database, "relay", c.Relays[0])
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("start", "config", c, "password", s, "database", c.Database, "relay", c.Relays[0])
	inJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	inYAML, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{c.String(), logged.String(), string(inJSON), string(inYAML), c.Hash(), fmt.Sprint(s, &s, c.Relays, c.Database)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, c.Relays[0]), fmt.Sprintf(verb, []secret{s}))
	}
	for _, p := range printed {
		if strings.Contains(p, canary) || strings.Contains(strings.ToLower(p), fmt.Sprintf("%x", canary)) {
			t.Errorf("a secret is printed: %s", p)
		}
	}
	if !strings.Contains(c.String(), "postgres://courant:redacted@db.example.com") || fmt.Sprint(s) != redacted {
		t.Errorf("redacted too much:\n%s", c)
	}
}

// The effective config is written in the words of the file: read again, it
// gives the same.
func TestPrintedConfigLoadsAgain(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	first, _, err := loadText(t, dir, "courant.yaml", exampleConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := loadText(t, dir, "courant.yaml", first.String())
	if err != nil {
		t.Fatalf("%v\nof:\n%s", err, first)
	}
	if first.String() != second.String() || first.Hash() != second.Hash() {
		t.Errorf("first:\n%s\nsecond:\n%s", first, second)
	}
}

func TestConfigHashNamesTheMailsNotTheHost(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	hash := func(extra string) string {
		c, _, err := loadText(t, dir, "courant.yaml", smallConfig+extra)
		if err != nil {
			t.Fatal(err)
		}
		once, again := c.Hash(), c.Hash()
		if once != again || len(once) != 32 {
			t.Fatalf("hash %q, then %q", once, again)
		}
		return once
	}
	plain := hash("url: https://news.example.com\n")
	same := hash("data_dir: other\nlisten: :9000\nurl: https://news.example.com/\ndatabase: postgres://u:p@db/c\n# a comment\n")
	if plain != same {
		t.Error("what belongs to the host changes the hash")
	}
	if plain == hash("url: https://news.example.com\nlanguage: de\n") {
		t.Error("what readers see doesn't change the hash")
	}
	if a, b := hash("sources: [{name: CMS, push: true, token: a-token-of-sixteen}]\n"), hash("sources: [{name: CMS, push: true, token: another-of-sixteen}]\n"); a != b || a == plain {
		t.Error("a token changes the hash, or a source does not")
	}
	if plain != hash("url: https://news.example.com\nretention: {ledger: 50d, addresses: 30d}\n") {
		t.Error("how long rows are kept changes the hash")
	}
	if hash("smtp: {host: localhost, username: u, password: a}\n") != hash("smtp: {host: localhost, username: u, password: b}\n") {
		t.Error("a password changes the hash")
	}
}

// written is the value that a config would have behind a key.
func written(t *testing.T, text string) yamlValue {
	t.Helper()
	r := &configReader{file: "courant.yaml", dir: "/etc/courant", env: testEnv}
	v, _ := r.parse([]byte("key: " + text)).take("key")
	if len(r.faults) > 0 {
		t.Fatal(Faults(r.faults))
	}
	return v
}

func TestScalarsAreReadAsEditorsWriteThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		parse func(yamlValue) (any, error)
		want  any
	}{
		{"90s", asAny(aDuration()), 90 * time.Second},
		{"1h30m", asAny(aDuration()), 90 * time.Minute},
		{"7d", asAny(aDuration()), 7 * 24 * time.Hour},
		{"1d12h", asAny(aDuration()), 36 * time.Hour},
		{"50/s", asAny(aLimit()), Limit{50, time.Second}},
		{"600 / min", asAny(aLimit()), Limit{600, time.Minute}},
		{"600/m", asAny(aLimit()), Limit{600, time.Minute}},
		{"5000/h", asAny(aLimit()), Limit{5000, time.Hour}},
		{"14000/day", asAny(aLimit()), Limit{14000, 24 * time.Hour}},
		{`Übersicht <news@nachrichten.example.com>`, asAny(aMailbox()), mail.Address{Name: "Übersicht", Address: "news@nachrichten.example.com"}},
		{`news@Bücher.example`, asAny(aMailbox()), mail.Address{Address: "news@xn--bcher-kva.example"}},
		{`'"Example, Inc." <news@example.com>'`, asAny(aMailbox()), mail.Address{Name: "Example, Inc.", Address: "news@example.com"}},
		{":8080", asAny(aListener()), ":8080"},
		{`"[::1]:8080"`, asAny(aListener()), "[::1]:8080"},
		{"10.1.2.3/8", asAny(aPrefix()), netip.MustParsePrefix("10.0.0.0/8")},
		{`"::ffff:10.1.2.3"`, asAny(aPrefix()), netip.MustParsePrefix("10.1.2.3/32")},
		{"https://Nachrichten.example.com/brief/", asAny(anOwnURL()), "https://nachrichten.example.com/brief"},
		{"http://[::1]:8080", asAny(anOwnURL()), "http://[::1]:8080"},
		{"https://example.com/feed#top", asAny(aSourceURL()), "https://example.com/feed"},
		{"EN-gb", asAny(aLanguage()), "en-GB"},
		{"America/Argentina/Buenos_Aires", asAny(aZone()), "America/Argentina/Buenos_Aires"},
		{"2026-12-24", asAny(someDays()), digest.DateRange{From: digest.Date{Year: 2026, Month: 12, Day: 24}, To: digest.Date{Year: 2026, Month: 12, Day: 24}}},
		{"smtp_sink", asAny(aHost()), "smtp_sink"},
		{`"2001:DB8::1"`, asAny(aHost()), "2001:db8::1"},
		{"dkim.pem", asAny(aPath("")), "/etc/courant/dkim.pem"},
		{"/var/../srv", asAny(aPath("")), "/srv"},
		{`""`, asAny(aPath("/standard")), "/standard"},
		{"True", asAny(aSwitch()), true},
	} {
		got, err := c.parse(written(t, c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

// asAny lets parsers of several types stand in one table.
func asAny[T any](kind scalar[T]) func(yamlValue) (any, error) {
	return func(v yamlValue) (any, error) { return kind.read(v) }
}

func TestSubjectFieldsAreThoseOfRender(t *testing.T) {
	t.Parallel()
	for _, field := range subjectFields() {
		if err := render.CheckSubject("{{" + field + "}}"); err != nil {
			t.Errorf("config lets a subject show %s, render does not: %v", field, err)
		}
	}
}

func FuzzConfigNeverPanicsAndNeverTellsSecrets(f *testing.F) {
	inputs, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range append(inputs, "../../config.example.yaml") {
		text, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	dir := configDir(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &configReader{file: "courant.yaml", dir: dir, env: testEnv}
		c := readConfig(r, text, testHooks())
		for _, fault := range append(r.faults, r.warnings...) {
			if fault.File == r.file && (fault.Line < 1 || fault.Column < 1) || fault.Message == "" || strings.Contains(fault.String(), canary+"-env") {
				t.Errorf("fault %+v", fault)
			}
		}
		if len(r.faults) == 0 && strings.Contains(c.String()+c.Hash(), canary+"-env") {
			t.Errorf("a secret is printed: %s", c)
		}
	})
}
