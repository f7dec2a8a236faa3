package rehearse

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// mostPeer is how many messages smtp-source sends at most: its rate is told
// by fewer than a large edition has.
const mostPeer = 50_000

// measurePeer lets Postfix's smtp-source send messages of the same size over
// as many connections to a sink of the same kind, without any ledger: what
// the machine gives at this hour.
func (p *run) measurePeer(ctx context.Context) error {
	order := SinkOrder{Log: p.file("peer.log"), FaultLog: p.file("peer-faults.log")}
	sink, at, err := p.startSink("peer-sink", order)
	if err != nil {
		return err
	}
	n := min(p.plan.Readers, mostPeer)
	var spent usage
	// -d keeps connections, as the workers do; -l is the length of a message.
	_, err = p.troupe.run(ctx, &spent, []string{p.Peer, "-d", "-l", strconv.FormatInt(p.report.Size, 10), "-m", strconv.Itoa(n),
		"-s", strconv.Itoa(p.plan.Connections * p.plan.Workers), "-f", "news@rehearsal.example.com", "-t", "reader@a.example.org", "inet:" + at})
	if err != nil {
		return err
	}
	if err := sink.end(ctx, syscall.SIGTERM, stopTime); err != nil {
		return err
	}
	log := newTail(order.Log, p.ReadLog)
	mails, err := log.all()
	if err != nil {
		return err
	}
	if len(mails) < n {
		return fmt.Errorf("it sent %d messages of %d", len(mails), n)
	}
	p.report.Peer = &Measured{Mails: len(mails), Took: span(mails), CPU: spent.CPU}
	return nil
}

// span is the time from the first mail to the last.
func span(mails []Mail) time.Duration {
	if len(mails) == 0 {
		return 0
	}
	first, last := mails[0].At, mails[0].At
	for _, m := range mails {
		if m.At.Before(first) {
			first = m.At
		}
		if m.At.After(last) {
			last = m.At
		}
	}
	return last.Sub(first)
}
