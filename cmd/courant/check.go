package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

func (p *program) checkCommand() *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Say whether the config is right, and when what is sent",
		Long: `Say whether the config is right: all faults at once, each with its line. Then
the next five slots of each digest, in local time and UTC, with a remark where
the clock changes.

With --live also what lies outside the file: the database, the login at each
relay, the sender's DNS records and the public address.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return p.check(c.Context(), live) },
	}
	c.Flags().BoolVar(&live, "live", false, "also try database, relays, DNS and public address")
	return c
}

func (p *program) check(ctx context.Context, live bool) error {
	p.verbose = false // the warnings are told below
	c, warnings, err := loadConfig(p.configFile, p.env, p.hooks())
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: right (sources: %d, lists: %d, digests: %d)\n", c.File, len(c.Sources), len(c.Lists), len(c.Digests))
	for _, w := range warnings {
		fmt.Fprintln(p.stdout, "warning:", w)
	}
	for _, note := range c.notHeeded() {
		fmt.Fprintln(p.stdout, "note:", note)
	}
	for _, d := range c.Digests {
		p.showSlots(d)
	}
	if !live {
		return nil
	}
	return p.checkLive(ctx, c)
}

// notHeeded names what the config asks for and this Courant does not do yet.
func (c Config) notHeeded() (notes []string) {
	if c.ReceiveListen != "" {
		notes = append(notes, "receive.listen is not heeded yet: returned mail comes by `courant bounce`")
	}
	for _, l := range c.Lists {
		if l.Confirm {
			notes = append(notes, fmt.Sprintf("lists.%s.confirm is not heeded yet: there is no sign-up form, and imported readers are active at once", l.Name))
		}
	}
	for _, r := range c.Relays {
		if r.Weight > 1 {
			notes = append(notes, "smtp.weight is not heeded yet: every relay takes what its connections can")
			break
		}
	}
	return notes
}

// showSlots prints the next slots of a digest.
func (p *program) showSlots(d digest.Digest) {
	if d.Schedule == "" {
		fmt.Fprintf(p.stdout, "\n%s (%s), no schedule: it goes out by `courant send %s`\n", d.Name, d.Title, d.Name)
		return
	}
	fmt.Fprintf(p.stdout, "\n%s (%s), %q %s\n", d.Name, d.Title, d.Schedule, d.TimeZone)
	for _, w := range schedule.Warnings(d.Schedule) {
		fmt.Fprintln(p.stdout, "  warning:", w)
	}
	t, err := schedule.Parse(d)
	if err != nil {
		fmt.Fprintln(p.stdout, "  ", err)
		return
	}
	for _, s := range t.Next(5, p.now()) {
		fmt.Fprintf(p.stdout, "  %s  %s%s\n", localTime(s), s.Instant.UTC().Format("2006-01-02 15:04 UTC"), slotRemark(d, s))
	}
}

func localTime(s digest.Slot) string {
	loc, err := time.LoadLocation(s.Zone)
	if err != nil {
		loc = time.UTC
	}
	return s.Instant.In(loc).Format("Mon 2006-01-02 15:04 MST")
}

// slotRemark says what is special about a slot.
func slotRemark(d digest.Digest, s digest.Slot) string {
	var remarks []string
	for _, r := range d.Skip {
		if r.Contains(s.LocalDate) {
			remarks = append(remarks, fmt.Sprintf("skipped: %s..%s in the config", r.From, r.To))
		}
	}
	if r := schedule.Remark(s); r != "" {
		remarks = append(remarks, r)
	}
	if len(remarks) == 0 {
		return ""
	}
	return "  (" + strings.Join(remarks, "; ") + ")"
}

// finding is one line of check --live.
type finding struct {
	what string
	err  error
}

// checkLive tries what lies outside the file and tells all of it.
func (p *program) checkLive(ctx context.Context, c Config) error {
	findings := []finding{{"database", p.with(ctx, p.quiet(), func(h *house) error { return h.store.Ping(ctx) })}}
	for _, r := range c.relays() {
		conn, o := r.Dial(ctx)
		f := finding{what: "relay " + r.Name}
		if conn == nil {
			f.err = errors.New(o.String())
		} else {
			conn.Close()
		}
		findings = append(findings, f)
	}
	if !c.onlyLoopback() {
		findings = append(findings, c.checkDNS(ctx)...)
	}
	findings = append(findings, finding{"public address " + c.URL, checkPublicAddress(ctx, c.URL)})
	fmt.Fprintln(p.stdout)
	bad := 0
	for _, f := range findings {
		if f.err == nil {
			fmt.Fprintf(p.stdout, "ok      %s\n", f.what)
			continue
		}
		bad++
		fmt.Fprintf(p.stdout, "WRONG   %s: %v\n", f.what, f.err)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d things outside the config are not right", bad, len(findings))
	}
	return nil
}

// checkDNS looks for the records without which mailbox providers refuse bulk
// mail: SPF (RFC 7208) of the envelope sender's domain, DMARC (RFC 7489) of
// the sender's, and the DKIM keys.
func (c Config) checkDNS(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	from := digest.Domain(c.From.Address)
	envelope := from
	if c.ReturnPath != "" {
		envelope = c.ReturnPath
	}
	findings := []finding{
		{"SPF of " + envelope, lookTXT(ctx, envelope, "v=spf1", "publish a TXT record like \"v=spf1 a mx include:your-relay ~all\"")},
		{"DMARC of " + from, lookTXT(ctx, "_dmarc."+from, "v=dmarc1", "publish a TXT record at _dmarc."+from+" like \"v=DMARC1; p=none\"")},
	}
	signer, err := c.signer()
	if err != nil || signer == nil {
		return append(findings, finding{"DKIM keys", err})
	}
	records, err := signer.Records()
	if err != nil {
		return append(findings, finding{"DKIM keys", err})
	}
	for _, r := range records {
		findings = append(findings, finding{"DKIM at " + r.Name, lookTXT(ctx, r.Name, strings.ToLower(r.Text), "publish the TXT record "+r.Text)})
	}
	return findings
}

// lookTXT wants a TXT record that begins so, in whatever case.
func lookTXT(ctx context.Context, name, begins, advice string) error {
	records, err := net.DefaultResolver.LookupTXT(ctx, name)
	if err != nil {
		return fmt.Errorf("%w; %s", err, advice)
	}
	for _, r := range records {
		if strings.HasPrefix(strings.ToLower(r), begins) {
			return nil
		}
	}
	return fmt.Errorf("no such record; %s", advice)
}

// checkPublicAddress asks the address that mails will link to whether Courant
// answers there.
func checkPublicAddress(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("ask the public address: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("nobody answers (%w); `courant serve` must run and the proxy must lead to `listen`", err)
	}
	defer resp.Body.Close() // nothing is read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s where Courant would say 200; lead the proxy to `listen`", resp.Status)
	}
	return nil
}
