package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
)

func TestAnAuditorReadsNoPageUnseen(t *testing.T) {
	s := newSite(t)
	a := s.as(t, "audit")
	for _, place := range []string{"before=9000000000000000000", "after=1"} {
		before := len(s.events(t, audit.Read))
		a.Get("/audit?person=eng%40example.com&"+place).MustSay(t, http.StatusOK)
		got := s.events(t, audit.Read)
		if len(got) != before+1 {
			t.Fatalf("%s: %d reads are on record, want %d", place, len(got), before+1)
		}
		if text := got[0].Event.Details.Text; text != "person=eng@example.com "+place {
			t.Errorf("%s: the record says %q", place, text)
		}
	}
}

func TestAnExportFromAPlaceOnIsWhole(t *testing.T) {
	s := newSite(t)
	a := s.as(t, "audit")
	for range 520 { // more than one batch
		if err := s.store.Record(t.Context(), audit.New(audit.ServerStarted, time.Now(), audit.Who{})); err != nil {
			t.Fatal(err)
		}
	}
	p := a.Post("/audit/export", url.Values{"kind": {string(audit.ServerStarted)}, "after": {"1"}})
	p.MustSay(t, http.StatusOK, `{"export":{"events":520,"more":false}}`)
}

func TestOnlyAFileIsDownloaded(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"k"}}).URL.Path
	for path, there := range map[string]string{"/download": "file, aws, aws-role, raw.", "/copy": "powershell, cmd, aws", "/show": "powershell, cmd, aws"} {
		for _, form := range []string{"zip", "File", "bash"} {
			if form == "bash" && path != "/download" {
				continue
			}
			p := b.Post(lease+path, url.Values{"form": {form}})
			p.MustSay(t, http.StatusBadRequest, "There is no form &#34;"+form+"&#34;", there)
			if strings.Contains(p.Text, secretToken) || p.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s gives %s all the same:\n%s", path, form, p.Text)
			}
		}
	}
	if n := len(s.events(t, audit.HandedOver)); n != 0 {
		t.Errorf("%d hand-overs are on record", n)
	}
	b.Post(lease+"/download", nil).MustSay(t, http.StatusOK, "kind: Config")
}

// A terminal obeys the C1 characters, which JSON leaves as they are, and a
// page turns text around where it is told to.
func TestWhatPeopleWriteIsLegibleOnRecord(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	reason := "INC-1 \x1b[2J\u009b31mred\x00\u202egnp\u2066\r\nline two\tü"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/clusters/hidden/break-glass/admin",
		strings.NewReader(url.Values{"reason": {reason}, "understood": {"yes"}, "key": {"\x00\xff"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "curl\u009b2J\u202e/8")
	b.Do(req).MustSay(t, http.StatusOK)
	e := s.events(t, audit.GlassBroken)[0].Event
	if want := "INC-1 [2J31mredgnp\nline two\tü"; e.Details.Text != want {
		t.Errorf("the reason is %q, want %q", e.Details.Text, want)
	}
	if want := "curl2J/8"; e.Details.UserAgent != want {
		t.Errorf("the user agent is %q, want %q", e.Details.UserAgent, want)
	}
}

func TestAReasonOfNothingVisibleIsNone(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	b.Post("/clusters/pay", url.Values{"role": {"admin"}, "reason": {"\x00\u202e \u0085"}}).MustSay(t, http.StatusUnprocessableEntity, "Say why")
}
