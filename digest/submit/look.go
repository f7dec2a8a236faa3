package submit

import (
	"context"
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// certificateNotice is how long before its end a certificate is looked at:
// those that renew themselves have done so by then.
const certificateNotice = 14 * 24 * time.Hour

// Look goes to the relay as far as a delivery would before its first mail, and
// says what it found. Nothing is sent.
func (r *Relay) Look(ctx context.Context, now time.Time) digest.Finding {
	f := digest.Finding{What: "relay", Subject: r.String()}
	conn, outcome := r.Dial(ctx)
	if conn == nil {
		return r.notUsable(f, outcome)
	}
	defer conn.Close()
	text := r.offer(conn)
	if conn.secured != nil && len(conn.secured.PeerCertificates) > 0 {
		end := conn.secured.PeerCertificates[0].NotAfter
		text += ", certificate until " + end.UTC().Format(time.DateOnly)
		if left := end.Sub(now); left < certificateNotice {
			return f.Look(text, fmt.Sprintf("its certificate ends in %d days; whoever runs the relay must renew it, or no mail leaves", max(0, int(left.Hours()/24))))
		}
	}
	return f.OK(text)
}

// notUsable says why a relay could not be used. Its "come later" is none of
// our faults.
func (r *Relay) notUsable(f digest.Finding, o digest.Outcome) digest.Finding {
	said, _, _ := strings.Cut(o.Said(), ": check ")
	text := printable("at "+string(o.Stage)+": "+said, maxQuote+50)
	if o.Class != digest.ClassConfiguration && o.Reply.Code >= 400 && o.Reply.Code < 500 {
		return f.Look(text, "try again in some minutes; Courant would do the same")
	}
	if _, next, ok := strings.Cut(o.Fault, ": check "); ok {
		return f.Wrong(text, "check "+next)
	}
	return f.Wrong(text, "check host, port and tls under smtp, and that this machine may reach "+r.String())
}

// offer says how the relay was come to and what it can do.
func (r *Relay) offer(c *Conn) string {
	var parts []string
	switch {
	case c.secured != nil:
		parts = append(parts, tls.VersionName(c.secured.Version))
	default:
		parts = append(parts, "in clear")
	}
	if r.Username != "" {
		parts = append(parts, "login taken")
	}
	for _, name := range []string{"PIPELINING", "SIZE", "8BITMIME"} {
		if ok, value := c.client.Extension(name); ok {
			parts = append(parts, strings.TrimSpace(name+" "+size(name, value)))
		}
	}
	if !c.pipelining {
		parts = append(parts, "no PIPELINING, so each mail takes longer")
	}
	return strings.Join(parts, ", ")
}

// size is the argument of SIZE (RFC 1870 section 4) for people; 0 says that
// there is no limit.
func size(name, value string) string {
	n, err := strconv.ParseUint(value, 10, 63)
	if name != "SIZE" || err != nil || n == 0 {
		return ""
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// TakesLogin says whether the relay offered AUTH (RFC 4954 section 3).
func (c *Conn) TakesLogin() bool {
	offered, _ := c.client.Extension("AUTH")
	return offered
}
