// Package explain answers what will be sent and what was: plan looks ahead,
// preview names the mails of the coming edition, why looks back. It owns the
// words and the shape of the answers, as objects for --json and as text for
// people, set for the terminal they are read on.
//
// It decides nothing. What will be sent is decided by the same compose that
// publishing uses, handed in; what was sent is what the rows say, gathered by
// the store into a digest.Account. Where an explanation and a row disagree the
// row is right.
package explain
