package main

import (
	"testing"
	"time"
)

func TestLengthsAsPeopleWriteThem(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "4h": 4 * time.Hour, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "900s": 15 * time.Minute,
		"1d": 24 * time.Hour, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour, "366d": 366 * 24 * time.Hour, "1d30m": 24*time.Hour + 30*time.Minute,
	} {
		var l length
		if err := l.Set(s); err != nil || time.Duration(l) != want {
			t.Errorf("%s: %v, %v", s, time.Duration(l), err)
		}
	}
}

func TestALengthThatIsNoneIsOneClearLine(t *testing.T) {
	const what = "write how long from now, such as 30m, 4h or 1d."
	d := newDesk(t)
	for s, want := range map[string]string{
		"90": "--for 90: minutes or hours? Write 90m or 90h.", "1.5": "--for 1.5: minutes or hours? Write 1.5m or 1.5h.", "0": "--for 0: that is no time at all. Write ", "0m": "--for 0m: that is no time at all. Write ", "0d": "--for 0d: that is no time",
		"soon": "--for soon: " + what, "2 hours": "--for '2 hours': " + what, "-1h": "--for -1h: " + what, "d": "--for d: " + what, "-1d": "--for -1d: " + what,
		"1d2": what, "1d-1h": what, "1h1d": what, "": "--for '': " + what, "400d": "--for 400d: at most 366 days; the grant decides", "366d1s": "--for 366d1s: at most 366 days", "5000000h": "--for 5000000h: at most 366 days", "999999999d": "--for 999999999d: at most 366 days", "999999999999999999999h30m": "at most 366 days", "1e99d": what, "1.2.3": what, "1e3": "--for 1e3: " + what, "infd": what,
		"0h": "--for 0h: that is no time at all. Write ", "1500ms": "--for 1500ms: write whole seconds, such as 90s.",
	} {
		d.refused(d.run("get", "payments-prod", "--for="+s), exitUsage, "kubectl-daypass: --for ", want)
	}
	d.refused(d.run("get", "payments-prod", "--what"), exitUsage, "unknown flag: --what; see kubectl daypass get --help")
}
