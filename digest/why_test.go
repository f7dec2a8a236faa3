package digest

import (
	"strings"
	"testing"
	"time"
)

func TestWhyAnEditionWasMissed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 3, 7, 0, 0, 0, time.UTC)
	before, after := at.Add(-24*time.Hour), at.Add(24*time.Hour)
	active := []Subscription{{List: "readers", State: SubscriptionActive, Since: before}}
	event := func(id int64, at time.Time, kind EventKind, undoes int64) Event {
		return Event{ID: id, At: at, Kind: kind, Digest: "morning", Undoes: undoes}
	}
	for name, c := range map[string]struct {
		account Account
		empty   string
		want    string
	}{
		"on no list":            {Account{}, "", "not on the list readers"},
		"on another list":       {Account{Subscriptions: []Subscription{{List: "x", State: SubscriptionActive}}}, "", "not on the list readers"},
		"came later":            {Account{Subscriptions: []Subscription{{List: "readers", State: SubscriptionActive, Since: after}}}, "", "not subscribed yet: on the list readers since 2026-03-04 07:00 UTC"},
		"unconfirmed":           {Account{Subscriptions: []Subscription{{List: "readers", State: SubscriptionPending, Since: before}}}, "", "has not confirmed the subscription to the list readers"},
		"off the list":          {Account{Subscriptions: []Subscription{{List: "readers", State: SubscriptionUnsubscribed, Since: before}}, EndedAt: map[string]time.Time{"readers": before}}, "", "off the list readers since 2026-03-02"},
		"off the list later":    {Account{Subscriptions: []Subscription{{List: "readers", State: SubscriptionUnsubscribed, Since: before}}, EndedAt: map[string]time.Time{"readers": after}}, "", "do not tell"},
		"left":                  {Account{Subscriptions: active, Events: []Event{event(1, before, EventLeft, 0)}}, "", "left morning on 2026-03-02"},
		"left everything":       {Account{Subscriptions: active, Events: []Event{event(1, before, EventLeftAll, 0)}}, "", "left everything on 2026-03-02"},
		"left later":            {Account{Subscriptions: active, Events: []Event{event(1, after, EventLeft, 0)}}, "", "do not tell"},
		"left and came back":    {Account{Subscriptions: active, Events: []Event{event(1, before, EventLeft, 0), event(2, before, EventUndone, 1)}}, "", "do not tell"},
		"came back too late":    {Account{Subscriptions: active, Events: []Event{event(1, before, EventLeft, 0), event(2, after, EventUndone, 1)}}, "", "left morning"},
		"left, then chose":      {Account{Subscriptions: active, Events: []Event{event(1, before, EventLeft, 0), event(2, before, EventWeekly, 0)}}, "", "do not tell"},
		"suppressed":            {Account{Subscriptions: active, Suppressed: "hard (550 no such user)", SuppressedAt: before}, "", "no mail since 2026-03-02 07:00 UTC: hard (550 no such user)"},
		"suppressed later":      {Account{Subscriptions: active, Suppressed: "hard", SuppressedAt: after}, "", "do not tell"},
		"paused":                {Account{Subscriptions: active, Choices: []Choices{{Digest: "morning", PausedUntil: after}}}, "", "paused until 2026-03-04"},
		"pause over":            {Account{Subscriptions: active, Choices: []Choices{{Digest: "morning", PausedUntil: before}}}, "", "do not tell"},
		"weekly":                {Account{Subscriptions: active, Choices: []Choices{{Digest: "morning", Frequency: Weekly}}}, "", "weekly"},
		"daily":                 {Account{Subscriptions: active, Choices: []Choices{{Digest: "morning", Frequency: Daily}}}, "", "once a day"},
		"another digest weekly": {Account{Subscriptions: active, Choices: []Choices{{Digest: "evening", Frequency: Weekly}}}, "", "do not tell"},
		"too thin":              {Account{Subscriptions: active}, "below min_articles: 0 of 1", "below min_articles: 0 of 1"},
	} {
		e := Entry{Edition: Edition{Digest: "morning", Published: at}, Lists: []string{"readers"}, Empty: c.empty}
		if got := c.account.Missed(e); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSeveralListsThatAReaderIsNotOnAreNamed(t *testing.T) {
	t.Parallel()
	e := Entry{Edition: Edition{Digest: "morning"}, Lists: []string{"readers", "press"}}
	if got := (Account{}).Missed(e); got != "not on the lists readers or press" {
		t.Errorf("says %q", got)
	}
}
