package vouch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"courant/digest"
)

// unsigned is the finding where the config has no key.
func (s Sender) unsigned() digest.Finding {
	return digest.Finding{What: "DKIM", Subject: s.From}.Look("Courant signs nothing; the large providers refuse bulk mail that nobody signed",
		"make a key (courant dkim generate) and name it under dkim, unless the relay signs for "+s.From)
}

// dkimFinding holds a key's record against the key (RFC 6376 section 3.6.1).
func dkimFinding(ctx context.Context, n names, key digest.DNSRecord) digest.Finding {
	f := digest.Finding{What: "DKIM", Subject: key.Name}
	texts, err := n.texts(ctx, key.Name)
	if err != nil {
		return unanswered(f, key.Name, err)
	}
	if f = judgeDKIM(f, texts, key.Value); f.State == digest.FindingWrong {
		f.Records = []digest.DNSRecord{key}
	}
	return f
}

func judgeDKIM(f digest.Finding, texts []string, want string) digest.Finding {
	publish := "publish this one"
	switch len(texts) {
	case 0:
		return f.Wrong("the key is not published, so no signature passes", publish)
	case 1:
	default:
		// RFC 6376 section 3.6.2.2: the result is undefined.
		return f.Wrong(fmt.Sprintf("there are %d records, and receivers take any of them", len(texts)), publish+" alone")
	}
	published, err := tags(texts[0])
	wanted, werr := tags(want)
	if err != nil || werr != nil {
		return f.Wrong(fmt.Sprintf("the record cannot be read: %v", err), publish+" in its place")
	}
	bare := func(list []tag) string { return strings.Join(strings.Fields(valueOf(list, "p", "")), "") }
	hashes := strings.Split(strings.ToLower(strings.ReplaceAll(valueOf(published, "h", "sha256"), " ", "")), ":")
	use := strings.Split(strings.ReplaceAll(valueOf(published, "s", "*"), " ", ""), ":")
	switch {
	case valueOf(published, "v", "DKIM1") != "DKIM1" || len(published) > 0 && published[0].name != "v" && valueOf(published, "v", "") != "":
		return f.Wrong("the record's v= is not DKIM1 in front", publish+" in its place")
	case bare(published) == "":
		return f.Wrong("the key was taken back (p= is empty)", publish+" in its place")
	case !strings.EqualFold(valueOf(published, "k", "rsa"), valueOf(wanted, "k", "rsa")):
		return f.Wrong("the published key is of another kind", publish+" in its place")
	case bare(published) != bare(wanted):
		return f.Wrong("another key is published than the one that signs, so no signature passes", publish+" in its place, or name the file that belongs to it under dkim")
	case !slices.Contains(hashes, "sha256"), !slices.Contains(use, "*") && !slices.Contains(use, "email"):
		return f.Wrong("the record does not let the key sign mail with sha256", publish+" in its place")
	case slices.Contains(strings.Split(strings.ReplaceAll(valueOf(published, "t", ""), " ", ""), ":"), "y"):
		return f.Look("published, but marked as a test (t=y): receivers treat the mail as not signed", "take t=y out of the record")
	}
	return f.OK("published, and the one that signs")
}
