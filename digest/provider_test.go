package digest

import (
	"slices"
	"testing"
)

func TestProviderIsToldByTheDomain(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]Provider{
		"a@gmail.com": ProviderGmail, "A@GoogleMail.COM": ProviderGmail, "a@gmail.com.example.org": ProviderOther, "a@gmail.de": ProviderOther,
		"a@outlook.com": ProviderOutlook, "a@hotmail.co.uk": ProviderOutlook, "a@live.nl": ProviderOutlook, "a@msn.com": ProviderOutlook,
		"a@outlook.example.com": ProviderOther,
		"a@yahoo.com":           ProviderYahoo, "a@yahoo.com.br": ProviderYahoo, "a@yahoo.co.jp": ProviderOther, "a@aol.com": ProviderYahoo,
		"a@icloud.com": ProviderApple, "a@me.com": ProviderApple, "a@me.uk": ProviderOther,
		"a@b@gmail.com": ProviderGmail, "": ProviderOther, "gmail.com@": ProviderOther, "a@example.org": ProviderOther,
	} {
		if got := ProviderOf(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func FuzzProviderIsOneOfTheFew(f *testing.F) {
	for _, seed := range []string{"a@gmail.com", "", "@", "a@yahoo.", "a@live.co.", "a@\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if p := ProviderOf(address); !slices.Contains(Providers(), p) {
			t.Errorf("%q: %q", address, p)
		}
	})
}
