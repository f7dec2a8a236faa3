package main

import (
	"fmt"
	"os"
	"path/filepath"

	"courant/digest/explain"
)

// writeMails writes each mail as it would be sent, and its two parts beside it:
// morning.eml, morning.html, morning.txt, then morning-2.eml and so on. Files
// of an earlier preview are written over.
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
			if err := os.WriteFile(base+f.ending, f.bytes, 0o644); err != nil {
				return nil, fmt.Errorf("write the preview: %w; give --out a place where you may write", err)
			}
			mails[i].Files = append(mails[i].Files, base+f.ending)
		}
	}
	return mails, nil
}
