package submit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"courant/digest"
)

func TestRepliesAreReadTolerantly(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 5000)
	for _, row := range []struct {
		in   string
		want digest.Reply
		err  error
	}{
		{in: "250 2.0.0 Ok: queued as 4C1\r\n", want: digest.Reply{Code: 250, Status: "2.0.0", Text: "Ok: queued as 4C1"}},
		{in: "250 Ok\n", want: digest.Reply{Code: 250, Text: "Ok"}},
		{in: "250\r\n", want: digest.Reply{Code: 250}},
		{in: "250 \r\n", want: digest.Reply{Code: 250}},
		{in: "550-5.1.1 The account\r\n550-5.1.1 does not\r\n550 5.1.1 exist.\r\n", want: digest.Reply{Code: 550, Status: "5.1.1", Text: "The account does not exist."}},
		{in: "550-5.1.1 one\r\n550 two\r\n", want: digest.Reply{Code: 550, Status: "5.1.1", Text: "one two"}},
		{in: "550 5.1.10\r\n", want: digest.Reply{Code: 550, Status: "5.1.10"}},
		{in: "550 5.1 no status\r\n", want: digest.Reply{Code: 550, Text: "5.1 no status"}},
		{in: "550 5.1.1234 no\r\n", want: digest.Reply{Code: 550, Text: "5.1.1234 no"}},
		{in: "550 3.1.1 no\r\n", want: digest.Reply{Code: 550, Text: "3.1.1 no"}},
		{in: "550 a\x00b\x1b[2J\tc\xff\u202e\r\n", want: digest.Reply{Code: 550, Text: "a b [2J c??"}},
		{in: "250 " + long + "\r\n250 next\r\n", want: digest.Reply{Code: 250, Text: strings.TrimSpace(long[:maxReplyText-3])}},
		{in: "hello\r\n", err: errGarbage},
		{in: "25 x\r\n", err: errGarbage},
		{in: "2500 x\r\n", err: errGarbage},
		{in: "150 x\r\n", err: errGarbage},
		{in: "650 x\r\n", err: errGarbage},
		{in: "25x x\r\n", err: errGarbage},
		{in: "\r\n", err: errGarbage},
		{in: "250-a\r\n550 b\r\n", err: errGarbage},
		{in: strings.Repeat("250-a\r\n", 200), err: errGarbage},
		{in: "250 O", err: io.EOF},
		{in: "250-Ok\r\n", err: io.EOF},
		{in: strings.Repeat("2", 1<<20), err: errTooMuch},
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(row.in)), nil)
		if got != row.want || !errors.Is(err, row.err) {
			t.Errorf("%.80q: %+v, %v", row.in, got, err)
		}
	}
}

func FuzzRepliesAreSafeToStore(f *testing.F) {
	for _, seed := range []string{"250 2.0.0 Ok\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "4", "421-\n421 \xff\r\n", "250 5..1 x\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			reply, err := readReply(r, nil)
			if err != nil {
				return
			}
			if reply.Code < 200 || reply.Code > 599 || len(reply.Text) > maxReplyText || !utf8.ValidString(reply.Text) {
				t.Errorf("%+v", reply)
			}
			for _, c := range reply.Text + reply.Status {
				if !unicode.IsPrint(c) {
					t.Errorf("%U in %+v", c, reply)
				}
			}
			for _, stage := range []digest.Stage{digest.StageBanner, digest.StageMail, digest.StageRcpt, digest.StageDot, digest.StageReset} {
				if o := judge(stage, reply); o.Verdict == digest.VerdictAccepted || o.Verdict == "" {
					t.Errorf("%v of %+v", o, reply)
				}
			}
		}
	})
}

func FuzzNoAddressInjectsACommand(f *testing.F) {
	for _, seed := range []string{"a@b", "a@b>\r\nDATA\r\n", "\"a b\"@c", "josé@b", "a@b\x00", "a@b> NOTIFY=NEVER", "a@b\u2028"} {
		f.Add(seed, "b@c", true)
		f.Add("b@c", seed, false)
	}
	f.Fuzz(func(t *testing.T, from, to string, utf8 bool) {
		c := &Conn{utf8: true, eightBit: true, way: patient.steps()}
		env := digest.Envelope{From: from, To: to, SMTPUTF8: utf8}
		if c.unfit(env).Verdict != "" {
			return
		}
		var group []byte
		for _, s := range c.steps() {
			group = c.command(group, s.stage, env)
		}
		parameters := ""
		if utf8 {
			parameters = " BODY=8BITMIME SMTPUTF8"
		}
		if want := "MAIL FROM:<" + from + ">" + parameters + "\r\nRCPT TO:<" + to + ">\r\nDATA\r\n"; string(group) != want {
			t.Fatalf("%q", group)
		}
		for _, mark := range []string{"\n", "<", ">"} {
			if bytes.Count(group, []byte(mark)) != 3-min(1, strings.Index("\n<>", mark)) {
				t.Errorf("%q has another number of %q", group, mark)
			}
		}
	})
}

func FuzzStuffedBodyHasOneEnd(f *testing.F) {
	for _, seed := range []string{"", ".", ".\r\n", "\r\n.\r\n", "a\r\n.b\r\n..", "a\r\n.", "\r\n.\r\n.\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		wire := append(append([]byte("\r\n"), appendStuffed(nil, text)...), ".\r\n"...)
		end := []byte("\r\n.\r\n")
		if i := bytes.Index(wire, end); i != len(wire)-len(end) {
			t.Fatalf("%q ends at %d", wire, i)
		}
		back := bytes.ReplaceAll(wire[:len(wire)-3], []byte("\r\n."), []byte("\r\n"))[2:]
		want := bytes.Clone(text)
		if len(text) > 0 && !bytes.HasSuffix(text, []byte("\r\n")) {
			want = append(want, "\r\n"...)
		}
		if !bytes.Equal(back, want) {
			t.Errorf("%q came back as %q", text, back)
		}
	})
}
