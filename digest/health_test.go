package digest

import (
	"testing"
	"time"
)

func TestConditionOfSources(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day = 24 * time.Hour
	well := SourceState{Source: Source{Kind: SourceFeed}, FirstPoll: ago(90 * day), LastPoll: ago(time.Hour), LastSuccess: ago(time.Hour), Newest: ago(2 * day)}
	with := func(change func(*SourceState)) SourceState {
		s := well
		change(&s)
		return s
	}
	tests := map[string]struct {
		state SourceState
		want  SourceCondition
	}{
		"well":                 {well, SourceUp},
		"never polled":         {SourceState{Source: Source{Kind: SourceFeed}}, SourceNew},
		"gone":                 {with(func(s *SourceState) { s.Gone, s.Failures, s.FailingSince = true, 1, now }), SourceDead},
		"fails once":           {with(func(s *SourceState) { s.Failures, s.FailingSince = 1, now }), SourceFailing},
		"fails almost a week":  {with(func(s *SourceState) { s.Failures, s.FailingSince = 9, ago(7*day-time.Second) }), SourceFailing},
		"fails for a week":     {with(func(s *SourceState) { s.Failures, s.FailingSince = 9, ago(7*day) }), SourceDead},
		"failed after a sleep": {with(func(s *SourceState) { s.Failures, s.FailingSince, s.LastSuccess = 1, now, ago(30*day) }), SourceFailing},
		"never succeeded": {with(func(s *SourceState) {
			s.LastSuccess, s.Failures, s.FailingSince, s.Newest = time.Time{}, 9, ago(8*day), time.Time{}
		}), SourceDead},
		"held":            {with(func(s *SourceState) { s.NotBefore = now.Add(time.Hour) }), SourceHeld},
		"held no more":    {with(func(s *SourceState) { s.NotBefore = now }), SourceUp},
		"held for a week": {with(func(s *SourceState) { s.NotBefore, s.LastSuccess = now.Add(time.Hour), ago(7*day) }), SourceDead},
		"silent":          {with(func(s *SourceState) { s.Newest = ago(7*day + time.Hour) }), SourceSilent},
		"almost silent":   {with(func(s *SourceState) { s.Newest = ago(7*day + time.Hour - time.Second) }), SourceUp},
		"nobody asked":    {with(func(s *SourceState) { s.Newest, s.LastSuccess = ago(20*day), ago(18*day) }), SourceUp},
		"old at first":    {with(func(s *SourceState) { s.Newest, s.FirstPoll = ago(60*day), ago(2*day) }), SourceUp},
		"old for a week":  {with(func(s *SourceState) { s.Newest, s.FirstPoll = ago(60*day), ago(8*day) }), SourceSilent},
		"never had any":   {with(func(s *SourceState) { s.Newest, s.FirstPoll = time.Time{}, ago(8*day) }), SourceSilent},
		"one page":        {with(func(s *SourceState) { s.Source.Kind, s.Newest = SourcePage, ago(60*day) }), SourceUp},
		"an idle folder":  {with(func(s *SourceState) { s.Source.Kind, s.Newest = SourceFolder, ago(8*day) }), SourceSilent},
		"pushed":          {SourceState{Source: Source{Kind: SourcePush}, Newest: ago(day)}, SourceUp},
		"nothing pushed":  {SourceState{Source: Source{Kind: SourcePush}}, SourceNew},
		"pushed no more":  {SourceState{Source: Source{Kind: SourcePush}, Newest: ago(7 * day), Listened: 7 * day}, SourceSilent},
		"almost no more":  {SourceState{Source: Source{Kind: SourcePush}, Newest: ago(7 * day), Listened: 7*day - time.Second}, SourceUp},
		"nobody listened": {SourceState{Source: Source{Kind: SourcePush}, Newest: ago(30 * day), Listened: 2 * day}, SourceUp},
	}
	for name, test := range tests {
		if got := test.state.Condition(now); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestTroubleEndsWithSomethingNewOnly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC)
	s := SourceState{Source: Source{Kind: SourceFeed}, FirstPoll: now.AddDate(0, -1, 0), LastPoll: now, LastSuccess: now, Newest: now.AddDate(0, 0, -8)}
	steps := []struct {
		change func()
		want   SourceCondition
	}{
		{func() {}, SourceSilent},
		{func() { s.Failures, s.FailingSince = 1, now }, SourceSilent}, // no end of the silence
		{func() { s.FailingSince = now.AddDate(0, 0, -7) }, SourceDead},
		{func() { s.Failures, s.FailingSince, s.NotBefore = 0, time.Time{}, now.Add(time.Hour) }, SourceDead},
		{func() { s.NotBefore = time.Time{} }, SourceSilent},
		{func() { s.Newest = now }, ""},
		{func() { s.Failures, s.FailingSince = 1, now }, ""},
	}
	for n, step := range steps {
		step.change()
		if s.Told = s.Trouble(now); s.Told != step.want {
			t.Errorf("step %d: %q, want %q", n, s.Told, step.want)
		}
	}
}

func TestArticlesADayCountFromWhenSourceWasKnown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC)
	f := SourceFigures{Since: now.AddDate(0, 0, -28), Fresh: 14, From: map[PointsFrom]int{PointsPage: 3, PointsFeed: 4, PointsLead: 2, PointsDescription: 1, PointsNone: 5}}
	if n, ok := f.PerDay(now.AddDate(-1, 0, 0), now); !ok || n != 0.5 {
		t.Error(n, ok)
	}
	if n, ok := f.PerDay(now.AddDate(0, 0, -7), now); !ok || n != 2 {
		t.Error(n, ok)
	}
	if _, ok := f.PerDay(now.Add(-time.Hour), now); ok || f.Own() != 7 || f.Fallback() != 3 {
		t.Errorf("%+v", f)
	}
}
