package chain_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/daypass/daypass/e2e/chain"
)

const callback = "http://127.0.0.1:9/callback" // never visited

type relying struct {
	provider *oidc.Provider
	oauth    oauth2.Config
}

func discover(t *testing.T, dex *chain.Dex, client chain.Client) relying {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), dex.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return relying{provider: provider, oauth: oauth2.Config{
		ClientID: client.ID, ClientSecret: client.Secret, RedirectURL: callback,
		Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email", "groups"},
	}}
}

func (r relying) redeem(ctx context.Context, back *url.URL, verifier string) (*oidc.IDToken, error) {
	token, err := r.oauth.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	return r.provider.Verifier(&oidc.Config{ClientID: r.oauth.ClientID}).Verify(ctx, raw)
}

func TestDex(t *testing.T) {
	chain.Need(t, "dex")
	client := chain.Client{ID: "daypass", Secret: "for this test only", RedirectURIs: []string{callback}}
	ada := chain.Account{ID: "u-1", Email: "ada@example.com", Name: "Ada", Password: "correct horse", Groups: []string{"sre", "prod-readers"}}
	dex := chain.StartDex(t, []chain.Client{client}, []chain.Account{ada})
	rp := discover(t, dex, client)

	t.Run("gives an ID token with groups to who knows the password and the verifier", func(t *testing.T) {
		verifier := oauth2.GenerateVerifier()
		back, err := dex.SignIn(rp.oauth.AuthCodeURL("some state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("some nonce")), ada)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(back.String(), callback+"?") || back.Query().Get("state") != "some state" {
			t.Fatalf("sent back to %s with state %q", back.Host+back.Path, back.Query().Get("state"))
		}
		token, err := rp.redeem(t.Context(), back, verifier)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Email         string   `json:"email"`
			EmailVerified bool     `json:"email_verified"`
			Groups        []string `json:"groups"`
		}
		if err := token.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		if claims.Email != ada.Email || !claims.EmailVerified || token.Nonce != "some nonce" {
			t.Errorf("email %q, verified %v, nonce %q", claims.Email, claims.EmailVerified, token.Nonce)
		}
		if diff := cmp.Diff(ada.Groups, claims.Groups); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("gives nothing for another verifier", func(t *testing.T) {
		back, err := dex.SignIn(rp.oauth.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), ada)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rp.redeem(t.Context(), back, oauth2.GenerateVerifier()); err == nil {
			t.Fatal("a code was redeemed without its verifier")
		}
	})
	t.Run("sends back an error, and no code, without a challenge", func(t *testing.T) {
		back, err := dex.SignIn(rp.oauth.AuthCodeURL("s"), ada)
		if err != nil {
			t.Fatal(err)
		}
		if q := back.Query(); q.Get("error") != "invalid_request" || q.Has("code") {
			t.Fatalf("error %q, code present: %v", q.Get("error"), q.Has("code"))
		}
	})
	t.Run("sends nobody back for a wrong password", func(t *testing.T) {
		stranger := ada
		stranger.Password = "wrong"
		url := rp.oauth.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
		if back, err := dex.SignIn(url, stranger); err == nil {
			t.Fatalf("sent back to %s", back.Host+back.Path)
		}
	})
	t.Run("is gone when stopped and back at the same address when started", func(t *testing.T) {
		dex.Stop()
		if resp, err := http.Get(dex.Issuer + "/.well-known/openid-configuration"); err == nil {
			resp.Body.Close()
			t.Fatalf("a stopped provider answered %s", resp.Status)
		}
		dex.Start()
		if _, err := oidc.NewProvider(t.Context(), dex.Issuer); err != nil {
			t.Fatal(err)
		}
	})
}
