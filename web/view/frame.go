// Package view draws Daypass's pages from plain values. It decides nothing and
// asks nobody: what a page says is true if the values are. Its one danger is a
// page that tells more than its reader may know, so a page shows the kubeconfig
// only where its model carries one, and only Shown does.
//
// Pages work without JavaScript and hold no inline script, style or handler, so
// that they live under default-src 'none'. Times are written in UTC; the script
// turns them into the reader's own.
package view

import "time"

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.1100 generate

// Frame is what every page has around it.
type Frame struct {
	Title           string
	Nav             Nav     // the current place; empty: none of them
	Person          *Person // nil: nobody is signed in
	IsAuditor       bool
	IsAdministrator bool
	Banner          []Glass // the person's break-glass leases that are active
	RequestID       string
	Now             time.Time
	Assets          Assets
}

// Assets are the addresses of the files that pages load.
type Assets struct {
	Style, Script, Icon string
}

// Nav is a place in the navigation.
type Nav string

// The places.
const (
	NavClusters       Nav = "clusters"
	NavAccess         Nav = "access"
	NavAudit          Nav = "audit"
	NavAdministration Nav = "administration"
)

// Person is who is signed in.
type Person struct {
	Email    string
	Name     string
	Provider string
	EndDate  *time.Time // when the last of their grants ends; nil: no end is set
}

// Called is what to call the person: providers need not tell an e-mail address.
func (p Person) Called() string {
	if p.Email != "" {
		return p.Email
	}
	if p.Name != "" {
		return p.Name
	}
	return "signed in"
}

// Glass is an active break-glass lease, as the banner tells it.
type Glass struct {
	Cluster string
	Role    string
	Until   time.Time
	Open    string
}

// Label is one label of a cluster. A chip shows the value alone when the key
// says it is the environment, or when there is no value.
type Label struct {
	Key, Value string
}

// Choice is one option of a list.
type Choice struct {
	Value, Text string
}
