package enrol

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"courant/digest"
)

// Kind is whose file it is.
type Kind string

// The kinds of files.
const (
	Plain     Kind = "CSV"
	Courant   Kind = "Courant"
	Listmonk  Kind = "listmonk"
	Mailchimp Kind = "Mailchimp"
	Ghost     Kind = "Ghost"
)

// The columns that an import reads. Names of columns in files are matched
// without regard to case, spaces, dashes and underscores.
const (
	email      = "email"
	name       = "name"
	firstName  = "first_name"
	lastName   = "last_name"
	timeZone   = "time_zone"
	tongueOf   = "language"
	categories = "categories"
	frequency  = "frequency"
	state      = "state"      // how the reader stands to the list
	subscribed = "subscribed" // yes or no
	suppressed = "suppressed" // why no mail goes to the address
	deleted    = "deleted"    // when the reader was taken out
	signedUp   = "signed_up"  // when, and from where, the reader asked for it
	signedUpIP = "signed_up_ip"
	confirmed  = "confirmed" // when, and from where, the reader confirmed it
	confirmIP  = "confirmed_ip"
	consent    = "consent" // where the reader came from, in words
	left       = "left"    // when the reader left
	leftWhy    = "left_why"
	cleaned    = "cleaned"    // when the mailbox was found gone
	attributes = "attributes" // JSON that may hold some of the above
)

// mappable lists the columns that a caller may give a name of its own to.
func mappable() []string {
	return []string{email, name, firstName, lastName, timeZone, tongueOf, categories, frequency, state, subscribed, consent}
}

// spellings lists what files call the columns, in the key's form.
func spellings() map[string]string {
	known := map[string]string{}
	for column, names := range map[string]string{
		email: "email e-mail mail address email_address e-mail_address mail_address subscriber_email e-mail-adresse emailadresse mailadresse adresse_e-mail adresse_mail " +
			"courriel correo correo_electronico correo_electrónico dirección_de_correo_electrónico indirizzo_email posta_elettronica e-mailadres endereço_de_email endereço_de_e-mail epost e-post e-postadress adres_e-mail",
		name:       "name full_name fullname display_name subscriber_name reader nom_complet nombre_completo nome_completo vollständiger_name",
		firstName:  "first_name firstname fname given_name forename vorname prénom prenom voornaam imię imie fornavn förnamn",
		lastName:   "last_name lastname lname surname family_name nachname familienname nom_de_famille apellido apellidos cognome achternaam sobrenome nazwisko etternavn efternavn efternamn",
		timeZone:   "time_zone timezone zone tz zeitzone fuseau_horaire zona_horaria",
		tongueOf:   "language lang locale sprache langue idioma lingua taal",
		categories: "categories category topics interests kategorien rubriken catégories categorías",
		frequency:  "frequency",
		state:      "state status subscription_status",
		subscribed: "subscribed subscribed_to_emails opted_in opt_in",
		suppressed: "suppressed",
		deleted:    "deleted deleted_at",
		signedUp:   "optin_time signed_up signed_up_at signup_date subscribed_at created_at since",
		signedUpIP: "optin_ip signup_ip",
		confirmed:  "confirm_time confirmed_at",
		confirmIP:  "confirm_ip",
		consent:    "consent",
		left:       "unsub_time unsubscribed_at",
		leftWhy:    "unsub_reason",
		cleaned:    "clean_time",
		attributes: "attributes attribs",
	} {
		for spelling := range strings.FieldsSeq(names) {
			known[key(spelling)] = column
		}
	}
	return known
}

// key is what two spellings of a column's name have in common.
func key(header string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(strings.ToLower(strings.TrimSpace(header)))
}

// kindOf tells a file by the columns that only one program writes.
func kindOf(headers []string) Kind {
	has := func(names ...string) bool {
		for _, n := range names {
			if !slices.ContainsFunc(headers, func(h string) bool { return key(h) == key(n) }) {
				return false
			}
		}
		return true
	}
	switch {
	case has("LEID", "EUID"):
		return Mailchimp
	case has("uuid", "attributes", "status"):
		return Listmonk
	case has("subscribed_to_emails"):
		return Ghost
	case has("state", "since", "consent", "suppressed"):
		return Courant
	}
	return Plain
}

// columns says where in a record what stands.
type columns struct {
	at      map[string]int
	ignored []string // columns that say nothing to us, as the file names them
}

// columnsOf reads the head line. A name that the caller gives goes before what
// the file's own name says; the first of two columns of one meaning counts.
func columnsOf(headers []string, named map[string]string) (columns, error) {
	c := columns{at: map[string]int{}}
	known := spellings()
	missing := maps.Clone(named)
	for i, h := range headers {
		column, ok := known[key(h)]
		for from, to := range named {
			if key(from) == key(h) {
				column, ok = to, to != ""
				delete(missing, from)
			}
		}
		if _, twice := c.at[column]; !ok || twice {
			if h = digest.PlainLine(h, 60); h != "" {
				c.ignored = append(c.ignored, h)
			}
			continue
		}
		c.at[column] = i
	}
	for from := range missing {
		return c, fmt.Errorf("no column is named %q; the columns are %s", from, digest.PlainLine(strings.Join(headers, ", "), 300))
	}
	if _, ok := c.at[email]; !ok {
		return c, fmt.Errorf("no column is named email; the columns are %s; --map 'NAME=email' says which one holds the addresses",
			digest.PlainLine(strings.Join(headers, ", "), 300))
	}
	return c, nil
}

// cell is what a record has in a column; empty: nothing, or no such column.
func (c columns) cell(record []string, column string) string {
	i, ok := c.at[column]
	if !ok || i >= len(record) {
		return ""
	}
	return unguarded(strings.TrimSpace(text(record[i])))
}

// CheckNames says what is wrong with names that a caller gives to columns.
func CheckNames(named map[string]string) error {
	for from, to := range named {
		if from == "" {
			return errors.New("a column's name is missing; it goes like 'E-Mail=email'")
		}
		if to != "" && !slices.Contains(mappable(), to) {
			return fmt.Errorf("%q is no column of readers; they are %s", digest.PlainLine(to, 40), strings.Join(mappable(), ", "))
		}
	}
	return nil
}
