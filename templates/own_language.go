package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// languageFaults says what is wrong with an editor's file of a language. What
// it lacks comes in English, as after an update that brought new texts; that is
// only doubtful.
func languageFaults(name string, text []byte) []*FileError {
	j := languageJudge{name: name, text: text}
	if l := j.parse(); l != nil {
		j.names(l)
		j.formats(l)
		j.texts(l)
	}
	return j.faults
}

// languageJudge collects what is wrong with one file.
type languageJudge struct {
	name   string
	text   []byte
	faults []*FileError
}

// tell records a fault at the line where something is written, as it is found
// by its quotes.
func (j *languageJudge) tell(written, word string, known []string, format string, args ...any) {
	e := &FileError{Path: j.name, Word: word, Known: known, Err: fmt.Errorf(format, args...)}
	if i := bytes.Index(j.text, []byte(`"`+written+`"`)); written != "" && i >= 0 {
		e.Line = 1 + bytes.Count(j.text[:i], []byte("\n"))
	}
	j.faults = append(j.faults, e)
}

// parse reads the file, and tells the keys that are none.
func (j *languageJudge) parse() *Language {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(j.text, &keys); err != nil {
		j.syntax(err)
		return nil
	}
	var known []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Language]()) {
		if tag := f.Tag.Get("json"); tag != "" && tag != "-" {
			known = append(known, tag)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(known, key) {
			j.tell(key, key, known, "%q is no key of a language file", key)
		}
	}
	l, err := parseLanguage(j.name, j.text)
	if err != nil {
		j.syntax(err)
		return nil
	}
	return l
}

func (j *languageJudge) syntax(err error) {
	e := &FileError{Path: j.name, Err: err}
	offset := int64(-1)
	if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) {
		offset, e.Err = bad.Offset, fmt.Errorf("this is not JSON: %w; look for a comma or a quote that is missing", err)
	}
	if bad := (*json.UnmarshalTypeError)(nil); errors.As(err, &bad) {
		offset, e.Err = bad.Offset, fmt.Errorf("%s cannot be a %s; lang/%s.json shows what stands there", bad.Field, bad.Value, Fallback)
	}
	if offset >= 0 {
		e.Line = 1 + bytes.Count(j.text[:min(offset, int64(len(j.text)))], []byte("\n"))
	}
	j.faults = append(j.faults, e)
}

// names wants each month and weekday, and no two alike.
func (j *languageJudge) names(l *Language) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"months", l.Months[:]}, {"weekdays", l.Weekdays[:]}, {"on_weekdays", l.OnWeekdays[:]}} {
		if sorted := slices.Sorted(slices.Values(list.names)); slices.Contains(list.names, "") || len(slices.Compact(sorted)) != len(list.names) {
			j.tell(list.key, "", nil, "%s needs %d names, each another one", list.key, len(list.names))
		}
	}
}

// formats wants in each format what a date or a clock has, and nothing that
// nobody fills.
func (j *languageJudge) formats(l *Language) {
	date := []string{"{day}", "{month}", "{weekday}", "{year}"}
	for _, f := range []struct {
		key, pattern string
		known, needs []string
	}{
		{"long_date", l.LongDate, date, []string{"{day}", "{month}", "{year}"}},
		{"date", l.Date, date, []string{"{day}", "{month}", "{year}"}},
		{"short_date", l.ShortDate, date, []string{"{day}", "{month}"}},
		{"clock", l.Clock, []string{"{ampm}", "{h12}", "{hour}", "{h}", "{minute}"}, []string{"{minute}"}},
	} {
		got := sortedPlaces(f.pattern)
		for _, p := range got {
			if !slices.Contains(f.known, p) {
				j.tell(f.key, p, f.known, "%s: %q has the place %s, which nothing fills: write some of %s", f.key, f.pattern, p, strings.Join(f.known, " "))
			}
		}
		for _, p := range f.needs {
			if !slices.Contains(got, p) {
				j.tell(f.key, "", nil, "%s: %q needs the place %s", f.key, f.pattern, p)
			}
		}
		if strings.ContainsAny(place.ReplaceAllString(f.pattern, ""), "{}") {
			j.tell(f.key, "", nil, "%s: %q has a brace without its other one", f.key, f.pattern)
		}
	}
	j.hours(l, sortedPlaces(l.Clock))
}

// hours wants the hour once in a clock, and the half of the day with an hour
// that counts to 12.
func (j *languageJudge) hours(l *Language, got []string) {
	hours := 0
	for _, p := range []string{"{hour}", "{h}", "{h12}"} {
		if slices.Contains(got, p) {
			hours++
		}
	}
	half := slices.Contains(got, "{ampm}")
	switch {
	case hours != 1:
		j.tell("clock", "", nil, "clock: %q needs one of the places {hour} {h} {h12}", l.Clock)
	case slices.Contains(got, "{h12}") != half:
		j.tell("clock", "", nil, "clock: %q needs {h12} and {ampm} together", l.Clock)
	case half && (l.AM == "" || l.PM == "" || l.AM == l.PM):
		j.tell("clock", "", nil, "clock: {ampm} needs the texts am and pm, each another one")
	}
}

// texts compares with English, which has every text.
func (j *languageJudge) texts(l *Language) {
	english, err := readLanguage(FS, "lang/"+Fallback+".json")
	if err != nil {
		j.faults = append(j.faults, fileError(j.name, err))
		return
	}
	known := slices.Sorted(maps.Keys(english.Texts))
	for _, key := range slices.Sorted(maps.Keys(l.Texts)) {
		there, ok := english.Texts[key]
		if !ok {
			j.tell(key, key, known, "there is no text %q", key)
			continue
		}
		if err := samePlaces(l.Texts[key], there); err != nil {
			var bad *placeError
			if errors.As(err, &bad) {
				j.tell(key, bad.place, bad.known, "%s: %v", key, err)
				continue
			}
			j.tell(key, "", nil, "%s: %v", key, err)
		}
	}
	if l.Tag == Fallback {
		for _, key := range known {
			if _, ok := l.Texts[key]; !ok {
				j.tell("", "", nil, "%s is missing, and no other language has a text for one that is not in English", key)
			}
		}
	}
}

// samePlaces wants the places of English in every form, but for the number
// where a form says it in words.
func samePlaces(t, english Text) error {
	want := sortedPlaces(english.Other)
	for _, form := range append([]string{t.Other}, slices.Sorted(maps.Values(t.Forms))...) {
		got := sortedPlaces(form)
		if err := unknownPlace(form, english.Other, got, want); err != nil {
			return err
		}
		lacks := func(p string) bool { return !slices.Contains(got, p) && (p != "{n}" || form == t.Other) }
		if slices.ContainsFunc(want, lacks) {
			return fmt.Errorf("%q needs the places %s, as in %q", form, strings.Join(want, " "), english.Other)
		}
	}
	return nil
}

// placeError is a place in a text that nothing fills.
type placeError struct {
	place string
	known []string
	why   string
}

func (e *placeError) Error() string { return e.why }

// unknownPlace names the first place of a text that is not filled.
func unknownPlace(text, like string, got, want []string) error {
	for _, p := range got {
		if !slices.Contains(want, p) {
			instead := "write it without"
			if len(want) > 0 {
				instead = "the places are " + strings.Join(want, " ") + ", as in " + strconv.Quote(like)
			}
			return &placeError{p, want, fmt.Sprintf("%q has the place %s, which nothing fills: %s", text, p, instead)}
		}
	}
	return nil
}

// Missing are the texts that a language of the editor lacks and that come in
// English, by the language's tag.
func (o *Own) Missing() map[string][]string {
	all := map[string][]string{}
	english, err := readLanguage(FS, "lang/"+Fallback+".json")
	if err != nil {
		return all // the program's own; whoever renders tells it
	}
	for _, name := range o.Files() {
		if !languageFile.MatchString(name) {
			continue
		}
		l, err := parseLanguage(name, o.files[name])
		if err != nil {
			continue // told as a fault
		}
		for _, key := range slices.Sorted(maps.Keys(english.Texts)) {
			if _, there := l.Texts[key]; !there {
				all[l.Tag] = append(all[l.Tag], key)
			}
		}
	}
	return all
}
