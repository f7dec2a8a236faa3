package ingest

import (
	"fmt"
	"net/http"
	"testing"
)

func TestRobotsPathsAreComparedInOneSpelling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules, path string
		forbidden   bool
	}{
		{"User-agent: *\nDisallow: /pg/\u00fcb/", "/pg/%C3%BCb/1", true},
		{"User-agent: *\nDisallow: /pg/%c3%bcb/", "/pg/%C3%BCb/1", true},
		{"User-agent: *\nDisallow: /pg/%C3%BCb/", "/pg/\u00fcb/1", true},
		{"User-agent: *\nDisallow: /p%67/", "/pg/1", true},
		{"User-agent: *\nDisallow: /pg/", "/%70g/1", true},
		{"User-agent: *\nDisallow: /pg/", "/x/../pg/1", true},
		{"User-agent: *\nDisallow: /pg/", "/x/%2E%2e/./pg/1", true},
		{"User-agent: *\nDisallow: /pg/", "/../../pg/1", true},
		{"User-agent: *\nDisallow: /pg/", "/pg/../x", false},
		{"User-agent: *\nDisallow: /a%2fb", "/a/b", false},
		{"User-agent: *\nDisallow: /a%2fb", "/a%2Fb", true},
		{"User-agent: *\nDisallow: /*?q=%c3%bc$ # search", "/find?q=%C3%BC", true},
		{"User-agent: Courant/1.0\nDisallow: /pg/", "/pg/1", true},
		{"\ufeffuser-agent: courant/* (news)\r\nDisallow: /pg/\r\n", "/pg/1", true},
		{"User-agent: CourantBot/1.0\nDisallow: /", "/pg/1", false},
		{"User-agent: *\nDisallow: /\n\nUser-agent: courant\nDisallow:", "/pg/1", false},
		{"User-agent: *\nAllow:\nDisallow: /", "/pg/1", true},
		{"User-agent: *\rDisallow: /pg/\r", "/pg/1", true},
	} {
		s := newSite(t, map[string]http.HandlerFunc{"/robots.txt": send("text/plain", c.rules)})
		in, _, _ := room(s)
		if err := in.Fetcher.allowed(t.Context(), s.URL+c.path, s.URL); (err != nil) != c.forbidden {
			t.Errorf("%q, %s: %v", c.rules, c.path, err)
		}
	}
}

func TestRobotsThatIsAskedTooOftenForbidsForNow(t *testing.T) {
	t.Parallel()
	for code, forbidden := range map[int]bool{429: true, 503: true, 403: false, 404: false} {
		s := newSite(t, map[string]http.HandlerFunc{"/robots.txt": status(code)})
		in, _, _ := room(s)
		if err := in.Fetcher.allowed(t.Context(), s.URL+"/pg/1", s.URL); (err != nil) != forbidden {
			t.Error(fmt.Sprint(code), err)
		}
	}
}

func FuzzRobotsSpelled(f *testing.F) {
	for _, seed := range []string{"User-agent: *\nDisallow: /%", "allow: /%4", "\ufeffDisallow", ":", "Disallow: /%zz/\xff#%41"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := spelledOnce(text)
		if spelledOnce(once) != once {
			t.Errorf("%q, %q", once, spelledOnce(once))
		}
		robotsSpelled([]byte(text))
	})
}
