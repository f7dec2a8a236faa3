package explain

import (
	"fmt"
	"time"

	"courant/digest"
)

// Preview is what is to be said of a coming edition beside its mails.
type Preview struct {
	Digest  string
	Title   string
	Local   time.Time // when it goes out, on the clock of Zone
	Zone    string
	Notes   []string // what to know of it, a sentence each
	Nothing string   // why there is no mail to show; empty: there is
	Mails   []PreviewMail
	LeftOut []digest.LeftOut // what the mail does not tell; only where there is one for one reader, or none
}

// PreviewMail is one mail of a preview and who would get it.
type PreviewMail struct {
	Subject  string
	For      string // the only reader it is made for; empty: for all of its variant
	Readers  int
	Own      bool   // by the digest's own choice, which the archive shows
	Language string // BCP 47
	Only     []string
	Articles int
	Files    []string // where it was written; none: it was not
}

// Variant is what Choose asks of one.
type Variant struct {
	Own     bool // by the digest's own choice; such a one is always there
	Readers int
	Reason  string // why it would not be sent; empty: it would
	LeftOut []digest.LeftOut
}

// Who is whose preview it is. The zero value is everybody's.
type Who struct {
	Address string
	Reader  bool   // the address is a reader's
	Missed  string // why the reader would get nothing, unless a variant has it
}

// mostMails is how many variants a preview shows. Where every reader has had
// other stories there are as many variants as readers.
const mostMails = 12

// Choose picks the variants to show, in their order, and says of the others,
// or where there are none, why not.
func (p *Preview) Choose(variants []Variant, who Who) []int {
	switch {
	case who.Reader:
		return p.chooseOne(variants, who)
	case who.Address != "":
		p.Notes = append(p.Notes, who.Address+" is no reader: this is what a new one without choices would get")
	}
	var list []int
	var own Variant
	unsent, more := 0, 0
	for i, v := range variants {
		if v.Own {
			own = v
		}
		switch {
		case who.Address != "" && !v.Own:
		case v.Reason != "":
			unsent += v.Readers
		case len(list) == mostMails:
			more += v.Readers
		default:
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		p.Nothing = "nothing would be sent: " + own.Reason + "; `courant fetch` polls the sources now"
	}
	if len(list) == 0 || who.Address != "" {
		p.LeftOut = own.LeftOut
		return list
	}
	if own.Reason != "" {
		p.Notes = append(p.Notes, "the digest's own choice is too thin: "+own.Reason)
	}
	if unsent > 0 {
		p.Notes = append(p.Notes, get(unsent)+" nothing: too little is left of what they chose and have not had")
	}
	if more > 0 {
		p.Notes = append(p.Notes, get(more)+" other variants, which are not shown; `--for` shows a reader's")
	}
	return list
}

// chooseOne is the reader's own variant, or the reason why there is none.
func (p *Preview) chooseOne(variants []Variant, who Who) []int {
	why := who.Missed
	for i, v := range variants {
		if v.Readers == 0 {
			continue
		}
		p.LeftOut = v.LeftOut
		if v.Reason == "" {
			return []int{i}
		}
		why = v.Reason
	}
	p.Nothing = who.Address + " would get nothing of it: " + why
	return nil
}

// Answered says that the slot is over: by an edition, or by being skipped.
func (p *Preview) Answered(e digest.Edition) {
	p.Nothing = fmt.Sprintf("no. %d has answered that slot; `--at` shows a later one", e.Number)
	if e.ID == 0 {
		p.Nothing = "nothing will be published for that slot: " + e.HeldReason
	}
}

func get(readers int) string {
	if readers == 1 {
		return "1 reader gets"
	}
	return fmt.Sprintf("%d readers get", readers)
}
