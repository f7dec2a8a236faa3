package publish

import (
	"slices"
	"sync"
	"time"

	"courant/digest"
)

// Composer composes editions, as Compose does, and does no work twice. What it
// folded to say which stories are known it does not fold again to compose them;
// and it remembers how it read the texts of each digest's last material: most of
// them come again as what was told lately, and reading is half the work of a long
// replay. The zero value is ready.
type Composer struct {
	mu     sync.Mutex
	read   map[string]readings // by digest
	folded map[fingerprints][]story
	last   fingerprints // of the material composed last, which may be asked of again
}

// Compose is what the function of this name gives.
func (c *Composer) Compose(m digest.Material) (digest.Composition, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stories := c.fold(m)
	if of := fingerprintOf(m); of != c.last {
		delete(c.folded, c.last)
		c.last = of
	}
	return composeOf(m, stories)
}

// Known is what the function of this name gives.
func (c *Composer) Known(m digest.Material) []digest.Known {
	c.mu.Lock()
	defer c.mu.Unlock()
	return known(c.fold(m))
}

// mostFolded is of how many materials a Composer keeps what it folded: a plan
// asks of all its slots before it composes the first.
const mostFolded = 64

// fold folds a material's articles, once.
func (c *Composer) fold(m digest.Material) []story {
	of := fingerprintOf(m)
	stories, done := c.folded[of]
	if !done {
		if c.read == nil {
			c.read, c.folded = map[string]readings{}, map[fingerprints][]story{}
		}
		next := readings{}
		stories = foldWith(m, &memory{last: c.read[m.Digest.Name], next: next})
		c.read[m.Digest.Name] = next
		if len(c.folded) == mostFolded {
			clear(c.folded) // asked of and never composed
		}
		c.folded[of] = stories
	}
	return slices.Clone(stories) // the editor puts each into a section of its own
}

// fingerprints tell materials apart by where their articles lie, which nobody
// writes to: what is read again lies elsewhere.
type fingerprints struct {
	digest    string
	candidate *digest.Candidate
	sent      *digest.Story
	dropped   *digest.Story
	mark      *digest.Mark
	counts    [4]int
	moment    time.Time
}

func fingerprintOf(m digest.Material) fingerprints {
	return fingerprints{
		m.Digest.Name, begin(m.Candidates), begin(m.Sent), begin(m.Dropped), begin(m.Marks),
		[4]int{len(m.Candidates), len(m.Sent), len(m.Dropped), len(m.Marks)}, m.Edition.Instant,
	}
}

// begin is where a list begins; nil: it is empty.
func begin[T any](list []T) *T {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
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
