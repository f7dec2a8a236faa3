package main

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a DNS for programs that are no Go: by lower-case name and
// type, the values as a zone file has them. What it doesn't know does not exist.
type nameServer map[string][]string

// serve answers until the test ends, and gives the port on loopback.
func (s nameServer) serve(t testing.TB) int {
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
			if reply, err := s.answer(packet[:n]); err == nil {
				_, _ = conn.WriteTo(reply, from) // who asks again is answered again
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return conn.LocalAddr().(*net.UDPAddr).Port
}

func (s nameServer) answer(packet []byte) ([]byte, error) {
	var p dnsmessage.Parser
	asked, err := p.Start(packet)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true, RecursionDesired: asked.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{q},
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	for _, value := range s[name+" "+kind] {
		reply.Answers = append(reply.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   recordBody(kind, value),
		})
	}
	// A name with another type is there, and only this record is not (RFC 2308 section 2.2).
	if len(reply.Answers) == 0 && !s.knows(name) {
		reply.RCode = dnsmessage.RCodeNameError
	}
	return reply.Pack()
}

func (s nameServer) knows(name string) bool {
	for key := range s {
		if there, _, _ := strings.Cut(key, " "); there == name || strings.HasSuffix(there, "."+name) {
			return true
		}
	}
	return false
}

func recordBody(kind, value string) dnsmessage.ResourceBody {
	switch kind {
	case "A":
		return &dnsmessage.AResource{A: netip.MustParseAddr(value).As4()}
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
