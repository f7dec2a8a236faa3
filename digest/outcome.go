package digest

import (
	"fmt"
	"regexp"
	"strings"
)

// Verdict is how one attempt to hand a mail over ended. Mail has four
// endings; no bool can hold them.
type Verdict string

// The verdicts.
const (
	VerdictAccepted Verdict = "accepted" // 250 after the dot: the relay answers for it now
	VerdictDeferred Verdict = "deferred" // certainly not accepted; worth another try
	VerdictRefused  Verdict = "refused"  // certainly not accepted; not worth another try
	VerdictInDoubt  Verdict = "in doubt" // the dot went out and no reply came back (RFC 1047)
)

// Verdicts lists every verdict.
func Verdicts() []Verdict {
	return []Verdict{VerdictAccepted, VerdictDeferred, VerdictRefused, VerdictInDoubt}
}

// Stage is the point of an SMTP conversation at which it ended.
type Stage string

// The stages, in order.
const (
	StageConnect  Stage = "connect" // DNS and TCP
	StageBanner   Stage = "banner"
	StageEhlo     Stage = "ehlo"
	StageStartTLS Stage = "starttls" // the command and the handshake
	StageAuth     Stage = "auth"
	StageMail     Stage = "mail"
	StageRcpt     Stage = "rcpt"
	StageData     Stage = "data" // the command, up to its 354
	StageBody     Stage = "body" // while the body is written, before the dot
	StageDot      Stage = "dot"  // from the first byte of the dot to its reply
	StageReset    Stage = "rset"
	StageQuit     Stage = "quit"
)

// Class says what a refusal means and so what follows from it: see the table
// at Classify.
type Class string

// The classes. The first six are the words of reports and of
// `courant bounce --json`.
const (
	ClassHard      Class = "hard"      // the mailbox or domain is gone
	ClassSoft      Class = "soft"      // full or faulty for now
	ClassBlocked   Class = "blocked"   // policy against us: never the reader's fault
	ClassThrottled Class = "throttled" // too fast for them
	ClassContent   Class = "content"   // this mail, not this reader
	ClassUnknown   Class = "unknown"

	ClassTransient     Class = "transient"     // line, TLS, DNS, other 4xx: try again
	ClassConfiguration Class = "configuration" // our own settings: stop the run
)

// Classes lists every class.
func Classes() []Class {
	return []Class{ClassHard, ClassSoft, ClassBlocked, ClassThrottled, ClassContent, ClassUnknown, ClassTransient, ClassConfiguration}
}

// Reply is what an SMTP server said. The zero value is silence.
type Reply struct {
	Code   int    // 250, 451, 550; 0: none
	Status string // enhanced status, RFC 3463: "5.1.1"; empty: none
	Text   string // one printable line
}

// String is the reply as a log or an operator reads it.
func (r Reply) String() string {
	if r.Code == 0 {
		return r.Text
	}
	return strings.TrimSpace(strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, r.Status)) + " " + r.Text)
}

// Envelope is the SMTP envelope of one message: one recipient each.
type Envelope struct {
	From     string // return path without brackets; empty: the null sender
	To       string
	SMTPUTF8 bool // the address needs it, RFC 6531 section 3.3
}

// Outcome is the end of one attempt.
type Outcome struct {
	Verdict Verdict
	Stage   Stage
	Reply   Reply
	Class   Class  // for Deferred and Refused
	Fault   string // what went wrong where no reply tells it: "connection reset"
}

// String is one line for people.
func (o Outcome) String() string {
	s := string(o.Verdict)
	if o.Stage != "" {
		s += " at " + string(o.Stage)
	}
	if r := o.Reply.String(); r != "" {
		s += ": " + r
	} else if o.Fault != "" {
		s += ": " + o.Fault
	}
	return s
}

var addressWords = regexp.MustCompile(`[^\s<>()",;:\[\]]+@([^\s<>()"',;:\[\]]+)`)

// WithoutAddresses is a server's words as a log or an error may show them:
// servers repeat the address they refuse, and a return path holds a token.
func WithoutAddresses(s string) string {
	if !strings.Contains(s, "@") {
		return s // most replies: a line is written for each
	}
	return addressWords.ReplaceAllString(s, "…@$1")
}

// Said is what to keep in the ledger as the server's words, or ours where it
// said nothing.
func (o Outcome) Said() string {
	if r := o.Reply.String(); r != "" {
		return r
	}
	return o.Fault
}

var (
	saysUnknown = regexp.MustCompile(`(?i)user unknown|unknown user|no such (user|mailbox|recipient|person|address)|unknown (recipient|mailbox|address)|(user|mailbox|recipient|account|address)\b.{0,40}(does not exist|doesn't exist|not found|not exist|unknown|unavailable)|no mailbox here|invalid (recipient|mailbox)|recipient address rejected: undeliverable`)
	saysBlocked = regexp.MustCompile(`(?i)\bspam\b|block(ed|list)|blacklist|\brbl\b|dnsbl|reputation|policy|\bdmarc\b|\bdkim\b|\bspf\b|denied|not authori[sz]ed|banned|unsolicited|poor sender`)
	saysFull    = regexp.MustCompile(`(?i)quota|mailbox (is )?full|over ?quota|insufficient (system )?storage|disk full`)
	saysSlow    = regexp.MustCompile(`(?i)gr[ea]ylist|too (many|fast|much)|rate ?limit|throttl|try again later|slow down|temporarily deferred`)
)

// Classify says what a reply means. Code is the SMTP code (0: none), status
// the enhanced status ("": none), text the words.
//
//	5.1.1 5.1.0 5.1.3 5.1.6 5.1.10, "user unknown"  hard
//	5.1.2 5.4.4, 5.2.1                              hard (suppressed after two)
//	4.2.2 5.2.2 552 quota                           soft
//	5.7.x, 554 spam, blocked                        blocked, never the reader's fault
//	4.7.x 421 4.7.0 450 greylisting 451 454 4.x     throttled
//	other 4xx, no code                              transient
//	5.3.4 5.2.3 5.6.x 5.5.x                         content
//	535 530                                         configuration
//	any other 5xx                                   unknown
func Classify(code int, status, text string) Class {
	switch {
	case code == 535 || code == 530 || code == 534 || code == 538:
		return ClassConfiguration
	case strings.HasPrefix(status, "5.") || status == "" && code >= 500:
		return classifyPermanent(code, status, text)
	case strings.HasPrefix(status, "4.") || code >= 400 && code < 500:
		return classifyTransient(code, status, text)
	}
	return ClassTransient
}

// GoneAtOnce says whether a hard refusal with this enhanced status ends the
// address at the first time: it names the mailbox. The others (the domain's
// DNS, a disabled account) may heal and count on two different days.
func GoneAtOnce(status string) bool {
	switch status {
	case "5.1.2", "5.4.4", "5.2.1":
		return false
	}
	return true
}

func classifyPermanent(code int, status, text string) Class {
	switch status {
	case "5.1.1", "5.1.0", "5.1.3", "5.1.6", "5.1.10", "5.1.2", "5.4.4", "5.2.1":
		return ClassHard
	case "5.2.2":
		return ClassSoft
	case "5.3.4", "5.2.3":
		return ClassContent
	}
	switch {
	// A policy's words win over the words "user unknown" inside it: calling
	// a live reader dead costs more than one more try.
	case strings.HasPrefix(status, "5.7."):
		return ClassBlocked
	case strings.HasPrefix(status, "5.6."), strings.HasPrefix(status, "5.5.") && !saysUnknown.MatchString(text):
		return ClassContent
	case saysFull.MatchString(text):
		return ClassSoft
	case saysUnknown.MatchString(text):
		return ClassHard
	case saysBlocked.MatchString(text):
		return ClassBlocked
	case code == 552:
		return ClassSoft
	}
	return ClassUnknown
}

func classifyTransient(code int, status, text string) Class {
	switch {
	case status == "4.2.2" || saysFull.MatchString(text):
		return ClassSoft
	case strings.HasPrefix(status, "4.7."), code == 454, saysSlow.MatchString(text):
		return ClassThrottled
	}
	return ClassTransient
}
