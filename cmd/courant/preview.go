package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/enrol"
	"courant/digest/explain"
	"courant/digest/publish"
	"courant/digest/render"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

// previewed is what was asked of a preview.
type previewed struct {
	digest string
	at     string // --at; empty: the next slot
	reader string // --for; empty: everybody
	dir    string // --out; empty: a page
	port   int
}

func (p *program) previewCommand() *cobra.Command {
	var o previewed
	c := &cobra.Command{
		Use:   "preview DIGEST",
		Short: "Show the coming edition in a browser, or as .eml, .html and .txt files",
		Long: `Show the coming edition of a digest as the mails it would be, from the articles
that are here now: on a page of this machine until Ctrl-C, made anew whenever
the page is loaded, or with --out as files. Nothing is published or sent and no
row changes. The links to a reader's pages belong to nobody.

Without --for the digest's own choice comes first, then what other groups of
readers would get. With --for it is the mail of one reader, or the reason why
there would be none; any other address gets what a new reader would.`,
		Example: "  courant preview morning\n  courant preview morning --at 07:00 --for ann@example.org\n  courant preview morning --out proofs",
		Args:    arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			o.digest = args[0]
			if o.port < 0 || o.port > 65535 {
				return misuse{errors.New("--port takes a number from 0 to 65535; 0 is any that is free")}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.preview(c.Context(), h, o) })
		},
	}
	c.Flags().StringVar(&o.at, "at", "", "the slot at or after this `TIME`: 2026-11-23, \"2026-11-23 07:00\", 07:00, or RFC 3339")
	c.Flags().StringVar(&o.reader, "for", "", "what the reader with this `ADDRESS` would get")
	c.Flags().StringVar(&o.dir, "out", "", "write files into this `DIR` instead of serving a page")
	c.Flags().IntVar(&o.port, "port", 0, "the `PORT` of the page; 0: any that is free")
	return c
}

func (p *program) preview(ctx context.Context, h *house, o previewed) error {
	stop := showProgress(ctx, p.stderr, func() string { return "looking who would get it" })
	v, err := h.outlook(ctx, o)
	stop()
	if err != nil {
		return err
	}
	if o.dir == "" {
		return p.servePreview(ctx, h, v, o)
	}
	pull, err := v.pull(ctx, h, h.config.URL)
	if err != nil {
		return err
	}
	said := pull.said
	if said.Mails, err = writeMails(o, pull); err != nil {
		return err
	}
	return explain.WritePreview(p.stdout, said, p.look())
}

// outlook is a coming edition, and for whom it is looked at.
type outlook struct {
	digest   digest.Digest
	order    digest.Order
	local    time.Time // when it goes out
	notes    []string
	reader   digest.Reader // zero: nobody in particular
	account  digest.Account
	stranger string          // --for, where it is no reader's
	material digest.Material // the groups of which stay
	composer *publish.Composer
}

// outlook finds the slot and the reader that were asked for, and the readers
// who would get the edition: the part that takes time where they are many.
func (h *house) outlook(ctx context.Context, o previewed) (*outlook, error) {
	d, err := h.config.digestNamed(o.digest)
	if err != nil {
		return nil, err
	}
	v := &outlook{digest: d, composer: new(publish.Composer)}
	if err := v.findReader(ctx, h, o.reader); err != nil {
		return nil, err
	}
	if err := v.findSlot(ctx, h, o.at); err != nil {
		return nil, err
	}
	switch {
	case v.reader.ID != 0:
		v.material, err = h.store.MaterialFor(ctx, v.order, v.reader.ID)
	case v.stranger != "":
		// Nobody has this id: no readers are counted, which is quick.
		v.material, err = h.store.MaterialFor(ctx, v.order, 0)
	default:
		v.material, err = h.store.Material(ctx, v.order)
	}
	return v, err
}

func (v *outlook) findReader(ctx context.Context, h *house, address string) error {
	if address == "" {
		return nil
	}
	clean, err := enrol.Address(address)
	if err != nil {
		return misuse{fmt.Errorf("--for %s: %w", address, err)}
	}
	now := h.now()
	v.account, err = h.store.Why(ctx, h.keys.AddressHash(clean), now, now)
	switch {
	case errors.Is(err, digest.ErrNotFound):
		v.stranger = clean
		return nil
	case err != nil:
		return err
	}
	if a := v.account; len(a.Subscriptions) == 0 && !a.Erased && a.LeftAt.IsZero() && a.Suppressed == "" {
		// On no list ever: the row is there for a proof.
		v.account, v.stranger = digest.Account{}, clean
		return nil
	}
	v.reader = v.account.Reader
	v.reader.Address = clean // an erased reader has none any more
	return nil
}

// findSlot orders the edition of the slot that was asked for, or of now where
// the digest has no schedule.
func (v *outlook) findSlot(ctx context.Context, h *house, at string) error {
	zone, err := v.zone(ctx, h)
	if err != nil {
		return err
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("load the zone of %s: %w", v.digest.Name, err)
	}
	now := h.now()
	if v.digest.Schedule == "" {
		return v.orderNow(h, at, now.In(loc))
	}
	t, err := schedule.Parse(v.digest, zone)
	if err != nil {
		return err
	}
	from := now
	if at != "" {
		if from, err = readAt(at, now, loc); err != nil {
			return misuse{fmt.Errorf("--at %w; %s", err, slotsToCome(t, now, loc))}
		}
	}
	next, _, found := v.slot(t, now, loc)
	slot, passed, there := v.slot(t, from.Add(-time.Nanosecond), loc) // one at that very moment counts
	if !found || !there {
		return misuse{fmt.Errorf("%s has no slot to come from %s on that is not skipped; %s", v.digest.Name, cmp.Or(at, "now"), slotsToCome(t, now, loc))}
	}
	if passed != "" {
		v.notes = append(v.notes, passed)
	}
	if slot.Instant.After(next.Instant) {
		v.notes = append(v.notes, fmt.Sprintf("what is here now goes out on %s; this edition will carry what comes in later", shortly(next, loc)))
	}
	if r := schedule.Remark(slot); r != "" {
		v.notes = append(v.notes, r)
	}
	v.local = slot.Instant.In(loc)
	// The window is that of the next edition: it is shown with what is here.
	v.order, err = h.publisher().Order(digest.Order{Digest: v.digest, Kind: digest.KindSlot, Slot: slot, Known: v.composer.Known}, next.Instant)
	return err
}

// orderNow orders what send would publish of a digest without a schedule.
func (v *outlook) orderNow(h *house, at string, now time.Time) (err error) {
	if at != "" {
		return misuse{fmt.Errorf("--at %s: %s has no schedule; leave --at out to see what `courant send %[2]s` would send now", at, v.digest.Name)}
	}
	v.local = now
	v.order, err = h.publisher().Order(digest.Order{Digest: v.digest, Kind: digest.KindExtra, Known: v.composer.Known}, now)
	return err
}

// zone is whose clock the edition goes by: the digest's, or in a digest of
// readers' zones the reader's or the one whose slot comes next.
func (v *outlook) zone(ctx context.Context, h *house) (string, error) {
	if v.digest.TimeZone != digest.ZoneReader {
		return cmp.Or(v.digest.TimeZone, "UTC"), nil
	}
	home := cmp.Or(v.digest.HomeZone, "UTC")
	zones, err := h.store.ReaderZones(ctx, v.digest)
	if err != nil {
		return "", err
	}
	switch {
	case slices.Contains(zones, v.reader.Zone):
		return v.reader.Zone, nil
	case v.reader.ID != 0 || len(zones) == 0 || slices.Contains(zones, home):
		zones = []string{home}
	}
	t, err := schedule.Parse(v.digest, zones...)
	if err != nil {
		return "", err
	}
	next := t.Next(1, h.now())
	if len(next) == 0 {
		return home, nil
	}
	if v.reader.ID == 0 {
		v.notes = append(v.notes, "this is the edition for readers in "+next[0].Zone+"; `--for` shows another zone's")
	}
	return next[0].Zone, nil
}

// slotsAhead is how many slots are looked through for one that is not skipped.
const slotsAhead = 400

// slot is the first one after an instant that the config does not leave out,
// and what is to be said of one that it does.
func (v *outlook) slot(t schedule.Timetable, after time.Time, loc *time.Location) (slot digest.Slot, passed string, found bool) {
	for _, slot := range t.Next(slotsAhead, after) {
		slot = skipped(v.digest, slot)
		if slot.State != digest.SlotSkipped {
			return slot, passed, true
		}
		if passed == "" {
			passed = fmt.Sprintf("nothing goes out on %s: %s", shortly(slot, loc), slot.Reason)
		}
	}
	return slot, passed, false
}

func shortly(s digest.Slot, loc *time.Location) string {
	return s.Instant.In(loc).Format("Mon 2 January 2006, 15:04")
}

// slotsToCome names some, for someone who missed.
func slotsToCome(t schedule.Timetable, now time.Time, loc *time.Location) string {
	var list []string
	for _, s := range t.Next(3, now) {
		list = append(list, s.Instant.In(loc).Format("2006-01-02 15:04"))
	}
	if len(list) == 0 {
		return "its schedule has none"
	}
	return "the next slots are " + strings.Join(list, ", ")
}

// readAt reads --at, which must not have passed.
func readAt(s string, now time.Time, loc *time.Location) (time.Time, error) {
	at, err := readTime(strings.TrimSpace(s), now, loc)
	if err == nil && at.Before(now.Truncate(time.Minute)) {
		err = fmt.Errorf("%s has passed, and a preview shows what is to come", s)
	}
	return at, err
}

// readTime reads a moment, a local day or minute, or the next time the clock
// shows a time of day.
func readTime(s string, now time.Time, loc *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, nil
		}
	}
	today := now.In(loc)
	if t, err := time.ParseInLocation(time.DateOnly, s, loc); err == nil {
		if digest.DateOf(t) == digest.DateOf(today) {
			return now, nil // what is left of today
		}
		return t, nil
	}
	clock, err := time.Parse("15:04", s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time: use 2026-11-23, \"2026-11-23 07:00\", 07:00, or 2026-11-23T07:00:00+01:00", s)
	}
	y, m, d := today.Date()
	t := time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, loc)
	if t.Before(now) {
		t = time.Date(y, m, d+1, clock.Hour(), clock.Minute(), 0, 0, loc)
	}
	return t, nil
}

// pull is one pull of the press: the mails an outlook comes to.
type pull struct {
	said  explain.Preview
	mails []pulled // beside said.Mails
}

// pulled is a mail that nobody gets.
type pulled struct {
	message *render.Message
	to      digest.Recipient
	edition digest.Edition
	variant digest.Variant
}

// pull composes and renders what the outlook's material makes. Links to pages
// begin with base.
func (v *outlook) pull(ctx context.Context, h *house, base string) (pull, error) {
	out := pull{said: explain.Preview{Digest: v.digest.Name, Title: v.digest.Title, Local: v.local, Zone: v.local.Location().String(), Notes: slices.Clone(v.notes)}}
	e := v.material.Edition
	if v.material.Answered {
		out.said.Answered(e)
		return out, nil
	}
	if e.Published.Before(e.Instant) {
		e.Published = e.Instant // as it will be: the Date of its mails, and when a reader's choices count
	}
	shown, err := v.composer.Preview(v.material)
	if err != nil {
		return out, err
	}
	r, err := h.previewRenderer(base)
	if err != nil {
		return out, err
	}
	variants := make([]explain.Variant, len(shown))
	for i, s := range shown {
		variants[i] = explain.Variant{Own: s.Variant.Default, Readers: s.Readers, Reason: s.Variant.Reason, LeftOut: s.LeftOut}
	}
	for _, i := range out.said.Choose(variants, v.who(e)) {
		m, err := r.Render(e, shown[i].Variant)
		if err != nil {
			return out, err
		}
		to := v.recipient(h.keys.Current)
		out.mails = append(out.mails, pulled{m, to, e, shown[i].Variant})
		mail := explain.PreviewMail{
			Subject: m.Subject, Readers: shown[i].Readers, Own: variants[i].Own, Language: shown[i].Variant.Language,
			Only: shown[i].Variant.Categories, Articles: m.Shown,
		}
		if v.address() != "" {
			mail.For, mail.Own = v.address(), false
		}
		out.said.Mails = append(out.said.Mails, mail)
	}
	return out, nil
}

// address is the one that was asked for.
func (v *outlook) address() string { return cmp.Or(v.reader.Address, v.stranger) }

// who is whose preview it is.
func (v *outlook) who(e digest.Edition) explain.Who {
	w := explain.Who{Address: v.address(), Reader: v.reader.ID != 0}
	if w.Reader {
		w.Missed = v.account.Missed(digest.Entry{Edition: e, Lists: v.digest.Lists})
	}
	return w
}

// recipient is whom the personal parts name. The delivery is nobody's: no row
// has its id, so a click on a link changes nothing and its page says so.
func (v *outlook) recipient(key byte) digest.Recipient {
	to := digest.Recipient{Digest: v.digest.Name, KeyID: key}
	to.Address = cmp.Or(v.address(), "reader@preview.invalid")
	to.Name = v.reader.Name
	to.Since, to.First = v.account.Began(v.digest.Lists, v.material.Firsts)
	for _, c := range v.account.Choices {
		if c.Digest != v.digest.Name {
			continue
		}
		to.Weekly = c.Frequency == digest.Weekly
		if to.Since.IsZero() {
			to.Since = c.Since
		}
	}
	return to
}

// previewRenderer makes mails whose Message-IDs nobody takes for sent ones.
func (h *house) previewRenderer(base string) (*render.Renderer, error) {
	c := h.renderConfig()
	c.URL, c.MessageDomain = base, "preview.invalid"
	return render.New(c)
}
