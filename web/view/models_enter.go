package view

import (
	"strings"
	"time"
)

// SignIn offers the ways in.
type SignIn struct {
	Frame
	Providers []Provider
	Going     string // where the person was going, in words; may be empty
	Failure   *Failure
}

// Provider is one way to sign in.
type Provider struct {
	Name  string // as the operator named it: "Example staff"
	Start string // GET
	Note  string // such as "cannot be reached just now"; may be empty
}

// Failure says what went wrong and what to do.
type Failure struct {
	What string // a whole sentence that says which side failed
	Next string // a whole sentence
	Calm bool   // nothing is broken, so nothing is alarming
}

func (f Failure) class() string {
	if f.Calm {
		return "notice"
	}
	return "notice bad"
}

// role is how it is spoken: at once, or in its turn.
func (f Failure) role() string {
	if f.Calm {
		return "status"
	}
	return "alert"
}

// SignedOut is the page after signing out.
type SignedOut struct {
	Frame
	SignIn string
	Note   string // such as that the provider's own session goes on; may be empty

	Provider string
	Leave    string // where to sign out at the provider too; empty: not offered

	LeasesEnded bool // together with the session
}

// NotSignedIn is what a page answers to somebody it does not know.
type NotSignedIn struct {
	Frame
	SignIn string // carries the way back
	Why    string // such as "Your session ended after 8 hours."; may be empty
}

// Problem is the page for everything that goes wrong.
type Problem struct {
	Frame
	Status  int
	What    string   // what happened, with which name
	Next    string   // what to do
	Details []string // further sentences, such as one per refusing grant
	Links   []Link
}

// Link is a way out of a page.
type Link struct {
	Text, URL string
}

// FieldList asks for the list even where there is one cluster; PathList is so
// the way back to it.
const (
	FieldList = "list"
	PathList  = PathHome + "?" + FieldList + "=1"
)

// Clusters is the home page: what this person may enter.
type Clusters struct {
	Frame
	Query   string // rows that lack a word of it are hidden
	Rows    []ClusterRow
	Recents []Recent
	Nothing *Nothing // why there are no rows; set when there are none
}

// ClusterRow is one cluster in the list.
type ClusterRow struct {
	Name         string
	URL          string
	Roles        []string // without breaking the glass
	GlassRoles   []string // by breaking the glass
	Labels       []Label
	Account      string // alias, else the account's ID
	Region       string
	Version      string // of Kubernetes; empty: not known yet
	Status       string // shown unless ACTIVE or empty
	NeedsNetwork bool   // the endpoint is private
}

func (r ClusterRow) glassOnly() bool { return len(r.Roles) == 0 && len(r.GlassRoles) > 0 }

// text is what the filter looks at; the script reads the same words.
func (r ClusterRow) text() string {
	words := []string{r.Name, r.Account, r.Region, r.Version}
	for _, l := range r.Labels {
		words = append(words, l.Key+"="+l.Value)
	}
	return strings.ToLower(strings.Join(append(words, r.Roles...), " "))
}

// matches reports whether every word of a query occurs.
func (r ClusterRow) matches(query string) bool {
	text := r.text()
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (c Clusters) shown() (n int) {
	for _, r := range c.Rows {
		if r.matches(c.Query) {
			n++
		}
	}
	return n
}

// Recent is a choice the person made before.
type Recent struct {
	Cluster    string
	Role       string
	Labels     []Label
	BreakGlass bool
	Namespace  string // may be empty
	At         time.Time
	Lasted     time.Duration
	Until      *time.Time // when the lease ends; nil: it is over
	Open, End  string     // the lease while it is active, and the POST that ends it
	Start      string     // POST; empty: there is something to fill in first, on Change
	For, Key   string     // what Start takes
	Change     string     // the page where the choice is made, filled in with this one
}

// what names the choice for those who hear its button alone.
func (r Recent) what() string { return r.Cluster + " as " + r.Role }

// Nothing tells somebody with no clusters what the sign-in carried and whom to ask.
type Nothing struct {
	Provider    string
	Groups      []string
	GroupsUnset bool   // the provider sent no groups at all, which is not the same as none
	Contact     string // the operator's words
	Grants      []GrantHint
}

// GrantHint is a grant that exists and could be asked for.
type GrantHint struct {
	Name  string
	Who   string // such as "okta:sre"
	Opens string // such as "viewer on 12 clusters"
}

// Why answers "Why can't I see X?".
type Why struct {
	Frame
	Asked   string
	Answers []WhyAnswer
	Open    string // the cluster's page, if they may enter after all
	Contact string
}

// WhyAnswer is what the decision said of one role.
type WhyAnswer struct {
	Role string // empty: it holds for the cluster as a whole
	Yes  bool
	Say  string
	Next string
}
