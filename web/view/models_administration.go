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
	Person   string // this page, for that person
}

func (r HeldRow) what() string { return r.Cluster + " as " + r.Role + " of " + r.Who }

// Holder is a person that was searched for.
type Holder struct {
	Called    string
	Principal string
	Sessions  []SessionRow
	Out       string // where that is asked once more; empty: there is nothing to end
	// OutEndsLeases is whether signing them out at one place ends their leases.
	OutEndsLeases bool
}

// EndHeld asks once more before an administrator ends what somebody may need.
type EndHeld struct {
	Frame
	Called   string
	Leases   []HeldRow // that it ends; but for SignsOut there is one
	SignsOut bool      // everywhere, and ends all
	Sessions int       // how many that are
	End      string    // POST
	Back     string
}

func (m EndHeld) question() string {
	if m.SignsOut {
		return "Sign " + m.Called + " out and end all their leases?"
	}
	return "End " + m.Leases[0].what() + "?"
}

func (m EndHeld) deed() string {
	if m.SignsOut {
		return "Sign out and end all"
	}
	return "End the lease"
}

// sum is how much it ends.
func (m EndHeld) sum() string {
	leases, places := counted(len(m.Leases), "lease", "leases"), counted(m.Sessions, "place", "places")
	switch {
	case !m.SignsOut && m.Leases[0].BreakGlass:
		return "The glass was broken for it: they may be in the middle of an emergency."
	case !m.SignsOut:
		return "This ends " + leases + "."
	case len(m.Leases) == 0:
		return "This signs them out in " + places + ". They hold no lease."
	case m.Sessions == 0:
		return "This ends " + leases + ". They are signed in nowhere."
	}
	return "This ends " + leases + " and signs them out in " + places + "."
}
