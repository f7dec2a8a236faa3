package main

import (
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

func TestCorrectedStoryIsNamedInTheNextEditionOfWhoHadIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "add", "ann@example.org")
	d.tell("Fund reaches 48 million")
	address := d.feed.URL + "/fund-reaches-48-million"
	const text = "It is to reach 38 million, not 48."
	sentence(t, d.try("articles", "correct", address, text), exitFailed, "no edition told", address, "courant why")
	sentence(t, d.try("articles", "correct", address), exitMisused, "courant articles correct URL TEXT")
	sentence(t, d.try("articles", "correct", address, " "), exitMisused, "one line of words")
	d.must("send", "morning")
	out := d.must("articles", "correct", address, text)
	if out != "corrected: Fund reaches 48 million\n"+text+"\n1 reader had it and is told in the next edition\n" {
		t.Errorf("it says:\n%s", out)
	}
	if out := d.must("articles", "correct", address, text); !strings.Contains(out, "said before") || !strings.Contains(out, "nobody is told twice") {
		t.Errorf("said twice, it says:\n%s", out)
	}
	d.must("readers", "add", "bea@example.org")
	for i, title := range []string{"Harbour closes for repairs", "Ferry runs again"} {
		d.tell(title)
		d.must("send", "morning")
		for reader, owed := range map[string]bool{"ann@example.org": i == 0, "bea@example.org": false} {
			mails := d.sink.To(reader)
			body := string(mails[len(mails)-1].Body)
			if !strings.Contains(body, title) {
				t.Fatalf("%s has not got %q", reader, title)
			}
			if told := strings.Contains(body, "CORRECTION") && strings.Contains(body, text); told != owed {
				t.Errorf("edition %d: %s is told of the correction: %v", i+2, reader, told)
			}
		}
	}
}
