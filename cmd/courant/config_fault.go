package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Fault is one thing that is wrong, or doubtful, in a config file.
type Fault struct {
	File         string
	Line, Column int    // from 1, in characters; zero: the file as a whole
	Path         string // "digests.morning.max_articles"; empty: no key in particular
	Message      string // one sentence that says what to do

	source string // the line without its secrets; empty: not shown
	caret  int    // column within source, from 1
}

// String is the fault as an editor reads it: place, key, sentence, and below
// it the line with a caret under the fault.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	if f.source != "" {
		number := fmt.Sprintf("%5d | ", f.Line)
		fmt.Fprintf(&b, "\n%s%s\n%*s%s^", number, f.source, len(number), "| ", caretLead(f.source, f.caret))
	}
	return b.String()
}

// caretLead is the white space that puts a caret under column of line, whatever
// width the terminal gives to tabs and to East Asian characters.
func caretLead(line string, column int) string {
	var b strings.Builder
	for _, r := range firstRunes(line, column-1) {
		if r == '\t' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Repeat(" ", uniseg.StringWidth(string(r))))
	}
	return b.String()
}

// firstRunes are the first n characters of s, or as many as there are.
func firstRunes(s string, n int) []rune {
	runes := []rune(s)
	return runes[:max(0, min(n, len(runes)))]
}

// Faults are all that is wrong with one config, in the order of its lines.
type Faults []Fault

// Error holds every fault, each with its line.
func (fs Faults) Error() string {
	told := make([]string, len(fs))
	for i, f := range fs {
		told[i] = f.String()
	}
	return strings.Join(told, "\n")
}

// sortFaults puts faults in reading order; a fault told twice counts once.
func sortFaults(fs []Fault) []Fault {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	// A fault inside what an alias repeats is found once for each repetition.
	return slices.Compact(fs)
}

// longestShown is how much of a source line a fault shows, in characters.
const longestShown = 120

// excerptOf is the part of line around column that a fault shows, and where the
// column lies in it.
func excerptOf(line string, column int) (string, int) {
	runes := []rune(strings.TrimRight(line, " \t\r"))
	from := 0
	if len(runes) > longestShown && column > longestShown/2 {
		from = min(column-longestShown/2, len(runes)-longestShown/2)
	}
	to := min(len(runes), from+longestShown)
	shown := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD' // nothing in a config file steers the terminal that shows its faults
		}
		return r
	}, string(runes[from:to]))
	return shown, column - from
}

var (
	keyAndValue   = regexp.MustCompile(`(?:^|[\s{,"'-])([A-Za-z_]+)(?:\s*:[ \t]+|["']\s*:[ \t]*)`)
	userPassword  = regexp.MustCompile(`(://[^/\s:@]*):\S*@`)
	queryPassword = regexp.MustCompile(`([?&](?:ssl)?password=)[^&\s"']*`)
	blockValue    = regexp.MustCompile(`^[|>][-+0-9]*\s*(#.*)?$`)
	secretWord    = regexp.MustCompile(`pass|pw|sec?ret|token|cred|auth|api_?key`)
	nextKey       = regexp.MustCompile(`,\s*[a-z_]+:\s`)
)

// withoutSecrets are the lines of a config as they may be shown: whatever
// stands behind a secret key, or a key that looks like a misspelt one, and
// every password in a URL is masked. It works on the text, so that it holds
// for files whose YAML cannot be parsed, too.
func withoutSecrets(lines []string) []string {
	masked := make([]string, len(lines))
	hidden := -1 // indentation of a secret key whose value goes on below it
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		key := len(line) - len(strings.TrimLeft(line, " \t-"))
		// A value that is indented wrongly is one all the same.
		goesOn := indent > hidden || strings.HasPrefix(line, "\t") || !strings.Contains(line, ":")
		if hidden >= 0 && (goesOn || strings.TrimSpace(line) == "") {
			masked[i] = line[:indent] + redacted
			continue
		}
		hidden = -1
		var open bool
		if masked[i], open = maskLine(line); open {
			hidden = key
		}
	}
	return masked
}

// maskLine masks the secrets of one line; open says that the value of a
// secret key goes on, or may go on, in the lines that are indented more.
func maskLine(line string) (masked string, open bool) {
	line = userPassword.ReplaceAllString(line, "${1}:"+redacted+"@")
	line = queryPassword.ReplaceAllString(line, "${1}"+redacted)
	for from := 0; ; {
		at := keyAndValue.FindStringSubmatchIndex(line[from:])
		if at == nil {
			return line, bareSecretKey(line)
		}
		key, value := line[from+at[2]:from+at[3]], from+at[1]
		if !looksSecret(key) {
			from = value
			continue
		}
		rest := line[value:]
		if trimmed := strings.TrimSpace(rest); trimmed == "" || blockValue.MatchString(trimmed) {
			return line, true
		}
		end := value + scalarEnd(rest)
		if end == len(line) {
			return line[:value] + redacted, true
		}
		line, from = line[:value]+redacted+line[end:], value+len(redacted)
	}
}

// shownColumn is where a column of the line as written stands in the line as
// shown: to the left and to the right of what is masked they agree.
func shownColumn(written, shown string, column int) int {
	w, s := []rune(written), []rune(shown)
	same := 0
	for same < min(len(w), len(s)) && w[same] == s[same] {
		same++
	}
	tail := 0
	for tail < min(len(w), len(s)) && w[len(w)-1-tail] == s[len(s)-1-tail] {
		tail++
	}
	switch {
	case column <= same+1:
		return column
	case column > len(w)-tail:
		return column + len(s) - len(w)
	}
	return same + 1
}

// bareSecretKey says whether a line ends with a secret key and its colon.
func bareSecretKey(line string) bool {
	key, found := strings.CutSuffix(strings.TrimSpace(line), ":")
	if i := strings.LastIndexAny(key, " {,-"); i >= 0 {
		key = key[i+1:]
	}
	return found && looksSecret(strings.Trim(key, `"'`))
}

// scalarEnd is where the value at the start of s ends. A quoted one ends with
// its quote; a plain one with the line, or where a flow mapping goes on with
// another key: a password with a comma in it is masked whole.
func scalarEnd(s string) int {
	if s[0] == '"' || s[0] == '\'' {
		if i := strings.IndexByte(s[1:], s[0]); i >= 0 {
			return i + 2
		}
		return len(s)
	}
	if at := nextKey.FindStringIndex(s); at != nil {
		return at[0]
	}
	end := len(strings.TrimRight(s, "} \t\r"))
	for _, ref := range envReference.FindAllStringIndex(s, -1) {
		end = max(end, ref[1]) // its brace closes no mapping
	}
	return end
}

// looksSecret is true for secret keys and for what may be one misspelt.
// database is none here: of it only the password is a secret.
func looksSecret(key string) bool {
	key = strings.ToLower(key)
	if strings.HasSuffix(key, "_file") {
		return false
	}
	// A database's address holds a password in more ways than can be told.
	return key == "database" || editDistance(key, "password") <= 3 || secretWord.MatchString(key)
}

// nearest is the known word that was probably meant by word, or nothing.
func nearest(word string, known []string) string {
	best, at := "", 1+max(1, min(3, len(word)/3))
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// editDistance counts the letters to insert, drop, change or swap with their
// neighbour on the way from a to b (optimal string alignment).
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 64 // nobody misspells a key at this length, and the table is quadratic
	}
	// The whole table is kept, since a swap looks two rows back.
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

// didYouMean is the end of a sentence about an unknown word.
func didYouMean(word string, known []string) string {
	if meant := nearest(word, known); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	return ""
}
