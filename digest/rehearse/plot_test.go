package rehearse

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// hill is a curve that rises, pauses for a kill, and falls.
func hill() Curve {
	var mails []Mail
	for second, n := range []int{10, 20, 40, 0, 5, 40, 30, 10} {
		for i := range n {
			mails = append(mails, Mail{At: noon.Add(time.Duration(second)*time.Second + time.Duration(i)*time.Second/41)})
		}
	}
	return newCurve(mails, []Mark{{noon.Add(3 * time.Second), MarkKill}, {noon.Add(5 * time.Second), MarkPostgres}, {noon.Add(6 * time.Second), MarkKill}}, 32)
}

func TestPlotsLookAsDrawn(t *testing.T) {
	t.Parallel()
	var svg strings.Builder
	if err := hill().WriteSVG(&svg, `8 readers <&> "more"`); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"hill.svg": svg.String(), "hill.txt": hill().Blocks(4)} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != got {
			t.Errorf("%s, %v:\n%s", path, err, got)
		}
	}
}

func TestNothingToDrawIsDrawn(t *testing.T) {
	t.Parallel()
	c := newCurve(nil, nil, 10)
	var svg strings.Builder
	if err := c.WriteSVG(&svg, "nothing"); err != nil || c.Blocks(4) != "" || !strings.HasSuffix(svg.String(), "</svg>\n") {
		t.Errorf("%v %q %s", err, c.Blocks(4), svg.String())
	}
	one := newCurve([]Mail{{At: noon}}, []Mark{{noon.Add(-time.Second), MarkTerm}}, 5)
	if got := one.Blocks(1); !strings.Contains(got, "T TERM") {
		t.Errorf("a mark before the first mail is not in\n%s", got)
	}
}

func TestEveryMailIsInTheCurve(t *testing.T) {
	t.Parallel()
	c := hill()
	sum := 0.0
	for _, r := range c.Rate {
		sum += r * c.Step.Seconds()
	}
	if sum < 154.999 || sum > 155.001 {
		t.Errorf("%.3f mails of 155", sum)
	}
}
