package render

import (
	"fmt"

	"courant/digest"
)

// Archive is an edition as the archive shows it, as HTML or as text: every
// story of the variant, in the words that were mailed, and on top, beside the
// corrections it brought, what became known since. It names no reader and has
// no link of one: whoever shares it gives nothing away.
func (r *Renderer) Archive(e digest.Edition, v digest.Variant, since []digest.Remark, text bool) ([]byte, error) {
	shown, err := r.archived(e, v, since, text)
	if err != nil {
		return nil, fmt.Errorf("show edition %d of %s in the archive: %w", e.Number, e.Digest, err)
	}
	return shown, nil
}

func (r *Renderer) archived(e digest.Edition, v digest.Variant, since []digest.Remark, text bool) ([]byte, error) {
	s, err := r.setting(e, v)
	if err != nil {
		return nil, err
	}
	p, err := r.page(e, v, s)
	if err != nil {
		return nil, err
	}
	p.Web = true
	at := r.c.URL + digest.EditionPath(e.Digest, e.Number)
	p.Archive = &archive{
		Address: at, Text: at + digest.ArchiveTextSuffix, List: r.c.URL + digest.ArchivePath(e.Digest), Feed: r.c.URL + digest.FeedPath(e.Digest),
	}
	for _, known := range since {
		c, err := s.remark(known)
		if err != nil {
			return nil, err
		}
		p.Corrections = append(p.Corrections, c)
	}
	return r.onTheWeb(e, v, s, p, nil, text)
}

// remark is what became known of a story, with the day.
func (s setting) remark(known digest.Remark) (correction, error) {
	key, pairs := "mail.archive.corrected", []any{"day", s.lang.FormatDate(known.At.In(s.loc)), "text", plain(known.Text, maxPoint)}
	if known.Withdrawn {
		key, pairs = "mail.archive.withdrawn", pairs[:2]
	}
	words, err := s.lang.Say(key, pairs...)
	return correction{plain(known.Title, maxTitle), link(known.URL), words}, err
}
