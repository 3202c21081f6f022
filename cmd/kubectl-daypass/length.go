package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// length is a length of time as people write it: 30m, 4h, 1h30m, 2d. A day has
// 24 hours, for it is counted from now on.
type length time.Duration

// Set reads one. Its errors are whole sentences, which the flags' own error
// gives way to.
func (l *length) Set(s string) error {
	d, err := days(s)
	switch n, bare := number(s); {
	case err == nil && d == 0, bare && n == 0:
		return usage("--for %s: that is no time at all. Write how long from now, such as 30m, 4h or 1d.", s)
	case bare:
		return usage("--for %s: minutes or hours? Write %sm or %sh.", s, s, s)
	case d > longestLease, err != nil && tooLong(s):
		return usage("--for %s: at most 366 days; the grant decides how many of them.", s)
	case err != nil, d < 0:
		return usage("--for %s: write how long from now, such as 30m, 4h or 1d.", quoted(s))
	case d%time.Second != 0:
		return usage("--for %s: write whole seconds, such as 90s.", s)
	}
	*l = length(d)
	return nil
}

// longestLease is more than any grant gives.
const longestLease = 366 * 24 * time.Hour

// tooLong says whether it is for its numbers alone that s could not be read.
func tooLong(s string) bool {
	_, err := days(regexp.MustCompile(`[0-9]+`).ReplaceAllString(s, "1"))
	return err == nil
}

func (l *length) String() string {
	if *l == 0 {
		return "" // then help tells no default
	}
	return time.Duration(*l).String()
}

// written is a length as people write it; empty: none.
func (l length) written() string {
	if l == 0 {
		return ""
	}
	return long(int64(time.Duration(l) / time.Second))
}

// Type is what help calls a length.
func (l *length) Type() string { return "length" }

// number is s as a plain one, such as 90 or 1.5.
func number(s string) (n float64, is bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && strings.Trim(s, "0123456789.") == ""
}

// days reads a length that may begin with days.
func days(s string) (time.Duration, error) {
	if before, rest, found := strings.Cut(s, "d"); found {
		n, is := number(before)
		if !is {
			return 0, strconv.ErrSyntax
		}
		s = strconv.FormatFloat(n*24, 'f', -1, 64) + "h" + rest
	}
	return time.ParseDuration(s)
}
