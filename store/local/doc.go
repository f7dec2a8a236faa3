// Package local owns the private Postgres: the database Courant keeps for
// itself in its data directory when the config names none.
//
//	DATA_DIR/postgres/          ours (root's, when root started it)
//	    data/                   the cluster, owned by the OS user that runs it
//	    run/                    its Unix socket, 0700; there is no TCP listener
//	    socket                  where the socket is instead, if run/ cannot be an address
//	    start.lock              flocked by whoever starts or stops the server
//	    users.lock              flocked, shared, by every process that uses it
//	    users.fifo              held open by the same processes; see guard.go
//	    server.log, .1          what Postgres says, bounded in size
//
// Any number of processes share one server. The first starts it, the others
// attach, the last one out stops it, and whoever notices that it is gone
// starts it again at the same address:
//
//	absent --launch--> starting --> ready --last one out, SIGINT--> stopping --> absent
//	  ^                                |
//	  +------- kill -9, power cut -----+   any user of it: launch (with recovery)
//
// Two files could disagree about whether a server runs. The kernel is
// authoritative: a lock or a pipe end is gone when its process is, so a crash
// leaves nothing that must be believed. postmaster.pid is a hint that counts
// only while the process it names is a Postgres working in our directory.
package local
