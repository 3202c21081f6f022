package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/daypass/daypass/audit"
)

// refreshPurpose is what refresh tokens are sealed for; their place is the
// session.
const refreshPurpose = "refresh-token"

// maxRefresh bounds a refresh token; those that are tokens of claims are long.
const maxRefresh = 16 << 10

// claimLife is how long one server has a session's refresh to itself: longer
// than a provider that hangs, so that no token is used twice at once. It also
// is the pause between tries while a provider is down.
const claimLife = time.Minute

// sealRefresh seals a refresh token for a session; nil when there is no key.
func (g *Gate) sealRefresh(session Hash, raw string) []byte {
	if !g.Keys.Present() || raw == "" || len(raw) > maxRefresh {
		return nil
	}
	return g.Keys.Seal(refreshPurpose, session.String(), []byte(raw))
}

func (g *Gate) openRefresh(s Session) (string, error) {
	if !g.Keys.Present() || s.Refresh == nil {
		return "", errNoRefresh
	}
	raw, err := g.Keys.Open(refreshPurpose, s.Key.String(), s.Refresh)
	if err != nil {
		g.Log.Warn("a refresh token cannot be opened; the age of the sign-in counts", "session", s.Key.Mark(), "err", err)
		return "", errNoRefresh
	}
	return string(raw), nil
}

// errNoRefresh says that the provider cannot be asked again about a session.
var errNoRefresh = errors.New("there is no refresh token that can be opened")

// resealRefresh seals a session's refresh token for another; nil when it has
// none.
func (g *Gate) resealRefresh(from Session, to Hash) []byte {
	raw, err := g.openRefresh(from)
	if err != nil {
		return nil
	}
	return g.sealRefresh(to, raw)
}

// vouched holds a program's session to the bound of staleness. From half of it
// on the provider is asked again, where that can be done.
func (g *Gate) vouched(r *http.Request, s Session) (Session, string, error) {
	age := g.Now().Sub(s.AsOf)
	if s.Refresh == nil || age <= g.Clients.Staleness/2 {
		return s, "", g.stale(s, SignInTooOld)
	}
	// The answer serves all who wait for it; none of them ends it by leaving.
	asked := g.asking.DoChan(s.Key.String(), func() (any, error) {
		return g.ask(context.WithoutCancel(r.Context()), s, g.caller(r))
	})
	select {
	case <-r.Context().Done():
		return Session{}, "", fmt.Errorf("wait for the provider: %w", r.Context().Err())
	case got := <-asked:
		if got.Err == nil {
			now, _ := got.Val.(Session)
			return now, "", g.stale(now, SignInTooOld)
		}
		return g.passed(s, got.Err)
	}
}

// stale refuses a session whose groups are older than the bound.
func (g *Gate) stale(s Session, kind Kind) error {
	if g.Now().Sub(s.AsOf) <= g.Clients.Staleness {
		return nil
	}
	p, _ := g.provider(s.Principal.Provider)
	return p.failed(kind, nil)
}

// passed says what a provider that did not answer means: until the bound, no
// more than a note.
func (g *Gate) passed(s Session, err error) (Session, string, error) {
	var f *Failure
	asOf := "; your groups are as of " + s.AsOf.UTC().Format("2006-01-02 15:04 MST") + "."
	switch {
	case errors.Is(err, errNoRefresh):
		return s, "", g.stale(s, SignInTooOld)
	case errors.Is(err, ErrMoved):
		return s, "The provider has not answered yet" + asOf, g.stale(s, ProviderDown)
	case !errors.As(err, &f):
		return Session{}, "", err
	case f.Kind == NotSignedIn:
		return Session{}, "", f
	case f.Passing():
		return s, "The provider cannot be reached" + asOf, g.stale(s, ProviderDown)
	}
	return s, "The provider does not tell your groups any more" + asOf, g.stale(s, SignInTooOld)
}

// ask asks the provider about a session again, and stores what it says. The
// error is ErrMoved while another server does so, errNoRefresh, or a *Failure;
// of the kind NotSignedIn when the session was ended for it.
func (g *Gate) ask(ctx context.Context, s Session, by audit.Who) (Session, error) {
	raw, err := g.openRefresh(s)
	if err != nil {
		return Session{}, err
	}
	now := g.Now()
	err = g.Book.ClaimSession(ctx, s, now, now.Add(claimLife))
	if errors.Is(err, ErrMoved) {
		return g.moved(ctx, s)
	}
	if err != nil {
		return Session{}, fmt.Errorf("claim the session: %w", err)
	}
	p, _ := g.provider(s.Principal.Provider) // there is one: over has looked
	who, fail := p.again(ctx, raw, s)
	if fail != nil && (fail.Kind == CodeRefused || fail.Kind == UserinfoSubject || fail.Kind == Subject) {
		return Session{}, g.disowned(ctx, s, by, fail)
	}
	if fail != nil {
		g.Log.Warn("the provider was asked about a session and does not tell", "session", s.Key.Mark(), "err", fail)
		return Session{}, g.keepRotated(ctx, s, who, fail)
	}
	return g.regroup(ctx, s, who, by)
}

// keepRotated stores the refresh token that came before something failed: the
// one of before may be worthless now.
func (g *Gate) keepRotated(ctx context.Context, s Session, who person, fail *Failure) error {
	if who.refresh == "" {
		return fail
	}
	s.Refresh = g.sealRefresh(s.Key, who.refresh)
	if err := g.Book.Regroup(ctx, s, s.AsOf); err != nil && !errors.Is(err, ErrMoved) {
		return errors.Join(fail, fmt.Errorf("keep the new refresh token: %w", err))
	}
	return fail
}

// moved is the session as another request left it.
func (g *Gate) moved(ctx context.Context, s Session) (Session, error) {
	now, err := g.Book.Session(ctx, s.Key)
	switch {
	case errors.Is(err, ErrNoSession):
		return Session{}, failed(NotSignedIn, "", "", nil)
	case err != nil:
		return Session{}, fmt.Errorf("look for the session: %w", err)
	case now.AsOf.Equal(s.AsOf):
		return Session{}, ErrMoved
	}
	return now, nil
}

// disowned ends a session that the provider does not stand by any more; unless
// another server traded the refresh token meanwhile, which also spends it.
func (g *Gate) disowned(ctx context.Context, s Session, by audit.Who, fail *Failure) error {
	if now, err := g.Book.Session(ctx, s.Key); err == nil && !bytes.Equal(now.Refresh, s.Refresh) {
		return ErrMoved
	}
	e := s.ended("provider-refused", g.Now(), by)
	e.Details.Text = printable(fail.Error(), 500)
	if err := g.Book.SignOut(ctx, s.Key, Ending{Event: e}); err != nil && !errors.Is(err, ErrNoSession) {
		return fmt.Errorf("end the session that the provider refused: %w", err)
	}
	return failed(NotSignedIn, s.Principal.Provider, "", fail)
}

// regroup stores what the provider said of a person. An address that it does
// not vouch for any more is gone, like a group that it does not name. A name
// decides nothing, so one that is not told stays.
func (g *Gate) regroup(ctx context.Context, s Session, who person, by audit.Who) (Session, error) {
	next := s
	next.Principal, next.UnverifiedEmail, next.AsOf = who.Principal, who.unverified, g.Now()
	if who.Name == "" {
		next.Principal.Name = s.Principal.Name
	}
	if who.refresh != "" { // rotated
		next.Refresh = g.sealRefresh(s.Key, who.refresh)
	}
	err := g.Book.Regroup(ctx, next, s.AsOf, next.regrouped(s, by)...)
	if errors.Is(err, ErrMoved) {
		return g.moved(ctx, s)
	}
	if err != nil {
		return Session{}, fmt.Errorf("write what the provider told: %w", err)
	}
	return next, nil
}

// regrouped is the event of other groups or another address than before, or
// none.
func (s Session) regrouped(was Session, by audit.Who) []audit.Event {
	gained, lost := without(s.Principal.Groups, was.Principal.Groups), without(was.Principal.Groups, s.Principal.Groups)
	if gained+lost == 0 && s.Principal.Email == was.Principal.Email {
		return nil
	}
	e := audit.New(audit.Regrouped, s.AsOf, s.by(by))
	e.Facts = map[string]string{"session": s.Key.Mark(), "gained": strconv.Itoa(gained), "lost": strconv.Itoa(lost)}
	e.Details.More = map[string]string{"groups": printable(strings.Join(s.Principal.Groups, ", "), 4000)}
	if s.Principal.Email != was.Principal.Email {
		e.Facts["email"] = s.emailNow()
		e.Details.More["emailBefore"] = was.Principal.Email
	}
	return []audit.Event{e}
}

// emailNow is how an address stands that differs from the one before.
func (s Session) emailNow() string {
	switch {
	case s.Principal.Email != "":
		return "changed"
	case s.UnverifiedEmail != "":
		return "unverified"
	}
	return "gone"
}

// without counts the groups of a that b lacks.
func without(a, b []string) (n int) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			n++
		}
	}
	return n
}

// again asks the provider about a person who signed in before. What it gives
// with a failure has the new refresh token, where one came.
func (p *provider) again(ctx context.Context, refresh string, s Session) (person, *Failure) {
	m, fail := p.discover(ctx)
	if fail != nil {
		return person{}, fail
	}
	got, fail := p.renew(ctx, m, refresh)
	if fail != nil {
		return person{}, fail
	}
	c, fail := p.claimsAgain(ctx, m, got, s.Principal.Subject)
	if fail != nil {
		return person{refresh: got.refresh}, fail
	}
	who, fail := p.person(c)
	who.refresh = got.refresh
	return who, fail
}

// renew trades a refresh token for others.
func (p *provider) renew(ctx context.Context, m *metadata, refresh string) (redeemed, *Failure) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client)
	t, err := p.oauth2(m).TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return redeemed{}, p.renewFailure(err)
	}
	raw, _ := t.Extra("id_token").(string) // may be missing (OpenID Connect Core 1.0, section 12.2)
	return redeemed{raw, t.AccessToken, t.RefreshToken}, nil
}

// renewFailure is exchangeFailure for refresh tokens. FACT dex says
// invalid_request of one that is unknown, used or revoked, where RFC 6749,
// section 5.2, has invalid_grant (tried with the dex of e2e).
func (p *provider) renewFailure(err error) *Failure {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode == "invalid_request" && refused.Response.StatusCode == http.StatusBadRequest {
		return p.failed(CodeRefused, errors.New("the token endpoint answered 400, error \"invalid_request\""))
	}
	return p.exchangeFailure(err)
}

// claimsAgain are the claims of a person after a refresh. Without an ID token
// only userinfo can tell the groups.
func (p *provider) claimsAgain(ctx context.Context, m *metadata, got redeemed, subject string) (claims, *Failure) {
	if got.id == "" {
		c := claims{Subject: subject, all: map[string]json.RawMessage{}}
		info, fail := p.userinfo(ctx, m, got.access)
		switch {
		case fail != nil:
			return claims{}, fail
		case info.Subject != subject:
			return claims{}, p.failed(UserinfoSubject, nil)
		case p.GroupsFrom != FromUserinfo && info.all[p.GroupsClaim] == nil:
			return claims{}, p.failed(NoIDToken, nil)
		}
		return c.with(info, p.GroupsClaim), nil
	}
	c, fail := p.verifyAlone(ctx, m, got.id)
	if fail != nil {
		return claims{}, fail
	}
	if c.Subject != subject {
		return claims{}, p.failed(Subject, errors.New("it is another person's"))
	}
	return p.complete(ctx, m, got.access, c)
}
