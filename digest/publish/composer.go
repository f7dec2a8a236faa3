package publish

import "courant/digest"

// Composer composes one edition after the other, as Compose does. It remembers
// how it read the texts of each digest's last one: most of them come again as
// what was told lately, and reading is half the work of a long replay. The
// zero value is ready; it is for one goroutine.
type Composer struct {
	read map[string]readings // by digest
}

// Compose is what the function of this name gives.
func (c *Composer) Compose(m digest.Material) (digest.Composition, error) {
	if c.read == nil {
		c.read = map[string]readings{}
	}
	next := readings{}
	composition, err := composeWith(m, &memory{last: c.read[m.Digest.Name], next: next})
	c.read[m.Digest.Name] = next
	return composition, err
}

// readings are how texts were read, by article.
type readings map[digest.ArticleID]readText

// readText is a text and its reading.
type readText struct {
	title, lead, language string
	reading               reading
}

// memory is what a folding knows of the last one, and leaves to the next. Nil
// knows nothing.
type memory struct{ last, next readings }

// of finds the reading of a text that was read before.
func (m *memory) of(t *telling, lead string) (reading, bool) {
	if m == nil {
		return reading{}, false
	}
	r, ok := m.last[t.ID]
	return r.reading, ok && r.title == t.Title && r.lead == lead && r.language == t.Language
}

// keep leaves a reading to the next folding.
func (m *memory) keep(t *telling, lead string) {
	if m != nil {
		m.next[t.ID] = readText{t.Title, lead, t.Language, t.reading}
	}
}
