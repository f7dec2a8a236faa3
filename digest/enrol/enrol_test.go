package enrol_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"courant/digest"
	"courant/digest/enrol"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// options read zones as a small world has them.
func options(file string) enrol.Options {
	return enrol.Options{
		File: file,
		Hash: func(a string) []byte { sum := sha256.Sum256([]byte(strings.ToLower(a))); return sum[:] },
		CheckZone: func(z string) error {
			if slices.Contains([]string{"Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo"}, z) {
				return nil
			}
			return fmt.Errorf("time zone %q is not known", z)
		},
	}
}

// read gives a line for each row and each fault of a file.
func read(t *testing.T, o enrol.Options, file string) (*enrol.Roll, []string) {
	t.Helper()
	r, err := enrol.Open(strings.NewReader(file), o)
	if err != nil {
		return nil, []string{"file: " + err.Error()}
	}
	var lines []string
	for end := false; !end; {
		var rows []digest.ImportRow
		var faults []digest.ImportFault
		rows, faults, end = r.Portion(2)
		for _, row := range rows {
			line := fmt.Sprintf("%d %s", row.Line, row.Address)
			for _, more := range []string{row.Name, row.Zone, row.Language, strings.Join(row.Categories, ";"), string(row.Frequency), string(row.State), row.Consent} {
				line += "|" + more
			}
			if row.Again {
				line += "|again"
			}
			lines = append(lines, line)
		}
		for _, f := range faults {
			lines = append(lines, fmt.Sprintf("%d: %s", f.Line, f.Why))
		}
	}
	return r, lines
}

func TestFilesOfReadersAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string // its name
		text string
		kind enrol.Kind
		want []string
	}{
		"our own columns": {
			text: "email,name,time_zone,language,categories,frequency\nann@example.org,Ann,Europe/Berlin,de,World;Military,weekly:monday\n",
			kind: enrol.Plain,
			want: []string{"2 ann@example.org|Ann|Europe/Berlin|de|Military;World|weekly||"},
		},
		"our own export: who left stays away": {
			text: "email,name,time_zone,language,categories,frequency,state,since,consent,suppressed\n" +
				"ann@example.org,'=Ann,,,,,active,2026-03-01T00:00:00Z,sign-up form,\n" +
				"bob@example.org,,,,,,unsubscribed,2026-03-01T00:00:00Z,import of x.csv,\n" +
				"cy@example.org,,,,,,active,2026-03-01T00:00:00Z,import of x.csv,hard\n" +
				"di@example.org,,,,,,active,2026-03-01T00:00:00Z,import of x.csv,complaint\n" +
				"ed@example.org,,,,,,active,2026-03-01T00:00:00Z,import of x.csv,soft\n" +
				"flo@example.org,,,,,,pending,2026-03-01T00:00:00Z,,\n",
			kind: enrol.Courant,
			want: []string{
				"2 ann@example.org|=Ann||||||sign-up form, signed up 2026-03-01T00:00:00Z",
				"3 bob@example.org||||||unsubscribed|import of x.csv, signed up 2026-03-01T00:00:00Z",
				"4 cy@example.org||||||bounced|import of x.csv, signed up 2026-03-01T00:00:00Z",
				"5 di@example.org||||||complained|import of x.csv, signed up 2026-03-01T00:00:00Z",
				"6 ed@example.org|||||||import of x.csv, signed up 2026-03-01T00:00:00Z",
				"7 flo@example.org||||||unconfirmed|signed up 2026-03-01T00:00:00Z",
			},
		},
		"listmonk": {
			text: "uuid,email,name,attributes,status,created_at,updated_at\n" +
				`0a,ann@example.org,Ann,"{""city"": ""Ulm"", ""timezone"": ""Europe/Berlin"", ""lang"": ""de""}",enabled,2024-01-02 03:04:05 +0000 UTC,2024-01-02 03:04:05 +0000 UTC` + "\n" +
				`0b,bob@example.org,Bob,{},disabled,2024-01-02 03:04:05 +0000 UTC,x` + "\n" +
				`0c,cy@example.org,Cy,"{""timezone"": ""Nowhere""}",blocklisted,,x` + "\n",
			kind: enrol.Listmonk,
			want: []string{
				"2 ann@example.org|Ann|Europe/Berlin|de||||listmonk, signed up 2024-01-02 03:04:05 +0000 UTC",
				"3 bob@example.org|Bob|||||unsubscribed|listmonk, signed up 2024-01-02 03:04:05 +0000 UTC",
				"4 cy@example.org|Cy|||||blocked|",
			},
		},
		"Mailchimp, subscribed": {
			file: "subscribed_members_export_0a1b2c.csv",
			text: "\"Email Address\",\"First Name\",\"Last Name\",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TIMEZONE,CC,UNSUB_TIME,LEID,EUID,NOTES,TAGS\n" +
				"ann@example.org,Ann,Lee,2,\"2024-01-02 03:04:05\",192.0.2.1,\"2024-01-02 03:05:00\",192.0.2.2,America/Los_Angeles,US,,1,a,,\"\"\"news\"\",\"\"world\"\"\"\n" +
				"bob@example.org,Bob,,2,,,\"2024-01-02 03:05:00\",,US/Somewhere,US,,2,b,,\n",
			kind: enrol.Mailchimp,
			want: []string{
				"2 ann@example.org|Ann Lee|America/Los_Angeles|||||Mailchimp, signed up 2024-01-02 03:04:05 from 192.0.2.1, confirmed 2024-01-02 03:05:00 from 192.0.2.2",
				"3 bob@example.org|Bob||||||Mailchimp, confirmed 2024-01-02 03:05:00",
			},
		},
		"Mailchimp, unsubscribed": {
			file: "exports/unsubscribed_members_export_0a1b2c.csv",
			text: "Email Address,First Name,OPTIN_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,LEID,EUID\n" +
				"ann@example.org,Ann,,2024-05-01 00:00:00,May,\"N (Other)\",1,a\nbob@example.org,Bob,,2024-05-01 00:00:00,May,ABUSE,1,a\ncy@example.org,Cy,,,,,1,a\n",
			kind: enrol.Mailchimp,
			want: []string{"2 ann@example.org|Ann|||||unsubscribed|", "3 bob@example.org|Bob|||||complained|", "4 cy@example.org|Cy|||||unsubscribed|"},
		},
		"Mailchimp, cleaned and never subscribed": {
			file: "cleaned_members_export.csv",
			text: "E-Mail-Adresse,Vorname,CLEAN_TIME,LEID,EUID\nann@example.org,Ann,2024-05-01 00:00:00,1,a\n",
			kind: enrol.Mailchimp,
			want: []string{"2 ann@example.org|Ann|||||bounced|"},
		},
		"Mailchimp, not subscribed": {
			file: "nonsubscribed_members_export.csv",
			text: "Email Address,LEID,EUID\nann@example.org,1,a\n",
			kind: enrol.Mailchimp,
			want: []string{"2 ann@example.org||||||unconfirmed|"},
		},
		"Ghost": {
			text: "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers\r\n" +
				"1,ann@example.org,Ann,,true,false,,2024-01-02T03:04:05.000Z,,VIP,\r\n2,bob@example.org,Bob,,false,false,,2024-01-02T03:04:05.000Z,,,\r\n3,cy@example.org,Cy,,true,false,,,2024-09-01T00:00:00.000Z,,\r\n",
			kind: enrol.Ghost,
			want: []string{
				"2 ann@example.org|Ann||||||Ghost, signed up 2024-01-02T03:04:05.000Z",
				"3 bob@example.org|Bob|||||unsubscribed|Ghost, signed up 2024-01-02T03:04:05.000Z",
				"4 cy@example.org|Cy|||||unsubscribed|",
			},
		},
		"bare addresses": {
			text: "ann@example.org\n\nBob <bob@example.org>\nmailto:cy@münchen.example\nno address\n",
			kind: enrol.Plain,
			want: []string{"1 ann@example.org|||||||", "3 bob@example.org|||||||", "4 cy@xn--mnchen-3ya.example|||||||", `5: email "no address": an address looks like name@example.org`},
		},
		"a spreadsheet that says its delimiter": {
			text: "sep=;\r\nEmail;Name\r\nann@example.org;\"Lee; Ann\"\r\n",
			kind: enrol.Plain,
			want: []string{"3 ann@example.org|Lee; Ann||||||"},
		},
		"a delimiter within quotes is none": {
			text: "\"e-mail\"|\"name, in full, as said\"|\"full name\"\nann@example.org|x|Ann\n",
			kind: enrol.Plain,
			want: []string{"2 ann@example.org|Ann||||||"},
		},
		"an address twice, in two portions": {
			text: "email\nann@example.org\nann@example.org\nANN@example.org\nbob@example.org\n",
			kind: enrol.Plain,
			want: []string{"2 ann@example.org|||||||", "3 ann@example.org|||||||", "4 ANN@example.org||||||||again", "5 bob@example.org|||||||"},
		},
		"words that say no standing": {
			text: "email,status\nann@example.org,gold\nbob@example.org,Opted-Out\n",
			kind: enrol.Plain,
			want: []string{"3 bob@example.org||||||unsubscribed|", `2: state "gold" is not known; write active, unsubscribed, unconfirmed, bounced, complained or blocked`},
		},
		"slips in a file of one's own": {
			text: "email,time_zone,language\nann@example.org,Nowhere,\nbob@example.org,,Klingonish!\n@example.org,,\n",
			kind: enrol.Plain,
			want: []string{`2: time zone "Nowhere" is not known`, `3: language "Klingonish!" is not like en or pt-BR`, `4: email "@example.org": an address looks like name@example.org`},
		},
		"no column of addresses": {
			text: "name,phone\nAnn,1\n",
			want: []string{"file: no column is named email; the columns are name, phone; --map 'NAME=email' says which one holds the addresses"},
		},
		"no head line": {
			text: "ann@example.org,Ann\nbob@example.org,Bob\n",
			want: []string{"file: the first line must name the columns; put a line that says email, and what the others are, above the readers"},
		},
		"nothing":      {text: "", want: []string{"file: the file is empty"}},
		"a page":       {text: "<!doctype html><p>ann@example.org", want: []string{"file: this is a page or XML; save the table as CSV in UTF-8 and import that"}},
		"old workbook": {text: "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", want: []string{"file: this is an old workbook; save the table as CSV in UTF-8 and import that"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, got := read(t, options(c.file), c.text)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if r != nil && r.Kind != c.kind {
				t.Errorf("taken for %s, want %s", r.Kind, c.kind)
			}
		})
	}
}

func TestColumnsTakeTheNamesThatTheCallerGives(t *testing.T) {
	t.Parallel()
	o := options("")
	o.Columns = map[string]string{"Mail privat": "email", "status": ""}
	r, got := read(t, o, "Mail privat,email,status,Rufname\nann@example.org,old@example.org,gold,Ann\n")
	if want := []string{"2 ann@example.org|||||||"}; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	if want := []string{"email", "status", "Rufname"}; r == nil || !slices.Equal(r.Ignored, want) {
		t.Errorf("left out %q, want %q", r.Ignored, want)
	}
	o.Columns = map[string]string{"Adresse": "email"}
	if _, got := read(t, o, "Mail,Name\n"); len(got) != 1 || !strings.HasPrefix(got[0], `file: no column is named "Adresse"; the columns are Mail, Name`) {
		t.Errorf("a column that isn't there: %q", got)
	}
	if err := enrol.CheckNames(map[string]string{"Mail": "adress"}); err == nil || !strings.Contains(err.Error(), `"adress" is no column of readers; they are email, name`) {
		t.Errorf("a meaning that is none: %v", err)
	}
}

func TestEncodingsOfFilesAreSeenOrSaid(t *testing.T) {
	t.Parallel()
	const text = "email,name\nann@example.org,Änne Łęcka\n"
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) string {
		s, err := unicode.UTF16(e, b).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	latin2, err := charmap.ISO8859_2.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, encoding, want string }{
		"utf-8":                    {text, "", "Änne Łęcka"},
		"utf-8 with a mark":        {"\uFEFF" + text, "", "Änne Łęcka"},
		"utf-8, said":              {"\uFEFF" + text, "utf-8", "Änne Łęcka"},
		"utf-16, marked":           {utf16(unicode.LittleEndian, unicode.UseBOM), "", "Änne Łęcka"},
		"utf-16, big, marked":      {utf16(unicode.BigEndian, unicode.UseBOM), "", "Änne Łęcka"},
		"utf-16 without a mark":    {utf16(unicode.LittleEndian, unicode.IgnoreBOM), "", "Änne Łęcka"},
		"utf-16, big, without one": {utf16(unicode.BigEndian, unicode.IgnoreBOM), "", "Änne Łęcka"},
		"iso-8859-2, said":         {latin2, "iso-8859-2", "Änne Łęcka"},
		"windows-1252":             {"email,name\nann@example.org,\x80nne\n", "", "€nne"},
	} {
		o := options("")
		o.Encoding = c.encoding
		if _, got := read(t, o, c.text); !slices.Equal(got, []string{"2 ann@example.org|" + c.want + "||||||"}) {
			t.Errorf("%s: %q", name, got)
		}
	}
	o := options("")
	o.Encoding = "utf-88"
	if _, got := read(t, o, text); len(got) != 1 || !strings.Contains(got[0], `there is no encoding "utf-88"`) {
		t.Errorf("an encoding that is none: %q", got)
	}
}

// archive packs files as an export comes.
func archive(t *testing.T, names ...string) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, n := range names {
		f, err := w.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, "email\n"+n); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestArchiveIsTakenApart(t *testing.T) {
	t.Parallel()
	names := func(r *bytes.Reader) (list []string, err error) {
		parts, err := enrol.Parts(r, r.Size(), "export.zip")
		for _, p := range parts {
			list = append(list, p.Name)
			in, err := p.Open()
			if err != nil {
				return nil, err
			}
			if err := errors.Join(readAll(in), in.Close()); err != nil {
				return nil, err
			}
		}
		return list, err
	}
	got, err := names(archive(t, "unsubscribed_a.csv", "cleaned_a.CSV", "__MACOSX/._cleaned_a.csv", "readme.txt", "x/subscribed_a.csv"))
	if want := []string{"cleaned_a.CSV", "unsubscribed_a.csv", "x/subscribed_a.csv"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("parts %q, %v, want %q", got, err, want)
	}
	if _, err := names(archive(t, "xl/workbook.xml")); err == nil || !strings.Contains(err.Error(), "save the table as CSV") {
		t.Errorf("a workbook: %v", err)
	}
	if got, err := names(bytes.NewReader([]byte("email\nann@example.org\n"))); err != nil || !slices.Equal(got, []string{"export.zip"}) {
		t.Errorf("a file that is no archive: %q, %v", got, err)
	}
	if _, err := names(bytes.NewReader([]byte("PK\x03\x04 cut"))); err == nil || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("a cut archive: %v", err)
	}
}

func readAll(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// Whatever the bytes, each line is read once: rows and faults stand in order,
// and a row is fit for the database.
func FuzzRoll(f *testing.F) {
	for _, seed := range []string{
		"email,name\nann@example.org,\"Ann\nLee\"\n", "sep=;\nE-Mail;x\na@b.example;\"\n\"\n", "ann@example.org\nbob@example.org",
		"uuid,email,attributes,status\n,a@b.example,\"{\"\"tz\"\":1}\",enabled\n", "\xFF\xFEe\x00m\x00a\x00i\x00l\x00\n\x00a\x00@\x00b\x00.\x00c\x00",
		"Email Address,LEID,EUID,CLEAN_TIME\na@b.example,1,2,\r\nc@d.example,1,2,x\r", "email\tlanguage\tstate\na@b.example\tde\tspam\n", "email\n\"a@b.example\n\"\"\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		r, err := enrol.Open(strings.NewReader(file), options("cleaned_x.csv"))
		if err != nil {
			return
		}
		last := 0
		for end := false; !end; {
			var rows []digest.ImportRow
			var faults []digest.ImportFault
			rows, faults, end = r.Portion(3)
			for _, row := range rows {
				if row.Line < last || row.Line > r.Line() {
					t.Fatalf("line %d behind line %d of %d", row.Line, last, r.Line())
				}
				last = row.Line
				if why := row.Fault(); why != "" {
					t.Fatalf("line %d: %s", row.Line, why)
				}
			}
			for _, f := range faults {
				if f.Why == "" || f.Line < 1 || f.Line > r.Line()+1 {
					t.Fatalf("fault %+v", f)
				}
			}
		}
	})
}

// BenchmarkReadPortion reads a file of 20,000 readers with all columns.
func BenchmarkReadPortion(b *testing.B) {
	var file strings.Builder
	file.WriteString("email,name,time_zone,language,categories,frequency\n")
	for i := range 20_000 {
		fmt.Fprintf(&file, "reader%d@mail%d.example.org,Reader Number %d,Europe/Berlin,de,World;Military,daily\n", i, i%997, i)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		r, err := enrol.Open(strings.NewReader(file.String()), options(""))
		if err != nil {
			b.Fatal(err)
		}
		if rows, _, _ := r.Portion(20_001); len(rows) != 20_000 {
			b.Fatal(len(rows))
		}
	}
}
