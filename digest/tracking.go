package digest

import (
	"net/url"
	"strings"
	"unicode"
)

// withoutTracking works on the raw query, so that the spelling of what stays
// is the publisher's own.
func withoutTracking(query string) string {
	if query == "" {
		return ""
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, value := parameter(part)
		if part != "" && !tracks(name) && !arrivedBy(name, value) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// parameter is a part of a query, in lower case.
func parameter(part string) (name, value string) {
	name, value, _ = strings.Cut(part, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	// A feed may escape its ampersands twice.
	return strings.TrimPrefix(strings.ToLower(name), "amp;"), strings.ToLower(value)
}

// tracks tells the parameters that say where a click came from and never
// which page it leads to, so that a link works without them. Short or common
// names (ref, source, id) stay out: sites use them for real.
func tracks(name string) bool {
	switch name {
	case "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "msclkid", "yclid", "ysclid", "twclid", "ttclid", "igshid", "igsh",
		"mibextid", "li_fat_id", "epik", "srsltid", "_openstat", "tblci", "dicbo", "irclickid", "cjevent", "zanpid", "sscid", "s_kwcid",
		"mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "hsctatracking", "vero_id", "vero_conv", "oly_anon_id", "oly_enc_id",
		"ck_subscriber_id", "dm_i", "elqtrackid", "elqtrack", "inf_contact_key", "vgo_ee", "ss_email_id", "ss_source", "ss_campaign_id",
		"wt_mc", "wt.mc_id", "wt_zmc", "ns_mchannel", "ns_source", "ns_campaign", "ns_linkname", "ns_fee",
		"cmpid", "smid", "smtyp", "sr_share", "at_medium", "at_campaign", "at_format", "xtor", "xtref", "rb_clickid", "s_cid", "sc_campaign",
		"spm", "soc_src", "soc_trk", "sfnsn", "guccounter", "guce_referrer", "guce_referrer_sig", "ref_src", "ref_url", "__twitter_impression",
		"fb_action_ids", "fb_action_types", "fb_ref", "fb_source", "fref", "action_object_map", "action_type_map", "action_ref_map",
		"_ga", "_gl", "_branch_match_id", "_branch_referrer", "oborigurl", "phpsessid", "jsessionid", "usqp", "amp_js_v", "amp_gsa",
		"ga_source", "ga_medium", "ga_term", "ga_content", "ga_campaign", "ga_place",
		"itm_source", "itm_medium", "itm_campaign", "itm_content", "itm_term",
		"at_custom1", "at_custom2", "at_custom3", "at_custom4", "at_bbc_team", "at_link_id", "at_link_type", "at_link_origin", "at_ptr_name":
		return true
	}
	for _, tool := range [...]string{"pk_", "piwik_", "mtm_", "matomo_"} {
		if rest, ok := strings.CutPrefix(name, tool); ok {
			switch rest {
			case "campaign", "kwd", "keyword", "source", "medium", "content", "cid", "group", "placement":
				return true
			}
		}
	}
	return strings.HasPrefix(name, "utm_") || strings.HasPrefix(name, "hsa_")
}

// arrivedBy tells the parameters of common names whose value shows that they
// say by which way the reader came.
func arrivedBy(name, value string) bool {
	switch name {
	case "ref", "source", "src", "from", "via", "feed", "origin", "cmp", "partner", "medium", "referrer", "referer", "traffic_source", "cid", "mod",
		"icid", "ncid", "ocid", "ito", "emc", "sc_cid":
	case "rss":
		return value == "1" || value == "true"
	default:
		mark, syndicated := strings.CutPrefix(name, "syn-") // syn-25a6b1a6=1
		return syndicated && value == "1" && len(mark) == 8 && strings.Trim(mark, "0123456789abcdef") == ""
	}
	switch value {
	case "rss", "rss2", "atom", "feed", "rssfeed", "rss_feed", "rss-feed", "feedburner", "newsletter", "email", "facebook", "fb", "twitter", "tw", "linkedin",
		"whatsapp", "telegram", "reddit", "instagram", "flipboard", "googlenews", "google-news", "applenews", "apple-news", "share":
		return true
	}
	return strings.HasPrefix(value, "rss-") || // Medium's: rss----4a8e0bd3---2
		name == "mod" && strings.HasPrefix(value, "rss_") || // mod=rss_markets_main
		name == "cmp" && (strings.HasPrefix(value, "share_btn_") || strings.HasPrefix(value, "share_iosapp") || strings.HasPrefix(value, "share_androidapp"))
}

// doubtful tells the names that some sites track with and others have for
// their pages. What they track with are words, and never a plain number.
func doubtful(name string) bool {
	switch name {
	case "icid", "ncid", "ocid", "ito", "emc", "awc", "sc_cid", "__s", "ftag":
		return true
	}
	return false
}

// wordy says that a value has a word in it.
func wordy(value string) bool {
	letters := 0
	for _, r := range value {
		if letters++; r < 'a' || r > 'z' {
			letters = 0
		}
		if letters == 3 {
			return true
		}
	}
	return false
}

// withoutDoubtful leaves out what tracks by all appearances, from a query that
// has no certain tracking left. Where the path doesn't name an article, one of
// the parameters does.
func withoutDoubtful(parts []string, path string) []string {
	var kept []string
	for _, p := range parts {
		if name, value := parameter(p); !doubtful(name) || !wordy(value) {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 && !slug(path) {
		return parts
	}
	return kept
}

// slug says that a path ends in an article's own name: "/fire-in-the-port",
// "/c0x1y2", "/4711815.html"; not "/detail.do", "/2026".
func slug(path string) bool {
	last, _, _ := strings.Cut(path[strings.LastIndexByte(path, '/')+1:], ".")
	if !strings.ContainsFunc(last, unicode.IsLetter) {
		return len(last) > 4 && strings.Trim(last, "0123456789") == ""
	}
	return strings.ContainsAny(last, "-_0123456789")
}

// BarerCanonical is a canonical form without the parameters that rules before
// took for tracking, and which are an article's own on some sites. So rows of
// those rules have it; empty: it is no other.
func BarerCanonical(canonical string) string {
	address, mark, _ := strings.Cut(canonical, "#")
	at, query, ok := strings.Cut(address, "?")
	if !ok {
		return ""
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _ := parameter(part)
		family := strings.HasPrefix(name, "pk_") || strings.HasPrefix(name, "piwik_") || strings.HasPrefix(name, "mtm_") || strings.HasPrefix(name, "matomo_") ||
			strings.HasPrefix(name, "ga_") || strings.HasPrefix(name, "itm_") || strings.HasPrefix(name, "at_custom") || strings.HasPrefix(name, "at_bbc_") ||
			strings.HasPrefix(name, "at_link_") || strings.HasPrefix(name, "at_ptr_")
		if !doubtful(name) && !family {
			kept = append(kept, part)
		}
	}
	if len(kept) > 0 {
		at += "?" + strings.Join(kept, "&")
	}
	if mark != "" {
		at += "#" + mark
	}
	barer, err := CanonicalURL(at)
	if err != nil || barer == canonical {
		return ""
	}
	return barer
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
		for _, suffix := range [...]string{"/amp", "/amp.html"} {
			if rest, ok := strings.CutSuffix(c.path, suffix); ok && slug(strings.TrimRight(rest, "/")) {
				c.path = strings.TrimRight(rest, "/")
			}
		}
		if rest, ok := strings.CutSuffix(c.path, ".amp.html"); ok && slug(rest) {
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
