package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/mail"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// scalar is one kind of value: how it is read, and which values those are. The
// two stand together so that the schema of the config cannot forget a key or
// promise another value than the reader takes.
type scalar[T any] struct {
	shape shape
	read  func(yamlValue) (T, error)
}

// shape says which values a key takes, in the words of JSON Schema (draft-07)
// and two of the editors: VS Code and yaml-language-server show
// patternErrorMessage instead of the pattern, and offer examples.
//
// A shape may take more than the reader does, who has the last word; it never
// takes less, or an editor would see faults where there are none.
type shape struct {
	Schema               string     `json:"$schema,omitempty"`
	Title                string     `json:"title,omitempty"`
	Ref                  string     `json:"$ref,omitempty"`
	Description          string     `json:"description,omitempty"`
	Type                 oneOrList  `json:"type,omitempty"`
	Enum                 []string   `json:"enum,omitempty"`
	Default              any        `json:"default,omitempty"`
	Examples             []any      `json:"examples,omitempty"`
	Pattern              string     `json:"pattern,omitempty"`
	PatternErrorMessage  string     `json:"patternErrorMessage,omitempty"`
	MinLength            int        `json:"minLength,omitempty"`
	MaxLength            int        `json:"maxLength,omitempty"`
	Minimum              *int       `json:"minimum,omitempty"`
	Maximum              *int       `json:"maximum,omitempty"`
	Items                *shape     `json:"items,omitempty"`
	MinItems             int        `json:"minItems,omitempty"`
	AnyOf                []*shape   `json:"anyOf,omitempty"`
	OneOf                []*shape   `json:"oneOf,omitempty"`
	Required             []string   `json:"required,omitempty"`
	PropertyNames        *shape     `json:"propertyNames,omitempty"`
	Properties           properties `json:"properties,omitempty"`
	AdditionalProperties any        `json:"additionalProperties,omitempty"` // false, or the *shape of what stands under names
}

// oneOrList is a word, or several.
type oneOrList []string

// MarshalJSON writes a single word as one.
func (l oneOrList) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// property is a key of a mapping and what it takes.
type property struct {
	key   string
	takes *shape
}

// properties stay in the order in which the readers ask for them.
type properties []property

// MarshalJSON writes an object whose keys keep their order.
func (ps properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range ps {
		key, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		var value bytes.Buffer
		e := json.NewEncoder(&value)
		e.SetEscapeHTML(false)
		if err := e.Encode(p.takes); err != nil {
			return nil, fmt.Errorf("%s: %w", p.key, err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(bytes.TrimSpace(value.Bytes()))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// describe takes a key in.
func (s *shape) describe(key string, takes *shape) {
	s.Properties = append(s.Properties, property{key, takes})
}

// optional is a shape that may be left empty: a key with nothing behind it.
func optional(kind string) oneOrList { return oneOrList{kind, "null"} }

// aMapping is the shape of a mapping whose keys are yet to be described.
func aMapping() *shape { return &shape{Type: optional("object")} }

// close says that all keys have been described. A mapping that must hold
// something cannot be left empty.
func (s *shape) close() {
	s.AdditionalProperties = false
	if len(s.Required) > 0 {
		s.Type = oneOrList{"object"}
	}
}

// withDefault is the shape of a key that has a value even when nobody writes
// it. What no editor could write is no default, as the empty text of a key
// that must be filled in.
func (s shape) withDefault(value any) *shape {
	switch written := asWritten(value).(type) {
	case string:
		if s.takesText(written) {
			s.Default = written
		}
	case []any:
		if len(written) > 0 {
			s.Default = written
		}
	default:
		s.Default = written
	}
	return &s
}

// takesText says whether s takes a text, as far as its words tell.
func (s shape) takesText(text string) bool {
	switch {
	case len(text) < s.MinLength, s.Enum != nil && !slices.Contains(s.Enum, text):
		return false
	case s.Pattern == "":
		return true
	}
	fits, err := regexp.MatchString(s.Pattern, text)
	return err == nil && fits
}

// asWritten is a value as an editor writes it.
func asWritten(value any) any {
	switch v := value.(type) {
	case bool, int:
		return v
	case secret:
		return "" // no key that holds one has a default
	case mail.Address:
		return mailbox(v)
	case time.Duration:
		return shortDuration(v)
	case netip.Prefix:
		if v.IsSingleIP() {
			return v.Addr().String()
		}
		return v.String()
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Slice:
		items := []any{}
		for i := range v.Len() {
			items = append(items, asWritten(v.Index(i).Interface()))
		}
		return items
	case reflect.String:
		return v.String()
	}
	return fmt.Sprint(value)
}

// shortDuration is 5m rather than 5m0s, and 35d rather than 840h.
func shortDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d > day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	if d == 0 {
		return ""
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// text is the kind of a text that parse judges.
func text[T any](s shape, parse func(string) (T, error)) scalar[T] {
	s.Type = oneOrList{"string"}
	return scalar[T]{s, asText(parse)}
}

// filled is a text that may not be empty.
func filled(examples ...any) shape { return shape{MinLength: 1, Examples: examples} }

// patterned is a text with a pattern; right says what would be right.
func patterned(pattern, right string, examples ...any) shape {
	return shape{Pattern: pattern, PatternErrorMessage: right, Examples: examples}
}

// orUnset lets a key be written and left empty, which gives the zero value.
func orUnset[T any](kind scalar[T]) scalar[T] {
	s := kind.shape
	s.MinLength = 0
	if s.Pattern != "" {
		s.Pattern = `^\s*$|` + s.Pattern
	}
	return scalar[T]{s, func(v yamlValue) (T, error) {
		if written, err := v.text(); err == nil && strings.TrimSpace(written) == "" {
			var none T
			return none, nil
		}
		return kind.read(v)
	}}
}

// The kinds of values that keys take, each with its parser.

func aLine() scalar[string]     { return text(filled(), parseLine) }
func someLines() scalar[string] { return text(filled(), parseLines) }

func aName() scalar[string] {
	s := patterned(namePattern.String(), "a name has small letters, digits, - and _, and begins with a letter or digit")
	s.MaxLength = longestName
	return text(s, parseName)
}

func aSelector() scalar[string]   { return text(filled(), parseSelector) }
func aMailDomain() scalar[string] { return text(filled(), parseMailDomain) }
func aHost() scalar[string]       { return text(filled(), parseHost) }

func aMailbox() scalar[mail.Address] {
	return text(patterned("@", "write an address like Example News <news@example.com>"), parseMailbox)
}

func aListener() scalar[string] {
	return text(patterned(`:\d{1,5}$`, "write an address and port like 127.0.0.1:8080, or :8080 for all addresses"), parseListen)
}

func aPrefix() scalar[netip.Prefix] {
	return text(patterned(`^[0-9A-Fa-f.:]+(/\d{1,3})?$`, "write an IP address, or a network like 10.0.0.0/8"), parsePrefix)
}

const webPattern = `^\s*[Hh][Tt][Tt][Pp][Ss]?://`

func anOwnURL() scalar[string] {
	return text(patterned(webPattern, "write the address like https://news.example.com"), parseOwnURL)
}

func aSourceURL() scalar[string] {
	return text(patterned(webPattern, "write the address like https://example.com/feed.xml"), parseSourceURL)
}

func anEndpointURL() scalar[string] {
	return text(patterned(webPattern, "write the address like http://127.0.0.1:11434/v1"), parseEndpointURL)
}

func anEndpointTimeout() scalar[time.Duration] {
	return scalar[time.Duration]{aDuration().shape, parseEndpointTimeout}
}

func anAPIKey() scalar[secret]     { return scalar[secret]{anyText("${API_KEY}"), parseAPIKey} }
func anAPIKeyFile() scalar[secret] { return scalar[secret]{aPath("").shape, apiKeyFile} }

func aLanguage() scalar[string] { return text(filled("en", "de", "pt-BR"), parseLanguage) }

func aZone() scalar[string] {
	return text(patterned(`^(reader|UTC)$|/`, "write a zone like Europe/Berlin, or UTC, or reader", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "reader"), parseZone)
}

// aHomeZone is a zone that is one: it stands in for the reader's own.
func aHomeZone() scalar[string] {
	return text(patterned(`^UTC$|/`, "write a zone like Europe/Berlin, or UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"), parseHomeZone)
}

func someDays() scalar[digest.DateRange] {
	return text(patterned(`^\s*\d{4}-\d{2}-\d{2}\s*(\.\.\s*\d{4}-\d{2}-\d{2}\s*)?$`, "write a day like 2026-12-24, or days like 2026-12-24..2027-01-02"), parseDays)
}

func aSchedule(check func(string) error) scalar[string] {
	return text(shape{Examples: []any{"0 7 * * 1-5", "0 */6 * * *", "30 18 * * sun", "@daily"}}, parseSchedule(check))
}

func aSubject(check func(string) error) scalar[string] {
	return text(filled(), parseSubject(check))
}

func aDuration() scalar[time.Duration] {
	s := patterned(durationPattern.String(), "write a duration like 30m, 12h, 1h30m or 7d")
	s.Type, s.MinLength = oneOrList{"string"}, 1
	return scalar[time.Duration]{s, parseDuration}
}

func aLease() scalar[time.Duration] { return scalar[time.Duration]{aDuration().shape, parseLease} }

func aLedgerAge() scalar[time.Duration] {
	return scalar[time.Duration]{aDuration().shape, parseLedgerAge}
}

func anAddressAge() scalar[time.Duration] {
	return scalar[time.Duration]{aDuration().shape, parseAddressAge}
}

func aLimit() scalar[Limit] {
	s := patterned(limitPattern.String(), "write a limit like 50/s, 600/min, 5000/hour or 14000/day", "50/s", "14000/day")
	s.Type = oneOrList{"string"}
	return scalar[Limit]{s, parseLimit}
}

func aSwitch() scalar[bool] { return scalar[bool]{shape{Type: oneOrList{"boolean"}}, parseTrue} }

// wholeNumber is a whole number within two bounds.
func wholeNumber(low, high int) scalar[int] {
	return scalar[int]{shape{Type: oneOrList{"integer"}, Minimum: &low, Maximum: &high}, parseWhole(low, high)}
}

// oneOf is one of a closed set of words.
func oneOf[T ~string](words ...T) scalar[T] {
	s := shape{Type: oneOrList{"string"}}
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
	return scalar[T]{s, parseWord(words)}
}

// aDatabase may come from the environment as a whole, or any part of it.
func aDatabase() scalar[secret] {
	s := patterned(`^\s*$|\$\{|^\s*[A-Za-z]+:`, "write it like postgres://user:${PASSWORD}@host/name", "postgres://courant:${PGPASSWORD}@localhost/courant")
	s.Type = oneOrList{"string"}
	return scalar[secret]{s, parseDatabase}
}

// Passwords and names of files may be any text but an empty one.

func aPassword() scalar[secret] {
	return scalar[secret]{anyText("${SMTP_PASSWORD}"), parsePassword}
}

func aPasswordFile() scalar[secret] { return scalar[secret]{anyText(), passwordFile} }
func aKeyFile() scalar[string]      { return scalar[string]{anyText(), signingKeyFile} }

func anyText(examples ...any) shape {
	s := filled(examples...)
	s.Type = oneOrList{"string"}
	return s
}

// aPath is a path; an empty one is standard.
func aPath(standard string) scalar[string] {
	return scalar[string]{shape{Type: oneOrList{"string"}}, pathOr(standard)}
}

func aFolder() scalar[string] { return scalar[string]{anyText(), parseFolder} }
