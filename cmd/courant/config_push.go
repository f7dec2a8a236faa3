package main

import (
	"errors"
	"regexp"
	"strings"

	"courant/digest"
)

// leastToken is the shortest token a system may push with: who listens to the
// desk's address can try as many as its limit lets through.
const leastToken = 16

// bearer is what may stand behind "Bearer", RFC 6750 section 2.1.
var bearer = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

func aToken() scalar[secret]     { return scalar[secret]{anyText("${CMS_TOKEN}"), parseToken} }
func aTokenFile() scalar[secret] { return scalar[secret]{anyText(), tokenFile} }

// readPush reads what a source has that is pushed. Its token names it.
func (c *Config) readPush(m *yamlMapping, s *digest.Source) {
	pushed := false
	if readKey(m, "push", &pushed, aSwitch()) {
		s.Kind = digest.SourcePush
		if !pushed {
			m.fault("push", "a source is pushed or has an address to read; write push: true, or take it away")
		}
	}
	var token secret
	readKey(m, "token", &token, aToken())
	readKey(m, "token_file", &token, aTokenFile())
	written, filed := m.has("token"), m.has("token_file")
	switch {
	case m.shape != nil:
	case s.Kind != digest.SourcePush && written:
		m.fault("token", "only a source that is pushed needs a token; take it away, or add push: true")
	case s.Kind != digest.SourcePush && filed:
		m.fault("token_file", "only a source that is pushed needs a token; take it away, or add push: true")
	case written && filed:
		m.fault("token_file", "token is set, too; keep one of the two")
	case s.Kind == digest.SourcePush && !written && !filed:
		m.fault("push", "a source that is pushed needs token_file, a file with the token that its publisher's system sends; `openssl rand -hex 32` makes one")
	case !token.isZero() && s.Name != "":
		c.takeToken(m, s.Name, token)
	}
}

// fault is about a key of the mapping, where it is written.
func (m *yamlMapping) fault(key, sentence string) {
	if m.shape == nil {
		m.r.fault(m.r.at(keyPath(m.path, key)), keyPath(m.path, key), "%s", sentence)
	}
}

// takeToken keeps a source's token. The token tells whose articles come, so no
// two sources share one.
func (c *Config) takeToken(m *yamlMapping, source string, token secret) {
	for _, t := range c.Tokens {
		if t.Token.reveal() == token.reveal() {
			key := "token"
			if m.has("token_file") {
				key = "token_file"
			}
			m.fault(key, "this is the token of "+t.Source+", too; each source has its own, for it tells whose articles come")
			return
		}
	}
	c.Tokens = append(c.Tokens, PushToken{Source: source, Token: token})
}

// PushToken is what a publisher's system shows to push the articles of a
// source.
type PushToken struct {
	Source string
	Token  secret
}

// parseToken reads a token, best from the environment.
func parseToken(v yamlValue) (secret, error) {
	s, err := v.expanded()
	if err != nil {
		return secret{}, err
	}
	if v.r.worldReadable && v.literal() {
		v.r.warn(v.at, v.path, "others can read this file and the token in it; chmod 600 it, or use token_file or ${ENV}")
	}
	return cleanToken(s)
}

// tokenFile reads the file that holds a token. While somebody types, no file is
// opened.
func tokenFile(v yamlValue) (secret, error) {
	if v.r.namesOnly {
		return secret{}, nil
	}
	_, text, open, err := v.file()
	if err != nil {
		return secret{}, err
	}
	if open {
		v.r.warn(v.at, v.path, "others can read or change the file; chmod 600 it")
	}
	return cleanToken(strings.TrimRight(string(text), "\r\n"))
}

// cleanToken refuses what is easily guessed, and what no header can carry.
func cleanToken(s string) (secret, error) {
	switch {
	case len(s) < leastToken:
		return secret{}, errors.New("the token is too short, so that others could guess it; it has at least 16 characters, and `openssl rand -hex 32` makes one")
	case !bearer.MatchString(s):
		return secret{}, errors.New("the token cannot be sent in a header; it has letters, digits and -._~+/ alone, and `openssl rand -hex 32` makes one")
	}
	return secret{value: s}, nil
}
