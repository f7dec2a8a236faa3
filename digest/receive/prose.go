package receive

import (
	"regexp"
	"strings"
)

// The limits of reading free text.
const (
	maxProse      = 32 << 10
	maxSaid       = 4 << 10
	maxAround     = 8 << 10
	maxRecipients = 100
)

// originalMark finds the line where a report ends and the returned mail
// begins.
var originalMark = regexp.MustCompile(`(?im)^[ \t>]*[-=_*#]*[ \t]*(?:(?:this|here|below|included|enclosed|attached|following)\b[^\n]{0,30}\b(?:is|are)\b[^\n]{0,20}\b(?:copy|headers?) of|included is a copy|(?:the )?headers? of the (?:original|message)|(?:a )?copy of (?:the|your) (?:original|message)|original message(?: headers?| follows| header)?[ \t:.-]*$|-+ ?original message|--+ original message follows|original headers|unsent message|message headers? follow|undelivered message|-+ ?returned message|returned message follows|message header|header of (?:the|your)|your (?:original )?message (?:is|was) (?:attached|as follows)|received:|return-path:|dkim-signature:|x-originating-ip:|-+ ?begin (?:message|original))[^\n]*$`)

// report is the part of a text that speaks of the returned mail, and the
// rest: the returned mail itself.
func splitReport(text string) (report, original string) {
	if len(text) > maxProse {
		text = text[:maxProse]
	}
	for from := 0; from < len(text); {
		at := originalMark.FindStringIndex(text[from:])
		if at == nil {
			break
		}
		// The mark may not stand at the very top: then the whole is all there is.
		if begin := from + at[0]; len(strings.TrimSpace(text[:begin])) >= 20 {
			return text[:begin], text[begin:]
		}
		from += at[1]
	}
	return text, ""
}

// mention is an address in free text, and how much its place says that it
// is the failed recipient.
type mention struct {
	address string
	line    int
	weight  int
}

var (
	bullet     = regexp.MustCompile(`^[\s>*+•.\-]*(?:\d+[.)]\s+)?["'<\[(]*$`)
	leadsTo    = regexp.MustCompile(`(?i)(?:recipients?|rcpt to|address(?:\(?es\)?)?|mailbox|user|account|deliver\w*(?: \S+){0,3} to|message(?: \S+)? to|mail(?: \S+)? to|\bto|could not be delivered to|for|reach)\s*(?:is|was|were)?\s*[:=]?\s*["'<\[(]*$`)
	leadsFrom  = regexp.MustCompile(`(?i)(?:from|sender|by|contact|via|reply to|help|report to|expanded from|envelope-from|return-path|questions? to|write to|hello|dear|at|e-?mail|on behalf of|generated|visit|postmaster)\s*(?:is|:|=)?\s*["'<\[(]*$`)
	colonBefor = regexp.MustCompile(`[:,]\s*["'<\[(]*$`)
	replyLine  = regexp.MustCompile(`(?:^|[^0-9.A-Za-z])[45][0-5][0-9][ -]|[245]\.\d{1,3}\.\d{1,3}\b`)
)

func weigh(line string, at []int) int {
	before := line[:at[0]]
	switch {
	case bullet.MatchString(before):
		return 5
	case leadsFrom.MatchString(before):
		return 0
	case leadsTo.MatchString(before):
		return 4
	case replyLine.MatchString(before), colonBefor.MatchString(before):
		return 3
	}
	return 1
}

// mentions finds the addresses of a report.
func mentions(report string, own map[string]bool) []mention {
	var all []mention
	for i, line := range strings.Split(report, "\n") {
		if len(line) > 2000 {
			line = line[:2000]
		}
		for _, at := range addressPattern.FindAllStringIndex(line, 10) {
			address := strings.TrimLeft(line[at[0]:at[1]], "'=")
			m := mention{address, i, weigh(line, at)}
			if own[strings.ToLower(address)] && m.weight < 5 || !strings.Contains(address[strings.LastIndexByte(address, '@'):], ".") {
				continue
			}
			if isDaemon(address) && m.weight < 4 {
				continue
			}
			if m.weight > 0 {
				all = append(all, m)
			}
		}
		if len(all) > maxRecipients {
			break
		}
	}
	return all
}

// readProse reads who failed, and why, out of a report in free text. known
// are addresses named by other means.
func readProse(report string, known []string, own map[string]bool) []verdict {
	found := mentions(report, own)
	if len(found) == 0 {
		found = mentions(report, nil) // a mail to oneself
	}
	best := 0
	for _, m := range found {
		best = max(best, m.weight)
	}
	var order []string
	seen := map[string]bool{}
	add := func(address string) {
		if key := strings.ToLower(address); !seen[key] {
			seen[key] = true
			order = append(order, address)
		}
	}
	for _, a := range known {
		add(a)
	}
	if len(known) == 0 {
		for _, m := range found {
			if m.weight == best {
				add(m.address)
			}
		}
	}
	all := make([]verdict, 0, len(order))
	lines := strings.Split(report, "\n")
	for _, address := range order {
		around := report
		if len(order) > 1 {
			around = aboutOne(lines, found, seen, address)
		}
		all = append(all, verdictIn(address, around))
	}
	return all
}

// aboutOne gathers the lines about one of several recipients: from each line
// that names it to the line that names another.
func aboutOne(lines []string, found []mention, wanted map[string]bool, address string) string {
	var b strings.Builder
	mine := false
	next := 0
	for i, line := range lines {
		for ; next < len(found) && found[next].line == i; next++ {
			if wanted[strings.ToLower(found[next].address)] {
				mine = strings.EqualFold(found[next].address, address)
			}
		}
		if mine {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// verdictIn reads what a stretch of text says of its recipient. Lines with a
// reply or status in them are the remote server's words, and so are the
// lines that go on from them.
func verdictIn(address, around string) verdict {
	around = around[:min(len(around), maxAround)]
	v := verdict{address: address, around: around}
	var said []string
	follows := false
	for line := range strings.SplitSeq(around, "\n") {
		bare := strings.TrimSpace(line)
		has := strings.ContainsAny(bare, "45") && replyLine.MatchString(withoutAddresses(bare))
		if has || follows && bare != "" && len(said) < 40 {
			said = append(said, bare)
		}
		follows = bare != "" && (has || follows)
	}
	v.said = strings.Join(said, " ")
	v.status = firstStatus(v.said)
	if v.status == "" {
		v.status = firstStatus(around)
	}
	return v
}

func isDaemon(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	switch local {
	case "mailer-daemon", "postmaster", "post_master", "mailerdaemon", "mail-daemon", "noreply", "no-reply", "mail.delivery.system":
		return true
	}
	return false
}
