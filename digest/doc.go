// Package digest holds the nouns of Courant and their laws: articles and
// stories, digests and slots, editions and variants, readers and their
// choices, deliveries and the outcomes of handing a mail over, reports, and the
// grammars both ends of Courant share (tokens, return paths, Message-IDs).
//
// It imports the standard library only, does no I/O and knows no clock: time
// comes in as an argument. The rooms below it hold the verbs, package store
// holds the rows; where a row and a noun disagree the row is right, and the
// CHECK constraints of the schema repeat the words used here.
//
// The states of a delivery:
//
//	queued --claim--> claimed --intent--> sending --250--> accepted --report--> bounced --report--> complained
//	  ^                 |   |               |  |  \--5xx--> refused       \--report--> complained
//	  |  lease over ----+   +--5xx before   |  +--dot sent, no reply, or lane lost--> in doubt --> accepted | bounced | queued (resend, once)
//	  |  4xx, no reply before the dot <-----+      the intent ---> refused
//	queued, claimed --leave, suppression--> cancelled        queued, claimed --too late--> expired
//	queued, claimed, to be resent --report on the first copy--> accepted | bounced | complained
//
// The states of an edition:
//
//	open -> sending <-> held -> done | abandoned
package digest
