package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"courant/digest/explain"
)

// writeMails writes each mail as it would be sent, and its two parts beside it:
// morning.eml, morning.html, morning.txt, then morning-2.eml and so on. They
// take the place of what an earlier preview left.
func writeMails(o previewed, p pull) ([]explain.PreviewMail, error) {
	mails := p.said.Mails
	if len(mails) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory for the preview: %w; give --out a place where you may write", err)
	}
	for i, m := range p.mails {
		text, html, err := m.message.Parts(m.to)
		if err != nil {
			return nil, err
		}
		base := filepath.Join(o.dir, p.said.Digest)
		if i > 0 {
			base += fmt.Sprintf("-%d", i+1)
		}
		for _, f := range []struct {
			ending string
			bytes  []byte
		}{{".eml", m.message.Splice(nil, m.to)}, {".html", html}, {".txt", text}} {
			if err := layFile(base+f.ending, f.bytes); err != nil {
				return nil, err
			}
			mails[i].Files = append(mails[i].Files, base+f.ending)
		}
	}
	return mails, nil
}

// layFile puts a file in the place of whatever bears its name. A directory is
// left alone.
func layFile(path string, content []byte) error {
	if there, err := os.Lstat(path); err == nil && there.IsDir() {
		return fmt.Errorf("write the preview: %s is a directory; move it away, or give --out another place", path)
	}
	if err := replaceFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write the preview: %w; give --out a place where you may write", err)
	}
	return nil
}

// replaceFile writes a file that is there whole or as it was before, whoever
// else writes it at the same time. What bears its name is never opened: a link
// would lead elsewhere, and a pipe would wait for somebody to read.
func replaceFile(path string, content []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".courant-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
