package rehearse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// tail follows a sink's log while it grows.
type tail struct {
	path string
	read func(io.Reader) ([]Mail, error)

	mu     sync.Mutex
	mails  []Mail
	to     map[string]bool
	by     map[string]int // mails by the domain of their envelope sender: by worker
	offset int64
	torn   error
}

func newTail(path string, read func(io.Reader) ([]Mail, error)) *tail {
	return &tail{path: path, read: read, to: map[string]bool{}, by: map[string]int{}}
}

// follow looks again and again until ctx is done, then once more.
func (t *tail) follow(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		t.look()
		select {
		case <-ctx.Done():
			t.look()
			return
		case <-tick.C:
		}
	}
}

// look reads the whole lines that came since.
func (t *tail) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.torn != nil {
		return
	}
	text, err := readFrom(t.path, t.offset)
	if err != nil {
		t.torn = err
		return
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	mails, err := t.read(bytes.NewReader(text))
	if err != nil {
		t.torn = err
		return
	}
	t.offset += int64(len(text))
	for _, m := range mails {
		t.to[m.To] = true
		t.by[domainOf(m.From)]++
	}
	t.mails = append(t.mails, mails...)
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func readFrom(path string, offset int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sink's log: %w", err)
	}
	defer f.Close() // read only
	text, err := io.ReadAll(io.NewSectionReader(f, offset, 1<<40))
	if err != nil {
		return nil, fmt.Errorf("read the sink's log: %w", err)
	}
	return text, nil
}

// reached is how many readers have a mail.
func (t *tail) reached() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.to)
}

// sentBy is how many mails came from a worker, by its domain.
func (t *tail) sentBy(domain string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.by[domain]
}

// all is what was read so far.
func (t *tail) all() ([]Mail, error) {
	t.look()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mails[:len(t.mails):len(t.mails)], t.torn
}

// sizeOf is a file's size; 0 where there is none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
