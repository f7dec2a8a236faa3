// Package measure keeps the figures that an operator's Prometheus pulls: what
// this process did, as counters that begin at zero when it starts, and how the
// ledger stands, as gauges that are the same whichever process is asked.
//
// The ledger is authoritative. A counter may miss what a process did in the
// moment it died, so what was sent is told by the gauges and by `courant
// deliveries`, and how fast and by which relay by the counters.
//
// Labels come from closed sets: relays, digests and sources of the config, the
// states, verdicts and classes of package digest, and a handful of mailbox
// providers. No address and no reader is ever one.
package measure
