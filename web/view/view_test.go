package view

import (
	"bytes"
	"compress/gzip"
	"context"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a-h/templ"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func eachPage(t *testing.T, f func(t *testing.T, p page, html string)) {
	for _, p := range samples() {
		t.Run(p.name, func(t *testing.T) { f(t, p, render(t, p.draw(p.model))) })
	}
}

var (
	tags   = regexp.MustCompile(`<[a-zA-Z][^<>]*>`)
	values = regexp.MustCompile(`"[^"]*"`)
	attr   = regexp.MustCompile(`\s([a-z-]+)="([^"]*)"`)
)

// attributes are the values of one attribute, in order.
func attributes(page, name string) (out []string) {
	for _, tag := range tags.FindAllString(page, -1) {
		for _, m := range attr.FindAllStringSubmatch(tag, -1) {
			if m[1] == name {
				out = append(out, html.UnescapeString(m[2]))
			}
		}
	}
	return out
}

// names are the pages' tags with the attributes' names but not their values.
func names(page string) (out []string) {
	for _, tag := range tags.FindAllString(page, -1) {
		out = append(out, values.ReplaceAllString(tag, `""`))
	}
	return out
}

var poisons = map[string]string{
	"a script":        `"'><script>alert(1)</script>`,
	"a handler":       `" onmouseover="alert(1)" style="color:red" x="`,
	"a single quote":  `' onload='alert(1)`,
	"a comment":       `--><!-- ]]> </textarea></title></pre>`,
	"unicode":         "‮ tücke 名前 \u0000 \u2028",
	"a templ pattern": "{ children... } {{ .X }} ${x} `y`",
}

func TestHostileTextChangesNoTag(t *testing.T) {
	for what, poison := range poisons {
		t.Run(what, func(t *testing.T) {
			for _, p := range samples() {
				want := names(render(t, p.draw(poisoned(p.model, "x"))))
				fresh := again(t, p.name)
				got := names(render(t, fresh.draw(poisoned(fresh.model, poison))))
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: tags differ (-harmless +hostile):\n%s", p.name, d)
				}
			}
		})
	}
}

// again gives a sample that nobody has poisoned: slices are shared by copies.
func again(t *testing.T, name string) page {
	t.Helper()
	for _, p := range samples() {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("no sample is named %s", name)
	return page{}
}

func TestAHostileAddressIsNoLink(t *testing.T) {
	m := someClusters()
	m.Rows[0].URL = "javascript:alert(1)"
	page := render(t, ClustersPage(m))
	if strings.Contains(page, "javascript:") {
		t.Error("the page links to javascript:")
	}
}

func TestNoPageHasInlineScriptStyleOrHandler(t *testing.T) {
	handler := regexp.MustCompile(`\son[a-z]+=`)
	eachPage(t, func(t *testing.T, p page, html string) {
		for _, tag := range names(html) {
			if strings.Contains(tag, " style=") || handler.MatchString(tag) || strings.HasPrefix(tag, "<style") {
				t.Errorf("%s breaks a strict policy", tag)
			}
		}
		if n := strings.Count(html, "<script"); n != 1 || !strings.Contains(html, `<script src="/assets/daypass.js" defer></script>`) {
			t.Errorf("%d scripts, want the one that is loaded", n)
		}
	})
}

func TestPagesAskNobodyElse(t *testing.T) {
	eachPage(t, func(t *testing.T, p page, html string) {
		for _, name := range []string{"href", "src", "action"} {
			for _, url := range attributes(html, name) {
				if !strings.HasPrefix(url, "/") && !strings.HasPrefix(url, "#") || strings.HasPrefix(url, "//") {
					t.Errorf("%s=%q leaves this site", name, url)
				}
			}
		}
	})
}

func TestEveryReferenceOnAPageIsMet(t *testing.T) {
	eachPage(t, func(t *testing.T, p page, html string) {
		ids := map[string]bool{}
		for _, id := range attributes(html, "id") {
			if ids[id] {
				t.Errorf("the ID %q is there twice", id)
			}
			ids[id] = true
		}
		for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "data-copy-text", "data-select", "data-filter"} {
			for _, id := range attributes(html, name) {
				if !ids[id] {
					t.Errorf("%s=%q points at nothing", name, id)
				}
			}
		}
		for _, url := range attributes(html, "href") {
			if id, ok := strings.CutPrefix(url, "#"); ok && !ids[id] {
				t.Errorf("the link %s points at nothing", url)
			}
		}
	})
}

func TestEveryPageHasOneHeadingATitleAndAWayPastTheHeader(t *testing.T) {
	eachPage(t, func(t *testing.T, p page, html string) {
		for _, once := range []string{"<h1", "<main ", "<title>", `class="skip"`, "<header", "<footer"} {
			if n := strings.Count(html, once); n != 1 {
				t.Errorf("%s is there %d times, want once", once, n)
			}
		}
	})
}

func TestChangesArePosts(t *testing.T) {
	posts := map[string]bool{"/sign-out": true}
	for _, url := range []string{"download", "copy", "show", "renew", "end"} {
		posts["/leases/ls_1/"+url] = true
	}
	eachPage(t, func(t *testing.T, p page, html string) {
		for _, url := range attributes(html, "href") {
			if posts[url] {
				t.Errorf("%s is a link", url)
			}
		}
		for _, tag := range tags.FindAllString(html, -1) {
			if strings.HasPrefix(tag, "<form") && !strings.Contains(tag, `method="post"`) && !strings.Contains(tag, `method="get"`) {
				t.Errorf("%s does not say how it is sent", tag)
			}
		}
	})
}

func TestOnlyTheShownPageHoldsTheSecret(t *testing.T) {
	eachPage(t, func(t *testing.T, p page, html string) {
		if got, want := strings.Contains(html, fakeToken), p.name == "shown"; got != want {
			t.Errorf("holds the token: %v, want %v", got, want)
		}
	})
}

func TestNoPageSaysThatATokenCanBeRevoked(t *testing.T) {
	eachPage(t, func(t *testing.T, p page, html string) {
		if strings.Contains(strings.ToLower(html), "revoke") {
			t.Error("the page says revoke")
		}
	})
}

func TestTheEndDateIsOnEveryPageOfAContractor(t *testing.T) {
	f := contractor(framed("x", NavClusters))
	for name, c := range map[string]templ.Component{
		"clusters": ClustersPage(Clusters{Frame: f}), "access": AccessPage(Access{Frame: f}), "lease": KubeconfigPage(leaseWith(func(k *Kubeconfig) { k.Frame = f })),
	} {
		if !strings.Contains(render(t, c), `your access ends <time datetime="2026-11-30T14:19:00Z"`) {
			t.Errorf("%s does not tell the end date", name)
		}
	}
}

func TestAnActiveBreakGlassIsOnEveryPage(t *testing.T) {
	page := render(t, AccessPage(Access{Frame: alarmed(framed("x", NavAccess))}))
	for _, want := range []string{"Break-glass is active:", "payments-prod as admin", `href="/leases/ls_1"`, "42 min left"} {
		if !strings.Contains(page, want) {
			t.Errorf("the banner lacks %q", want)
		}
	}
}

func TestOnlyAuditorsAreLedToTheAuditLog(t *testing.T) {
	for is, want := range map[bool]bool{true: true, false: false} {
		f := framed("x", NavClusters)
		f.IsAuditor = is
		page := render(t, ClustersPage(Clusters{Frame: f}))
		if got := strings.Contains(page, `href="/audit"`); got != want {
			t.Errorf("auditor %v: led there %v", is, got)
		}
	}
}

func TestAnEndedLeaseTellsTheTruth(t *testing.T) {
	page := render(t, KubeconfigPage(leaseWith(closed(Ended, -time.Minute))))
	for _, want := range []string{"Ended at", "may work until", "14:32 UTC", "API server", "may go on"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"Renew", "End now", "Download", "Copy"} {
		if strings.Contains(page, ">"+not+"<") {
			t.Errorf("the page offers %s", not)
		}
	}
}

func TestATokenMayWorkForLongerThanWasPromised(t *testing.T) {
	k := leaseWith(closed(Ended, -time.Minute))
	for now, want := range map[time.Time]bool{k.Token.Until: true, k.Token.Latest.Add(-time.Second): true, k.Token.Latest: false} {
		k.Now = now
		if got := strings.Contains(render(t, KubeconfigPage(k)), "may work until"); got != want {
			t.Errorf("at %s: says so %v, want %v", now.Format(time.TimeOnly), got, want)
		}
	}
}

func TestWhatWasTypedIsKeptBesideItsError(t *testing.T) {
	m := wrongCluster()
	m.Reason = "  </textarea> as typed\n"
	page := render(t, ClusterPage(m))
	if !strings.Contains(page, ">"+html.EscapeString(m.Reason)+"</textarea>") {
		t.Error("the reason is lost")
	}
	if !regexp.MustCompile(`<textarea id="reason"[^>]*aria-invalid="true" aria-describedby="reason-error"`).MatchString(page) {
		t.Error("the field does not point at its error")
	}
	if !strings.Contains(page, `value="editor" required checked`) {
		t.Error("the chosen role is lost")
	}
}

func TestTheFilterHidesWhatLacksAWord(t *testing.T) {
	m := someClusters()
	for query, want := range map[string]int{"": 4, "prod": 2, "PROD eu-west-1": 1, "team=billing": 1, "nowhere": 0} {
		m.Query = query
		page := render(t, ClustersPage(m))
		if got := len(regexp.MustCompile(`<li data-text=`).FindAllString(page, -1)); got != want {
			t.Errorf("%q shows %d clusters, want %d", query, got, want)
		}
	}
}

func TestTimesAreInAsFewWordsAsAreClear(t *testing.T) {
	f := Frame{Now: noon}
	for want, when := range map[string]time.Time{
		"14:32 UTC": in(13 * time.Minute), "13 Nov 00:19 UTC": in(10 * time.Hour), "1 Jan 2027 14:19 UTC": in(50 * 24 * time.Hour),
	} {
		if got := f.at(when); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSpansNeverPromiseMoreThanThereIs(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"less than a minute": 59 * time.Second, "1 min": 119 * time.Second, "13 min": 13*time.Minute + 59*time.Second,
		"1 h": time.Hour, "3 h 47 min": 227*time.Minute + 59*time.Second, "47 h 59 min": 48*time.Hour - time.Second, "18 d": 18 * 24 * time.Hour,
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestAFileNameIsOneWordForTheShell(t *testing.T) {
	for name, want := range map[string]string{
		"a-b.viewer.yaml": "a-b.viewer.yaml", "a b": "'a b'", "a$(id)b": "'a$(id)b'", "it's": `'it'\''s'`, "": "", "ü": "'ü'",
	} {
		if got := quoted(name); got != want {
			t.Errorf("%q is quoted %s, want %s", name, got, want)
		}
	}
}

// A list of 500 clusters, as it goes over the wire. The files beside it are
// weighed by their own package.
func TestTheLargestFirstPageIsLight(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := ClustersPage(many(500)).Render(context.Background(), z); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 40_000 {
		t.Errorf("%d bytes, want 40,000 at most", b.Len())
	}
}

func TestTheSumOfWhatAnAdministratorEndsIsInWords(t *testing.T) {
	row, glass := HeldRow{}, HeldRow{LeaseRow: LeaseRow{BreakGlass: true}}
	for want, m := range map[string]EndHeld{
		"This ends 1 lease and signs them out in 3 places.":                       {SignsOut: true, Leases: []HeldRow{row}, Sessions: 3},
		"This signs them out in 1 place. They hold no lease.":                     {SignsOut: true, Sessions: 1},
		"This ends 2 leases. They are signed in nowhere.":                         {SignsOut: true, Leases: []HeldRow{row, glass}},
		"The glass was broken for it: they may be in the middle of an emergency.": {Leases: []HeldRow{glass}},
		"This ends 1 lease.": {Leases: []HeldRow{row}},
	} {
		if got := m.sum(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
