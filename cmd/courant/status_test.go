package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"courant/digest"
	"courant/digest/smtpsink"
)

// mishaps are a sink's answers: reader 0 is unknown, reader 1 has to wait, and
// reader 2's mail is held between its dot and the reply until Release.
func mishaps() smtpsink.Script {
	answer := func(i, code int, enhanced, text string) smtpsink.Rule {
		return smtpsink.Rule{At: smtpsink.AtRcpt, To: fmt.Sprintf("reader%d@example.org", i),
			Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: code, Enhanced: enhanced, Text: text}}}
	}
	return smtpsink.Rules(
		answer(0, 550, "5.1.1", "<reader0@example.org>: user unknown"), answer(1, 451, "4.7.1", "greylisted, come again"),
		smtpsink.Rule{At: smtpsink.AtDot, To: "reader2@example.org", Do: smtpsink.Action{Do: smtpsink.Stall}})
}

// scrape is one answer of /metrics.
func (d *desk) scrape() string {
	d.t.Helper()
	resp, err := http.Get("http://" + d.inside + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close() // read to its end below
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		d.t.Fatalf("%s, %v\n%s", resp.Status, err, b)
	}
	return string(b)
}

// sum adds up the samples of a metric whose labels hold all that is named.
func sum(text, metric string, labels ...string) (total int) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, metric+"{")
		if !ok {
			continue
		}
		at := strings.LastIndexByte(rest, ' ')
		fits := true
		for _, l := range labels {
			fits = fits && strings.Contains(rest[:at], l)
		}
		if value, err := strconv.ParseFloat(strings.TrimSpace(rest[at:]), 64); fits && err == nil {
			total += int(value)
		}
	}
	return total
}

func TestFiguresOfADeliveryAreThoseOfTheSinkAndTheLedger(t *testing.T) {
	t.Parallel()
	const readers = 60
	d := newDesk(t, smtpsink.Options{Script: mishaps()})
	edition := d.crowd(readers)
	serve := d.start("serve", "--only", "deliver")
	if err := d.sink.WaitStalled(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	states := func(text string) (n map[string]int) {
		n = map[string]int{}
		for _, s := range append(digest.DeliveryStates(), "deferred") {
			n[string(s)] = sum(text, "courant_deliveries", `state="`+string(s)+`"`)
		}
		return n
	}
	// One mail is under way: it is in no end's figure yet.
	d.until("figures of a delivery that is under way", func() bool {
		text := d.scrape()
		n := states(text)
		return n["sending"] > 0 && n["refused"] == 1 && n["deferred"] == 1 && n["accepted"] == d.sink.Count() &&
			sum(text, "courant_attempts_total", `verdict="accepted"`) == d.sink.Count() && sum(text, "courant_in_flight") == 1
	})
	d.sink.Release()
	var text string
	d.until("figures of all that could be sent", func() bool {
		text = d.scrape()
		return states(text)["accepted"] == readers-2
	})
	n, total := states(text), 0
	for _, c := range n {
		total += c
	}
	if total != readers || n["deferred"] != 1 || n["queued"] != 0 || n["refused"] != 1 {
		t.Errorf("the figures add up to %d of %d: %v", total, readers, n)
	}
	d.wantTally(edition, digest.Tally{digest.Accepted: readers - 2, digest.Refused: 1, digest.Queued: 1})
	relay := fmt.Sprintf(`relay="127.0.0.1:%d"`, d.sink.Port())
	for _, c := range []struct {
		metric string
		labels []string
		want   int
	}{
		{"courant_attempts_total", []string{relay, `verdict="accepted"`, `provider="other"`}, d.sink.Count()},
		{"courant_attempts_total", []string{relay, `verdict="refused"`}, 1},
		{"courant_setbacks_total", []string{relay, `class="hard"`}, 1},
		{"courant_setbacks_total", []string{relay, `class="throttled"`}, 1},
		{"courant_attempt_seconds_count", []string{relay}, readers},
		{"courant_editions", []string{`state="sending"`}, 1}, {"courant_in_flight", []string{relay}, 0},
	} {
		if got := sum(text, c.metric, c.labels...); got != c.want {
			t.Errorf("%s %v is %d, want %d", c.metric, c.labels, got, c.want)
		}
	}
	for _, there := range []string{"courant_slot_to_last_accepted_seconds{", "courant_oldest_queued_seconds{", "\ngo_goroutines ", "\nprocess_resident_memory_bytes "} {
		if !strings.Contains(text, there) {
			t.Errorf("%q is not among the figures", there)
		}
	}
	if strings.Contains(text, "@") || strings.Contains(text, "example.org") {
		t.Error("a scrape names an address or its domain")
	}
	if said := regexp.MustCompile(`msg=attempt .*verdict=accepted`).FindAllString(serve.log.String(), -1); len(said) != readers-2 {
		t.Errorf("%d attempts that were accepted are in the log", len(said))
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func TestDeskThatIsTakenKeepsNobodyFromServing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	other, err := net.Listen("tcp", d.inside)
	if err != nil {
		t.Fatal(err)
	}
	serve := d.start("serve")
	d.ready(serve)
	d.until("word of the desk", func() bool { return strings.Contains(serve.log.String(), "metrics of this process cannot be pulled") })
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	d.until("the desk to be taken over", func() bool { return strings.Contains(d.scrape(), "courant_database_up 1") })
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// objects are the lines of a --json answer.
func objects(t *testing.T, text string) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list = append(list, o)
	}
	return list
}

func TestStatusTellsHowFarADeliveryIs(t *testing.T) {
	t.Parallel()
	const readers = 60
	d := newDesk(t, smtpsink.Options{Script: mishaps()})
	d.configure()
	if got := d.must("status"); !strings.Contains(got, "no edition was published yet") || !strings.Contains(got, "Nobody delivers") || !strings.Contains(got, "Morning Brief") {
		t.Errorf("before the first edition:\n%s", got)
	}
	d.crowd(readers)
	if got := d.must("status"); !strings.Contains(got, "! Nobody delivers") || !strings.Contains(got, "[") && !strings.Contains(got, "0 of 60") {
		t.Errorf("with nobody at work:\n%s", got)
	}
	serve := d.start("serve", "--only", "deliver")
	if err := d.sink.WaitStalled(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	kind := func(name string) map[string]any {
		for _, o := range list {
			if o["kind"] == name {
				return o
			}
		}
		return map[string]any{}
	}
	var edition map[string]any
	d.until("a delivery that is under way", func() bool {
		list = objects(t, d.must("status", "--json"))
		edition = kind("edition")
		n, _ := edition["deliveries"].(map[string]any)
		return n["sending"].(float64) > 0 && n["refused"] == 1.0 && n["deferred"] == 1.0 && int(n["accepted"].(float64)) == d.sink.Count()
	})
	process := kind("process")
	if edition["digest"] != "morning" || edition["edition"] != 1.0 || edition["state"] != "sending" || edition["total"] != float64(readers) ||
		edition["rate"] == 0.0 || edition["finished"] != nil {
		t.Errorf("%v", edition)
	}
	if process["lanes"] != 4.0 || process["in_hands"].(float64) < 1 || process["lease_seconds"].(float64) < 60 || process["host"] == "" {
		t.Errorf("%v", process)
	}
	d.until("the relay's figures", func() bool {
		list = objects(t, d.must("status", "--json"))
		attempts, _ := kind("relay")["attempts"].(map[string]any)
		return attempts["accepted"] == float64(d.sink.Count())
	})
	if slot := kind("slot"); slot["digest"] != "morning" || slot["zone"] != "Europe/Berlin" {
		t.Errorf("%v", slot)
	}
	plain := d.must("status")
	for _, want := range []string{"Morning Brief no. 1", "sending", " of 60, ", "1 refused", "1 deferred", "1 deferred, throttled: “451 4.7.1 greylisted, come again” after up to 1 attempt, next in", "user unknown", "4 lanes", "Relays", "Next"} {
		if !strings.Contains(plain, want) {
			t.Errorf("status does not say %q:\n%s", want, plain)
		}
	}
	if strings.Contains(plain, "reader0@") || strings.Contains(plain, "\x1b") {
		t.Errorf("an address or a colour is in a plain status:\n%s", plain)
	}
	if r := d.try("status", "--watch"); r.code != 2 || !strings.Contains(r.stderr, "--watch draws on a terminal") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	d.sink.Release()
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func TestDeliveriesListTheRowsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, To: "reader0@example.org", Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.1.1", Text: "=cmd, user unknown"}}},
		smtpsink.Rule{At: smtpsink.AtRcpt, To: "reader1@example.org", Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 451, Enhanced: "4.7.1", Text: "greylisted"}}},
	)})
	d.configure()
	d.must("readers", "add", "=1+1@example.org")
	d.crowd(8)
	if fresh, deferred := d.must("deliveries", "--state", "queued", "--json"), d.must("deliveries", "--state", "deferred", "--json"); len(objects(t, fresh)) != 9 || deferred != "" {
		t.Errorf("nothing was tried yet, and these are deferred:\n%s", deferred)
	}
	if r := d.try("deliver", "--drain", "--wait", "0s"); r.code != 1 || !strings.Contains(r.stdout, "7 accepted, 1 deferred, 1 refused") {
		t.Fatalf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	refused := d.must("deliveries", "--edition", "1", "--state", "refused")
	if !strings.HasPrefix(refused, "reader0@example.org  morning/1  refused") || !strings.Contains(refused, "hard") || !strings.Contains(refused, "“550 5.1.1 =cmd, user unknown”") || strings.Count(refused, "@") != 1 {
		t.Errorf("refused:\n%s", refused)
	}
	deferred := objects(t, d.must("deliveries", "--edition", "morning/1", "--state", "deferred", "--json"))
	if len(deferred) != 1 || deferred[0]["address"] != "reader1@example.org" || deferred[0]["class"] != "throttled" || deferred[0]["attempts"] != 1.0 ||
		deferred[0]["not_before"] == nil || deferred[0]["settled"] != nil || deferred[0]["edition"] != 1.0 || deferred[0]["state"] != "deferred" {
		t.Errorf("deferred: %v", deferred)
	}
	rows, err := csv.NewReader(strings.NewReader(d.must("deliveries", "--csv"))).ReadAll()
	if err != nil || len(rows) != 10 || rows[0][3] != "address" || rows[1][3] != "'=1+1@example.org" || rows[1][11] == "" {
		t.Errorf("%v, %v", rows, err)
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--limit", "3"}, 3}, {[]string{"--class", "hard"}, 1}, {[]string{"--reader", "reader5@example.org"}, 1}, {[]string{"--since", "1h"}, 9},
		{[]string{"--edition", "morning", "--state", "accepted"}, 7}, {[]string{"--state", "in-doubt"}, 0}, {[]string{"--since", "2d"}, 9},
	} {
		if got := objects(t, d.must(append([]string{"deliveries", "--json"}, c.args...)...)); len(got) != c.want {
			t.Errorf("%v: %d rows, want %d", c.args, len(got), c.want)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--state", "refuzed"}, 2, `did you mean "refused"?`}, {[]string{"--class", "hart"}, 2, `did you mean "hard"?`},
		{[]string{"--edition", "mornin/1"}, 2, `did you mean "morning"?`}, {[]string{"--edition", "morning/7"}, 1, "the last is number 1"},
		{[]string{"--edition", "morning/x"}, 2, "takes a number"}, {[]string{"--since", "yesterday"}, 2, "a date like"},
		{[]string{"--csv", "--json"}, 2, "take one"}, {[]string{"--limit", "-1"}, 2, "--limit"}, {[]string{"--reader", "nobody@example.org"}, 1, "nobody@example.org"},
	} {
		if r := d.try(append([]string{"deliveries"}, c.args...)...); r.code != c.code || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%v: exit %d, %s", c.args, r.code, r.stderr)
		}
	}
}

// A limit that is spent is said, with when it goes on: by status, for people
// and programs, and by the figures.
func TestSpentLimitIsSaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.crowd(30)
	d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: 2, limits: [10/day, 1000/s]}", d.sink.Port())
	d.configure()
	d.start("serve", "--only", "deliver")
	d.until("ten mails", func() bool { return d.query(`SELECT count(*)::text FROM deliveries WHERE state = 'accepted'`) == "10" })
	out := d.must("status")
	// Twenty are left, and ten go a day.
	for _, want := range []string{`limit 10/day reached, next at \d\d:\d\d UTC \(in 2[34] h \d+ min\)`, `relays' limits, about .* to go|to go by the relays' limits`, `about (47 h \d+ min|2 days 0 h) to go`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("status says nothing of %s:\n%s", want, out)
		}
	}
	var limit struct {
		Limit   string
		Spent   int
		Reached bool
		Next    string
	}
	for line := range strings.Lines(d.must("status", "--json")) {
		if strings.Contains(line, `"limit":"10/day"`) {
			if err := json.Unmarshal([]byte(line), &limit); err != nil {
				t.Fatal(err)
			}
		}
	}
	if limit.Spent != 10 || !limit.Reached || limit.Next == "" {
		t.Errorf("%+v", limit)
	}
	d.until("a figure of the limit", func() bool { return sum(d.scrape(), "courant_limit_wait_seconds") > 23*60*60 })
}
