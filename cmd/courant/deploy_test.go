package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"

	"github.com/goccy/go-yaml"
)

// The files of docs/deploy are held against the program and the code here.
// Whether their own readers take them is tested by .ci/deploy, with the parsers
// of BuildKit and Compose, and below by those readers where they are installed.

// deployFile reads a file of docs/deploy.
func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitKeys are the settings of a unit file, section and key in one name.
func unitKeys(t *testing.T, text string) map[string]string {
	t.Helper()
	keys, section := map[string]string{}, ""
	for n, line := range strings.Split(text, "\n") {
		key, value, assigned := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			section = line[1 : len(line)-1]
		case !assigned || section == "" || key != strings.TrimSpace(key):
			t.Errorf("line %d is no setting: %s", n+1, line)
		default:
			if _, twice := keys[section+"."+key]; twice {
				t.Errorf("line %d: %s is set twice", n+1, key)
			}
			keys[section+"."+key] = value
		}
	}
	return keys
}

// durations are the durations of a file that are said in seconds: constants by
// their name, and timeouts by the function that sets them.
func durations(t *testing.T, file string) map[string]time.Duration {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]time.Duration{}
	for _, decl := range parsed.Decls {
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Values) == 1 {
					if d, ok := seconds(n.Values[0]); ok {
						found[n.Names[0].Name] = d
					}
				}
			case *ast.CallExpr:
				fn, inFunction := decl.(*ast.FuncDecl)
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && inFunction && sel.Sel.Name == "WithTimeout" {
					if d, ok := seconds(n.Args[1]); ok {
						found[fn.Name.Name] = d
					}
				}
			}
			return true
		})
	}
	return found
}

// seconds reads an expression like 20 * time.Second.
func seconds(e ast.Expr) (time.Duration, bool) {
	product, ok := e.(*ast.BinaryExpr)
	if !ok {
		return 0, false
	}
	number, ok1 := product.X.(*ast.BasicLit)
	unit, ok2 := product.Y.(*ast.SelectorExpr)
	if !ok1 || !ok2 || unit.Sel.Name != "Second" {
		return 0, false
	}
	n, err := strconv.Atoi(number.Value)
	return time.Duration(n) * time.Second, err == nil
}

// longestEnds is how long serve may take to end, without and with a Postgres
// of its own.
func longestEnds(t *testing.T) (drain, whole time.Duration) {
	t.Helper()
	engine := durations(t, "../../digest/deliver/deliver.go")
	ends := durations(t, "house.go")
	drain, closing := ends["lastEnd"], ends["close"]
	if engine["drainTime"] == 0 || engine["settleTime"] == 0 || drain <= engine["drainTime"]+engine["settleTime"] || closing == 0 {
		t.Fatalf("drain and close are not where this test looks: %v, %v", engine, ends)
	}
	return drain, drain + closing
}

func TestUnitFitsTheProgram(t *testing.T) {
	t.Parallel()
	unit := unitKeys(t, deployFile(t, "courant.service"))
	for key, want := range map[string]string{
		"Service.Type": "notify", // announce in notify.go
		"Service.User": "courant", "Service.Group": "courant",
		"Service.KillMode":                 "mixed", // or SIGTERM would reach Postgres before the last verdict
		"Service.Restart":                  "on-failure",
		"Service.RestartPreventExitStatus": strconv.Itoa(exitMisused),
		"Unit.StartLimitIntervalSec":       "0",
		"Service.StateDirectory":           filepath.Base(defaultDataDir(true, nil)),
		"Service.ProtectSystem":            "strict",
		"Service.NoNewPrivileges":          "true",
		"Install.WantedBy":                 "multi-user.target",
	} {
		if unit[key] != want {
			t.Errorf("%s is %q, want %q", key, unit[key], want)
		}
	}
	// What the private Postgres can't live with.
	for _, key := range []string{"Service.DynamicUser", "Service.PrivateIPC", "Service.RemoveIPC", "Service.KillSignal", "Service.ProcSubset"} {
		if unit[key] != "" {
			t.Errorf("%s=%s", key, unit[key])
		}
	}
	if families := strings.Fields(unit["Service.RestrictAddressFamilies"]); !slices.Contains(families, "AF_UNIX") {
		t.Errorf("the private Postgres has no socket in %q", families)
	}
	start := strings.Fields(unit["Service.ExecStart"])
	if start[0] != "/usr/local/bin/courant" || !slices.Contains(start, "serve") {
		t.Errorf("ExecStart is %q", start)
	}
	if err := commandFault(commandTree(), start[1:]); err != nil {
		t.Errorf("ExecStart: %v", err)
	}
	patience, err := strconv.Atoi(unit["Service.TimeoutStopSec"])
	if _, whole := longestEnds(t); err != nil || time.Duration(patience)*time.Second <= whole {
		t.Errorf("TimeoutStopSec is %ds, the end takes up to %s", patience, whole)
	}
}

func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not here; apt-get install systemd brings it")
	}
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	verify := func(text string) ([]byte, error) {
		file := filepath.Join(dir, "courant.service")
		text = strings.ReplaceAll(text, "/usr/local/bin/courant", program)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
	}
	unit := deployFile(t, "courant.service")
	if out, err := verify(unit); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, _ := verify(strings.Replace(unit, "KillMode=mixed", "KillMode=mild", 1)); !bytes.Contains(out, []byte("mild")) {
		t.Errorf("a wrong KillMode is not seen: %s", out)
	}
}

// dockerLines are the lines of the Dockerfile, joined where they go on.
func dockerLines(t *testing.T) []string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(deployFile(t, "Dockerfile"), "")
	return strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n")
}

// execForm is the JSON array that ends the instruction beginning so.
func execForm(t *testing.T, instruction string) (words []string) {
	t.Helper()
	for _, line := range dockerLines(t) {
		if rest, ok := strings.CutPrefix(line, instruction); ok {
			if err := json.Unmarshal([]byte(rest[strings.Index(rest, "["):]), &words); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			return words
		}
	}
	t.Fatalf("the Dockerfile has no %s", instruction)
	return nil
}

func TestDockerfileFitsTheProgram(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	docker := deployFile(t, "Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if image := regexp.MustCompile(`(?m)^FROM .*golang:([\d.]+)-`).FindStringSubmatch(docker); image == nil || image[1] != string(version[1]) {
		t.Errorf("go.mod wants Go %s, the Dockerfile has %q", version[1], image)
	}
	entry, command := execForm(t, "ENTRYPOINT "), execForm(t, "CMD ")
	if err := commandFault(commandTree(), append(entry[1:], command...)); err != nil {
		t.Errorf("%q %q: %v", entry, command, err)
	}
	for _, line := range dockerLines(t) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" || strings.HasPrefix(words[1], "--from=") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			if _, err := os.Stat(filepath.Join("../..", source)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	state := regexp.MustCompile(`(?m)^ENV XDG_STATE_HOME=(\S+)$`).FindStringSubmatch(docker)
	env := func(name string) (string, bool) { return state[1], name == "XDG_STATE_HOME" }
	if dir := defaultDataDir(false, env); !strings.Contains(docker, "\nVOLUME "+dir+"\n") || !strings.Contains(docker, "-o courant -g courant "+dir) {
		t.Errorf("data_dir is %s there, which is no volume of the account's", dir)
	}
	_, port, err := net.SplitHostPort(readConfig(&configReader{env: testEnv}, nil, configHooks{}).Listen)
	if err != nil || !strings.Contains(docker, "\nEXPOSE "+port+"\n") || !strings.Contains(docker, "/dev/tcp/127.0.0.1/"+port+" ") {
		t.Errorf("the default port of listen, %s, is not what the image exposes and asks (%v)", port, err)
	}
}

// The image's question for its health is asked of a program that serves, of
// one whose database is away, and of nobody.
func TestHealthCheckOfTheImageTellsTheTruth(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not here; every Debian image has it")
	}
	check := execForm(t, "HEALTHCHECK ")
	ask := func(address string) error {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		words := slices.Clone(check)
		words[2] = strings.Replace(words[2], "/8080 ", "/"+port+" ", 1)
		return exec.CommandContext(t.Context(), words[0], words[1:]...).Run()
	}
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	if err := ask(d.listen); err == nil {
		t.Error("nobody is healthy")
	}
	d.ready(d.start("serve", "--only", "web"))
	if err := ask(d.listen); err != nil {
		t.Errorf("a program that serves is not healthy: %v", err)
	}
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer away.Close()
	if err := ask(away.Listener.Addr().String()); err == nil {
		t.Error("503 is healthy")
	}
}

// composeCommands are the command lines of the services that run Courant.
func composeCommands(t *testing.T) (commands [][]string, patience time.Duration) {
	t.Helper()
	var compose struct {
		Services map[string]struct {
			Image   string        `yaml:"image"`
			Command []string      `yaml:"command"`
			Grace   time.Duration `yaml:"stop_grace_period"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(deployFile(t, "compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	for _, s := range compose.Services {
		if s.Image == "courant" {
			commands, patience = append(commands, s.Command), s.Grace
		}
	}
	return commands, patience
}

func TestComposeFitsTheProgram(t *testing.T) {
	t.Parallel()
	commands, patience := composeCommands(t)
	if len(commands) != 2 {
		t.Fatalf("compose.yaml runs Courant as %q", commands)
	}
	entry := execForm(t, "ENTRYPOINT ")
	for _, words := range commands {
		if err := commandFault(commandTree(), append(slices.Clone(entry[1:]), words...)); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
	drain, _ := longestEnds(t)
	if patience <= drain {
		t.Errorf("stop_grace_period is %s, a drain takes up to %s", patience, drain)
	}
	said := "const longestEnd = " + strconv.Itoa(int(drain.Seconds())) + " * time.Second"
	if text, err := os.ReadFile("../../.ci/deploy/compose_test.go"); err != nil || !strings.Contains(string(text), said) {
		t.Errorf(".ci/deploy/compose_test.go doesn't say %q (%v)", said, err)
	}
	// The example loads as it stands, but for the secrets' place.
	text := strings.ReplaceAll(deployFile(t, "courant.example.yaml"), "/run/secrets/", "")
	for _, f := range docFaults(t, text) {
		t.Errorf("courant.example.yaml: %s", f)
	}
}

// front is a proxy under test, with the program behind it.
type front struct {
	d       *desk
	behind  *process
	link    string // of one reader's mail, its path
	address string // where the proxy listens, by https
	dir     string // where it writes
	log     lockedBuffer
}

// newFront has one mail out and its link's page served. The proxy is skipped
// where it is not installed.
func newFront(t *testing.T, proxy string) *front {
	t.Helper()
	if _, err := exec.LookPath(proxy); err != nil {
		t.Skipf("%s is not here; apt-get install %s brings it, no server of its has to run", proxy, proxy)
	}
	f := &front{d: newDesk(t, smtpsink.Options{}), address: freeAddress(t), dir: t.TempDir()}
	f.d.configure()
	f.d.must("readers", "add", "ann@example.org")
	f.d.tell("Harbour closes for repairs")
	f.d.must("send", "morning")
	link, err := url.Parse(unsubscribeLink(t, f.d.sink.To("ann@example.org")[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	f.link = link.Path
	f.behind = f.d.start("serve", "--only", "web")
	f.d.ready(f.behind)
	return f
}

// write writes an example of docs/deploy, with the words of this test in it.
func (f *front) write(name string, pairs ...string) string {
	t := f.d.t
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			t.Fatalf("%s has no %q any more", name, pairs[i])
		}
		text = []byte(strings.ReplaceAll(string(text), pairs[i], pairs[i+1]))
	}
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run starts the proxy until the test ends.
func (f *front) run(name string, args ...string) {
	t := f.d.t
	t.Helper()
	c := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	c.Env = append(os.Environ(), "HOME="+f.dir, "XDG_DATA_HOME="+f.dir, "XDG_CONFIG_HOME="+f.dir,
		"COURANT_SITE=https://"+f.address, "COURANT_UPSTREAM="+f.d.listen)
	c.Stdout, c.Stderr = &f.log, &f.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = c.Wait() // a signal ended it
	})
}

// ask sends one request by https and gives status and body. It believes any
// certificate and follows nothing.
func (f *front) ask(method, path, body string) (int, string, error) {
	client := http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
	req, err := http.NewRequest(method, "https://"+f.address+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), errors.Join(err, resp.Body.Close())
}

// ready waits until the proxy leads to Courant.
func (f *front) ready() {
	t := f.d.t
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var status int
		if status, _, err = f.ask(http.MethodGet, "/healthz", ""); status == http.StatusOK {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("the proxy doesn't answer: %v\n%s", err, &f.log)
}

// leads holds a proxy to what operators.md wants of one: a click with its body
// arrives without a redirect, Courant learns who asks, and no token is
// written anywhere, not even of a click that found Courant away.
func (f *front) leads() {
	t := f.d.t
	t.Helper()
	f.ready()
	if status, body, err := f.ask(http.MethodPost, f.link, "List-Unsubscribe=One-Click"); err != nil || status != http.StatusOK {
		t.Errorf("one click through the proxy: %d, %v\n%s", status, err, body)
	}
	if err := f.behind.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if !strings.Contains(f.behind.log.String(), "how=one-click choice=leave") {
		t.Errorf("the click didn't arrive:\n%s", f.behind.log)
	}
	seen := make(chan string, 1)
	listener, err := net.Listen("tcp", f.d.listen)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		seen <- fmt.Sprint(r.Method, " ", r.RequestURI, " ", string(text), " ", err, " for ", r.Header.Get("X-Forwarded-For"))
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	odd := "/u/a%2Fb//c?d=e"
	if _, _, err := f.ask(http.MethodPost, odd, "List-Unsubscribe=One-Click"); err != nil {
		t.Error(err)
	}
	got := "nothing"
	select {
	case got = <-seen:
	default:
	}
	if want := "POST " + odd + " List-Unsubscribe=One-Click <nil> for 127.0.0.1"; got != want {
		t.Errorf("Courant would see %q, want %q", got, want)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if status, _, err := f.ask(http.MethodPost, f.link, "List-Unsubscribe=One-Click"); err != nil || status != http.StatusBadGateway {
		t.Errorf("with Courant away: %d, %v", status, err)
	}
	f.keepsQuiet(f.link[strings.LastIndex(f.link, "/")+1:])
}

// keepsQuiet looks for a token in all that the proxy wrote.
func (f *front) keepsQuiet(token string) {
	t := f.d.t
	t.Helper()
	if strings.Contains(f.log.String(), token) {
		t.Errorf("the token is in the log:\n%s", &f.log)
	}
	err := filepath.WalkDir(f.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		if bytes.Contains(text, []byte(token)) {
			t.Errorf("the token is in %s", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestClickGoesThroughNginx(t *testing.T) {
	t.Parallel()
	f := newFront(t, "nginx")
	certificate, key := filepath.Join(f.dir, "cert.pem"), filepath.Join(f.dir, "key.pem")
	writeCertificate(t, certificate, key)
	file := f.write("nginx.conf", "    listen 443 ssl;\n", "    listen "+f.address+" ssl;\n", "    listen [::]:443 ssl;\n", "",
		"/etc/letsencrypt/live/news.example.com/fullchain.pem", certificate, "/etc/letsencrypt/live/news.example.com/privkey.pem", key,
		"/var/log/nginx/", f.dir+"/", "127.0.0.1:8080", f.d.listen)
	var temp strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s;\n", name, filepath.Join(f.dir, name))
	}
	account := ""
	if os.Geteuid() == 0 {
		account = "user root;\n" // the only one that may write here
	}
	main := filepath.Join(f.dir, "main.conf")
	text := fmt.Sprintf("%sdaemon off;\npid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log %s/access.log;\n%sinclude %s;\n}\n", account, f.dir, f.dir, &temp, file)
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "nginx", "-t", "-c", main, "-e", "stderr").CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	f.run("nginx", "-c", main, "-e", "stderr")
	f.leads()
}

func TestClickGoesThroughCaddy(t *testing.T) {
	t.Parallel()
	f := newFront(t, "caddy")
	// Caddy signs for an address by itself; this machine need not trust it.
	file := f.write("Caddyfile", "auto_https disable_redirects\n", "auto_https disable_redirects\n\tadmin off\n\tskip_install_trust\n")
	if out, err := exec.CommandContext(t.Context(), "caddy", "fmt", "../../docs/deploy/Caddyfile").CombinedOutput(); err != nil || string(out) != deployFile(t, "Caddyfile") {
		t.Errorf("caddy fmt would write the Caddyfile otherwise: %v\n%s", err, out)
	}
	f.run("caddy", "run", "--adapter", "caddyfile", "--config", file)
	f.leads()
}

// writeCertificate writes one for this machine that nobody vouches for.
func writeCertificate(t *testing.T, certificate, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
