package schedule

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/robfig/cron/v3"
)

// maxSpec is far beyond any sensible expression and keeps error messages and
// parsing short.
const maxSpec = 200

// starBit is how cron marks a field that was written as a star.
const starBit = 1 << 63

// expression is a parsed schedule, evaluated in UTC: its times are wall clocks
// without a zone.
type expression struct {
	fields   *cron.SpecSchedule
	realTime bool // * or / in the hour field
}

// Check says whether a schedule can be used, in one sentence that ends with
// what to do.
func Check(spec string) error {
	_, err := parseExpression(spec)
	return err
}

// WordError is what Check gives where one word spoils a schedule.
type WordError struct {
	Offset int      // where the word begins in the schedule, in bytes
	Word   string   // as it is written there
	Known  []string // the words that could stand there; none: only numbers can
	Reason string
}

// Error is the whole sentence.
func (e *WordError) Error() string { return e.Reason }

// shifted is an error of a part as an error of the whole, in which the part
// begins at offset.
func shifted(err error, offset int) error {
	var word *WordError
	if !errors.As(err, &word) {
		return err
	}
	return &WordError{Offset: word.Offset + offset, Word: word.Word, Known: word.Known, Reason: word.Reason}
}

func parseExpression(spec string) (expression, error) {
	written, err := fiveFields(spec)
	if err != nil {
		return expression{}, shifted(err, len(spec)-len(strings.TrimLeftFunc(spec, unicode.IsSpace)))
	}
	at := 0
	for i, f := range fieldRules() {
		begins := max(0, strings.Index(spec[at:], written[i])) // a name of a schedule holds none of its fields
		if err := f.check(written[i]); err != nil {
			return expression{}, shifted(err, at+begins)
		}
		at = min(len(spec), at+begins+len(written[i]))
	}
	parsed, err := cron.ParseStandard(strings.Join(written, " "))
	if err != nil {
		return expression{}, fmt.Errorf("schedule %q: %w", spec, err)
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return expression{}, fmt.Errorf("schedule %q is not made of five fields", spec)
	}
	fields.Location = time.UTC
	e := expression{fields, strings.ContainsAny(written[1], "*?/")}
	// 2000 is a leap year, so whatever ever fires fires within five years.
	if e.next(time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)).IsZero() {
		return expression{}, fmt.Errorf("schedule %q never comes due: no month it names has such a day; choose another day of the month", spec)
	}
	return e, nil
}

// fiveFields splits a schedule and turns away what reads like one but would
// mean something else, or makes cron panic.
func fiveFields(spec string) ([]string, error) {
	const example = `write minute, hour, day of month, month and day of week, such as "0 7 * * 1-5" for weekdays at 07:00`
	spec = strings.TrimSpace(spec)
	switch {
	case spec == "":
		return nil, errors.New("the schedule is empty: " + example)
	case len(spec) > maxSpec:
		return nil, fmt.Errorf("the schedule is longer than %d characters: split it into two digests", maxSpec)
	case strings.HasPrefix(spec, "TZ="), strings.HasPrefix(spec, "CRON_TZ="):
		return nil, errors.New("the schedule begins with a time zone: name the zone in time_zone and leave only the five fields here")
	case strings.HasPrefix(spec, "@every"):
		return nil, errors.New("the schedule says @every, which has no time of day and shifts with each restart: " + example)
	case strings.HasPrefix(spec, "@"):
		return namedSchedule(spec)
	}
	written := strings.Fields(spec)
	switch {
	case len(written) == 6:
		return nil, fmt.Errorf("schedule %q has six fields: leave out the one for seconds", spec)
	case len(written) != 5:
		return nil, fmt.Errorf("schedule %q has %d of five fields: %s", spec, len(written), example)
	}
	return written, nil
}

func namedSchedule(name string) ([]string, error) {
	names := map[string]string{
		"@hourly":   "0 * * * *",
		"@daily":    "0 0 * * *",
		"@midnight": "0 0 * * *",
		"@weekly":   "0 0 * * 0",
		"@monthly":  "0 0 1 * *",
		"@yearly":   "0 0 1 1 *",
		"@annually": "0 0 1 1 *",
	}
	if spec, ok := names[name]; ok {
		return strings.Fields(spec), nil
	}
	return nil, &WordError{
		Word: name, Known: slices.Sorted(maps.Keys(names)),
		Reason: fmt.Sprintf("schedule %q is not known: use @hourly, @daily, @weekly, @monthly, @yearly or five fields", name),
	}
}

// fieldRule is what may stand in one field.
type fieldRule struct {
	name     string
	min, max int
	names    string // three letters each, from min on
}

func fieldRules() [5]fieldRule {
	return [5]fieldRule{
		{"minute", 0, 59, ""},
		{"hour", 0, 23, ""},
		{"day of month", 1, 31, ""},
		{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
		{"day of week", 0, 6, "sunmontuewedthufrisat"},
	}
}

var fieldPart = regexp.MustCompile(`^(?:[*?]|([0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?)(?:/([0-9]{1,3}))?$`)

// words are the names that may stand for numbers in the field.
func (f fieldRule) words() (names []string) {
	for at := 0; at < len(f.names); at += 3 {
		names = append(names, f.names[at:at+3])
	}
	return names
}

// refuse is an error about a word of the field.
func (f fieldRule) refuse(word, format string, args ...any) error {
	return &WordError{Word: word, Known: f.words(), Reason: fmt.Sprintf(format, args...)}
}

// check is stricter than cron, which takes "*-5", "+5" and an empty list
// without a word.
func (f fieldRule) check(written string) error {
	at := 0
	for part := range strings.SplitSeq(written, ",") {
		if err := f.checkPart(part); err != nil {
			return shifted(err, at)
		}
		at += len(part) + len(",")
	}
	return nil
}

func (f fieldRule) checkPart(part string) error {
	m := fieldPart.FindStringSubmatch(part)
	if m == nil {
		return f.refuse(part, "%s %q is not a number, range, list or step: write 5, 1-5, 1,3,5 or */5", f.name, part)
	}
	from, err := f.value(m[1], f.min)
	if err != nil {
		return err
	}
	to, err := f.value(m[2], from)
	if err != nil {
		return shifted(err, len(m[1])+len("-"))
	}
	if to < from {
		return f.refuse(part, "%s %q runs backwards: write it as two ranges joined by a comma", f.name, part)
	}
	if step, _ := strconv.Atoi(m[3]); m[3] != "" && (step < 1 || step > f.max-f.min+1) {
		return f.refuse(part, "%s %q has a step outside 1-%d: name the values one by one", f.name, part, f.max-f.min+1)
	}
	return nil
}

// value reads one end of a range; without is its value when nothing is
// written there.
func (f fieldRule) value(s string, without int) (int, error) {
	if s == "" {
		return without, nil
	}
	names := f.words()
	if at := slices.Index(names, strings.ToLower(s)); at >= 0 {
		return f.min + at, nil
	}
	n, err := strconv.Atoi(s)
	switch {
	case err == nil && f.name == "day of week" && n == 7:
		return 0, f.refuse(s, "day of week 7 is not known: Sunday is 0, or sun")
	case err == nil && n >= f.min && n <= f.max:
		return n, nil
	case names != nil:
		return 0, f.refuse(s, "%s %q is not within %d-%d or %s-%s: correct that field of the schedule", f.name, s, f.min, f.max, names[0], names[len(names)-1])
	}
	return 0, f.refuse(s, "%s %q is not within %d-%d: correct that field of the schedule", f.name, s, f.min, f.max)
}

// Warnings lists what an editor may not expect of a schedule that Check lets
// pass. It is empty for a schedule that Check refuses.
func Warnings(spec string) []string {
	e, err := parseExpression(spec)
	if err != nil {
		return nil
	}
	var w []string
	if e.eitherDay() {
		w = append(w, "day of month and day of week are both given, so it fires on days that match either of them, not both: leave one of them as *")
	}
	if day := e.firstDay(); day > 28 && e.fields.Dow&starBit != 0 && e.missesDay(day) {
		w = append(w, fmt.Sprintf("months without a day %d have no edition", day))
	}
	if n := bits.OnesCount64(e.fields.Minute &^ starBit); n > 4 {
		w = append(w, fmt.Sprintf("it fires %d times within each hour it names: a plain number as the first field fires once", n))
	}
	return w
}

// missesDay says whether a month that the expression names lacks the day.
func (e expression) missesDay(day int) bool {
	for m := time.January; m <= time.December; m++ {
		// The day before the first of the next month, in a common year.
		if e.fields.Month&(1<<uint(m)) != 0 && time.Date(2025, m+1, 0, 0, 0, 0, 0, time.UTC).Day() < day {
			return true
		}
	}
	return false
}

// eitherDay says that cron's OR rule is at work: a restricted day of month
// and a restricted day of week.
func (e expression) eitherDay() bool {
	return e.fields.Dom&starBit == 0 && e.fields.Dow&starBit == 0
}

// firstDay is the smallest day of the month the expression names.
func (e expression) firstDay() int { return bits.TrailingZeros64(e.fields.Dom) }

// oncePerDay says that the expression has at most one slot in any local day.
// Real time shows an hour twice in autumn, so "0 */24 * * *" does not count.
func (e expression) oncePerDay() bool {
	return !e.realTime &&
		bits.OnesCount64(e.fields.Hour&^starBit) == 1 && bits.OnesCount64(e.fields.Minute&^starBit) == 1
}

// next is the first wall clock after w that matches, or zero if there is none.
func (e expression) next(w time.Time) time.Time {
	for range 3 {
		if n := e.fields.Next(w); !n.IsZero() {
			return n
		}
		// Cron gives up after five years, but from 1896 and from 2096 it is
		// eight years to the next 29 February.
		w = time.Date(w.Year()+5, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Second)
	}
	return time.Time{}
}
