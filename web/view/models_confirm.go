package view

import "time"

// Confirm is where a runbook's link leads: what one click would do.
type Confirm struct {
	Frame
	Cluster, Role string
	Labels        []Label
	Description   string
	Grant         string
	Through       string
	IAMRole       string
	SessionName   string
	For           time.Duration
	Lasts         string // For, as Start takes it
	Ends          time.Time
	CutShort      bool // the grant ends before For is over
	Namespace     string
	AsksReason    bool
	Hint          string
	Checks        []Check
	CheckedAt     time.Time
	Key           string
	Start         string // POST
	Change        string // the cluster's page, filled in with this
}
