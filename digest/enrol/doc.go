// Package enrol reads files of readers: CSV as people keep it, and the exports
// of listmonk, Mailchimp and Ghost as they are.
//
// It owns the understanding of such a file: its encoding and delimiter, which
// column says what, and how a row's own words ("cleaned", "blocklisted",
// subscribed_to_emails) tell who may be mailed. Who is already known, left or
// bounced here is the store's to decide. A row that can't be read costs that row
// only, and a row that says somebody left never becomes a subscriber.
package enrol
