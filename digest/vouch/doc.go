// Package vouch asks DNS what it says of a sender, and judges it as a mailbox
// provider would: who may send for the domain (SPF, RFC 7208), whose signature
// is the domain's (DKIM, RFC 6376), what to do with mail that has neither
// (DMARC, RFC 7489), where answers and bounces come to (MX, RFC 5321 section
// 5.1), and what the relay's addresses call themselves (PTR, RFC 1912 section
// 2.1).
//
// It owns the reading of these records and the writing of those to publish.
// DNS is authoritative for what is published, the config for what should be:
// a finding says where they differ and gives the record to paste. What a relay
// of a provider does behind its door cannot be seen from here, so its addresses
// are doubted, never condemned.
package vouch
