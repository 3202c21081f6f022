package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// iso is a time as programs read it.
func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// at is a time in as few words as are clear today.
func (f Frame) at(t time.Time) string {
	t, now := t.UTC(), f.Now.UTC()
	switch {
	case t.Year() != now.Year():
		return t.Format("2 Jan 2006 15:04 UTC")
	case t.YearDay() != now.YearDay():
		return t.Format("2 Jan 15:04 UTC")
	}
	return t.Format("15:04 UTC")
}

// stamp is a time to the second, for records.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// left is how long it is until a time.
func (f Frame) left(t time.Time) string {
	d := t.Sub(f.Now)
	if d <= 0 {
		return "over"
	}
	return span(d) + " left"
}

// span is a duration in the two largest units that matter, rounded down: who
// is promised "13 min" has at least that.
func span(d time.Duration) string {
	m := int(d / time.Minute)
	switch {
	case m < 1:
		return "less than a minute"
	case m < 60:
		return fmt.Sprintf("%d min", m)
	case m < 48*60:
		return join(m/60, "h", m%60, "min")
	}
	return join(m/(24*60), "d", m/60%24, "h")
}

func join(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// listed joins names as a sentence does.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// elapsed and whole are the value and the maximum of a progress bar between
// two times, in seconds.
func (f Frame) elapsed(from, to time.Time) string {
	return seconds(min(max(f.Now.Sub(from), 0), to.Sub(from)))
}

func whole(from, to time.Time) string { return seconds(max(to.Sub(from), time.Second)) }

// chip is the text of a label.
func (l Label) chip() string {
	if l.isEnvironment() || l.Key == "" {
		return l.Value
	}
	if l.Value == "" {
		return l.Key
	}
	return l.Key + "=" + l.Value
}

func (l Label) isEnvironment() bool {
	switch strings.ToLower(l.Key) {
	case "env", "environment", "stage":
		return l.Value != ""
	}
	return false
}

// tone is the class of a chip: production is red wherever one looks.
func (l Label) tone() string {
	if !l.isEnvironment() {
		return "chip"
	}
	v := strings.ToLower(l.Value)
	switch {
	case strings.HasPrefix(v, "prod"), v == "live":
		return "chip prod"
	case strings.HasPrefix(v, "stag"), strings.HasPrefix(v, "pre"), v == "uat", v == "qa":
		return "chip staging"
	case strings.HasPrefix(v, "dev"), strings.HasPrefix(v, "test"), v == "sandbox":
		return "chip dev"
	}
	return "chip"
}

// edge is the class of a card, coloured by the environment among its labels.
func edge(labels []Label) string {
	for _, l := range labels {
		if l.isEnvironment() {
			return "card recent edge-" + strings.TrimPrefix(strings.TrimPrefix(l.tone(), "chip"), " ")
		}
	}
	return "card recent"
}

// quoted is a word for a POSIX shell.
func quoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// times counts in words.
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return strconv.FormatInt(n, 10) + " times"
}
