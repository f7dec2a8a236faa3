package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	dialogs "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// findBrowser looks for a Chromium. A machine without one skips the test,
// which is a failure where CI is set.
func findBrowser(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const want = "the pages are tested in Chromium, and none is on PATH: apt-get install chromium, or sh .ci/need chromium"
	if os.Getenv("CI") != "" {
		t.Fatal(want)
	}
	t.Skip(want)
	return ""
}

// openBrowser starts a browser with an empty profile; it ends with the test.
func openBrowser(t testing.TB) context.Context {
	t.Helper()
	path := findBrowser(t)
	// The default options are headless, with no first run, no sync and no
	// talk in the background. What is left finds no host but this one.
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		// Names and roles as assistive technology is told them.
		chromedp.Flag("enable-blink-features", "ComputedAccessibilityInfo"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // which root can't have
	}
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// visit is one reader at a browser: a window with a profile of its own.
type visit struct {
	*testing.T
	desk   *desk
	hosts  []string // where the browser may go
	spares []string // what may stand in a fault that is none
	ctx    context.Context

	mu       sync.Mutex
	requests []string // what the browser asked for
	faults   []string // what its console said
}

// visit opens a window on the readers' pages.
func (d *desk) visit(t *testing.T, browser context.Context) *visit {
	t.Helper()
	v := openWindow(t, browser, d.listen)
	v.desk = d
	return v
}

// openWindow opens a window. When the test ends the browser must have asked
// nobody but the hosts, kept nothing, and found no fault with what it got.
func openWindow(t *testing.T, browser context.Context, hosts ...string) *visit {
	t.Helper()
	v := &visit{T: t, hosts: hosts}
	window, closeWindow := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(v.hear))
	t.Cleanup(closeWindow)
	v.ctx = window
	// The first call binds the window's life to its context, so it has no
	// deadline. Violations of a policy are issues of the audits.
	if _, err := chromedp.Call(window, audits.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.checkManners)
	return v
}

// hear runs on the goroutine that reads from the browser.
func (v *visit) hear(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		v.requests = append(v.requests, e.Request.URL)
	case *log.EventEntryAdded:
		v.faults = append(v.faults, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *audits.EventIssueAdded:
		issue, err := json.Marshal(e.Issue)
		v.faults = append(v.faults, fmt.Sprintf("issue %s %v", issue, err))
	case *dialogs.EventJavascriptDialogOpening:
		v.faults = append(v.faults, "a dialog says "+e.Message)
	case *runtime.EventExceptionThrown:
		v.faults = append(v.faults, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		v.faults = append(v.faults, fmt.Sprintf("console %s %v", e.Type, e.Args))
	}
}

func (v *visit) checkManners() {
	profile := chromedp.FromContext(v.ctx).BrowserContextID
	kept, err := chromedp.CallBrowser(v.ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: profile})
	if err != nil || len(kept.Cookies) > 0 {
		v.Errorf("cookies: %v, %v", kept.Cookies, err)
	}
	v.mu.Lock() // only now: hear takes it before an answer can come
	defer v.mu.Unlock()
	for _, address := range v.requests {
		if u, err := url.Parse(address); err != nil || !slices.Contains(v.hosts, u.Host) {
			v.Errorf("the browser was sent to %s", address)
		}
	}
	for _, fault := range v.faults {
		// A forged link or a form without a tick is refused, as it should be.
		if !slices.ContainsFunc(append(v.spares, "responded with a status of 40"), func(spared string) bool { return strings.Contains(fault, spared) }) {
			v.Error(fault)
		}
	}
}

// patience bounds a step that waits for something that never comes.
const patience = 30 * time.Second

// do drives the browser.
func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.Fatal(err)
	}
}

// load does what leads to a page, waits for it, and gives its status.
func (v *visit) load(steps ...chromedp.Action[chromedp.Void]) int64 {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		v.Fatal(err)
	}
	return response.Status
}

func (v *visit) open(link string) int64 {
	v.Helper()
	return v.load(chromedp.Navigate(link))
}

// press clicks the button that stands for an act.
func (v *visit) press(act string) int64 {
	v.Helper()
	return v.load(chromedp.Click(button(act)))
}

func button(act string) chromedp.CSS { return chromedp.CSS(`button[value="` + act + `"]`) }

// ask evaluates an expression in the page.
func ask[T any](v *visit, expression string) T {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		v.Fatalf("%s: %v", tail(expression, 200), err)
	}
	return answer
}

// wants holds what the page says against what it must say.
func (v *visit) wants(said ...string) {
	v.Helper()
	text := ask[string](v, `document.body.innerText`)
	for _, want := range said {
		if !strings.Contains(oneLine(text), want) {
			v.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
}

// acts are the values of the buttons on the page, in order.
func (v *visit) acts() string {
	v.Helper()
	return strings.Join(ask[[]string](v, `[...document.querySelectorAll("button")].map(b => b.value)`), " ")
}

// look is a window and a palette to see a page in.
type look struct {
	name   string
	width  int64
	scheme string
}

// looks ends with the one that stories go on in.
func looks() []look {
	return []look{{"phone-light", 320, "light"}, {"phone-dark", 320, "dark"}, {"desktop-dark", 1280, "dark"}, {"desktop-light", 1280, "light"}}
}

func (v *visit) see(l look) {
	v.Helper()
	var phone []chromedp.EmulateViewportOption
	if l.width < 600 {
		phone = append(phone, chromedp.EmulateMobile, chromedp.EmulatePortrait)
	}
	v.do(chromedp.EmulateViewport(l.width, 800, phone...), chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		})
		return err
	}))
}

// sound looks at the page on a phone and on a desk, by day and by night, and
// reports what testdata/audit.js finds. Where COURANT_GALLERY names a directory
// it leaves pictures there.
func (v *visit) sound(name string) {
	v.Helper()
	for _, l := range looks() {
		v.see(l)
		v.audit(name + " " + l.name)
		if dir := os.Getenv("COURANT_GALLERY"); dir != "" {
			v.picture(filepath.Join(dir, name+"-"+l.name+".png"))
		}
	}
}

func (v *visit) audit(what string) {
	v.Helper()
	script, err := os.ReadFile("testdata/audit.js")
	if err != nil {
		v.Fatal(err)
	}
	mail, tool := strings.HasPrefix(what, "view"), strings.HasPrefix(what, "inbox")
	desk := strings.HasPrefix(what, "inbox-preview")
	for _, fault := range ask[[]string](v, fmt.Sprintf("%s({mail: %v, tool: %v, desk: %v})", bytes.TrimSpace(script), mail, tool, desk)) {
		v.Errorf("%s: %s", what, fault)
	}
}

func (v *visit) picture(path string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		v.Fatal(err)
	}
}
