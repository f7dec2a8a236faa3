package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
	"courant/templates"
)

// SignUpStore is what signing up needs of the rows.
type SignUpStore interface {
	AskLetter(ctx context.Context, ask digest.LetterAsk) error
	Letter(ctx context.Context, id digest.LetterID) (digest.Letter, error)
	ConfirmSignUp(ctx context.Context, id digest.LetterID, seen []digest.SignUp, offers []digest.Offer) error
	DisownSignUp(ctx context.Context, id digest.LetterID) error
}

// SignUps is signing up. The form works without scripts and cookies, and from
// other sites' pages; what it asks for happens once a letter's button says yes.
type SignUps struct {
	Store   SignUpStore // nil: nobody can sign up
	Lists   []OpenList  // all lists, in the editor's order
	Budgets digest.LetterBudgets
}

// OpenList is a list, and whether anyone may sign up to it.
type OpenList struct {
	Name, Title string
	Open        bool
}

const (
	// formLeast is how soon a form can come back from a person, and formMost how
	// long it may lie open.
	formLeast = 2 * time.Second
	formMost  = 24 * time.Hour
	// maxForms is how many forms a network may send a minute, whatever they ask:
	// what is asked for is counted by the rows.
	maxForms = 60
	// disownedFor is how long an address that said "this was not me" is asked no
	// more.
	disownedFor = 90 * 24 * time.Hour
	howPageForm = "page"
	howEmbedded = "form"
)

// wish is a form of the sign-up page as it was sent.
type wish struct {
	Email      string
	Digests    []string
	Categories []string
	Weekly     bool
	Zone       string
	How        string
	Time       string // the signed time of the form
}

type signUpPage struct {
	frame
	List           string
	Path           string
	Lead           template.HTML
	Digests        []offeredDigest
	Categories     []category
	Email, Time    string
	How, Zone      string
	Weekly, Choose bool // Choose: there is more than one digest
	Script         string
	Consent        string
	Hint           string   // what to do now; empty: nothing
	Faults         []string // above the form
	EmailFault     string
}

type offeredDigest struct {
	Name, Title, When string
	Chosen            bool
}

// checkPage says "check your mail", and carries the same form once more.
type checkPage struct {
	frame
	Lead template.HTML
	Path string
	Wish wish
}

type confirmPage struct {
	frame
	Lead    template.HTML
	Items   []confirmItem
	Seen    string
	Changed bool
}

type confirmItem struct {
	Title string
	Notes []string
}

type embedPage struct {
	frame
	Path, Code string
}

// openList finds the list of an address among those that take anyone.
func (h *handler) openList(r *http.Request) (OpenList, bool) {
	i := slices.IndexFunc(h.SignUps.Lists, func(l OpenList) bool { return l.Name == r.PathValue("list") && l.Open })
	if i < 0 || h.SignUps.Store == nil || len(h.brought(h.SignUps.Lists[i].Name)) == 0 {
		return OpenList{}, false
	}
	return h.SignUps.Lists[i], true
}

// brought are the digests of a list.
func (h *handler) brought(list string) (all []Publication) {
	for _, d := range h.Digests {
		if slices.Contains(d.Lists, list) {
			all = append(all, d)
		}
	}
	return all
}

// offers are all lists with their digests.
func (h *handler) offers() (all []digest.Offer) {
	for _, l := range h.SignUps.Lists {
		o := digest.Offer{List: l.Name}
		for _, d := range h.brought(l.Name) {
			o.Digests = append(o.Digests, digest.OfferedDigest{Name: d.Name, Categories: d.Categories})
		}
		all = append(all, o)
	}
	return all
}

// signUpOf is the path of the first page that signs up for a digest.
func (h *handler) signUpOf(name string) string {
	for _, l := range h.SignUps.Lists {
		if l.Open && h.SignUps.Store != nil && slices.ContainsFunc(h.brought(l.Name), func(p Publication) bool { return p.Name == name }) {
			return "/s/" + l.Name
		}
	}
	return ""
}

// enrol answers the sign-up page and its form.
func (h *handler) enrol(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	list, open := h.openList(r)
	if !open {
		h.lost(w, r, "notice.missing", digest.Digest{})
		return
	}
	t := h.language(r, "")
	if r.Method != http.MethodPost {
		h.showSignUp(w, http.StatusOK, h.signUpPage(t, list, wish{Digests: names(h.brought(list.Name)), How: howPageForm}))
		return
	}
	from, at := clientNetwork(r, h.TrustedProxies), h.Now()
	if !h.forms.allow(from, at) {
		h.busy(w, r, h.forms.wait(from, at))
		return
	}
	body, long := readBody(r)
	form, err := readForm(r, body)
	if err != nil || long {
		h.notice(w, r, http.StatusBadRequest, "notice.form")
		return
	}
	h.takeForm(w, r, t, list, readWish(form), form.Get("website") != "")
}

func names(all []Publication) (list []string) {
	for _, p := range all {
		list = append(list, p.Name)
	}
	return list
}

// readWish reads a form. Who sent it from another site's page sends an address
// and nothing else.
func readWish(form url.Values) wish {
	x := wish{
		Email: digest.PlainLine(form.Get("email"), 2*digest.MaxAddress), Digests: form["digest"], Categories: form["category"],
		Weekly: form.Get("frequency") == string(digest.Weekly), Zone: form.Get("zone"), How: howPageForm, Time: form.Get("t"),
	}
	if form.Get("how") == howEmbedded || x.Time == "" {
		x.How = howEmbedded
	}
	if _, err := time.LoadLocation(x.Zone); err != nil || len(x.Zone) > 64 || x.Zone == "Local" {
		x.Zone = ""
	}
	return x
}

// takeForm asks for the letter, or shows the form again with what is wrong. What
// fills the field that people do not see is no person, and is told what all are
// told.
func (h *handler) takeForm(w http.ResponseWriter, r *http.Request, t templates.PageTexts, list OpenList, x wish, trapped bool) {
	status := http.StatusOK
	if x.Time == "" && len(x.Digests) == 0 { // from another site's page: nothing was chosen yet
		x.Digests = names(h.brought(list.Name))
	}
	age, signed := h.formAge(list.Name, x.Time)
	p := h.signUpPage(t, list, x)
	address, err := digest.ParseAddress(x.Email)
	signUp := h.wanted(t, list, x)
	switch {
	case !signed || age > formMost:
		p.Hint = t.Plain("signup.step")
	case age < formLeast:
		p.Hint, p.Time = t.Plain("signup.again"), x.Time // its time goes on
	case err != nil:
		p.EmailFault, status = t.Plain("signup.fault.email"), http.StatusBadRequest
	case len(signUp.Digests) == 0:
		p.Faults, status = append(p.Faults, t.Plain("signup.fault.digests")), http.StatusBadRequest
	case signUp.Categories != nil && len(signUp.Categories) == 0:
		p.Faults, status = append(p.Faults, t.Plain("choices.categories.none")), http.StatusBadRequest
	default:
		if !trapped && !h.askToConfirm(w, r, address, signUp) {
			return
		}
		x.Time = h.formTime(list.Name)
		h.show(w, http.StatusOK, "check", checkPage{h.frame(t, t.Plain("check.title")), t.HTML("check.lead", "address", x.Email), h.base + "/s/" + list.Name, x})
		return
	}
	h.showSignUp(w, status, p)
}

// wanted is what a form asks for, in names of the config only. Categories are
// nil where all are wanted, and empty where there are some and none is.
func (h *handler) wanted(t templates.PageTexts, list OpenList, x wish) digest.SignUp {
	s := digest.SignUp{List: list.Name, Frequency: digest.EveryEdition, Zone: x.Zone, Language: t.Tag, How: x.How, Text: h.consentVersion(t)}
	if x.Weekly {
		s.Frequency = digest.Weekly
	}
	all := h.brought(list.Name)
	for _, d := range all {
		if slices.Contains(x.Digests, d.Name) || len(all) == 1 {
			s.Digests = append(s.Digests, d.Name)
		}
	}
	offered := categoriesOf(all)
	for _, name := range offered {
		if slices.Contains(x.Categories, name) {
			s.Categories = append(s.Categories, name)
		}
	}
	switch {
	case len(offered) < 2 || len(s.Categories) == len(offered):
		s.Categories = nil
	case s.Categories == nil:
		s.Categories = []string{}
	}
	return s
}

func categoriesOf(all []Publication) (list []string) {
	for _, d := range all {
		for _, name := range d.Categories {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// askToConfirm has the letter written. It answers the request itself where that
// cannot be done, in the same way whatever is known of the address.
func (h *handler) askToConfirm(w http.ResponseWriter, r *http.Request, address string, s digest.SignUp) bool {
	ctx, cancel := patientContext(r)
	defer cancel()
	err := h.SignUps.Store.AskLetter(ctx, digest.LetterAsk{
		Kind: digest.LetterConfirm, Address: address, Hash: h.Keys.AddressHash(address), Language: s.Language, SignUp: s, KeyID: h.Keys.Current,
		Network: h.Keys.NetworkHash(clientNetwork(r, h.TrustedProxies).String()), Budgets: h.SignUps.Budgets, Wait: disownedFor,
	})
	switch {
	case errors.Is(err, digest.ErrLetterBudget):
		h.Log.Warn("sign-ups have reached their budget")
		h.busy(w, r, time.Hour)
	case err != nil:
		h.away(w, r, err)
	default:
		h.Log.Info("sign-up was asked for", "list", s.List, "how", s.How)
		return true
	}
	return false
}

// busy says that the network, or all together, asked for too much.
func (h *handler) busy(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, seconds(wait))))
	h.notice(w, r, http.StatusTooManyRequests, "notice.busy")
}

func (h *handler) signUpPage(t templates.PageTexts, list OpenList, x wish) signUpPage {
	all := h.brought(list.Name)
	p := signUpPage{
		frame: h.frame(t, t.Plain("signup.title")), List: list.Name, Path: h.base + "/s/" + list.Name, Lead: t.HTML("signup.lead"),
		Email: x.Email, Time: h.formTime(list.Name), How: x.How, Zone: x.Zone, Weekly: x.Weekly, Choose: len(all) > 1, Consent: h.consent(t),
	}
	if len(all) == 1 {
		p.Title = t.Plain("signup.title.one", "digest", all[0].Title)
	}
	for _, d := range all {
		p.Digests = append(p.Digests, offeredDigest{d.Name, d.Title, when(t, d.Cadence), slices.Contains(x.Digests, d.Name)})
		if d.TimeZone == digest.ZoneReader {
			p.Script = h.base + "/zone.js"
		}
	}
	for _, name := range categoriesOf(all) {
		p.Categories = append(p.Categories, category{name, len(x.Categories) == 0 || slices.Contains(x.Categories, name)})
	}
	return p
}

// signUpPolicy lets the one script run that reads the browser's time zone.
const signUpPolicy = pagePolicy + "; script-src 'self'"

func (h *handler) showSignUp(w http.ResponseWriter, status int, p signUpPage) {
	if p.Script != "" {
		w.Header().Set("Content-Security-Policy", signUpPolicy)
	}
	h.show(w, status, "signup", p)
}

// zoneScript is that script.
func zoneScript(w http.ResponseWriter, _ *http.Request, _ digest.Ref) {
	const script = `"use strict";
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const field = document.getElementById("zone");
if (zone && field) {
  if (!field.value) field.value = zone;
  const note = document.getElementById("zone-note");
  note.textContent = note.dataset.text.replace("{place}", field.value.split("/").pop().replaceAll("_", " "));
  note.hidden = false;
}
`
	write(w, http.StatusOK, "text/javascript; charset=utf-8", []byte(script))
}

// embed shows the form that other sites may copy: an address and a button. It
// leads to the page above, which asks for the rest.
func (h *handler) embed(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	list, open := h.openList(r)
	if !open {
		h.lost(w, r, "notice.missing", digest.Digest{})
		return
	}
	t := h.language(r, "")
	action := h.URL + "/s/" + list.Name
	esc := template.HTMLEscapeString
	code := fmt.Sprintf(`<form method="post" action="%s" accept-charset="utf-8">
  <label>%s
    <input type="email" name="email" required maxlength="254" autocomplete="email">
  </label>
  <button type="submit">%s</button>
</form>
`, esc(action), esc(t.Plain("signup.email")), esc(t.Plain("signup.button")))
	h.show(w, http.StatusOK, "embed", embedPage{h.frame(t, t.Plain("embed.title")), h.base + "/s/" + list.Name, code})
}

// consent is what somebody who signs up agrees to.
func (h *handler) consent(t templates.PageTexts) string {
	return t.Plain("signup.consent", "name", h.Name)
}

// consentVersion names the text that was on the page, so that the record of a
// consent says to what.
func (h *handler) consentVersion(t templates.PageTexts) string {
	sum := sha256.Sum256([]byte(h.consent(t)))
	return t.Tag + "-" + hex.EncodeToString(sum[:4])
}

// formTime is the time of now, signed, as a form of the list carries it.
func (h *handler) formTime(list string) string {
	at := strconv.FormatInt(h.Now().UnixMilli(), 36)
	return at + "." + formMAC(h.Keys.Tokens[h.Keys.Current], list, at)
}

// formAge is how long ago a form was made; not ok: none of ours.
func (h *handler) formAge(list, signed string) (age time.Duration, ok bool) {
	at, mac, _ := strings.Cut(signed, ".")
	for _, key := range h.Keys.Tokens {
		if hmac.Equal([]byte(mac), []byte(formMAC(key, list, at))) {
			ok = true
		}
	}
	ms, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil {
		return 0, false
	}
	return h.Now().Sub(time.UnixMilli(ms)), true
}

func formMAC(key []byte, list, at string) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "courant form\x00%s\x00%s", list, at)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}
