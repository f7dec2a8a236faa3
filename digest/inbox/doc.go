// Package inbox shows received mail on pages for people: what arrived, as a
// phone, a desktop, a text reader and a mail server see it, and what became of
// each reader in each publication.
//
// It owns what such a page shows of a mail and how it keeps the mail's own
// text harmless. The bytes that arrived are authoritative: what can't be read
// as MIME is shown as source, and the download is those bytes.
//
// The rules, each held by a test:
//
//   - A mail is written by a stranger. Its HTML stands alone in a frame that is
//     sandboxed twice, by the iframe and by the answer's own policy, with no
//     script, no form, no font and no frame. Elsewhere a mail is text, escaped.
//   - GET and HEAD change nothing. The one POST publishes the next edition; a
//     page of another site can't send it, and one runs at a time.
//   - The pages answer to loopback names only, unless Box names others: another
//     site's name that resolves to this machine gets nothing.
//   - Everything is a plain link or form. The script only saves reloading.
package inbox
