package receive

import (
	"regexp"
	"strings"

	"courant/digest"
)

// rule is a row of the table that gives words a class.
type rule struct {
	class digest.Class
	words *regexp.Regexp
}

func words(class digest.Class, alternatives ...string) rule {
	return rule{class, regexp.MustCompile(`(?i)` + strings.Join(alternatives, "|"))}
}

// wordRules is the table, compiled once; nothing changes it.
var wordRules = makeWordRules()

// makeWordRules lists the rules. They are tried in order, the first that matches decides. What blames
// the sender stands before what blames the mailbox: a policy that says "user
// unknown" along the way must not cost a reader. Only sayings about a mailbox
// that no policy uses stand above them.
func makeWordRules() []rule {
	// The order was settled on real mail; see TestWords for a row of each.
	const hard, soft, blocked, throttled, content = digest.ClassHard, digest.ClassSoft, digest.ClassBlocked, digest.ClassThrottled, digest.ClassContent
	return []rule{
		// The mailbox, in words that leave no doubt.
		words(soft, `over ?quota`, `quota (is )?exceeded`, `exceed\w* (\S+ ){0,3}(quota|mailbox|storage)`, `mail ?box (\S+ ){0,4}(is )?(over|full|exceeded)`, `(mail ?box|inbox|account|user)('s)? (mailbox )?(is |has )?(currently )?(full|over\b)`,
			`out of storage`, `storage (limit|quota)`, `mailbox exceeds`, `not enough (disk )?space`, `insufficient (disk|system|mail) ?(space|storage)`, `disk (is )?full`, `no space left`, `mailbox size limit`, `maildir (over|delivery failed)`, `\bis full\b`, `mailfull`,
			`quotaexceeded`, `postfach (ist )?voll`, `bo[îi]te .{0,30}pleine`, `(casilla|buz[óo]n) .{0,20}llen[oa]`, `caixa .{0,20}cheia`, `casella .{0,20}piena`, `переполнен`, `容量`, `exceeded storage`, `too much mail data`, `account is temporarily over`),

		words(throttled, `frequency limited`),

		// The sender: authentication, address, name, reputation.
		words(blocked, `\bspf\b`, `\bdkim\b`, `\bdmarc\b`, `sender policy framework`, `unauthenticated (e-?mail|sender)`, `(mail|message|sender|domain) (is )?not authenticated`, `authentication (check|fail|information|result|requirement)`, `sender id`,
			`doesn'?t meet the required authentication`),
		words(blocked, `\bptr\b`, `\brdns\b`, `reverse[- ](dns|lookup|host|mapping|map|address)`, `(cannot|can'?t|could not|unable to) (find|resolve) your (reverse|host|ip|domain)`, `unverif\w* sending`, `fcrdns`, `no (a|mx|matching) record for (sender|your)`, `missing or invalid (ptr|reverse)`,
			`client host (rejected|name)`, `hostname (is )?(not|mismatch)`, `ip name lookup failed`, `my name was rejected`, `invalid (helo|ehlo)`, `invalid ip for`, `helo command rejected`, `bad (helo|ehlo)`),
		words(blocked, `black[- ]?list`, `block[- ]?list`, `\bdnsbl\b`, `\brbl\b`, `spamhaus`, `spamcop`, `sorbs`, `barracuda ?(central|reputation)`, `senderscore`, `reputation`, `\bbanned\b`, `(has|have|is|was|been|are|address|ip|temporarily|permanently) blocked`, `blocked (by|using|for|at|due|because|-|\()`, `block(ed)?\b.{0,30}\b(ip|address|network)`,
			`listed (at|by|in|on)\b`, `refused to talk to me`, `(ip|network|client|server|host|connection).{0,40}(rejected|refused|denied|not allowed|prohibited|not permitted)\b.{0,40}(by|due|polic|because)`, `messages from \S+ weren'?t sent`, `part of their network`, `dynamic(ally)?[- ](ip|assigned|address)`, `bad (sender|neighbou?rhood)`, `not accept(ed|ing)? (mail|connections|email) from (your|this|dynamic|the|ip)`,
			`service permits \d+ unverif`, `access denied,? (banned|traffic)`, `spam (source|list|filter|content|message|like|mail|policy|block|suspect)`, `unsolicited`, `\bjunk\b`, `temporarily deferred due to (user|unexpected)`, `(is|as|of|be|like|for|been|detected|score|possible|your|classified|identified|probable|likely|considered)\b.{0,20}\bspam`, `\bspam\b`, `bulk e?mail`, `phish`,
			`not accepting connections`, `\(bl\)`, `permission to post`, `google groups`, `(daily )?relay quota`, `unroute?able sender`, `insecure mail relay`, `poor (sender|reputation)`, `abus(e|ive)`, `malicious`),
		words(throttled, `too many (connection|concurrent|simultaneous|message|recipient|mail|session|sender|error|invalid|unknown|request|email)s?.{0,80}(try|later|from|slow|rate|limit|ip|per|wait|host)`, `rate[- ]?(limit|control|exceed)`, `throttl`, `gr[ea]y[- ]?list`, `(sending|receiving|coming|connecting|mail) (at a rate|too (fast|quick|often|frequent|much))`, `receiving (mail|messages) (at a rate|too)`, `connection (rate|limit|frequency)`, `too (fast|frequent)`,
			`exceed\w* (\S+ ){0,4}(rate|connections?|frequency)`, `concurren\w+ (connection|smtp)`, `connections? (exceed|limit)`, `slow down`, `daily (sending|message|quota|limit)`, `sending (limit|quota)`),

		// Gone, in words that leave no doubt.
		words(hard, `user unknown in (local|virtual|relay)`, `(550|5\.1\.1)[^a-z]{1,40}user unknown`, `no such user here`, `the email account that you tried to reach (does not exist|is disabled|is inactive)`, `resolver\.adr\.recip\w*not ?found`, `nosuchuser`, `recipnotfound`,
			`this user doesn'?t have an? \S+ account`),

		// The mail.
		words(content, `message (size|too (big|large)|is too (big|large)|exceeds|length)`, `(size|length) (limit|exceed|is (too|larger|greater))`, `exceed\w* (\S+ ){0,5}size`, `too (large|big)\b`, `(line|length|message) limit`, `max(imum)? (message|mail|fixed)? ?size`, `larger than`, `(message|mail|header|line) (\S+ ){0,3}too long`, `resolver\.rst\.(send|recip)size`),
		words(content, `virus`, `malware`, `(prohibited|dangerous|forbidden|illegal|executable|blocked|banned) (attachment|content|file)`, `attachment`, `rfc ?(2822|532[12]|2047)`, `rfc ?822 (compl|stand|format|head)`, `bare (lf|line)`, `(invalid|bad|missing|multiple|duplicate|malformed) (\S+ ){0,2}(header|mime|message-?id|from|date|syntax)`, `header (error|syntax|is)`, `mime (error|format|header|structure|part|type)`, `8-?bit`, `conversion (failed|required|not)`, `content (reject|filter|restriction|not accept|type)`,
			`(command|protocol|syntax) (error|not recogni[sz]ed|unrecogni[sz]ed|not implemented)`, `malformed (header|message|mime|content|body|from)`),
		words(soft, `too many hops`, `mail loop`, `loop(ing)? detected`, `loops back`, `hop count`),

		// The mailbox or its domain is gone.
		words(hard, `user\W+(\S+\W+)?(is )?unknown`, `unknown (or illegal )?(user|recipient|mailbox|address|account|local|alias)`, `no such (user|mailbox|recipient|person|address|account|member|local|domain|host|name)`, `no (mailbox|user|account|recipient|such|valid)( \S+)? (here|by|found|exist|named|with that|matching)`, `(user|mailbox|recipient|account|address|e-?mail|destination|alias|name)\b.{0,60}(does ?n[o']t exist|do not exist|not exist|not found|not known|could ?n[o']t be found|can ?n[o']t be found|was ?n[o']t found|isn'?t found|not recogni[sz]ed|unknown|no longer (exist|valid|available|active|in use|on|work)|not listed|not a valid|is(n'?t| not) valid|invalid|not have an? )`,
			`invalid (user|mailbox|recipient|address|e-?mail)`, `not our (customer|user)`, `(bad|illegal|wrong|incorrect|ambiguous) (destination|recipient|address|mailbox|user|e-?mail)`, `doesn'?t have an? \S+ account`, `not a (valid|known|registered|local) (user|recipient|mailbox|address)`, `(isn'?t|is not|not) (a|an) (valid|known|active|existing|local)`, `undeliverable address`, `address rejected: undeliverable`, `recipient (address )?(rejected|unknown|invalid|not accepted|does)`, `rejected recipient`, `does not like recipient`, `unrouteable`, `delivery to this (address|recipient) is not`,
			`mailbox (unavailable|not (available|found)|does)`, `not in (the |our )?(directory|list)`, `not listed in`, `no longer (accept|valid|active|available|employed|with|work|exist|in use|on this)`, `unbekannt`, `existiert nicht`, `n.existe pas`, `inconnu`, `no existe`, `desconocid`, `n[ãa]o existe`, `non esiste`, `sconosciut`, `не (существует|найден)`, `存在しない`, `見つか(らない|りません)`, `unknown local[- ]part`, `user (not local|invalid)`, `address no longer accepts`, `permanently (deleted|removed)`, `unable to (find|locate) (the )?(user|recipient|mailbox)`),
		words(hard, `(disabled|inactive|suspend|deactivated|discontinued|closed|expired account|terminated|not active|locked)`, `(moved|changed) (to|their|his|her|address)`, `has moved`, `new address`, `forwarding address`, `retired`),
		words(hard, `host (\S+ )?(name )?(is )?(unknown|not found|lookup fail|does not exist)`, `unknown (host|domain|mail domain)`, `(domain|host) ?(name)? (\S+ )?(does ?n[o']t exist|not found|unknown|not exist|is invalid|invalid)`, `nxdomain`, `(no|couldn'?t find any|find a?) (mx|mail exchanger|host|mail server)`, `bad (destination )?(system|host|domain)`, `null ?mx`, `does not accept (e-?mail|mail)`, `nullmx`, `name or service not known`, `illegal host`, `invalid (domain|host)`, `no mail (host|server|exchanger)`, `not a valid domain`, `all relevant mx records`, `mx (record )?points? to`, `the mail system does not`),

		// Doors that stay shut, for reasons of theirs.
		words(blocked, `relay(ing)?\b.{0,20}(denied|not permitted|prohibited|not allowed|disallowed|forbidden|access|rejected)`, `(unable|not permitted|not allowed|cannot|do(es)? not|refuse) to relay`, `not (a )?(permitted|allowed|authori[sz]ed) (to|sender|relay)`, `polic(y|ies)`, `(sender|mail from)\b.{0,60}(reject|denied|refused|not exist|unknown|invalid|not allowed|verif|not found|bad)`, `domain of sender`, `(reject|denied|refused)\w* (due|by|for|because|based)`,
			`access denied`, `administrative(ly)? prohibit`, `prohibited`, `(permission|delivery|transport|access|service) (has been )?(denied|refused|rejected)`, `not authori[sz]ed`, `unauthori[sz]ed`, `permission`, `security`, `you (are|have been) not`, `not (a )?member`, `closed (list|group)`, `message (was |has been )?(reject|refused|denied|blocked|discarded)`, `rejected (by|message|for|as)`, `mail (is )?(rejected|refused)`, `must (be|use|have|issue|authenticate)`, `please use the smtp server`, `confirm(ation)? (your|required)`, `challenge`),

		// Faults on the way.
		words(soft, `time[d]?[- ]?out`, `connection (refused|reset|closed|lost|dropped|failed|broken|died)`, `(lost|dropped|no) connection`, `could(n'?t| not) connect`, `(unable|not able|wasn'?t able|failed) to (connect|establish|contact|reach)`, `no route`, `network (is )?(unreachable|error|down)`, `host (is )?(unreachable|down|not reach)`, `unreachable`, `not respond`, `no (answer|response|reply)`, `try again`, `(will be|still being|being) retried`, `temporar`, `delayed`, `retry (time|timeout|limit)`, `too long in( the)? queue`, `in (the )?queue (too|for|longer)`, `(has )?expired`, `retried`, `undeliverable for`, `not (yet )?been delivered`, `past \d`,
			`(system|internal|server|local|resource|configuration) (error|problem|fault|failure)`, `i/o error`, `resources?`, `out of memory`, `cannot (append|open|create|lock|write)`, `deferr`, `tls|ssl|certificate|starttls`, `command (died|failed|output)`, `(server|system) (is )?(unavailable|not available|busy|shutting)`, `service (is |currently |temporarily )+(unavailable|not available)`, `busy`, `down for`, `name service`, `lookup (fail|error|time)`, `dns (error|fail|lookup|server)`, `servfail`, `aborted after`, `could not find a gateway`, `exit (code|status)`),
	}
}

// statusClass is what an enhanced status says alone, RFC 3463 and the registry
// it began.
func statusClass(status string) digest.Class {
	switch status {
	case "", "5.5.0", "5.0.0", "4.0.0": // no more than the code
		return digest.ClassUnknown
	case "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.4.4", "5.3.2":
		return digest.ClassHard
	case "5.1.7", "5.1.8", "5.1.9", "4.1.7", "4.1.8":
		return digest.ClassBlocked // of the sender's address
	case "5.2.2", "4.2.2", "4.2.1", "4.3.1", "5.3.1", "5.4.7", "5.4.1":
		return digest.ClassSoft
	case "5.2.3", "5.3.4", "4.3.4", "4.2.3":
		return digest.ClassContent
	case "4.4.5", "4.3.2":
		return digest.ClassThrottled
	}
	switch {
	case strings.HasPrefix(status, "5.7."):
		return digest.ClassBlocked
	case strings.HasPrefix(status, "4.7."):
		return digest.ClassThrottled
	case strings.HasPrefix(status, "5.6."), strings.HasPrefix(status, "5.5."):
		return digest.ClassContent
	case status[0] == '4', strings.HasPrefix(status, "5.4."), strings.HasPrefix(status, "5.3."):
		return digest.ClassSoft
	}
	return digest.ClassUnknown
}

// classOf weighs the words of the remote server, the enhanced status and the
// words around them, in that order.
func classOf(v verdict) digest.Class {
	said := withoutAddresses(v.said)
	if k := byWords(said); k != digest.ClassUnknown {
		return settle(k, v)
	}
	if k := statusClass(v.status); k != digest.ClassUnknown {
		return k
	}
	if k := byWords(withoutAddresses(v.around)); k != digest.ClassUnknown {
		return settle(k, v)
	}
	switch code := firstCode(v.said); {
	case code == 552:
		return digest.ClassSoft
	case code >= 400 && code < 500, strings.HasPrefix(v.status, "4."), v.action == "delayed", unavailable.MatchString(v.said):
		return digest.ClassSoft
	}
	return digest.ClassUnknown
}

func byWords(text string) digest.Class {
	for _, r := range wordRules {
		if r.words.MatchString(text) {
			return r.class
		}
	}
	return digest.ClassUnknown
}

// atMail says that the sender's name or address was refused: HELO and MAIL
// FROM know no recipient yet, so nobody can be gone.
var atMail = regexp.MustCompile(`(?i)(?:after|in (?:reply|response) to|following|>>>) (?:the )?(?:mail from|helo|ehlo)|my name was rejected|unroute?able sender|domain of sender|sender address`)

// unavailable is sendmail's word where it has none, so it comes last.
var unavailable = regexp.MustCompile(`(?i)service unavailable`)

var comeBack = regexp.MustCompile(`(?i)later|temporar|retry|deferr`)

// docomoFilter: NTT docomo says "Unknown user" at the end of DATA when a
// reader's own filter refuses the sender; unknown users it refuses at RCPT TO.
var docomoFilter = regexp.MustCompile(`(?is)docomo\.ne\.jp.*end of data`)

// settle lets a number overrule words that are often boilerplate.
func settle(k digest.Class, v verdict) digest.Class {
	byStatus := statusClass(v.status)
	switch {
	case k == digest.ClassBlocked && strings.HasPrefix(v.status, "4.") && comeBack.MatchString(v.said):
		return digest.ClassThrottled
	case k == digest.ClassHard && docomoFilter.MatchString(v.around):
		return digest.ClassBlocked
	case k == digest.ClassHard && (byStatus == digest.ClassBlocked && !strings.HasPrefix(v.status, "5.7.") || atMail.MatchString(v.said) || atMail.MatchString(v.around)):
		return digest.ClassBlocked
	case k == digest.ClassHard && (strings.HasPrefix(v.status, "4.") || v.action == "delayed"):
		return digest.ClassSoft // nobody is gone for now
	case k == digest.ClassSoft && byStatus == digest.ClassHard && !fullWords.MatchString(v.said):
		return digest.ClassHard
	}
	return k
}

var fullWords = regexp.MustCompile(`(?i)full|quota|space|storage|exceed`)

// withoutAddresses keeps the words of an address or host name out of the
// matching: spam-reports@example.org says nothing.
func withoutAddresses(s string) string {
	if len(s) > maxSaid {
		s = s[:maxSaid]
	}
	s = urlPattern.ReplaceAllStringFunc(s, func(url string) string {
		if listURL.MatchString(url) {
			return " blacklisted "
		}
		return " "
	})
	return addressPattern.ReplaceAllString(s, " ")
}

var (
	urlPattern = regexp.MustCompile(`https?://\S+`)
	// The pages of block lists: their address says it all.
	listURL = regexp.MustCompile(`(?i)spamhaus|spamcop|sorbs\.net|barracudacentral|dnsbl|\brbl|blocklist|blacklist|/bl\b|/bl\?`)
)
