package submit

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"courant/digest"
	"courant/digest/smtpsink"
)

func BenchmarkSubmitMessagesOf35KB(b *testing.B) {
	letter := append([]byte("Message-ID: <1@x.test>\r\n\r\n"),
		bytes.Repeat([]byte("A line of seventy-six bytes, as quoted-printable text has them in a mail =\r\n"), 35000/76)...)
	for _, how := range []smtpsink.Security{smtpsink.Plain, smtpsink.StartTLS} {
		for _, without := range []string{"", "PIPELINING"} {
			for _, connections := range []int{1, 8} {
				b.Run(fmt.Sprintf("tls=%s/without=%s/connections=%d", how, without, connections), func(b *testing.B) {
					s := smtpsink.Start(b, smtpsink.Options{Security: how, Without: []string{without}, Tally: true})
					conns := make([]*Conn, connections)
					for i := range conns {
						conns[i] = dial(b, relayTo(s, how))
					}
					b.SetBytes(int64(len(letter)))
					b.ReportAllocs()
					b.ResetTimer()
					var wg sync.WaitGroup
					for i, c := range conns {
						wg.Go(func() { submitMany(b, c, letter, (b.N+connections-1-i)/connections) })
					}
					wg.Wait()
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
					if s.Count() != b.N {
						b.Errorf("the sink has %d of %d", s.Count(), b.N)
					}
				})
			}
		}
	}
}

func submitMany(b *testing.B, c *Conn, letter []byte, n int) {
	ahead := &toB
	for i := range n {
		if i == n-1 {
			ahead = nil
		}
		o := c.Submit(b.Context(), Message{Envelope: toB, Text: letter, Ahead: ahead})
		if o.Verdict != digest.VerdictAccepted {
			b.Error(o)
			return
		}
	}
}
