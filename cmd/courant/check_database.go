package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"courant/digest"
	"courant/store"
	"courant/store/local"
)

// database looks at the database: the server, its answers, its clock, its
// keys, its readers. It migrates nothing and makes nothing.
func (s *surroundings) database(ctx context.Context) (rows []digest.Finding) {
	defer func() { s.remembered <- nil }() // unless it was told already, nobody waits
	f := digest.Finding{What: "database", Subject: "private"}
	dsn := s.config.Database.reveal()
	if dsn == "" {
		found, err := local.Find(ctx, local.Options{DataDir: s.config.DataDir})
		switch {
		case errors.Is(err, fs.ErrPermission):
			return []digest.Finding{f.Look("its files may not be read by this account", "run check as the account that runs Courant")}
		case err != nil:
			return []digest.Finding{wrongBy(f, err)}
		case !found.Made:
			return []digest.Finding{f.OK(fmt.Sprintf("made at first use, by PostgreSQL %s in %s", found.Version, found.Dir))}
		}
		if err := forgetPostgres(os.Environ()); err != nil {
			return []digest.Finding{wrongBy(f, err)}
		}
		server, err := local.Start(ctx, local.Options{DataDir: s.config.DataDir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return []digest.Finding{wrongBy(f, err)}
		}
		defer func() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			defer cancel()
			if err := server.Close(last); err != nil {
				rows = append(rows, wrongBy(f, err))
			}
		}()
		dsn = server.DSN()
	} else {
		f.Subject = databaseName(dsn)
	}
	db, err := store.Open(ctx, impatient(dsn))
	if err != nil {
		return []digest.Finding{f.Wrong(withoutPasswordOf(dsn, err), "check `database` in "+s.config.File+", and that the server runs and lets this machine in")}
	}
	defer func() {
		if err := db.Close(); err != nil {
			rows = append(rows, wrongBy(f, err))
		}
	}()
	return s.inside(ctx, f, db)
}

// impatient bounds the wait for a server that takes the connection and says
// nothing: the driver asks ctx only before and after.
func impatient(dsn string) string {
	const seconds = "5" // with TLS and without it, both tries end before check does
	u, err := url.Parse(dsn)
	switch {
	case err != nil || u.Scheme == "":
		return dsn + " connect_timeout=" + seconds
	case u.Query().Has("connect_timeout"):
		return dsn
	}
	query := u.Query()
	query.Set("connect_timeout", seconds)
	u.RawQuery = query.Encode()
	return u.String()
}

// wrongBy is a finding of an error whose sentence ends with what to do.
func wrongBy(f digest.Finding, err error) digest.Finding {
	if text, next, ok := strings.Cut(err.Error(), ": install "); ok {
		return f.Wrong(text, "install "+next)
	}
	return f.Wrong(err.Error(), "look at the log in data_dir/postgres, and at who may use that directory")
}

// databaseName is host and name of a database's address, all that may be shown.
func databaseName(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	host := u.Host
	if host == "" {
		host = u.Query().Get("host")
	}
	return strings.TrimSuffix(host+u.Path, "/")
}

// withoutPasswordOf keeps the parts of an address that are secret out of an
// error's words, whoever put them there.
func withoutPasswordOf(dsn string, err error) string {
	text := err.Error()
	u, perr := url.Parse(dsn)
	if perr != nil {
		return "the database's address cannot be read"
	}
	password, _ := u.User.Password()
	for _, word := range []string{password, url.QueryEscape(password), url.PathEscape(password), u.Query().Get("password"), u.Query().Get("sslpassword")} {
		if len(word) > 3 { // a shorter one stands in any sentence by chance
			text = strings.ReplaceAll(text, word, redacted)
		}
	}
	return userPassword.ReplaceAllString(text, "${1}:"+redacted+"@")
}

// inside looks at an open database.
func (s *surroundings) inside(ctx context.Context, f digest.Finding, db *store.Store) []digest.Finding {
	c, err := db.Condition(ctx, s.now)
	if err != nil {
		return []digest.Finding{f.Wrong(withoutPasswordOf(s.config.Database.reveal(), err), "try again; if it stays, look at the server's log")}
	}
	rows := []digest.Finding{databaseFinding(f, c), latencyFinding(c.Latency), clockFinding(c.Ahead)}
	if c.Schema == 0 || c.Schema > c.Known {
		return rows
	}
	if states, err := db.SourceStates(ctx); err == nil {
		s.remembered <- states
	}
	if f, ok := s.keysFinding(ctx, db); ok {
		rows = append(rows, f)
	}
	rows = append(rows, s.adoptionFinding(ctx, db))
	for _, d := range s.config.Digests {
		n, err := db.ActiveReaders(ctx, d)
		rows = append(rows, readersFinding(d, n, err))
	}
	return rows
}

func databaseFinding(f digest.Finding, c store.Condition) digest.Finding {
	text := "PostgreSQL " + strings.Fields(c.Version + " ?")[0]
	switch {
	case c.Place == "":
		return f.Wrong(text+", but the search path leads to no schema", "make the schema, or set search_path of the role to one")
	case c.ReadOnly:
		return f.Wrong(text+", read-only", "set `database` to the server that takes writes, not to a replica")
	case c.Schema > c.Known:
		return f.Wrong(fmt.Sprintf("%s, schema version %d, but this Courant knows %d", text, c.Schema, c.Known), "run the newer Courant that used it before")
	case c.Schema < c.Known && !c.MayMake:
		return f.Wrong(text+", and the role may not make tables in schema "+c.Place, "GRANT CREATE ON SCHEMA "+c.Place+" to the role in `database`")
	}
	switch {
	case c.Schema == 0:
		text += ", no schema yet: made at first use"
	case c.Schema < c.Known:
		return f.Look(fmt.Sprintf("%s, schema version %d of %d", text, c.Schema, c.Known), "`courant migrate` brings it up to date, as any command does that uses the database; back up before")
	default:
		text += fmt.Sprintf(", schema version %d is up to date", c.Schema)
	}
	switch {
	case c.Major < 14:
		return f.Look(text, "change to PostgreSQL 14 or newer; its makers mend nothing older")
	case !c.Durable:
		return f.Look(text+", but a power cut may lose what is committed", "set fsync, full_page_writes and synchronous_commit on, or readers may be mailed twice")
	}
	return f.OK(text)
}

// farDatabase is where the round trips of the intents begin to hold mail up.
const farDatabase = 20 * time.Millisecond

func latencyFinding(d time.Duration) digest.Finding {
	f := digest.Finding{What: "database latency"}
	text := fmt.Sprintf("%.1f ms a round trip", max(0.1, float64(d.Microseconds())/1000))
	if d > farDatabase {
		return f.Look(text, "run Courant nearer to its database: each bundle of mails waits for it")
	}
	return f.OK(text)
}

// Leases run by the database's clock and slots by this machine's, so the two
// must agree.
const (
	clockLook  = 2 * time.Second
	clockWrong = 30 * time.Second
)

func clockFinding(ahead time.Duration) digest.Finding {
	f := digest.Finding{What: "clock"}
	off := ahead.Abs()
	way := "behind"
	if ahead < 0 {
		way = "ahead of"
	}
	text := fmt.Sprintf("%s %s the database's", off.Round(time.Millisecond), way)
	next := "let both machines keep time by NTP (timedatectl set-ntp true)"
	switch {
	case off > clockWrong:
		return f.Wrong(text, next)
	case off > clockLook:
		return f.Look(text, next)
	case off < 100*time.Millisecond:
		return f.OK("agrees with the database's")
	}
	return f.OK(text)
}

// keysFinding says whether the secret file is the database's; not ok when
// there is nothing to say.
func (s *surroundings) keysFinding(ctx context.Context, db *store.Store) (digest.Finding, bool) {
	f := digest.Finding{What: "keys"}
	if s.keysErr != nil && !errors.Is(s.keysErr, os.ErrNotExist) {
		return f, false // told with the file
	}
	known, err := db.KnowsKeys(ctx, s.keys)
	next := "put the secret file of the first host, or of your backup, at " + s.config.SecretFile
	switch {
	case errors.Is(err, store.ErrOtherKeys):
		return f.Wrong("the database was used with another secret_file", next), true
	case err != nil:
		return f.Look(err.Error(), "try again"), true
	case known && s.keys == nil:
		return f.Wrong("the database was used with a secret_file, and there is none here", next), true
	case known:
		return f.OK("secret_file and database belong together"), true
	}
	return f.OK("the database has seen none yet"), true
}

// adoptionFinding says whether this host may send what the database holds.
func (s *surroundings) adoptionFinding(ctx context.Context, db *store.Store) digest.Finding {
	f := digest.Finding{What: "this host"}
	h := &house{config: s.config, store: db}
	var err error
	if h.id, err = db.Installation(ctx); err != nil {
		return f.Look(err.Error(), "try again")
	}
	switch why, err := h.doubt(ctx); {
	case err != nil:
		return f.Look(err.Error(), "try again, as the account that runs Courant")
	case why != "":
		return f.Wrong("not adopted: "+why+"; nothing is sent from here", "courant adopt, once no other Courant sends from the original")
	}
	return f.OK("may send what the database holds")
}

func readersFinding(d digest.Digest, n int, err error) digest.Finding {
	f := digest.Finding{What: "readers", Subject: d.Name}
	switch {
	case err != nil:
		return f.Look(err.Error(), "try again")
	case n == 0:
		return f.Look("nobody gets it yet", "courant readers import FILE --list "+d.Lists[0])
	case n == 1:
		return f.OK("1 active")
	}
	return f.OK(fmt.Sprintf("%d active", n))
}
