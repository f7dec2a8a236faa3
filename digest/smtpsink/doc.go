// Package smtpsink is a scripted SMTP server and an inbox: the other side of
// every submission in the demo, the rehearsals and the tests.
//
// It owns the truth about what was accepted: a message is recorded, in memory
// and by a plain write(2) to the log when there is one, before its 250 is
// written (the order RFC 1047 asks of a receiver). When the sink and a sender
// disagree, the sink's record is right.
//
// A conversation walks through these stages, and a Script may break each:
//
//	connect -> hello -> starttls -> handshake -> hello -> auth
//	   -> mail -> rcpt -> data -> body -> dot -> recorded -+-> mail ...
//	                                                       +-> reset, quit
//
// dot is the moment before a message is recorded, recorded the one after it: a
// fault at dot loses nothing, a fault at recorded leaves the sender in doubt.
//
// Spoken: RFC 5321, 1870 (SIZE), 2034 (enhanced codes), 2920 (pipelining),
// 3207 (STARTTLS), 4954 (AUTH PLAIN and LOGIN), 6152 (8BITMIME), 6531
// (SMTPUTF8). Left out on purpose: BDAT and relaying.
package smtpsink
