package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/daypass/daypass/api"
)

// near finds the name that was meant, most likely: the one that fewest slips
// lead away from, and at most one in four letters. Empty: none is close.
func near(said string, names []string) string {
	said = strings.ToLower(said)
	most := min(max(len(said)/4, 1), 3)
	found := ""
	for _, name := range names {
		if n := slips(said, strings.ToLower(name)); n <= most {
			found, most = name, n-1 // from here on, only closer ones
		}
	}
	return found
}

// slips counts the letters to add, leave out, change or swap with the next one
// to make a of b. It keeps the counts for the two last beginnings of a, each
// with all beginnings of b.
func slips(a, b string) int {
	one, two := []rune(a), []rune(b)
	var before []int
	last := make([]int, len(two)+1)
	for j := range last {
		last[j] = j
	}
	for i := range one {
		now := make([]int, len(two)+1)
		now[0] = i + 1
		for j := range two {
			change := 1
			if one[i] == two[j] {
				change = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+change)
			if i > 0 && j > 0 && one[i] == two[j-1] && one[i-1] == two[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last = last, now
	}
	return last[len(two)]
}

// meant adds to a refusal the cluster or the role that was meant.
func meant(ctx context.Context, client *api.Client, err error, cluster string, want wish) error {
	if exitOf(err) != exitRefused {
		return err
	}
	all, failed := client.Clusters(ctx)
	if failed != nil {
		return err // what was refused is said already
	}
	said, names := cluster, clustersOf(all)
	if slices.Contains(names, cluster) {
		said, names = want.role, rolesOn(all, cluster, want.breakGlass)
	}
	return suggested(err, said, names, "kubectl daypass list")
}

// meantLease adds to the answer that there is no such lease the one that was
// meant.
func meantLease(ctx context.Context, client *api.Client, err error, id string) error {
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != api.CodeNoLease {
		return err
	}
	all, failed := client.Leases(ctx)
	if failed != nil {
		return err // what is the matter is said already
	}
	return suggested(err, id, activeOf(all), "kubectl daypass list leases")
}

// suggested adds the name that was meant, if one is close and is another.
func suggested(err error, said string, names []string, list string) error {
	name := near(said, names)
	if name == "" || slices.Contains(names, said) {
		return err
	}
	say := err.Error() + " Did you mean " + name + "?"
	if !strings.Contains(say, list) {
		say += " See: " + list
	}
	return &failure{code: exitOf(err), say: say, err: err}
}
