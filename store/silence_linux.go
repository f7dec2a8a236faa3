package store

import (
	"strings"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not
// name.
const tcpUserTimeout = 0x12

// limitUnacknowledged gives a connection up when what was sent is not received
// for half a minute. Keep-alive does not look then, and the system alone would
// try for a quarter of an hour.
func limitUnacknowledged(network, _ string, c syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	cerr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int((30 * time.Second).Milliseconds()))
	})
	if cerr != nil {
		return cerr
	}
	return err
}
