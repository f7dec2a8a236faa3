// Package lint judges mails by their bytes: what a mail program would get is
// held against every rule for a digest that bytes can show. It owns the list of
// rules, each with its name, how bad it is to break it, where it comes from,
// and what an editor does about it. The bytes are authoritative: how they came
// about is not asked, and nothing of the room that made them is used.
//
//	a mail's bytes ------Mail------> findings
//	an HTML part alone --Page------> findings
//	a template's source -Template--> findings, with file and line
//
// An error is what makes it worse to send the mail than not to send it:
// nobody could leave, a mail program could not read it, a reader is watched, a
// tag was left unfilled. An edition with an error is held before anybody gets
// it. A warning is what makes a mail less good than it could be; it's told and
// the edition goes out.
//
// The rules and their sources: RFC 5322 and 2045 to 2047 (format), 2369, 2919
// and 8058 (lists), 3834, ePrivacy article 5(3), CAN-SPAM, WCAG 2.2, and what
// the mail programs of today do with HTML.
package lint
