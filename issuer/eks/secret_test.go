package eks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/awssim"
)

// TestNothingSecretIsSaid goes the good way and the bad ones, and then looks
// for every secret in all that was said.
func TestNothingSecretIsSaid(t *testing.T) {
	w := newWorld(t)
	var said strings.Builder
	tell := func(err error) {
		var f *issuer.Fault
		if errors.As(err, &f) {
			fmt.Fprintf(&said, "%v %+v %#v %v\n", err, f, f.Err, f.Err)
			w.log.Error("as the server would log it", "error", err, "cause", f.Err)
		}
	}
	m, err := w.Mint(t.Context(), wish(t, roleARN))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&said, "%v %+v %#v\n", m, m, m)
	w.log.Info("minted", "minted", m)
	for _, code := range []string{"AccessDenied", "ExpiredToken", "SignatureDoesNotMatch", "Odd"} {
		w.Fail(awssim.AssumeRole, 1, code, 403)
		_, err := w.Mint(t.Context(), wish(t, roleARN))
		tell(err)
	}
	w.Drop(awssim.AssumeRole, 1)
	_, err = w.Mint(t.Context(), wish(t, roleARN))
	tell(err)
	_, err = w.Describe(t.Context(), shop(t))
	tell(err)
	w.refresh(t.Context())
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = w.Mint(gone, wish(t, roleARN))
	tell(err)

	q := urlOf(t, m.Token.Reveal()).Query()
	all := said.String() + w.logged.String()
	if !strings.Contains(all, "as the server would log it") {
		t.Fatal("nothing was logged: this test looks at nothing")
	}
	for name, secret := range map[string]string{
		"the token": m.Token.Reveal()[20:60], "the signature": q.Get("X-Amz-Signature"),
		"the session token": q.Get("X-Amz-Security-Token")[:40], "the server's own secret": w.secret,
	} {
		if secret == "" || strings.Contains(all, secret) {
			t.Errorf("%s was said, or is empty", name)
		}
	}
}

func TestLongestNamesStillMakeATokenThatClustersTake(t *testing.T) {
	w := newWorld(t, func(o *awssim.Options) { o.SessionTokenSize = 1800 }) // real ones reach one to two kilobytes
	a := wish(t, roleARN)
	a.SessionName = strings.Repeat("a", issuer.MaxSessionName)
	a.SourceIdentity = a.SessionName
	a.Tags = map[string]string{"daypass:lease": "ls_" + strings.Repeat("z", 26), "daypass:issuance": "is_" + strings.Repeat("z", 26)}
	m, err := w.Mint(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Token.Reveal()); n > issuer.MaxToken {
		t.Errorf("the token is %d bytes long", n)
	}
	if _, err := w.Verify(m.Token.Reveal(), "shop"); err != nil {
		t.Error(err)
	}
}

func TestFullSessionPolicyIsLogged(t *testing.T) {
	for percent, want := range map[int]bool{packedWarning: false, packedWarning + 1: true} {
		w := strange(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, answer(time.Now().Add(15*time.Minute), fmt.Sprintf("<PackedPolicySize>%d</PackedPolicySize>", percent)))
		})
		if _, err := w.Mint(t.Context(), wish(t, roleARN)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(w.logged.String(), "nearly fill"); got != want {
			t.Errorf("at %d %% logged: %v", percent, got)
		}
	}
}
