package digest

// PointRule says where the key points of one source stand, and what is never
// one of them: an editor's word, for publishers whose pages follow no custom.
// The zero value says nothing.
type PointRule struct {
	// CSS is a selector of CSS that picks the points, or the one element that
	// holds them. Empty: they are found the usual ways.
	CSS string
	// Drop are lines that are never taken, wherever a point comes from: each a
	// text that the line holds, or a pattern between two slashes.
	Drop []string
}

// Says tells a rule that says something.
func (r PointRule) Says() bool { return r.CSS != "" || len(r.Drop) > 0 }
