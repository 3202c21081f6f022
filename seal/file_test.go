package seal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func ids(t *testing.T, text []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	k, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(k.IDs())
}

func TestARotationSignsNobodyOutOnAnyServer(t *testing.T) {
	old := []byte("# ours\n\n" + line(t, "old")) // without a newline at its end
	both, err := Append(old, line(t, "young"))
	if got := ids(t, both, err); got != "[old young]" {
		t.Fatalf("after rotate: %s", got)
	}
	turned, err := Promote(both, "young")
	if got := ids(t, turned, err); got != "[young old]" {
		t.Fatalf("after promote: %s", got)
	}
	alone, err := Retire(turned, "old")
	if got := ids(t, alone, err); got != "[young]" || !strings.HasPrefix(string(alone), "# ours\n") {
		t.Fatalf("after retire: %s in %q", got, alone)
	}
	// While a step is under way, some servers have the file of before and some
	// the file of after: each must read what the others seal.
	for step, pair := range map[string][2][]byte{"rotate": {old, both}, "promote": {both, turned}} {
		for i, from := range pair {
			a, errA := Parse(from)
			b, errB := Parse(pair[1-i])
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if _, err := b.Open("p", "x", a.Seal("p", "x", []byte("hush"))); err != nil {
				t.Errorf("during %s, what %s sealed: %v", step, a.ID(), err)
			}
			if err := b.Check("row", a.Mark("row", []byte("a")), []byte("a")); err != nil {
				t.Errorf("during %s, what %s marked: %v", step, a.ID(), err)
			}
		}
	}
}

func TestAKeyFileRefusesAStepThatWouldLoseSomething(t *testing.T) {
	both := []byte(line(t, "old") + "\n" + line(t, "young") + "\n")
	for want, change := range map[string]func() ([]byte, error){
		"the key old seals already":                       func() ([]byte, error) { return Promote(both, "old") },
		"the key old is the one that seals":               func() ([]byte, error) { return Retire(both, "old") },
		`it has no key "odl"; it has old, young`:          func() ([]byte, error) { return Retire(both, "odl") },
		`it has no key "yuong"; it has old, young`:        func() ([]byte, error) { return Promote(both, "yuong") },
		`it has no key "#"; it has old, young`:            func() ([]byte, error) { return Promote(append([]byte("# a\n"), both...), "#") },
		"sealing keys, line 3: the name young stands twi": func() ([]byte, error) { return Append(both, line(t, "young")) },
	} {
		_, err := change()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if !strings.Contains(want, "line 3") && !errors.Is(err, ErrFile) {
			t.Errorf("%v is no ErrFile", err)
		}
	}
}
