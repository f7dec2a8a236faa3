package digest

import (
	"strings"
	"testing"
)

func TestCanonicalURLIsTheIdentityOfAnArticle(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"https://example.com/story":                                       "https://example.com/story",
		"http://example.com/story":                                        "https://example.com/story",
		"HTTPS://WWW.Example.COM:443/Story#comments":                      "https://example.com/Story",
		"http://www.example.com:80":                                       "https://example.com/",
		"https://example.com:8443/a":                                      "https://example.com:8443/a",
		"https://example.com./a":                                          "https://example.com/a",
		"https://ann:secret@example.com/a":                                "https://example.com/a",
		"https://example.com/a?utm_source=rss&utm_medium=feed":            "https://example.com/a",
		"https://example.com/a?b=2&fbclid=x&a=1&gclid=y":                  "https://example.com/a?b=2&a=1",
		"https://example.com/a?UTM_Source=x&mc_cid=1&mc_eid=2&wt_mc=rss":  "https://example.com/a",
		"https://example.com/a?id=7&ref=front":                            "https://example.com/a?id=7&ref=front",
		"https://example.com/a?utm%5Fsource=x":                            "https://example.com/a",
		"https://example.com/a/../b/./c":                                  "https://example.com/b/c",
		"https://www.com/a":                                               "https://www.com/a",
		"  https://example.com/a%2Fb  ":                                   "https://example.com/a%2Fb",
		"https://[2001:DB8::1]:443/a":                                     "https://[2001:db8::1]/a",
		"https://news.example.com/caf%C3%A9?":                             "https://news.example.com/caf%C3%A9",
		"https://example.com/story?ns_campaign=x&page=2&at_medium=RSS&&x": "https://example.com/story?page=2&x",
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
	}
	for raw, want := range tests {
		if got, err := OpenURL(raw); err != nil || got != want {
			t.Errorf("OpenURL(%q) = %q, %v; want %q", raw, got, err, want)
		}
	}
}

func FuzzCanonicalURL(f *testing.F) {
	for _, seed := range []string{"https://www.example.com:443/a/../b?utm_source=x&c=%20#d", "http://[::1]:80/%2e%2e/x", "https://www.www.example.com//a//",
		"https://example.com/%zz", "https://ex%41mple.com/?&&=", "HTTP://EXAMPLE.com..:80?%75tm_source=1&q", "https://example.com/a%2Fb/..;x=1?q=a;b"} {
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
		if !strings.HasPrefix(once, "https://") || strings.Contains(once, "#") {
			t.Fatalf("%q became %q", raw, once)
		}
		if open, err := OpenURL(raw); err == nil {
			if same, err := CanonicalURL(open); err != nil || same != once {
				t.Fatalf("%q: opened as %q, identity %q, want %q", raw, open, same, once)
			}
		}
	})
}
