package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// The keys of a provider are asked for again when a token names one that is
// not known. Anybody can make such a token, so it happens at most so often.
const (
	keysPause   = 10 * time.Second // between two askings because of an unknown key
	keysFailure = time.Second      // after one that failed
	keysLife    = time.Hour        // then they are asked for in any case: a key that was withdrawn must die
)

// errSignature says that no key of the provider made the signature.
var errSignature = errors.New("no published key fits the signature")

// keySet is a provider's published keys. go-oidc has one too; it asks the
// provider for every token that does not fit, as often as somebody sends one.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	keys   []jose.JSONWebKey
	got    time.Time // when they were; zero: never
	missed time.Time // when an unknown key last made us ask
	failed time.Time
	err    error // of the last asking
}

// VerifySignature is oidc.KeySet. An error is errSignature, or says that the
// keys could not be had.
func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	jws, err := jose.ParseSigned(jwt, algorithms())
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	head := jws.Signatures[0].Header
	keys, fresh, err := k.current(ctx)
	if err != nil {
		return nil, err
	}
	if !knows(keys, head.KeyID) && !fresh && k.mayAsk() {
		if keys, err = k.ask(ctx); err != nil {
			return nil, err
		}
	}
	for _, key := range keys {
		if !fits(key, head) {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, errSignature
}

func algorithms() (out []jose.SignatureAlgorithm) {
	for _, a := range asymmetric() {
		out = append(out, jose.SignatureAlgorithm(a))
	}
	return out
}

// knows reports whether a key of that name is there. A token that names none
// may be any key's.
func knows(keys []jose.JSONWebKey, id string) bool {
	return id == "" && len(keys) > 0 || slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool { return k.KeyID == id })
}

func fits(key jose.JSONWebKey, head jose.Header) bool {
	return (head.KeyID == "" || key.KeyID == head.KeyID) && key.Use != "enc" && (key.Algorithm == "" || key.Algorithm == head.Algorithm)
}

// current gives the keys, asking when there are none yet or they are old.
// fresh says that they were asked for just now.
func (k *keySet) current(ctx context.Context) (keys []jose.JSONWebKey, fresh bool, err error) {
	k.mu.Lock()
	now := k.now()
	keys, old := k.keys, k.got.IsZero() || now.Sub(k.got) >= keysLife
	waiting := k.err != nil && now.Sub(k.failed) < keysFailure
	err = k.err
	k.mu.Unlock()
	switch {
	case !old:
		return keys, false, nil
	case waiting:
		return nil, false, err
	}
	keys, err = k.ask(ctx)
	return keys, true, err
}

// mayAsk reports whether an unknown key may make us ask, and notes it.
func (k *keySet) mayAsk() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if !k.missed.IsZero() && now.Sub(k.missed) < keysPause {
		return false
	}
	k.missed = now
	return true
}

// ask fetches the keys. Many callers share one request, which no caller's
// going away cancels.
func (k *keySet) ask(ctx context.Context) ([]jose.JSONWebKey, error) {
	asked := k.flight.DoChan("", func() (any, error) {
		keys, err := k.fetch(context.WithoutCancel(ctx))
		return keys, k.learn(keys, err)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-asked:
		keys, _ := r.Val.([]jose.JSONWebKey)
		return keys, r.Err
	}
}

func (k *keySet) learn(keys []jose.JSONWebKey, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err = err; err != nil {
		k.failed = k.now()
		return err
	}
	k.keys, k.got = keys, k.now()
	return nil
}

func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the keys: %w", err)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the keys: %w", unwrapURL(err))
	}
	defer resp.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("ask for the keys: %w", &upstream{what: "the answer is no set of keys"})
	}
	return readKeys(set.Keys), nil
}

// readKeys passes over what is not a public key of a kind that is known here
// (RFC 7517, section 5).
func readKeys(set []json.RawMessage) (out []jose.JSONWebKey) {
	for _, raw := range set {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.Valid() && key.IsPublic() {
			out = append(out, key)
		}
	}
	return out
}
