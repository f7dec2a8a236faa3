package render

import "unicode"

// direction is which way a text runs, as a dir attribute wants it: "ltr" or
// "rtl", "auto" where it has no letters. The language of its words decides; a
// name in Latin letters at the front of an Arabic headline does not, as it
// would with dir="auto". Where the language is not known, or has not one letter
// in the text, most of the letters decide.
func direction(s *script, texts ...string) string {
	var left, right int // letters that run from there
	for _, text := range texts {
		for _, r := range text {
			switch {
			case r < 0x80 && (r|0x20 < 'a' || r|0x20 > 'z') || r >= 0x80 && !unicode.IsLetter(r):
			case runsFromRight(r):
				right++
			default:
				left++
			}
		}
	}
	switch {
	case left+right == 0:
		return "auto"
	case s != nil && s.rightToLeft() && right > 0:
		return "rtl"
	case s != nil && !s.rightToLeft() && left > 0:
		return "ltr"
	case right > left:
		return "rtl"
	}
	return "ltr"
}

// runsFromRight knows the blocks that Unicode keeps for scripts that run from
// right to left (UAX 9, table of default classes).
func runsFromRight(r rune) bool {
	return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}

// directed settles which way a story's cell runs, and whether its headline or
// a point runs against it.
func (st *story) directed(s *script, page string) {
	st.Dir = direction(s, append([]string{st.Title}, st.Points...)...)
	if st.Dir == "auto" {
		st.Dir = page
	}
	against := func(text string) bool {
		d := direction(s, text)
		return d != "auto" && d != st.Dir
	}
	st.Turned = against(st.Title)
	for _, p := range st.Points {
		st.Turned = st.Turned || against(p)
	}
}
