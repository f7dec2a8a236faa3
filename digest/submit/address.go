package submit

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"courant/digest"
)

// unfit is the outcome of an envelope that must not reach the wire; zero when
// it may. The connection stays as it was.
func (c *Conn) unfit(env digest.Envelope) digest.Outcome {
	if env.From != "" {
		if err := checkAddress(env.From, env.SMTPUTF8); err != nil {
			return misset(digest.StageMail, fmt.Sprintf("the envelope sender %v: check from and return_path", err))
		}
	}
	refused := digest.Outcome{Verdict: digest.VerdictRefused, Stage: digest.StageRcpt, Class: digest.ClassContent}
	if err := checkAddress(env.To, env.SMTPUTF8); err != nil {
		refused.Fault = fmt.Sprintf("the recipient's address %v", err)
		return refused
	}
	if env.SMTPUTF8 && !c.utf8 { // RFC 6531 3.2
		refused.Fault = "the address needs SMTPUTF8, which this relay does not offer"
		return refused
	}
	return digest.Outcome{}
}

// maxAddress is the longest path of RFC 5321 4.5.3.1.3 without its brackets.
const maxAddress = 254

// checkAddress lets through what cannot end or extend a command: no controls,
// no spaces, no angle brackets. Whether the address exists is the relay's to
// say. The errors don't repeat the address: they go to logs.
func checkAddress(address string, allowUTF8 bool) error {
	if at := strings.LastIndexByte(address, '@'); at < 1 || at == len(address)-1 {
		return fmt.Errorf("has no @ between two parts")
	}
	if len(address) > maxAddress {
		return fmt.Errorf("is longer than %d bytes", maxAddress)
	}
	if !utf8.ValidString(address) {
		return fmt.Errorf("is not UTF-8")
	}
	for _, r := range address {
		switch {
		case r == '<' || r == '>' || unicode.IsSpace(r) || unicode.IsControl(r) || !unicode.IsPrint(r):
			return fmt.Errorf("holds %U, which no address has", r)
		case r >= utf8.RuneSelf && !allowUTF8:
			return fmt.Errorf("holds letters beyond ASCII and was not marked for SMTPUTF8")
		}
	}
	return nil
}
