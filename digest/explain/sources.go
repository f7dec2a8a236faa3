package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// SourceHealth is all that is known of how a source fares.
type SourceHealth struct {
	State   digest.SourceState
	Figures digest.SourceFigures
	Last    []digest.Article // the newest first; nil: not asked for
}

// SourceStatus is a source of `courant sources`, as --json gives it.
type SourceStatus struct {
	Source       string                    `json:"source"`
	Kind         digest.SourceKind         `json:"kind"`
	URL          string                    `json:"url"`
	Condition    digest.SourceCondition    `json:"condition"`
	Since        *time.Time                `json:"since"` // of silent, dead and failing; null: of the others
	FirstPoll    *time.Time                `json:"first_poll"`
	LastPoll     *time.Time                `json:"last_poll"`
	LastSuccess  *time.Time                `json:"last_success"`
	Failures     int                       `json:"failures"` // in a row
	Error        string                    `json:"error"`    // of the last poll
	NextPoll     *time.Time                `json:"next_poll"`
	Why          string                    `json:"why"` // it is polled then, or never
	MovedTo      string                    `json:"moved_to"`
	Newest       *time.Time                `json:"newest"` // when its newest article was first seen
	PerDay       *float64                  `json:"articles_a_day"`
	Days         float64                   `json:"days"` // that articles and points_from are counted over
	Articles     int                       `json:"articles"`
	PointsFrom   map[digest.PointsFrom]int `json:"points_from"`
	OwnPoints    *float64                  `json:"own_points"`      // share of articles with the publisher's own; null: no articles
	Fallback     *float64                  `json:"fallback_points"` // share with a description or first sentences instead
	Next         string                    `json:"next"`            // what to do; empty: nothing
	LastArticles []SourceArticle           `json:"last_articles,omitempty"`
}

// SourceArticle is one of a source's last articles.
type SourceArticle struct {
	Title      string            `json:"title"`
	URL        string            `json:"url"`
	Points     int               `json:"points"`
	PointsFrom digest.PointsFrom `json:"points_from"`
	FirstSeen  time.Time         `json:"first_seen"`
	Published  *time.Time        `json:"published"`
}

// Sources are sources as objects, trouble first.
func Sources(list []SourceHealth, now time.Time) []SourceStatus {
	list = worstFirst(list, now)
	all := make([]SourceStatus, len(list))
	for i, h := range list {
		all[i] = h.status(now)
	}
	return all
}

// worstFirst sorts sources: who needs a person stands where people look first.
func worstFirst(list []SourceHealth, now time.Time) []SourceHealth {
	order := []digest.SourceCondition{digest.SourceDead, digest.SourceSilent, digest.SourceFailing, digest.SourceHeld, digest.SourceNew, digest.SourceUp}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b SourceHealth) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.State.Condition(now)), slices.Index(order, b.State.Condition(now))),
			strings.Compare(a.State.Source.Name, b.State.Source.Name),
		)
	})
	return list
}

func (h SourceHealth) status(now time.Time) SourceStatus {
	s, f := h.State, h.Figures
	next, why := nextPoll(s, now)
	n := SourceStatus{
		Source: s.Source.Name, Kind: s.Source.Kind, URL: s.Source.URL, Condition: s.Condition(now),
		FirstPoll: utcOrNull(s.FirstPoll), LastPoll: utcOrNull(s.LastPoll), LastSuccess: utcOrNull(s.LastSuccess),
		Failures: s.Failures, Error: s.Error, NextPoll: utcOrNull(next), Why: why, MovedTo: cmp.Or(s.Address, s.MovedTo),
		Newest: utcOrNull(s.Newest), Days: now.Sub(f.Since).Hours() / 24, Articles: f.Articles, PointsFrom: f.From, Next: sourceAdvice(s, now),
	}
	if f.From == nil {
		n.PointsFrom, n.Days = map[digest.PointsFrom]int{}, 0
	}
	switch n.Condition {
	case digest.SourceDead, digest.SourceSilent, digest.SourceFailing:
		n.Since = utcOrNull(s.TroubleSince(now))
	}
	if perDay, ok := f.PerDay(knownSince(s), now); ok {
		n.PerDay = &perDay
	}
	if f.Articles > 0 {
		own, fallback := float64(f.Own())/float64(f.Articles), float64(f.Fallback())/float64(f.Articles)
		n.OwnPoints, n.Fallback = &own, &fallback
	}
	for _, a := range h.Last {
		n.LastArticles = append(n.LastArticles, SourceArticle{a.Title, a.URL, len(a.Points), a.PointsFrom, a.FirstSeen.UTC(), utcOrNull(a.Published)})
	}
	return n
}

// knownSince is from when on a source's articles can be counted by the day.
func knownSince(s digest.SourceState) time.Time {
	if s.Source.Kind == digest.SourcePush && s.FirstPoll.IsZero() {
		return s.Newest // it has no first poll
	}
	return s.FirstPoll
}

// nextPoll is when a source is asked next, and why then; zero: never.
func nextPoll(s digest.SourceState, now time.Time) (time.Time, string) {
	at := s.NextPoll
	switch {
	case s.Source.Kind == digest.SourcePush:
		return time.Time{}, "its articles are sent to Courant"
	case s.Gone:
		return time.Time{}, "its server said that it is gone for good (410)"
	case s.NotBefore.After(now) && !s.NotBefore.Before(at):
		return s.NotBefore, "its server asked to be left alone until then (Retry-After)"
	case s.Failures > 0:
		return at, "back-off after " + times(s.Failures, "failure") + " in a row"
	case s.LastPoll.IsZero():
		return at, "it was not polled yet"
	}
	return at, "by schedule"
}

// sourceAdvice is what an operator can do about a source; empty: nothing.
func sourceAdvice(s digest.SourceState, now time.Time) string {
	wake := fmt.Sprintf("`courant sources wake %q`", s.Source.Name)
	moved := ""
	if s.Address != "" {
		moved = "it has moved for good: put the new address into the config, " + s.Address
	}
	switch s.Condition(now) {
	case digest.SourceDead:
		if s.Gone {
			return "take it out of the config, or give its new address; if the 410 was a mistake, " + wake + " asks again"
		}
		_, next := errorOf(s)
		return cmp.Or(next, "look whether it is still there") + ", or take it out of the config; " + wake + " asks at once"
	case digest.SourceSilent:
		return silentAdvice(s)
	case digest.SourceFailing:
		_, next := errorOf(s)
		return cmp.Or(next, "nothing yet: it is tried again by itself") + "; " + wake + " asks at once"
	case digest.SourceNew:
		if s.Source.Kind == digest.SourcePush {
			return "nothing was sent to it yet"
		}
		return fmt.Sprintf("`courant fetch %q` polls it now, `courant serve` by itself", s.Source.Name)
	}
	return moved
}

func silentAdvice(s digest.SourceState) string {
	switch s.Source.Kind {
	case digest.SourcePush:
		return "look whether the publisher's system still sends, and with the right token"
	case digest.SourceFolder:
		return "look whether files still arrive in " + s.Source.URL
	}
	return "look at the publisher's site: a feed that answers and brings nothing new has often been replaced by another"
}
