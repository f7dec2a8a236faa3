package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
)

// askFor is an ask to confirm a sign-up to the digest's list.
func askFor(address string) digest.LetterAsk {
	return digest.LetterAsk{
		Kind: digest.LetterConfirm, Address: address, Hash: hash(address), KeyID: 2, Network: []byte("network one"),
		SignUp: digest.SignUp{List: "readers", Digests: []string{"morning"}, Frequency: digest.EveryEdition, How: "page", Text: "1"},
		Budgets: digest.LetterBudgets{
			PerAddress: digest.Budget{Messages: 1, Per: 24 * time.Hour}, PerNetwork: digest.Budget{Messages: 10, Per: time.Hour}, InAll: digest.Budget{Messages: 30, Per: time.Hour},
		},
		Wait: 90 * 24 * time.Hour,
	}
}

// asks has a letter written, and wants that there is nothing to tell of it.
func (n *newsroom) asks(ask digest.LetterAsk) {
	n.t.Helper()
	if err := n.AskLetter(n.t.Context(), ask); err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) wants(want, query string, args ...any) {
	n.t.Helper()
	var got string
	if err := n.db.QueryRowContext(n.t.Context(), query, args...).Scan(&got); err != nil {
		n.t.Fatal(err)
	}
	if got != want {
		n.t.Errorf("%s: %s, want %s", query, got, want)
	}
}

const letterStates = `SELECT COALESCE(string_agg(state || COALESCE(': ' || NULLIF(said, ''), ''), '; ' ORDER BY id), '') FROM letters`

func TestOneConfirmationADayGoesToAnAddress(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.asks(askFor("ann@example.org"))
	again := askFor("ann@example.org")
	again.SignUp.List, again.Network = "weekend", []byte("network two")
	n.asks(again)
	n.wants("queued; cancelled: asked for again, and one is on its way", letterStates)
	// The letter on its way confirms both, and the second row knows no address.
	n.wants("2", `SELECT jsonb_array_length(sign_ups) FROM letters WHERE state = 'queued'`)
	n.wants("1", `SELECT count(*) FROM letters WHERE address IS NULL`)
	n.wants("2", `SELECT count(*) FROM subscriptions WHERE state = 'pending'`)
	// A day later there is one more.
	n.do(`UPDATE letters SET made_at = made_at - interval '25 hours'`)
	n.asks(askFor("ann@example.org"))
	n.wants("2", `SELECT count(*) FROM letters WHERE state = 'queued'`)
}

func TestLettersHaveBudgetsByNetworkAndInAll(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for i := range 10 {
		n.asks(askFor(fmt.Sprintf("a%d@example.org", i)))
	}
	if err := n.AskLetter(t.Context(), askFor("a10@example.org")); !errors.Is(err, digest.ErrLetterBudget) {
		t.Errorf("the eleventh of a network: %v", err)
	}
	for i := range 20 {
		ask := askFor(fmt.Sprintf("b%d@example.org", i))
		ask.Network = fmt.Appendf(nil, "network %d", 10+i)
		n.asks(ask)
	}
	ask := askFor("c@example.org")
	ask.Network = []byte("another one")
	if err := n.AskLetter(t.Context(), ask); !errors.Is(err, digest.ErrLetterBudget) {
		t.Errorf("the 31st of all: %v", err)
	}
	// A reader whom a link let in is held up by neither.
	ask.Network, ask.Kind = nil, digest.LetterMoved
	ask.Reader = n.subscribe("c@example.org")[0]
	n.asks(ask)
	n.do(`UPDATE letters SET made_at = made_at - interval '61 minutes'`)
	n.asks(askFor("d@example.org"))
}

// TestBudgetsHoldForManyAtOnce: what is counted and what is written are one act.
func TestBudgetsHoldForManyAtOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var crew sync.WaitGroup
	for i := range 40 {
		crew.Go(func() {
			ask := askFor("ann@example.org")
			ask.Network = fmt.Appendf(nil, "network %d", i)
			if err := n.AskLetter(t.Context(), ask); err != nil && !errors.Is(err, digest.ErrLetterBudget) {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	n.wants("1 of 30", `SELECT count(*) FILTER (WHERE state = 'queued') || ' of ' || count(*) FROM letters`)
}

// TestAskIsTheSameWhoeverHasTheAddress: a row each time, and never an answer.
func TestAskIsTheSameWhoeverHasTheAddress(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("known@example.org", "erased@example.org", "hard@example.org")
	if err := n.EraseReader(t.Context(), hash("erased@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	n.do(`INSERT INTO suppressions (email_hash, reason) VALUES ($1, 'hard')`, hash("hard@example.org"))
	for i, kind := range []digest.LetterKind{digest.LetterConfirm, digest.LetterManage, digest.LetterExport} {
		for _, who := range []string{"known", "unknown", "erased", "hard"} {
			ask := askFor(who + "@example.org")
			ask.Kind, ask.Network = kind, nil
			n.asks(ask)
		}
		n.wants(fmt.Sprint(4*i+4), `SELECT count(*) FROM letters`)
	}
	// An erased reader's address stays forgotten by all but the letter that asks it.
	n.wants("0", `SELECT count(*) FROM readers WHERE email = 'erased@example.org'`)
	n.wants("1", `SELECT count(*) FROM letters WHERE address = 'erased@example.org'`)
	n.wants("4", `SELECT count(*) FROM letters WHERE said = 'no reader has the address'`)
}

func TestSuppressedAddressIsSentNoLetter(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, reason := range []string{"hard", "complaint", "erased"} {
		n.asks(askFor(reason + "@example.org"))
		n.do(`INSERT INTO suppressions (email_hash, reason) VALUES ($1, $2)`, hash(reason+"@example.org"), reason)
	}
	list, err := n.ClaimLetters(t.Context(), "p", 10, time.Hour)
	if err != nil || len(list) != 1 || list[0].Address != "erased@example.org" {
		t.Errorf("%+v %v", list, err)
	}
	n.do(`INSERT INTO suppressions (email_hash, reason) VALUES ($1, 'operator') ON CONFLICT (email_hash) DO UPDATE SET reason = 'operator'`, hash("erased@example.org"))
	if ok, err := n.IntendLetter(t.Context(), list[0], time.Hour); ok || err != nil {
		t.Errorf("sent to an address that was suppressed a moment ago: %v %v", ok, err)
	}
}

func TestLetterTooLateOrUsedIsNotSent(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, a := range []string{"late@example.org", "used@example.org", "fine@example.org"} {
		n.asks(askFor(a))
	}
	n.do(`UPDATE letters SET expires_at = clock_timestamp() - interval '1 second' WHERE address LIKE 'late%'`)
	n.do(`UPDATE letters SET used_at = clock_timestamp() WHERE address LIKE 'used%'`)
	if list, err := n.ClaimLetters(t.Context(), "p", 10, time.Hour); err != nil || len(list) != 1 || list[0].Address != "fine@example.org" {
		t.Errorf("%+v %v", list, err)
	}
	n.wants("expired; cancelled: it was used; claimed", letterStates)
}

func TestLetterIsUsedOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.asks(askFor("ann@example.org"))
	l, err := n.Letter(t.Context(), 1)
	if err != nil || !l.Usable() || l.Address != "ann@example.org" || len(l.SignUps) != 1 || !l.SignUps[0].Equal(askFor("").SignUp) || l.KeyID != 2 {
		t.Fatalf("%+v %v", l, err)
	}
	if err := n.UseLetter(t.Context(), l.ID); err != nil {
		t.Error(err)
	}
	if err := n.UseLetter(t.Context(), l.ID); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("used twice: %v", err)
	}
	if _, err := n.Letter(t.Context(), 99); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("a letter that never was: %v", err)
	}
}

func TestUnconfirmedSignUpsAreForgottenAfterSevenDays(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("reader@example.org")
	for _, a := range []string{"stranger@example.org", "reader@example.org", "fresh@example.org"} {
		ask := askFor(a)
		ask.SignUp.List = "weekend"
		n.asks(ask)
	}
	week := `interval '7 days 1 hour'`
	n.do(`UPDATE letters SET made_at = made_at - ` + week + `, expires_at = expires_at - ` + week + ` WHERE address NOT LIKE 'fresh%'`)
	n.do(`UPDATE subscriptions SET since = since - ` + week + ` WHERE state = 'pending' AND reader_id NOT IN (SELECT id FROM readers WHERE email LIKE 'fresh%')`)
	if got, err := n.ForgetLetters(t.Context(), store.Retention{Ledger: 400 * 24 * time.Hour}); err != nil || got != 4 {
		t.Errorf("forgot %d, %v", got, err)
	}
	n.wants("fresh@example.org, reader@example.org", `SELECT string_agg(email, ', ' ORDER BY email) FROM readers`)
	n.wants("fresh@example.org", `SELECT string_agg(address, ', ') FROM letters`)
	n.wants("reader@example.org active readers; fresh@example.org pending weekend", `SELECT string_agg(email || ' ' || state || ' ' || list, '; ' ORDER BY reader_id) FROM subscriptions JOIN readers ON id = reader_id`)
}

// offers are the newsroom's lists.
func offers() []digest.Offer {
	morning := digest.OfferedDigest{Name: "morning", Categories: []string{"Military", "World"}}
	return []digest.Offer{
		{List: "readers", Digests: []digest.OfferedDigest{morning, {Name: "evening", Categories: []string{"World"}}}},
		{List: "weekend", Digests: []digest.OfferedDigest{{Name: "sunday"}, morning}},
	}
}

// confirms says yes to the letter with that number, as its page shows it.
func (n *newsroom) confirms(id digest.LetterID) {
	n.t.Helper()
	l, err := n.Letter(n.t.Context(), id)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.ConfirmSignUp(n.t.Context(), id, l.SignUps, offers()); err != nil {
		n.t.Fatal(err)
	}
}

const stands = `
	SELECT concat_ws('; ', r.email, r.time_zone, r.language,
	    (SELECT string_agg(list || ' ' || state, ', ' ORDER BY list) FROM subscriptions WHERE reader_id = r.id),
	    (SELECT string_agg(concat_ws(' ', digest, CASE WHEN left_at IS NOT NULL THEN 'left' END, frequency, array_to_string(categories, '+')), ', ' ORDER BY digest)
	     FROM choices WHERE reader_id = r.id))
	FROM readers r WHERE email_hash = $1`

func TestConfirmedSignUpTakesEffectWithItsChoices(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ask := askFor("ann@example.org")
	ask.SignUp.Frequency, ask.SignUp.Categories, ask.SignUp.Zone, ask.SignUp.Language = digest.Weekly, []string{"World"}, "Asia/Tokyo", "de"
	n.asks(ask)
	n.wants("ann@example.org; Asia/Tokyo; de; readers pending", stands, hash("ann@example.org"))
	n.confirms(1)
	n.confirms(1) // twice is once
	n.wants("ann@example.org; Asia/Tokyo; de; readers active; evening left weekly, morning weekly World", stands, hash("ann@example.org"))
	n.wants("1", `SELECT count(*) FROM reader_events WHERE kind = 'confirmed' AND data ->> 'how' = 'page' AND data ->> 'text' = '1' AND data ->> 'network' <> ''`)
	n.wants("confirmed by mail, asked for by page, text 1", `SELECT consent FROM subscriptions`)
}

func TestConfirmationIsOfWhatWasShown(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.asks(askFor("ann@example.org"))
	l, err := n.Letter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other := askFor("ann@example.org") // somebody else asks for more, with Ann's address
	other.SignUp.Digests = []string{"morning", "evening"}
	n.asks(other)
	if err := n.ConfirmSignUp(t.Context(), 1, l.SignUps, offers()); !errors.Is(err, digest.ErrChanged) {
		t.Errorf("what was not shown was confirmed: %v", err)
	}
	n.wants("ann@example.org; ; ; readers pending", stands, hash("ann@example.org"))
}

// TestConfirmationBringsBackWhoLeftOrWasErased: the mailbox itself says yes.
func TestConfirmationBringsBackWhoLeftOrWasErased(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("left@example.org", "erased@example.org")
	e := n.publish()
	if err := n.Leave(t.Context(), digest.Ref{Edition: e, Reader: ids[0]}, digest.Leaving{At: n.now, How: "page", Everything: true}); err != nil {
		t.Fatal(err)
	}
	if err := n.EraseReader(t.Context(), hash("erased@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	for i, who := range []string{"left@example.org", "erased@example.org"} {
		n.asks(askFor(who))
		n.wants("1", `SELECT count(*) FROM readers WHERE id = $1 AND (left_at IS NOT NULL OR email IS NULL)`, ids[i])
		n.wants("0", `SELECT count(*) FROM subscriptions WHERE reader_id = $1 AND state <> 'unsubscribed'`, ids[i])
		n.confirms(digest.LetterID(i + 1))
		n.wants(who+"; readers active; evening left every, morning every", `SELECT replace(x.s, '; ; ;', ';') FROM (`+stands+`) AS x (s)`, hash(who))
	}
	n.wants("0", `SELECT count(*) FROM suppressions`)
}

// TestConfirmationTakesNothingFromWhoIsHere: a digest that another list brings
// is not left because a box of this one was not ticked.
func TestConfirmationTakesNothingFromWhoIsHere(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	ask := askFor("ann@example.org")
	ask.SignUp.List, ask.SignUp.Digests = "weekend", []string{"sunday"}
	n.asks(ask)
	n.confirms(1)
	n.wants("ann@example.org; ; ; readers active, weekend active; sunday every", stands, hash("ann@example.org"))
}

func TestThisWasNotMeRemovesWhatWaitsAndKeepsTheAddressInPeace(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.asks(askFor("ann@example.org"))
	for range 2 {
		if err := n.DisownSignUp(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	n.wants("0 0 0", `SELECT (SELECT count(*) FROM readers) || ' ' || (SELECT count(*) FROM subscriptions) || ' ' || (SELECT count(*) FROM letters WHERE address IS NOT NULL)`)
	n.do(`UPDATE letters SET made_at = made_at - interval '89 days', disowned_at = disowned_at - interval '89 days'`)
	n.asks(askFor("ann@example.org"))
	n.wants("0", `SELECT count(*) FROM letters WHERE state = 'queued'`)
	n.do(`UPDATE letters SET disowned_at = disowned_at - interval '2 days' WHERE disowned_at IS NOT NULL`)
	n.asks(askFor("ann@example.org"))
	n.wants("1", `SELECT count(*) FROM letters WHERE state = 'queued'`)
	// What was confirmed is no longer to be disowned.
	n.confirms(3)
	if err := n.DisownSignUp(t.Context(), 3); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("a reader was disowned: %v", err)
	}
	n.wants("ann@example.org; readers active; evening left every, morning every", `SELECT replace(x.s, '; ; ;', ';') FROM (`+stands+`) AS x (s)`, hash("ann@example.org"))
}
