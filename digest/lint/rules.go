package lint

// Rule is one rule for a mail.
type Rule struct {
	Name     string // kebab-case
	Severity Severity
	Source   string // where it comes from
	Advice   string // one sentence for an editor
}

// Rules lists every rule, in the order of a mail. The caller may keep it.
func Rules() []Rule {
	list := append([]Rule(nil), headerRules...)
	list = append(list, bodyRules...)
	return append(list, htmlRules...)
}

func ruleNamed(name string) Rule {
	for _, list := range [][]Rule{headerRules, bodyRules, htmlRules} {
		for _, r := range list {
			if r.Name == name {
				return r
			}
		}
	}
	return Rule{Name: name, Severity: Error}
}

// ours is the advice for what no template and no config can bring about.
const ours = "This is not an editor's to mend: report it to Courant's makers with the .eml file."

var headerRules = []Rule{
	{"header-syntax", Error, "RFC 5322 2.2", ours},
	{"header-once", Error, "RFC 5322 3.6", ours},
	{"header-foreign", Error, "RFC 5322 2.2; titles never inject a header", "Look at the subject, the digest's title and the sender's name in the config for line breaks and colons."},
	{"header-ascii", Error, "RFC 2047 1, RFC 6532", ours},
	{"header-address", Error, "RFC 5322 3.4", "Write from and reply_to in the config as Name <name@your.domain>."},
	{"header-date", Error, "RFC 5322 3.3", ours},
	{"message-id", Error, "RFC 5322 3.6.4", ours},
	{"subject-empty", Error, "RFC 5322 3.6.5", "Write a subject for the digest that says something: {{.Title}}: {{.Lead.Title}}."},
	{"encoded-word", Error, "RFC 2047 2 and 5", ours},
	{"list-unsubscribe", Error, "RFC 2369 3.2, RFC 8058 3.1", "Set url in the config to the public https address of the readers' pages."},
	{"list-unsubscribe-post", Error, "RFC 8058 3.1", ours},
	{"list-id", Error, "RFC 2919 3", "Name the digest with letters, digits and hyphens."},
	{"precedence", Warning, "RFC 3834 2", ours},
	{"feedback-id", Warning, "Gmail: at most four fields, the last constant", ours},
	{"auto-submitted", Error, "RFC 3834 5: people chose to get a digest", ours},
	{"mime-version", Error, "RFC 2045 4", ours},
	{"line-ends", Error, "RFC 5322 2.3, RFC 5321 2.3.8", ours},
	{"line-over-998", Error, "RFC 5322 2.1.1", ours},
	{"line-over-76", Warning, "RFC 2045 6.7, RFC 5322 2.1.1", ours},
	{"eight-bit", Error, "RFC 2045 6.2", ours},
	{"mail-size", Error, "mail programs and relays refuse mails of megabytes", "Make the template smaller: images belong on the web, not into the mail."},
}

var bodyRules = []Rule{
	{"multipart", Error, "RFC 2046 5.1.4: text first, HTML last", ours},
	{"charset", Error, "RFC 2045 5.2, RFC 3629", ours},
	{"transfer-encoding", Error, "RFC 2045 6.7 and 6.8", ours},
	{"empty-part", Error, "a mail that says nothing", "Let the template print the stories: {{range .Sections}}{{range .Stories}}{{.Title}}."},
	{"unresolved-tag", Error, "a tag the reader would see", "Find the tag in the template or the wording and close it: {{ and }} belong together, and its name must be one that templates know."},
	{"no-link", Error, "a digest leads to its stories", "Let the template link each headline: <a href=\"{{.URL}}\">{{.Title}}</a>."},
	{"unsubscribe-link", Error, "CAN-SPAM 5(a)(3), GDPR article 7(3)", "Put {{unsubscribeURL}} as a link into the HTML template and on a line of its own into the text template."},
	{"unsubscribe-top", Warning, "who wants to leave must not have to search", "Put a small {{unsubscribeURL}} link above the first story, too."},
	{"unsubscribe-bottom", Warning, "CAN-SPAM 5(a)(3): clear and conspicuous", "Put a clear {{unsubscribeURL}} link below the last story."},
	{"view-link", Warning, "a mail that is clipped or broken can be read on the web", "Put {{viewURL}} as a link into both templates."},
	{"postal-address", Error, "CAN-SPAM 5(a)(5), GDPR article 13", "Put {{.PostalAddress}} into both templates."},
	{"reason", Error, "GDPR article 13, CAN-SPAM 5(a)", "Put {{reason}} where a reader sees it."},
	{"text-columns", Warning, "76 display columns; CJK counts two", "Print paragraphs of the text template by {{wrap ...}} or {{hang \"- \" ...}}."},
	{"text-url-alone", Warning, "an address in running text gets broken", "Give each address a line of its own in the text template."},
	{"parity-titles", Warning, "both parts tell the same, in the same order", "Let the text template print every headline that the HTML template prints, in the same order."},
	{"parity-points", Warning, "both parts tell the same, in the same order", "Let the text template print every point that the HTML template prints, in the same order."},
	{"parity-links", Warning, "both parts tell the same, in the same order", "Let the text template print the links of the HTML template, in the same order."},
}

var htmlRules = []Rule{
	{"html-size-warning", Warning, "under 80 KB: Gmail clips at about 102 KB, and the unsubscribe link with it", "Show fewer stories or make the template smaller."},
	{"html-size", Error, "100,000 bytes: Gmail clips at about 102 KB, and the unsubscribe link with it", "Show fewer stories (max_articles) or make the template smaller."},
	{"html-doctype", Warning, "without it browsers lay out as in 1996", "Begin the template with <!DOCTYPE html>."},
	{"html-lang", Warning, "WCAG 3.1.1", "Write <html lang=\"{{.Lang}}\" dir=\"{{.Dir}}\">."},
	{"html-dir", Warning, "right-to-left languages", "Write <html lang=\"{{.Lang}}\" dir=\"{{.Dir}}\">."},
	{"html-title", Warning, "WCAG 2.4.2", "Give the head a <title>{{.Title}}</title>."},
	{"html-nesting", Warning, "Outlook and Gmail mend broken nesting in ways of their own", "Close each element where it was opened."},
	{"text-dir", Warning, "a headline may be in another script than the furniture", "Write dir=\"{{.Dir}}\" on what holds a story, and dir=\"{{direction .Title}}\" where a text stands alone."},
	{"script", Error, "mail programs take scripts for an attack", "Take scripts, event attributes and javascript: links out of the template."},
	{"element-forbidden", Error, "mail programs drop it or block the mail", "Take the element out: tables, text, links and img are what mail programs show."},
	{"css-syntax", Error, "what follows is lost, dark colours and all", "Close each { of the style element with a }."},
	{"css-escape", Error, "CSS Syntax 3 4.3.7: each mail program reads escapes in its own way, or drops the style", "Write styles without a backslash."},
	{"css-remote", Error, "ePrivacy 5(3): fetched at each opening, it tells who read", "Take @import, @font-face, url(), and attributes that load something out: only img may."},
	{"css-layout", Warning, "Outlook and others ignore it", "Lay out with tables: no flex, grid, position, float or CSS variables."},
	{"style-size", Warning, "Gmail cuts styles off at 16 KB, until 2017 at 8 KB", "Write styles inline and keep the style element for dark mode and phones."},
	{"colour-unknown", Warning, "contrast cannot be judged, and few programs know it", "Write colours as #rrggbb."},
	{"contrast", Warning, "WCAG 1.4.3: 4.5, large text 3.0", "Make the text darker or its ground lighter."},
	{"contrast-dark", Warning, "WCAG 1.4.3 in the dark colours: 4.5, large text 3.0", "Give the text's class a lighter colour in the prefers-color-scheme: dark block."},
	{"dark-mode", Warning, "without a design for the dark, programs invert the colours", "Write a block @media (prefers-color-scheme: dark) with the colours of the night."},
	{"long-word", Warning, "an 80-letter word at 320 pixels must fit", "Put word-break:break-word on the cells with text and table-layout:fixed on the tables around them."},
	{"table-role", Warning, "WCAG 1.3.1: a screen reader would read out rows and columns", "Put role=\"presentation\" on the tables that only lay out."},
	{"mso-balance", Error, "Outlook would hide or show half the mail", "Open and close in pairs: {{mso `<table><tr><td>`}} and {{mso `</td></tr></table>`}}."},
	{"mso-missing", Warning, "Outlook on Windows knows no max-width", "Put {{mso `<table role=\"presentation\" width=\"600\" ...`}} around the column."},
	{"image-alt", Warning, "WCAG 1.1.1; images are off in many inboxes", "Put alt=\"{{.Alt}}\" on the image; alt=\"\" says that it only decorates."},
	{"image-width", Warning, "Outlook shows images at their own size", "Put width=\"{{.Width}}\" on the image."},
	{"image-source", Error, "mail programs show images from the web only", "Let src be an https address."},
	{"image-plain", Warning, "over http anybody on the way sees and changes the image; some programs show it not at all", "Let src begin with https://."},
	{"open-pixel", Error, "ePrivacy 5(3)", "Take the image out: Courant does not watch who opens a mail."},
	{"tracked-link", Error, "ePrivacy 5(3): no link tells who followed it", "Let links lead to their stories as they are."},
	{"link-scheme", Error, "links lead to the web; anything else is taken for an attack", "Let links begin with https://."},
	{"link-relative", Error, "a mail has no address that a relative link could begin at", "Write the whole address, https:// and all."},
	{"link-target", Warning, "a link within the mail needs its target", "Give the element with that id, or take the link out."},
	{"link-text", Warning, "WCAG 2.4.4", "Put words into the link, or an image with an alt text."},
}
