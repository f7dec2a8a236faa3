// Package web answers on the public listener: the pages and the one-click
// POST that the links of a mail lead to.
//
// It owns what a reader sees in a browser and what each token may do there.
// The rows in the store are authoritative for everything else: a page shows
// how the reader stood when it was asked for, and a button acts on how the
// reader stands when it is pressed.
//
// The rules, each held by a test:
//
//   - GET and HEAD change nothing, ever: scanners fetch every link of a mail.
//   - One-click (RFC 8058) needs no cookie, no referrer and no login, gets no
//     redirect, and is answered 200 however often it comes. Only a forged token
//     gets a 4xx.
//   - The token of the List-Unsubscribe header leaves, and takes back at most
//     its own leaving; the token of the body's link opens the page of choices.
//     Neither shows more of an address than its mask.
//   - All bad tokens get the same page. No answer carries a Location header, a
//     cookie, a script or anything of a third party's.
//
// Beside it stands the desk, on a listener of its own, for those who run
// Courant: see Desk.
package web
