package main

import (
	"encoding/json"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

// One reader is put on a list, shown, paused, exported and erased; two lists are
// counted and merged; what is exported here is imported there.
func TestEditorKeepsListsInOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.withConfig("lists:\n", "lists:\n  weekend: {title: Weekend}\n", func() {
		file := d.write("readers.csv", "email,name,frequency,categories,state\nann@example.org,=Ann,weekly:monday,Military,\nben@example.org,Ben,,,\n"+
			"cy@example.org,Cy,,,unsubscribed\ndi@example.org,Di,,,bounced\n")
		d.must("readers", "import", file, "--list", "readers")
		d.must("readers", "add", "ben@example.org", "--list", "weekend")
		d.must("readers", "add", "eve@example.org", "--list", "weekend")
		d.must("readers", "remove", "ben@example.org", "--list", "weekend")
		d.wantIn(d.must("lists", "--json"), `{"list":"readers",`, `"confirm":true,"configured":true,"active":2,"suppressed":0,"pending":0,"unsubscribed":1}`,
			`{"list":"weekend","title":"Weekend","digests":[],`, `"active":1,"suppressed":0,"pending":0,"unsubscribed":1}`)
		d.wantIn(d.must("lists", "stats", "weekend", "--weeks", "1", "--json"), `"joined":2,"left":1,"left_digest":0,"suppressed":0,"readers":1}`)
		d.wantIn(d.must("lists"), "no digest goes to it")
		d.wantIn(d.must("readers", "list", "--list", "readers", "--json"), `{"address":"ann@example.org","name":"=Ann","time_zone":"","language":"","state":"active",`,
			`"choices":[{"digest":"morning","frequency":"weekly:monday","categories":["Military"],"left_at":null,"paused_until":null}]`)

		d.pausesAndShows()
		d.takesItsExportBack()

		d.wantIn(d.must("lists", "merge", "weekend", "readers"), "weekend is merged into readers: 1 moved, 1 were on both, 1 of these had left one and left both now")
		d.wantIn(d.must("readers", "list", "--list", "readers"), "ben@example.org                          unsubscribed", "eve@example.org                          active")
		for words, want := range map[string]string{
			"lists merge readers weekend":                            "the digest morning goes to readers and not to weekend",
			"lists merge readers readers":                            "can't be merged into itself",
			"lists merge nothing readers":                            `there is no list "nothing"`,
			"lists show readres":                                     `did you mean "readers"?`,
			"lists stats --weeks 0":                                  "--weeks takes a number",
			"readers pause eve@example.org":                          "until when?",
			"readers pause eve@example.org --until 2020":             "--until takes a day",
			"readers pause eve@example.org --off --until 2020-01-01": "until when?",
			"readers pause eve@example.org --until 2020-01-01":       "is over",
			"readers show nobody@example.org":                        "nobody with the address",
		} {
			if r := d.try(strings.Fields(words)...); r.code == 0 || !strings.Contains(r.stderr, want) {
				t.Errorf("%s gives %+v, want %q", words, r, want)
			}
		}
	})
}

func (d *desk) wantIn(text string, parts ...string) {
	d.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			d.t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

func (d *desk) pausesAndShows() {
	d.t.Helper()
	const ann = "ann@example.org"
	d.wantIn(d.must("readers", "pause", ann, "--until", "2099-12-24", "--why", "on holiday"), "ann@example.org gets no ", "morning", "until 2099-12-24")
	d.wantIn(d.must("readers", "pause", ann, "--until", "2099-12-24", "--why", "on holiday"), "nothing to change")
	d.wantIn(d.must("readers", "show", ann), "ann@example.org", "on readers: active", "paused until 2099-12-2", "import of readers.csv", "paused  morning  editor")
	var kept struct {
		Address string `json:"address"`
		Choices []struct{ Digest, PausedWhy string }
	}
	if err := json.Unmarshal([]byte(d.must("readers", "show", ann, "--json")), &kept); err != nil || kept.Address != ann || len(kept.Choices) == 0 {
		d.t.Errorf("%+v, %v", kept, err)
	}
	d.wantIn(d.must("readers", "pause", ann, "--off"), "ann@example.org gets ", "again")
}

// takesItsExportBack lets another installation import the export as it is.
func (d *desk) takesItsExportBack() {
	d.t.Helper()
	export := d.must("readers", "export", "--list", "readers")
	there := newDesk(d.t, smtpsink.Options{})
	there.configure()
	r := there.try("readers", "import", there.write("export.csv", export))
	there.wantIn(r.stdout, "2 added, 0 updated, 0 unchanged, 0 stay away (left), 0 get no mail (suppressed), 1 gone (the file says so), 0 repeated, 0 not imported")
	again := there.must("readers", "export")
	for i, line := range strings.Split(export, "\n") {
		was, is := strings.SplitN(line, ",", 8), strings.SplitN(strings.Split(again, "\n")[i], ",", 8)
		if len(was) == 8 && strings.Join(was[:7], ",") != strings.Join(is[:7], ",") {
			d.t.Errorf("%q came out as %q", line, is)
		}
	}
	d.wantIn(there.must("readers", "erase", "ann@example.org"), "erased")
	d.wantIn(there.try("readers", "import", there.write("again.csv", export)).stdout, "0 added")
	d.wantIn(there.must("readers", "list"), "ben@example.org")
	if strings.Contains(there.must("readers", "list"), "ann@") {
		d.t.Error("an import brought an erased reader back")
	}
}
