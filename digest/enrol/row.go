package enrol

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"courant/digest"

	"golang.org/x/text/language"
)

// row reads one record. An error costs the record.
func (r *Roll) row(record []string) (digest.ImportRow, error) {
	cell := func(column string) string { return r.columns.cell(record, column) }
	row := digest.ImportRow{Line: r.records.at, Name: r.nameOf(cell)}
	var err error
	if row.Address, err = Address(bareAddress(cell(email))); err != nil {
		return row, fmt.Errorf("email %q: %w", digest.PlainLine(cell(email), 100), err)
	}
	row.Hash = r.options.Hash(row.Address)
	if row.State, err = r.standing(cell); err != nil {
		return row, err
	}
	row.Consent = digest.PlainLine(r.consent(cell), digest.MaxConsent)
	if err := r.locale(&row, cell); err != nil {
		return row, err
	}
	row.Categories = r.categories(cell(categories))
	return row, Frequency(&row, cell(frequency))
}

// bareAddress takes "Ann <ann@example.org>" and "mailto:ann@example.org" apart.
func bareAddress(s string) string {
	if open := strings.LastIndexByte(s, '<'); open >= 0 && strings.HasSuffix(s, ">") {
		s = s[open+1 : len(s)-1]
	}
	return strings.TrimPrefix(strings.TrimSpace(s), "mailto:")
}

func (r *Roll) nameOf(cell func(string) string) string {
	full := cell(name)
	if full == "" {
		full = cell(firstName) + " " + cell(lastName)
	}
	return digest.PlainLine(full, digest.MaxName)
}

// locale takes zone and language. Those of another program's export are often
// guesses in words of its own: what is none is left out there, where in a file
// of the operator's own it is a slip.
func (r *Roll) locale(row *digest.ImportRow, cell func(string) string) error {
	zone, tongue := cell(timeZone), cell(tongueOf)
	own := r.Kind == Plain || r.Kind == Courant
	if more := attributesOf(cell(attributes)); more != nil {
		zone, tongue = more.first(zone, "time_zone", "timezone", "tz"), more.first(tongue, "language", "lang", "locale")
	}
	if zone != "" {
		switch err := r.checkZone(zone); {
		case err == nil:
			row.Zone = zone
		case own:
			return err
		}
	}
	tag, err := Language(tongue)
	if err != nil && own {
		return err
	}
	row.Language = tag
	return nil
}

// attributesOf is what a cell of JSON holds.
func attributesOf(s string) bag {
	if !strings.HasPrefix(s, "{") {
		return nil
	}
	var b bag
	if json.Unmarshal([]byte(s), &b) != nil {
		return nil
	}
	return b
}

type bag map[string]any

// first is s, or else the first of the values that is words.
func (b bag) first(s string, keys ...string) string {
	for _, k := range keys {
		if v, ok := b[k].(string); ok && s == "" {
			s = strings.TrimSpace(v)
		}
	}
	return s
}

// Language reads a language as people and browsers name it; empty: none is
// named.
func Language(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	tag, err := language.Parse(s)
	if err != nil {
		return "", fmt.Errorf("language %q is not like en or pt-BR", digest.PlainLine(s, 40))
	}
	return tag.String(), nil
}

func (r *Roll) checkZone(name string) error {
	err, known := r.zones[name]
	if !known {
		err = r.options.CheckZone(name)
		r.zones[name] = err
	}
	return err
}

// categories parts them by semicolons, as our exports do; Mailchimp's tags,
// where someone maps them, are parted by commas and stand in quotes.
func (r *Roll) categories(s string) (list []string) {
	parts := ";"
	if r.Kind == Mailchimp || r.Kind == Ghost {
		parts = ";,"
	}
	for _, c := range strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(parts, c) }) {
		if c = digest.PlainLine(strings.Trim(strings.TrimSpace(c), `"`), 200); c != "" && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	slices.Sort(list)
	return list
}

// Frequency reads every, daily, weekly or weekly:monday into the row.
func Frequency(row *digest.ImportRow, s string) error {
	if s == "" {
		return nil
	}
	word, day, hasDay := strings.Cut(s, ":")
	f, err := digest.ParseFrequency(word)
	if err != nil {
		return err
	}
	row.Frequency = f
	if !hasDay {
		return nil
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		name := strings.ToLower(d.String())
		if day = strings.ToLower(strings.TrimSpace(day)); f == digest.Weekly && (day == name || day == name[:3]) {
			row.Weekday = &d
			return nil
		}
	}
	return fmt.Errorf("frequency %q is not one of every, daily, weekly, weekly:monday", digest.PlainLine(s, 40))
}

// standing tells how the file says the reader stands to its list.
func (r *Roll) standing(cell func(string) string) (digest.ImportState, error) {
	said := cell(state)
	stands, known := r.states[said]
	var err error
	if !known {
		if stands, err = standingOf(said); err == nil {
			r.states[said] = stands
		}
	}
	if err != nil {
		return stands, err
	}
	for _, more := range []digest.ImportState{
		r.partOf(), suppressedAs(cell(suppressed)), leftAs(cell(left), cell(leftWhy)), filled(cell(cleaned), digest.ImportBounced),
		filled(cell(deleted), digest.ImportUnsubscribed),
	} {
		stands = digest.Heavier(stands, more)
	}
	switch strings.ToLower(cell(subscribed)) {
	case "", "true", "yes", "y", "1", "t", "x":
		return stands, nil
	case "false", "no", "n", "0", "f":
		return digest.Heavier(stands, digest.ImportUnsubscribed), nil
	}
	return stands, fmt.Errorf("%q says neither yes nor no to mail; write true or false", digest.PlainLine(cell(subscribed), 40))
}

// partOf is the part of an audience that a file of Mailchimp holds, which its
// name tells: in cleaned_... everybody's mailbox is gone.
func (r *Roll) partOf() digest.ImportState {
	if r.Kind != Mailchimp {
		return digest.ImportActive
	}
	file := strings.ToLower(path.Base(r.options.File))
	switch {
	case strings.HasPrefix(file, "unsubscribed_"):
		return digest.ImportUnsubscribed
	case strings.HasPrefix(file, "cleaned_"):
		return digest.ImportBounced
	case strings.HasPrefix(file, "nonsubscribed_"), strings.HasPrefix(file, "non-subscribed_"), strings.HasPrefix(file, "non_subscribed_"):
		return digest.ImportUnconfirmed
	}
	return digest.ImportActive
}

// standingOf reads the words that programs have for it.
func standingOf(s string) (digest.ImportState, error) {
	switch key(s) {
	case "", "active", "subscribed", "enabled", "confirmed", "yes", "true":
		return digest.ImportActive, nil
	case "unsubscribed", "unsubscribe", "disabled", "inactive", "left", "optedout", "optout", "removed", "deleted":
		return digest.ImportUnsubscribed, nil
	case "bounced", "bounce", "cleaned", "hardbounced", "hard", "invalid":
		return digest.ImportBounced, nil
	case "complained", "complaint", "spam", "abuse", "markedasspam":
		return digest.ImportComplained, nil
	case "blocklisted", "blacklisted", "blocked", "suppressed", "banned":
		return digest.ImportBlocked, nil
	case "pending", "unconfirmed", "nonsubscribed", "transactional", "awaitingconfirmation":
		return digest.ImportUnconfirmed, nil
	}
	return "", fmt.Errorf("state %q is not known; write active, unsubscribed, unconfirmed, bounced, complained or blocked", digest.PlainLine(s, 40))
}

// suppressedAs reads the column of our own exports. A soft one ends by itself.
func suppressedAs(reason string) digest.ImportState {
	switch reason {
	case "hard":
		return digest.ImportBounced
	case "complaint":
		return digest.ImportComplained
	case "erased", "operator":
		return digest.ImportBlocked
	}
	return digest.ImportActive
}

// leftAs tells a complaint, which programs note as a reason for leaving, from
// leaving.
func leftAs(when, why string) digest.ImportState {
	if why = strings.ToLower(why); strings.Contains(why, "abuse") || strings.Contains(why, "spam") {
		return digest.ImportComplained
	}
	return filled(when, digest.ImportUnsubscribed)
}

func filled(cell string, s digest.ImportState) digest.ImportState {
	if cell == "" {
		return digest.ImportActive
	}
	return s
}

// consent says in words what the file knows of how the reader came.
func (r *Roll) consent(cell func(string) string) string {
	var said []string
	for _, part := range []struct{ what, when, from string }{
		{"signed up", cell(signedUp), cell(signedUpIP)}, {"confirmed", cell(confirmed), cell(confirmIP)},
	} {
		if part.when == "" {
			continue
		}
		if part.from != "" {
			part.when += " from " + part.from
		}
		said = append(said, part.what+" "+part.when)
	}
	words := strings.Join(said, ", ")
	switch {
	case cell(consent) != "" && words != "":
		words = cell(consent) + ", " + words
	case cell(consent) != "":
		words = cell(consent)
	}
	if words != "" && r.Kind != Plain && r.Kind != Courant {
		words = string(r.Kind) + ", " + words
	}
	return words
}
