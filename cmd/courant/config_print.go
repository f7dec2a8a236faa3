package main

import (
	"fmt"
	"net/mail"

	"github.com/goccy/go-yaml"

	"courant/digest"
	"courant/digest/render"
)

// String is the effective config as YAML, in the words of the file: every
// default is filled in and every secret left out.
func (c Config) String() string {
	text, err := yaml.Marshal(yaml.MapSlice{
		{Key: "name", Value: c.Name},
		{Key: "url", Value: c.URL},
		{Key: "from", Value: mailbox(c.From)},
		{Key: "reply_to", Value: mailbox(c.ReplyTo)},
		{Key: "postal_address", Value: c.PostalAddress},
		{Key: "language", Value: c.Language},
		{Key: "layout", Value: c.Layout},
		{Key: "brand", Value: printedLook(c.Brand)},
		{Key: "templates", Value: c.Templates.Dir},
		{Key: "database", Value: c.Database.String()},
		{Key: "data_dir", Value: c.DataDir},
		{Key: "secret_file", Value: c.SecretFile},
		{Key: "listen", Value: c.Listen},
		{Key: "desk_listen", Value: c.DeskListen},
		{Key: "trusted_proxies", Value: printed(c.TrustedProxies)},
		{Key: "smtp", Value: each(c.Relays, Relay.printed)},
		{Key: "in_doubt", Value: string(c.InDoubt)},
		{Key: "delivery", Value: yaml.MapSlice{
			{Key: "lease", Value: c.Lease.String()}, {Key: "fresh_until", Value: c.FreshUntil.String()}}},
		{Key: "retention", Value: yaml.MapSlice{
			{Key: "ledger", Value: shortDuration(c.KeepLedger)}, {Key: "addresses", Value: shortDuration(c.KeepAddresses)}}},
		{Key: "letters", Value: yaml.MapSlice{{Key: "per_address", Value: c.LetterBudgets.PerAddress.String()},
			{Key: "per_network", Value: c.LetterBudgets.PerNetwork.String()}, {Key: "in_all", Value: c.LetterBudgets.InAll.String()}}},
		{Key: "return_path", Value: c.ReturnPath},
		{Key: "receive", Value: yaml.MapSlice{{Key: "listen", Value: c.ReceiveListen}}},
		{Key: "dkim", Value: each(c.SigningKeys, SigningKey.printed)},
		{Key: "allow_private_sources", Value: c.AllowPrivateSources},
		{Key: "model", Value: c.Endpoint.printed()},
		{Key: "sources", Value: each(c.Sources, c.printedSource)},
		{Key: "categories", Value: yaml.MapSlice(each(c.Rules, printedRule))},
		{Key: "lists", Value: yaml.MapSlice(each(c.Lists, List.printed))},
		{Key: "digests", Value: yaml.MapSlice(each(c.Digests, c.printedDigest))},
	})
	if err != nil {
		return fmt.Sprintf("# the config cannot be printed: %v\n", err)
	}
	return string(text)
}

// each is what printed makes of every x, and an empty list, not null, of none:
// the config is to be read again.
func each[T, U any](all []T, printed func(T) U) []U {
	out := make([]U, len(all))
	for i, x := range all {
		out[i] = printed(x)
	}
	return out
}

// printed is a list of texts.
func printed[T fmt.Stringer](all []T) []string { return each(all, T.String) }

// mailbox is an address as a config has it; encoded words in it are read back.
func mailbox(a mail.Address) string {
	switch {
	case a.Address == "":
		return ""
	case a.Name == "":
		return a.Address
	}
	return a.String()
}

// printed leaves out what a relay without authentication has not. Whether the
// password came from a file or the environment is not shown: it is a value.
func (r Relay) printed() yaml.MapSlice {
	out := yaml.MapSlice{
		{Key: "host", Value: r.Host}, {Key: "port", Value: r.Port}, {Key: "tls", Value: string(r.TLS)},
		{Key: "allow_cleartext", Value: r.AllowCleartext}, {Key: "connections", Value: r.Connections},
		{Key: "limits", Value: printed(r.Limits)}, {Key: "weight", Value: r.Weight},
	}
	if r.Username != "" {
		out = append(out, yaml.MapItem{Key: "username", Value: r.Username}, yaml.MapItem{Key: "password", Value: r.Password.String()})
	}
	return out
}

func (k SigningKey) printed() yaml.MapSlice {
	return yaml.MapSlice{{Key: "domain", Value: k.Domain}, {Key: "selector", Value: k.Selector}, {Key: "key_file", Value: k.KeyFile}}
}

func (c Config) printedSource(s digest.Source) yaml.MapSlice {
	if s.Kind == digest.SourcePush {
		return c.printedPush(s)
	}
	printed := yaml.MapSlice{{Key: "name", Value: s.Name}, {Key: string(s.Kind), Value: s.URL}, {Key: "category", Value: printedCategory(s)}}
	if s.Kind == digest.SourceFolder {
		printed = append(printed, yaml.MapItem{Key: "url_prefix", Value: s.Prefix})
	}
	if s.Points.Says() {
		printed = append(printed, yaml.MapItem{Key: "points", Value: yaml.MapSlice{{Key: "css", Value: s.Points.CSS}, {Key: "drop", Value: s.Points.Drop}}})
	}
	return printed
}

// printedPush doesn't tell whether the token came from a file: it is a value.
// What stands for it could be one, and is another for each source, so that the
// config can be read again.
func (c Config) printedPush(s digest.Source) yaml.MapSlice {
	printed := yaml.MapSlice{{Key: "name", Value: s.Name}, {Key: "push", Value: true}, {Key: "category", Value: printedCategory(s)}}
	for i, t := range c.Tokens {
		if t.Source == s.Name {
			printed = append(printed, yaml.MapItem{Key: "token", Value: fmt.Sprintf("redacted-token-of-%d", i+1)})
		}
	}
	return printed
}

func (l List) printed() yaml.MapItem {
	return yaml.MapItem{Key: l.Name, Value: yaml.MapSlice{{Key: "title", Value: l.Title}, {Key: "confirm", Value: l.Confirm}, {Key: "sign_up", Value: l.SignUp}}}
}

// printedLook has every key, in the order of the example.
func printedLook(l render.Look) yaml.MapSlice {
	colours := func(c render.Colours) yaml.MapSlice {
		return yaml.MapSlice{
			{Key: "ground", Value: c.Ground}, {Key: "paper", Value: c.Paper}, {Key: "ink", Value: c.Ink}, {Key: "soft", Value: c.Soft},
			{Key: "accent", Value: c.Accent}, {Key: "rule", Value: c.Rule}, {Key: "hair", Value: c.Hair},
		}
	}
	logo := yaml.MapSlice{{Key: "url", Value: l.Logo.URL}, {Key: "alt", Value: l.Logo.Alt}}
	if l.Logo.Width > 0 {
		logo = append(logo, yaml.MapItem{Key: "width", Value: l.Logo.Width})
	}
	return yaml.MapSlice{
		{Key: "colors", Value: colours(l.Day)}, {Key: "dark", Value: colours(l.Night)},
		{Key: "fonts", Value: yaml.MapSlice{{Key: "heading", Value: l.Fonts.Heading}, {Key: "body", Value: l.Fonts.Body}, {Key: "furniture", Value: l.Fonts.Furniture}}},
		{Key: "logo", Value: logo}, {Key: "wording", Value: l.Wording},
	}
}

func (c Config) printedDigest(d digest.Digest) yaml.MapItem {
	look := yaml.MapSlice{}
	if own, there := c.Looks[d.Name]; there {
		look = printedLook(own)
	}
	return yaml.MapItem{Key: d.Name, Value: yaml.MapSlice{
		{Key: "title", Value: d.Title}, {Key: "about", Value: d.About}, {Key: "schedule", Value: d.Schedule}, {Key: "time_zone", Value: d.TimeZone}, {Key: "home_zone", Value: d.HomeZone},
		{Key: "lists", Value: d.Lists}, {Key: "categories", Value: d.Categories},
		{Key: "max_articles", Value: d.MaxArticles}, {Key: "min_articles", Value: d.MinArticles},
		{Key: "max_per_category", Value: d.MaxPerCategory}, {Key: "max_per_source", Value: d.MaxPerSource},
		{Key: "order", Value: string(d.Order)}, {Key: "half_life", Value: d.HalfLife.String()},
		{Key: "subject", Value: d.Subject}, {Key: "layout", Value: d.Layout}, {Key: "brand", Value: look}, {Key: "templates", Value: c.OwnTemplates[d.Name].Dir},
		{Key: "catch_up", Value: string(d.CatchUp)},
		{Key: "max_lateness", Value: d.MaxLateness.String()}, {Key: "skip", Value: each(d.Skip, printedDays)},
		{Key: "archive", Value: string(d.Archive)},
	}}
}

func printedDays(r digest.DateRange) string {
	if r.From == r.To {
		return r.From.String()
	}
	return r.From.String() + ".." + r.To.String()
}
