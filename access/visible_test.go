package access

import (
	"strings"
	"testing"
	"time"
)

func TestAReasonThatNobodyCanReadIsNone(t *testing.T) {
	g := &Grant{Name: "glass", BreakGlass: true, Longest: time.Hour}
	for reason, ok := range map[string]bool{
		"": false, " \t\n": false, "\u200b": false, "\u00a0\u2003": false, "\u3164": false, "\u115f\u1160\uffa0": false,
		"\u2800": false, "\ufeff\u200d": false, "\u0301": false, "\U000e0041": false,
		"x": true, ".": true, "5": true, "火事": true, "🔥": true, "\u200bit burns": true, "می\u200cسوزد": true,
	} {
		lacks := (&Grant{Name: g.Name, Reason: true}).lacks(Ask{Reason: reason})
		if got := len(lacks) == 0; got != ok {
			t.Errorf("%q is a reason: %v, want %v", reason, got, ok)
		}
	}
	if needs := g.lacks(Ask{Reason: "\u200b", Confirmed: true}); len(needs) != 1 || needs[0] != NeedReason {
		t.Errorf("the glass needs %v", needs)
	}
}

func TestAnIDHasOneForm(t *testing.T) {
	id := Principal{Provider: "okta", Issuer: "https://okta.example", Subject: "u-1"}.ID()
	if !IsID(id) {
		t.Errorf("%s is refused", id)
	}
	for _, bad := range []string{"", "pr_", id[3:], id + "a", id[:len(id)-1], strings.ToUpper(id), "pr_" + strings.Repeat("1", 26), id[:len(id)-1] + "\n", "ls_" + id[3:]} {
		if IsID(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}
