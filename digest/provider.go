package digest

import "strings"

// Provider is who runs a reader's mailbox, as far as the address tells: a few
// large ones by name, so that figures can be told apart by it without naming
// anybody. Domains that a large one hosts for others count as ProviderOther.
type Provider string

// The providers.
const (
	ProviderGmail   Provider = "gmail"
	ProviderOutlook Provider = "outlook"
	ProviderYahoo   Provider = "yahoo"
	ProviderApple   Provider = "apple"
	ProviderOther   Provider = "other"
)

// Providers lists every provider.
func Providers() []Provider {
	return []Provider{ProviderGmail, ProviderOutlook, ProviderYahoo, ProviderApple, ProviderOther}
}

// ProviderOf reads the domain of an address.
func ProviderOf(address string) Provider {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	brand, ending, _ := strings.Cut(domain, ".")
	switch brand {
	case "gmail", "googlemail":
		if ending == "com" {
			return ProviderGmail
		}
	case "outlook", "hotmail", "live", "msn":
		if branch(ending) {
			return ProviderOutlook
		}
	case "yahoo", "ymail", "rocketmail", "aol":
		// yahoo.co.jp is a company of its own, with mail servers of its own.
		if branch(ending) && domain != "yahoo.co.jp" {
			return ProviderYahoo
		}
	case "icloud", "me", "mac":
		if ending == "com" {
			return ProviderApple
		}
	}
	return ProviderOther
}

// branch says whether a domain's ending is one that the large ones use for
// their branches: com, de, co.uk, com.br.
func branch(ending string) bool {
	second, country, deep := strings.Cut(ending, ".")
	if !deep {
		return ending == "com" || len(ending) == 2
	}
	return (second == "co" || second == "com") && len(country) == 2
}
