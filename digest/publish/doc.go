// Package publish answers a slot with an edition: it folds candidate articles
// into stories, ranks them, selects for each group of readers and has the
// result frozen with one queued delivery per reader.
//
// It owns the choice; the store owns the transaction and hands over the
// material inside it, so what was chosen is what was there. Compose is pure:
// the same material gives the same composition in any order of its parts, so
// plan and preview show what publishing would do.
//
// A group is readers who must be treated alike: same choices, same zone, same
// window, same past. Groups for whom everything comes out the same (the
// stories, and the reason for each story left out) share a variant and so one
// render. Each candidate story is in each variant exactly once: told, or left
// out with a reason.
package publish
