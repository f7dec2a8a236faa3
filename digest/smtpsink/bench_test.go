package smtpsink

import (
	"bytes"
	"strconv"
	"testing"
	"time"
)

// A pipelining client as cheap as can be: what is measured is the sink.
func BenchmarkPipelinedMessagesOf35KB(b *testing.B) {
	for _, connections := range []int{1, 8} {
		b.Run(strconv.Itoa(connections), func(b *testing.B) {
			s := Start(b, Options{Tally: true})
			text := bytes.Repeat([]byte("A line of seventy-six bytes, as quoted-printable text has them in a mail =\r\n"), 35000/76)
			next := append(append([]byte("Message-ID: <1@x.test>\r\n\r\n"), text...), (".\r\n" + group)...)
			b.SetBytes(int64(len(next)))
			done := make(chan struct{})
			for i := range connections {
				l := dial(b, s)
				l.greet()
				l.SetDeadline(time.Time{})
				go func() {
					defer func() { done <- struct{}{} }()
					l.send(group)
					for j := i; j < b.N; j += connections {
						for range 3 {
							l.reply()
						}
						l.send(string(next))
						l.reply()
					}
				}()
			}
			for range connections {
				<-done
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
