package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
)

func TestWithin(t *testing.T) {
	for seconds, want := range map[int64]time.Duration{
		math.MinInt64: time.Second, -1: time.Second, 0: time.Second, 5: 5 * time.Second, 60: time.Minute, 61: time.Minute,
		math.MaxInt64/int64(time.Second) + 1: time.Minute, math.MaxInt64: time.Minute,
	} {
		if got := within(seconds, time.Minute); got != want {
			t.Errorf("%d seconds are %v, want %v", seconds, got, want)
		}
	}
}

func TestADeviceLoginAsksNoFasterThanASecond(t *testing.T) {
	d := newDesk(t)
	d.answers("POST /api/v1/device", api.Device{DeviceCode: "dc", UserCode: "BCDF-GHJK", VerificationURI: d.server.URL, ExpiresIn: 2, Interval: math.MaxInt64/int64(time.Second) + 1})
	r := d.run("login", "--device", d.server.URL)
	if n := d.server.Asked("POST /api/v1/sessions"); n != 0 || r.code != exitFailed || !strings.Contains(r.err, "Nobody typed the code in time.") {
		t.Errorf("asked %d times: %+v", n, r)
	}
}
