package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// OnList is how many of an edition's readers are on one of its lists. A reader
// on two counts on both, and gets one mail.
type OnList struct {
	List    string `json:"list"`
	Readers int    `json:"readers"`
}

// Size is how large the mail of a slot would be: the largest of its variants.
type Size struct {
	HTML int `json:"html"` // bytes, decoded
	Text int `json:"text"` // bytes, decoded
	Mail int `json:"mail"` // bytes as sent, headers included
	More int `json:"more"` // stories that do not fit and stand on the web only
}

// The sizes of decoded HTML that are worth a warning: Gmail clips a mail at
// about 102 KB, and hides the link to leave with the rest.
const (
	nearClipping = 80_000
	clipping     = 102 * 1024
)

// mostWeighed is how many variants of a slot are made to see how large they
// are: those with most readers. The others differ by a story or two.
const mostWeighed = 12

// Weigh makes the mails of the slots that are known and keeps the largest of
// each. A mail that cannot be made is a warning: that is what its edition
// would be held for.
func Weigh(plan []Planned, weigh func(digest.Edition, digest.Variant) (Size, error)) {
	for i := range plan {
		p := &plan[i]
		for _, v := range p.mails {
			size, err := weigh(p.edition, v)
			if err != nil {
				p.warn("the mail cannot be made as things are: " + err.Error())
				break
			}
			if p.Size == nil || size.HTML > p.Size.HTML {
				p.Size = &size
			}
		}
		p.weighed()
	}
}

// weighed warns of a mail that is too large.
func (p *Planned) weighed() {
	if p.Size == nil {
		return
	}
	switch {
	case p.Size.HTML > clipping:
		p.warn(fmt.Sprintf("too large: its HTML has %s, and Gmail clips a mail at about 102 KB, the unsubscribe link with it", kilobytes(p.Size.HTML)))
	case p.Size.HTML > nearClipping:
		p.warn(fmt.Sprintf("large: its HTML has %s, near the 102 KB at which Gmail clips a mail", kilobytes(p.Size.HTML)))
	}
	if n := p.Size.More; n > 0 {
		p.warn(fmt.Sprintf("too large for all of it: %s left to the web page, so that Gmail doesn't clip the mail; lower max_articles", storiesOf(n)))
	}
}

func storiesOf(n int) string {
	if n == 1 {
		return "1 story"
	}
	return fmt.Sprintf("%d stories", n)
}

// kilobytes is a size as Gmail counts it: of 1024 bytes.
func kilobytes(n int) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d KB", (n+512)/1024)
}

// mailsOf are the variants that would be sent, those with most readers first;
// the digest's own choice where nobody is due.
func mailsOf(c digest.Composition, a audience) []digest.Variant {
	drafts := slices.DeleteFunc(slices.Clone(c.Variants), func(d digest.Draft) bool {
		return d.Reason != "" || a.of(d) == 0 && (a.total > 0 || !d.Default)
	})
	slices.SortStableFunc(drafts, func(x, y digest.Draft) int { return a.of(y) - a.of(x) })
	var list []digest.Variant
	for _, d := range drafts[:min(len(drafts), mostWeighed)] {
		v := digest.Variant{
			Signature: d.Signature, Language: d.Language, Zone: d.Zone, Categories: d.Categories, Default: d.Default, Corrections: d.Corrections,
		}
		for _, i := range d.Stories {
			v.Stories = append(v.Stories, c.Stories[i].Told)
		}
		list = append(list, v)
	}
	return list
}

// Sending is what carries the mails away.
type Sending struct {
	Relays      []digest.Submission // with their limits and what is spent of them now
	Connections int                 // to all of them
	PerSecond   float64             // mails, over all connections, as lately measured; 0: assumed
	Now         time.Time

	busy  time.Time // until when the editions before keep the relays
	after string    // the digest of the last of them
}

// assumedPerConnection is how many mails a connection carries a second where
// nothing was measured yet: a relay 100 ms away, one mail after the other.
const assumedPerConnection = 10

// rate is how many mails go a second, limits aside.
func (s Sending) rate() float64 {
	if s.PerSecond > 0 {
		return s.PerSecond
	}
	return float64(max(s.Connections, 1) * assumedPerConnection)
}

// takes is how long so many mails need from a moment on, the wait for the
// editions before included.
func (s Sending) takes(n int, from time.Time) (took time.Duration, by string) {
	wait := max(s.busy.Sub(from), 0)
	took, by = s.alone(n, from.Add(wait))
	if wait > 0 {
		by += ", behind " + s.after
	}
	return wait + took, by
}

// alone is how long so many mails need once the relays are free for them.
func (s Sending) alone(n int, from time.Time) (took time.Duration, by string) {
	took = time.Duration(float64(n) / s.rate() * float64(time.Second))
	by = fmt.Sprintf("%.3g/s over %s", s.rate(), times(max(s.Connections, 1), "connection"))
	if s.PerSecond == 0 {
		by += ", assumed"
	}
	if held := digest.HeldUp(s.at(from), n); held > took {
		took, by = held, s.limits()
	}
	return took.Round(time.Second), by
}

// limits names the limits of the relays.
func (s Sending) limits() string {
	var names []string
	for _, r := range s.Relays {
		for _, l := range r.Limits {
			if !slices.Contains(names, l.String()) {
				names = append(names, l.String())
			}
		}
	}
	return "limits " + strings.Join(names, ", ")
}

// at is how the relays' limits stand at a moment to come.
func (s Sending) at(t time.Time) []digest.Submission {
	ahead := max(t.Sub(s.Now), 0)
	relays := slices.Clone(s.Relays)
	for i := range relays {
		relays[i].Limits = slices.Clone(relays[i].Limits)
		for j := range relays[i].Limits {
			l := &relays[i].Limits[j]
			var spent []digest.Spent
			for _, p := range l.Spent {
				if p.Back > ahead {
					spent = append(spent, digest.Spent{Messages: p.Messages, Back: p.Back - ahead})
				}
			}
			l.Spent = spent
		}
	}
	return relays
}

// spend takes an edition's mails off the limits, until they are free again.
// Relays share them by the room they have.
func (s *Sending) spend(n int, from time.Time, took time.Duration) {
	rooms, total := make([]int, len(s.Relays)), 0
	for i, r := range s.at(from) {
		rooms[i] = n
		for _, l := range r.Limits {
			rooms[i] = min(rooms[i], l.Room(took))
		}
		total += rooms[i]
	}
	if total == 0 {
		return
	}
	s.Relays = s.at(s.Now) // a copy
	for i := range s.Relays {
		for j := range s.Relays[i].Limits {
			l := &s.Relays[i].Limits[j]
			// Of what goes out in several stretches of the limit's length, the
			// earlier ones are free again at the end.
			share := int(float64(n)*float64(rooms[i])/float64(total)) - int(took/l.Per)*l.Messages
			if share = min(share, l.Messages); share <= 0 {
				continue
			}
			l.Spent = append(l.Spent, digest.Spent{Messages: share, Back: from.Sub(s.Now) + took + l.Per})
			slices.SortFunc(l.Spent, func(a, b digest.Spent) int { return int((a.Back - b.Back) / time.Second) })
		}
	}
}

// carry books the mails of a slot: the relays are busy with them, and what
// expires before its turn is not sent.
func (s *Sending) carry(p *Planned, took time.Duration) {
	begin := p.Slot
	if s.busy.After(begin) {
		begin = s.busy
	}
	n, end := p.Readers, p.Slot.Add(took)
	if fresh, _ := p.freshFor(); took > fresh {
		end = p.Slot.Add(fresh)
		n = int(float64(n) * float64(max(end.Sub(begin), 0)) / float64(max(took-begin.Sub(p.Slot), 1)))
	}
	if !end.After(begin) {
		return
	}
	s.spend(n, begin, end.Sub(begin))
	s.busy, s.after = end, p.Digest
}

// inTheSameMinutes is how close two mails are that a reader takes for one
// mistake.
const inTheSameMinutes = 15 * time.Minute

// Dispatch says of each slot how long its mails take, and warns of those that
// come too late and of digests that meet. Slots stand in order of time.
func Dispatch(plan []Planned, s Sending) {
	for i := range plan {
		p := &plan[i]
		if p.skipped != "" || p.Readers == 0 {
			continue
		}
		took, by := s.takes(p.Readers, p.Slot)
		seconds, out := int(took/time.Second), p.Slot.Add(took)
		p.TakesSeconds, p.OutBy, p.pace = &seconds, &out, by
		p.tooSlow(took)
		s.carry(p, took)
	}
	for i := range plan {
		for j := i + 1; j < len(plan); j++ {
			plan[i].meets(&plan[j])
		}
	}
}

// tooSlow warns of an edition part of which would expire unsent.
func (p *Planned) tooSlow(took time.Duration) {
	end, what := p.freshFor()
	if took <= end {
		return
	}
	w := fmt.Sprintf("the relays are too slow: %s take %s (%s), and %s: what is not sent by then expires", times(p.Readers, "reader"), long(took), p.pace, what)
	p.always = append(slices.Clip(p.always), p.warn(w))
}

// freshFor is how long after its slot an edition may be sent, and why no longer.
func (p *Planned) freshFor() (end time.Duration, what string) {
	fresh := p.of.FreshUntil
	if fresh <= 0 {
		fresh = 24 * time.Hour
	}
	if apart := p.next.Sub(p.Slot); !p.next.IsZero() && apart < fresh {
		return apart, "the next slot is " + long(apart) + " later"
	}
	return fresh, "its news is fresh for " + long(fresh) + " (fresh_until)"
}

// meets warns both of two digests that come to the same readers in the same
// minutes.
func (p *Planned) meets(q *Planned) {
	if p.OutBy == nil || q.OutBy == nil || p.Digest == q.Digest {
		return
	}
	// The later begins while the earlier is still going out.
	if apart := q.Slot.Sub(p.Slot); apart >= inTheSameMinutes && q.Slot.After(*p.OutBy) {
		return
	}
	var shared []string
	for _, l := range p.of.Lists {
		if slices.Contains(q.of.Lists, l) {
			shared = append(shared, l)
		}
	}
	if len(shared) == 0 {
		return
	}
	for _, pair := range [][2]*Planned{{p, q}, {q, p}} {
		w := fmt.Sprintf("overlaps with %s, which goes out in the same minutes: readers on the list %s get two mails", pair[1].Digest, strings.Join(shared, ", "))
		if !slices.Contains(pair[0].Warnings, w) {
			pair[0].always = append(slices.Clip(pair[0].always), pair[0].warn(w))
		}
	}
}

// long is a time for people, no finer than they need it.
func long(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 72*time.Hour:
		text := fmt.Sprintf("%d h", int(d.Hours()))
		if m := int(d.Minutes()) % 60; m > 0 {
			text += fmt.Sprintf(" %d min", m)
		}
		return text
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}
