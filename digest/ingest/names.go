package ingest

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/language"

	"courant/digest"
)

// site is the publication's name, as it writes it itself where it does, and
// never the headline, which some templates put there.
func (m *metadata) site(address *url.URL, headline string) string {
	domain := siteOfHost(address)
	var offers, addresses []string
	named := m.one("og:site_name", "og:sitename")
	publisher := plainTitle(m.linked.publisher)
	if named != "" && !knownBy(publisher, domain) {
		publisher = "" // the house behind it, or the agency whose report it is
	}
	for _, s := range []string{named, publisher, m.one("application-name", "apple-mobile-web-app-title", "dc.publisher", "citation_journal_title")} {
		name := siteName(withoutHeadline(s, headline), domain)
		switch {
		case name == "":
		case isAddress(s):
			addresses = append(addresses, name)
		default:
			offers = append(offers, name)
		}
	}
	return digest.PlainLine(first(append(append(offers, addresses...), domain)...), maxName)
}

// isAddress tells a name that is the site's address and no more: the site may
// say elsewhere what it is called.
func isAddress(s string) bool {
	return strings.Contains(s, "://") || strings.HasPrefix(s, "www.") || looksLikeDomain(s) && s == strings.ToLower(s)
}

// knownBy says whether a name is that of a domain: "Le Parisien" of
// leparisien.fr, "Tribune de Genève" of tdg.ch.
func knownBy(name, domain string) bool {
	label, _, _ := strings.Cut(domain, ".")
	label = squash(label)
	if label == "" || name == "" {
		return false
	}
	initials := ""
	for word := range strings.FieldsSeq(name) {
		r, _ := firstRune(word)
		initials += string(unicode.ToLower(r))
		if w := squash(word); len(w) >= 4 && strings.Contains(label, w) {
			return true
		}
	}
	return initials == label || strings.Contains(squash(name), label)
}

// withoutHeadline takes the headline out of what should name the site.
func withoutHeadline(s, headline string) string {
	if squash(s) == squash(headline) && headline != "" {
		return ""
	}
	var kept []string
	for _, part := range splitTitle(s) {
		if squash(part) == squash(headline) {
			s = ""
			continue
		}
		kept = append(kept, part)
	}
	if s == "" {
		return strings.Join(kept, " - ")
	}
	return s
}

var template = regexp.MustCompile(`\{[{$%]|\$\{|<%|%%|^\[[a-z_ ]+\]$`)

// siteName is a site's name without its slogan, its scheme, and what a
// template left unfilled. Of several parts the one that the domain has counts,
// else the first.
func siteName(s, domain string) string {
	s = strings.TrimSpace(s)
	if template.MatchString(s) {
		return ""
	}
	if isAddress(s) {
		s = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://"), "www.")
		s, _, _ = strings.Cut(s, "/")
	}
	parts := splitTitle(s)
	if len(parts) < 2 {
		return withoutSlogan(s)
	}
	label, _, _ := strings.Cut(domain, ".")
	for _, part := range parts {
		if name := squash(part); len(label) > 2 && len(name) > 2 && wordCount(part) <= 4 && (strings.Contains(name, squash(label)) || strings.Contains(squash(label), name)) {
			return part
		}
	}
	switch {
	case squash(parts[0]) == "":
		return parts[1]
	case len(parts) == 2 && wordCount(parts[1]) <= 2 && wordCount(parts[0]) <= 3:
		return s
	}
	return parts[0]
}

// withoutSlogan ends a name where a sentence begins behind it.
func withoutSlogan(s string) string {
	if name, _, ok := strings.Cut(s, ". "); ok && wordCount(s) > 8 && wordCount(name) >= 2 {
		return name
	}
	return s
}

// author names up to three people. Profile addresses are not names, and the
// site is none that wrote.
func (m *metadata) author(site string) string {
	notSite := func(names string) string {
		if squash(names) == squash(site) {
			return ""
		}
		return names
	}
	if a := notSite(nameList(m.linked.authors, false)); a != "" {
		return a
	}
	if c := m.meta["citation_author"]; len(c) > 0 {
		return nameList(c, true)
	}
	for _, key := range []string{"author", "article:author", "og:article:author", "parsely-author", "sailthru.author", "byl", "dc.creator", "dcterms.creator"} {
		if names := notSite(nameList(m.meta[key], false)); names != "" {
			return names
		}
	}
	return ""
}

// nameList joins up to three names. A value that holds another one again is
// the by-line around it. Journals write "Family, Given".
func nameList(values []string, familyFirst bool) string {
	var names []string
	for _, value := range values {
		a := cleanAuthor(value)
		if family, given, ok := strings.Cut(a, ", "); ok && familyFirst {
			a = given + " " + family
		}
		repeats := slices.ContainsFunc(names, func(n string) bool { return strings.Contains(a, n) || strings.Contains(n, a) })
		if a != "" && len(names) < 3 && !repeats {
			names = append(names, a)
		}
	}
	return digest.PlainLine(strings.Join(names, ", "), maxName)
}

var (
	byPrefix   = regexp.MustCompile(`(?i)^(?:(?:(?:written |reported |posted )?by|von|par|por|di|door|av|af|autor(?:in)?|autor/in|author|auteur|autore|text|tekst|texte|texto|redakteur(?:in)?|recueilli par|propos recueillis par|редактор|автор)[:\s]+)+`)
	behindName = regexp.MustCompile(`\s*(?:\((?i:image|photo|foto|picture|bild)\b[^)]*\)?|[|•·–—].*|\bmore articles by .*|(?i:\bfollow(?:ing)?\b).*|<?\S+@\S+\.\S+|\(?www\.\S+|\s(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d.*|\d{1,2}[/.]\d{1,2}.*|\d\d:\d\d.*)\s*$`)
	company    = regexp.MustCompile(`^(.{2,60}?\b(?:GmbH|AG|KG|e\. ?V\.|Ltd\.?|Inc\.?|S\.A\.|LLC))(?:,.*| in .*)?$`)
	pictureBy  = regexp.MustCompile(`(?i)^(?:\(?(?:image|photo|foto|фото|picture|bild)(?:[\s:.]|$))`)
	mailed     = regexp.MustCompile(`^\S+@\S+\.\S+\s*\((.+)\)$`) // RSS 2.0: "jane@example.com (Jane Roe)"
	noName     = regexp.MustCompile(`(?i)^(?:admin(?:istrator)?|root|(?:super ?)?user\d*|editor|guest|anonym(?:ous|e)?|anónimo|unknown|no author|meta name author|publisher|webmaster|wordpress|null|undefined|none|n/a|test|author|owner|me|blogger|noreply|by|von|par|por|di|door|av|af|[\d.\s]+)$|://|^www\.|^[@/{\[%<$]|^\S+\.\S+/|all rights reserved|^(?:©|copyright)|\[at\]|badges?\b`)
	login      = regexp.MustCompile(`^[a-z]+[._-][a-z]+(?:[._-][a-z]+)*\d*$|^[a-z_.-]*\d[a-z\d_.-]*$`)
)

const longestName = 12 // words; longer ones tell a life

// cleanAuthor takes "By" and what stands behind a name off it, and refuses
// what is none: addresses, accounts, credits of pictures.
func cleanAuthor(s string) string {
	s = plainText(s, maxName)
	if m := mailed.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if noName.MatchString(s) || pictureBy.MatchString(s) || login.MatchString(s) && !isDomain(s) {
		return ""
	}
	s = byPrefix.ReplaceAllString(s, "")
	if wordCount(s) > longestName+4 {
		return ""
	}
	s = behindName.ReplaceAllString(s, "")
	if name, _, ok := strings.Cut(s, " for "); ok && wordCount(name) >= 2 {
		s = name
	} else if name, _, ok := strings.Cut(s, " For "); ok && wordCount(name) >= 2 {
		s = name
	}
	if m := company.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if s = strings.Trim(s, " ,;:-–—|"); strings.HasPrefix(s, "(") {
		s = strings.Trim(s, "()")
	}
	if wordCount(s) > longestName || strings.Contains(s, "@") || noName.MatchString(s) {
		return ""
	}
	return s
}

// isDomain tells an address from two names with a dot between.
func isDomain(s string) bool {
	_, known := publicsuffix.PublicSuffix(strings.ToLower(s))
	return known && strings.Contains(s, ".")
}

// section is the page's category in its own words.
func (m *metadata) section() string {
	for _, s := range []string{
		m.one("article:section", "og:article:section"),
		plainTitle(m.linked.section),
		m.one("articlesection", "parsely-section", "section", "category", "cxenseparse:section", "sailthru.section", "dc.subject.category"),
	} {
		if s = sectionName(s); s != "" {
			return digest.PlainLine(s, maxName)
		}
	}
	return ""
}

// sectionName is the last part of a path of sections; a sentence is none, nor
// what a template left unfilled.
func sectionName(s string) string {
	if template.MatchString(s) {
		return ""
	}
	if strings.HasPrefix(s, "/") {
		s = strings.Trim(s, "/ ")
		s = s[strings.LastIndexByte(s, '/')+1:]
	}
	if _, last, ok := cutLast(s, " > ", " » ", " › "); ok {
		s = last
	}
	s = strings.Trim(s, " -–—|")
	commas := strings.Count(s, ",") + 1
	if words := wordCount(s); words > 8 && (strings.HasSuffix(s, ".") || words > 4*commas) {
		return ""
	}
	return s
}

// lang is the page's language as BCP 47 writes it: the first of what it says
// that is a language.
func (m *metadata) lang() string {
	for _, s := range []string{m.language, m.one("og:locale"), m.one("content-language"), m.one("language"), m.one("inlanguage"), m.one("dc.language"), m.linked.language} {
		if tag := languageTag(s); tag != "" {
			return tag
		}
	}
	return ""
}

// languageTag writes a language as RFC 5646 section 2.1.1 does, "en_gb" as
// "en-GB", without what is registered nowhere. It is empty for what is no
// language.
func languageTag(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), ",")
	s, _, _ = strings.Cut(strings.TrimSpace(s), ".") // en_US.UTF-8
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "-")
	if len(s) > 35 {
		return ""
	}
	tag, err := language.Raw.Parse(s)
	for err != nil {
		// What can't be read is left off from the end: de-DE-formal is de-DE.
		at := strings.LastIndexByte(s, '-')
		if at < 0 {
			return ""
		}
		s = s[:at]
		tag, err = language.Raw.Parse(s)
	}
	if base, _, _ := tag.Raw(); base.String() == "und" || base.String() == "mul" || base.String() == "zxx" {
		return ""
	}
	return tag.String()
}

// guessedLanguage is the language of a text that doesn't say its own. Only
// what is certain is told: a script that one language has, or many of the
// little words that one has and others haven't.
func guessedLanguage(text string) string {
	text = head(text, 4000)
	if tag := languageOfScript(text); tag != "" {
		return tag
	}
	counts, words := map[string]int{}, 0
	little := littleWords()
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' }) {
		words++
		for _, tag := range little[w] {
			counts[tag]++
		}
	}
	best, second, tag := 0, 0, ""
	for _, t := range languagesKnown {
		switch n := counts[t]; {
		case n > best:
			best, second, tag = n, best, t
		case n > second:
			second = n
		}
	}
	if best < 12 || best*8 < words || second*2 > best {
		return ""
	}
	return tag
}

// languageOfScript knows scripts that one language is written in, and letters
// that one language of a script has.
func languageOfScript(text string) string {
	n, kana, letters := map[string]int{}, 0, 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		switch {
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			kana++
		case unicode.Is(unicode.Hangul, r):
			n["ko"]++
		case unicode.Is(unicode.Han, r):
			n["zh"]++
		case unicode.Is(unicode.Thai, r):
			n["th"]++
		case unicode.Is(unicode.Greek, r):
			n["el"]++
		case unicode.Is(unicode.Hebrew, r):
			n["he"]++
		case unicode.Is(unicode.Armenian, r):
			n["hy"]++
		case unicode.Is(unicode.Georgian, r):
			n["ka"]++
		case strings.ContainsRune("ыэъёЫЭЪЁ", r):
			n["ru"] += 40
		case strings.ContainsRune("їєґЇЄҐ", r):
			n["uk"] += 40
		}
	}
	if kana*8 > letters && letters > 100 {
		return "ja"
	}
	if n["ru"] > 0 && n["uk"] > 0 || n["zh"] > 0 && kana > 0 {
		return ""
	}
	for _, tag := range []string{"ko", "zh", "th", "el", "he", "hy", "ka", "ru", "uk"} {
		if n[tag]*10 > letters*7 && letters > 100 {
			return tag
		}
	}
	return ""
}
