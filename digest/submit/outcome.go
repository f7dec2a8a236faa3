package submit

import (
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
	"syscall"

	"courant/digest"
)

// judge says what a reply that stops a message means at its stage. Positive
// replies come here too when they are the wrong ones: a 250 to DATA.
func judge(stage digest.Stage, r digest.Reply) digest.Outcome {
	o := digest.Outcome{Verdict: digest.VerdictDeferred, Stage: stage, Reply: quoted(r)}
	o.Class = digest.Classify(r.Code, r.Status, r.Text)
	switch {
	case r.Code < 400:
		o.Fault = "the relay answered out of turn"
		if stage == digest.StageDot {
			o.Verdict, o.Class = digest.VerdictInDoubt, ""
		}
	case r.Code < 500:
		// A 4xx defers whatever enhanced status it carries: RFC 3463 2 leaves the
		// word to the basic code when the two contradict each other.
	case stage == digest.StageReset:
		o.Class = digest.ClassTransient // it says nothing of a message
	case o.Class == digest.ClassConfiguration:
		o.Fault = "the relay wants other credentials: check username and password_file under smtp"
	case blamesSender(stage, o.Class):
		o.Class = digest.ClassConfiguration
		o.Fault = senderFault(stage)
	default:
		o.Verdict = digest.VerdictRefused
	}
	return o
}

// blamesSender: a 5xx before RCPT is about us and not about a reader, unless
// MAIL refuses this very message.
func blamesSender(stage digest.Stage, class digest.Class) bool {
	switch stage {
	case digest.StageRcpt, digest.StageData, digest.StageBody, digest.StageDot:
		return false
	case digest.StageMail:
		return class != digest.ClassContent
	}
	return true
}

func senderFault(stage digest.Stage) string {
	switch stage {
	case digest.StageMail:
		return "the relay refuses our envelope sender: check from and return_path, and that this account may send for them"
	case digest.StageBanner:
		return "the relay refuses this machine: check host and port under smtp, and whether its address is on a block list"
	case digest.StageEhlo:
		return "the relay refuses our host name: check the host part of url"
	case digest.StageStartTLS:
		return "the relay refuses TLS: check port and tls under smtp"
	case digest.StageAuth:
		return "the relay refuses to authenticate us: check username and password_file under smtp"
	}
	return "the relay refuses the conversation"
}

// lost is the outcome when the line fails instead of a reply coming. Nothing
// was accepted before the dot; after it nobody knows.
func lost(stage digest.Stage, err error) digest.Outcome {
	return lostWith(stage, err, nil)
}

// lostWith is lost where the error may hold what the relay said.
func lostWith(stage digest.Stage, err error, hush *secrets) digest.Outcome {
	o := digest.Outcome{Verdict: digest.VerdictDeferred, Stage: stage, Class: digest.ClassTransient, Fault: fault(err, hush)}
	if stage == digest.StageDot {
		o.Verdict, o.Class = digest.VerdictInDoubt, ""
	}
	return o
}

// misset is the outcome of a fault in our own settings that no reply tells.
func misset(stage digest.Stage, sentence string) digest.Outcome {
	return digest.Outcome{
		Verdict: digest.VerdictDeferred, Stage: stage, Class: digest.ClassConfiguration, Fault: sentence,
	}
}

// fault names what went wrong with a line, in words of the field.
func fault(err error, hush *secrets) string {
	var timeout net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host: " + printable(name.Name, 253)
	case errors.Is(err, errInterrupted):
		return "interrupted"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by the relay"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	var protocol textproto.ProtocolError
	if errors.As(err, &protocol) {
		return "unreadable reply: " + printable(hush.cut(string(protocol)), 80)
	}
	return printable(hush.cut(err.Error()), maxQuote)
}

// errInterrupted is the end of the caller's context.
var errInterrupted = errors.New("interrupted")

// replyIn finds the server's words in an error of go-mail.
func replyIn(err error, hush *secrets) (digest.Reply, bool) {
	var said *textproto.Error
	if !errors.As(err, &said) || said.Code < 200 || said.Code > 599 {
		return digest.Reply{}, false
	}
	reply := digest.Reply{Code: said.Code}
	reply.Status, reply.Text = joinReply(strings.Split(said.Msg, "\n"), hush)
	return reply, true
}
