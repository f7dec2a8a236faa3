package publish

import (
	"cmp"
	"slices"

	"courant/digest"
)

// Shown is a variant as it would be published now, before it has a row.
type Shown struct {
	Variant digest.Variant // its Reason says why it would not be sent
	Readers int
	LeftOut []digest.LeftOut // in the digest's order
}

// Preview composes a material and gives its variants: the digest's own choice
// first, then the others by the number of their readers.
func Preview(m digest.Material) ([]Shown, error) { return new(Composer).Preview(m) }

// Preview is what the function of this name gives.
func (composer *Composer) Preview(m digest.Material) ([]Shown, error) {
	c, err := composer.Compose(m)
	if err != nil {
		return nil, err
	}
	readers := map[int64]int{}
	for _, g := range m.Groups {
		readers[g.Key] = g.Readers
	}
	list := make([]Shown, len(c.Variants))
	for i, d := range c.Variants {
		list[i].Variant = digest.Variant{
			Signature: d.Signature, Reason: d.Reason, Language: d.Language, Zone: d.Zone, Categories: d.Categories, Default: d.Default, Corrections: d.Corrections,
		}
		for _, key := range d.Groups {
			list[i].Readers += readers[key]
		}
		for at, f := range c.Stories {
			if slices.Contains(d.Stories, at) {
				continue
			}
			list[i].LeftOut = append(list[i].LeftOut, digest.LeftOut{Story: f.Told.Story, Title: f.Told.Title, Reason: d.LeftOut[at]})
		}
		for _, at := range d.Stories {
			list[i].Variant.Stories = append(list[i].Variant.Stories, c.Stories[at].Told)
		}
	}
	slices.SortStableFunc(list, func(a, b Shown) int {
		if a.Variant.Default != b.Variant.Default {
			return cmp.Compare(rank(a), rank(b))
		}
		return cmp.Compare(b.Readers, a.Readers)
	})
	return list, nil
}

// rank puts the digest's own choice first.
func rank(s Shown) int {
	if s.Variant.Default {
		return 0
	}
	return 1
}
