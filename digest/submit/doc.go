// Package submit hands one message to a relay over SMTP and says honestly how
// that ended.
//
// It owns reading replies and judging them; what a reply means for a reader is
// digest.Classify's, what follows from it is the delivery room's. When the
// relay and this package disagree about a message, the relay is right: so an
// outcome is never better than the relay's words, and silence after the dot is
// "in doubt", nothing else (RFC 1047, RFC 5321 4.5.3.2.6).
//
//	                        the dot goes out
//	MAIL, RCPT, DATA, body | the reply
//	-----------------------+--------------------------------
//	5xx: refused           | 2xx: accepted
//	anything else:         | 5xx: refused   4xx: deferred
//	  deferred             | anything else, or none: in doubt
//
// A fault of our own settings (5xx to the banner, to EHLO, AUTH or MAIL, no
// TLS, a wrong certificate) is deferred with the class "configuration": nothing
// of it counts against a reader.
//
// go-mail dials, speaks EHLO, STARTTLS and AUTH. From there on the words go
// through its exported smtp.Client.Text, so that the body, its dot and the next
// message's MAIL, RCPT and DATA leave in one write (RFC 2920).
//
// The package signs (RFC 6376, 8301, 8463) with the keys of the standard
// library: relaxed/relaxed, a closed list of fields. go-msgauth, dkimpy
// and Mail::DKIM judge that in the tests.
package submit
