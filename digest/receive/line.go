package receive

import "courant/digest"

// Line is a returned mail as `courant bounce --dry-run --json` prints it.
type Line struct {
	Input      string            `json:"input"`
	Kind       digest.ReportKind `json:"kind"`
	Recipients []LineRecipient   `json:"recipients"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// LineRecipient is one address of a Line.
type LineRecipient struct {
	Address string       `json:"address"`
	Status  string       `json:"status"` // empty: none given
	Class   digest.Class `json:"class"`
}

// LineOf is the line for an input; every input gets one, an unreadable one
// with what err says as its warning.
func LineOf(input string, m Mail, err error) Line {
	l := Line{Input: input, Kind: m.Kind, Recipients: make([]LineRecipient, 0, len(m.Recipients))}
	if l.Kind == "" {
		l.Kind = digest.ReportOther
	}
	if err != nil {
		l.Warnings = append(l.Warnings, err.Error())
	}
	for _, r := range m.Recipients {
		l.Recipients = append(l.Recipients, LineRecipient{r.Address, r.Status, r.Class})
	}
	return l
}
