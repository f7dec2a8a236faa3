package ingest

import (
	"fmt"
	"testing"

	"courant/digest"
)

func TestHeadlineThatNobodySeesIsNone(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]bool{
		"\u200d": false, "\ufe0f\ufe0f": false, "\u2800": false, "\u3164": false, "\u115f\uffa0": false, "\u2063!": false, "": false, "???": false,
		"9": true, "\u00dc": true, "\u6d77": true, "\u2800 a": true, "\u2460": true,
	} {
		if got := worded(title); got != want || usable(digest.Article{Title: title, URL: "u", Canonical: "c"}) != want {
			t.Error(fmt.Sprintf("%q", title), got)
		}
	}
}
