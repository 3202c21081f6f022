package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/daypass/daypass/e2e/chain"
)

// chromium is a real browser, and where its pictures go.
type chromium struct {
	ctx   context.Context
	axe   string
	shots string
}

// openChromium starts a browser that ends with the test.
func openChromium(t *testing.T) *chromium {
	t.Helper()
	chain.Need(t, "chromium")
	c := &chromium{axe: chain.Script(t, "axe.min.js"), shots: os.Getenv("DAYPASS_SHOTS")}
	if c.shots == "" {
		c.shots = t.ArtifactDir()
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chain.Path(t, "chromium")), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	c.ctx = ctx
	return c
}

// tab is one person's browser: with cookies, downloads and a clipboard of its
// own, and an ear for whatever the console says.
type tab struct {
	*chromium
	t         *testing.T
	ctx       context.Context
	home      string
	downloads string
	scripts   bool
	drawn     map[string]bool

	mu       sync.Mutex
	said     []string // by the console: errors and warnings
	expected string   // the address that is to answer with an error
}

// open opens a tab at nothing yet. Without scripts, pages run none.
func (c *chromium) open(t *testing.T, home string, scripts bool) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context of its first step
		t.Fatalf("open a tab: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	b := &tab{chromium: c, t: t, ctx: ctx, home: home, downloads: t.TempDir(), scripts: scripts, drawn: map[string]bool{}}
	b.do(chromedp.EmulateViewport(1280, 900))
	messages := chromedp.Console(ctx)
	go func() { // ends with the tab
		for m, err := range messages {
			if err == nil {
				b.hear(m)
			}
		}
	}()
	b.call(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
		return err
	})
	on := true
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: b.profile(), DownloadPath: b.downloads, EventsEnabled: &on,
	}); err != nil {
		t.Fatalf("allow downloads: %v", err)
	}
	return b
}

func (b *tab) profile() cdp.BrowserContextID { return chromedp.FromContext(b.ctx).BrowserContextID }

// hear keeps what should not be said: anything but the news that a page which
// is to answer with an error does so.
func (b *tab) hear(m chromedp.ConsoleMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, _, _ := strings.Cut(m.URL, "?"); m.Source == "network" && b.expected != "" && (m.URL == b.home+b.expected || at == b.home+b.expected) {
		return
	}
	if m.IsException() || m.Type == "error" || m.Type == "warning" || m.Source == "security" {
		b.said = append(b.said, fmt.Sprintf("%s %s: %s (%s)", m.Source, m.Type, withoutTokens(m.Text), m.URL))
	}
}

func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) > 0 {
		b.t.Errorf("the console says:\n%s", strings.Join(b.said, "\n"))
	}
	b.said = nil
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v, at %s", err, b.where())
	}
}

func (b *tab) call(f func(context.Context, *chromedp.Target) error) {
	b.t.Helper()
	b.do(chromedp.Func(f))
}

// ask evaluates an expression in the page, as the developer's console would:
// also where pages may run no script.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%v, at %s", err, b.where())
	}
	return v
}

func (b *tab) where() string {
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	if err != nil {
		return at
	}
	return at + "\n" + withoutTokens(text)
}

// visit opens a path, which must be answered with the status.
func (b *tab) visit(path string, status int64) {
	b.t.Helper()
	b.redirected(path, path, status)
}

// redirected opens a path that leads to another one, which must be answered
// with the status.
func (b *tab) redirected(path, to string, status int64) {
	b.t.Helper()
	if b.expect(""); status >= 400 {
		b.expect(to)
	}
	got, err := chromedp.Run(b.ctx, chromedp.NavigateResponse(b.home+path))
	if err != nil {
		b.t.Fatalf("open %s: %v", path, err)
	}
	if got.Status != status {
		b.t.Fatalf("%s answered %d, want %d: %s", path, got.Status, status, b.where())
	}
	if to != path && ask[string](b, "location.pathname") != to {
		b.t.Fatalf("%s leads elsewhere than to %s: %s", path, to, b.where())
	}
}

// expect lets the console tell of an error with which a page is to answer: at
// a path with its query, or at a path whatever the query.
func (b *tab) expect(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = path
}

// follow clicks on something that leads to another page, whose heading must
// say so.
func (b *tab) follow(selector, heading string) {
	b.t.Helper()
	b.answered(selector, 200, heading)
}

func (b *tab) answered(selector string, status int64, text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	got, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	if err != nil {
		b.t.Fatalf("click on %s: %v, at %s", selector, err, b.where())
	}
	if got.Status != status {
		b.t.Fatalf("%s led to %d, want %d, at %s", selector, got.Status, status, b.where())
	}
	b.says(text)
}

// says fails unless the page shows the texts. Rows that the page spares itself
// until they are in sight show theirs a moment later.
func (b *tab) says(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		shown := `document.body.innerText.includes(` + quoted(text) + `)`
		if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](shown, chromedp.WithPollingTimeout(5*time.Second))); err != nil {
			b.t.Fatalf("the page does not say %q, at %s", text, b.where())
		}
	}
}

// press strikes a key in one event, as a keyboard does: whoever hears it can
// keep it from being typed.
func (b *tab) press(key string) {
	b.t.Helper()
	b.call(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key})
		return err
	})
}

// until waits for a change that a script makes.
func (b *tab) until(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.t.Fatalf("%s never came true: %v, at %s", expression, err, b.where())
	}
}

func (b *tab) count(selector string) int {
	b.t.Helper()
	return ask[int](b, "document.querySelectorAll("+quoted(selector)+").length")
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always marshals
	return string(text)
}

// look is a way in which pages are seen.
type look struct {
	name   string
	scheme string
	width  int64
}

func looks() []look {
	return []look{{"light", "light", 1280}, {"dark", "dark", 1280}, {"narrow", "light", 360}}
}

// examine looks at a page in every way: it must pass axe without a finding,
// need no sideways scrolling, and have its picture taken.
func (b *tab) examine(name string) {
	b.t.Helper()
	if b.drawn[name] {
		b.t.Fatalf("two pages are called %s", name)
	}
	b.drawn[name] = true
	for _, l := range looks() {
		b.dress(l)
		if b.scripts { // axe is a script
			b.accessible(name, l)
		}
		if wide := ask[int](b, "document.documentElement.scrollWidth"); int64(wide) > l.width {
			b.t.Errorf("%s, %s: %d pixels wide", name, l.name, wide)
		}
		picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			b.t.Fatalf("take a picture of %s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(b.shots, name+"-"+l.name+".png"), picture, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	b.dress(looks()[0])
	b.quiet()
}

func (b *tab) dress(l look) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(l.width, 900))
	b.call(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		})
		return err
	})
}

// axeRun names findings by rule and place; what a page says stays in it, for
// it may be a secret.
const axeRun = `axe.run(document).then(r => JSON.stringify({
	passed: r.passes.length,
	found: r.violations.flatMap(v => v.nodes.map(n => v.id + " at " + n.target.join(" ") + ": " + v.help + n.any.map(a => "; " + a.message).join("")))
}))`

func (b *tab) accessible(name string, l look) {
	b.t.Helper()
	if !ask[bool](b, "'axe' in window") {
		ask[bool](b, b.axe+"\n;true")
	}
	var result struct {
		Passed int
		Found  []string
	}
	if err := json.Unmarshal([]byte(ask[string](b, axeRun)), &result); err != nil {
		b.t.Fatal(err)
	}
	if result.Passed < 5 {
		b.t.Errorf("%s, %s: axe passed %d rules only; did it see the page?", name, l.name, result.Passed)
	}
	for _, finding := range result.Found {
		b.t.Errorf("%s, %s: %s", name, l.name, finding)
	}
}

// downloaded clicks on something that leads to a file, and gives its path.
func (b *tab) downloaded(selector string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	b.do(chromedp.Click(chromedp.CSS(selector)))
	for at, err := range progress {
		if err != nil {
			b.t.Fatalf("nothing was downloaded: %v, at %s", err, b.where())
		}
		if at.State == browser.DownloadProgressStateCompleted {
			break
		}
	}
	files := must[[]os.DirEntry](b.t)(os.ReadDir(b.downloads))
	if len(files) != 1 {
		b.t.Fatalf("the download left %d files", len(files))
	}
	return filepath.Join(b.downloads, files[0].Name())
}

// permit decides whether the site may use the clipboard.
func (b *tab) permit(clipboard browser.PermissionSetting) {
	b.t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		if _, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: clipboard, Origin: b.home, BrowserContextID: b.profile(),
		}); err != nil {
			b.t.Fatalf("set the permission %s: %v", name, err)
		}
	}
}
