package view

// Administration is the page where administrators see who holds what, and end
// it.
type Administration struct {
	Frame
	Person, Cluster string // searched for
	Rows            []HeldRow
	More            bool     // there are leases that Rows lacks
	People          []Holder // who was searched for
}

func (m Administration) nothing() string {
	if m.Person != "" || m.Cluster != "" {
		return "No active lease fits that search."
	}
	return "Nobody holds a lease."
}

// HeldRow is somebody's active lease.
type HeldRow struct {
	LeaseRow        // Open is its story, for those who may read it
	Who      string // e-mail, or pr_…
	Provider string
	Reason   string // in their own words; may be empty
	Person   string // this page, for that person
}

func (r HeldRow) what() string { return r.Cluster + " as " + r.Role + " of " + r.Who }

// Holder is a person that was searched for.
type Holder struct {
	Called    string
	Principal string
	Sessions  []SessionRow
	Out       string // POST; empty: there is nothing to end
	// OutEndsLeases is whether signing them out at one place ends their leases.
	OutEndsLeases bool
}
