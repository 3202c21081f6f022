package eks

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/awssim"
)

// urlOf takes a token apart.
func urlOf(t testing.TB, token string) *url.URL {
	t.Helper()
	raw, ok := strings.CutPrefix(token, "k8s-aws-v1.")
	if !ok {
		t.Fatal("the token has another prefix")
	}
	b, err := base64.RawURLEncoding.DecodeString(raw)
	if err != nil {
		t.Fatalf("the token is not unpadded base64url: %v", err)
	}
	u, err := url.Parse(string(b))
	if err != nil {
		t.Fatal("the token holds no URL")
	}
	return u
}

func TestMintedTokenIsWhoItSays(t *testing.T) {
	w := newWorld(t)
	before := time.Now()
	m, err := w.Mint(t.Context(), wish(t, roleARN))
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Verify(m.Token.Reveal(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	want := awssim.Identity{
		ARN:  "arn:aws:sts::111122223333:assumed-role/daypass-viewer/ann-0123456789abcdef",
		Role: "arn:aws:iam::111122223333:role/daypass-viewer", Account: "111122223333",
		UserID: "AROAVIEWER0000000000", SessionName: "ann-0123456789abcdef", AccessKeyID: m.AccessKeyID,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(m.Token.Reveal()); n > issuer.MaxToken {
		t.Errorf("the token is %d bytes long", n)
	}
	if left := m.Expires.Sub(before); left > 14*time.Minute+time.Second || left < 13*time.Minute {
		t.Errorf("the token is said to live %s", left)
	}
}

func TestMintAsksForTheLeast(t *testing.T) {
	w := newWorld(t)
	a := wish(t, guardedARN)
	a.ExternalID = externalID
	m, err := w.Mint(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	call := w.calls[len(w.calls)-1]
	w.mu.Unlock()
	if call.SessionName != a.SessionName || call.SourceIdentity != a.SourceIdentity || call.Target != guardedARN || call.Issued != m.AccessKeyID {
		t.Errorf("asked for %+v", call)
	}
	if diff := cmp.Diff(a.Tags, call.Tags); diff != "" {
		t.Error(diff)
	}
	in := input(a)
	if *in.DurationSeconds != 900 || *in.Policy != denyAll {
		t.Errorf("asked for %d s under %s", *in.DurationSeconds, *in.Policy)
	}
}

func TestMintLeavesOutWhatIsSwitchedOff(t *testing.T) {
	w := newWorld(t)
	a := wish(t, bareARN)
	a.SourceIdentity, a.Tags = "", nil
	m, err := w.Mint(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Verify(m.Token.Reveal(), "shop"); err != nil {
		t.Error(err)
	}
}

func TestMintAssumesAnewEachTime(t *testing.T) {
	w := newWorld(t)
	keys := map[string]bool{}
	for range 3 {
		m, err := w.Mint(t.Context(), wish(t, roleARN))
		if err != nil {
			t.Fatal(err)
		}
		keys[m.AccessKeyID] = true
	}
	if len(keys) != 3 {
		t.Errorf("three tokens by %d sessions", len(keys))
	}
}

func TestTokenIsGoodForItsClusterOnly(t *testing.T) {
	w := newWorld(t)
	m, err := w.Mint(t.Context(), wish(t, roleARN))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Verify(m.Token.Reveal(), "new"); err == nil {
		t.Error("another cluster takes the token")
	}
	u := urlOf(t, m.Token.Reveal())
	if got := u.Query().Get("X-Amz-SignedHeaders"); got != "host;x-k8s-aws-id" {
		t.Errorf("signed headers: %s", got)
	}
	if got := u.Query().Get("X-Amz-Expires"); got != "60" || u.Scheme != "https" || u.Path != "/" {
		t.Errorf("%s, path %s, expires %s", u.Scheme, u.Path, got)
	}
}
