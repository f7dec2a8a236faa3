package digest

import (
	"net/url"
	"strings"
	"testing"
)

func TestCanonicalURLIsTheIdentityOfAnArticle(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		// Scheme, host, port, user.
		"https://example.com/story":             "https://example.com/story",
		"http://example.com/story":              "https://example.com/story",
		"HTTPS://WWW.Example.COM:443/Story":     "https://example.com/Story",
		"http://www.example.com:80":             "https://example.com/",
		"https://example.com:8443/a":            "https://example.com:8443/a",
		"https://example.com./a":                "https://example.com/a",
		"https://ann:secret@example.com/a":      "https://example.com/a",
		"https://www.com/a":                     "https://www.com/a",
		"https://www.www.example.com/a":         "https://example.com/a",
		"https://[2001:DB8::1]:443/a":           "https://[2001:db8::1]/a",
		"https://news.example.com/a":            "https://news.example.com/a",
		"https://müller.example/a":              "https://xn--mller-kva.example/a",
		"https://MÜLLER.example/a":              "https://xn--mller-kva.example/a",
		"https://xn--mller-kva.example/a":       "https://xn--mller-kva.example/a",
		"https://ñandú.example/a":               "https://xn--and-6ma2c.example/a",
		"https://пример.example/a":              "https://xn--e1afmkfd.example/a",
		"https://例え.example/a":                  "https://xn--r8jz45g.example/a",
		"https://bücher.kölner-blatt.example/a": "https://xn--bcher-kva.xn--klner-blatt-rfb.example/a",
		"https://diary.blogspot.de/2026/01/a":   "https://diary.blogspot.com/2026/01/a",
		"https://diary.blogspot.co.uk/2026/a":   "https://diary.blogspot.com/2026/a",
		"https://diary.blogspot.com/2026/a":     "https://diary.blogspot.com/2026/a",
		"https://a.b.blogspot.de/x":             "https://a.b.blogspot.de/x",

		// Fragments.
		"https://example.com/a#comments":     "https://example.com/a",
		"https://example.com/a#":             "https://example.com/a",
		"https://example.com/a?x=1#xtor=RSS": "https://example.com/a?x=1",
		"https://example.com/#!/news/1":      "https://example.com/#!/news/1",
		"https://example.com/#!news-2":       "https://example.com/#!news-2",
		"https://example.com/app#/story/3":   "https://example.com/app#/story/3",

		// Paths.
		"https://example.com/a/../b/./c":               "https://example.com/b/c",
		"https://example.com/a/%2e%2e/b":               "https://example.com/b",
		"https://example.com/story/":                   "https://example.com/story",
		"https://example.com/story//":                  "https://example.com/story",
		"https://example.com/":                         "https://example.com/",
		"https://example.com/story/index.html":         "https://example.com/story",
		"https://example.com/index.php":                "https://example.com/",
		"https://example.com/story.html":               "https://example.com/story.html",
		"https://example.com/Story":                    "https://example.com/Story",
		"https://example.com/a%2Fb":                    "https://example.com/a%2Fb",
		"https://example.com/a%2fb":                    "https://example.com/a%2Fb",
		"https://example.com/%61bc":                    "https://example.com/abc",
		"https://example.com/caf%c3%a9":                "https://example.com/caf%C3%A9",
		"https://example.com/café":                     "https://example.com/caf%C3%A9",
		"https://example.com/a b":                      "https://example.com/a%20b",
		"https://example.com/a+b":                      "https://example.com/a+b",
		"https://example.com/~ann/a":                   "https://example.com/~ann/a",
		"https://example.com/%7Eann/a":                 "https://example.com/~ann/a",
		"https://example.com/story,123.html":           "https://example.com/story,123.html",
		"https://example.com/story;jsessionid=0A1B":    "https://example.com/story",
		"https://example.com/app;jsessionid=A/story/1": "https://example.com/app/story/1",
		"https://example.com/story;v=2":                "https://example.com/story;v=2",
		"https://example.com/新闻/1":                     "https://example.com/%E6%96%B0%E9%97%BB/1",
		"https://example.com/2026/01/02/a":             "https://example.com/2026/01/02/a",
		"  https://example.com/a  ":                    "https://example.com/a",
		"https://example.com/article-12/part-1":        "https://example.com/article-12/part-1",
		"https://example.com/article-12/part-2":        "https://example.com/article-12/part-2",
		"https://example.com/world/story/print/page-2": "https://example.com/world/story/print/page-2",

		// Parameters that identify.
		"https://example.com/?p=123":                     "https://example.com/?p=123",
		"https://example.com/a.php?id=7":                 "https://example.com/a.php?id=7",
		"https://example.com/a?article=9&page=2":         "https://example.com/a?article=9&page=2",
		"https://example.com/a?b=2&a=1":                  "https://example.com/a?a=1&b=2",
		"https://example.com/a?x=2&x=1":                  "https://example.com/a?x=2&x=1",
		"https://example.com/a?2026/01/title&x=1":        "https://example.com/a?2026/01/title&x=1",
		"https://example.com/a?x=1&2026":                 "https://example.com/a?x=1&2026",
		"https://example.com/a?id=7&ref=front":           "https://example.com/a?id=7&ref=front",
		"https://example.com/a?source=reuters":           "https://example.com/a?source=reuters",
		"https://example.com/a?from=2026-01-01":          "https://example.com/a?from=2026-01-01",
		"https://example.com/a?via=ann":                  "https://example.com/a?via=ann",
		"https://example.com/a?feed=42":                  "https://example.com/a?feed=42",
		"https://example.com/a?sid=12":                   "https://example.com/a?sid=12",
		"https://example.com/a?q=caf%c3%a9":              "https://example.com/a?q=caf%C3%A9",
		"https://example.com/a?q=a%20b":                  "https://example.com/a?q=a+b",
		"https://example.com/a?q=a+b":                    "https://example.com/a?q=a+b",
		"https://example.com/a?q=a%26b":                  "https://example.com/a?q=a%26b",
		"https://example.com/a?q=%41":                    "https://example.com/a?q=A",
		"https://example.com/watch?v=abc":                "https://example.com/watch?v=abc",
		"https://example.com/a?output=pdf":               "https://example.com/a?output=pdf",
		"https://example.com/a?amp=volt":                 "https://example.com/a?amp=volt",
		"https://example.com/a?print=2":                  "https://example.com/a?print=2",
		"https://example.com/a?view=list":                "https://example.com/a?view=list",
		"https://example.com/story?ns_campaign=x&page=2": "https://example.com/story?page=2",

		// Parameters that tell where a click came from.
		"https://example.com/a?":                                           "https://example.com/a",
		"https://example.com/a?&&":                                         "https://example.com/a",
		"https://example.com/a?utm_source=rss&utm_medium=feed":             "https://example.com/a",
		"https://example.com/a?b=2&fbclid=x&a=1&gclid=y":                   "https://example.com/a?a=1&b=2",
		"https://example.com/a?UTM_Source=x&mc_cid=1&mc_eid=2&wt_mc=rss":   "https://example.com/a",
		"https://example.com/a?utm%5Fsource=x":                             "https://example.com/a",
		"https://example.com/a?x=1&amp;utm_source=rss&amp;utm_medium=feed": "https://example.com/a?x=1",
		"https://example.com/a?igshid=1":                                   "https://example.com/a",
		"https://example.com/a?msclkid=1":                                  "https://example.com/a",
		"https://example.com/a?yclid=1":                                    "https://example.com/a",
		"https://example.com/a?_hsenc=1&_hsmi=2":                           "https://example.com/a",
		"https://example.com/a?xtor=RSS-1":                                 "https://example.com/a",
		"https://example.com/a?at_medium=RSS&at_campaign=KARANGA":          "https://example.com/a",
		"https://example.com/fire-1?ocid=socialflow&ncid=txtlnk&cmpid=z":   "https://example.com/fire-1",
		"https://example.com/fire-1?ftag=CAD590a51e":                       "https://example.com/fire-1",
		"https://example.com/fire-1?mod=rss_markets_main":                  "https://example.com/fire-1",
		"https://example.com/fire-1?mod=3":                                 "https://example.com/fire-1?mod=3",
		"https://example.com/fire-1?CMP=Share_AndroidApp_Tweet":            "https://example.com/fire-1",
		"https://example.com/fire-1?CMP=share_btn_tw":                      "https://example.com/fire-1",
		"https://example.com/fire-1?traffic_source=rss":                    "https://example.com/fire-1",
		"https://example.com/fire-1?cid=rss":                               "https://example.com/fire-1",
		"https://example.com/fire-1?cid=12":                                "https://example.com/fire-1?cid=12",
		"https://example.com/fire-1?rss=1":                                 "https://example.com/fire-1",
		"https://example.com/fire-1?rss=2":                                 "https://example.com/fire-1?rss=2",
		"https://example.com/fire-1?syn-25a6b1a6=1":                        "https://example.com/fire-1",
		"https://example.com/fire-1?syn-dicate=1":                          "https://example.com/fire-1?syn-dicate=1",
		"https://example.com/fire-1?at_custom1=x&itm_source=y&ga_source=z": "https://example.com/fire-1",

		// Names that track on one site and lead to a page on another.
		"https://example.com/detail.do?ncid=1001":              "https://example.com/detail.do?ncid=1001",
		"https://example.com/detail.do?ncid=fire-in-port":      "https://example.com/detail.do?ncid=fire-in-port",
		"https://example.com/fire-1?ncid=1001":                 "https://example.com/fire-1?ncid=1001",
		"https://example.com/fire-1?ito=1490":                  "https://example.com/fire-1?ito=1490",
		"https://example.com/show?emc=edit_th&id=7":            "https://example.com/show?id=7",
		"https://example.com/n?ga_id=1&pk_id=2":                "https://example.com/n?ga_id=1&pk_id=2",
		"https://example.com/n?pk_article=77":                  "https://example.com/n?pk_article=77",
		"https://example.com/n?at_custom_no=1":                 "https://example.com/n?at_custom_no=1",
		"https://example.com/show?icid=1&sc_cid=2&__s=3":       "https://example.com/show?__s=3&icid=1&sc_cid=2",
		"https://example.com/a?ref=rss":                        "https://example.com/a",
		"https://example.com/a?source=rss----4a8e0bd3---2":     "https://example.com/a",
		"https://example.com/a?CMP=newsletter":                 "https://example.com/a",
		"https://example.com/a?partner=rss&emc=rss":            "https://example.com/a",
		"https://example.com/a?ref_src=twsrc%5Etfw":            "https://example.com/a",
		"https://example.com/a?_ga=1.2&_gl=3":                  "https://example.com/a",
		"https://example.com/a?PHPSESSID=ab12&id=3":            "https://example.com/a?id=3",
		"https://example.com/a?mtm_campaign=x&pk_kwd=y":        "https://example.com/a",
		"https://example.com/a?gbraid=1&wbraid=2&gad_source=1": "https://example.com/a",
		"https://example.com/a?guccounter=1&guce_referrer=x":   "https://example.com/a",

		// Editions for phones, AMP and printers.
		"https://m.example.com/world/fire-in-port":                               "https://example.com/world/fire-in-port",
		"https://mobile.example.com/a/123":                                       "https://example.com/a/123",
		"https://amp.example.com/world/fire-in-port":                             "https://example.com/world/fire-in-port",
		"https://m.example.com/":                                                 "https://m.example.com/",
		"https://m.example.com/world":                                            "https://m.example.com/world",
		"https://m.co.uk/world/fire-in-port":                                     "https://m.co.uk/world/fire-in-port",
		"https://amp.dev/world/fire-in-port":                                     "https://amp.dev/world/fire-in-port",
		"https://en.m.wikipedia.org/wiki/Fire":                                   "https://en.wikipedia.org/wiki/Fire",
		"https://example.com/world/fire-in-port/amp":                             "https://example.com/world/fire-in-port",
		"https://example.com/world/fire-in-port/amp/":                            "https://example.com/world/fire-in-port",
		"https://example.com/world/fire-in-port.amp":                             "https://example.com/world/fire-in-port.amp",
		"https://example.com/gear/dsl40.amp":                                     "https://example.com/gear/dsl40.amp",
		"https://example.com/2026/amp":                                           "https://example.com/2026/amp",
		"https://example.com/2026/amp.html":                                      "https://example.com/2026/amp.html",
		"https://example.com/gear/marshall.amp.html":                             "https://example.com/gear/marshall.amp.html",
		"https://example.com/4711815/amp":                                        "https://example.com/4711815",
		"https://example.com/world/fire-1.amp.html":                              "https://example.com/world/fire-1.html",
		"https://example.com/amp/world/fire-in-port":                             "https://example.com/world/fire-in-port",
		"https://example.com/amp":                                                "https://example.com/amp",
		"https://example.com/guitars/amp":                                        "https://example.com/guitars/amp",
		"https://example.com/fire-1?amp=1":                                       "https://example.com/fire-1",
		"https://example.com/fire-1?amp":                                         "https://example.com/fire-1",
		"https://example.com/fire-1?outputType=amp":                              "https://example.com/fire-1",
		"https://example.com/fire-1?print=true":                                  "https://example.com/fire-1",
		"https://www.google.com/amp/s/www.example.com/fire-1":                    "https://example.com/fire-1",
		"https://www.google.co.uk/amp/example.com/fire-1/amp":                    "https://example.com/fire-1",
		"https://www-example-com.cdn.ampproject.org/c/s/www.example.com/fire-1":  "https://example.com/fire-1",
		"https://example-com.cdn.ampproject.org/v/s/example.com/f-1?amp_js_v=01": "https://example.com/f-1",

		// Redirects that carry the address, and those that don't.
		"https://www.google.com/url?rct=j&sa=t&url=https://example.com/fire-1&ct=ga": "https://example.com/fire-1",
		"https://www.google.de/url?q=http%3A%2F%2Fwww.example.com%2Ff%3Fid%3D1":      "https://example.com/f?id=1",
		"https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2Ff&h=AT0":         "https://example.com/f",
		"https://www.youtube.com/redirect?q=https%3A%2F%2Fexample.com%2Ff":           "https://example.com/f",
		"https://out.reddit.com/t3_1?url=https%3A%2F%2Fexample.com%2Ff&token=A":      "https://example.com/f",
		"https://www.google.com/url?q=javascript:alert(1)":                           "https://google.com/url?q=javascript:alert(1)",
		"https://example.com/url?q=https://other.example/":                           "https://example.com/url?q=https://other.example/",
		"https://news.google.com/rss/articles/CBMiX2h0":                              "https://news.google.com/rss/articles/CBMiX2h0",
		"https://feedproxy.google.com/~r/Example/~3/aBc/fire":                        "https://feedproxy.google.com/~r/Example/~3/aBc/fire",
		"https://rss.example.com/link/12/34/fire":                                    "https://rss.example.com/link/12/34/fire",
	}
	for raw, want := range tests {
		got, err := CanonicalURL(raw)
		if err != nil || got != want {
			t.Errorf("CanonicalURL(%q) = %q, %v; want %q", raw, got, err, want)
		}
	}
}

func TestCanonicalURLRefusesWhatIsNoWebAddress(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "story.html", "//example.com/a", "ftp://example.com/a", "javascript:alert(1)",
		"mailto:ann@example.com", "https://", "https:///a", "http:example.com", "https://exa mple.com/", "https://./", "data:text/html,x"} {
		if got, err := CanonicalURL(raw); err == nil {
			t.Errorf("CanonicalURL(%q) = %q, want an error", raw, got)
		}
		if got, err := OpenURL(raw); err == nil {
			t.Errorf("OpenURL(%q) = %q, want an error", raw, got)
		}
	}
}

func TestOpenURLKeepsAWorkingLink(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"http://www.example.com/a?utm_source=x&b=1#part": "http://www.example.com/a?b=1#part",
		"https://ann:secret@example.com/a":               "https://example.com/a",
		"https://example.com/a?gclid=1":                  "https://example.com/a",
		"https://example.com/detail.do?ncid=1001":        "https://example.com/detail.do?ncid=1001",
		"https://example.com/fire-1?ncid=txtlnk&ftag=x":  "https://example.com/fire-1?ncid=txtlnk&ftag=x",
		"https://example.com/n?ga_id=1&pk_id=2&ga_term=": "https://example.com/n?ga_id=1&pk_id=2",
	}
	for raw, want := range tests {
		if got, err := OpenURL(raw); err != nil || got != want {
			t.Errorf("OpenURL(%q) = %q, %v; want %q", raw, got, err, want)
		}
	}
}

func FuzzCanonicalURL(f *testing.F) {
	for _, seed := range []string{"https://www.example.com:443/a/../b?utm_source=x&c=%20#d", "http://[::1]:80/%2e%2e/x", "https://www.www.example.com//a//",
		"https://example.com/%zz", "https://www.google.com/url?q=https://www.google.com/url?q=x.example/amp/amp", "https://m.mobile.example.com/amp/amp/a-1/amp/amp.html",
		"https://bücher.example/ä/?ö=%fc#!/ß", "https://example.com/a?b&a=1&%61=2;c", "https://x.cdn.ampproject.org/c/s/y.example/../z-1?amp&usqp=1", "https://ex%41mple.com/?&&=", "HTTP://EXAMPLE.com..:80?%75tm_source=1&q", "https://example.com/a%2Fb/..;x=1?q=a;b",
		"https://example.com/a;jsessionid=1/amp/;jsessionid=2?ito=abc&ga_x=1&pk_kwd=2", "https://m.example.com/2026/amp?ncid=fire&view=amp", "https://example.com/x-1/amp/amp?ftag=abc&print=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once, err := CanonicalURL(raw)
		if err != nil {
			return
		}
		if twice, err := CanonicalURL(once); err != nil || twice != once {
			t.Fatalf("%q: once %q, twice %q (%v)", raw, once, twice, err)
		}
		if !strings.HasPrefix(once, "https://") || strings.Contains(strings.NewReplacer("#!", "", "#/", "").Replace(once), "#") {
			t.Fatalf("%q became %q", raw, once)
		}
		if _, err := OpenURL(once); err != nil {
			t.Fatalf("%q became %q, which is no address: %v", raw, once, err)
		}
		if former, err := formerCanonicalURL(raw); err == nil && !strings.Contains(once, "#") {
			if now, err := CanonicalURL(former); err != nil || barest(now) != barest(once) {
				t.Fatalf("%q is %q, but %q where it was stored as %q", raw, once, now, former)
			}
		}
		if open, err := OpenURL(raw); err == nil {
			if same, err := CanonicalURL(open); err != nil || same != once {
				t.Fatalf("%q: opened as %q, identity %q, want %q", raw, open, same, once)
			}
		}
	})
}

// barest is a canonical form without what may have been taken for tracking.
func barest(canonical string) string {
	if barer := BarerCanonical(canonical); barer != "" {
		return barer
	}
	return canonical
}

// The rules of form 1, as rows of before have them.
func formerCanonicalURL(raw string) (string, error) {
	u, err := parseWebAddress(raw)
	if err != nil {
		return "", err
	}
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	for bare, www := strings.CutPrefix(host, "www."); www && strings.Contains(bare, "."); bare, www = strings.CutPrefix(host, "www.") {
		host = bare
	}
	port := u.Port()
	if port == "80" || port == "443" {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // an IPv6 address, RFC 3986 section 3.2.2
	}
	if port != "" {
		host += ":" + port
	}
	base := url.URL{Scheme: "https", Host: host, Path: "/"}
	ref := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: formerWithoutTracking(u.RawQuery)}
	return base.ResolveReference(&ref).String(), nil
}

func formerWithoutTracking(query string) string {
	if query == "" {
		return ""
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if part != "" && !formerTracks(strings.ToLower(name)) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

func formerTracks(name string) bool {
	switch name {
	case "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid", "igshid", "igsh",
		"li_fat_id", "epik", "srsltid", "_openstat",
		"mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "vero_id", "vero_conv", "oly_anon_id", "oly_enc_id",
		"wt_mc", "wt.mc_id", "wt_zmc", "ito", "ns_mchannel", "ns_source", "ns_campaign", "ns_linkname", "ns_fee",
		"cmpid", "smid", "sr_share", "at_medium", "at_campaign", "xtor", "rb_clickid", "s_cid", "guccounter":
		return true
	}
	for _, family := range []string{"utm_", "pk_", "piwik_", "mtm_", "matomo_", "hsa_", "at_custom", "at_bbc_", "at_link_", "at_ptr_", "ga_"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}
