package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/api"
)

// byCode signs in by a code that somebody types into a browser elsewhere.
func (h home) byCode(ctx context.Context, c *api.Client, name string) (api.SignedIn, error) {
	key, err := api.Thumbprint(&c.Key.PublicKey)
	if err != nil {
		return api.SignedIn{}, err
	}
	d, err := c.BeginDevice(ctx, api.DeviceAsk{Name: name})
	if err != nil {
		return api.SignedIn{}, err
	}
	fmt.Fprintf(h.err, "Open %s in any browser and type this code:\n\n    %s\n\nType it only if you ran this command yourself, and allow it only if the page shows this key: %s\nWaiting ...\n", d.VerificationURI, d.UserCode, key)
	ctx, cancel := context.WithTimeout(ctx, within(d.ExpiresIn, time.Hour))
	defer cancel()
	every := within(d.Interval, time.Minute)
	for {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return api.SignedIn{}, untyped(ctx.Err())
		}
		in, err := c.SignIn(ctx, api.SignIn{Grant: api.GrantDevice, DeviceCode: d.DeviceCode})
		if !again(err) {
			return in, err
		}
		if slower(err) {
			every += 5 * time.Second // RFC 8628, section 3.5
		}
	}
}

// untyped says why the code is of no use any more.
func untyped(err error) error {
	say := "Nobody typed the code in time. Run the command again."
	if errors.Is(err, context.Canceled) {
		say = "Stopped before anybody typed the code. Nobody was signed in."
	}
	return &failure{code: exitFailed, say: say, err: err}
}

// within is so many seconds, but at least one, and at most that long: what is
// too large for a Duration would be a time in the past.
func within(seconds int64, most time.Duration) time.Duration {
	return time.Duration(min(max(seconds, 1), int64(most/time.Second))) * time.Second
}

// again says whether to go on asking. A network that blinks is no answer.
func again(err error) bool {
	var p *api.Problem
	var un *api.Unreachable
	if errors.As(err, &p) {
		return p.Code == api.CodePending || p.Code == api.CodeSlowDown
	}
	return errors.As(err, &un)
}

func slower(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Code == api.CodeSlowDown
}
