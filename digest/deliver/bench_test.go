package deliver_test

import (
	"log/slog"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// BenchmarkEngine sends b.N short mails through the whole engine to the sink
// in the same process: claims, intents, journal, verdicts. The connections
// here make a round trip a command; submit's own pipeline.
func BenchmarkEngine(b *testing.B) {
	n, sink := newNewspaper(b, 0), smtpsink.Start(b, smtpsink.Options{Tally: true})
	n.exec(`INSERT INTO readers (email, email_hash)
	        SELECT 'reader' || i || '@example.org', sha256(i::text::bytea) FROM generate_series(1, $1) AS i`, b.N)
	n.exec(`INSERT INTO subscriptions (reader_id, list, state) SELECT id, 'all', 'active' FROM readers`)
	n.exec(`ANALYZE readers, subscriptions`)
	n.publish()
	engine := n.engine(sink, 8)
	engine.Log = slog.New(slog.DiscardHandler)
	before := processorTime(b)
	b.ResetTimer()
	if left, err := engine.Drain(b.Context(), 0); err != nil || left.Total() != 0 || sink.Count() != b.N {
		b.Fatalf("left %+v, sink has %d of %d, %v", left, sink.Count(), b.N, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N)*1000, "cpu-s/1k")
}

// processorTime is what this process used, the sink included and Postgres not.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
