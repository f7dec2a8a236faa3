package deploy

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const (
	composeFile = tree + "/docs/deploy/compose.yaml"
	exampleFile = tree + "/docs/deploy/courant.example.yaml"
)

// exampleConfig writes the example beside secrets that exist.
func exampleConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	config := strings.ReplaceAll(string(read(t, exampleFile)), "/run/secrets/", "")
	for name, text := range map[string]string{"courant.yaml": config, "smtp-password": "secret\n", "dkim.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "courant.yaml")
}

// load reads a compose file as Compose does: the schema, what names what, and
// the paths, as seen from its directory.
func load(ctx context.Context, text []byte, profiles ...string) (*types.Project, error) {
	dir, err := filepath.Abs(filepath.Dir(composeFile))
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml"), Content: text}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.Profiles, o.ResolvePaths = profiles, true })
}

func loaded(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	p, err := load(t.Context(), read(t, composeFile), profiles...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeLoadsWithAndWithoutProfiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ profiles, want []string }{
		{nil, []string{"courant", "postgres"}},
		{[]string{"deliver"}, []string{"courant", "deliver", "postgres"}},
		{[]string{"proxy"}, []string{"caddy", "courant", "postgres"}},
	} {
		names := loaded(t, c.profiles...).ServiceNames()
		slices.Sort(names)
		if !slices.Equal(names, c.want) {
			t.Errorf("with profiles %q: %q, want %q", c.profiles, names, c.want)
		}
	}
}

func TestLoaderSeesWrongComposeFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"read_only: true", "readonly: true", "readonly"},
		{"restart: unless-stopped", "restart: [unless-stopped]", "restart"},
		{"secrets: [database-password]", "secrets: [databse-password]", "databse-password"},
		{"- data:/var/lib/courant", "- dta:/var/lib/courant", "dta"},
		{"networks: [inside]", "networks: [insight]", "insight"},
		{"postgres: {condition: service_healthy}", "postgrs: {condition: service_healthy}", "postgrs"},
		{"postgres: {condition: service_healthy}", "postgres: {condition: service_well}", "condition"},
		{"stop_grace_period: 40s", "stop_grace_period: 40 seconds", "duration"},
	} {
		text := read(t, composeFile)
		wrong := bytes.Replace(text, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(text, wrong) {
			t.Errorf("compose.yaml has no %q any more", c.from)
			continue
		}
		if _, err := load(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q instead of %q: got %v, want %q", c.to, c.from, err, c.want)
		}
	}
}

// longestEnd is what a drain takes at most; cmd/courant holds the number
// against the code.
const longestEnd = 29 * time.Second

func TestEveryServiceOfComposeIsKeptSmallAndRunning(t *testing.T) {
	t.Parallel()
	for name, s := range loaded(t, "deliver", "proxy").Services {
		if s.Restart != "unless-stopped" {
			t.Errorf("%s: restart is %q", name, s.Restart)
		}
		if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s may gain privileges", name)
		}
		if s.Logging == nil || s.Logging.Options["max-size"] == "" {
			t.Errorf("%s: its log grows without end", name)
		}
		if s.Image != "courant" && !strings.Contains(s.Image, ":") {
			t.Errorf("%s: image %s has no version", name, s.Image)
		}
		if s.Image != "courant" {
			continue
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s: read only %v, capabilities dropped %v", name, s.ReadOnly, s.CapDrop)
		}
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= longestEnd {
			t.Errorf("%s is killed after %v", name, s.StopGracePeriod)
		}
		if s.DependsOn["postgres"].Condition != types.ServiceConditionHealthy {
			t.Errorf("%s doesn't wait for the database", name)
		}
		if s.HealthCheck == nil && slices.Contains(s.Command, "--only") && !strings.Contains(strings.Join(s.Command, " "), "web") {
			t.Errorf("%s has no pages, so the health check of the image fails", name)
		}
	}
}

// runSecret is a secret's place in a container.
var runSecret = regexp.MustCompile(`/run/secrets/([\w.-]*\w)`)

// What is named below /run/secrets is granted, comes from a file that is not
// in the tree, and no password stands in the compose file itself.
func TestSecretsOfComposeAreFiles(t *testing.T) {
	t.Parallel()
	p := loaded(t, "deliver", "proxy")
	for name, s := range p.Secrets {
		if dir := filepath.Join(filepath.Dir(composeFile), "secrets"); s.Environment != "" || path.Base(filepath.Dir(s.File)) != "secrets" {
			t.Errorf("secret %s is not a file in %s: %+v", name, dir, s)
		}
		if _, err := os.Stat(s.File); err == nil {
			t.Logf("%s is there; it must not be committed", s.File)
		}
	}
	ignored := strings.Split(string(read(t, filepath.Dir(composeFile)+"/.gitignore")), "\n")
	if !slices.Contains(ignored, "/secrets/") || !slices.Contains(ignored, "/courant.yaml") {
		t.Errorf("git would take the secrets or the config: %q", ignored)
	}
	for name, s := range p.Services {
		var granted []string
		for _, secret := range s.Secrets {
			granted = append(granted, secret.Source)
		}
		var text strings.Builder
		for key, value := range s.Environment {
			if value == nil {
				continue
			}
			text.WriteString(*value + "\n")
			if strings.Contains(key, "PASSWORD") && !strings.HasPrefix(*value, "/run/secrets/") {
				t.Errorf("%s: %s is no file of a secret", name, key)
			}
		}
		if s.Image == "courant" {
			text.Write(read(t, exampleFile))
		}
		var named []string
		for _, m := range runSecret.FindAllStringSubmatch(text.String(), -1) {
			named = append(named, m[1])
		}
		slices.Sort(named)
		slices.Sort(granted)
		if named = slices.Compact(named); !slices.Equal(named, granted) {
			t.Errorf("%s names the secrets %q and is granted %q", name, named, granted)
		}
	}
}

// Names, ports, paths and versions that stand in several files are the same.
func TestFilesOfDeployAgree(t *testing.T) {
	t.Parallel()
	p := loaded(t, "deliver", "proxy")
	config := string(read(t, exampleFile))
	docker := string(read(t, dockerfile))
	courant, postgres := p.Services["courant"], p.Services["postgres"]

	if db, user := *postgres.Environment["POSTGRES_DB"], *postgres.Environment["POSTGRES_USER"]; !strings.Contains(config, "database: postgres://"+user+"@postgres/"+db+"?") {
		t.Errorf("the example doesn't name the database %s of %s", db, user)
	}
	subnet := p.Networks["outside"].Ipam.Config[0].Subnet
	if _, err := netip.ParsePrefix(subnet); err != nil || !strings.Contains(config, "trusted_proxies: ["+subnet+"]") {
		t.Errorf("the example doesn't trust %s, where requests come from (%v)", subnet, err)
	}
	if port := courant.Ports[0]; port.Target != 8080 || port.HostIP != "127.0.0.1" || !strings.Contains(config, "listen: 0.0.0.0:8080") {
		t.Errorf("published is %+v", port)
	}
	if major := strings.Split(strings.TrimPrefix(postgres.Image, "postgres:"), "-")[0]; !strings.Contains(docker, "postgresql-"+major+" ") {
		t.Errorf("compose.yaml has Postgres %s, the Dockerfile another", major)
	}
	if courant.Build.Dockerfile != "docs/deploy/Dockerfile" {
		t.Errorf("the image is built from %s", courant.Build.Dockerfile)
	}
	if _, err := os.Stat(filepath.Join(courant.Build.Context, courant.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	mounts := map[string]string{}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			mounts[name+" "+v.Target] = filepath.Base(v.Source)
		}
	}
	for place, want := range map[string]string{
		"courant /etc/courant/courant.yaml": "courant.yaml", "deliver /etc/courant/courant.yaml": "courant.yaml",
		"courant /var/lib/courant": "data", "deliver /var/lib/courant": "data",
		"caddy /etc/caddy/Caddyfile": "Caddyfile", "postgres /var/lib/postgresql/data": "database",
	} {
		if mounts[place] != want {
			t.Errorf("at %s is %q, want %q", place, mounts[place], want)
		}
	}
}
