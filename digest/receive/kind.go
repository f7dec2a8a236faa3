package receive

import (
	"regexp"
	"strings"

	"courant/digest"
)

// readFeedback judges a message/feedback-report, RFC 5965 section 3.
func (r *reading) readFeedback() {
	switch strings.ToLower(firstField(r.feedback.get("feedback-type"))) {
	case "auth-failure", "not-spam", "dmarc": // RFC 6591, RFC 6430: nobody complained
		r.Kind = digest.ReportOther
	case "opt-out", "opt-out-list":
		r.Kind = digest.ReportUnsubscribe
	default:
		r.Kind = digest.ReportComplaint
	}
	r.addComplainers()
}

func firstField(s string) string { return (append(strings.Fields(s), ""))[0] }

// addComplainers names who the returned mail went to: the report's own
// fields, else the returned mail's.
func (r *reading) addComplainers() {
	var all []string
	for _, value := range r.feedback.all("original-rcpt-to", "removal-recipient") {
		all = append(all, addressPattern.FindAllString(value, maxRecipients)...)
	}
	if len(all) == 0 {
		for _, value := range r.original.all("x-original-to", "delivered-to", "to") {
			if all = headerAddresses(value); len(all) > 0 {
				break
			}
		}
	}
	for _, a := range all {
		r.addPlain(a)
	}
}

func (r *reading) addPlain(address string) {
	for _, have := range r.Recipients {
		if strings.EqualFold(have.Address, address) {
			return
		}
	}
	r.Recipients = append(r.Recipients, digest.ReportRecipient{Address: address, Class: digest.ClassUnknown})
}

var complaintSubject = regexp.MustCompile(`(?i)^\s*(?:complaint about message from|abuse report|spam (?:report|complaint)|email abuse report)`)

// isOptOutComplaint knows the feedback loops that send no RFC 5965 part:
// Microsoft's is the returned mail under a subject of its own.
func (r *reading) isOptOutComplaint() bool {
	if !complaintSubject.MatchString(r.subject()) || r.original == nil {
		return false
	}
	for _, value := range r.original.all("x-hmxmroriginalrecipient") {
		for _, a := range headerAddresses(value) {
			r.addPlain(a)
		}
	}
	if len(r.Recipients) == 0 {
		r.addComplainers()
	}
	return true
}

var unsubscribeSubject = regexp.MustCompile(`(?i)^\W*(?:unsubscribe|opt[- ]?out|remove me|abbestellen|abmelden|désabonnement|darse de baja)\b.{0,40}$`)

// isUnsubscribe knows a mailed unsubscribe: by the address it came to, or by
// its subject. Apple Mail marks those it sends as auto-replied, so that mark
// is no reason against it; an out-of-office subject is.
func (r *reading) isUnsubscribe() bool {
	subject := r.subject()
	if r.fromDaemon() || awaySubject.MatchString(subject) {
		return false
	}
	return len(withPrefix(r.arrivedAt(), "unsubscribe+")) > 0 || unsubscribeSubject.MatchString(subject)
}

var awaySubject = regexp.MustCompile(`(?i)^\W*(?:(?:re|aw|sv)\s*:\s*)?(?:auto(?:matic(?:ally generated)?|matisch\w*|mated)?[ :-]*(?:re(?:ply|spon)|antwort)|auto ?respon|out[- ]of[- ](?:the[- ])?office|ooo\b|abwesen|abwezig|vacation|holiday|on (?:leave|holiday|vacation)|away from|i am (?:away|out|on)|réponse automatique|r[ée]ponse d'absence|absen[ct]|message d'absence|respuesta autom|resposta autom|risposta autom|fuera de|fuori sede|frånvaro|automaattinen|autosvar|自動|不在|автоответ|ответ: отсутств)`)

// isAutoReply knows answers nobody wrote: RFC 3834, and older habits.
// Bounces carry Auto-Submitted too, so daemons are asked for first.
func (r *reading) isAutoReply() bool {
	h := r.top.header
	if awaySubject.MatchString(r.subject()) {
		return !r.fromDaemon() || autoSubmitted(h)
	}
	if r.fromDaemon() || returnedSubject.MatchString(r.subject()) || h.get("x-failed-recipients") != "" {
		return false
	}
	return autoSubmitted(h)
}

// autoSubmitted reads RFC 3834 section 5, and what came before it.
func autoSubmitted(h header) bool {
	switch auto := strings.ToLower(firstField(h.get("auto-submitted"))); {
	case strings.HasPrefix(auto, "auto-replied"), strings.HasPrefix(auto, "auto-generated"):
		return true
	}
	for _, name := range []string{"x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-auto-response", "x-mail-autoreply", "x-vacation"} {
		if v := h.get(name); v != "" && !strings.EqualFold(v, "no") {
			return true
		}
	}
	switch strings.ToLower(h.get("precedence")) {
	case "auto_reply", "auto-reply", "autoreply":
		return true
	}
	return false
}

var (
	daemonFrom      = regexp.MustCompile(`(?i)mailer-?daemon|mail[ ._-]?deliver|delivery (?:sub)?system|post_?master|mail ?(?:system|administrator)|mail-daemon|mdaemon|bounce[s]?@`)
	returnedSubject = regexp.MustCompile(`(?i)undeliver|unzustellbar|non remis|returned (?:mail|to sender|message)|mail (?:system )?(?:error|failure)|deliver\w* (?:status|fail|error|problem|report|notif|has failed|incomplete|delayed)|(?:mail|message|email) (?:deliver\w* )?(?:failed|failure|could not|delayed|returned|rejected)|failure (?:notice|notification)|non[- ]?deliver|not delivered|bounce|could not (?:be delivered|send)|error sending|permanent (?:delivery )?(?:failure|error)|delivery (?:failure|delayed)|no entregad|n[ãa]o (?:foi )?entregue|mancata consegna|недоставлен|не доставлен|配信|送信|失敗|退信`)
	returnedWords   = regexp.MustCompile(`(?i)undeliver|(?:not|n[o']t|unable|failed|trouble|error|impossible|cannot)\b[^\n]{0,60}\n?[^\n]{0,30}\bdeliver|deliver\w*\b[^\n]{0,60}\n?[^\n]{0,40}\b(?:fail|delay|error|abort|unsuccess|could not|rejected)|permanent(?: fatal)? error|could(?: not|n't) (?:be )?(?:send|sent|reach)|did not reach|fatal errors|delivery errors|was rejected|(?:user|host|mailbox|recipient)\b[^\n]{0,30}\b(?:unknown|full|not found|does not exist|exceed)|unknown (?:user|host)|transcript of session|returned (?:to|mail|message)|no such user|remote host said|invalid user address`)
)

// fromDaemon says that a mail system wrote this, and not a person's mail
// program.
func (r *reading) fromDaemon() bool {
	h := r.top.header
	return daemonFrom.MatchString(start(h.get("from"))) || daemonFrom.MatchString(start(h.get("return-path")))
}

// subject is as much of the subject as says something, in plain text.
func (r *reading) subject() string { return decodeWords(start(r.top.header.get("subject"))) }

// start is the first line's worth of a value, for matching.
func start(s string) string { return s[:min(len(s), 500)] }

// isReturned knows a bounce in free text: by two of sender, subject, words
// and the returned mail's presence.
func (r *reading) isReturned() bool {
	h := r.top.header
	if h.get("x-failed-recipients") != "" {
		return true
	}
	signs := 0
	for _, sign := range []bool{
		r.fromDaemon(),
		strings.TrimSpace(h.get("return-path")) == "<>",
		returnedSubject.MatchString(r.subject()),
		returnedWords.MatchString(r.prose[:min(len(r.prose), maxAround)]),
		r.original != nil && replyLine.MatchString(r.prose[:min(len(r.prose), maxAround)]),
	} {
		if sign {
			signs++
		}
	}
	return signs >= 2
}
