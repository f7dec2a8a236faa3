package rehearse

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Measured is how fast mails went, and what that took.
type Measured struct {
	Mails int
	Took  time.Duration // from the first accepted to the last
	CPU   time.Duration // 0: not known
}

// Rate is in messages a second.
func (m Measured) Rate() float64 {
	if m.Took <= 0 {
		return 0
	}
	return float64(m.Mails) / m.Took.Seconds()
}

// per1000 is CPU seconds for 1,000 messages.
func (m Measured) per1000() float64 {
	if m.Mails == 0 {
		return 0
	}
	return m.CPU.Seconds() * 1000 / float64(m.Mails)
}

// Report is what came of a rehearsal.
type Report struct {
	Plan        Plan
	Promises    []Promise
	Curve       Curve
	Mails       int
	Size        int64         // of a typical mail, in bytes
	Took        time.Duration // from the first mail accepted to the last
	Most        time.Duration // until 95 of 100 were accepted: retries come late
	Import      time.Duration // of all readers
	Publish     time.Duration // the command that publishes, its start included
	Spent       usage         // by the workers
	PostgresCPU time.Duration // 0: not known, or Postgres was killed
	Peer        *Measured     // smtp-source; nil: not measured
	Bare        *Measured     // signatures on all cores and nothing else; nil: not measured
	Dir         string        // what was seen, kept because a promise broke; else empty

	kills, terms, stops, postgresKills int
}

// curveSteps is how fine the curve is: it must fit a terminal.
const curveSteps = 68

// fill takes the figures from the evidence.
func (r *Report) fill(e *Evidence, marks []Mark) {
	r.Plan, r.Promises = e.Plan, Judge(e)
	r.Mails, r.Took, r.Curve = len(e.Mails), span(e.Mails), newCurve(e.Mails, marks, curveSteps)
	r.Most = span(earliest(e.Mails, 0.95))
	if len(e.Mails) > 0 {
		r.Size = e.Mails[len(e.Mails)/2].Size
	}
	r.kills, r.terms, r.stops, r.postgresKills = e.Kills, e.Terms, e.Stops, e.PostgresKills
}

// earliest are the mails that came first, so large a share of all.
func earliest(mails []Mail, share float64) []Mail {
	sorted := slices.SortedFunc(slices.Values(mails), func(a, b Mail) int { return a.At.Compare(b.At) })
	return sorted[:int(float64(len(sorted))*share)]
}

// Kept says whether every promise was.
func (r *Report) Kept() bool {
	for _, p := range r.Promises {
		if !p.Kept {
			return false
		}
	}
	return len(r.Promises) > 0
}

// Courant is how fast the workers were.
func (r *Report) Courant() Measured {
	return Measured{Mails: r.Mails, Took: r.Took, CPU: r.Spent.CPU}
}

// Ratio is Courant's rate against smtp-source's in this run; 0: not measured.
func (r *Report) Ratio() float64 {
	if r.Peer == nil || r.Peer.Rate() == 0 {
		return 0
	}
	return r.Courant().Rate() / r.Peer.Rate()
}

// Signing is Courant's rate against that of bare signatures in this run; 0: not
// measured.
func (r *Report) Signing() float64 {
	if r.Bare == nil || r.Bare.Rate() == 0 {
		return 0
	}
	return r.Courant().Rate() / r.Bare.Rate()
}

// SigningShare is how much of the CPU that mails took, Courant's and Postgres's,
// bare signatures take: what the machine's other guests don't change; 0: not
// measured.
func (r *Report) SigningShare() float64 {
	all := r.Courant().per1000() + Measured{Mails: r.Mails, CPU: r.PostgresCPU}.per1000()
	if r.Bare == nil || all == 0 {
		return 0
	}
	return r.Bare.per1000() / all
}

// Paint colours a word of the report: a promise that was kept, or not.
type Paint func(text string, kept bool) string

// Write tells the report to a person.
func (r *Report) Write(w io.Writer, paint Paint) error {
	var b strings.Builder
	b.WriteString(r.did() + "\n\n")
	b.WriteString(r.table(paint) + "\n")
	b.WriteString(r.Curve.Blocks(6) + "\n")
	b.WriteString(r.figures())
	if r.Dir != "" {
		fmt.Fprintf(&b, "\nWhat was seen is kept in %s: the logs of sink and workers, and the configs.\n", r.Dir)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// did is one sentence of what was rehearsed, as it was made.
func (r *Report) did() string {
	s := fmt.Sprintf("%d readers, %d workers with %d connections each", r.Plan.Readers, r.Plan.Workers, r.Plan.Connections)
	for _, part := range []struct {
		n    int
		what string
	}{{r.kills, "kill -9"}, {r.terms, "SIGTERM"}, {r.stops, "SIGSTOP past the lease"}, {r.postgresKills, "kill -9 of Postgres"}} {
		if part.n > 0 {
			s += fmt.Sprintf(", %d x %s", part.n, part.what)
		}
	}
	if f := r.Plan.Faults.String(); f != "" {
		s += ", relay faults " + f
	}
	if r.Plan.Leave > 0 {
		s += fmt.Sprintf(", %s leave", r.Plan.Leave)
	}
	if r.Plan.ThrowJournals {
		s += ", journals thrown away"
	}
	if r.Plan.Hold {
		s += ", in_doubt: hold"
	}
	return s + fmt.Sprintf(" (seed %d)", r.Plan.Seed)
}

// Title is the same for the top of a plot.
func (r *Report) Title() string {
	return fmt.Sprintf("%s: %d mails, %.0f a second", r.did(), r.Mails, r.Courant().Rate())
}

func (r *Report) table(paint Paint) string {
	rows := [][3]string{{"promise", "promised", "seen"}}
	for _, p := range r.Promises {
		rows = append(rows, [3]string{p.Name, p.Promised, p.Seen})
	}
	var widths [2]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for i, row := range rows {
		word := paint("BROKEN", false)
		if i == 0 {
			word = "      "
		} else if r.Promises[i-1].Kept {
			word = paint("kept  ", true)
		}
		fmt.Fprintf(&b, "%s  %-*s  %-*s  %s\n", word, widths[0], row[0], widths[1], row[1], row[2])
		if i > 0 {
			for _, example := range r.Promises[i-1].Examples {
				fmt.Fprintf(&b, "          %s\n", example)
			}
		}
	}
	return b.String()
}

// figures are what was measured. CPU and memory say most where nothing was
// killed.
func (r *Report) figures() string {
	var b strings.Builder
	c := r.Courant()
	fmt.Fprintf(&b, "%d mails of %.1f KB in %s: %.0f a second\n", r.Mails, float64(r.Size)/1000, seconds(r.Took), c.Rate())
	if !r.Plan.Calm() {
		fmt.Fprintf(&b, "95 of 100 mails in %s: %.0f a second, what was done to it included\n", seconds(r.Most), Measured{Mails: r.Mails * 95 / 100, Took: r.Most}.Rate())
	}
	fmt.Fprintf(&b, "import %s, publish and fan out %s\n", seconds(r.Import), seconds(r.Publish))
	fmt.Fprintf(&b, "CPU for 1,000 mails: Courant %.3f s", c.per1000())
	if r.PostgresCPU > 0 {
		database := Measured{Mails: r.Mails, CPU: r.PostgresCPU}
		fmt.Fprintf(&b, ", Postgres %.3f s, together %.3f s", database.per1000(), c.per1000()+database.per1000())
	}
	b.WriteString("\n")
	if r.Spent.Memory > 0 {
		fmt.Fprintf(&b, "memory of a worker: %.0f MB at most\n", float64(r.Spent.Memory)/1e6)
	}
	if r.Peer != nil {
		fmt.Fprintf(&b, "smtp-source, the same size and connections, no ledger: %.0f a second, CPU for 1,000 %.3f s; ratio %.2f\n",
			r.Peer.Rate(), r.Peer.per1000(), r.Ratio())
	}
	if r.Bare != nil {
		fmt.Fprintf(&b, "bare RSA-2048 signatures on all cores: %.0f a second, CPU for 1,000 %.3f s; ratio %.2f, share of the CPU %.2f\n",
			r.Bare.Rate(), r.Bare.per1000(), r.Signing(), r.SigningShare())
	}
	return b.String()
}

// reportJSON is the report as one object.
type reportJSON struct {
	Readers       int           `json:"readers"`
	Workers       int           `json:"workers"`
	Connections   int           `json:"connections"`
	Seed          uint64        `json:"seed"`
	Kills         int           `json:"kills"`
	Terms         int           `json:"terms"`
	Stops         int           `json:"stops"`
	PostgresKills int           `json:"postgres_kills"`
	Faults        string        `json:"faults"`
	Kept          bool          `json:"kept"`
	Promises      []promiseJSON `json:"promises"`
	Mails         int           `json:"mails"`
	Bytes         int64         `json:"bytes"`
	Seconds       float64       `json:"seconds"`
	Rate          float64       `json:"rate"`
	PublishSecs   float64       `json:"publish_seconds"`
	CourantCPU    float64       `json:"cpu_per_1000_courant"`
	PostgresCPU   float64       `json:"cpu_per_1000_postgres"`
	Memory        int64         `json:"memory"`
	PeerRate      float64       `json:"smtp_source_rate"`
	Ratio         float64       `json:"ratio"`
	BareRate      float64       `json:"bare_signatures_rate"`
	BareCPU       float64       `json:"cpu_per_1000_bare_signatures"`
	SigningRatio  float64       `json:"signing_ratio"`
	SigningShare  float64       `json:"signing_share_of_cpu"`
	Dir           string        `json:"dir"`
}

type promiseJSON struct {
	Promise  string   `json:"promise"`
	Promised string   `json:"promised"`
	Seen     string   `json:"seen"`
	Kept     bool     `json:"kept"`
	Examples []string `json:"examples"`
}

// WriteJSON tells the report to a program: one object, one line. What was not
// measured is 0.
func (r *Report) WriteJSON(w io.Writer) error {
	c := r.Courant()
	out := reportJSON{
		Readers: r.Plan.Readers, Workers: r.Plan.Workers, Connections: r.Plan.Connections, Seed: r.Plan.Seed,
		Kills: r.kills, Terms: r.terms, Stops: r.stops, PostgresKills: r.postgresKills, Faults: r.Plan.Faults.String(), Kept: r.Kept(),
		Mails: r.Mails, Bytes: r.Size, Seconds: r.Took.Seconds(), Rate: c.Rate(), PublishSecs: r.Publish.Seconds(),
		CourantCPU: c.per1000(), PostgresCPU: Measured{Mails: r.Mails, CPU: r.PostgresCPU}.per1000(), Memory: r.Spent.Memory,
		Ratio: r.Ratio(), SigningRatio: r.Signing(), SigningShare: r.SigningShare(), Dir: r.Dir, Promises: []promiseJSON{},
	}
	if r.Peer != nil {
		out.PeerRate = r.Peer.Rate()
	}
	if r.Bare != nil {
		out.BareRate, out.BareCPU = r.Bare.Rate(), r.Bare.per1000()
	}
	for _, p := range r.Promises {
		out.Promises = append(out.Promises, promiseJSON{p.Name, p.Promised, p.Seen, p.Kept, append([]string{}, p.Examples...)})
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
