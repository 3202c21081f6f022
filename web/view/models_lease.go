package view

import (
	"slices"
	"time"
)

// Cluster is the page where somebody chooses what to be and for how long.
type Cluster struct {
	Frame
	Name, ARN       string
	Labels          []Label
	Account, Region string
	Version, Status string
	NeedsNetwork    bool

	Roles     []RoleCard // least first; empty: break-glass only
	Lifetimes []Lifetime
	Namespace string // what was typed, or the default
	Reason    string // what was typed
	Errors    FormErrors
	Key       string // start key: the same key starts one lease, however often it is sent
	Start     string // POST
	Glass     []GlassCard

	SessionName string
	Checks      []Check
	CheckedAt   time.Time
}

// justNow is how long ago a check may be to be called so.
const justNow = time.Minute

func (m Cluster) asksReason() bool { return slices.ContainsFunc(m.Roles, RoleCard.asksReason) }

// reasonWhen says for which roles a reason is wanted.
func (m Cluster) reasonWhen() string {
	var asking []string
	for _, r := range m.Roles {
		if r.asksReason() {
			asking = append(asking, r.Name)
		}
	}
	if len(asking) == len(m.Roles) {
		return ""
	}
	return "for " + listed(asking)
}

// RoleCard is a role one may be here.
type RoleCard struct {
	Name        string
	Description string
	Longest     time.Duration
	FreeFor     time.Duration // how long without a reason; zero: a reason is always asked
	Hint        string        // the operator's words about the reason
	Grant       string
	Through     string // the group or name that fits, such as "okta:engineering"
	IAMRole     string
	Until       *time.Time // the grant's end date
	Chosen      bool
}

func (r RoleCard) asksReason() bool { return r.FreeFor < r.Longest }

// Lifetime is a preset of how long.
type Lifetime struct {
	Value  string // such as "4h"
	For    time.Duration
	Ends   time.Time // if it starts now
	Chosen bool
}

// GlassCard is a role behind the glass.
type GlassCard struct {
	Role        string
	Description string
	Longest     time.Duration
	TellsWhom   string   // the operator's words
	Tells       []string // names of the webhooks
	URL         string   // its confirmation
}

// FormErrors are sentences beside the fields. Empty: nothing is wrong with it.
type FormErrors struct {
	Role, For, Namespace, Reason, Understood string
	Whole                                    string // what belongs to no field
}

// Any reports whether something is wrong.
func (e FormErrors) Any() bool { return e != FormErrors{} }

// Check is a plain sentence about what was looked at.
type Check struct {
	Say  string
	Mood Mood
}

// Mood is how a check came out.
type Mood string

// The moods.
const (
	Fine    Mood = "fine"
	Warning Mood = "warning"
	Unknown Mood = "unknown"
)

func (m Mood) class() string {
	if m == Fine {
		return "fine"
	}
	return "warn"
}

// spoken is the mood for those who do not see its mark.
func (m Mood) spoken() string {
	switch m {
	case Fine:
		return "Good: "
	case Warning:
		return "Mind: "
	}
	return "Not known: "
}

// BreakGlass is the confirmation before the glass is broken.
type BreakGlass struct {
	Frame
	Cluster, Role string
	Labels        []Label
	Description   string
	Grant         string
	Through       string
	TellsWhom     string
	Tells         []string
	Hint          string
	Lifetimes     []Lifetime
	Namespace     string
	Reason        string
	Understood    bool
	Errors        FormErrors
	Key           string
	Start         string // POST
	Back          string
}

// State is where a lease is in its life.
type State string

// The states.
const (
	Active  State = "active"
	Ended   State = "ended"   // before its time, by somebody
	Expired State = "expired" // by time alone
)

// Token is what one may know of a token without having it.
type Token struct {
	Minted time.Time
	Until  time.Time // what we promise
	Latest time.Time // after this no new request can succeed, the API server's cache aside
}

// Kubeconfig is the page of a lease.
type Kubeconfig struct {
	Frame
	ID            string
	Cluster, Role string
	Labels        []Label
	BreakGlass    bool
	Reason        string
	Namespace     string
	State         State
	Started       time.Time
	Ends          time.Time // when it ends, or ended
	ByOther       bool      // not its owner ended it
	Token         *Token    // the last one minted; nil: none yet
	Failure       *Failure  // why minting failed just now

	Form     Form
	FormURLs map[Form]string
	Naming   Naming
	FileName string
	// POST each; empty: not offered.
	Download, Copy, Show, Renew, End string
	Again                            string // the cluster's page

	RoleARN, SessionName, Username, AccessKeyID string
	Server                                      string // for the program that renews by itself; empty: it is not offered
	History                                     []Step // oldest first
}

func (k Kubeconfig) active() bool { return k.State == Active }

// tokenLives reports whether the last token still works as far as we promise.
func (k Kubeconfig) tokenLives() bool { return k.Token != nil && k.Now.Before(k.Token.Until) }

// tokenMayWork reports whether the last token may still be accepted.
func (k Kubeconfig) tokenMayWork() bool { return k.Token != nil && k.Now.Before(k.Token.Latest) }

// mainIf is the class of the button that most people want in a form.
func (k Kubeconfig) mainIf(is bool) string {
	if is {
		return "main"
	}
	return ""
}

// commands sign a machine in, and put the lease into its kubeconfig under the
// names chosen.
func (k Kubeconfig) commands() string {
	get := "kubectl daypass get --lease " + k.ID
	if k.Naming.Context != k.Naming.Usual {
		get += " --context " + quoted(k.Naming.Context)
	}
	if k.Naming.Namespace != "" && k.Naming.Namespace != k.Namespace {
		get += " --namespace " + quoted(k.Naming.Namespace)
	}
	return "kubectl daypass login " + k.Server + "\n" + get + "\nkubectl --context " + quoted(k.Naming.Context) + " auth whoami"
}

// afterDownload is what to type once the file is there. Browsers save to
// ~/Downloads unless told otherwise.
func (k Kubeconfig) afterDownload() string {
	return "export KUBECONFIG=~/Downloads/" + quoted(k.FileName) + "\nkubectl auth whoami"
}

// Step is one line of a lease's history.
type Step struct {
	At    time.Time
	What  string
	Where string // the address that asked; may be empty
}

// Shown is the page that holds the secret.
type Shown struct {
	Frame
	Cluster, Role string
	Labels        []Label
	Form          Form
	FileName      string
	Text          string
	Until         time.Time // what we promise of the token in it
	Back          string
}

// Access lists the person's leases, and where they are signed in.
type Access struct {
	Frame
	Active   []LeaseRow
	EndAll   string // POST; empty: not offered
	Past     []LeaseRow
	Older    string
	Newer    string
	Sessions []SessionRow
	Programs bool // may sign in too
	// OutEndsLeases is whether signing out ends the person's leases.
	OutEndsLeases bool
}

// SessionRow is one browser in which the person is signed in.
type SessionRow struct {
	Here     bool   // the one that reads this page
	Provider string // by which they signed in
	Client   string // what the browser says of itself
	Address  string // from where they signed in
	SignedIn time.Time
	Seen     time.Time
	End      string // POST
}

// what names the row for those who hear its button only.
func (r SessionRow) what() string {
	if r.Here {
		return "Sign out here"
	}
	return "Sign out at " + r.Address
}

// LeaseRow is one lease in a list.
type LeaseRow struct {
	Cluster, Role string
	Labels        []Label
	BreakGlass    bool
	State         State
	Started       time.Time
	Ends          time.Time  // when it ends, or ended
	LastHandOver  *time.Time // when a kubeconfig was last taken away
	Uses          int64      // how often a program asked for its token
	MayWorkUntil  *time.Time // of a past lease: when its last token is certainly spent
	Open          string
	End           string // POST; empty: not offered
	ID            string
	Reason        string // in their own words; may be empty
}
