package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"syscall"
	"time"
)

var (
	errTooLarge = errors.New("it is larger than 5 MB")
	errNoFile   = errors.New("it is no plain file")
)

// bytes reads a file whole, as one state of it.
func (f *folder) bytes(file folderFile) ([]byte, error) {
	if file.size > maxFileBytes {
		return nil, errTooLarge
	}
	// It may have become a pipe since it was looked at, and opening one waits
	// for who writes into it.
	h, err := f.root.OpenFile(file.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer h.Close() // read only
	if info, err := h.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errNoFile)
	}
	data, err := io.ReadAll(io.LimitReader(h, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	info, err := h.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Size() != file.size || !info.ModTime().Equal(file.moved) || int64(len(data)) != file.size:
		return nil, errWritten
	}
	return data, nil
}

// breaksOff tells a page or feed whose end is not there yet.
func breaksOff(data []byte) bool {
	start, end := bytes.ToLower(data[:min(len(data), 4096)]), bytes.ToLower(data[max(0, len(data)-4096):])
	for _, root := range []string{"html", "rss", "feed", "rdf:rdf"} {
		if bytes.Contains(start, []byte("<"+root)) {
			return !bytes.Contains(end, []byte("</"+root))
		}
	}
	return false
}

// settle waits a moment, in which who writes a file writes more of it.
func (f *Fetcher) settle(ctx context.Context) error {
	if f.Pace < 0 {
		return ctx.Err()
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mark stands for one state of one file: 64 bits of a hash. Two states of a
// file that share one by chance would leave a correction unread, once in 10^19.
type mark uint64

// mark is a file as it is now. What the config says of it belongs to it: with
// another prefix the same file is another page, and with another rule it has
// other key points.
func (f *folder) mark(file folderFile) mark {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q %d %d", f.source.Prefix, f.source.Points, file.path, file.size, file.moved.UnixNano())
	return mark(h.Sum64())
}

const markBytes = 8

// packMarks writes marks down, eight bytes each, in an order of their own: the
// same files make the same bytes.
func packMarks(marks []mark) string {
	marks = slices.Clone(marks)
	slices.Sort(marks)
	packed := make([]byte, 0, markBytes*len(marks))
	for _, m := range slices.Compact(marks) {
		for shift := 56; shift >= 0; shift -= 8 {
			packed = append(packed, byte(m>>shift))
		}
	}
	return string(packed)
}

// unpackMarks reads what packMarks wrote; what it can't have written is
// forgotten, and the files are read once more.
func unpackMarks(packed string) map[mark]bool {
	marks := map[mark]bool{}
	for ; len(packed) >= markBytes; packed = packed[markBytes:] {
		var m mark
		for _, c := range []byte(packed[:markBytes]) {
			m = m<<8 | mark(c)
		}
		marks[m] = true
	}
	return marks
}
