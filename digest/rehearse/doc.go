// Package rehearse plays the whole cycle under fire and holds what was
// promised against what was seen.
//
// It drives the program from outside, as an operator would: it writes a
// config, serves a feed, and runs `courant readers import`, `fetch`, `send`,
// `serve` and `deliver --drain` as processes of their own, which it kills,
// stops and cuts off from their database while they send to a sink that is a
// process of its own, too.
//
//	feed --fetch--> articles --send--> an edition, its ledger open
//	    workers <-- kill -9, SIGTERM, SIGSTOP        Postgres <-- kill -9
//	        \--SMTP--> sink (refuses, defers, hangs up, stands still)
//	readers --POST, readers remove--> leave in mid-edition
//
// Two books are kept of what happened, and neither knows the other: the
// sink's log, which has each message before its 250, and the ledger. Where
// they disagree the sink's log is right about what was accepted. Judge
// compares them; it is pure, so that each promise can be broken in a test.
//
// Of the ledger only what design and docs call contract is read: deliveries,
// readers, lanes.
package rehearse
