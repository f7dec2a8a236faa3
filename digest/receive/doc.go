// Package receive reads returned mail: bounces, complaints, mailed
// unsubscribes and auto-replies.
//
// It owns the understanding of what other mail systems say, in standard forms
// (RFC 3464, RFC 5965, RFC 3834) and in free text. What follows for a reader is
// the store's to decide in one transaction, and only for a report that carries a
// valid token of ours: a forged bounce suppresses nobody.
//
// Order of belief, where a mail says two things:
//
//  1. who: the token in the address the mail came to, then the address and
//     Message-ID of the returned mail, then the addresses the report names
//  2. what: message/delivery-status, message/feedback-report, the text in the
//     words of qmail, Exim, Exchange and so on, the mere subject
//  3. why: the words of the remote server, then the enhanced status, then the
//     words around them. Servers put 5.1.1 on a full mailbox and 5.7.1 on an
//     unknown one; where words and number disagree the words are right, and where
//     words disagree the reader gets the benefit: blocked before hard.
//
// A report of delay is a bounce of class soft in what is shown, and is only
// recorded: nothing was given up yet.
package receive
