package receive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"courant/digest"
)

// MaxMail is how much of a returned mail is read. What a provider returns is
// our own mail, under 100 KB, and its words about it.
const MaxMail = 10 << 20

// Mail is one returned mail, understood.
type Mail struct {
	digest.Report
	// Delayed says that nothing was given up yet: the other side goes on
	// trying. Such a report is recorded and changes nothing.
	Delayed bool
}

// ErrNotMail says that the bytes have no header of a mail.
var ErrNotMail = errors.New("this is no mail: it has no header")

// ErrTooLong says that a mail is longer than MaxMail.
var ErrTooLong = fmt.Errorf("the mail is longer than %d MB: no returned mail is", MaxMail>>20)

// Parse reads one returned mail, with or without an mbox "From " line. It
// believes the tokens of keys; nil: none. to is the address the mail was
// delivered to where the way in knows it, empty where not. It never panics,
// and takes time in proportion to the mail.
func Parse(raw []byte, keys *digest.Keyring, to string) (Mail, error) {
	if len(raw) > MaxMail {
		return Mail{}, ErrTooLong
	}
	raw = normalLines(bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), "\r\n"))
	e := readEntity(raw)
	if len(e.header) == 0 {
		return Mail{}, ErrNotMail
	}
	r := &reading{keys: keys, top: e, to: strings.Trim(strings.TrimSpace(to), "<>")}
	r.gather()
	r.understand()
	r.identify()
	r.Hash = hash(e.header.get("message-id"), r.Report, raw)
	return r.Mail, nil
}

// reading is one mail on its way to being understood.
type reading struct {
	Mail
	keys     *digest.Keyring
	top      *entity
	to       string
	status   []verdict // of message/delivery-status
	feedback header    // of message/feedback-report
	prose    string    // the words of the report
	rest     string    // what follows them: the returned mail
	original header    // of the returned mail
}

// gather sorts the parts by what they are.
func (r *reading) gather() {
	var plain, html strings.Builder
	for _, leaf := range r.top.leaves() {
		switch {
		case leaf.media == "message/delivery-status" || leaf.media == "message/global-delivery-status":
			r.status = append(r.status, readStatus(normalLines(leaf.decoded(maxText)))...)
		case leaf.media == "message/feedback-report":
			r.feedback, _ = readHeader(normalLines(leaf.decoded(maxText)))
		case strings.HasPrefix(leaf.media, "message/") || leaf.media == "text/rfc822-headers" || leaf.media == "text/rfc822-header":
			if r.original == nil {
				r.original, _ = readHeader(bytes.TrimLeft(normalLines(leaf.decoded(maxText)), "\n"))
			}
		case strings.HasPrefix(leaf.media, "multipart/"): // in name only: no parts were found
			plain.WriteString(leaf.text() + "\n")
		case leaf.media == "text/html":
			html.WriteString(leaf.text() + "\n")
		case strings.HasPrefix(leaf.media, "text/") && plain.Len() < maxProse:
			plain.WriteString(leaf.text() + "\n")
		}
	}
	text := plain.String()
	if len(strings.TrimSpace(text)) < 20 {
		text += html.String()
	}
	if forwarded.MatchString(r.subject()) {
		text = quoteMark.ReplaceAllString(text, "")
	}
	r.prose, r.rest = splitReport(text)
	if r.original == nil && r.rest != "" {
		if at := originalField.FindStringIndex(r.rest); at != nil {
			r.original, _ = readHeader([]byte(r.rest[at[0]:]))
		}
	}
	if len(r.status) == 0 && statusFields.MatchString(text) {
		r.status = readStatus([]byte(text))
	}
}

var (
	forwarded     = regexp.MustCompile(`(?i)^\s*(?:fwd?|wg|tr|rv)\s*:`)
	quoteMark     = regexp.MustCompile(`(?m)^> ?`)
	originalField = regexp.MustCompile(`(?im)^(?:received|return-path|message-id|from|to|date|subject|mime-version|dkim-signature|x-[a-z-]+):`)
	statusFields  = regexp.MustCompile(`(?im)^\s*final-recipient:.+$`)
)

// understand finds the kind, and the recipients with their classes.
func (r *reading) understand() {
	r.Kind = digest.ReportOther
	switch {
	case r.feedback != nil:
		r.readFeedback()
	case len(r.status) > 0 && r.readDelivery():
	case r.isUnsubscribe():
		r.Kind = digest.ReportUnsubscribe
	case r.isOptOutComplaint():
		r.Kind = digest.ReportComplaint
	case r.isAutoReply():
		r.Kind = digest.ReportAutoReply
	case r.isReturned():
		r.readReturned()
	}
}

// readDelivery judges a delivery status. It is not ok when the status names
// nobody at all.
func (r *reading) readDelivery() bool {
	var failed []verdict
	delivered := 0
	for _, v := range r.status {
		switch {
		case v.action == "delivered", v.action == "relayed", v.action == "expanded", v.action == "deliverable", strings.HasPrefix(v.status, "2."):
			delivered++
		case v.address != "" && !slices.ContainsFunc(failed, v.sameAddress):
			failed = append(failed, v)
		}
	}
	if len(failed) == 0 {
		return delivered > 0 // success: other, nobody named
	}
	r.Kind = digest.ReportBounce
	r.Delayed = true
	about := r.proseAbout(failed)
	for _, v := range failed {
		r.Delayed = r.Delayed && v.action == "delayed"
		r.addVerdict(withProse(v, about(v.address)))
	}
	return true
}

// proseAbout finds the human part's words about one of the recipients; all
// of it where there is but one.
func (r *reading) proseAbout(all []verdict) func(address string) string {
	if len(all) == 1 {
		return func(string) string { return r.prose }
	}
	found, lines, wanted := mentions(r.prose, nil), strings.Split(r.prose, "\n"), map[string]bool{}
	for _, v := range all {
		wanted[strings.ToLower(v.address)] = true
	}
	return func(address string) string { return aboutOne(lines, found, wanted, address) }
}

// withProse adds the human part's words to a status that has few of its own.
func withProse(v verdict, text string) verdict {
	v.around = text + " " + v.around
	// The remote server's own number says more than what the reporter made
	// of it: sendmail puts 5.1.1 above a 5.7.1 and 4.4.7 above everything late.
	if better := firstStatus(v.said); !generic(better) {
		v.status = better
	} else if better := verdictIn(v.address, text).status; generic(v.status) && !generic(better) {
		v.status = better
	}
	if len(strings.Fields(withoutAddresses(v.said))) < 4 {
		v.said += " " + verdictIn(v.address, text).said
	}
	return v
}

// generic says that a status tells no more than its first digit, or not even
// that.
func generic(status string) bool {
	return status == "" || strings.HasSuffix(status, ".0.0")
}

func (r *reading) addVerdict(v verdict) {
	said := digest.PlainLine(v.said, 500)
	for _, have := range r.Recipients {
		if strings.EqualFold(have.Address, v.address) {
			return
		}
	}
	r.Recipients = append(r.Recipients, digest.ReportRecipient{
		Address: v.address, Status: v.status, Class: classOf(v), Said: said,
	})
}

// readReturned reads a report in free text.
func (r *reading) readReturned() {
	h := r.top.header
	var known []string
	for _, name := range []string{"x-failed-recipients", "x-failed-recipient"} {
		for _, value := range h.all(name) {
			known = append(known, addressPattern.FindAllString(value, maxRecipients)...)
		}
	}
	found := readProse(r.prose, known, r.ownAddresses())
	if len(found) == 0 {
		for _, a := range headerAddresses(r.original.get("to")) {
			found = append(found, verdictIn(a, r.prose))
		}
	}
	if len(found) == 0 && !r.fromDaemon() {
		return // says "returned" but returns nothing: no bounce of ours
	}
	r.Kind = digest.ReportBounce
	r.Delayed = warning.MatchString(r.subject()) || warning.MatchString(r.prose[:min(len(r.prose), maxAround)])
	for _, v := range found {
		if r.Delayed {
			v.action = "delayed"
		}
		r.addVerdict(v)
	}
}

var warning = regexp.MustCompile(`(?i)warning message only|\(delay\)|\bdelayed \d+ hours|has not yet been delivered|do not need to resend|will (continue to be|be) retried|status notification: (warning|delayed)|delivery (is |has been |was )?delayed|could not send mail for past|still being retried|no action is required on your part`)

// ownAddresses are those of the one the mail was returned to, and of the one
// who returned it.
func (r *reading) ownAddresses() map[string]bool {
	own := map[string]bool{strings.ToLower(r.to): true}
	for _, value := range r.top.header.all("to", "from", "reply-to", "delivered-to", "x-original-to", "envelope-to", "return-path", "errors-to", "sender", "cc") {
		for _, a := range headerAddresses(value) {
			own[strings.ToLower(a)] = true
		}
	}
	for _, value := range r.original.all("return-path", "from", "sender", "reply-to") {
		for _, a := range headerAddresses(value) {
			own[strings.ToLower(a)] = true
		}
	}
	return own
}

// hash names the report itself, so that the same one by two ways, or twice by
// one, counts once.
func hash(messageID string, r digest.Report, raw []byte) []byte {
	h := sha256.New()
	if messageID == "" {
		h.Write([]byte("raw\x00"))
		h.Write(raw)
		return h.Sum(nil)
	}
	fmt.Fprintf(h, "%s\x00%d\x00%d\x00%s", messageID, r.Ref.Edition, r.Ref.Reader, r.Kind)
	for _, to := range r.Recipients {
		fmt.Fprintf(h, "\x00%s %s", strings.ToLower(to.Address), to.Status)
	}
	return h.Sum(nil)
}
