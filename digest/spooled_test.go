package digest

import (
	"bytes"
	"testing"
	"time"
)

func FuzzSpooled(f *testing.F) {
	for _, s := range []Spooled{
		{Ref: Ref{7, 42}, At: time.UnixMicro(1772517600123456), How: "one-click"},
		{Ref: Ref{1 << 40, 1<<63 - 1}, At: time.UnixMicro(-1), How: "page", Everything: true, Reason: "too \"much\"\nnews, zu viel é"},
		{},
	} {
		f.Add(bytes.TrimSuffix(s.AppendLine(nil), []byte("\n")))
	}
	f.Add([]byte("leave1 1 2 3 digest \"\" \"\" 00000000"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := ParseSpooled(line)
		if err != nil {
			return
		}
		if again := s.AppendLine(nil); !bytes.Equal(again, append(bytes.Clone(line), '\n')) {
			t.Errorf("%q comes back as %q", line, again)
		}
	})
}

func FuzzSpooledRoundTrip(f *testing.F) {
	f.Add(int64(7), int64(42), int64(1772517600123456), "one-click", "too\r\nmuch \xff", true)
	f.Fuzz(func(t *testing.T, edition, reader, micro int64, how, reason string, everything bool) {
		s := Spooled{Ref: Ref{EditionID(edition), ReaderID(reader)}, At: time.UnixMicro(micro).UTC(), How: how, Reason: reason, Everything: everything}
		line := s.AppendLine(nil)
		if bytes.Count(line, []byte("\n")) != 1 {
			t.Fatalf("%q is not one line", line)
		}
		got, err := ParseSpooled(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil || !got.At.Equal(s.At) || got.Ref != s.Ref || got.How != how || got.Reason != reason || got.Everything != everything {
			t.Errorf("%+v comes back as %+v, %v", s, got, err)
		}
	})
}

// Every byte of a line counts: with one changed, or cut off, it is not read.
func TestDamagedRecordIsNotRead(t *testing.T) {
	t.Parallel()
	line := bytes.TrimSuffix(Spooled{Ref: Ref{7, 42}, At: time.UnixMicro(1772517600123456), How: "one-click", Reason: "x"}.AppendLine(nil), []byte("\n"))
	for i := range line {
		for bit := range 8 {
			bad := bytes.Clone(line)
			bad[i] ^= 1 << bit
			if s, err := ParseSpooled(bad); err == nil {
				t.Errorf("%q is read as %+v", bad, s)
			}
		}
		if s, err := ParseSpooled(line[:i]); err == nil {
			t.Errorf("the first %d bytes are read as %+v", i, s)
		}
	}
}
