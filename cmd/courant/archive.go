package main

import (
	"courant/digest"
	"courant/digest/schedule"
	"courant/digest/web"
)

// publications are the digests as the public pages know them.
func (h *house) publications() []web.Publication {
	all := make([]web.Publication, len(h.config.Digests))
	for i, d := range h.config.Digests {
		all[i] = web.Publication{Digest: d, Cadence: schedule.Cadence(d)}
	}
	return all
}

// archivedAt is the address an edition has in the archive; empty: it is not
// there. A proof has no number.
func (c Config) archivedAt(e digest.Edition) string {
	for _, d := range c.Digests {
		if d.Name == e.Digest && d.Archive.Open() && e.Number > 0 {
			return c.URL + digest.EditionPath(e.Digest, e.Number)
		}
	}
	return ""
}
