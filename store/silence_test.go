package store_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"courant/store"
	"courant/store/storetest"
)

// forwarder is a proxy before a database that can fall silent: it goes on
// taking what comes and passes nothing on.
type forwarder struct {
	dsn string // of the database through it

	mu     sync.Mutex
	silent chan struct{} // closed when it speaks again; nil: it speaks
}

// forward starts a proxy before the database at dsn.
func forward(t testing.TB, dsn string) *forwarder {
	t.Helper()
	network, address, through := wayTo(t, dsn)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{dsn: through(listener.Addr().(*net.TCPAddr))}
	done, cancel := context.WithCancel(context.Background())
	var crew sync.WaitGroup
	t.Cleanup(func() {
		f.speak()
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
func (f *forwarder) pass(from, to net.Conn) {
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

func (f *forwarder) hush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = make(chan struct{})
}

func (f *forwarder) speak() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent != nil {
		close(f.silent)
		f.silent = nil
	}
}

// Nothing is refused and no line breaks: what is sent is taken, and no answer
// comes.
func TestSilentDatabaseIsAway(t *testing.T) {
	t.Parallel()
	f := forward(t, storetest.DSN(t))
	s := storetest.Open(t, f.dsn)
	f.hush()
	// By a line that is there already, then by new ones.
	for range 2 {
		err := s.Ping(t.Context())
		if err == nil || !store.Away(err) {
			t.Fatalf("a silent database: %v", err)
		}
		if !strings.Contains(err.Error(), "silent") && !strings.Contains(err.Error(), "bad connection") {
			t.Errorf("it says %v", err)
		}
		t.Log(err)
	}
	f.speak()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the database answers again: %v", err)
	}
	if _, err := s.Installation(t.Context()); err != nil {
		t.Error(err)
	}
}

// A fan-out or a migration takes its time, and is not taken for silence.
func TestLongStatementIsNotTakenForSilence(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	tx, err := n.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(0x636f7572616e74)); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		_, err := n.Migrate(t.Context())
		migrated <- err
	}()
	if _, err := tx.Exec(`SELECT pg_sleep(18)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Errorf("a migration that waited for long: %v", err)
	}
}
