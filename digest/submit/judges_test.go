package submit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// hostile are messages as no template makes them: what RFC 5322 allows, and
// what verifiers were seen to stumble over.
func hostile() map[string]string {
	const head = "From: a@example.com\r\nSubject: x\r\n"
	long := strings.Repeat("a very long line that has no end ", 3000)
	return map[string]string{
		"letter":                       letter,
		"empty body":                   head + "\r\n",
		"only line ends":               head + "\r\n\r\n\r\n\r\n",
		"only blanks":                  head + "\r\n \t\r\n\t\r\n  ",
		"no last line end":             head + "\r\nlast",
		"blanks after the last word":   head + "\r\nlast \t ",
		"empty lines at the end":       head + "\r\nlast\r\n\r\n\r\n",
		"empty lines with blanks":      head + "\r\nlast\r\n \r\n\t\r\n \t \r\n",
		"empty lines at the beginning": head + "\r\n\r\n\r\nfirst\r\n",
		"blanks at ends of lines":      head + "\r\none \r\ntwo\t\r\nthree \t \r\n\r\nfour  \r\n",
		"blanks at beginnings":         head + "\r\n one\r\n\ttwo\r\n  three\r\n\t four\r\n",
		"runs of blanks":               head + "\r\na  b   c\t\td \t e\t f  \t\r\n",
		"tabs alone":                   head + "\r\na\tb\r\nabcdefg\th\r\nabcdefgh\ti\r\n12345678 \t9\r\n1234567 \t8\r\n",
		"a tab behind eight bytes":     head + "\r\n1234567 \t9",
		"a long line":                  head + "\r\n" + long + "\r\n",
		"beyond ASCII":                 "From: Jürgen <jürgen@example.com>\r\nSubject: Grüße  aus\u00a0Köln\r\n\r\nñandú 漢字  x\u00a0\r\n",
		"a NUL":                        head + "\r\na\x00 \x00\r\n",
		"other white space":            head + "\r\na\v \vb\f\r\n \v\r\n",
		"folds":                        "From:\r\n a@example.com\r\nSubject: a\r\n\tb\r\n  \tc \r\n d\r\n\r\nx\r\n",
		"a fold with blanks only":      "From: a@example.com\r\nSubject: a\r\n \r\n b\r\n\r\nx\r\n",
		"empty values":                 "From: a@example.com\r\nSubject:\r\nReply-To: \t\r\nTo:  \r\n\r\nx\r\n",
		"no blank behind the colon":    "From:a@example.com\r\nSubject:x:y:z\r\n\r\nx\r\n",
		"blanks before the colon":      "From : a@example.com\r\nSubject\t: x\r\n\r\nx\r\n",
		"names in other letters":       "from: a@example.com\r\nSUBJECT: x\r\nmEssage-iD: <a@b>\r\n\r\nx\r\n",
		"fields twice":                 "Subject: one\r\nFrom: a@example.com\r\nSubject: two\r\nTo: a\r\nTo: b\r\n\r\nx\r\n",
		"fields beside":                "X-A: b=1;\r\n h=c\r\nFrom: a@example.com\r\nSubject-X: no\r\nX-From: no\r\n\r\nx\r\n",
		"dots":                         head + "\r\n.\r\n..\r\n.x\r\n",
		"a signature in the body":      head + "\r\nDKIM-Signature: v=1; a=rsa-sha256; b=\r\n",
		"one letter":                   head + "\r\nx",
	}
}

// chance makes a message of pieces that matter to the canonical form.
func chance(dice *rand.Rand) string {
	pick := func(pieces ...string) string { return pieces[dice.IntN(len(pieces))] }
	value := func() string {
		var b strings.Builder
		for range dice.IntN(8) {
			b.WriteString(pick(" ", "  ", "\t", "\r\n ", "\r\n\t ", "a", "word", "ü", "=?utf-8?q?=C3=BC?=", "<a@b>", ":", ";", strings.Repeat("long", 40)))
		}
		return pick(" ", "", "\t") + b.String() + "z"
	}
	fields := []string{"From: a@example.com"}
	for _, name := range []string{"Subject", "To", "Date", "Message-ID", "List-Unsubscribe", "list-unsubscribe-POST", "List-Id", "Feedback-ID", "Reply-To", "X-Other"} {
		if dice.IntN(3) > 0 {
			fields = append(fields, name+":"+value())
		}
	}
	dice.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	var b strings.Builder
	for range dice.IntN(60) {
		b.WriteString(pick(" ", "  ", "\t", " \t", "\r\n", "\r\n\r\n", " \r\n", "\t\r\n", "=\r\n", "a", "word", "seven..", "eight...", "ü", ".", strings.Repeat("x", dice.IntN(20))))
	}
	return strings.Join(fields, "\r\n") + "\r\n\r\n" + b.String()
}

// trials are the hostile messages, and some by chance.
func trials(n int) map[string]string {
	all := hostile()
	for i := range n {
		all[fmt.Sprintf("chance %d", i)] = chance(rand.New(rand.NewPCG(6376, uint64(i))))
	}
	return all
}

func TestHostileMessagesVerifyWithGoMsgauth(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	records := lookup(t, s)
	for name, text := range trials(300) {
		signed, err := s.Sign(nil, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found, err := dkim.VerifyWithOptions(bytes.NewReader(signed), &dkim.VerifyOptions{LookupTXT: records})
		if err != nil || len(found) != 2 || found[0].Err != nil || found[1].Err != nil {
			t.Errorf("%s: %v", name, err)
			for _, v := range found {
				t.Errorf("%s: %v\n%q", name, v.Err, signed)
			}
		}
		if err := verify(signed, testKeys().rsa); err != nil {
			t.Errorf("%s, by the letter: %v", name, err)
		}
	}
}

// TestHostileMessagesVerifyElsewhere asks verifiers that share no line with
// ours nor with go-msgauth.
func TestHostileMessagesVerifyElsewhere(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	records, err := s.Records()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	all := trials(60)
	delete(all, "blanks before the colon") // obsolete, and dkimpy doesn't know it
	for name, text := range all {
		signed, err := s.Sign(nil, []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.HasSuffix(signed, []byte("\r\n")) {
			signed = append(signed, "\r\n"...) // as Submit does
		}
		if err := os.WriteFile(filepath.Join(dir, name+".eml"), signed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range records {
		if err := os.WriteFile(filepath.Join(dir, r.Name+".txt"), []byte(r.Text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, judge := range []struct{ name, program, probe, script, install string }{
		{"dkimpy", "/usr/bin/python3", "import dkim, nacl", dkimpyScript, "python3-dkim python3-nacl"},
		{"Mail::DKIM", "perl", "use Mail::DKIM 1.2;", mailDKIMScript, "libmail-dkim-perl"},
	} {
		t.Run(judge.name, func(t *testing.T) {
			flag := map[bool]string{true: "-e", false: "-c"}[judge.program == "perl"]
			if exec.Command(judge.program, flag, judge.probe).Run() != nil {
				t.Skipf("no %s on this machine: apt-get install %s", judge.name, judge.install)
			}
			out, err := exec.Command(judge.program, flag, judge.script, dir).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			said := map[string]string{}
			for line := range strings.Lines(string(out)) {
				name, what, _ := strings.Cut(strings.TrimSpace(line), "\t")
				said[name] = what
			}
			for name, text := range all {
				if said[name] != "pass pass" && said[name] != "pass unknown" {
					t.Errorf("%s: %s\n%q", name, said[name], text)
				}
			}
		})
	}
}

// Each writes a line for each message: its name, a tab, what became of both
// signatures. Unknown is the second to those who don't know Ed25519 yet: the
// first must stand all the same (RFC 8463 3).
const (
	dkimpyScript = `
import sys, glob, os, dkim
def txt(name, timeout=5):
    return open(os.path.join(sys.argv[1], name.decode().rstrip('.') + '.txt'), 'rb').read()
for path in glob.glob(os.path.join(sys.argv[1], '*.eml')):
    said = []
    for i in (0, 1):
        try:
            said.append('pass' if dkim.DKIM(open(path, 'rb').read()).verify(idx=i, dnsfunc=txt) else 'fail')
        except Exception as e:
            said.append(repr(e))
    print(os.path.basename(path)[:-4] + '\t' + ' '.join(said))
`
	mailDKIMScript = `
use strict; use Mail::DKIM::Verifier; use Mail::DKIM::DNS;
my $dir = shift;
no warnings 'redefine';
*Mail::DKIM::DNS::query_async = sub {
	my ($name, $type, %opt) = @_;
	open my $f, '<', "$dir/$name.txt" or return sub { $opt{Callbacks}{Success}->() };
	my $text = do { local $/; <$f> };
	my $rr = bless { text => $text }, 'Courant::Record';
	return sub { $opt{Callbacks}{Success}->($rr) };
};
{ package Courant::Record; sub type { 'TXT' } sub txtdata { $_[0]{text} } sub char_str_list { $_[0]{text} } }
for my $path (glob $dir . "/*.eml") {
	open my $f, '<:raw', $path or die $!;
	my $dkim = Mail::DKIM::Verifier->new;
	$dkim->PRINT(do { local $/; <$f> });
	$dkim->CLOSE;
	my ($name) = $path =~ m{([^/]*)\.eml$};
	print "$name\t", join(' ', map { my $r = $_->result_detail; $r =~ /unsupported algorithm ed25519/ ? 'unknown' : $r } $dkim->signatures), "\n";
}
`
)
