package digest

import "time"

// ReportKind says what a returned mail is.
type ReportKind string

// The kinds of report.
const (
	ReportBounce      ReportKind = "bounce"
	ReportComplaint   ReportKind = "complaint"
	ReportUnsubscribe ReportKind = "unsubscribe"
	ReportAutoReply   ReportKind = "auto-reply"
	ReportOther       ReportKind = "other"
)

// ReportRecipient is one address a report speaks of.
type ReportRecipient struct {
	Address string
	Status  string // enhanced status, RFC 3463; empty: none given
	Class   Class  // hard, soft, blocked, throttled, content or unknown
	Said    string // the server's words
}

// Report is what Courant understood of one returned mail. It changes a
// reader only when Ref is known, which takes a valid token of ours.
type Report struct {
	Kind       ReportKind
	Recipients []ReportRecipient
	Ref        Ref    // the delivery it is about; zero: no valid token of ours
	Via        string // how Ref was found: "return path", "message-id", "mailto"; empty: not found
	Hash       []byte // SHA-256 of what makes the report itself: the same report twice counts once
	At         time.Time
}

// ReportEffect is what a report did.
type ReportEffect string

// The effects of a report.
const (
	EffectNone       ReportEffect = "none"       // recorded only
	EffectDuplicate  ReportEffect = "duplicate"  // known already
	EffectBounced    ReportEffect = "bounced"    // the delivery is marked
	EffectSuppressed ReportEffect = "suppressed" // the address gets no more mail
	EffectLeft       ReportEffect = "left"       // the reader left
	EffectArrived    ReportEffect = "arrived"    // the delivery was in doubt, and counts as accepted now
)
