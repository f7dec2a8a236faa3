package storetest

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A Forwarder is a proxy before a database that can fall silent: it goes on
// taking what comes and passes nothing on.
type Forwarder struct {
	DSN string // of the database through it

	mu     sync.Mutex
	silent chan struct{} // closed when it speaks again; nil: it speaks
}

// Forward starts a proxy before the database at dsn. It ends with the test.
func Forward(t testing.TB, dsn string) *Forwarder {
	t.Helper()
	network, address, through := wayTo(t, dsn)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Forwarder{DSN: through(listener.Addr().(*net.TCPAddr))}
	done, cancel := context.WithCancel(context.Background())
	var crew sync.WaitGroup
	t.Cleanup(func() {
		f.Speak()
		cancel()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		crew.Wait()
	})
	crew.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(network, address)
			if err != nil {
				in.Close()
				continue
			}
			context.AfterFunc(done, func() { in.Close(); out.Close() })
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				crew.Go(func() {
					f.pass(way[0], way[1])
					in.Close()
					out.Close()
				})
			}
		}
	})
	return f
}

// wayTo is where the database of dsn listens, and how dsn looks with another
// place in it.
func wayTo(t testing.TB, dsn string) (network, address string, through func(*net.TCPAddr) string) {
	t.Helper()
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		return "tcp", u.Host, func(to *net.TCPAddr) string {
			u.Host = to.String()
			return u.String()
		}
	}
	words := map[string]string{"port": "5432"}
	for _, w := range strings.Fields(dsn) {
		key, value, _ := strings.Cut(w, "=")
		words[key] = strings.Trim(value, "'")
	}
	network, address = "tcp", net.JoinHostPort(words["host"], words["port"])
	if strings.HasPrefix(words["host"], "/") {
		network, address = "unix", words["host"]+"/.s.PGSQL."+words["port"]
	}
	return network, address, func(to *net.TCPAddr) string {
		_, port, _ := net.SplitHostPort(to.String())
		return dsn + " host=127.0.0.1 port=" + port
	}
}

// pass copies from one side to the other, except while the proxy is silent.
func (f *Forwarder) pass(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		f.mu.Lock()
		silent := f.silent
		f.mu.Unlock()
		if silent != nil {
			<-silent
		}
		if _, werr := to.Write(buf[:n]); werr != nil || err != nil {
			return
		}
	}
}

// Hush lets the proxy pass nothing on until Speak.
func (f *Forwarder) Hush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = make(chan struct{})
}

// Speak lets the proxy pass on what came meanwhile, and all that comes.
func (f *Forwarder) Speak() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent != nil {
		close(f.silent)
		f.silent = nil
	}
}
