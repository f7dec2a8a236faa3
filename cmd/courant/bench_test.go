package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// BenchmarkEndToEnd publishes an edition for 20,000 readers and delivers it
// with the built program, ledger, journal and safety on, to a recording sink
// over eight connections. It gives messages a second and the program's own
// CPU seconds for 1,000 messages (user and system; Postgres and the sink not
// counted), unsigned and with DKIM.
func BenchmarkEndToEnd(b *testing.B) {
	const readers = 20_000
	for _, signed := range []bool{false, true} {
		b.Run(fmt.Sprintf("signed=%v", signed), func(b *testing.B) {
			d := newDesk(b, smtpsink.Options{})
			d.sink = smtpsink.Start(b, smtpsink.Options{Tally: true})
			d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: 8}", d.sink.Port())
			d.unsigned = !signed
			d.configure()
			var csv strings.Builder
			csv.WriteString("email\n")
			for i := range readers {
				fmt.Fprintf(&csv, "reader%d@example.org\n", i)
			}
			d.must("readers", "import", d.write("crowd.csv", csv.String()))
			var cpu, wall time.Duration
			sent := 0
			for i := range b.N {
				d.tell(fmt.Sprintf("Harbour closes for repairs %d", i))
				c := d.command(b.Context(), "send", "morning")
				began := time.Now()
				if out, err := c.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				wall += time.Since(began)
				cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
				sent += readers
			}
			if d.sink.Count() != sent {
				b.Fatalf("the sink has %d mails of %d", d.sink.Count(), sent)
			}
			b.ReportMetric(float64(sent)/wall.Seconds(), "messages/s")
			b.ReportMetric(cpu.Seconds()*1000/float64(sent), "cpu-s/1k")
		})
	}
}
