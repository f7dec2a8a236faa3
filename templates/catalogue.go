package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Fallback is the language that has every text.
const Fallback = "en"

// Catalogue is every language there is a file for.
type Catalogue struct {
	languages []*Language // Fallback first
	matcher   language.Matcher
}

// Language is one file of the catalogue. Lists of weekdays begin with Sunday,
// as time.Weekday does.
type Language struct {
	Tag        string     `json:"-"`         // BCP 47, from the file's name
	Name       string     `json:"name"`      // in the language itself
	Direction  string     `json:"direction"` // "ltr" or "rtl", as the dir attribute wants it
	Months     [12]string `json:"months"`    // as they stand in a date
	Weekdays   [7]string  `json:"weekdays"`
	OnWeekdays [7]string  `json:"on_weekdays"` // "Mondays", "le lundi"
	FirstDay   string     `json:"first_day"`   // how the first of a month is written where it is not 1: "1er"
	LongDate   string     `json:"long_date"`   // with {weekday} {day} {month} {year}
	Date       string     `json:"date"`
	ShortDate  string     `json:"short_date"`   // without the year
	Clock      string     `json:"clock"`        // {hour} has two digits, {h} has one or two, {h12} counts to 12 and goes with {ampm}
	AM         string     `json:"am"`           // what {ampm} is before noon
	PM         string     `json:"pm"`           // and after
	Between    string     `json:"list_between"` // ", "
	Last       string     `json:"list_last"`    // " and "
	LastI      string     `json:"list_last_i"`  // the same before the sound i, where it is another word: " e " in Spanish; empty: it is not

	// Cities are the zones whose city has a name of its own in the language,
	// by IANA name.
	Cities map[string]string `json:"cities"`

	// Texts by key: "mail." for the mail, "page." for readers' pages.
	Texts map[string]Text `json:"texts"`

	tag      language.Tag
	fallback *Language
}

// Text is one text: the same for every number, or by CLDR plural category.
// In a file it is a string, or an object of categories.
type Text struct {
	Other string
	Forms map[string]string // zero, one, two, few, many; nil: Other for all
}

// UnmarshalJSON reads both spellings of a text.
func (t *Text) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &t.Other); err == nil {
		return nil
	}
	if err := json.Unmarshal(b, &t.Forms); err != nil {
		return fmt.Errorf("a text is a string or an object of plural forms: %w", err)
	}
	t.Other = t.Forms["other"]
	if t.Other == "" {
		return errors.New(`plural forms need at least "other"`)
	}
	return nil
}

// Load reads lang/*.json out of fsys.
func Load(fsys fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(fsys, "lang/*.json")
	if err != nil {
		return nil, fmt.Errorf("list languages: %w", err)
	}
	c := &Catalogue{}
	for _, name := range names {
		l, err := readLanguage(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read language %s: %w", name, err)
		}
		if l.Tag == Fallback {
			c.languages = append([]*Language{l}, c.languages...)
		} else {
			c.languages = append(c.languages, l)
		}
	}
	if len(c.languages) == 0 || c.languages[0].Tag != Fallback {
		return nil, errors.New("lang/" + Fallback + ".json is missing")
	}
	tags := make([]language.Tag, len(c.languages))
	for i, l := range c.languages {
		tags[i], l.fallback = l.tag, c.languages[0]
		for _, base := range c.languages { // a country's file leaves texts to its language's
			if parent := l.tag.Parent(); base != l && !parent.IsRoot() && base.tag == parent {
				l.fallback = base
			}
		}
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

func readLanguage(fsys fs.FS, name string) (*Language, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	return parseLanguage(name, b)
}

func parseLanguage(name string, b []byte) (*Language, error) {
	l := &Language{Tag: strings.TrimSuffix(path.Base(name), ".json")}
	err := json.Unmarshal(b, l)
	if err != nil {
		return nil, err
	}
	if l.tag, err = language.Parse(l.Tag); err != nil {
		return nil, fmt.Errorf("the file's name is not a language tag: %w", err)
	}
	if l.Direction != "ltr" && l.Direction != "rtl" {
		return nil, fmt.Errorf("direction %q is neither ltr nor rtl", l.Direction)
	}
	for what, pattern := range map[string]string{"long_date": l.LongDate, "date": l.Date, "short_date": l.ShortDate, "clock": l.Clock} {
		if pattern == "" {
			return nil, fmt.Errorf("%s is missing", what)
		}
	}
	return l, nil
}

// With is the catalogue with texts of an editor's own in the place of those
// there are: by language, then by key, each with the same places to fill. All
// that is wrong with them is told at once, as WordingErrors.
func (c *Catalogue) With(wording map[string]map[string]string) (*Catalogue, error) {
	if len(wording) == 0 {
		return c, nil
	}
	own := &Catalogue{matcher: c.matcher}
	for _, l := range c.languages {
		copied := *l
		copied.Texts = maps.Clone(l.Texts)
		own.languages = append(own.languages, &copied)
		copied.fallback = own.languages[0]
	}
	var faults []error
	for _, tag := range slices.Sorted(maps.Keys(wording)) {
		i := slices.IndexFunc(own.languages, func(l *Language) bool { return l.Tag == tag })
		if i < 0 {
			faults = append(faults, &WordingError{tag, "", fmt.Errorf("there are no texts in this language: write one of %s", strings.Join(own.tags(), ", "))})
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(wording[tag])) {
			if err := own.languages[i].reword(key, wording[tag][key]); err != nil {
				faults = append(faults, &WordingError{tag, key, err})
			}
		}
	}
	return own, errors.Join(faults...)
}

// WordingError is a text of an editor that cannot be used.
type WordingError struct {
	Tag, Key string // no key: the language is not there
	Err      error
}

func (e *WordingError) Error() string {
	return strings.TrimSuffix("wording."+e.Tag+"."+e.Key, ".") + ": " + e.Err.Error()
}

// Unwrap is what is wrong.
func (e *WordingError) Unwrap() error { return e.Err }

func (c *Catalogue) tags() []string {
	var tags []string
	for _, l := range c.languages {
		tags = append(tags, l.Tag)
	}
	return tags
}

var place = regexp.MustCompile(`\{\w+\}`)

// reword puts a text of an editor in the place of the one of a key. It must
// have the same places, or the mail would not say what it has to: where "Read
// more" leads, since when a reader gets this.
func (l *Language) reword(key, text string) error {
	key, form := pluralKey(key)
	there, _, ok := l.text(key)
	if !ok || !strings.HasPrefix(key, "mail.") {
		return errors.New("the mail has no text of this name")
	}
	if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 500 {
		return errors.New("a text is one line of words, of at most 500 bytes")
	}
	want, got := sortedPlaces(there.Other), sortedPlaces(text)
	if err := unknownPlace(text, there.Other, got, want); err != nil {
		return err
	}
	if form != "" && !slices.Contains(got, "{n}") { // it may say its number in words
		want = slices.DeleteFunc(want, func(p string) bool { return p == "{n}" })
	}
	if !slices.Equal(want, got) {
		return fmt.Errorf("%q needs the places %s, as in %q", text, strings.Join(want, " "), there.Other)
	}
	own := Text{Other: text}
	if form != "" {
		own = Text{Other: there.Other, Forms: map[string]string{}}
		maps.Copy(own.Forms, there.Forms)
		own.Forms[form] = text
	}
	l.Texts[key] = own
	return nil
}

// pluralKey takes the name of a plural form off a text's name: an editor's
// mail.more.one is the form for one of mail.more, which stands for all others.
func pluralKey(key string) (text, form string) {
	for _, form := range []string{"zero", "one", "two", "few", "many"} {
		if text, ok := strings.CutSuffix(key, "."+form); ok {
			return text, form
		}
	}
	return key, ""
}

func sortedPlaces(s string) []string {
	return slices.Compact(slices.Sorted(slices.Values(place.FindAllString(s, -1))))
}

// Languages lists every language, the fallback first.
func (c *Catalogue) Languages() []*Language { return c.languages }

// Match is the language for the first of the wanted tags that there is a file
// for ("de-AT" finds de); the fallback where there is none.
func (c *Catalogue) Match(wanted ...string) *Language {
	for _, w := range wanted {
		tag, err := language.Parse(w)
		if w == "" || err != nil {
			continue
		}
		// Low confidence is another language that its readers often know:
		// no reason to pass over what the digest's editor named next.
		if _, i, confidence := c.matcher.Match(tag); confidence >= language.High {
			return c.languages[i]
		}
	}
	return c.languages[0]
}

// Say is the text of a key with its places filled: pairs are a place's name
// and its value, Say("mail.read_more", "host", "example.com") for "Read more at
// {host}". Where the text has plural forms the place "n" chooses. A key that
// no language has is an error.
func (l *Language) Say(key string, pairs ...any) (string, error) {
	text, in, ok := l.text(key)
	if !ok {
		return "", fmt.Errorf("no text %q: add it to lang/%s.json", key, Fallback)
	}
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("text %q: a place without a value", key)
	}
	s := text.Other
	places := make([]string, 0, len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		name := fmt.Sprint(pairs[i])
		if n, isInt := pairs[i+1].(int); isInt && name == "n" && text.Forms != nil {
			s = in.form(text, n)
		}
		places = append(places, "{"+name+"}", fmt.Sprint(pairs[i+1]))
	}
	return strings.NewReplacer(places...).Replace(s), nil
}

func (l *Language) text(key string) (Text, *Language, bool) {
	if t, ok := l.Texts[key]; ok {
		return t, l, true
	}
	if l.fallback != nil && l.fallback != l {
		return l.fallback.text(key)
	}
	return Text{}, l, false
}

// form picks by the CLDR cardinal rules: Arabic has six forms.
func (l *Language) form(t Text, n int) string {
	category := map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}
	if s, ok := t.Forms[category[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]]; ok {
		return s
	}
	return t.Other
}

// Upper sets s in capitals by the language's own rules.
func (l *Language) Upper(s string) string { return cases.Upper(l.tag).String(s) }

// Places are those a text has to fill, braces included, sorted.
func (t Text) Places() []string { return sortedPlaces(t.Other) }
