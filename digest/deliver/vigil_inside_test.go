package deliver

import (
	"testing"
	"time"

	"courant/digest"
)

// Whose lease is over is taken over after a grace of looks without a break, and
// whatever breaks them starts the count anew.
func TestLeaseIsSeenToBeOverForAGraceBeforeItsOwnerIsTakenOver(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	type look struct {
		at      time.Duration // since start
		lost    bool          // the call failed
		free    bool          // the owner has renewed
		restart bool          // the server is another
	}
	every := func(from, to, step time.Duration) (looks []look) {
		for at := from; at <= to; at += step {
			looks = append(looks, look{at: at})
		}
		return looks
	}
	const s, grace = time.Second, 10 * time.Second
	for name, c := range map[string]struct {
		looks []look
		due   bool
	}{
		"one look at a lease that is over":          {every(0, 0, s), false},
		"a grace less one look":                     {every(0, 9*s, s), false},
		"a grace":                                   {every(0, 10*s, s), true},
		"slow looks":                                {every(0, 12*s, 4*s), true},
		"looks too far apart":                       {every(0, 60*s, 5*s), false},
		"the owner renewed in between":              {append(append(every(0, 8*s, s), look{at: 9 * s, free: true}), every(10*s, 19*s, s)...), false},
		"and then was over for a grace":             {append(append(every(0, 8*s, s), look{at: 9 * s, free: true}), every(10*s, 20*s, s)...), true},
		"a look that failed":                        {append(append(every(0, 8*s, s), look{lost: true}), every(9*s, 18*s, s)...), false},
		"a look that hung as the database did":      {append(every(0, 8*s, s), every(60*s, 69*s, s)...), false},
		"and a grace after it":                      {append(every(0, 8*s, s), every(60*s, 70*s, s)...), true},
		"the server restarted between two":          {append(append(every(0, 8*s, s), look{at: 9 * s, restart: true}), every(10*s, 12*s, s)...), false},
		"the database's clock was set back an hour": {append(every(0, 8*s, s), every(-3600*s, -3595*s, s)...), false},
	} {
		v := newVigil(grace)
		server := start.Add(-time.Hour)
		for _, l := range c.looks {
			seen := digest.Overdue{At: start.Add(l.at), Owners: []digest.Owner{{ID: "a"}}}
			if l.restart {
				server = seen.At
			}
			seen.Server = server
			switch {
			case l.lost:
				v.Forget()
				continue
			case l.free:
				seen.Owners = nil
			}
			v.Saw(seen)
		}
		owners, until := v.Due()
		if len(owners) > 0 != c.due {
			t.Errorf("%s: due is %v, want %v", name, owners, c.due)
		}
		if last := start.Add(c.looks[len(c.looks)-1].at); until.Sub(last) != 4*s {
			t.Errorf("%s: may be taken over until %v after the last look", name, until.Sub(last))
		}
	}
}

func TestGraceIsAQuarterOfTheLeaseWithinBounds(t *testing.T) {
	t.Parallel()
	for lease, want := range map[time.Duration]time.Duration{
		0: 15 * time.Second, 10 * time.Second: 2500 * time.Millisecond, 40 * time.Second: 10 * time.Second,
		time.Second: 2500 * time.Millisecond, time.Hour: 15 * time.Second,
	} {
		if got := (&Engine{Lease: lease}).grace(); got != want {
			t.Errorf("a lease of %v has a grace of %v, want %v", lease, got, want)
		}
	}
}
