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

// sortFaults puts faults in reading order, file by file; a fault told twice counts once.
func sortFaults(fs []Fault) []Fault {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
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
	queryPassword = regexp.MustCompile(`([?&](?:(?:ssl)?password|(?:api_?)?key|token)=)[^&\s"']*`)
	secretWord    = regexp.MustCompile(`pass|pw|sec?ret|token|cred|auth|api_?key`)
	// spacedPassword and bareUser are for whole lines, where a password may hold
	// spaces and what stands behind it is worth less than the secret.
	spacedPassword = regexp.MustCompile(`(://[^/\s:@]*):.*@`)
	bareUser       = regexp.MustCompile(`(^|[\s"'/,{\[<(=*&!])([^\s:@"'/,{}\[\]]+):[^\s@/].*@`)
	userInMessage  = regexp.MustCompile(`([^\s:@"'/,]+):[^\s@/]\S*@`)
	// secretMention is a word that a secret stands behind, with a colon or not.
	secretMention = regexp.MustCompile(`(?i)pass(?:word|wort|wd|phrase)|passw|sec?ret|token|pwd|(?:\b|_)(?:pass|pw)(?:\b|_)`)
	ownFileKey    = regexp.MustCompile(`(?i)^_file["']?\s*:(?:\s+[^\s,}]*|$)`)
	afterWord     = regexp.MustCompile(`^["']?\s*:?[ \t]*`)
	anchorHere    = regexp.MustCompile(`&([^\s,{}\[\]]+)`)
	aliasHere     = regexp.MustCompile(`\*([^\s,{}\[\]]+)`)
	secretSection = regexp.MustCompile(`(?i)(?:^|[\s{,"'-])(?:smtp|database)(?:["'\s:={\[;]|$)`)
	topWord       = regexp.MustCompile(`^["']?[A-Za-z_]+`)
	// plainRelay is what may be shown of a relay: punctuation, and keys that
	// hold no secret with a value that cannot be mistaken for one.
	plainRelay = regexp.MustCompile(`^(?:[\s,{}\[\]-]|["']?(?:smtp|host|port|tls|username|password_file|connections|weight|limits|allow_cleartext)["']?\s*:` +
		`(?:\s*$|\s+[{\[]|\s*["'][\w.~@/+-]*(?::\d{1,5})?["']|\s+[\w.~@/+-]+(?::\d{1,5})?)|\d+(?:/\w+)?(?:[\s,\]]|$))`)
	listedWord = regexp.MustCompile(`^[a-z]{1,8}\s*[,\]]|^\d+/\w+|^[\w.-]+\.[a-z]+\s*[,\]]`)
	relayKey   = regexp.MustCompile(`^["']?[A-Za-z_-]{1,24}["']?\s*:[ \t]+`)
)

// withoutSecrets are the lines of a config as they may be shown. Behind a key
// or word that announces a secret nothing is shown, and in the sections that
// hold one nothing that is not known to be harmless. It works on the text, so
// that it holds for files whose YAML cannot be parsed, too.
func withoutSecrets(lines []string) []string {
	masked := make([]string, len(lines))
	aliases := secretAliases(lines)
	hidden := -1 // indentation of a secret key whose value goes on below it
	section := false
	for i, line := range lines {
		section = inSecretSection(line, section)
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
		if masked[i], open = maskLine(line, section, aliases); open {
			hidden = key
		}
	}
	return masked
}

// inSecretSection says whether a line belongs to smtp or database, misspelt or
// not, given whether the line above it does.
func inSecretSection(line string, above bool) bool {
	if secretSection.MatchString(line) {
		return true
	}
	if !topLine(line) {
		return above
	}
	word := strings.ToLower(strings.Trim(topWord.FindString(line), `"'`))
	return editDistance(word, "smtp") <= 1 || editDistance(word, "database") <= 2
}

// secretAliases are the names by which secrets are repeated: what such an
// anchor marks is a secret wherever it stands.
func secretAliases(lines []string) map[string]bool {
	names, section := map[string]bool{}, false
	for _, line := range lines {
		section = inSecretSection(line, section)
		if cut, _ := secretStart(line); section || cut < len(line) {
			for _, alias := range aliasHere.FindAllStringSubmatch(line, -1) {
				names[alias[1]] = true
			}
		}
	}
	return names
}

// maskLine masks the secrets of one line; open says that what is masked goes
// on, or may go on, in the lines that are indented more.
func maskLine(line string, section bool, aliases map[string]bool) (masked string, open bool) {
	cut, open := secretStart(line)
	for _, at := range anchorHere.FindAllStringSubmatchIndex(line, -1) {
		if aliases[line[at[2]:at[3]]] && at[1] < cut {
			cut, open = at[1], true
		}
	}
	if section {
		if plain := plainUntil(line); plain < cut && !announces(line[plain:cut]) {
			cut, open = plain, true
		}
		open = open || cut < len(line)
	}
	masked = line
	if strings.TrimSpace(line[cut:]) != "" {
		masked = line[:cut] + redacted
	}
	masked = spacedPassword.ReplaceAllString(masked, "${1}:"+redacted+"@")
	masked = bareUser.ReplaceAllString(masked, "${1}${2}:"+redacted+"@")
	return queryPassword.ReplaceAllString(masked, "${1}"+redacted), open
}

// secretStart is where in a line a secret may begin: behind the first key or
// word that announces one, or at the line's end.
func secretStart(line string) (cut int, open bool) {
	cut = len(line)
	for from := 0; ; {
		at := keyAndValue.FindStringSubmatchIndex(line[from:])
		if at == nil {
			break
		}
		if looksSecret(line[from+at[2] : from+at[3]]) {
			cut, open = from+at[1], true
			break
		}
		from += at[1]
	}
	named := 0 // where the value of a key that names a file ends
	for _, at := range secretMention.FindAllStringIndex(line, -1) {
		if file := ownFileKey.FindString(line[at[1]:]); file != "" {
			named = at[1] + len(file)
		}
		if at[0] < named {
			continue
		}
		end := at[1] + len(afterWord.FindString(line[at[1]:]))
		if end < cut {
			cut = end
		}
		break
	}
	return cut, open || bareSecretKey(line)
}

// announces says whether s begins with the word a secret stands behind.
func announces(s string) bool {
	at := secretMention.FindStringIndex(strings.TrimLeft(s, `"'`))
	return at != nil && at[0] == 0
}

// plainUntil is how much of a relay's line is known to hold no secret: of
// what comes then, only a plain key is shown.
func plainUntil(line string) int {
	end := 0
	for end < len(line) {
		rest := line[end:]
		n := len(plainRelay.FindString(rest))
		if n == 0 && strings.Contains(line[:end], "[") {
			n = len(listedWord.FindString(rest))
		}
		if n == 0 {
			return end + len(relayKey.FindString(rest))
		}
		// A value that goes on behind what was matched is none of the plain ones.
		last, next := rest[n-1], strings.TrimLeft(rest[n:], " \t")
		if !strings.ContainsRune(" \t,{}[]-:", rune(last)) && next != "" && !strings.ContainsRune(",}]", rune(next[0])) {
			return end + len(relayKey.FindString(rest))
		}
		end += n
	}
	return end
}

// shownPath is the path of a key as it may be shown: a key that somebody wrote
// together with its value ends where the value may begin.
func shownPath(path string) string {
	end := len(path)
	if i := strings.IndexAny(path, " \t:=;,!@"); i >= 0 {
		end = i
	}
	if at := secretMention.FindStringIndex(path[:end]); at != nil && at[1] < end && !strings.HasPrefix(path[at[1]:], "_file") && path[at[1]] != '.' {
		end = at[1]
	}
	if end < len(path) {
		return path[:end] + "…"
	}
	return path
}

// shownMessage is a sentence without the password of an address quoted in it.
func shownMessage(message string) string {
	const example = "user:${PASSWORD}@"
	before, after, quoted := strings.Cut(message, example)
	for _, part := range []*string{&before, &after} {
		*part = userInMessage.ReplaceAllString(userPassword.ReplaceAllString(*part, "${1}:"+redacted+"@"), "${1}:"+redacted+"@")
	}
	if quoted {
		return before + example + after
	}
	return before
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
