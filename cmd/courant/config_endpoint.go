package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"courant/digest"
	"courant/digest/ingest"
)

// Endpoint is the language model that may write points where no publisher
// gave any. Without a URL there is none.
type Endpoint struct {
	URL     string // without /chat/completions, and without a slash at its end
	Model   string
	Key     secret
	Timeout time.Duration
	Daily   int
}

func noEndpoint() Endpoint { return Endpoint{Timeout: 20 * time.Second, Daily: 500} }

// readEndpoint reads the language model.
func (c *Config) readEndpoint(m *yamlMapping) {
	e := &c.Endpoint
	below := m.section("model")
	readKey(below, "url", &e.URL, orUnset(anEndpointURL()))
	readKey(below, "name", &e.Model, orUnset(aLine()))
	readKey(below, "key_file", &e.Key, anAPIKeyFile())
	readKey(below, "api_key", &e.Key, anAPIKey())
	readKey(below, "timeout", &e.Timeout, anEndpointTimeout())
	readKey(below, "daily", &e.Daily, wholeNumber(1, 1000000))
	below.done()
	if below.shape != nil {
		return
	}
	fault := func(key, sentence string) {
		m.r.fault(m.r.at(keyPath(below.path, key)), keyPath(below.path, key), "%s", sentence)
	}
	switch {
	case below.has("key_file") && below.has("api_key"):
		fault("key_file", "api_key is set, too; keep one of the two")
	case e.URL != "" && e.Model == "" && !below.faulty("name"):
		fault("name", "write the model's name, as in name: llama3.1")
	case e.URL == "" && e.Model != "" && !below.faulty("url"):
		fault("url", "write where the model is asked, as in url: http://127.0.0.1:11434/v1")
	}
}

// parseEndpointURL reads where a model is asked. Plain http is for this
// machine and private networks; that the name leads into one, the connection
// itself makes sure.
func parseEndpointURL(s string) (string, error) {
	u, err := parseWebAddress(s)
	if err != nil {
		return "", err
	}
	switch host := u.Hostname(); {
	case linkLocal(host):
		return "", fmt.Errorf("%s is never asked: link-local addresses hold the secrets of cloud machines", host)
	case u.Scheme == "http" && !digest.PrivateHost(host):
		return "", errors.New("articles and key would cross the network in clear; use https, or an address inside")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("the address has a query or fragment; write what comes before /chat/completions")
	}
	return strings.TrimSuffix(strings.TrimRight(u.String(), "/"), "/chat/completions"), nil
}

// parseEndpointTimeout keeps a poll from waiting for ever for one article.
func parseEndpointTimeout(v yamlValue) (time.Duration, error) {
	d, err := parseDuration(v)
	if err == nil && (d < time.Second || d > 5*time.Minute) {
		err = fmt.Errorf("%s is not between 1s and 5m", shortDuration(d))
	}
	return d, err
}

// parseAPIKey reads a key, best from the environment.
func parseAPIKey(v yamlValue) (secret, error) {
	s, err := v.expanded()
	if err != nil {
		return secret{}, err
	}
	if v.r.worldReadable && v.literal() {
		v.r.warn(v.at, v.path, "others can read this file and the key in it; chmod 600 it, or use key_file or ${ENV}")
	}
	return cleanAPIKey(s)
}

// apiKeyFile reads the file that holds a key.
func apiKeyFile(v yamlValue) (secret, error) {
	if s, err := v.text(); err == nil && strings.TrimSpace(s) == "" {
		return secret{}, nil
	}
	_, text, open, err := v.file()
	if err != nil {
		return secret{}, err
	}
	if open {
		v.r.warn(v.at, v.path, "others can read or change the file; chmod 600 it")
	}
	return cleanAPIKey(strings.TrimRight(string(text), "\r\n"))
}

// cleanAPIKey refuses what cannot stand in a header (RFC 6750 section 2.1).
func cleanAPIKey(s string) (secret, error) {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return secret{}, errors.New("the key is empty or no single word; it stands alone, on one line")
	}
	return secret{value: s}, nil
}

func (e Endpoint) printed() yaml.MapSlice {
	out := yaml.MapSlice{{Key: "url", Value: e.URL}, {Key: "name", Value: e.Model}}
	if !e.Key.isZero() {
		out = append(out, yaml.MapItem{Key: "api_key", Value: e.Key.String()})
	}
	return append(out, yaml.MapItem{Key: "timeout", Value: shortDuration(e.Timeout)}, yaml.MapItem{Key: "daily", Value: e.Daily})
}

// endpoint is the language model of the config, nil if it names none.
func (c Config) endpoint(log *slog.Logger) *ingest.Endpoint {
	e := c.Endpoint
	if e.URL == "" {
		return nil
	}
	return &ingest.Endpoint{URL: e.URL, Model: e.Model, Key: e.Key.reveal(), Timeout: e.Timeout, Daily: e.Daily, UserAgent: ingest.UserAgent(version(), c.URL), Log: log}
}

// asksModel says in a sentence what is asked, empty for nothing.
func (c Config) asksModel() string {
	if c.Endpoint.URL == "" {
		return ""
	}
	return fmt.Sprintf("the model %s at %s writes points where no publisher gave any, for at most %d articles a day", c.Endpoint.Model, c.Endpoint.URL, c.Endpoint.Daily)
}
