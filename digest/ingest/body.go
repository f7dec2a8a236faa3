package ingest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var errCoding = errors.New("its answer is coded in a way that Courant did not ask for")

// read reads an answer's body into it, up to max bytes after decompression,
// and hands on the place that it counts against. A connection that breaks
// after half a feed has still delivered half; one that was cut by us has not.
func (f *Fetcher) read(ctx context.Context, resp *http.Response, most int64, a *answer, p *patience) (release func(), err error) {
	plain, err := decoded(resp)
	if err != nil {
		return a.release, err
	}
	var body bytes.Buffer
	body.Grow(int(min(max(resp.ContentLength, 0), largeDocument)) + bytes.MinRead)
	_, err = io.CopyN(&body, plain, min(largeDocument, most+1))
	release = a.release
	if err == nil && most > largeDocument {
		p.rest()
		large, lerr := taken(ctx, f.places.large)
		p.run()
		if lerr != nil {
			return release, lerr
		}
		small := a.release
		release = func() { small(); large() }
		_, err = io.CopyN(&body, plain, most+1-largeDocument)
	}
	a.body = body.Bytes()
	if int64(len(a.body)) > most {
		a.body, a.cut = a.body[:most], true
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return release, nil
	case len(a.body) == 0 || ctx.Err() != nil:
		return release, err
	}
	a.cut, a.broken = true, true
	return release, nil
}

// decoded takes off what an answer is packed in. The transport asks for gzip
// and unpacks it; servers that send something else unasked, or a file that
// was packed before (RFC 1952 section 2.3.1), are met here. Whatever comes
// out is counted by the caller.
func decoded(resp *http.Response) (io.Reader, error) {
	plain := bufio.NewReader(resp.Body)
	codings := strings.Split(strings.ToLower(strings.Join(resp.Header.Values("Content-Encoding"), ",")), ",")
	if len(codings) > 3 {
		return nil, errCoding
	}
	for i := len(codings) - 1; i >= 0; i-- { // RFC 9110 section 8.4: in the order they were applied
		var err error
		switch coding := strings.TrimSpace(codings[i]); coding {
		case "", "identity", "none", "utf-8": // the last two are no codings, and are sent
		case "gzip", "x-gzip":
			plain, err = unzipped(plain)
		case "deflate":
			plain, err = inflated(plain)
		default:
			return nil, fmt.Errorf("%w (%.20q)", errCoding, coding)
		}
		if err != nil {
			return nil, err
		}
	}
	return unzipped(plain)
}

// unzipped unpacks what is gzip by its first bytes, and leaves what is not.
func unzipped(packed *bufio.Reader) (*bufio.Reader, error) {
	if magic, err := packed.Peek(3); err != nil || !bytes.Equal(magic, []byte{0x1f, 0x8b, 8}) {
		return packed, nil
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return bufio.NewReader(z), nil
}

// inflated unpacks deflate: RFC 9110 section 8.4.1.2 wants it within zlib,
// and notes that some servers leave that out.
func inflated(packed *bufio.Reader) (*bufio.Reader, error) {
	head, err := packed.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8+int(head[1]))%31 == 0 {
		z, err := zlib.NewReader(packed)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		return bufio.NewReader(z), nil
	}
	return bufio.NewReader(flate.NewReader(packed)), nil
}
