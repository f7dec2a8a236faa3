package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLog bounds server.log; as much again may lie in server.log.1.
const maxLog = 4 << 20

// openLog opens server.log for Postgres, who inherits it: the file stays in
// our own directory and cannot be replaced by the account.
func (s *Server) openLog() (*os.File, error) {
	if err := s.turnLog(); err != nil {
		s.log.Warn("the log of the private postgres was not turned over", "error", err)
	}
	file, err := os.OpenFile(s.place.file("server.log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open Postgres's log: %w", err)
	}
	return file, nil
}

func size(file *os.File) int64 {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// boundLog turns the log over if it has grown too long. Whoever holds
// start.lock at the moment may do it as well; there is no hurry.
func (s *Server) boundLog(ctx context.Context) {
	info, err := os.Stat(s.place.file("server.log"))
	if err != nil || info.Size() <= maxLog {
		return
	}
	unlock, err := lock(ctx, s.place.file("start.lock"))
	if err != nil {
		return
	}
	defer unlock()
	if err := s.turnLog(); err != nil {
		s.log.Warn("the log of the private postgres was not turned over", "error", err)
	}
}

// turnLog copies a long log away and cuts it. A rename would take along the
// file that a running Postgres writes to; in append mode it goes on at the new
// end. A line written between the two steps is lost, which a log can bear.
func (s *Server) turnLog() error {
	path := s.place.file("server.log")
	info, err := os.Stat(path)
	if err != nil || info.Size() <= maxLog {
		return nil
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := from.Seek(-maxLog, io.SeekEnd); err != nil {
		return err
	}
	to, err := os.OpenFile(path+".1", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.LimitReader(from, maxLog))
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// said is what Postgres wrote to its log since offset from, for an error.
func (s *Server) said(from int64) string {
	file, err := os.Open(s.place.file("server.log"))
	if err != nil {
		return ""
	}
	defer file.Close()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return ""
	}
	out, _ := io.ReadAll(io.LimitReader(file, 64<<10)) // what was read is shown
	if text := lastLines(out); text != "" {
		return ": " + text
	}
	return ""
}

// lastLines joins the last three lines into one.
func lastLines(out []byte) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
