// Package render makes the mail: a variant of an edition becomes one encoded
// message with places for the personal parts, and a reader's mail is a splice
// into it. It owns the bytes of the mail, headers and bodies, and the web view
// of an edition; it writes MIME by itself and opens no connection.
//
//	edition, variant --Render--> Message --Splice, per reader--> RFC 5322 bytes
//
// Templates see the edition, the variant and the words of a language. What
// differs from reader to reader is a closed set of functions:
// unsubscribeURL, preferencesURL, viewURL, name, reason. While a template runs
// they print a marker that holds a random nonce of this render and characters
// that every context escapes in its own way; so what comes out says whether the
// marker stands in HTML text, in a link or somewhere a value must not stand,
// and nothing an article says can pass for a marker. The template cannot see
// the value, so it cannot branch on it.
//
// The fixed text is quoted-printable encoded once, each place beginning on a
// line of its own after a soft break. No line of a message begins with a
// dot, so a message goes out with no dot-stuffing (RFC 5321 section 4.5.2), and
// no line is longer than 76 characters, save the header fields that mail
// systems must find on one line.
//
// RFC 5322 (format), 2045 and 2046 (MIME), 2047 (encoded words), 2369, 2919
// and 8058 (lists), 6531 and 6532 (addresses beyond ASCII).
package render
