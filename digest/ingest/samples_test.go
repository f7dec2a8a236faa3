package ingest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// want is a sample's expectation, in the words of design.md section 6.
type want struct {
	Kind        string          `json:"kind"`
	Title       string          `json:"title"`
	Category    string          `json:"category"`
	Points      []string        `json:"points"`
	PointsFrom  string          `json:"points_from"`
	Attribution string          `json:"attribution"`
	Site        string          `json:"site"`
	Articles    int             `json:"articles"`
	First       *map[string]any `json:"first"`
}

// TestSamplesComeOutRight reads the sample pages, feeds and the text that lie
// beside the project. They are not part of it, so it runs only where they are.
func TestSamplesComeOutRight(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..", "shared", "samples")
	inputs, _ := filepath.Glob(filepath.Join(root, "*", "*.want.json"))
	inputs = append(inputs, filepath.Join(root, "article.want.json"))
	if _, err := os.Stat(root); err != nil {
		t.Skip("no samples beside the project")
	}
	for _, path := range inputs {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var w want
			data, err := os.ReadFile(path)
			if err != nil || json.Unmarshal(data, &w) != nil {
				t.Fatal(path, err)
			}
			files, _ := filepath.Glob(strings.TrimSuffix(path, "want.json") + "*")
			files = slices.DeleteFunc(files, func(s string) bool { return strings.HasSuffix(s, ".want.json") })
			input, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			e, err := Extract(files[0], input, Options{Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			checkSample(t, e, w)
		})
	}
}

func checkSample(t *testing.T, e Extraction, w want) {
	t.Helper()
	if squash(e.Title) != squash(w.Title) {
		t.Errorf("title %q, want %q", e.Title, w.Title)
	}
	a := e.Articles[0]
	if e.Kind == KindFeed {
		if len(e.Articles) != w.Articles {
			t.Errorf("%d articles, want %d", len(e.Articles), w.Articles)
		}
		got, _ := json.Marshal(e)
		var out struct{ Articles []map[string]any }
		if err := json.Unmarshal(got, &out); err != nil {
			t.Fatal(err)
		}
		for key, value := range *w.First {
			if key == "url" {
				value, _ = digest.OpenURL(value.(string))
			}
			g, _ := json.Marshal(out.Articles[0][key])
			v, _ := json.Marshal(value)
			if string(g) != string(v) {
				t.Errorf("%s is %s, want %s", key, g, v)
			}
		}
		return
	}
	if w.Category != "" && a.Category != w.Category || a.Attribution != w.Attribution || w.Site != "" && a.Site != w.Site {
		t.Errorf("category %q attribution %q site %q, want %q %q %q", a.Category, a.Attribution, a.Site, w.Category, w.Attribution, w.Site)
	}
	if fromPage := a.PointsFrom == digest.PointsPage; fromPage != (len(w.Points) > 0) || fromPage && !slices.Equal(squashed(a.Points), squashed(w.Points)) {
		t.Errorf("from %s: %q\nwant %q", a.PointsFrom, a.Points, w.Points)
	}
	t.Logf("%s | %s | %s | %s | %s | %s | %v\n%s: %q\nlead %q\nwarnings %q", e.Title, a.Category, a.Site, a.Author, a.Published, a.Language, a.URL, a.PointsFrom, a.Points, a.Lead, e.Warnings)
}

func squashed(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, squash(line))
	}
	slices.Sort(out)
	return out
}
