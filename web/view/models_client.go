package view

import "fmt"

// Client is where everybody gets the client from.
type Client struct {
	Frame
	Site    string         // the URL that one signs in to
	Systems []ClientSystem // the visitor's own first; empty: none is offered
	Sums    string         // where the checksums are listed
	Contact string         // whom to ask, in the operator's words; may be empty
}

// ClientSystem is an operating system and how to install there.
type ClientSystem struct {
	ID    SystemID
	Yours bool   // the browser says that it runs there
	Paste string // empty: this site's URL cannot stand in one
	Files []ClientFile
}

// SystemID is a system's name in Go.
type SystemID string

// The systems.
const (
	Linux   SystemID = "linux"
	MacOS   SystemID = "darwin"
	Windows SystemID = "windows"
)

// name is what people call the system.
func (s SystemID) name() string {
	switch s {
	case Linux:
		return "Linux"
	case MacOS:
		return "macOS"
	case Windows:
		return "Windows"
	}
	return string(s)
}

// ClientFile is one program.
type ClientFile struct {
	Name, URL string
	Arch      Arch
	Bytes     int64
	SHA256    string
}

// Arch is a processor's name in Go.
type Arch string

// on is what people call a machine with such a processor.
func (a Arch) on(s SystemID) string {
	switch {
	case a == "amd64" && s == MacOS:
		return "Intel"
	case a == "arm64" && s == MacOS:
		return "Apple silicon"
	case a == "amd64":
		return "Intel and AMD"
	case a == "arm64":
		return "ARM"
	}
	return string(a)
}

// size is in the unit that file managers show.
func (f ClientFile) size() string { return fmt.Sprintf("%.1f MB", float64(f.Bytes)/1e6) }

// knows reports whether the visitor's system is known, and comes first.
func (c Client) knows() bool { return len(c.Systems) > 0 && c.Systems[0].Yours }

// next is what to run once the client is there.
func (c Client) next() string {
	return "kubectl daypass login " + c.Site + "\nkubectl daypass list"
}

// build is how to make the client from Daypass's source.
const build = `go build -o ~/.local/bin/kubectl-daypass ./cmd/kubectl-daypass`
