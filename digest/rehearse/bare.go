package rehearse

import (
	"context"
	"crypto"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// bareTime is how long bare signatures are made at once: before the edition,
// and again after it, since a machine's hours differ.
const bareTime = time.Second

// measureKey signs on all cores with the key of the rehearsal and does nothing
// else: what signed mails can come to at most.
func (p *run) measureKey(ctx context.Context) error {
	if p.report.Bare == nil {
		p.report.Bare = &Measured{}
	}
	ctx, stop := context.WithTimeout(ctx, bareTime)
	defer stop()
	spent, _ := treeCPU(os.Getpid())
	began := time.Now()
	n, err := signBare(ctx, p.key, runtime.GOMAXPROCS(0))
	bare := p.report.Bare
	bare.Mails += n
	bare.Took += time.Since(began)
	after, _ := treeCPU(os.Getpid())
	bare.CPU += after - spent
	return err
}

// signBare counts the signatures that so many goroutines make until ctx ends.
func signBare(ctx context.Context, key *rsa.PrivateKey, goroutines int) (int, error) {
	sum := sha256.Sum256([]byte("a header as DKIM hashes it"))
	var made atomic.Int64
	failed := make([]error, goroutines)
	var crew sync.WaitGroup
	for i := range failed {
		crew.Go(func() {
			for ctx.Err() == nil && failed[i] == nil {
				_, failed[i] = rsa.SignPKCS1v15(crand.Reader, key, crypto.SHA256, sum[:])
				made.Add(1)
			}
		})
	}
	crew.Wait()
	return int(made.Load()), errors.Join(failed...)
}
