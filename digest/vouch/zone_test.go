package vouch

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is what a name server on loopback knows: by lower-case name and type,
// the values as a zone file has them. A name with the type FAIL is answered
// with a server failure.
type zone map[string][]string

// serve answers from the zone until the test ends, and gives the resolver that
// asks it and nobody else.
func (z zone) serve(t testing.TB) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		packet := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if reply, err := z.answer(packet[:n]); err == nil {
				_, _ = conn.WriteTo(reply, from) // who asks again is answered again
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z zone) answer(packet []byte) ([]byte, error) {
	var asked dnsmessage.Message
	if err := asked.Unpack(packet); err != nil || len(asked.Questions) != 1 {
		return nil, err
	}
	q := asked.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: asked.Questions}
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	values, found := z[name+" "+kind]
	if _, fails := z[name+" FAIL"]; fails {
		reply.RCode = dnsmessage.RCodeServerFailure
	} else if !found {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, v := range values {
		reply.Answers = append(reply.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   body(kind, v),
		})
	}
	return reply.Pack()
}

func body(kind, value string) dnsmessage.ResourceBody {
	switch kind {
	case "A":
		return &dnsmessage.AResource{A: netip.MustParseAddr(value).As4()}
	case "AAAA":
		return &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(value).As16()}
	case "MX":
		return &dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(value)}
	case "PTR":
		return &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(value)}
	}
	var pieces []string
	for len(value) > 255 {
		pieces, value = append(pieces, value[:255]), value[255:]
	}
	return &dnsmessage.TXTResource{TXT: append(pieces, value)}
}
