package smtpsink

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// stuff is the sender's half of RFC 5321 4.5.2 for a body that ends with CRLF.
func stuff(body []byte) []byte {
	out := bytes.ReplaceAll(body, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(body, []byte(".")) {
		out = append([]byte("."), out...)
	}
	return append(out, ".\r\n"...)
}

func FuzzBodyComesBackHoweverItIsSplit(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "\r\n", ".\r\n", "\r\n.\r\n", "a\r\n.b\r\n..c", "\n.\n", "\r.\r", "Message-ID: <a@b>\r\n\r\nx", "\r\n.\r", "x\r\n.\rx"} {
		f.Add([]byte(seed), uint8(1))
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, step uint8) {
		want := append(bytes.Clone(text), "\r\n"...)
		wire := stuff(want)
		b := body{keep: true, limit: 1 << 30}
		b.begin()
		rest := append(bytes.Clone(wire), "QUIT\r\n"...)
		done, seen := false, 0
		for n := 0; !done; {
			n = min(seen+int(step)+1, len(rest))
			var used int
			used, done = b.feed(rest[:n])
			if n-used > 4 && !done {
				t.Fatalf("left %d bytes", n-used)
			}
			rest, seen = rest[used:], n-used
			if !done && n == len(rest)+used && used == 0 {
				t.Fatal("never ended")
			}
		}
		if !bytes.Equal(b.kept, want) || b.size != int64(len(want)) || string(rest) != "QUIT\r\n" {
			t.Errorf("%q came back as %q, left %q", want, b.kept, rest)
		}
		b.messageID()
	})
}

func FuzzConversationSurvivesAnyBytes(f *testing.F) {
	for _, seed := range []string{
		"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
		"EHLO x\r\nAUTH PLAIN AHUAcA==\r\nMAIL FROM:<> SIZE=1 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<\"x\\\" y\"@d>\r\nDATA\r\n.\r\n",
		"EHLO x\r\nAUTH LOGIN\r\ndQ==\r\ncA==\r\nRSET\r\nNOOP\r\n",
		"\x00\xff\n\r\n\r\r\n MAIL FROM:<<>>\r\nSTARTTLS\r\nAUTH PLAIN =\r\n*\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		s := &Sink{opt: Options{Accounts: map[string]string{"u": "p"}}.withDefaults()}
		client, server := net.Pipe()
		client.SetDeadline(time.Now().Add(5 * time.Second))
		c := newConversation(s, server, 1)
		done := make(chan []byte)
		go func() {
			said, _ := io.ReadAll(client)
			done <- said
		}()
		go func() {
			client.Write(input)
			client.Write([]byte("\r\n.\r\nQUIT\r\n"))
			// A half-read AUTH may have eaten the QUIT.
			client.Write([]byte("QUIT\r\n"))
			c.abort()
		}()
		c.run()
		said := string(<-done)
		// Every 250 to a message is a record: the sink's one promise.
		if n := strings.Count(said, "250 2.0.0 Ok\r\n"); s.Count() > n {
			t.Errorf("%d recorded, %q", s.Count(), said)
		}
		for _, m := range s.Messages() {
			if strings.ContainsAny(m.From+m.To, "\r\n\x00") {
				t.Errorf("control character in %+v", m)
			}
		}
	})
}

func FuzzLogComesBack(f *testing.F) {
	f.Add("a@b", "c d@e", "<x@y>\t", "-", int64(3), true)
	f.Add("", "%41", "\n", "\x7f", int64(0), false)
	f.Fuzz(func(t *testing.T, from, to, id, user string, size int64, secure bool) {
		m := Message{Seq: 1, At: time.Unix(9, 0).UTC(), From: from, To: to, Also: []string{to, from}, ID: id, User: user, Size: size, TLS: secure}
		got, err := ReadLog(bytes.NewReader(appendLine(nil, &m)))
		if err != nil || len(got) != 1 {
			t.Fatalf("read %v, %v", got, err)
		}
		if g := got[0]; g.From != from || g.To != to || g.ID != id || g.User != user || g.Size != size || g.TLS != secure || g.Also[1] != from {
			t.Errorf("%+v came back as %+v", m, g)
		}
	})
}

func FuzzReadLogSurvivesAnyBytes(f *testing.F) {
	m := Message{Seq: 1, To: "a@b"}
	f.Add(appendLine(nil, &m))
	f.Fuzz(func(_ *testing.T, data []byte) { ReadLog(bytes.NewReader(data)) })
}
