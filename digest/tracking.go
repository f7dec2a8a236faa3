package digest

import (
	"net/url"
	"strings"
)

// withoutTracking works on the raw query, so that the spelling of what stays
// is the publisher's own.
func withoutTracking(query string) string {
	if query == "" {
		return ""
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		// A feed may escape its ampersands twice.
		name = strings.TrimPrefix(strings.ToLower(name), "amp;")
		if part != "" && !tracks(name) && !arrivedBy(name, strings.ToLower(value)) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// tracks tells the parameters that say where a click came from and never
// which page it leads to. Short or common names (ref, source, id) stay out:
// sites use them for real.
func tracks(name string) bool {
	switch name {
	case "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "msclkid", "yclid", "ysclid", "twclid", "ttclid", "igshid", "igsh",
		"mibextid", "li_fat_id", "epik", "srsltid", "_openstat", "tblci", "dicbo", "irclickid", "cjevent", "zanpid", "sscid", "awc", "s_kwcid",
		"mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "hsctatracking", "vero_id", "vero_conv", "oly_anon_id", "oly_enc_id",
		"ck_subscriber_id", "dm_i", "elqtrackid", "elqtrack", "inf_contact_key", "vgo_ee", "__s", "emc", "ss_email_id", "ss_source", "ss_campaign_id",
		"wt_mc", "wt.mc_id", "wt_zmc", "ito", "ns_mchannel", "ns_source", "ns_campaign", "ns_linkname", "ns_fee",
		"cmpid", "smid", "smtyp", "sr_share", "at_medium", "at_campaign", "at_format", "xtor", "xtref", "rb_clickid", "s_cid", "sc_cid", "sc_campaign", "ncid", "ocid",
		"icid", "spm", "soc_src", "soc_trk", "sfnsn", "guccounter", "guce_referrer", "guce_referrer_sig", "ref_src", "ref_url", "__twitter_impression",
		"fb_action_ids", "fb_action_types", "fb_ref", "fb_source", "fref", "action_object_map", "action_type_map", "action_ref_map",
		"_ga", "_gl", "_branch_match_id", "_branch_referrer", "oborigurl", "phpsessid", "jsessionid", "usqp", "amp_js_v", "amp_gsa":
		return true
	}
	for _, family := range []string{"utm_", "pk_", "piwik_", "mtm_", "matomo_", "hsa_", "itm_", "at_custom", "at_bbc_", "at_link_", "at_ptr_", "ga_"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}

// arrivedBy tells the parameters of common names whose value shows that they
// say by which way the reader came.
func arrivedBy(name, value string) bool {
	switch name {
	case "ref", "source", "src", "from", "via", "feed", "origin", "cmp", "partner", "medium", "referrer", "referer":
	default:
		return false
	}
	switch value {
	case "rss", "rss2", "atom", "feed", "rssfeed", "rss_feed", "rss-feed", "feedburner", "newsletter", "email", "facebook", "fb", "twitter", "tw", "linkedin",
		"whatsapp", "telegram", "reddit", "instagram", "flipboard", "googlenews", "google-news", "applenews", "apple-news", "share":
		return true
	}
	return strings.HasPrefix(value, "rss-") // Medium's: rss----4a8e0bd3---2
}

// phoneEdition tells the parameters that ask for another edition of a page.
func phoneEdition(name, value string) bool {
	switch name {
	case "amp", "_amp", "isamp":
		return value == "" || value == "1" || value == "true"
	case "outputtype", "output", "view", "mode":
		return value == "amp"
	case "print", "printable":
		return value == "1" || value == "true" || value == "yes"
	}
	return false
}

// stripPhones leads from the edition for phones, or for AMP, to the page: by
// the host, where the path is an article's, and by the path.
func (c *canonical) stripPhones() {
	for {
		before := *c
		c.host = strings.Replace(c.host, ".m.wikipedia.org", ".wikipedia.org", 1)
		for _, label := range [...]string{"m.", "mobile.", "amp."} {
			if site, ok := strings.CutPrefix(c.host, label); ok && registered(site) && articlePath(c.path) {
				c.host = bareHost(site)
			}
		}
		if rest, ok := strings.CutPrefix(c.path, "/amp/"); ok && articlePath("/"+rest) {
			c.path = "/" + rest
		}
		for _, suffix := range [...]string{"/amp", "/amp.html", ".amp"} {
			if rest, ok := strings.CutSuffix(c.path, suffix); ok && articlePath(rest) {
				c.path = strings.TrimRight(rest, "/")
			}
		}
		if rest, ok := strings.CutSuffix(c.path, ".amp.html"); ok {
			c.path = rest + ".html"
		}
		if *c == before {
			return
		}
	}
}

// registered says that a host has a name of its own before the ending that
// countries and registries give out: "example.com", not "com" or "co.uk".
func registered(host string) bool {
	labels := strings.Split(host, ".")
	return len(labels) > 2 || len(labels) == 2 && (len(labels[0]) > 3 || len(labels[1]) > 2)
}

// articlePath says that a path is one that an article has, and no section of a
// site: "/world/fire-in-the-port", "/a/123".
func articlePath(path string) bool {
	return len(path) > 3 && path[0] == '/' && path[1] != '/' && (strings.ContainsAny(path, "-0123456789") || strings.Count(path, "/") > 2)
}

// mostWrappers is how many redirects one address may carry within another.
const mostWrappers = 4

// unwrap follows the addresses that redirects carry along.
func unwrap(u *url.URL, cached bool) *url.URL {
	for range mostWrappers {
		inner, ok := unwrapped(u, cached)
		if !ok {
			break
		}
		u = inner
	}
	return u
}

// unwrapped is the address that a redirect carries along. cached also leads
// from a cache of AMP pages to the page.
func unwrapped(u *url.URL, cached bool) (*url.URL, bool) {
	inner := carried(strings.TrimPrefix(strings.TrimRight(strings.ToLower(u.Hostname()), "."), "www."), u)
	if inner == "" && cached {
		inner = cachedPage(strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."), u)
	}
	if inner == "" {
		return nil, false
	}
	w, err := parseWebAddress(inner)
	return w, err == nil
}

// carried is the parameter with the target, for redirects that are known.
func carried(host string, u *url.URL) string {
	q := u.Query()
	switch path := strings.TrimRight(spelledPath(u), "/"); {
	case strings.HasPrefix(host, "google.") && path == "/url":
		return firstOf(q, "url", "q")
	case (host == "l.facebook.com" || host == "lm.facebook.com" || host == "l.instagram.com") && (path == "/l.php" || path == ""):
		return q.Get("u")
	case host == "youtube.com" && path == "/redirect":
		return q.Get("q")
	case host == "out.reddit.com", host == "slack-redir.net" && path == "/link", host == "go.redirectingat.com", host == "go.skimresources.com",
		host == "bing.com" && path == "/news/apiclick.aspx", host == "linkedin.com" && path == "/redir/redirect":
		return q.Get("url")
	case host == "vk.com" && path == "/away.php":
		return q.Get("to")
	case host == "t.umblr.com" && path == "/redirect":
		return q.Get("z")
	}
	return ""
}

func firstOf(q url.Values, names ...string) string {
	for _, n := range names {
		if v := q.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// cachedPage is the page behind an address of a cache of AMP pages:
// google.com/amp/s/example.com/a, example-com.cdn.ampproject.org/c/s/example.com/a.
func cachedPage(host string, u *url.URL) string {
	rest, ok := "", false
	switch {
	case strings.HasPrefix(host, "google."):
		rest, ok = strings.CutPrefix(spelledPath(u), "/amp/")
	case strings.HasSuffix(host, ".cdn.ampproject.org"):
		for _, kind := range [...]string{"/c/", "/v/"} {
			if !ok {
				rest, ok = strings.CutPrefix(spelledPath(u), kind)
			}
		}
	}
	rest = strings.TrimPrefix(rest, "s/")
	if host, _, _ := strings.Cut(rest, "/"); !ok || !strings.Contains(host, ".") {
		return ""
	}
	if u.RawQuery != "" {
		rest += "?" + u.RawQuery
	}
	return "https://" + rest
}
