package inbox

import "strings"

// aWord says in plain words what a header field is for.
func aWord(name string) string {
	name = strings.ToLower(name)
	if word, ok := fieldWords[name]; ok {
		return word
	}
	switch {
	case strings.HasPrefix(name, "arc-"):
		return "Part of a seal (ARC, RFC 8617) by which a forwarder vouches for what it saw before it passed the mail on."
	case strings.HasPrefix(name, "x-spam"), strings.HasPrefix(name, "x-rspamd"):
		return "A note of a spam filter on the way, for the mailbox behind it."
	case strings.HasPrefix(name, "resent-"):
		return "Somebody passed the mail on by hand; this tells who or when (RFC 5322, section 3.6.6)."
	case strings.HasPrefix(name, "x-"):
		return "No standard field: a note that one program writes and perhaps another reads. Everybody else passes it by."
	}
	return "A field without an entry here. Programs that do not know a field pass it by."
}

// fieldWords has a sentence for each field that mail of ours, and mail about
// it, is likely to carry.
var fieldWords = map[string]string{
	// RFC 5322: who, when, what.
	"from":        "Who wrote the mail. Mail programs show the name; DMARC asks whether the domain of the address stands behind it.",
	"sender":      "Who handed the mail in, where that is someone else than From.",
	"reply-to":    "Where an answer goes, if not to From.",
	"to":          "Whom the mail is written to. The server does not read it: where the mail goes stands in the envelope.",
	"cc":          "Who gets a copy, for all to see.",
	"bcc":         "Who gets a copy unseen. It should have been taken out before the mail was sent.",
	"subject":     "The line in the list of mails. Letters beyond ASCII travel encoded (RFC 2047).",
	"date":        "When the sender says that the mail was written, with the distance of its clock from UTC.",
	"message-id":  "The name of this one mail in the world. A repeated delivery keeps it, so that mailboxes can drop the copy; bounces quote it.",
	"in-reply-to": "The Message-ID this mail answers. Mail programs build threads from it.",
	"references":  "The Message-IDs of the conversation so far.",
	"comments":    "A remark for people.",
	"keywords":    "Words for finding the mail again.",
	"return-path": "The envelope sender, written down by the last server. Bounces went there.",
	"received":    "The stamp of one server on the way: from whom, by whom, when. Each puts its own on top, so the lowest is the oldest.",

	// MIME.
	"mime-version":              "Says that the mail is built of parts by the rules of MIME. It is always 1.0.",
	"content-type":              "What the body is. multipart/alternative: the same words as text and as HTML, and the reader's program takes the last it can show. The boundary separates them.",
	"content-transfer-encoding": "How the body is written so that it survives servers that take only short lines of ASCII.",
	"content-language":          "The language of the body.",
	"content-disposition":       "Whether a part is to be shown or to be saved, and under which name.",
	"content-id":                "The name of a part, by which the HTML can show it as an image.",
	"content-description":       "What a part is, for people.",

	// Lists: RFC 2369, 2919, 8058, 5064.
	"list-id":               "The lasting name of this digest. Readers sort by it and keep it where the title changes (RFC 2919).",
	"list-unsubscribe":      "The way out. Mail programs put it behind their own Unsubscribe button, by web or by mail (RFC 2369).",
	"list-unsubscribe-post": "Promises that one POST to the https address above is enough: no page, no login, no second question (RFC 8058). Gmail and Yahoo ask it of everyone who sends in bulk.",
	"list-subscribe":        "The way in.",
	"list-help":             "Where the list explains itself.",
	"list-owner":            "How to reach the people who run the list.",
	"list-post":             "Where to write to the list; NO where nobody can.",
	"list-archive":          "Where earlier mails of the list stand.",
	"archived-at":           "Where this very mail stands on the web (RFC 5064).",

	// Bulk and machines.
	"precedence":                  "Says bulk: autoresponders please stay silent. Old, in no standard, and still obeyed by many.",
	"auto-submitted":              "Says that a machine wrote this, as an answer or of its own accord. Autoresponders must not answer it (RFC 3834).",
	"x-auto-response-suppress":    "Asks Exchange not to answer by itself.",
	"feedback-id":                 "Up to four labels by which Gmail counts complaints: this edition, this digest, this kind, this sender. It names no reader.",
	"cfbl-address":                "Where mailbox providers may send complaints about this mail (RFC 9477).",
	"x-report-abuse":              "Where to complain.",
	"errors-to":                   "An old wish where errors should go. The envelope sender decides.",
	"disposition-notification-to": "Asks for a receipt when the mail is opened. Readers may decline.",
	"expires":                     "After this date the mail is of no use any more.",
	"importance":                  "How urgent the sender finds it.",
	"priority":                    "How urgent the sender finds it.",
	"x-priority":                  "How urgent the sender finds it; 3 is normal.",
	"x-mailer":                    "The program that wrote the mail.",
	"user-agent":                  "The program that wrote the mail.",
	"organization":                "The house behind the sender.",

	// Proof of origin.
	"dkim-signature":         "A signature over the body and the fields named in h=. The receiving server fetches the key from the DNS of the domain d= at the selector s=; any change on the way breaks it (RFC 6376).",
	"domainkey-signature":    "The forerunner of DKIM. Nobody checks it any more.",
	"authentication-results": "What the receiving server found when it checked SPF, DKIM and DMARC (RFC 8601).",
	"received-spf":           "Whether the sending server was allowed to send for the domain of the envelope sender (RFC 7208).",
	"bimi-selector":          "Which logo of the domain the mailbox may show.",
	"autocrypt":              "The sender's key for encrypted answers.",

	// Delivery.
	"delivered-to":                  "The mailbox it was put in, written down by its server to notice loops.",
	"x-original-to":                 "The envelope recipient, before aliases were followed.",
	"envelope-to":                   "The envelope recipient, written down by the last server.",
	"x-failed-recipients":           "In a bounce: whom it could not be delivered to.",
	"thread-index":                  "How Outlook builds threads.",
	"thread-topic":                  "How Outlook builds threads.",
	"x-entity-ref-id":               "Keeps Gmail from folding mails with the same subject into one.",
	"x-original-from":               "The author before a list wrote its own address into From.",
	"x-virus-scanned":               "A note of a virus scanner on the way.",
	"content-length":                "How long the body is; of no use outside of old mailbox files.",
	"lines":                         "How many lines the body has; of no use outside of old mailbox files.",
	"status":                        "A mark of a mailbox: read or not.",
	"x-uid":                         "A number that a mailbox gave the mail.",
	"require-recipient-valid-since": "Deliver only if the mailbox has belonged to the same person since that date (RFC 7293).",
}
